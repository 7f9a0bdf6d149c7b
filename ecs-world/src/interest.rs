//! Whom a client has in view: the nearest, in rings, up to the size of a set.
//!
//! Who is near, mid or far is told each tick, each third, each tenth, and in that rhythm it is looked for who comes into view,
//! each viewer and cell in a tick of its own, so that the work spreads. A ring is left 8 m later than it is entered and not
//! before a second in it. What the player has to do with is always in view: its target, and who is after it.

use shallot_wire::limits::MAX_SET;
use shallot_wire::{NetId, Position, Tick};
use wincode::{SchemaRead, SchemaWrite};

use crate::limits::{FAR_TICKS, FAR_UNITS, LINGER_TICKS, LINGER_UNITS, MID_TICKS, MID_UNITS, NEAR_UNITS, SLOTS};
use crate::scene::Scene;

/// How near an entity is, and so how often and how exactly it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, SchemaRead, SchemaWrite)]
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
        let rings = [(NEAR_UNITS, Self::Near), (MID_UNITS, Self::Mid), (FAR_UNITS, Self::Far)];
        rings.into_iter().find(|(units, _)| is_within(*units)).map(|(_, ring)| ring)
    }

    /// Ticks between two turns of an entity in it.
    fn period(self) -> u32 {
        match self {
            Self::Always | Self::Near => 1,
            Self::Mid => MID_TICKS,
            Self::Far => FAR_TICKS,
        }
    }
}

/// An entity that a client has in view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Watched {
    pub(crate) slot: u16,
    pub(crate) ring: Ring,
    /// Ticks since it came into the ring; stops at 255.
    pub(crate) stay: u8,
}

impl Watched {
    /// Follows it to where it is now, so many ticks after it was looked for last; false: it is out of sight.
    fn follow(&mut self, distance_squared: i64, ticks: u32) -> bool {
        self.stay = self.stay.saturating_add(ticks as u8);
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
}

impl Look {
    /// Whether this tick is this viewer's turn with a ring; `salt` spreads the turns.
    pub(crate) fn is_turn(&self, salt: usize, ring: Ring) -> bool {
        let n = self.tick.0.wrapping_add(u32::from(self.own.index)).wrapping_add(salt as u32);
        match ring {
            Ring::Always | Ring::Near => true,
            Ring::Mid => n.is_multiple_of(MID_TICKS),
            Ring::Far => n.is_multiple_of(FAR_TICKS),
        }
    }
}

/// Of a slot that is not in view.
const NOWHERE: u8 = u8::MAX;

/// An order in which the nearer is the less and no two are equal: squared distance, and in the lower 16 bits the slot.
type Nearness = u64;

fn nearness(distance_squared: i64, slot: u16) -> Nearness {
    distance_squared.cast_unsigned().min(1 << 47) << 16 | u64::from(slot)
}

/// How far who is in view already counts.
fn in_view(distance_squared: i64) -> i64 {
    distance_squared / 4 * 3
}

/// Buffers of the selection, used again for each viewer.
#[derive(Debug)]
pub(crate) struct Interest {
    /// By slot: where in the viewer's list it stands.
    places: Vec<u8>,
    /// The slots that stand somewhere.
    placed: Vec<u16>,
    /// Who could come into view, and who is, in a view that is too full.
    candidates: Vec<(Nearness, Watched)>,
}

impl Default for Interest {
    fn default() -> Self {
        Self {
            places: vec![NOWHERE; SLOTS],
            placed: Vec::with_capacity(MAX_SET),
            candidates: Vec::with_capacity(SLOTS),
        }
    }
}

impl Interest {
    /// Where in the list of [`Interest::update`] a slot stands.
    pub(crate) fn place_of(&self, slot: u16) -> Option<usize> {
        self.places.get(usize::from(slot)).filter(|place| **place != NOWHERE).map(|place| usize::from(*place))
    }

    /// Brings a viewer's list up to the tick: at most [`MAX_SET`], the nearest. `bound` are the slots it has to do with.
    pub(crate) fn update(
        &mut self,
        scene: &Scene,
        look: Look,
        bound: impl Iterator<Item = u16>,
        view: &mut Vec<Watched>,
    ) {
        self.candidates.clear();
        let mut farthest = 0;
        view.retain_mut(|watched| {
            if !look.is_turn(usize::from(watched.slot), watched.ring) {
                return scene.is_there(watched.slot);
            }
            let Some(spot) = scene.spot(watched.slot) else { return false };
            let distance_squared = look.at.distance_squared(spot.position);
            farthest = farthest.max(in_view(distance_squared));
            watched.follow(distance_squared, watched.ring.period())
        });
        self.index(view);
        for slot in bound.filter(|slot| *slot != look.own.index && scene.is_there(*slot)) {
            match self.place_of(slot).and_then(|place| view.get_mut(place)) {
                Some(watched) => watched.ring = Ring::Always,
                None if self.candidates.iter().any(|(_, known)| known.slot == slot) => {}
                None => self.candidates.push((nearness(0, slot), Watched { slot, ring: Ring::Always, stay: 0 })),
            }
        }
        // A full view is not looked around for more than those nearer than the farthest of this tick's turns.
        self.look_around(scene, look, if view.len() < MAX_SET { i64::MAX } else { farthest });
        if self.candidates.is_empty() {
            return;
        }
        if view.len() + self.candidates.len() > MAX_SET {
            self.keep_nearest(scene, look, view);
        } else {
            view.extend(self.candidates.iter().map(|(_, watched)| *watched));
        }
        self.index(view);
    }

    fn index(&mut self, view: &[Watched]) {
        for slot in self.placed.drain(..) {
            if let Some(place) = self.places.get_mut(usize::from(slot)) {
                *place = NOWHERE;
            }
        }
        self.placed.extend(view.iter().map(|watched| watched.slot));
        for (place, watched) in (0..NOWHERE).zip(view) {
            if let Some(known) = self.places.get_mut(usize::from(watched.slot)) {
                *known = place;
            }
        }
    }

    /// Finds who is in sight and not in view, in the cells whose turn it is; nobody at `limit` or farther.
    fn look_around(&mut self, scene: &Scene, look: Look, limit: i64) {
        let bound = self.candidates.len();
        let span = scene.grid.span(look.at, FAR_UNITS);
        for row in span.south..=span.north {
            for column in span.west..=span.east {
                let cell = scene.grid.index(column, row);
                let there = scene.in_cell(cell);
                if there.is_empty() {
                    continue;
                }
                let Some(ring) = Ring::at(scene.grid.distance_squared(column, row, look.at), 0) else { continue };
                if !look.is_turn(cell, ring) {
                    continue;
                }
                for glimpse in there {
                    let slot = glimpse.slot;
                    let is_in = self.places.get(usize::from(slot)).is_none_or(|place| *place != NOWHERE);
                    if is_in || slot == look.own.index {
                        continue;
                    }
                    let distance_squared = look.at.distance_squared(glimpse.position);
                    let Some(ring) = Ring::at(distance_squared, 0).filter(|_| distance_squared < limit) else {
                        continue;
                    };
                    if self.candidates.iter().take(bound).all(|(_, known)| known.slot != slot) {
                        let watched = Watched { slot, ring, stay: 0 };
                        self.candidates.push((nearness(distance_squared, slot), watched));
                    }
                }
            }
        }
    }

    /// Leaves the nearest [`MAX_SET`]. Who is in view already counts as a seventh nearer, so that it does not flicker.
    fn keep_nearest(&mut self, scene: &Scene, look: Look, view: &mut Vec<Watched>) {
        for watched in view.drain(..) {
            let distance_squared = match watched.ring {
                Ring::Always => 0,
                _ => scene.spot(watched.slot).map_or(i64::MAX, |spot| look.at.distance_squared(spot.position)),
            };
            self.candidates.push((nearness(in_view(distance_squared), watched.slot), watched));
        }
        self.candidates.select_nth_unstable_by_key(MAX_SET, |(nearness, _)| *nearness);
        self.candidates.truncate(MAX_SET);
        self.candidates.sort_unstable_by_key(|(_, watched)| watched.slot);
        view.extend(self.candidates.iter().map(|(_, watched)| *watched));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn metres(m: i64) -> i64 {
        (m * 4_096) * (m * 4_096)
    }

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
        let rings = [0, 32, 33, 96, 97, 192, 193].map(|m| Ring::at(metres(m), 0));
        let [near, mid, far] = [Ring::Near, Ring::Mid, Ring::Far].map(Some);
        assert_eq!(rings, [near, near, mid, mid, far, far, None]);
    }

    #[test]
    fn a_ring_is_left_late_and_farther_out() {
        let mut watched = Watched { slot: 1, ring: Ring::Near, stay: 0 };
        for _ in 0..LINGER_TICKS - 1 {
            assert!(watched.follow(metres(300), 1));
            assert_eq!(watched.ring, Ring::Near, "not within a second");
        }
        assert!(watched.follow(metres(39), 1));
        assert_eq!(watched.ring, Ring::Near, "nor within 8 m");
        assert!(watched.follow(metres(41), 1));
        assert_eq!((watched.ring, watched.stay), (Ring::Mid, 0));
        assert!(watched.follow(metres(32), 1));
        assert_eq!(watched.ring, Ring::Near, "it is entered at once");
        watched.stay = LINGER_TICKS;
        assert!(!watched.follow(metres(201), 1), "out of sight");
    }

    #[test]
    fn who_runs_over_a_border_five_times_a_second_changes_rings_once_a_second() {
        let mut watched = Watched { slot: 1, ring: Ring::Mid, stay: 0 };
        let mut changes = 0;
        for tick in 0..200_i64 {
            let before = watched.ring;
            watched.follow(metres(if tick / 2 % 2 == 0 { 31 } else { 45 }), 1);
            changes += u32::from(watched.ring != before);
        }
        assert!((2..=20).contains(&changes), "{changes} changes in ten seconds");
    }

    #[test]
    fn who_is_bound_is_followed_by_distance_again_later() {
        let mut watched = Watched { slot: 1, ring: Ring::Always, stay: 0 };
        let rings: Vec<Ring> = (0..30).map(|_| (watched.follow(metres(90), 1), watched.ring).1).collect();
        assert_eq!((rings[0], rings[29]), (Ring::Always, Ring::Mid));
        let mut far_off = Watched { slot: 1, ring: Ring::Always, stay: LINGER_TICKS };
        assert!(!far_off.follow(metres(500), 1));
    }
}
