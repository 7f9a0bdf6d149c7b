//! Whom a client has in view: who stands in a place of the newest table, and who of a crowd was told lately.

use std::collections::VecDeque;

use shallot_proto::wire::limits::{CROWD_TICKS, PLACES};
use shallot_proto::wire::{NetId, Tick};

use super::Entity;
use crate::limits::ENTITIES_MAX;

/// Tellings of a crowd that are remembered; with so many those that stand for nothing are taken out.
const TOLD_MAX: usize = 4 * ENTITIES_MAX;

/// Where an entity is kept: the slot of its place, or one behind those.
type Slot = u16;

/// Each is in view once, by the index of its id: a new generation is another entity in its place.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// By place those who stand there, and behind them those of a crowd.
    slots: Vec<Option<Entity>>,
    /// Free ones of the crowd's slots.
    free: Vec<Slot>,
    /// Where everybody is, by index.
    order: Vec<(u16, Slot)>,
    /// When who of the crowd was told, oldest first; who was told again, or has left, stands there for nothing.
    told: VecDeque<(Tick, Slot)>,
}

impl Default for View {
    fn default() -> Self {
        Self { slots: vec![None; PLACES], free: Vec::new(), order: Vec::new(), told: VecDeque::new() }
    }
}

impl View {
    /// By id.
    pub(super) fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.order.iter().filter_map(|(_, slot)| self.at(*slot))
    }

    pub(super) fn entity(&self, id: NetId) -> Option<&Entity> {
        let (_, slot) = self.order.get(self.search(id.index).ok()?)?;
        self.at(*slot).filter(|entity| entity.id == id)
    }

    /// An entity stands in a place now, wherever it was; who was there leaves.
    pub(super) fn stand(&mut self, place: u8, entity: Entity) {
        let slot = Slot::from(place);
        match self.at(slot) {
            Some(there) if there.id.index == entity.id.index => {}
            there => {
                if there.is_some() {
                    self.leave(place);
                }
                self.move_to(slot, entity.id.index);
            }
        }
        self.put(slot, Some(entity));
    }

    /// Whoever stands in a place leaves.
    pub(super) fn leave(&mut self, place: u8) {
        let there = self.slots.get_mut(usize::from(place)).and_then(Option::take);
        if let Some(at) = there.and_then(|there| self.search(there.id.index).ok()) {
            self.order.remove(at);
        }
    }

    /// Nobody stands in any place.
    pub(super) fn clear_places(&mut self) {
        self.slots.iter_mut().take(PLACES).for_each(|slot| *slot = None);
        self.order.retain(|(_, slot)| !is_place(*slot));
    }

    /// An entity is told as one of a crowd. Who stands in a place is known better; who is new finds no room beyond [`ENTITIES_MAX`].
    pub(super) fn see_in_crowd(&mut self, entity: Entity) {
        let tick = entity.tick;
        let slot = match self.search(entity.id.index) {
            Ok(at) => {
                let Some((_, slot)) = self.order.get(at).filter(|(_, slot)| !is_place(*slot)) else { return };
                *slot
            }
            Err(_) if self.order.len() >= ENTITIES_MAX => return,
            Err(at) => {
                let slot = self.free.pop().unwrap_or_else(|| {
                    self.slots.push(None);
                    (self.slots.len() - 1) as Slot
                });
                self.order.insert(at, (entity.id.index, slot));
                slot
            }
        };
        self.put(slot, Some(entity));
        self.told.push_back((tick, slot));
        if self.told.len() >= TOLD_MAX {
            self.tidy_told(tick);
        }
    }

    /// Leaves each of the crowd once.
    fn tidy_told(&mut self, now: Tick) {
        let crowd = (PLACES as Slot..).zip(self.slots.get(PLACES..).unwrap_or_default());
        self.told.clear();
        self.told.extend(crowd.filter_map(|(slot, there)| Some((there.as_ref()?.tick, slot))));
        self.told.make_contiguous().sort_by_key(|(tick, _)| tick.since(now));
    }

    /// Who was told as one of a crowd counts for [`CROWD_TICKS`].
    pub(super) fn forget_crowd(&mut self, now: Tick) {
        while let Some(told) = self.told.pop_front_if(|(told, _)| now.since(*told) > CROWD_TICKS as i32) {
            if !is_told(&self.slots, told) {
                continue;
            }
            let (_, slot) = told;
            let there = self.slots.get_mut(usize::from(slot)).and_then(Option::take);
            if let Some(at) = there.and_then(|there| self.search(there.id.index).ok()) {
                self.order.remove(at);
                self.free.push(slot);
            }
        }
    }

    /// Who has an index is found in a slot from now on, and not where it was.
    fn move_to(&mut self, slot: Slot, index: u16) {
        match self.search(index) {
            Err(at) => self.order.insert(at, (index, slot)),
            Ok(at) => {
                let Some((_, there)) = self.order.get_mut(at) else { return };
                let before = std::mem::replace(there, slot);
                self.put(before, None);
                if !is_place(before) {
                    self.free.push(before);
                }
            }
        }
    }

    fn search(&self, index: u16) -> Result<usize, usize> {
        self.order.binary_search_by_key(&index, |(index, _)| *index)
    }

    fn at(&self, slot: Slot) -> Option<&Entity> {
        self.slots.get(usize::from(slot))?.as_ref()
    }

    fn put(&mut self, slot: Slot, entity: Option<Entity>) {
        if let Some(there) = self.slots.get_mut(usize::from(slot)) {
            *there = entity;
        }
    }
}

/// Whether who is in a slot was told last then.
fn is_told(slots: &[Option<Entity>], (tick, slot): (Tick, Slot)) -> bool {
    slots.get(usize::from(slot)).and_then(Option::as_ref).is_some_and(|entity| entity.tick == tick)
}

fn is_place(slot: Slot) -> bool {
    usize::from(slot) < PLACES
}

const _: () = assert!(PLACES + ENTITIES_MAX <= Slot::MAX as usize + 1, "everybody has a slot");

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use shallot_proto::wire::{EntityKind, Position, Velocity};

    use super::*;

    const FIRST: Tick = Tick(u32::MAX - 50);

    fn entity(index: u16, generation: u8, tick: Tick) -> Entity {
        Entity {
            id: NetId { index, generation },
            kind: EntityKind::Monster,
            position: Position::default(),
            velocity: Velocity::ZERO,
            facing: 0,
            animation: 0,
            is_dead: false,
            tick,
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Told {
        Stands(u8, u16, u8),
        Leaves(u8),
        InCrowd(u16, u8),
        Nobody,
        /// So many ticks go by.
        Later(u32),
    }

    fn told() -> impl Strategy<Value = Told> {
        let (place, index, generation) = (0..6_u8, 0..10_u16, 0..2_u8);
        prop_oneof![
            6 => (place.clone(), index.clone(), generation.clone()).prop_map(|(p, i, g)| Told::Stands(p, i, g)),
            2 => place.prop_map(Told::Leaves),
            6 => (index, generation).prop_map(|(i, g)| Told::InCrowd(i, g)),
            1 => Just(Told::Nobody),
            3 => (0..30_u32).prop_map(Told::Later),
        ]
    }

    /// By index, with the place.
    #[derive(Default)]
    struct Naive(BTreeMap<u16, (Option<u8>, Entity)>);

    impl Naive {
        fn tell(&mut self, told: Told, now: Tick) {
            match told {
                Told::Stands(place, index, generation) => {
                    self.0.retain(|_, (there, _)| *there != Some(place));
                    self.0.insert(index, (Some(place), entity(index, generation, now)));
                }
                Told::Leaves(place) => self.0.retain(|_, (there, _)| *there != Some(place)),
                Told::InCrowd(index, generation) => {
                    if self.0.get(&index).is_none_or(|(place, _)| place.is_none()) {
                        self.0.insert(index, (None, entity(index, generation, now)));
                    }
                }
                Told::Nobody => self.0.retain(|_, (place, _)| place.is_none()),
                Told::Later(_) => {
                    self.0.retain(|_, (place, told)| place.is_some() || now.since(told.tick) <= CROWD_TICKS as i32);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_as_the_naive_model(all in prop::collection::vec(told(), 1..200)) {
            let (mut view, mut naive, mut now) = (View::default(), Naive::default(), FIRST);
            for told in all {
                match told {
                    Told::Stands(place, index, generation) => view.stand(place, entity(index, generation, now)),
                    Told::Leaves(place) => view.leave(place),
                    Told::InCrowd(index, generation) => view.see_in_crowd(entity(index, generation, now)),
                    Told::Nobody => view.clear_places(),
                    Told::Later(ticks) => {
                        now = now.plus(ticks);
                        view.forget_crowd(now);
                    }
                }
                naive.tell(told, now);
                prop_assert!(view.entities().eq(naive.0.values().map(|(_, entity)| entity)), "{:?}", told);
                for id in (0..10).flat_map(|index| [0, 1].map(|generation| NetId { index, generation })) {
                    let there = naive.0.get(&id.index).map(|(_, entity)| entity).filter(|entity| entity.id == id);
                    prop_assert_eq!(view.entity(id), there);
                }
                prop_assert!(view.slots.len() <= PLACES + 10, "slots are used again");
            }
        }
    }

    #[test]
    fn a_full_crowd_takes_in_nobody_until_somebody_is_forgotten() {
        let mut view = View::default();
        let max = ENTITIES_MAX as u16;
        (0..max).rev().for_each(|index| view.see_in_crowd(entity(index, 0, FIRST)));
        let later = FIRST.plus(CROWD_TICKS);
        view.see_in_crowd(entity(max, 0, later));
        view.see_in_crowd(entity(3, 0, later));
        view.forget_crowd(later);
        assert_eq!((view.entities().count(), view.entity(entity(max, 0, later).id)), (ENTITIES_MAX, None));
        view.stand(7, entity(max + 1, 0, later));
        assert_eq!(view.entities().count(), ENTITIES_MAX + 1, "who has a place is always seen");
        view.forget_crowd(later.plus(1));
        assert!(view.entities().map(|entity| entity.id.index).eq([3, max + 1]));
        (0..2 * max).for_each(|index| view.see_in_crowd(entity(index, 0, later)));
        assert_eq!((view.entities().count(), view.slots.len()), (ENTITIES_MAX, PLACES + ENTITIES_MAX));
    }

    #[test]
    fn who_is_told_again_and_again_is_remembered_once_and_forgotten_in_time() {
        let mut view = View::default();
        let last = FIRST.plus(TOLD_MAX as u32 / 5 * 2);
        for n in 0..TOLD_MAX as u32 * 2 {
            view.see_in_crowd(entity((n % 5) as u16, 0, FIRST.plus(n / 5)));
            assert!(view.told.len() < TOLD_MAX);
        }
        view.forget_crowd(last.plus(CROWD_TICKS - 1));
        assert_eq!(view.entities().count(), 5);
        view.forget_crowd(last.plus(CROWD_TICKS + 1));
        assert_eq!((view.entities().count(), view.told.len(), view.free.len()), (0, 0, 5));
    }
}
