//! What one client is told of whom it has in view: changes against its baseline, and who enters; as much as there is room for.
//!
//! When all does not fit, those go first that were not told for the longest, counted by what their ring allows, and those before others who are
//! close by; of those alike the nearest. Who waits becomes older, so nobody waits for ever. That a place is empty is always told.

use shallot_wire::limits::{GROUP_HEADER_BYTES, MAX_GROUP_RECORDS, PLACES, UNITS_PER_METRE};
use shallot_wire::snapshot::changes_bytes;
use shallot_wire::{Cell, Coded, Form, Places};

use crate::drift::Drifts;
use crate::interest::{Look, Ring};
use crate::scene::Scene;
use crate::view::{Shown, View};

/// Urgency of who has waited just as long as its ring allows.
const IN_TIME: u32 = 20;
/// More for who is not where it is thought to be.
const CHANGED: u32 = 10;
/// More for who is close by: how it moves is seen best.
const CLOSE: u32 = IN_TIME;
/// So near, units.
const CLOSE_UNITS: i32 = 4 * UNITS_PER_METRE;
/// More for what the player has to do with.
const BOUND: u32 = 40;

/// Somebody who takes a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entering {
    pub(crate) cell: Cell,
    pub(crate) slot: u16,
    pub(crate) place: u8,
}

/// Buffers of one client's telling, used again for the next.
#[derive(Debug)]
pub(crate) struct Telling {
    /// Places of which a change is told, and the changes in their order.
    pub(crate) changed: Places,
    pub(crate) changes: Vec<Coded>,
    /// Who enters, by cell and slot.
    pub(crate) entering: Vec<Entering>,
    /// Places that would have been told, had there been room.
    pub(crate) left_out: Places,
    /// For all clients.
    drifts: Drifts,
    /// When there is too little room: all that could wait.
    claims: Vec<Claim>,
    /// The changes that all of them would have, by place.
    wanted: Vec<Coded>,
    /// Of each who would enter: the number of its cell, and whether there is room.
    rooms: Vec<(usize, bool)>,
    /// How many enter in each cell.
    cells: Vec<usize>,
}

/// One that wants room: the less, the sooner. From the top: urgency, least first when inverted; squared distance; whether it
/// enters; its place, or where it stands among those who enter.
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
        let [changed, left_out] = [Places::NONE; 2];
        Self {
            changed,
            changes: Vec::with_capacity(PLACES),
            entering: Vec::with_capacity(PLACES),
            left_out,
            drifts: Drifts::default(),
            claims: Vec::with_capacity(PLACES),
            wanted: vec![Coded::GONE; PLACES],
            rooms: Vec::with_capacity(PLACES),
            cells: Vec::with_capacity(PLACES),
        }
    }
}

impl Telling {
    /// Before the first client of a tick.
    pub(crate) fn begin(&mut self) {
        self.drifts.begin();
    }

    /// Finds out what is told in `room` bytes behind the own state. Without a baseline changes take no room, and there are none.
    pub(crate) fn compose(&mut self, scene: &Scene, look: Look, view: &View, has_baseline: bool, room: usize) {
        (self.changed, self.left_out) = (Places::NONE, Places::NONE);
        self.changes.clear();
        self.entering.clear();
        let (mut bits, owed) = (0, view.ledger.owed());
        for place in view.turn_to_tell(look.snapshot_count()) | owed {
            let Some(Shown { slot, ring, .. }) = view.get(place) else {
                bits += self.change(place, Coded::GONE);
                continue;
            };
            if !owed.contains(place) {
                let age = view.ledger.since_told(place, look.tick);
                if !self.drifts.gate(scene, slot, age).is_due(ring, age, look.every) {
                    continue; // most of those in view, most of the time
                }
            }
            let has = view.ledger.has(place, look.tick);
            match has.and_then(|age| self.drifts.change(scene, slot, age)) {
                Some(change) => bits += self.change(place, change),
                None => {
                    let Some(at) = scene.position(slot) else { continue };
                    self.entering.push(Entering { cell: Cell::of(at), slot, place });
                }
            }
        }
        let most = room / Form::Entering.record_bytes();
        if self.entering.len() > most {
            self.keep_most_urgent(scene, look, view, has_baseline, most);
        }
        self.entering.sort_unstable_by_key(|entering| (entering.cell, entering.slot));
        let changes = if has_baseline { changes_bytes(self.changed.end(), bits as usize) } else { 0 };
        if changes + entering_bytes(&self.entering) > room {
            self.cut(scene, look, view, has_baseline, room);
        }
    }

    fn change(&mut self, place: u8, change: Coded) -> u32 {
        self.changed.insert(place);
        self.changes.push(change);
        change.bits()
    }

    /// The places that are told.
    pub(crate) fn told(&self) -> Places {
        let mut told = self.changed;
        self.entering.iter().for_each(|entering| told.insert(entering.place));
        told
    }

    /// Of those who enter leaves out all but so many: more have no room whatever the changes take, and need not be put in order.
    fn keep_most_urgent(&mut self, scene: &Scene, look: Look, view: &View, has_baseline: bool, most: usize) {
        self.claims.clear();
        let claims = self.entering.iter().enumerate();
        self.claims.extend(claims.map(|(n, entering)| entering_claim(scene, look, view, has_baseline, entering, n)));
        let (_, first_out, others_out) = self.claims.select_nth_unstable(most);
        for claim in std::iter::once(&*first_out).chain(&*others_out) {
            let out = self.entering.get((claim & (ENTERS - 1)) as usize);
            out.into_iter().for_each(|entering| self.left_out.insert(entering.place));
        }
        let left_out = self.left_out;
        self.entering.retain(|entering| !left_out.contains(entering.place));
    }

    /// Leaves out what there is no room for.
    fn cut(&mut self, scene: &Scene, look: Look, view: &View, has_baseline: bool, room: usize) {
        let distance_squared = |slot| scene.position(slot).map_or(i64::MAX, |at| look.at.distance_squared(at));
        let all = self.told();
        self.claims.clear();
        for (place, change) in self.changed.into_iter().zip(&self.changes) {
            if let Some(wanted) = self.wanted.get_mut(usize::from(place)) {
                *wanted = *change;
            }
            let claim = view.get(place).map_or(claim(MOST_URGENT, 0, place.into()), |Shown { slot, ring, .. }| {
                let age = view.ledger.since_told(place, look.tick);
                let lateness = age * IN_TIME / ring.age(false);
                let is_off = self.drifts.gate(scene, slot, age).is_off(ring);
                let distance_squared = distance_squared(slot);
                let is_close = distance_squared <= i64::from(CLOSE_UNITS) * i64::from(CLOSE_UNITS);
                let more = [(is_off, CHANGED), (is_close, CLOSE), (ring == Ring::Always, BOUND)];
                let more: u32 = more.into_iter().filter(|(holds, _)| *holds).map(|(_, more)| more).sum();
                claim(lateness + more, distance_squared, place.into())
            });
            self.claims.push(claim);
        }
        self.rooms.clear();
        self.cells.clear();
        for (number, cell) in self.entering.chunk_by(|a, b| a.cell == b.cell).enumerate() {
            self.cells.push(0);
            self.rooms.extend(cell.iter().map(|_| (number, false)));
        }
        for (n, entering) in self.entering.iter().enumerate() {
            self.claims.push(entering_claim(scene, look, view, has_baseline, entering, n));
        }
        self.claims.sort_unstable();
        self.grant(has_baseline, room);
        self.left_out |= all - self.told();
    }

    /// Gives the claims what they want, in their order, as far as there is room.
    fn grant(&mut self, has_baseline: bool, room: usize) {
        let changes_length = |end: usize, bits: u32| if has_baseline { changes_bytes(end, bits as usize) } else { 0 };
        let (mut end, mut bits, mut entering_length) = (0, 0, 0);
        self.changed = Places::NONE;
        for claim in &self.claims {
            let place = (claim & (ENTERS - 1)) as usize;
            if claim & ENTERS == 0 {
                let Some(wanted) = self.wanted.get(place) else { continue };
                let (more_end, more_bits) = (end.max(place + 1), bits + wanted.bits());
                if changes_length(more_end, more_bits) + entering_length <= room {
                    (end, bits) = (more_end, more_bits);
                    self.changed.insert(place as u8);
                }
            } else if let Some((cell, enters)) = self.rooms.get_mut(place) {
                let Some(in_cell) = self.cells.get_mut(*cell) else { continue };
                let header = if in_cell.is_multiple_of(MAX_GROUP_RECORDS) { GROUP_HEADER_BYTES } else { 0 };
                let length = header + Form::Entering.record_bytes();
                if changes_length(end, bits) + entering_length + length <= room {
                    entering_length += length;
                    *in_cell += 1;
                    *enters = true;
                }
            }
        }
        let wanted = |place: u8| self.wanted.get(usize::from(place)).copied();
        self.changes.clear();
        self.changes.extend(self.changed.into_iter().filter_map(wanted));
        let mut rooms = self.rooms.iter();
        self.entering.retain(|_| rooms.next().is_some_and(|(_, enters)| *enters));
    }
}

/// Of the `n`-th of those who enter.
fn entering_claim(scene: &Scene, look: Look, view: &View, has_baseline: bool, entering: &Entering, n: usize) -> Claim {
    let ring = view.get(entering.place).map_or(Ring::Far, |shown| shown.ring);
    // Without a baseline all enter, and nobody is known to have waited.
    let waited = if has_baseline { view.ledger.since_told(entering.place, look.tick) } else { 0 };
    let distance_squared = scene.position(entering.slot).map_or(i64::MAX, |at| look.at.distance_squared(at));
    claim(entering_urgency(ring) + waited, distance_squared, n) | ENTERS
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
    cells.map(|n| n * Form::Entering.record_bytes() + n.div_ceil(MAX_GROUP_RECORDS) * GROUP_HEADER_BYTES).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shallot_wire::{Ack, EntityKind, NetId, Position, Rect, Sequence, Tick, Velocity};

    use super::*;
    use crate::components::{Body, Tag};
    use crate::grid::Grid;
    use crate::interest::Interest;

    /// Walkers around a viewer at 100, 100 m, each of whose snapshots arrives before the next one.
    struct Crowd {
        scene: Scene,
        bodies: Vec<Body>,
        view: View,
        interest: Interest,
        telling: Telling,
        tick: Tick,
        /// Whom the client was told of.
        known: BTreeSet<u16>,
    }

    const HERE: Position = Position { x: 100 * 4_096, y: 100 * 4_096 };

    impl Crowd {
        fn new(count: i32, apart: i32) -> Self {
            let at = |n: i32| Position { x: HERE.x + (n % 16 - 8) * apart, y: HERE.y + (n / 16 - 8) * apart };
            Self {
                scene: Scene::new(Grid::new(Rect::from_metres(0, 0, 400, 400))),
                bodies: (0..count).map(|n| Body::at(at(n), 0)).collect(),
                view: View::default(),
                interest: Interest::default(),
                telling: Telling::default(),
                tick: Tick(1_000),
                known: BTreeSet::new(),
            }
        }

        /// One tick: each walks on and turns at times. For how long each in view was not told, by slot.
        fn step(&mut self, room: usize) -> Vec<(u16, u32)> {
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
            let look = Look { own: NetId { index: 1, generation: 0 }, at: HERE, tick: self.tick, every: 1 };
            self.interest.update(&self.scene, look, std::iter::empty(), &mut self.view);
            self.telling.begin();
            let sequence = Sequence(self.tick.low16());
            let has_baseline = self.view.ledger.baseline(sequence, self.view.taken()).is_some();
            self.telling.compose(&self.scene, look, &self.view, has_baseline, room);
            let bits: u32 = self.telling.changes.iter().map(|change| change.bits()).sum();
            let changes = if has_baseline { changes_bytes(self.telling.changed.end(), bits as usize) } else { 0 };
            let length = changes + entering_bytes(&self.telling.entering);
            assert!(length <= room, "{length} bytes in {room}");
            self.known.extend(self.telling.entering.iter().map(|entering| entering.slot));
            let (told, left_out) = (self.telling.told(), self.telling.left_out);
            self.view.ledger.note(sequence, self.tick, told, left_out, !has_baseline);
            self.view.acknowledge(Ack { newest: sequence, mask: u32::MAX });
            let ages =
                self.view.all().map(|(place, shown)| (shown.slot, self.view.ledger.since_told(place, self.tick)));
            ages.collect()
        }
    }

    #[test]
    fn nobody_waits_for_ever_in_a_narrow_room() {
        let mut crowd = Crowd::new(200, 4_096);
        (0..60).for_each(|_| drop(crowd.step(220)));
        assert_eq!(crowd.known.len(), 200, "all are told");
        for _ in 0..100 {
            let ages = crowd.step(220);
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
            let in_view = |slot: u16| ages.iter().find(|(told, _)| *told == slot).map(|(_, age)| *age);
            for (n, body) in (0_u16..).zip(&crowd.bodies) {
                if HERE.is_within(31 * 4_096, body.position) {
                    assert!(in_view(10 + n).is_some_and(|age| age <= 5), "{:?}", in_view(10 + n));
                }
            }
        }
    }

    #[test]
    fn of_those_who_enter_the_nearest_go_first() {
        let mut crowd = Crowd::new(250, 4_096);
        crowd.step(200);
        assert!(crowd.known.len() >= 10);
        let distance = |slot: u16| HERE.distance_squared(crowd.bodies[usize::from(slot) - 10].position);
        let farthest = crowd.known.iter().map(|slot| distance(*slot)).max().unwrap();
        let nearer = (10..260).filter(|slot| !crowd.known.contains(slot) && distance(*slot) < farthest).count();
        assert!(nearer <= 2, "{nearer} are nearer: in cells of their own, for which there was no room");
    }

    #[test]
    fn that_places_are_empty_is_told_whatever_the_room() {
        let mut crowd = Crowd::new(250, 4_096);
        (0..20).for_each(|_| drop(crowd.step(1_100)));
        assert!(crowd.known.len() > 200);
        let (before, gone) = (crowd.view.taken(), crowd.bodies.len() / 2);
        crowd.bodies.truncate(gone);
        crowd.bodies.iter_mut().for_each(|body| body.velocity = Velocity::ZERO);
        crowd.step(130);
        let told = crowd.telling.changed.into_iter().zip(&crowd.telling.changes);
        let told = told.filter(|(_, change)| **change == Coded::GONE).map(|(place, _)| place);
        assert!(told.eq(before - crowd.view.taken()));
        assert_eq!(crowd.view.taken().len(), gone);
    }
}
