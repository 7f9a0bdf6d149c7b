//! Whom a client has in view: the nearest, in rings, as many as there are places.
//!
//! In the rhythm of the rings it is looked who of those in view changes rings or goes out of sight; who comes into view is looked for
//! around each viewer, near by more often than far off, each viewer in ticks of its own so that the work spreads. A ring is left 8 m
//! later than it is entered and not before a second in it. What the player has to do with is always in view: its target, and who
//! is after it.

use shallot_wire::limits::PLACES;
use shallot_wire::{NetId, Position, Tick};

use crate::limits::{
    ENTITIES, FAR_TICKS, FAR_UNITS, LINGER_TICKS, LINGER_UNITS, MID_TICKS, MID_UNITS, NEAR_TICKS, NEAR_UNITS,
    WIDE_LOOK_TICKS,
};
use crate::scene::{Glimpse, Scene};
use crate::view::{Shown, View};

/// How near an entity is, and so how often and how exactly it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ring {
    /// What the player has to do with, at any distance.
    Always,
    /// Within 32 m.
    Near,
    /// Within 96 m.
    Mid,
    /// Within 192 m.
    Far,
}

impl Ring {
    /// The ring of a distance, each wider by `margin` units; `None`: out of sight.
    fn at(distance_squared: i64, margin: i32) -> Option<Self> {
        let is_within = |units: i32| distance_squared <= i64::from(units + margin) * i64::from(units + margin);
        [Self::Near, Self::Mid, Self::Far].into_iter().find(|ring| is_within(ring.reach()))
    }

    /// Ticks between two looks at who is in it.
    fn look_period(self) -> u32 {
        match self {
            Self::Always | Self::Near => NEAR_TICKS,
            Self::Mid => MID_TICKS,
            Self::Far => FAR_TICKS,
        }
    }

    /// Snapshots from one turn to be told of who is in it to the next.
    pub(crate) fn tell_period(self) -> u32 {
        match self {
            Self::Always | Self::Near => 1,
            Self::Mid => MID_TICKS,
            Self::Far => FAR_TICKS,
        }
    }

    /// How far it reaches, units.
    fn reach(self) -> i32 {
        match self {
            Self::Always | Self::Near => NEAR_UNITS,
            Self::Mid => MID_UNITS,
            Self::Far => FAR_UNITS,
        }
    }
}

impl Shown {
    /// Follows it to where it is now, a period of its ring after it was looked at last; false: it is out of sight.
    fn follow(&mut self, distance_squared: i64) -> bool {
        self.stay = self.stay.saturating_add(self.ring.look_period() as u8);
        if self.ring == Ring::Near && distance_squared <= i64::from(NEAR_UNITS) * i64::from(NEAR_UNITS) {
            return true; // as most are, in a crowd
        }
        let Some(inner) = Ring::at(distance_squared, 0).filter(|ring| *ring < self.ring) else {
            return self.fall_back(distance_squared);
        };
        (self.ring, self.stay) = (inner, 0);
        true
    }

    fn fall_back(&mut self, distance_squared: i64) -> bool {
        let outer = Ring::at(distance_squared, LINGER_UNITS);
        if outer.is_some_and(|ring| ring <= self.ring) && self.ring != Ring::Always || self.stay < LINGER_TICKS {
            return true;
        }
        (self.ring, self.stay) = (outer.unwrap_or(self.ring), 0);
        outer.is_some()
    }
}

/// Who looks, from where, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) own: NetId,
    pub(crate) at: Position,
    pub(crate) tick: Tick,
    /// Ticks from one of its snapshots to the next, at least 1.
    pub(crate) every: u32,
}

impl Look {
    /// A count of ticks, for each viewer another one, so that turns spread.
    pub(crate) fn count(&self) -> u32 {
        self.tick.0.wrapping_add(u32::from(self.own.index))
    }

    /// Whether the viewer has a snapshot in this tick.
    pub(crate) fn is_told(&self) -> bool {
        self.count().is_multiple_of(self.every)
    }

    /// A count of its snapshots.
    pub(crate) fn snapshot_count(&self) -> u32 {
        self.count() / self.every
    }
}

/// An order in which the nearer is the less and no two are equal: squared distance, and in the lower 16 bits the slot.
type Nearness = u64;

fn nearness(distance_squared: i64, slot: u16) -> Nearness {
    distance_squared.cast_unsigned().min(1 << 47) << 16 | u64::from(slot)
}

fn slot_of(nearness: Nearness) -> u16 {
    (nearness & 0xFFFF) as u16
}

/// Buffers of the selection, used again for each viewer.
#[derive(Debug)]
pub(crate) struct Interest {
    /// Who could come into view, each once: first those that are bound, so many.
    candidates: Vec<(Nearness, Ring)>,
    bound: usize,
    /// All who are in a view that is too full, and all who could come into it.
    crowd: Vec<Nearness>,
}

impl Default for Interest {
    fn default() -> Self {
        Self { candidates: Vec::with_capacity(ENTITIES), bound: 0, crowd: Vec::with_capacity(ENTITIES + PLACES) }
    }
}

impl Interest {
    /// Brings a client's view up to the tick. `bound` are the slots it has to do with.
    pub(crate) fn update(&mut self, scene: &Scene, look: Look, bound: impl Iterator<Item = u16>, view: &mut View) {
        if scene.vanished().iter().any(|slot| view.has(*slot)) {
            forget_vanished(scene, look, view);
        }
        follow(scene, look, view);
        let count = look.count();
        let is_wide = view.taken().is_empty() || count.is_multiple_of(WIDE_LOOK_TICKS);
        if !is_wide && !count.is_multiple_of(NEAR_TICKS) {
            return;
        }
        self.candidates.clear();
        self.bound = usize::MAX;
        for slot in bound.filter(|slot| *slot != look.own.index && scene.is_there(*slot)) {
            match view.place_of(slot) {
                Some(place) => view.set(place, Shown { slot, ring: Ring::Always, stay: 0 }),
                None if !self.is_candidate(slot) => self.candidates.push((nearness(0, slot), Ring::Always)),
                None => {}
            }
        }
        self.bound = self.candidates.len();
        if is_wide {
            self.look_around(scene, look, view, FAR_UNITS);
        } else if !view.is_full_of_near() {
            self.look_around(scene, look, view, NEAR_UNITS);
        }
        if view.taken().len() + self.candidates.len() > PLACES {
            self.keep_nearest(scene, look, view);
        }
        for (nearness, ring) in &self.candidates {
            let slot = slot_of(*nearness);
            if !view.has(slot) {
                view.enter(slot, *ring, look.tick);
            }
        }
    }

    /// Finds who is in sight and not in view, within so many units.
    fn look_around(&mut self, scene: &Scene, look: Look, view: &View, reach: i32) {
        let limit = i64::from(reach) * i64::from(reach);
        let span = scene.grid.span(look.at, reach);
        for row in span.south..=span.north {
            for column in span.west..=span.east {
                let there = scene.in_cell(scene.grid.index(column, row));
                if !there.is_empty() && scene.grid.distance_squared(column, row, look.at) <= limit {
                    self.look_at(there, look, view, limit);
                }
            }
        }
    }

    /// Whether somebody who is bound could come into view.
    fn is_candidate(&self, slot: u16) -> bool {
        self.candidates.iter().take(self.bound).any(|(nearness, _)| slot_of(*nearness) == slot)
    }

    /// Notes who of a cell could come into view.
    fn look_at(&mut self, there: &[Glimpse], look: Look, view: &View, limit: i64) {
        for glimpse in there {
            let distance_squared = look.at.distance_squared(glimpse.position);
            let is_new = distance_squared <= limit && glimpse.slot != look.own.index && !view.has(glimpse.slot);
            if let Some(ring) = Ring::at(distance_squared, 0).filter(|_| is_new && !self.is_candidate(glimpse.slot)) {
                self.candidates.push((nearness(distance_squared, glimpse.slot), ring));
            }
        }
    }

    /// Leaves the nearest, as many as there are places, in view and among the candidates. Who is in view already counts as a
    /// seventh nearer, so that it does not flicker.
    fn keep_nearest(&mut self, scene: &Scene, look: Look, view: &mut View) {
        let Self { candidates, crowd, .. } = self;
        let known = |shown: &Shown| {
            let distance_squared = match shown.ring {
                Ring::Always => 0,
                _ => scene.position(shown.slot).map_or(i64::MAX, |at| look.at.distance_squared(at)),
            };
            nearness(distance_squared / 4 * 3, shown.slot)
        };
        crowd.clear();
        crowd.extend(view.all().map(|(_, shown)| known(&shown)));
        crowd.extend(candidates.iter().map(|(nearness, _)| *nearness));
        let (_, farthest, _) = crowd.select_nth_unstable(PLACES - 1);
        let farthest = *farthest;
        candidates.retain(|(nearness, _)| *nearness <= farthest);
        for place in view.taken() {
            if view.get(place).is_some_and(|shown| known(&shown) > farthest) {
                view.leave(place, look.tick);
            }
        }
    }
}

/// Who is not there any more leaves.
fn forget_vanished(scene: &Scene, look: Look, view: &mut View) {
    for place in view.taken() {
        if view.get(place).is_some_and(|shown| !scene.is_there(shown.slot)) {
            view.leave(place, look.tick);
        }
    }
}

/// Those in view whose turn it is change rings, and leave.
fn follow(scene: &Scene, look: Look, view: &mut View) {
    for place in view.turn_to_look(look.count()) {
        let Some(mut shown) = view.get(place) else { continue };
        let is_in_sight = scene.position(shown.slot).is_some_and(|at| shown.follow(look.at.distance_squared(at)));
        if is_in_sight {
            view.set(place, shown);
        } else {
            view.leave(place, look.tick);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metres(m: i64) -> i64 {
        (m * 4_096) * (m * 4_096)
    }

    #[test]
    fn rings_by_distance() {
        let rings = [0, 32, 33, 96, 97, 192, 193].map(|m| Ring::at(metres(m), 0));
        let [near, mid, far] = [Ring::Near, Ring::Mid, Ring::Far].map(Some);
        assert_eq!(rings, [near, near, mid, mid, far, far, None]);
    }

    #[test]
    fn a_ring_is_left_late_and_farther_out() {
        let mut shown = Shown { slot: 1, ring: Ring::Near, stay: 0 };
        for _ in 0..(LINGER_TICKS - 1) / NEAR_TICKS as u8 {
            assert!(shown.follow(metres(300)));
            assert_eq!(shown.ring, Ring::Near, "not within a second");
        }
        assert!(shown.follow(metres(39)));
        assert_eq!(shown.ring, Ring::Near, "nor within 8 m");
        assert!(shown.follow(metres(41)));
        assert_eq!((shown.ring, shown.stay), (Ring::Mid, 0));
        assert!(shown.follow(metres(32)));
        assert_eq!(shown.ring, Ring::Near, "it is entered at once");
        shown.stay = LINGER_TICKS;
        assert!(!shown.follow(metres(201)), "out of sight");
    }

    #[test]
    fn who_runs_over_a_border_five_times_a_second_changes_rings_once_a_second() {
        let mut shown = Shown { slot: 1, ring: Ring::Mid, stay: 0 };
        let mut changes = 0;
        for tick in (0..600_i64).step_by(MID_TICKS as usize) {
            let before = shown.ring;
            shown.follow(metres(if tick / 2 % 2 == 0 { 31 } else { 45 }));
            changes += u32::from(shown.ring != before);
        }
        assert!((2..=60).contains(&changes), "{changes} changes in thirty seconds");
    }

    #[test]
    fn who_is_bound_is_followed_by_distance_again_later() {
        let mut shown = Shown { slot: 1, ring: Ring::Always, stay: 0 };
        let rings: Vec<Ring> = (0..30).map(|_| (shown.follow(metres(90)), shown.ring).1).collect();
        assert_eq!((rings[0], rings[29]), (Ring::Always, Ring::Mid));
        let mut far_off = Shown { slot: 1, ring: Ring::Always, stay: LINGER_TICKS };
        assert!(!far_off.follow(metres(500)));
    }
}
