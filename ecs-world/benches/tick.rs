//! What a tick costs, its inputs included, with players who all walk, and acknowledge what they were sent two ticks before:
//! `cargo bench -p shallot-world`. Each step is checked to owe every player a datagram within its limit, and all of them to
//! be deltas; how long they are on the average is printed.

use std::ops::Range;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shallot_masterdata::author::starter;
use shallot_masterdata::{Abilities, ClassId, MasterData};
use shallot_wire::datagram::Ack;
use shallot_wire::limits::MAX_DATAGRAM;
use shallot_wire::{CharacterId, Input, InputWindow, Inputs, NetId, OwnerEpoch, Position, RegionEpoch, Sequence, Tick};
use shallot_world::{CharacterSheet, Command, Outputs, Reply, World, WorldConfig};

/// Ticks from a snapshot to its acknowledgement: a round trip of about 100 ms.
const ANSWER_TICKS: usize = 2;
/// Where a snapshot has its number and its baseline's.
const SEQUENCE_BYTES: Range<usize> = 3..5;
const BASELINE_BYTES: Range<usize> = 5..7;
/// Ticks until all are in and have met.
const WARM_UP: u32 = 100;
/// Players who enter in one tick.
const ENTER_A_TICK: u32 = 50;
/// Ticks between two turns of a player.
const TURN_TICKS: u32 = 20;

/// Where they stand.
#[derive(Clone, Copy)]
enum Spread {
    /// On a square of 40 m: everybody near everybody.
    Town,
    /// On a square of 400 m.
    Field,
}

impl Spread {
    fn metres(self) -> u32 {
        match self {
            Self::Town => 40,
            Self::Field => 400,
        }
    }
}

struct Region {
    world: World,
    out: Outputs,
    entities: Vec<Option<NetId>>,
    /// Numbers of each player's last snapshots, the newest first.
    sequences: Vec<[Option<Sequence>; ANSWER_TICKS]>,
    tick: u32,
    /// Datagrams, and bytes in them.
    sent: (usize, usize),
}

impl Region {
    fn new(data: &Arc<MasterData>, players: u32, spread: Spread) -> Self {
        let config =
            WorldConfig { seed: 42, region: data.start_region(), region_epoch: RegionEpoch(1), start_tick: Tick(0) };
        let world = World::new(config, Arc::clone(data));
        let (entities, sequences) = (vec![None; players as usize], vec![[None; ANSWER_TICKS]; players as usize]);
        let mut region = Self { world, out: Outputs::default(), entities, sequences, tick: 0, sent: (0, 0) };
        for first in (0..players).step_by(ENTER_A_TICK as usize) {
            for n in first..players.min(first + ENTER_A_TICK) {
                region.enter(n, spread);
            }
            region.step();
        }
        for _ in 0..WARM_UP {
            region.feed();
            region.step();
        }
        assert!(region.entities.iter().all(Option::is_some), "everybody is in");
        region.sent = (0, 0);
        region
    }

    fn enter(&mut self, n: u32, spread: Spread) {
        let mut id = [7; 16];
        id[..4].copy_from_slice(&n.to_le_bytes());
        let side = spread.metres() * 100;
        let middle = 39_000;
        let at = |salt: u32| i64::from(middle - side / 2 + n.wrapping_mul(salt) % side);
        let sheet = CharacterSheet {
            name: format!("Walker {n}"),
            class: ClassId(0),
            level: 10,
            xp: 0,
            abilities: Abilities { str: 14, dex: 14, con: 14, int: 14, wis: 14, cha: 14 },
            abilities_version: 1,
            worn: Vec::new(),
            equipment_version: 1,
            position: Some(Position::from_cm(at(2_654_435_761), at(2_246_822_519))),
            hp: None,
        };
        let enter = Command::Enter {
            character: CharacterId(id),
            owner_epoch: OwnerEpoch(1),
            sheet: Box::new(sheet),
            correlation: n.into(),
        };
        self.world.push(enter).expect("room for a command");
    }

    /// One input of each player.
    fn feed(&mut self) {
        for (n, entity) in (0_u32..).zip(&self.entities) {
            let Some(entity) = *entity else { continue };
            let heading = (n * 37 + self.tick / TURN_TICKS * 91) as u8;
            let inputs = Inputs::new(&[Input { heading, throttle: 127, facing: heading }]).expect("one input");
            let tick = self.tick as u16;
            let ack = self.sequences[n as usize][ANSWER_TICKS - 1].map(|newest| Ack { newest, mask: 0 });
            let window = InputWindow { entity, ack, newest_tick: tick, view_tick: tick, stamp_ms: tick, inputs };
            self.world.push(Command::Input { window, held_ms: 0 }).expect("room for a command");
        }
    }

    fn step(&mut self) {
        self.out.clear();
        self.world.step(&mut self.out);
        self.tick += 1;
        for answer in &self.out.replies {
            if let Ok(Reply::Entered(entered)) = &answer.result {
                self.entities[answer.correlation as usize] = Some(entered.entity);
            }
        }
        for snapshot in &self.out.snapshots {
            let [n, sequence] = [&snapshot.character.0[..2], &self.out.datagram(snapshot)[SEQUENCE_BYTES]];
            let sequences = &mut self.sequences[usize::from(u16::from_le_bytes([n[0], n[1]]))];
            sequences.rotate_right(1);
            sequences[0] = Some(Sequence(u16::from_be_bytes([sequence[0], sequence[1]])));
        }
        self.sent = (self.sent.0 + self.out.snapshots.len(), self.sent.1 + self.out.bytes.len());
    }

    fn check(&self) {
        assert_eq!(self.out.snapshots.len(), self.entities.len(), "each is owed a datagram");
        assert!(self.out.snapshots.iter().all(|s| s.range.len() <= MAX_DATAGRAM), "within the limit");
        let is_delta = |s| self.out.datagram(s)[BASELINE_BYTES] != [0, 0];
        assert!(self.out.snapshots.iter().all(is_delta), "each has a baseline");
    }
}

#[expect(clippy::print_stdout, reason = "criterion measures time; bytes are told beside it")]
fn tick(criterion: &mut Criterion) {
    let data = Arc::new(starter());
    let mut group = criterion.benchmark_group("tick");
    let scenes = [
        ("town", 300, Spread::Town),
        ("town", 500, Spread::Town),
        ("field", 300, Spread::Field),
        ("field", 1_000, Spread::Field),
    ];
    for (name, players, spread) in scenes {
        let mut region = Region::new(&data, players, spread);
        // Per client and tick.
        group.throughput(Throughput::Elements(players.into()));
        group.bench_function(BenchmarkId::new(name, players), |bencher| {
            bencher.iter(|| {
                region.feed();
                region.step();
                region.check();
            });
        });
        let (datagrams, bytes) = region.sent;
        println!("tick/{name}/{players}: {} bytes a datagram", bytes / datagrams.max(1));
    }
    group.finish();
}

criterion_group!(benches, tick);
criterion_main!(benches);
