//! Many who come into one place at once: they are seen, and those who are there already do not notice it.

use std::collections::BTreeSet;

use shallot_wire::datagram::Ack;
use shallot_wire::limits::{CROWD_TICKS, MAX_DATAGRAM};
use shallot_wire::{CharacterId, NetId, OwnerEpoch, Position, Received, Snapshot, State};
use shallot_world::{Command, Reply};

use crate::baselines::Dice;
use crate::eye::Eye;
use crate::stage::{Stage, sheet};

/// The first of them looks, and the next few stand around it: those are in before the others come.
const FRIENDS: usize = 10;
const ALL: usize = 1_000;
const A_TICK: usize = 5;
const STAY_TICKS: u16 = 60;
/// So many with full views are told in a tick, and those who come in it are known to be more only in the next.
const TOLD_A_TICK: usize = 512;
/// And each who came has a datagram again before so many ticks have gone by.
const TURN_TICKS: u32 = 3;
/// What is drawn of a friend is this near to the truth at the 99th percentile, centimetres.
const NEAR_CM: u64 = 10;

fn character(n: usize) -> CharacterId {
    let mut id = [0xCC; 16];
    id[..8].copy_from_slice(&n.to_le_bytes());
    CharacterId(id)
}

/// Somebody who came.
struct Guest {
    entity: NetId,
    has: Received,
    /// Where it was told to be in this tick, and in the one before; or that follows from how it came there.
    own: Option<Position>,
    before: Option<Position>,
    /// Ticks since it had a datagram.
    waits: u32,
    /// Ticks in a row in which the first one did not see it.
    unseen: u32,
}

struct Crowd {
    stage: Stage,
    guests: Vec<Guest>,
    eye: Eye,
    dice: Dice,
    tick: u16,
    /// Where friends were drawn in the last tick, if that had a snapshot; steps.
    drawn: Vec<(usize, (i32, i32))>,
    /// Of friends, centimetres.
    errors: Vec<u64>,
}

impl Crowd {
    fn new() -> Self {
        let stage = Stage::new(|data| data.balance.player_speed_cm_per_s = 600);
        Self {
            stage,
            guests: Vec::new(),
            eye: Eye::default(),
            dice: Dice(7),
            tick: 0,
            drawn: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// One tick in which so many come into the cell from 96 to 128 m. All who are in turn in each tick, more than there is room for.
    fn step(&mut self, coming: usize) {
        self.tick += 1;
        let came = self.guests.len();
        for n in came..came + coming {
            let side_cm = if n <= FRIENDS { 300 } else { 2_600 };
            let mut along = || 11_200 - side_cm as i64 / 2 + self.dice.under(side_cm) as i64;
            let at = Position::from_cm(along(), along());
            let (character, owner_epoch, sheet) = (character(n), OwnerEpoch(1), Box::new(sheet(at)));
            self.stage.push(Command::Enter { character, owner_epoch, sheet, correlation: n as u64 });
        }
        for (n, guest) in (0_u16..).zip(&self.guests) {
            let ack: Option<Ack> = guest.has.ack();
            let heading = self.tick.wrapping_mul(40).wrapping_add(n.wrapping_mul(31)) as u8;
            let walk = (heading, if n == 0 { 0 } else { 127 });
            self.stage.input_with(guest.entity, self.tick, walk, ack);
        }
        self.stage.step();
        for n in came..came + coming {
            match self.stage.answer(n as u64) {
                Some(Ok(Reply::Entered(entered))) => {
                    let entity = entered.entity;
                    self.guests.push(Guest {
                        entity,
                        has: Received::default(),
                        own: None,
                        before: None,
                        waits: 0,
                        unseen: 0,
                    });
                }
                other => panic!("{other:?}"),
            }
        }
        self.deliver();
        self.look();
    }

    /// Each has its one datagram, in turn once there are so many.
    fn deliver(&mut self) {
        let snapshots = &self.stage.out.snapshots;
        let to: BTreeSet<CharacterId> = snapshots.iter().map(|snapshot| snapshot.character).collect();
        assert_eq!(to.len(), snapshots.len(), "one for each");
        assert!(snapshots.len() <= TOLD_A_TICK + A_TICK, "{} are told", snapshots.len());
        for guest in &mut self.guests {
            (guest.before, guest.own, guest.waits) = (guest.own, None, guest.waits + 1);
        }
        for snapshot in snapshots {
            let n = u64::from_le_bytes(*snapshot.character.0.first_chunk().unwrap()) as usize;
            let datagram = self.stage.out.datagram(snapshot);
            assert!(datagram.len() <= MAX_DATAGRAM, "{} bytes", datagram.len());
            let told = Snapshot::decode(datagram).unwrap();
            let guest = &mut self.guests[n];
            guest.has.note(told.header.sequence);
            let (at, came) = told.own.map(|own| (own.position, own.velocity)).unwrap();
            guest.before = guest.before.or(Some(Position { x: at.x - came.x, y: at.y - came.y }));
            (guest.own, guest.waits) = (Some(at), 0);
            if n == 0 {
                assert!(self.eye.take(datagram));
            }
        }
        let waits = self.guests.iter().map(|guest| guest.waits).max();
        assert!(waits.is_none_or(|waits| waits < TURN_TICKS), "{waits:?} ticks without a datagram");
    }

    /// What the first one has before it.
    fn look(&mut self) {
        for (n, (x, y)) in std::mem::take(&mut self.drawn) {
            // Each has a snapshot in this tick or had one in the last.
            let (true_x, true_y) = State::steps(self.guests[n].before.unwrap());
            let off = f64::from(true_x - x).hypot(f64::from(true_y - y)) * 100.0 / 64.0;
            self.errors.push(off as u64);
        }
        let is_told = self.guests[0].own.is_some();
        let shown = self.eye.shown();
        for (n, guest) in self.guests.iter_mut().enumerate().skip(1) {
            let entry = shown.get(&guest.entity);
            let is_seen = entry.is_some() || self.eye.crowd.contains_key(&guest.entity);
            guest.unseen = if is_seen { 0 } else { guest.unseen + 1 };
            assert!(guest.unseen <= CROWD_TICKS, "{n} of {ALL} is not seen at tick {}", self.tick);
            if n <= FRIENDS {
                let entry = entry.unwrap_or_else(|| panic!("friend {n} is out of view at tick {}", self.tick));
                if is_told {
                    self.drawn.push((n, entry.state.extrapolated(entry.age(self.eye.tick).unwrap())));
                }
            }
        }
    }
}

#[test]
fn a_thousand_who_come_into_one_cell_within_ten_seconds_are_seen_and_disturb_nobody() {
    let mut crowd = Crowd::new();
    crowd.step(1 + FRIENDS);
    for _ in 0..(ALL - 1 - FRIENDS).div_ceil(A_TICK) {
        crowd.step(A_TICK.min(ALL - crowd.guests.len()));
    }
    assert_eq!((crowd.guests.len(), crowd.tick <= 200), (ALL, true));
    (0..STAY_TICKS).for_each(|_| crowd.step(0));
    assert_eq!(crowd.eye.without_baseline, 0);
    let unseen = crowd.guests.iter().skip(1).filter(|guest| guest.unseen > 0).count();
    assert!(unseen <= ALL / 100, "{unseen} are neither in view nor of its crowd at the end");
    crowd.errors.sort_unstable();
    let p99 = crowd.errors[crowd.errors.len() * 99 / 100];
    assert!(p99 <= NEAR_CM, "friends are drawn {p99} cm off");
}
