//! Whom a client has in view: the nearest, in rings, up to the size of a set.
//!
//! Who is near, mid or far is told each tick, each third, each tenth. In that rhythm, the near in each second, it is looked for who
//! comes into view and who changes rings, each viewer, entity and cell in a tick of its own, so that the work spreads. A ring is left 8 m later than it is entered and not
//! before a second in it. What the player has to do with is always in view: its target, and who is after it.

use shallot_wire::limits::MAX_SET;
use shallot_wire::{NetId, Position, Tick};
use wincode::{SchemaRead, SchemaWrite};

use crate::limits::{
    FAR_TICKS, FAR_UNITS, LINGER_TICKS, LINGER_UNITS, MID_TICKS, MID_UNITS, NEAR_LOOK_TICKS, NEAR_UNITS, SLOTS,
};
use crate::scene::{Glimpse, Scene};
use crate::sights::{Sight, Sights};

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
        [Self::Near, Self::Mid, Self::Far].into_iter().find(|ring| is_within(ring.reach()))
    }

    /// Whether at this count of ticks it is the turn of an entity in it to be told.
    pub(crate) fn is_turn_to_tell(self, count: u32) -> bool {
        match self {
            Self::Always | Self::Near => true,
            Self::Mid => count.is_multiple_of(MID_TICKS),
            Self::Far => count.is_multiple_of(FAR_TICKS),
        }
    }

    /// Whether at this count of ticks it is the turn of an entity in it to be looked at.
    fn is_turn_to_look(self, count: u32) -> bool {
        // By constants: a division for each of all in view would be most of the work.
        match self {
            Self::Always | Self::Near => count.is_multiple_of(NEAR_LOOK_TICKS),
            Self::Mid => count.is_multiple_of(MID_TICKS),
            Self::Far => count.is_multiple_of(FAR_TICKS),
        }
    }

    /// Ticks between two looks at who is in it.
    fn look_period(self) -> u32 {
        match self {
            Self::Always | Self::Near => NEAR_LOOK_TICKS,
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
    /// A count of ticks, for each viewer and `salt` another one, so that turns spread.
    pub(crate) fn count(&self, salt: u32) -> u32 {
        self.tick.0.wrapping_add(u32::from(self.own.index)).wrapping_add(salt)
    }
}

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
    /// Of the viewer whose list was brought up to the tick last.
    pub(crate) sights: Sights,
    /// Who could come into view.
    candidates: Vec<(Nearness, Watched)>,
    /// All who are in a view that is too full, and all who could come into it.
    crowd: Vec<Nearness>,
}

impl Default for Interest {
    fn default() -> Self {
        let candidates = Vec::with_capacity(SLOTS);
        Self { sights: Sights::default(), candidates, crowd: Vec::with_capacity(SLOTS + MAX_SET) }
    }
}

impl Interest {
    /// Brings a viewer's list up to the tick: at most [`MAX_SET`], the nearest. `bound` are the slots it has to do with.
    pub(crate) fn update(
        &mut self,
        scene: &Scene,
        look: Look,
        bound: impl Iterator<Item = u16>,
        view: &mut Vec<Watched>,
    ) {
        let Self { sights, candidates, .. } = self;
        sights.begin();
        candidates.clear();
        let (mut place, mut farthest) = (0, 0);
        view.retain_mut(|watched| {
            let Some(at) = scene.place(watched.slot) else { return false };
            if watched.ring.is_turn_to_look(look.count(watched.slot.into())) {
                let distance_squared = look.at.distance_squared(at);
                farthest = farthest.max(in_view(distance_squared));
                if !watched.follow(distance_squared, watched.ring.look_period()) {
                    return false;
                }
            }
            sights.put(watched.slot, place, watched.ring);
            place = place.saturating_add(1);
            true
        });
        for slot in bound.filter(|slot| *slot != look.own.index && scene.is_there(*slot)) {
            if let Some(sight) = sights.get_mut(slot) {
                sight.ring = Ring::Always;
                if let Some(watched) = view.get_mut(usize::from(sight.place)) {
                    watched.ring = Ring::Always;
                }
            } else {
                sights.put(slot, Sight::UNLISTED, Ring::Always);
                candidates.push((nearness(0, slot), Watched { slot, ring: Ring::Always, stay: 0 }));
            }
        }
        // A full view is not looked around for more than those nearer than the farthest of this tick's turns.
        let limit = if view.len() < MAX_SET { i64::MAX } else { farthest };
        self.look_around(scene, look, limit, view.is_empty());
        if view.len() + self.candidates.len() > MAX_SET {
            self.keep_nearest(scene, look, view);
        } else {
            for (_, watched) in self.candidates.drain(..) {
                self.sights.put(watched.slot, view.len() as u8, watched.ring);
                view.push(watched);
            }
        }
    }

    /// Finds who is in sight and not in view, in the cells whose turn it is or in all; nobody at `limit` or farther.
    fn look_around(&mut self, scene: &Scene, look: Look, limit: i64, in_all: bool) {
        for ring in [Ring::Near, Ring::Mid, Ring::Far] {
            let (span, period) = (scene.grid.span(look.at, ring.reach()), if in_all { 1 } else { ring.look_period() });
            for row in span.south..=span.north {
                let (first, last) = (scene.grid.index(span.west, row), scene.grid.index(span.east, row));
                // In a row the cells whose turn it is stand a period apart.
                let begin = first + ((period - look.count(first as u32) % period) % period) as usize;
                for cell in (begin..=last).step_by(period as usize) {
                    let there = scene.in_cell(cell);
                    if there.is_empty() {
                        continue;
                    }
                    let distance_squared = scene.grid.distance_squared(span.west + cell - first, row, look.at);
                    if distance_squared < limit && Ring::at(distance_squared, 0) == Some(ring) {
                        self.look_at(there, look, limit);
                    }
                }
            }
        }
    }

    /// Notes who of a cell could come into view.
    fn look_at(&mut self, there: &[Glimpse], look: Look, limit: i64) {
        for glimpse in there {
            let slot = glimpse.slot;
            if slot == look.own.index || self.sights.get(slot).is_some() {
                continue;
            }
            let distance_squared = look.at.distance_squared(glimpse.position);
            if let Some(ring) = Ring::at(distance_squared, 0).filter(|_| distance_squared < limit) {
                self.candidates.push((nearness(distance_squared, slot), Watched { slot, ring, stay: 0 }));
            }
        }
    }

    /// Leaves the nearest [`MAX_SET`]. Who is in view already counts as a seventh nearer, so that it does not flicker.
    fn keep_nearest(&mut self, scene: &Scene, look: Look, view: &mut Vec<Watched>) {
        let Self { sights, candidates, crowd } = self;
        let known = |watched: &Watched| {
            let distance_squared = match watched.ring {
                Ring::Always => 0,
                _ => scene.place(watched.slot).map_or(i64::MAX, |at| look.at.distance_squared(at)),
            };
            nearness(in_view(distance_squared), watched.slot)
        };
        crowd.clear();
        crowd.extend(view.iter().map(known).chain(candidates.iter().map(|(nearness, _)| *nearness)));
        let (_, farthest, _) = crowd.select_nth_unstable(MAX_SET - 1);
        let farthest = *farthest;
        view.retain(|watched| known(watched) <= farthest);
        view.extend(candidates.iter().filter(|(nearness, _)| *nearness <= farthest).map(|(_, watched)| *watched));
        sights.begin();
        for (place, watched) in (0..Sight::UNLISTED).zip(view.iter()) {
            sights.put(watched.slot, place, watched.ring);
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
