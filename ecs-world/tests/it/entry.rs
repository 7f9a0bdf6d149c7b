//! Who has no place of its own appears around the region's entry.

use std::collections::BTreeSet;
use std::sync::Arc;

use shallot_masterdata::{MasterData, Rect};
use shallot_wire::limits::UNITS_PER_METRE;
use shallot_wire::{OwnerEpoch, Position};
use shallot_world::{CharacterSheet, Command, Reply, World, WorldConfig};

use crate::examples;
use crate::journal::{Recording, replay};
use crate::stage::{CONFIG, Stage, character, metres, sheet};

const NEWCOMERS: u8 = 200;
const RADIUS_M: u32 = 50;
/// Of the example region.
const ENTRY: (i32, i32) = (100, 100);
/// In the disc, beside the entry.
const BLOCK: Rect = Rect { x: 110, y: 90, width: 20, height: 20 };

fn battlefield(data: &mut MasterData) {
    data.regions[0].entry_radius_m = RADIUS_M;
    data.regions[0].blocks.push(BLOCK);
}

fn newcomer() -> CharacterSheet {
    CharacterSheet { position: None, ..sheet(Position::default()) }
}

/// Metres east and north of the entry.
fn from_entry(at: Position) -> (f64, f64) {
    let metres = |units: i32| f64::from(units) / f64::from(UNITS_PER_METRE);
    (metres(at.x) - f64::from(ENTRY.0), metres(at.y) - f64::from(ENTRY.1))
}

fn is_free_and_within(at: Position) -> bool {
    let (from, to) = (metres(BLOCK.x, BLOCK.y), metres(BLOCK.x + BLOCK.width, BLOCK.y + BLOCK.height));
    let is_in_block = (from.x..to.x).contains(&at.x) && (from.y..to.y).contains(&at.y);
    metres(ENTRY.0, ENTRY.1).is_within(RADIUS_M as i32 * UNITS_PER_METRE, at) && !is_in_block
}

/// Where so many newcomers appear.
fn places(seed: u64) -> Vec<Position> {
    let mut data = examples::data();
    battlefield(&mut data);
    let mut stage = Stage::over(data, WorldConfig { seed, ..CONFIG });
    (0..NEWCOMERS).map(|n| stage.enter(n, newcomer()).position).collect()
}

#[test]
fn newcomers_appear_all_over_the_disc_and_in_no_block() {
    let places = places(42);
    assert!(places.iter().all(|at| is_free_and_within(*at)), "{places:?}");
    let places: Vec<(f64, f64)> = places.into_iter().map(from_entry).collect();
    for (east, north) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
        let count = places.iter().filter(|(x, y)| x * east > 0.0 && y * north > 0.0).count();
        assert!((25..75).contains(&count), "{count} to the east ({east}) and north ({north})");
    }
    // Of an even disc it is two thirds of the radius, give or take 0.8 m; the block takes some near places out.
    let distances: Vec<f64> = places.iter().map(|(x, y)| x.hypot(*y)).collect();
    let mean = distances.iter().sum::<f64>() / f64::from(NEWCOMERS);
    assert!((31.0..37.0).contains(&mean), "{mean}");
    // And a quarter, less the block, stands within half of it.
    let near = distances.iter().filter(|distance| **distance < f64::from(RADIUS_M) / 2.0).count();
    assert!((25..65).contains(&near), "{near}");
}

#[test]
fn the_same_seed_gives_the_same_places() {
    let first = places(42);
    assert_eq!(first, places(42));
    assert_ne!(first, places(43));
    let apart: BTreeSet<(i32, i32)> = first.iter().map(|at| (at.x, at.y)).collect();
    assert_eq!(apart.len(), usize::from(NEWCOMERS), "nobody stands in another");
}

/// The digest of a world that one came into, and stood up in.
fn digest(change: impl FnOnce(&mut MasterData), position: Option<Position>) -> u64 {
    let mut stage = Stage::new(change);
    stage.enter(1, CharacterSheet { position, hp: Some(0), ..newcomer() });
    stage.steps(60);
    stage.respawn(1).unwrap();
    assert!(stage.data.regions[0].entry_radius_m > 0 || stage.position(1) == metres(ENTRY.0, ENTRY.1));
    stage.world.digest()
}

#[test]
fn without_a_radius_all_appear_at_the_entry_and_nothing_is_drawn() {
    let mut stage = Stage::new(|_| ());
    for n in 0..5 {
        assert_eq!(stage.enter(n, newcomer()).position, metres(ENTRY.0, ENTRY.1));
    }
    let entry = Some(metres(ENTRY.0, ENTRY.1));
    // How often chance was asked is part of the state.
    assert_eq!(digest(|_| (), None), digest(|_| (), entry));
    assert_ne!(digest(battlefield, None), digest(battlefield, entry), "the digest tells");
}

#[test]
fn who_has_a_free_place_keeps_it_and_others_get_one() {
    let mut stage = Stage::new(battlefield);
    let far = metres(3, 4);
    assert_eq!(stage.enter(1, sheet(far)).position, far);
    for (n, lost) in [(2, metres(BLOCK.x + 5, BLOCK.y + 5)), (3, metres(-1, 50)), (4, metres(200, 50))] {
        let at = stage.enter(n, sheet(lost)).position;
        assert!(is_free_and_within(at), "{at:?}");
        assert_ne!(at, metres(ENTRY.0, ENTRY.1));
    }
}

#[test]
fn the_dead_stand_up_somewhere_in_the_disc() {
    let mut stage = Stage::new(battlefield);
    for n in 0..20 {
        stage.enter(n, CharacterSheet { hp: Some(0), ..sheet(metres(5, 5)) });
    }
    stage.steps(60);
    let mut apart = BTreeSet::new();
    for n in 0..20 {
        let Ok(Reply::Respawned { position }) = stage.respawn(n) else { panic!("{n} lies there") };
        assert_eq!(stage.position(n), position, "where it was told");
        assert!(is_free_and_within(position), "{position:?}");
        apart.insert((position.x, position.y));
    }
    assert_eq!(apart.len(), 20);
}

#[test]
fn where_many_tries_find_nothing_it_is_the_entry() {
    let mut stage = Stage::new(|data| {
        data.regions[0].entry_radius_m = RADIUS_M;
        // All but a strip of a metre to the east of the entry.
        let around = [(50, 40, 50, 120), (101, 40, 50, 120), (100, 40, 1, 60), (100, 101, 1, 59)];
        let block = |(x, y, width, height)| Rect { x, y, width, height };
        data.regions[0].blocks.extend(around.map(block));
    });
    for n in 0..20 {
        assert_eq!(stage.enter(n, newcomer()).position, metres(ENTRY.0, ENTRY.1));
    }
}

#[test]
fn a_replay_finds_the_same_places() {
    let mut data = examples::data();
    battlefield(&mut data);
    let data = Arc::new(data);
    let mut recording = Recording::of(World::new(CONFIG, Arc::clone(&data)), data);
    let enter = |n: u8| {
        // One in two lies dead.
        let sheet = Box::new(CharacterSheet { hp: n.is_multiple_of(2).then_some(0), ..newcomer() });
        Command::Enter { character: character(n), owner_epoch: OwnerEpoch(1), sheet, correlation: u64::from(n) }
    };
    recording.step((0..NEWCOMERS).map(enter).collect());
    for _ in 0..60 {
        recording.step(Vec::new());
    }
    let stand_up = |n| Command::Respawn { character: character(n), correlation: u64::from(n) };
    recording.step((0..NEWCOMERS).step_by(2).map(stand_up).collect());
    for _ in 0..20 {
        recording.step(Vec::new());
    }
    let (seen, digest) = replay(&recording.file, &recording.data).unwrap();
    assert_eq!((digest, seen.ticks, seen.marks), (recording.world.digest(), 82, 4));
    assert_eq!(seen.commands, u64::from(NEWCOMERS) * 3 / 2);
}
