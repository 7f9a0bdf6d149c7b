//! Snapshots against baselines over a bad link: what arrives is the truth, and what is lost is told again.

use std::collections::{BTreeMap, BTreeSet};

use shallot_wire::datagram::Ack;
use shallot_wire::heading::quantize_velocity;
use shallot_wire::{NetId, OwnState, OwnerEpoch, Snapshot, State, Tick};
use shallot_world::Command;
use shallot_world::limits::BUDGET_LEAST;

use crate::eye::Eye;
use crate::stage::{Stage, character, metres, sheet};

/// As the wire must have what a player's own state is in full.
fn quantized(own: &OwnState) -> State {
    let (x, y) = State::steps(own.position);
    let (speed, heading) = quantize_velocity(own.velocity);
    let heading = if speed == 0 { 0 } else { heading };
    State { x, y, z: 0, facing: own.facing, speed, heading, animation: 0, is_dead: own.is_dead }
}

/// What really was, by tick and entity.
type Truth = BTreeMap<(u32, NetId), State>;

/// Players of whom one looks at the others over a link.
pub(crate) struct Field {
    pub(crate) stage: Stage,
    players: Vec<NetId>,
    truth: Truth,
    tick: u16,
}

impl Field {
    pub(crate) fn new(count: u8, apart: i32) -> Self {
        let mut stage = Stage::new(|data| data.balance.player_speed_cm_per_s = 600);
        let at = |n: u8| metres(60 + i32::from(n % 6) * apart, 60 + i32::from(n / 6) * apart);
        let players = (0..count).map(|n| stage.enter(n + 1, sheet(at(n))).entity).collect();
        Self { stage, players, truth: Truth::new(), tick: 0 }
    }

    fn tick(&self) -> Tick {
        self.stage.world.tick()
    }

    /// One tick in which each goes where it is told to; the first one's datagram.
    pub(crate) fn step(&mut self, ack: Option<Ack>, walk: impl Fn(usize, u16) -> (u8, u8)) -> Vec<u8> {
        self.step_if_told(ack, walk).unwrap()
    }

    /// The same, also in a tick in which the first one is told nothing.
    fn step_if_told(&mut self, ack: Option<Ack>, walk: impl Fn(usize, u16) -> (u8, u8)) -> Option<Vec<u8>> {
        self.tick += 1;
        for (n, player) in self.players.iter().enumerate() {
            let (heading, throttle) = walk(n, self.tick);
            let ack = ack.filter(|_| n == 0);
            self.stage.input_with(*player, self.tick, (heading, throttle), ack);
        }
        self.stage.step();
        for n in 0..self.players.len() {
            let Some(datagram) = self.stage.datagram_if_any(n as u8 + 1) else { continue };
            let own = Snapshot::decode(datagram).unwrap().own.unwrap();
            self.truth.insert((self.tick().0, own.entity), quantized(&own));
        }
        self.stage.datagram_if_any(1).map(<[u8]>::to_vec)
    }

    /// All states in view are what was, when they say that it was.
    fn check(&self, eye: &Eye) {
        for entry in eye.shown().values() {
            assert_eq!(self.truth.get(&(entry.tick.0, entry.entity)), Some(&entry.state), "at {:?}", entry.tick);
        }
    }
}

/// Walks that turn now and then, and stand now and then.
pub(crate) fn stroll(n: usize, tick: u16) -> (u8, u8) {
    let turn = (usize::from(tick) + 7 * n) / 17;
    let heading = (turn * 77 + n * 31) as u8;
    (heading, if (turn + n).is_multiple_of(4) { 0 } else { 127 })
}

/// Small numbers that look like chance, from a seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn under(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn what_arrives_is_the_truth_whatever_the_link_does() {
    for (seed, loss) in [(1, 0), (2, 2), (3, 20), (4, 50), (5, 80)] {
        let (mut field, mut eye, mut dice) = (Field::new(30, 12), Eye::default(), Dice(seed));
        let (mut under_way, mut answers) = (Vec::new(), Vec::new());
        let mut arrived = 0;
        for n in 0..400_u64 {
            let acks: Vec<Ack> = answers.extract_if(.., |(at, _)| *at <= n).map(|(_, ack)| ack).collect();
            if let Some(datagram) = field.step_if_told(acks.last().copied(), stroll) {
                for _ in 0..1 + dice.under(2) {
                    if dice.under(100) >= loss {
                        under_way.push((n + dice.under(4), datagram.clone()));
                    }
                }
            }
            for (_, datagram) in under_way.extract_if(.., |(at, _)| *at <= n).collect::<Vec<_>>() {
                if eye.take(&datagram) {
                    assert!(n < 50 || loss > 20 || eye.shown().len() == 29, "seed {seed}: all are in view");
                    field.check(&eye);
                    arrived += 1;
                }
            }
            if let Some(ack) = eye.ack().filter(|_| dice.under(100) >= loss) {
                answers.push((n + 1 + dice.under(4), ack));
            }
        }
        assert_eq!(eye.without_baseline, 0, "only what it has is named");
        assert!(arrived > 50, "{arrived} arrived");
    }
}

#[test]
fn the_acknowledgement_of_exactly_the_baseline_is_lost() {
    let (mut field, mut eye) = (Field::new(12, 12), Eye::default());
    let mut answer = None;
    let mut baselines = Vec::new();
    for n in 0..60 {
        let datagram = field.step(answer, stroll);
        let header = Snapshot::decode(&datagram).unwrap().header;
        baselines.push(header.baseline.map(|baseline| header.sequence.since(baseline)));
        eye.take(&datagram);
        field.check(&eye);
        answer = eye.ack().filter(|_| n != 30);
    }
    assert_eq!(baselines[30], Some(1));
    assert_eq!(baselines[31], Some(2), "the one before goes on to be the baseline");
    assert_eq!(baselines[32], Some(1));
    assert_eq!((eye.tick, eye.without_baseline), (field.tick(), 0));
}

#[test]
fn a_client_that_says_nothing_for_two_seconds_is_told_all_anew_and_seldom() {
    let (mut field, mut eye) = (Field::new(12, 12), Eye::default());
    let mut told_while_behind = 0;
    for n in 0..80 {
        let answer = eye.ack().filter(|_| !(20..70).contains(&n));
        let is_behind = (20 + 31..70).contains(&n);
        let Some(datagram) = field.step_if_told(answer, stroll) else {
            assert!(is_behind, "no snapshot at {n}");
            continue;
        };
        told_while_behind += u32::from(is_behind);
        let has_baseline = Snapshot::decode(&datagram).unwrap().header.baseline.is_some();
        assert_eq!(has_baseline, (1..20 + 30).contains(&n) || n >= 70, "snapshot {n}");
        eye.take(&datagram);
        field.check(&eye);
        assert!(n < 5 || eye.shown().len() == 11, "all are in view");
    }
    assert!((4..=6).contains(&told_while_behind), "{told_while_behind} of 19 ticks, a quarter");
}

#[test]
fn who_stops_on_a_lost_tick_is_told_until_its_rest_has_arrived() {
    let (mut field, mut eye) = (Field::new(2, 12), Eye::default());
    let other = field.players[1];
    let walk = |n: usize, tick: u16| (0, if n == 1 && tick < 40 { 127 } else { 0 });
    for _ in 1..40 {
        let datagram = field.step(eye.ack(), walk);
        eye.take(&datagram);
    }
    // It stops, and that is lost; it is not told again before that is known.
    let lost = field.step(eye.ack(), walk);
    assert!(eye.told(&lost).contains(&other));
    for _ in 0..2 {
        let datagram = field.step(eye.ack(), walk);
        assert!(!eye.told(&datagram).contains(&other));
    }
    assert!(eye.shown()[&other].state.speed > 0);
    // Those two are lost as well; the next one arrives and says by its acknowledgement that the others did not.
    let datagram = field.step(eye.ack(), walk);
    eye.take(&datagram);
    assert!(eye.shown()[&other].state.speed > 0, "nobody knows yet");
    let again = field.step(eye.ack(), walk);
    assert!(eye.told(&again).contains(&other));
    // Lost once more, and once more told when the one after it has arrived.
    let datagram = field.step(eye.ack(), walk);
    eye.take(&datagram);
    let datagram = field.step(eye.ack(), walk);
    eye.take(&datagram);
    let rest = eye.shown()[&other];
    assert_eq!((rest.state, rest.tick), (field.truth[&(field.tick().0, other)], field.tick()));
    assert_eq!(rest.state.speed, 0);
    for _ in 0..15 {
        let datagram = field.step(eye.ack(), walk);
        assert!(!eye.told(&datagram).contains(&other), "its rest is known");
        eye.take(&datagram);
        field.check(&eye);
    }
}

/// Who is farther off has its turn in some ticks only, and may stop between them.
#[test]
fn who_stops_between_its_turns_is_soon_told_to_rest() {
    for (away, turn) in [(20, 1), (80, 3), (150, 5)] {
        let waits = (0..2 * turn).map(|phase| {
            let mut stage = Stage::new(|data| {
                data.regions[0].area.width = 400;
                data.balance.player_speed_cm_per_s = 600;
            });
            let me = stage.enter(1, sheet(metres(20, 100))).entity;
            let other = stage.enter(2, sheet(metres(20 + away, 90))).entity;
            let (mut eye, stops_at) = (Eye::default(), 60 + phase);
            for tick in 0..stops_at + 60 {
                stage.input(other, tick, 64, if tick < stops_at { 127 } else { 0 });
                stage.look_back(me, &eye);
                stage.step();
                eye.take(stage.datagram(1));
                let seen = eye.shown()[&other].state;
                if tick >= stops_at && seen == quantized(&stage.snapshot(2).own.unwrap()) {
                    return tick - stops_at;
                }
            }
            panic!("{away} m away it is never told to rest");
        });
        let waits: Vec<u16> = waits.collect();
        assert!(waits.iter().all(|wait| *wait < turn), "{waits:?} ticks, {away} m away");
        assert!(turn == 1 || waits.iter().any(|wait| *wait > 0), "{away} m away nobody ever had to wait: {waits:?}");
    }
}

/// All turn in each tick, and there is room for less than half of them; one after the other stops.
#[test]
fn who_stops_while_there_is_no_room_for_it_is_soon_told_to_rest() {
    let (mut field, mut eye) = (Field::new(90, 3), Eye::default());
    field.stage.push(Command::SnapshotBudget { character: character(1), owner_epoch: OwnerEpoch(1), bytes: 0 });
    let stops_at = |n: usize| 60 + 2 * n as u16;
    let walk =
        |n: usize, tick: u16| ((tick * 40 + n as u16 * 31) as u8, if n > 0 && tick < stops_at(n) { 127 } else { 0 });
    let (mut waits, mut rest) = (Vec::new(), BTreeSet::new());
    for tick in 1..stops_at(90) + 40 {
        let datagram = field.step(eye.ack(), walk);
        assert!(datagram.len() <= BUDGET_LEAST, "{} bytes", datagram.len());
        eye.take(&datagram);
        field.check(&eye);
        for n in (1..90).filter(|n| stops_at(*n) <= tick) {
            let id = field.players[n];
            let is_known = eye.shown().get(&id).is_some_and(|entry| entry.state == field.truth[&(field.tick().0, id)]);
            if is_known && rest.insert(id) {
                waits.push(tick - stops_at(n));
            }
        }
    }
    assert_eq!(waits.len(), 89, "all are told to rest");
    let (worst, at_once) = (waits.iter().max().unwrap(), waits.iter().filter(|wait| **wait == 0).count());
    assert!(*worst <= 6, "{waits:?}");
    assert!(at_once < 60, "there was room: {at_once} were told at once");
}

#[test]
fn what_is_drawn_is_near_the_truth() {
    // Three ticks there and back; walks that turn once in 17 ticks, all within 32 m.
    let (mut field, mut eye) = (Field::new(20, 3), Eye::default());
    let mut answers = Vec::new();
    let mut worst = 0_f64;
    for n in 0..300_u64 {
        let ack = answers.extract_if(.., |(at, _)| *at <= n).last().map(|(_, ack)| ack);
        let datagram = field.step(ack, stroll);
        eye.take(&datagram);
        answers.extend(eye.ack().map(|ack| (n + 3, ack)));
        for (entity, entry) in eye.shown().into_iter().filter(|_| n > 10) {
            let (x, y) = entry.state.extrapolated(entry.age(field.tick()).unwrap());
            let truth = field.truth[&(field.tick().0, entity)];
            worst = worst.max(f64::from(truth.x - x).hypot(f64::from(truth.y - y)) / 64.0);
        }
    }
    assert!(worst <= 0.02 + 1.0 / 64.0, "{worst} m off");
}

#[test]
fn a_typical_update_takes_five_bytes() {
    let (mut field, mut eye) = (Field::new(30, 6), Eye::default());
    let mut answers = Vec::new();
    let (mut bits, mut updates, mut bytes, mut ticks) = (0, 0_u32, 0, 0);
    for n in 0..300_u64 {
        let ack = answers.extract_if(.., |(at, _)| *at <= n).last().map(|(_, ack)| ack);
        let datagram = field.step(ack, stroll);
        eye.take(&datagram);
        answers.extend(eye.ack().map(|ack| (n + 2, ack)));
        if n < 20 {
            continue;
        }
        for (_, change) in Snapshot::decode(&datagram).unwrap().changes() {
            bits += change.coded().bits();
            updates += 1;
        }
        bits += 8 + 29;
        (bytes, ticks) = (bytes + datagram.len(), ticks + 1);
    }
    assert!(bits <= updates * 8 * 5, "{bits} bits for {updates} updates");
    assert!(bytes / ticks < 11 + 24 + 29 * 3, "{} bytes a tick for 29 walkers", bytes / ticks);
}

#[test]
fn another_client_of_the_same_body_is_told_all_anew() {
    let (mut field, mut eye) = (Field::new(3, 12), Eye::default());
    for _ in 0..10 {
        let datagram = field.step(eye.ack(), stroll);
        eye.take(&datagram);
    }
    field.stage.enter(1, sheet(metres(60, 60)));
    let first = Snapshot::decode(field.stage.datagram(1)).unwrap();
    let next = eye.ack().unwrap().newest.next();
    assert_eq!((first.header.sequence, first.header.baseline), (next, None), "no answer to the old client means it");
    assert_eq!(field.stage.out.snapshots.iter().filter(|s| s.character == character(1)).count(), 1);
}
