//! What one client is told of whom it has in view: changes of its baseline's set, and who enters it; as much as there is room for.
//!
//! When all does not fit, those go first that were not told for the longest, counted by what their ring allows; of those
//! alike the nearest. Who waits becomes older, so nobody waits for ever. That an entity has gone is always told.

use shallot_wire::limits::{GROUP_HEADER_BYTES, MAX_GROUP_RECORDS, MAX_SET, RECORD_BYTES};
use shallot_wire::snapshot::changes_bytes;
use shallot_wire::{Cell, Coded};

use crate::baseline::Told;
use crate::drift::Drifts;
use crate::interest::{Look, Ring, Watched};
use crate::scene::Scene;
use crate::sights::Sights;

/// Urgency of who has waited just as long as its ring allows.
const IN_TIME: u32 = 20;
/// More for who is not where it was thought to be.
const CHANGED: u32 = 10;
/// More for what the player has to do with.
const BOUND: u32 = 40;

/// Somebody who comes into the set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entering {
    pub(crate) cell: Cell,
    pub(crate) slot: u16,
    urgency: u32,
}

/// Buffers of one client's telling, used again for the next.
#[derive(Debug)]
pub(crate) struct Telling {
    /// What became of each entity of the baseline.
    pub(crate) changes: Vec<Coded>,
    /// Who enters, by cell and slot.
    pub(crate) entering: Vec<Entering>,
    /// The set that comes of it.
    pub(crate) set: Vec<Told>,
    /// For all clients.
    drifts: Drifts,
    /// When there is too little room: all that could wait.
    claims: Vec<Claim>,
    /// What each of them would have.
    wanted: Vec<Coded>,
    /// Of each who would enter: the number of its cell, and whether there is room.
    places: Vec<(usize, bool)>,
    /// How many enter in each cell.
    cells: Vec<usize>,
}

/// One that wants room: the less, the sooner. From the top: urgency, least first when inverted; squared distance; whether it
/// enters; where it stands among the changes or those who enter.
type Claim = u64;

const PLACE_BITS: u32 = 8;
const ENTERS: Claim = 1 << PLACE_BITS;
const DISTANCE_SHIFT: u32 = PLACE_BITS + 1;
const URGENCY_SHIFT: u32 = 56;
/// More urgent than this is not told apart.
const MOST_URGENT: u32 = 255;

fn claim(urgency: u32, distance_squared: i64, place: usize) -> Claim {
    let distance = distance_squared.cast_unsigned().min((1 << (URGENCY_SHIFT - DISTANCE_SHIFT)) - 1);
    u64::from(MOST_URGENT - urgency.min(MOST_URGENT)) << URGENCY_SHIFT | distance << DISTANCE_SHIFT | place as u64
}

impl Default for Telling {
    fn default() -> Self {
        Self {
            changes: Vec::with_capacity(MAX_SET),
            entering: Vec::with_capacity(MAX_SET),
            set: Vec::with_capacity(MAX_SET),
            drifts: Drifts::default(),
            claims: Vec::with_capacity(2 * MAX_SET),
            wanted: Vec::with_capacity(MAX_SET),
            places: Vec::with_capacity(MAX_SET),
            cells: Vec::with_capacity(MAX_SET),
        }
    }
}

impl Telling {
    /// Before the first client of a tick.
    pub(crate) fn begin(&mut self) {
        self.drifts.begin();
    }

    /// Fills [`Telling::changes`], [`Telling::entering`] and [`Telling::set`] for `room` bytes behind the own state. `sights` are of
    /// `view`. A baseline of `None` takes no room of its own.
    pub(crate) fn compose(
        &mut self,
        scene: &Scene,
        look: Look,
        (sights, view): (&mut Sights, &[Watched]),
        baseline: Option<&[Told]>,
        room: usize,
    ) {
        let before = baseline.unwrap_or_default();
        self.changes.clear();
        self.entering.clear();
        let (mut bits, mut staying) = (0, 0);
        for told in before {
            let (change, stays) = follow(&mut self.drifts, scene, look, sights, *told);
            bits += change.bits();
            staying += usize::from(stays);
            self.changes.push(change);
        }
        if staying < view.len() {
            self.enter(scene, sights, view, baseline.is_some());
        }
        let changes = baseline.map_or(0, |baseline| changes_bytes(baseline.len(), bits as usize));
        if changes + entering_bytes(&self.entering) > room {
            self.cut(scene, look, sights, baseline, room);
        }
        self.conclude(scene, look, before);
    }

    /// Finds who is in view and does not stay from the baseline.
    fn enter(&mut self, scene: &Scene, sights: &Sights, view: &[Watched], has_baseline: bool) {
        for watched in view {
            if sights.get(watched.slot).is_some_and(|sight| sight.stays) {
                continue;
            }
            let Some(at) = scene.place(watched.slot) else { continue };
            // Without a baseline all enter, and nobody is known to have waited.
            let waited = if has_baseline { u32::from(watched.stay).min(IN_TIME) } else { 0 };
            let urgency = entering_urgency(watched.ring) + waited;
            self.entering.push(Entering { cell: Cell::of(at), slot: watched.slot, urgency });
        }
        self.entering.sort_unstable_by_key(|entering| (entering.cell, entering.slot));
    }

    /// Takes back what there is no room for.
    fn cut(&mut self, scene: &Scene, look: Look, sights: &Sights, baseline: Option<&[Told]>, room: usize) {
        let distance_squared = |slot| scene.place(slot).map_or(i64::MAX, |at| look.at.distance_squared(at));
        self.claims.clear();
        self.wanted.clone_from(&self.changes);
        let mut bits = 0;
        for ((place, told), change) in baseline.unwrap_or_default().iter().enumerate().zip(&mut self.changes) {
            let Some(sight) = sights.get(told.slot).filter(|sight| sight.stays && !change.is_unchanged()) else {
                bits += change.bits(); // it has gone
                continue;
            };
            let age = told.age(look.tick);
            let is_off = self.drifts.of(scene, told.slot, age).is_some_and(|drift| drift.is_off(sight.ring));
            let lateness = age * IN_TIME / sight.ring.age(false) + if is_off { CHANGED } else { 0 };
            let urgency = lateness + if sight.ring == Ring::Always { BOUND } else { 0 };
            self.claims.push(claim(urgency, distance_squared(told.slot), place));
            *change = Coded::UNCHANGED;
        }
        debug_assert!(
            self.changes.iter().all(|change| change.is_unchanged() || *change == Coded::GONE),
            "only who has gone"
        );
        self.places.clear();
        self.cells.clear();
        for (number, cell) in self.entering.chunk_by(|a, b| a.cell == b.cell).enumerate() {
            self.cells.push(0);
            self.places.extend(cell.iter().map(|_| (number, false)));
        }
        let enter = |(place, who): (usize, &Entering)| claim(who.urgency, distance_squared(who.slot), place) | ENTERS;
        self.claims.extend(self.entering.iter().enumerate().map(enter));
        self.claims.sort_unstable();
        self.grant(baseline.map(<[Told]>::len), bits, room);
    }

    /// Gives the claims what they want, in their order, as far as there is room. `bits` are those of who has gone.
    fn grant(&mut self, baseline: Option<usize>, mut bits: u32, room: usize) {
        let changes_length = |bits: u32| baseline.map_or(0, |count| changes_bytes(count, bits as usize));
        let mut entering_length = 0;
        for claim in &self.claims {
            let place = (claim & (ENTERS - 1)) as usize;
            if claim & ENTERS == 0 {
                let Some((wanted, change)) = self.wanted.get(place).zip(self.changes.get_mut(place)) else { continue };
                if changes_length(bits + wanted.bits()) + entering_length <= room {
                    bits += wanted.bits();
                    *change = *wanted;
                }
            } else if let Some((cell, enters)) = self.places.get_mut(place) {
                let Some(in_cell) = self.cells.get_mut(*cell) else { continue };
                let header = if in_cell.is_multiple_of(MAX_GROUP_RECORDS) { GROUP_HEADER_BYTES } else { 0 };
                if changes_length(bits) + entering_length + header + RECORD_BYTES <= room {
                    entering_length += header + RECORD_BYTES;
                    *in_cell += 1;
                    *enters = true;
                }
            }
        }
        let mut places = self.places.iter();
        self.entering.retain(|_| places.next().is_some_and(|(_, enters)| *enters));
    }

    /// The set that the changes lead to, in the order that both ends know.
    fn conclude(&mut self, scene: &Scene, look: Look, baseline: &[Told]) {
        let now = |slot| Told::at(slot, look.tick, scene.rests(slot));
        self.set.clear();
        for (told, change) in baseline.iter().zip(&self.changes) {
            if change.is_unchanged() {
                self.set.push(*told);
            } else if *change != Coded::GONE {
                self.set.push(now(told.slot));
            }
        }
        self.set.extend(self.entering.iter().map(|entering| now(entering.slot)));
    }
}

/// What became of one entity of the baseline, and whether it stays; who is too far off for a change goes, and enters anew.
fn follow(drifts: &mut Drifts, scene: &Scene, look: Look, sights: &mut Sights, told: Told) -> (Coded, bool) {
    let Some(sight) = sights.get_mut(told.slot) else { return (Coded::GONE, false) };
    let (ring, age) = (sight.ring, told.age(look.tick));
    let is_turn = ring.is_turn_to_tell(look.count(told.slot.into()));
    if !is_turn && age < ring.age(told.rests) {
        sight.stays = true; // most of those in view, most of the time
        return (Coded::UNCHANGED, true);
    }
    match drifts.of(scene, told.slot, age) {
        Some(drift) if drift.coded != Coded::GONE => {
            sight.stays = true;
            (if drift.is_due(ring, age, is_turn) { drift.coded } else { Coded::UNCHANGED }, true)
        }
        _ => (Coded::GONE, false),
    }
}

/// Of who enters, beside its waiting.
fn entering_urgency(ring: Ring) -> u32 {
    match ring {
        Ring::Always => 3 * IN_TIME + BOUND,
        Ring::Near => 3 * IN_TIME,
        Ring::Mid => 2 * IN_TIME,
        Ring::Far => IN_TIME,
    }
}

/// What records in the order of their cells take in a datagram.
fn entering_bytes(entering: &[Entering]) -> usize {
    let cells = entering.chunk_by(|a, b| a.cell == b.cell).map(<[Entering]>::len);
    cells.map(|n| n * RECORD_BYTES + n.div_ceil(MAX_GROUP_RECORDS) * GROUP_HEADER_BYTES).sum()
}

#[cfg(test)]
mod tests {
    use shallot_wire::{EntityKind, NetId, Position, Rect, Tick, Velocity};

    use super::*;
    use crate::components::{Body, Tag};
    use crate::grid::Grid;
    use crate::interest::Interest;

    /// Walkers around a viewer at 100, 100 m, each of whose snapshots arrives before the next one.
    struct Crowd {
        scene: Scene,
        bodies: Vec<Body>,
        view: Vec<Watched>,
        interest: Interest,
        telling: Telling,
        tick: Tick,
    }

    const HERE: Position = Position { x: 100 * 4_096, y: 100 * 4_096 };

    impl Crowd {
        fn new(count: i32, apart: i32) -> Self {
            let at = |n: i32| Position { x: HERE.x + (n % 16 - 8) * apart, y: HERE.y + (n / 16 - 8) * apart };
            Self {
                scene: Scene::new(Grid::new(Rect::from_metres(0, 0, 400, 400))),
                bodies: (0..count).map(|n| Body::at(at(n), 0)).collect(),
                view: Vec::new(),
                interest: Interest::default(),
                telling: Telling::default(),
                tick: Tick(1_000),
            }
        }

        /// One tick: each walks on and turns at times; the ages of the set's states, by slot.
        fn step(&mut self, room: usize) -> Vec<(u16, u32)> {
            let baseline = self.telling.set.clone();
            self.tick = self.tick.plus(1);
            self.scene.begin(self.tick);
            for (n, body) in (0_u16..).zip(&mut self.bodies) {
                let heading = ((u32::from(n) * 7 + self.tick.0) / 16 * 90) as u8;
                let velocity = shallot_wire::heading::velocity_of(30, heading);
                let position = Position { x: body.position.x + velocity.x, y: body.position.y + velocity.y };
                body.walk_to(position, velocity, heading);
                let tag = Tag { id: NetId { index: 10 + n, generation: 0 } };
                self.scene.add(&tag, body, EntityKind::Player, false);
            }
            self.scene.arrange();
            let look = Look { own: NetId { index: 1, generation: 0 }, at: HERE, tick: self.tick };
            self.interest.update(&self.scene, look, std::iter::empty(), &mut self.view);
            let parts = (&mut self.interest.sights, self.view.as_slice());
            self.telling.begin();
            self.telling.compose(&self.scene, look, parts, Some(&baseline), room);
            let bits: u32 = self.telling.changes.iter().map(|change| change.bits()).sum();
            let length = changes_bytes(baseline.len(), bits as usize) + entering_bytes(&self.telling.entering);
            assert!(length <= room, "{length} bytes in {room}");
            self.telling.set.iter().map(|told| (told.slot, told.age(self.tick))).collect()
        }
    }

    #[test]
    fn nobody_waits_for_ever_in_a_narrow_room() {
        let mut crowd = Crowd::new(200, 4_096);
        (0..60).for_each(|_| drop(crowd.step(220)));
        for _ in 0..100 {
            let ages = crowd.step(220);
            assert_eq!(ages.len(), 200, "all are in the set");
            let oldest = ages.iter().map(|(_, age)| *age).max();
            assert!(oldest.is_some_and(|age| age <= 20), "{oldest:?} ticks");
        }
    }

    #[test]
    fn who_is_near_is_never_older_than_a_quarter_of_a_second() {
        let mut crowd = Crowd::new(250, 4_096 * 2);
        (0..10).for_each(|_| drop(crowd.step(1_000)));
        for _ in 0..200 {
            let ages = crowd.step(1_000);
            let in_set = |slot: u16| ages.iter().find(|(told, _)| *told == slot).map(|(_, age)| *age);
            for (n, body) in (0_u16..).zip(&crowd.bodies) {
                if HERE.is_within(31 * 4_096, body.position) {
                    assert!(in_set(10 + n).is_some_and(|age| age <= 5), "{:?}", in_set(10 + n));
                }
            }
        }
    }

    #[test]
    fn of_those_who_enter_the_nearest_go_first() {
        let mut crowd = Crowd::new(250, 4_096);
        let first: Vec<u16> = crowd.step(200).iter().map(|(slot, _)| *slot).collect();
        assert!(first.len() >= 10);
        let distance = |slot: u16| HERE.distance_squared(crowd.bodies[usize::from(slot) - 10].position);
        let farthest = first.iter().map(|slot| distance(*slot)).max().unwrap();
        let nearer = (10..260).filter(|slot| !first.contains(slot) && distance(*slot) < farthest).count();
        assert!(nearer <= 2, "{nearer} are nearer: in cells of their own, for which there was no room");
    }

    #[test]
    fn who_has_gone_is_told_whatever_the_room() {
        let mut crowd = Crowd::new(250, 4_096);
        (0..20).for_each(|_| drop(crowd.step(1_100)));
        assert!(crowd.telling.set.len() <= MAX_SET && crowd.telling.set.len() > 200);
        let (before, gone) = (crowd.telling.set.len(), crowd.bodies.len() / 2);
        crowd.bodies.truncate(gone);
        crowd.bodies.iter_mut().for_each(|body| body.velocity = Velocity::ZERO);
        crowd.step(130);
        let told = crowd.telling.changes.iter().filter(|change| **change == Coded::GONE).count();
        assert_eq!(told, before - crowd.telling.set.len());
        assert_eq!(crowd.telling.set.len(), gone);
    }
}
