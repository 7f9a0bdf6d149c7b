//! Who is told to whom: rings, appearance, budget.

use std::collections::BTreeSet;

use shallot_wire::limits::MAX_DATAGRAM;
use shallot_wire::{NetId, Ring};
use shallot_world::{Event, What};

use crate::examples::{STATUE, one};
use crate::stage::{Stage, metres, sheet};

/// In how many of so many ticks a client is told of an entity that walks all the time.
fn told_of(stage: &mut Stage, viewer: u8, walker: NetId, ticks: u16) -> (usize, BTreeSet<u32>) {
    let (mut count, mut rings) = (0, BTreeSet::new());
    for tick in 0..ticks {
        stage.input(walker, tick, (tick / 2 * 128 % 256) as u8, 60);
        stage.step();
        for (group, record) in stage.snapshot(viewer).records() {
            if record.entity == walker {
                count += 1;
                rings.insert(group.ring as u32);
            }
        }
    }
    (count, rings)
}

#[test]
fn near_each_tick_mid_each_third_far_each_tenth() {
    for (away, count, ring) in
        [(20, 60, Some(Ring::Near)), (80, 20, Some(Ring::Mid)), (150, 6, Some(Ring::Far)), (260, 0, None)]
    {
        let mut stage = Stage::new(|data| data.regions[0].area.width = 400);
        stage.enter(1, sheet(metres(20, 100)));
        let walker = stage.enter(2, sheet(metres(20 + away, 100))).entity;
        stage.steps(2);
        let told = told_of(&mut stage, 1, walker, 60);
        assert_eq!(told.0, count, "{away} m away");
        assert_eq!(told.1.into_iter().next(), ring.map(|ring| ring as u32));
    }
}

#[test]
fn who_rests_is_told_at_least_each_quarter_second() {
    let mut stage = Stage::new(|_| ());
    stage.enter(1, sheet(metres(100, 100)));
    let other = stage.enter(2, sheet(metres(110, 100))).entity;
    stage.steps(20);
    let (mut gap, mut longest, mut count) = (0, 0, 0);
    for _ in 0..100 {
        stage.step();
        let is_told = stage.snapshot(1).records().any(|(_, record)| record.entity == other);
        (gap, count) = if is_told { (0, count + 1) } else { (gap + 1, count) };
        longest = longest.max(gap);
    }
    assert!(longest < 5 && count <= 25, "{count} of 100, at most {longest} ticks apart");
}

#[test]
fn an_entity_appears_once_and_again_after_it_was_away() {
    let mut stage = Stage::new(|data| {
        data.regions[0].area.width = 2_000;
        data.balance.player_speed_cm_per_s = 4_000;
        data.regions[0].spawns.push(one(STATUE, 20, 100));
    });
    let walker = stage.enter(1, sheet(metres(20, 110))).entity;
    let appeared = |events: &[(shallot_wire::CharacterId, Event)]| {
        let statue = |event: &Event| {
            matches!(event, Event::Appeared { what: What::Monster(STATUE), amount: 1, max_hp: 1_000, hp: 1_000, .. })
        };
        events.iter().filter(|(_, event)| statue(event)).count()
    };
    let mut count = appeared(&stage.out.events);
    let walk = |stage: &mut Stage, ticks: u16, heading: u8, from: u16| {
        let mut count = 0;
        for tick in 0..ticks {
            stage.input(walker, from + tick, heading, 127);
            stage.step();
            count += appeared(&stage.out.events);
        }
        count
    };
    // Ten seconds within sight, then 400 m to the east and back.
    count += walk(&mut stage, 200, 64, 0);
    assert_eq!(count, 1);
    assert_eq!(walk(&mut stage, 200, 0, 200), 0);
    stage.steps(60);
    assert_eq!(walk(&mut stage, 200, 128, 500), 1);
}

#[test]
fn a_lonely_one_gets_complete_snapshots() {
    let mut stage = Stage::new(|_| ());
    stage.enter(1, sheet(metres(100, 100)));
    stage.step();
    assert!(stage.snapshot(1).is_complete);
    stage.enter(2, sheet(metres(101, 100)));
    assert!(stage.snapshot(1).is_complete, "both are named");
    stage.steps(20);
    let complete = (0..20).filter(|_| {
        stage.step();
        let snapshot = stage.snapshot(1);
        let is_named = snapshot.records().count() == 1;
        assert_eq!(snapshot.is_complete, is_named, "complete is when all are named");
        is_named
    });
    assert!(complete.count() >= 4);
}

#[test]
fn in_a_crowd_the_nearest_fit() {
    let mut stage = Stage::new(|data| {
        let row = shallot_masterdata::RegionSpawn { radius_m: 30, count_max: 600, ..one(STATUE, 100, 100) };
        data.regions[0].spawns.push(row);
    });
    stage.enter(1, sheet(metres(100, 100)));
    let at = metres(100, 100);
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        stage.step();
        let snapshot = stage.snapshot(1);
        assert!(!snapshot.is_complete);
        seen.extend(snapshot.records().map(|(_, record)| record.entity));
    }
    assert!(seen.len() >= 90, "{} seen", seen.len());
    // The first datagram is the fullest: it holds those that are nearer than all others.
    let mut stage = Stage::new(|data| {
        let row = shallot_masterdata::RegionSpawn { radius_m: 30, count_max: 600, ..one(STATUE, 100, 100) };
        data.regions[0].spawns.push(row);
    });
    stage.step();
    stage.enter(1, sheet(at));
    let length = stage.out.snapshots[0].range.len();
    assert!(length <= MAX_DATAGRAM && length > MAX_DATAGRAM - 20, "{length} bytes");
    let snapshot = stage.snapshot(1);
    let distances: Vec<i64> =
        snapshot.records().map(|(group, record)| at.distance_squared(group.cell.position(record.place))).collect();
    // 600 in a circle of 30 m: the nearest 95 or so lie within 12 m.
    assert!(distances.len() > 90 && distances.iter().all(|d| *d < (14 * 4_096) * (14 * 4_096)), "{}", distances.len());
}

#[test]
fn events_reach_those_who_see_and_nobody_else() {
    let mut stage = Stage::new(|data| {
        data.regions[0].area.width = 600;
        data.regions[0].spawns.push(one(STATUE, 101, 100));
    });
    let me = stage.enter(1, sheet(metres(100, 100))).entity;
    stage.enter(2, sheet(metres(150, 100)));
    stage.enter(3, sheet(metres(400, 100)));
    stage.steps(20);
    let statue = stage.monsters(1)[0];
    stage.attack(1, Some(statue)).unwrap();
    let hit = |event: &Event| matches!(event, Event::Hit { attacker, .. } if *attacker == me);
    assert!(stage.events(1).iter().any(hit));
    assert!(stage.events(2).iter().any(hit));
    assert!(!stage.events(3).iter().any(hit));
}
