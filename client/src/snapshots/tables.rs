//! The tables of the last snapshots: the newest whole, and of those before it only what they had otherwise.

use std::collections::VecDeque;

use shallot_proto::wire::datagram::Sequence;
use shallot_proto::wire::limits::PLACES;
use shallot_proto::wire::{Entry, Table};

use crate::limits::TABLES_KEPT;

/// What was in a place before a snapshot told it.
#[derive(Clone, Copy, Debug)]
struct Overwritten {
    entry: Option<Entry>,
    by: Sequence,
    /// Number of the one before of the same place; it may be forgotten.
    earlier: u64,
}

/// Knows who stood where in the newest table and in those up to [`TABLES_KEPT`] snapshots before.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    newest: Box<Table>,
    /// Oldest first, each place once a snapshot: at most [`TABLES_KEPT`] times [`PLACES`].
    overwritten: VecDeque<Overwritten>,
    /// Number of the oldest of them; they are numbered from 1 on.
    first: u64,
    /// By place: number of the last one.
    last: Box<[u64; PLACES]>,
}

impl Default for Tables {
    fn default() -> Self {
        Self { newest: Box::default(), overwritten: VecDeque::new(), first: 1, last: Box::new([0; PLACES]) }
    }
}

impl Tables {
    /// Who stood in a place by the table of a snapshot that was taken in, one of the last [`TABLES_KEPT`].
    pub(super) fn get(&self, place: u8, by: Sequence) -> Option<&Entry> {
        let mut entry = self.newest.get(place);
        let mut number = self.last(place);
        while let Some(later) = self.numbered(number).filter(|overwritten| overwritten.by.is_after(by)) {
            (entry, number) = (later.entry.as_ref(), later.earlier);
        }
        entry
    }

    /// A snapshot is to be taken in that is newer than all: forgets what only concerns those that nothing goes on from any more.
    pub(super) fn begin(&mut self, sequence: Sequence) {
        let is_past =
            |overwritten: &mut Overwritten| usize::from(sequence.0.wrapping_sub(overwritten.by.0)) >= TABLES_KEPT;
        while self.overwritten.pop_front_if(is_past).is_some() {
            self.first += 1;
        }
    }

    /// That snapshot tells who stands in a place.
    pub(super) fn put(&mut self, place: u8, entry: Option<Entry>, by: Sequence) {
        let before = self.newest.put(place, entry);
        let earlier = self.last(place);
        if self.numbered(earlier).is_some_and(|overwritten| overwritten.by == by) {
            return;
        }
        if let Some(last) = self.last.get_mut(usize::from(place)) {
            *last = self.first + self.overwritten.len() as u64;
            self.overwritten.push_back(Overwritten { entry: before, by, earlier });
        }
    }

    /// That snapshot goes on from empty places.
    pub(super) fn clear(&mut self, by: Sequence) {
        for place in 0..PLACES as u8 {
            if self.newest.get(place).is_some() {
                self.put(place, None, by);
            }
        }
    }

    fn last(&self, place: u8) -> u64 {
        self.last.get(usize::from(place)).copied().unwrap_or(0)
    }

    fn numbered(&self, number: u64) -> Option<&Overwritten> {
        self.overwritten.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use shallot_proto::wire::{EntityKind, NetId, State, Tick};

    use super::*;

    fn entry(index: u16) -> Entry {
        let entity = NetId { index, generation: 0 };
        Entry { entity, kind: EntityKind::Monster, tick: Tick(7), state: State::default() }
    }

    /// The places that a snapshot tells, and how many sequence numbers it comes after the one before.
    #[derive(Clone, Debug)]
    struct Told {
        places: Vec<(u8, Option<u16>)>,
        is_whole: bool,
        gap: u16,
    }

    fn told() -> impl Strategy<Value = Told> {
        let places = prop::collection::vec((0..8_u8, prop::option::of(any::<u16>())), 0..12);
        let gap = prop_oneof![8 => 1..4_u16, 1 => 25..40_u16, 1 => 1..30_000_u16];
        (places, prop::bool::weighted(0.1), gap).prop_map(|(places, is_whole, gap)| Told { places, is_whole, gap })
    }

    proptest! {
        #[test]
        fn each_table_is_as_if_it_had_been_copied(start in any::<u16>(), snapshots in prop::collection::vec(told(), 1..120)) {
            let (mut tables, mut copies, mut newest) = (Tables::default(), BTreeMap::new(), Table::default());
            let mut sequence = Sequence(start);
            for Told { places, is_whole, gap } in snapshots {
                sequence = Sequence(sequence.0.wrapping_add(gap));
                tables.begin(sequence);
                if is_whole {
                    newest.clear();
                    tables.clear(sequence);
                }
                for (place, index) in places {
                    newest.put(place, index.map(entry));
                    tables.put(place, index.map(entry), sequence);
                }
                copies.insert(sequence.0, newest.clone());
                copies.retain(|kept, _| usize::from(sequence.0.wrapping_sub(*kept)) < TABLES_KEPT);
                for (kept, copy) in &copies {
                    prop_assert!((0..9).all(|place| tables.get(place, Sequence(*kept)) == copy.get(place)), "{}", kept);
                }
                prop_assert!(tables.overwritten.len() <= TABLES_KEPT * 8, "each place once a snapshot");
            }
        }
    }

    #[test]
    fn a_place_that_there_is_not_stays_empty() {
        let mut tables = Tables::default();
        tables.begin(Sequence(1));
        tables.put(PLACES as u8, Some(entry(1)), Sequence(1));
        assert_eq!((tables.get(PLACES as u8, Sequence(1)), tables.overwritten.len()), (None, 0));
    }
}
