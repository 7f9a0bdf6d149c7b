//! What one client is told of whom it has in view: changes of its baseline's set, and who enters it; as much as there is room for.
//!
//! When all does not fit, those go first that were not told for the longest, counted by what their ring allows; of those
//! alike the nearest. Who waits becomes older, so nobody waits for ever. That an entity has gone is always told.

use shallot_wire::limits::{GROUP_HEADER_BYTES, MAX_GROUP_RECORDS, MAX_SET, MAX_STATE_AGE, RECORD_BYTES};
use shallot_wire::snapshot::changes_bytes;
use shallot_wire::{Cell, Change, Delta};

use crate::baseline::Told;
use crate::gate::Reason;
use crate::history::Spot;
use crate::interest::{Interest, Look, Ring, Watched};
use crate::scene::Scene;

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
    wish: Wish,
}

/// What is told only if there is room.
#[derive(Clone, Copy, Debug)]
struct Wish {
    urgency: u32,
    distance_squared: i64,
}

/// Buffers of one client's telling, used again for the next.
#[derive(Debug)]
pub(crate) struct Telling {
    /// What became of each entity of the baseline.
    pub(crate) changes: Vec<Option<Change>>,
    /// Who enters, by cell and slot.
    pub(crate) entering: Vec<Entering>,
    /// The set that comes of it.
    pub(crate) set: Vec<Told>,
    /// For each entity of the view: whether it stays from the baseline.
    stays: Vec<bool>,
    /// The changes that could wait; and when there is too little room, all that could.
    claims: Vec<Claim>,
}

/// One that wants room.
#[derive(Clone, Copy, Debug)]
struct Claim {
    wish: Wish,
    slot: u16,
    kind: ClaimKind,
}

#[derive(Clone, Copy, Debug)]
enum ClaimKind {
    Update { place: usize, change: Change },
    Enter(Entering),
}

impl Default for Telling {
    fn default() -> Self {
        Self {
            changes: Vec::with_capacity(MAX_SET),
            entering: Vec::with_capacity(MAX_SET),
            set: Vec::with_capacity(MAX_SET),
            stays: Vec::with_capacity(MAX_SET),
            claims: Vec::with_capacity(2 * MAX_SET),
        }
    }
}

impl Telling {
    /// Fills [`Telling::changes`], [`Telling::entering`] and [`Telling::set`] for `room` bytes behind the own state. A
    /// baseline of `None` takes no room of its own.
    pub(crate) fn compose(
        &mut self,
        scene: &Scene,
        look: Look,
        (interest, view): (&Interest, &[Watched]),
        baseline: Option<&[Told]>,
        room: usize,
    ) {
        self.changes.clear();
        self.entering.clear();
        self.set.clear();
        self.claims.clear();
        self.stays.clear();
        self.stays.resize(view.len(), false);
        for told in baseline.unwrap_or_default() {
            let watched = interest.place_of(told.slot).and_then(|place| Some((place, *view.get(place)?)));
            let change = match watched {
                Some((place, watched)) => self.follow(scene, look, *told, watched, place),
                None => Some(Change::Gone),
            };
            self.changes.push(change);
        }
        for (watched, _) in view.iter().zip(&self.stays).filter(|(_, stays)| !**stays) {
            let Some(spot) = scene.spot(watched.slot) else { continue };
            let waited = baseline.map_or(0, |_| u32::from(watched.stay).min(IN_TIME));
            let wish = wish(look, spot, watched, entering_urgency(watched.ring) + waited);
            self.entering.push(Entering { cell: Cell::of(spot.position), slot: watched.slot, wish });
        }
        self.entering.sort_unstable_by_key(|entering| (entering.cell, entering.slot));
        let bits: u32 = self.changes.iter().flatten().map(Change::bits).sum();
        let changes = baseline.map_or(0, |baseline| changes_bytes(baseline.len(), bits as usize));
        if changes + entering_bytes(&self.entering) > room {
            self.cut(baseline.map(<[Told]>::len), room);
        }
        self.conclude(scene, look, baseline.unwrap_or_default());
    }

    /// What became of one entity that is in view and in the baseline.
    fn follow(&mut self, scene: &Scene, look: Look, told: Told, watched: Watched, place: usize) -> Option<Change> {
        let age = told.age(look.tick);
        let is_turn = look.is_turn(usize::from(told.slot), watched.ring);
        if !is_turn && age < watched.ring.age(told.rests) {
            self.mark(place); // most of those in view, most of the time
            return None;
        }
        let had = scene.history.at(look.tick.minus(age), told.slot).filter(|_| age <= MAX_STATE_AGE);
        let now = scene.spot(told.slot);
        let Some((had, now)) = had.zip(now).filter(|(had, now)| had.id == now.id) else { return Some(Change::Gone) };
        let (from, to) = (had.state(), now.state());
        let Some(reason) = watched.ring.reason(&from, age, &to, is_turn) else {
            self.mark(place);
            return None;
        };
        // Too far off for a delta: it goes, and enters anew.
        let Some(delta) = Delta::between(&from, age, &to) else { return Some(Change::Gone) };
        self.mark(place);
        let lateness = age * IN_TIME / watched.ring.age(false) + if reason == Reason::Changed { CHANGED } else { 0 };
        let (wish, change) = (wish(look, now, &watched, lateness), Change::To(delta));
        let kind = ClaimKind::Update { place: self.changes.len(), change };
        self.claims.push(Claim { wish, slot: told.slot, kind });
        Some(change)
    }

    fn mark(&mut self, place: usize) {
        if let Some(stays) = self.stays.get_mut(place) {
            *stays = true;
        }
    }

    /// Takes back what there is no room for.
    fn cut(&mut self, baseline: Option<usize>, room: usize) {
        let Self { changes, entering, claims, .. } = self;
        for claim in claims.iter() {
            if let ClaimKind::Update { place, .. } = claim.kind {
                changes[place] = None;
            }
        }
        let enter = |who: Entering| Claim { wish: who.wish, slot: who.slot, kind: ClaimKind::Enter(who) };
        claims.extend(entering.drain(..).map(enter));
        claims.sort_unstable_by_key(|claim| {
            (std::cmp::Reverse(claim.wish.urgency), claim.wish.distance_squared, claim.slot)
        });
        let mut bits: u32 = changes.iter().flatten().map(Change::bits).sum();
        let mut entering_bytes = 0;
        for claim in claims {
            match claim.kind {
                ClaimKind::Update { place, change } => {
                    let more = change.bits();
                    let length = baseline.map_or(0, |count| changes_bytes(count, (bits + more) as usize));
                    if length + entering_bytes <= room {
                        bits += more;
                        changes[place] = Some(change);
                    }
                }
                ClaimKind::Enter(who) => {
                    let in_cell = entering.iter().filter(|other| other.cell == who.cell).count();
                    let header = if in_cell.is_multiple_of(MAX_GROUP_RECORDS) { GROUP_HEADER_BYTES } else { 0 };
                    let length = baseline.map_or(0, |count| changes_bytes(count, bits as usize));
                    if length + entering_bytes + header + RECORD_BYTES <= room {
                        entering_bytes += header + RECORD_BYTES;
                        entering.push(who);
                    }
                }
            }
        }
        entering.sort_unstable_by_key(|entering| (entering.cell, entering.slot));
    }

    /// The set that the changes lead to, in the order that both ends know.
    fn conclude(&mut self, scene: &Scene, look: Look, baseline: &[Told]) {
        let now = |slot| Told::at(slot, look.tick, scene.spot(slot).is_some_and(|spot| spot.speed == 0));
        for (told, change) in baseline.iter().zip(&self.changes) {
            match change {
                None => self.set.push(*told),
                Some(Change::To(_)) => self.set.push(now(told.slot)),
                Some(Change::Gone) => {}
            }
        }
        self.set.extend(self.entering.iter().map(|entering| now(entering.slot)));
    }
}

/// Of who enters, beside its waiting. Without a baseline all enter, and nobody is known to have waited.
fn entering_urgency(ring: Ring) -> u32 {
    match ring {
        Ring::Always | Ring::Near => 3 * IN_TIME,
        Ring::Mid => 2 * IN_TIME,
        Ring::Far => IN_TIME,
    }
}

fn wish(look: Look, spot: &Spot, watched: &Watched, lateness: u32) -> Wish {
    let bound = if watched.ring == Ring::Always { BOUND } else { 0 };
    Wish { urgency: lateness + bound, distance_squared: look.at.distance_squared(spot.position) }
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
            let parts = (&self.interest, self.view.as_slice());
            self.telling.compose(&self.scene, look, parts, Some(&baseline), room);
            let bits: u32 = self.telling.changes.iter().flatten().map(Change::bits).sum();
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
        let told = crowd.telling.changes.iter().filter(|change| **change == Some(Change::Gone)).count();
        assert_eq!(told, before - crowd.telling.set.len());
        assert_eq!(crowd.telling.set.len(), gone);
    }
}
