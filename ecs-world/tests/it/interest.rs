//! Who is told to whom: rings, appearance, crowds.

use std::collections::BTreeSet;
use std::ops::Range;

use shallot_masterdata::{MasterData, RegionSpawn};
use shallot_wire::limits::{CROWD_TICKS, MAX_DATAGRAM, PLACES};
use shallot_wire::{NetId, OwnerEpoch, Position, Snapshot};
use shallot_world::{Command, Event, What};

use crate::examples::{STATUE, one};
use crate::eye::Eye;
use crate::stage::{Stage, character, metres, sheet};

/// In how many of so many ticks a client is told of an entity that turns round in each of them.
fn told_of(stage: &mut Stage, (me, eye): (NetId, &mut Eye), walker: NetId, ticks: Range<u16>) -> usize {
    let mut count = 0;
    for tick in ticks {
        stage.input(walker, tick, (tick % 2 * 128) as u8, 127);
        stage.look_back(me, eye);
        stage.step();
        let datagram = stage.datagram(1).to_vec();
        eye.take(&datagram);
        count += usize::from(eye.told(&datagram).contains(&walker));
    }
    count
}

#[test]
fn near_each_tick_mid_each_third_far_each_fifth() {
    for (away, count) in [(20, 60), (80, 20), (150, 12), (260, 0)] {
        let mut stage = Stage::new(|data| {
            data.regions[0].area.width = 400;
            data.balance.player_speed_cm_per_s = 4_000;
        });
        let me = stage.enter(1, sheet(metres(20, 100))).entity;
        let walker = stage.enter(2, sheet(metres(20 + away, 100))).entity;
        let mut eye = Eye::default();
        told_of(&mut stage, (me, &mut eye), walker, 0..20);
        assert_eq!(told_of(&mut stage, (me, &mut eye), walker, 20..80), count, "{away} m away");
    }
}

#[test]
fn who_rests_is_told_once_a_second_in_less_than_a_byte() {
    let mut stage = Stage::new(|_| ());
    let me = stage.enter(1, sheet(metres(100, 100))).entity;
    let other = stage.enter(2, sheet(metres(110, 100))).entity;
    let mut eye = Eye::default();
    let (mut count, mut lengths) = (0, BTreeSet::new());
    for tick in 0..120 {
        stage.look_back(me, &eye);
        stage.step();
        let datagram = stage.datagram(1).to_vec();
        eye.take(&datagram);
        if tick >= 20 {
            count += usize::from(eye.told(&datagram).contains(&other));
            lengths.insert(datagram.len());
        }
        assert_eq!(eye.shown().len(), 1);
    }
    assert_eq!(count, 5, "in 100 ticks");
    assert_eq!(
        lengths,
        BTreeSet::from([11 + 24 + 1, 11 + 24 + 1 + 4, 11 + 24 + 1 + 1]),
        "a count; a bit and five more when it is told"
    );
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
fn what_a_player_attacks_is_in_view_at_any_distance() {
    let mut stage = Stage::new(|data| {
        data.regions[0].area.width = 1_000;
        data.regions[0].spawns.push(one(STATUE, 500, 100));
    });
    stage.enter(1, sheet(metres(100, 100)));
    stage.enter(2, sheet(metres(490, 100)));
    let statue = stage.monsters(2)[0];
    let is_seen = |stage: &Stage| stage.snapshot(1).records().any(|told| told.record.entity == statue);
    assert!(!is_seen(&stage), "400 m away");
    stage.attack(1, Some(statue)).unwrap();
    assert!(is_seen(&stage));
    stage.attack(1, None).unwrap();
    stage.steps(25);
    assert!(!is_seen(&stage));
}

/// Somebody runs to and fro across the edge of sight, five times a second.
#[test]
fn nobody_flaps_at_the_edge_of_sight() {
    let mut stage = Stage::new(|data| {
        data.regions[0].area.width = 400;
        data.balance.player_speed_cm_per_s = 4_000;
    });
    let me = stage.enter(1, sheet(metres(20, 100))).entity;
    let walker = stage.enter(2, sheet(metres(20 + 190, 100))).entity;
    let mut eye = Eye::default();
    let mut sights = Vec::new();
    for tick in 0..200_u16 {
        stage.input(walker, tick, (tick / 2 % 2 * 128) as u8, 127); // 190, 192, 194, 192 m away
        stage.look_back(me, &eye);
        stage.step();
        eye.take(stage.datagram(1));
        sights.push(eye.shown().contains_key(&walker));
    }
    assert!(sights.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 1, "{sights:?}");
    assert!(sights[199]);
}

/// What two who are near each other are sent while one of them runs to and fro around a place so many metres to the east, five times a second,
/// and how often anybody came into their views, of thirty statues too.
fn to_and_fro(east: i32) -> (Vec<[usize; 2]>, usize) {
    let mut stage = Stage::new(|data| {
        data.regions[0].spawns.push(RegionSpawn { radius_m: 8, count_max: 30, ..one(STATUE, 104, 102) });
        data.balance.player_speed_cm_per_s = 4_000;
    });
    let me = stage.enter(1, sheet(metres(104, 100))).entity;
    let runner = stage.enter(2, sheet(metres(east - 2, 104))).entity;
    let mut eyes = [Eye::default(), Eye::default()];
    let (mut lengths, mut entered) = (Vec::new(), 0);
    for tick in 0..200_u16 {
        stage.look_back(me, &eyes[0]);
        stage.input_with(runner, tick, ((tick / 2 % 2 * 128) as u8, 127), eyes[1].ack()); // -2, 0, +2, 0 m
        stage.step();
        lengths.push([1, 2].map(|n| stage.datagram(n).len()));
        for (n, eye) in (1..).zip(&mut eyes) {
            entered += stage.snapshot(n).records().filter(|told| told.place.is_some()).count();
            eye.take(stage.datagram(n));
            assert!(tick == 0 || eye.shown().len() == 31, "all are in view");
        }
    }
    (lengths, entered)
}

#[test]
fn a_border_between_cells_costs_who_runs_over_it_and_who_sees_it_nothing() {
    let (within, over) = (to_and_fro(112), to_and_fro(96));
    assert_eq!(over.1, within.1, "somebody entered again");
    assert!(over.1 <= 2 * 31 * 2, "{} entered two views of 31", over.1);
    assert_eq!(over.0[1..], within.0[1..], "bytes, but for the first snapshots with their records by cells");
}

/// Statues around a point, as many as the example set has in a circle.
fn crowd(count: u32) -> impl FnOnce(&mut MasterData) {
    move |data| {
        let row = RegionSpawn { radius_m: 30, count_max: count, ..one(STATUE, 100, 100) };
        data.regions[0].spawns.push(row);
    }
}

#[test]
fn in_a_crowd_the_nearest_are_in_view_and_all_are_seen() {
    let mut stage = Stage::new(crowd(900));
    let at = metres(100, 100);
    let me = stage.enter(1, sheet(at)).entity;
    let mut eye = Eye::default();
    for tick in 0..80 {
        stage.look_back(me, &eye);
        stage.step();
        let datagram = stage.datagram(1).to_vec();
        assert!(datagram.len() <= MAX_DATAGRAM);
        if tick == 0 {
            assert!(datagram.len() > MAX_DATAGRAM - 20, "{} bytes", datagram.len());
            // 900 in a circle of 30 m: the nearest 65 or so lie within 9 m.
            let places = Snapshot::decode(&datagram).unwrap();
            let entering = places.records().filter(|told| told.place.is_some());
            let places: Vec<Position> = entering.map(|told| told.group.cell.position(told.record.place)).collect();
            assert!(places.len() > 60 && places.iter().all(|p| at.is_within(11 * 4_096, *p)), "{}", places.len());
        }
        eye.take(&datagram);
    }
    let shown = eye.shown();
    assert_eq!((shown.len(), eye.without_baseline), (PLACES, 0));
    let farthest = shown.values().map(|entry| at.distance_squared(entry.state.position())).max().unwrap();
    let others: Vec<_> = eye.crowd.values().filter(|entry| !shown.contains_key(&entry.entity)).collect();
    assert_eq!(shown.len() + others.len(), 900, "told within {CROWD_TICKS} ticks");
    let nearer = others.iter().filter(|entry| at.distance_squared(entry.state.position()) < farthest * 3 / 4).count();
    assert_eq!(nearer, 0, "nobody outside is much nearer than those in view");
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

fn budget(n: u8, owner_epoch: u64, bytes: u16) -> Command {
    Command::SnapshotBudget { character: character(n), owner_epoch: OwnerEpoch(owner_epoch), bytes }
}

#[test]
fn a_snapshot_keeps_to_the_budget_of_its_clients_path() {
    let mut stage = Stage::new(|_| ());
    let walker = stage.enter(1, sheet(metres(100, 100))).entity;
    for n in 2..60 {
        stage.enter(n, sheet(metres(90 + i32::from(n % 8), 95 + i32::from(n / 8))));
    }
    let longest = |stage: &mut Stage| {
        // Its client acknowledges nothing, so that all is told anew each tick.
        let lengths = (0..40).map(|tick| {
            stage.input(walker, tick, 0, 60);
            stage.step();
            let own = stage.out.snapshots.iter().find(|snapshot| snapshot.character == character(1)).unwrap();
            own.range.len()
        });
        lengths.max().unwrap()
    };
    assert!(longest(&mut stage) > 400);
    for (told, kept) in [(400, 400), (0, 200), (u16::MAX, MAX_DATAGRAM)] {
        stage.push(budget(1, 1, told));
        assert!(longest(&mut stage) <= kept, "{told}");
    }
    // A session that is over has nothing to say, and one that has left, or never was, is nobody's.
    stage.push(budget(1, 0, 300));
    assert!(longest(&mut stage) > 400);
    stage.push(budget(99, 1, 300));
    stage.step();
}
