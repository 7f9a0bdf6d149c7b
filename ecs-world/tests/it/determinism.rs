//! The same seed and commands give the same state, and a checkpoint goes on as the world it was made of.

use shallot_masterdata::author::starter;
use shallot_wire::datagram::Ack;
use shallot_wire::{
    Absolute, CharacterId, EntityKind, Input, InputWindow, Inputs, NetId, OwnerEpoch, RegionEpoch, RequestId,
};
use shallot_world::{Command, GrantOutcome, GrantRefusal, Outputs, Reply, World, WorldConfig};

use crate::stage::{CONFIG, metres, sheet};

const PLAYERS: u32 = 200;
/// One in so many clients acknowledges nothing.
const SILENT: u32 = 4;

fn character(n: u32) -> CharacterId {
    let mut id = [9; 16];
    id[..4].copy_from_slice(&n.to_le_bytes());
    CharacterId(id)
}

/// A driver whose commands depend on nothing but its own state and what came out.
struct Driver {
    world: World,
    out: Outputs,
    entities: Vec<Option<NetId>>,
    drops: Vec<NetId>,
    /// The nearest monster that each client was told of last.
    foes: Vec<Option<NetId>>,
    xp: u64,
    /// What each client acknowledges.
    acks: Vec<Option<Ack>>,
}

impl Driver {
    fn new(seed: u64) -> Self {
        let data = std::sync::Arc::new(starter());
        let config = WorldConfig { seed, region: data.start_region(), ..CONFIG };
        let (entities, acks) = (vec![None; PLAYERS as usize], vec![None; PLAYERS as usize]);
        let (world, out) = (World::new(config, data), Outputs::default());
        let foes = vec![None; PLAYERS as usize];
        Self { world, out, entities, drops: Vec::new(), foes, xp: 0, acks }
    }

    fn push(&mut self, command: Command) {
        self.world.push(command).unwrap();
    }

    fn tick(&mut self, tick: u32) {
        for n in 0..PLAYERS {
            self.act(tick, n);
        }
        for grant in std::mem::take(&mut self.out.grants) {
            self.xp += grant.xp;
            let outcome = match grant.id.0[9] % 8 {
                0 => GrantOutcome::Refused(GrantRefusal::BagFull),
                _ => GrantOutcome::Committed { xp_total: self.xp, level: 1 + (self.xp / 500).min(20) as u8 },
            };
            self.push(Command::GrantSettled { grant: grant.id, outcome });
        }
        self.out.clear();
        self.world.step(&mut self.out);
        for answer in &self.out.replies {
            if let (Ok(Reply::Entered(entered)), n) = (&answer.result, answer.correlation as usize) {
                self.entities[n] = Some(entered.entity);
            }
        }
        for told in &self.out.snapshots {
            let snapshot = shallot_wire::Snapshot::decode(self.out.datagram(told)).unwrap();
            let n = u32::from_le_bytes(told.character.0[..4].try_into().unwrap());
            let ack = Ack { newest: snapshot.header.sequence, mask: 0 };
            let is_answered = !n.is_multiple_of(SILENT) && !(tick + n).is_multiple_of(11);
            self.acks[n as usize] = Some(ack).filter(|_| is_answered);
            let here = snapshot.own.unwrap().position;
            let of = |kind| snapshot.records().filter(move |told| told.record.kind == kind);
            let away = |told: &Absolute| here.distance_squared(told.group.cell.position(told.record.place));
            let foe = of(EntityKind::Monster).min_by_key(away).map(|told| told.record.entity);
            self.foes[n as usize] = foe.or(self.foes[n as usize]);
            // Who acknowledges nothing is told of all in each tick.
            if n == tick * SILENT % PLAYERS {
                self.drops = of(EntityKind::Drop).map(|told| told.record.entity).collect();
            }
        }
    }

    fn act(&mut self, tick: u32, n: u32) {
        let (who, correlation) = (character(n), u64::from(n));
        let Some(entity) = self.entities[n as usize] else {
            if tick % 10 == n % 10 {
                let at = metres(360 + (n % 60) as i32, 360 + (n / 4) as i32);
                let sheet = Box::new(sheet(at));
                self.push(Command::Enter { character: who, owner_epoch: OwnerEpoch(1), sheet, correlation });
            }
            return;
        };
        let heading = ((n * 37 + tick / 60 * 91) % 256) as u8;
        let inputs = Inputs::new(&[Input { heading, throttle: 127, facing: heading }]).unwrap();
        let (ack, tick_low) = (self.acks[n as usize], tick as u16);
        let window = InputWindow { entity, ack, newest_tick: tick_low, view_tick: 0, stamp_ms: tick_low, inputs };
        if !(tick + n).is_multiple_of(17) {
            self.push(Command::Input { window, held_ms: (n % 50) as u16 });
        }
        match (tick + n * 3) % 40 {
            0 => {
                self.push(Command::Attack { character: who, target: self.foes[n as usize], correlation });
            }
            7 if !self.drops.is_empty() => {
                let drop = self.drops[n as usize % self.drops.len()];
                self.push(Command::PickUp { character: who, drop, request: RequestId([1; 16]), correlation });
            }
            13 => self.push(Command::Respawn { character: who, correlation }),
            21 if n.is_multiple_of(50) && tick > 500 => {
                self.push(Command::Leave { character: who, owner_epoch: OwnerEpoch(9), correlation });
                self.entities[n as usize] = None;
            }
            _ => {}
        }
    }
}

#[test]
fn same_seed_and_commands_same_digest_after_2000_ticks_with_200_players() {
    let run = |seed, ticks| {
        let mut driver = Driver::new(seed);
        let mut digests = Vec::new();
        for tick in 0..ticks {
            driver.tick(tick);
            if tick % 500 == 499 {
                digests.push(driver.world.digest());
            }
        }
        (digests, driver)
    };
    let (first, driver) = run(1, 2_000);
    assert!(driver.xp > 0, "they fought");
    assert!(driver.world.counts().players >= 190);
    assert_eq!(first, run(1, 2_000).0);
    assert_ne!(first[0], run(2, 500).0[0], "another seed is another world");
}

/// To the byte, if it forgot itself what a checkpoint leaves out.
#[test]
fn a_restored_world_goes_on_alike() {
    let mut first = Driver::new(3);
    for tick in 0..600 {
        first.tick(tick);
    }
    let bytes = first.world.renew().unwrap();
    let data = std::sync::Arc::new(starter());
    let world = World::restore(&bytes, data, RegionEpoch(1)).unwrap();
    assert_eq!(world.digest(), first.world.digest());
    let mut second = Driver { world, acks: first.acks.clone(), ..Driver::new(3) };
    (second.entities, second.drops, second.foes) = (first.entities.clone(), first.drops.clone(), first.foes.clone());
    (second.xp, second.out.grants) = (first.xp, first.out.grants.clone());
    for tick in 600..900 {
        first.tick(tick);
        second.tick(tick);
        assert_eq!(first.out.bytes, second.out.bytes, "tick {tick}");
        assert_eq!(first.out.events, second.out.events, "tick {tick}");
    }
    assert_eq!(first.world.digest(), second.world.digest());
}
