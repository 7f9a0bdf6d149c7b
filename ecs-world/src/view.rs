//! Whom a client has in view, place by place. A place stays the same as long as somebody is in view, so what was told of it can be
//! told of in one bit, by both ends.
//!
//! It follows from the ticks gone by and is no part of a checkpoint: after a restore each client is told all anew, as after a long
//! silence.

use bevy_ecs::prelude::Component;
use shallot_wire::limits::PLACES;
use shallot_wire::{Ack, Places, Tick};

use crate::interest::Ring;
use crate::ledger::Ledger;
use crate::limits::{FAR_TICKS, MID_TICKS, NEAR_TICKS, SLOTS};
use crate::slot_set::SlotSet;

/// Who stands in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) slot: u16,
    pub(crate) ring: Ring,
    /// Ticks since it came into the ring; stops at 255.
    pub(crate) stay: u8,
}

/// A player: whom its client has in view, and what that was told of them.
#[derive(Component, Clone, Debug)]
pub(crate) struct View {
    /// By place; what stands in one that is not taken means nothing.
    shown: Vec<Shown>,
    taken: Places,
    /// The places taken, by ring: bound ones with the near.
    near: Places,
    mid: Places,
    far: Places,
    /// Who is in one of the places.
    slots: SlotSet,
    pub(crate) ledger: Ledger,
}

impl Default for View {
    fn default() -> Self {
        let [taken, near, mid, far] = [Places::NONE; 4];
        let shown = vec![Shown { slot: 0, ring: Ring::Far, stay: 0 }; PLACES];
        Self { shown, taken, near, mid, far, slots: SlotSet::new(SLOTS), ledger: Ledger::default() }
    }
}

/// Of each remainder, the places that leave it.
const fn every<const PERIOD: usize>() -> [Places; PERIOD] {
    let mut all = [Places::NONE; PERIOD];
    let mut first = 0;
    while first < PERIOD {
        all[first] = Places::every(PERIOD, first);
        first += 1;
    }
    all
}

const EVERY_NEAR: [Places; NEAR_TICKS as usize] = every();
const EVERY_MID: [Places; MID_TICKS as usize] = every();
const EVERY_FAR: [Places; FAR_TICKS as usize] = every();

impl View {
    /// The places whose turn it is at this count of snapshots to be told: the near in each, the others in the rhythm of their rings, each
    /// place in one of its own so that the work spreads.
    pub(crate) fn turn_to_tell(&self, count: u32) -> Places {
        self.near | self.turn_of_others(count)
    }

    /// The places whose turn it is at this count of ticks to be looked at: the same, but for the near.
    pub(crate) fn turn_to_look(&self, count: u32) -> Places {
        (self.near & EVERY_NEAR[(count % NEAR_TICKS) as usize]) | self.turn_of_others(count)
    }

    fn turn_of_others(&self, count: u32) -> Places {
        (self.mid & EVERY_MID[(count % MID_TICKS) as usize]) | (self.far & EVERY_FAR[(count % FAR_TICKS) as usize])
    }

    /// Who stands in a place.
    pub(crate) fn get(&self, place: u8) -> Option<Shown> {
        self.shown.get(usize::from(place)).filter(|_| self.taken.contains(place)).copied()
    }

    /// The places where somebody stands.
    pub(crate) fn taken(&self) -> Places {
        self.taken
    }

    /// All who are in view, by place.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u8, Shown)> + '_ {
        self.taken.into_iter().filter_map(|place| Some((place, self.get(place)?)))
    }

    /// Whether all in view are near, and no more can be.
    pub(crate) fn is_full_of_near(&self) -> bool {
        self.near == Places::ALL
    }

    /// Whether somebody is in view.
    pub(crate) fn has(&self, slot: u16) -> bool {
        self.slots.contains(slot)
    }

    /// Where somebody stands. Looks through all places: to be asked seldom.
    pub(crate) fn place_of(&self, slot: u16) -> Option<u8> {
        if !self.has(slot) {
            return None;
        }
        self.all().find(|(_, shown)| shown.slot == slot).map(|(place, _)| place)
    }

    /// Somebody comes into view who is not; without a free place nothing happens. Of the free ones it is the first that the client
    /// knows to be empty, if there is one: who takes another puts out who was there only when it is told itself.
    pub(crate) fn enter(&mut self, slot: u16, ring: Ring, tick: Tick) {
        let free = Places::ALL - self.taken;
        let Some(place) = (free - self.ledger.owed()).first().or_else(|| free.first()) else { return };
        self.taken.insert(place);
        self.slots.insert(slot);
        self.set(place, Shown { slot, ring, stay: 0 });
        self.ledger.renew(place, tick);
    }

    /// Who stands in a place goes out of view.
    pub(crate) fn leave(&mut self, place: u8, tick: Tick) {
        let Some(shown) = self.get(place) else { return };
        self.slots.remove(shown.slot);
        [&mut self.taken, &mut self.near, &mut self.mid, &mut self.far].into_iter().for_each(|set| set.remove(place));
        self.ledger.renew(place, tick);
    }

    /// Who stands in a place is otherwise in view than before.
    pub(crate) fn set(&mut self, place: u8, shown: Shown) {
        let Some(there) = self.shown.get_mut(usize::from(place)) else { return };
        let is_other = there.ring != shown.ring || shown.stay == 0;
        *there = shown;
        if is_other {
            [&mut self.near, &mut self.mid, &mut self.far].into_iter().for_each(|set| set.remove(place));
            match shown.ring {
                Ring::Always | Ring::Near => self.near.insert(place),
                Ring::Mid => self.mid.insert(place),
                Ring::Far => self.far.insert(place),
            }
        }
    }

    /// Takes what a client says it has; the tick of the newest, if that is news.
    pub(crate) fn acknowledge(&mut self, ack: Ack) -> Option<Tick> {
        self.ledger.acknowledge(ack, self.taken)
    }
}

#[cfg(test)]
mod tests {
    use shallot_wire::Sequence;

    use super::*;

    const TICK: Tick = Tick(9);

    #[test]
    fn the_lowest_place_that_is_known_to_be_empty_is_taken() {
        let mut view = View::default();
        (10..14).for_each(|slot| view.enter(slot, Ring::Near, TICK));
        view.leave(1, TICK);
        assert!(!view.has(11) && view.place_of(11).is_none() && view.get(1).is_none());
        view.enter(20, Ring::Far, TICK);
        assert_eq!((view.place_of(20), view.place_of(13)), (Some(4), Some(3)), "that 1 is empty was not told yet");
        view.ledger.note(Sequence(0), TICK, Places::ALL, Places::NONE, false);
        view.enter(21, Ring::Far, TICK);
        assert_eq!(view.place_of(21), Some(1));
        (100..400).for_each(|slot| view.enter(slot, Ring::Near, TICK));
        assert_eq!(view.taken(), Places::ALL);
        assert!(!view.is_full_of_near() && !view.has(399));
        for (slot, place) in [(20, 4), (21, 1)] {
            view.set(place, Shown { slot, ring: Ring::Near, stay: 0 });
        }
        assert!(view.is_full_of_near());
    }

    #[test]
    fn each_place_has_its_turn_in_the_rhythm_of_its_ring() {
        let mut view = View::default();
        for (n, ring) in [Ring::Always, Ring::Near, Ring::Mid, Ring::Far].into_iter().cycle().take(80).enumerate() {
            view.enter(n as u16, ring, TICK);
        }
        for (place, shown) in view.all() {
            let turns = (100..130).filter(|count| view.turn_to_tell(*count).contains(place)).count();
            let expected = match shown.ring {
                Ring::Always | Ring::Near => 30,
                Ring::Mid => 10,
                Ring::Far => 6,
            };
            assert_eq!(turns, expected, "{shown:?}");
        }
    }
}
