//! Who is told to whom in a tick.
//!
//! By cell: near ones each tick, mid ones each third, far ones each tenth, each viewer and cell in a tick of its own,
//! so that what is sent spreads. An entity that has long been at rest is told more rarely. When all does not fit in a
//! datagram, the nearest go first.

use shallot_wire::limits::{GROUP_HEADER_BYTES, MAX_GROUP_RECORDS, RECORD_BYTES};
use shallot_wire::{NetId, Position, Ring, Tick};

use crate::limits::{FAR_TICKS, FAR_UNITS, MID_TICKS, MID_UNITS, NEAR_UNITS, QUIET_TICKS};
use crate::scene::{Glimpse, Scene};

/// One entity to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Number of its cell in the grid.
    pub(crate) cell: u32,
    pub(crate) slot: u16,
    pub(crate) ring: Ring,
    nearness: Nearness,
}

/// Squared distance, and in the lower 16 bits the slot: the nearer is the less, and no two of a selection are equal.
type Nearness = u64;

/// Of who is at most [`FAR_UNITS`] and a cell's diagonal away, so 42 bits do for the distance.
fn nearness(distance_squared: i64, slot: u16) -> Nearness {
    distance_squared.cast_unsigned() << 16 | u64::from(slot)
}

/// Buffers of the selection, used again for each viewer.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    choices: Vec<Choice>,
    /// Of the choices, in no order.
    nearnesses: Vec<Nearness>,
}

/// Who looks, from where, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) own: NetId,
    pub(crate) at: Position,
    pub(crate) tick: Tick,
}

impl Look {
    /// Whether this tick is a turn of work that this viewer has once in `period` ticks; `salt` spreads it.
    fn is_turn(&self, salt: usize, period: u32) -> bool {
        self.tick.0.wrapping_add(u32::from(self.own.index)).wrapping_add(salt as u32).is_multiple_of(period)
    }

    /// Whether an entity of a cell whose turn it is should be told: a new one, one that changes, or a quiet one now and
    /// then.
    fn is_due(&self, glimpse: &Glimpse, ring: Ring, cell: usize, known: &[u64]) -> bool {
        if !glimpse.is_quiet || !is_known(known, glimpse.slot) {
            return true;
        }
        match ring {
            Ring::Near => self.is_turn(usize::from(glimpse.slot), QUIET_TICKS),
            Ring::Mid => self.is_turn(cell, 2 * MID_TICKS),
            Ring::Far | Ring::Always => true,
        }
    }
}

/// Whether a slot's bit is set.
pub(crate) fn is_known(known: &[u64], slot: u16) -> bool {
    let (word, bit) = (usize::from(slot) / 64, slot % 64);
    known.get(word).is_some_and(|word| word >> bit & 1 == 1)
}

/// Sets or clears a slot's bit.
pub(crate) fn set_known(known: &mut [u64], slot: u16, to: bool) {
    let (word, bit) = (usize::from(slot) / 64, slot % 64);
    if let Some(word) = known.get_mut(word) {
        *word = *word & !(1 << bit) | u64::from(to) << bit;
    }
}

impl Interest {
    /// Chooses what to tell in `room` bytes, sorted by cell and slot. The flag: it is all there is in interest.
    pub(crate) fn select(&mut self, scene: &Scene, look: Look, known: &[u64], room: usize) -> (&[Choice], bool) {
        self.choices.clear();
        let all = self.collect(scene, look, known);
        let is_cut = self.cut(room);
        let is_complete = !is_cut && self.choices.len() + 1 >= all;
        (&self.choices, is_complete)
    }

    /// Collects all whose turn it is; returns how many there are in interest at all, the viewer itself included.
    fn collect(&mut self, scene: &Scene, look: Look, known: &[u64]) -> usize {
        let (span, mut all) = (scene.grid.span(look.at, FAR_UNITS), 0);
        for row in span.south..=span.north {
            for column in span.west..=span.east {
                let cell = scene.grid.index(column, row);
                let there = scene.in_cell(cell);
                if there.is_empty() {
                    continue;
                }
                let Some(ring) = ring_at(scene.grid.distance_squared(column, row, look.at)) else { continue };
                all += there.len();
                let is_turn = match ring {
                    Ring::Near | Ring::Always => true,
                    Ring::Mid => look.is_turn(cell, MID_TICKS),
                    Ring::Far => look.is_turn(cell, FAR_TICKS),
                };
                if is_turn {
                    let due = there
                        .iter()
                        .filter(|glimpse| glimpse.slot != look.own.index && look.is_due(glimpse, ring, cell, known));
                    self.choices.extend(due.map(|glimpse| Choice {
                        cell: cell as u32,
                        slot: glimpse.slot,
                        ring,
                        nearness: nearness(look.at.distance_squared(glimpse.position), glimpse.slot),
                    }));
                }
            }
        }
        all
    }

    /// Leaves the nearest that fit, in the order they are in. Whether anything had to go.
    fn cut(&mut self, room: usize) -> bool {
        let before = self.choices.len();
        if bytes(&self.choices) <= room {
            return false;
        }
        self.nearnesses.clear();
        self.nearnesses.extend(self.choices.iter().map(|choice| choice.nearness));
        self.keep_nearest(room / RECORD_BYTES);
        // Whoever goes takes a record and at most a group's header along: so many have to go at least.
        while let Some(excess) = bytes(&self.choices).checked_sub(room).filter(|excess| *excess > 0) {
            let go = excess.div_ceil(RECORD_BYTES + GROUP_HEADER_BYTES);
            self.keep_nearest(self.choices.len().saturating_sub(go));
        }
        self.choices.len() < before
    }

    fn keep_nearest(&mut self, count: usize) {
        if count < self.nearnesses.len() {
            let (_, first_to_go, _) = self.nearnesses.select_nth_unstable(count);
            let first_to_go = *first_to_go;
            self.nearnesses.truncate(count);
            self.choices.retain(|choice| choice.nearness < first_to_go);
        }
    }
}

/// What choices in the order of their cells take in a datagram.
fn bytes(choices: &[Choice]) -> usize {
    let cells = choices.chunk_by(|a, b| a.cell == b.cell).map(<[Choice]>::len);
    cells.map(|n| n * RECORD_BYTES + n.div_ceil(MAX_GROUP_RECORDS) * GROUP_HEADER_BYTES).sum()
}

fn ring_at(distance_squared: i64) -> Option<Ring> {
    let is_within = |units: i32| distance_squared <= i64::from(units) * i64::from(units);
    let rings = [(NEAR_UNITS, Ring::Near), (MID_UNITS, Ring::Mid), (FAR_UNITS, Ring::Far)];
    rings.into_iter().find(|(units, _)| is_within(*units)).map(|(_, ring)| ring)
}

#[cfg(test)]
mod tests {
    use super::{is_known, ring_at, set_known};
    use shallot_wire::Ring;

    #[test]
    fn bits_of_slots() {
        let mut known = vec![0; 3];
        for slot in [0, 63, 64, 191] {
            assert!(!is_known(&known, slot));
            set_known(&mut known, slot, true);
            assert!(is_known(&known, slot));
        }
        set_known(&mut known, 63, false);
        assert_eq!(known, [1, 1, 1 << 63]);
        set_known(&mut known, 192, true);
        assert!(!is_known(&known, 192), "beyond the end is nobody");
    }

    #[test]
    fn rings_by_distance() {
        let metres = |m: i64| ring_at((m * 4_096) * (m * 4_096));
        assert_eq!(metres(0), Some(Ring::Near));
        assert_eq!(metres(32), Some(Ring::Near));
        assert_eq!(metres(33), Some(Ring::Mid));
        assert_eq!(metres(97), Some(Ring::Far));
        assert_eq!(metres(193), None);
    }
}
