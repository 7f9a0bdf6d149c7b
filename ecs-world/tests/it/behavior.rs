//! What monsters do: notice, chase, give up, go home.

use shallot_masterdata::{MasterData, Rect};
use shallot_wire::{EntityKind, Position};
use shallot_world::Event;

use crate::examples::{ARCHER, RAT, STATUE, one};
use crate::stage::{Stage, metres, sheet};

/// Where the only monster is, when the snapshot names it.
fn monster(stage: &Stage, n: u8) -> Option<Position> {
    let snapshot = stage.snapshot(n);
    let mut all = snapshot.records().filter(|told| told.record.kind == EntityKind::Monster);
    all.next().map(|told| told.group.cell.position(told.record.place))
}

fn rat_at(x: i32, y: i32) -> impl FnOnce(&mut MasterData) {
    move |data| data.regions[0].spawns.push(one(RAT, x, y))
}

fn was_hit(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Hit { .. }))
}

#[test]
fn one_that_notices_chases_and_bites() {
    let mut stage = Stage::new(rat_at(109, 100));
    stage.enter(1, sheet(metres(100, 100)));
    let events = stage.until(200, |stage| was_hit(&stage.events(1)));
    assert!(!events.is_empty());
    assert!(monster(&stage, 1).unwrap().is_within(152 * 4_096 / 100 + 64, metres(100, 100)), "at arm's length");
}

#[test]
fn beyond_the_notice_radius_nobody_minds() {
    let mut stage = Stage::new(rat_at(111, 100));
    stage.enter(1, sheet(metres(100, 100)));
    for _ in 0..300 {
        stage.step();
        assert!(!was_hit(&stage.events(1)));
    }
}

#[test]
fn nobody_notices_through_a_block() {
    let mut stage = Stage::new(|data| {
        rat_at(106, 100)(data);
        data.regions[0].blocks.push(Rect { x: 103, y: 80, width: 1, height: 40 });
    });
    stage.enter(1, sheet(metres(100, 100)));
    for _ in 0..300 {
        stage.step();
        assert!(!was_hit(&stage.events(1)));
    }
}

#[test]
fn who_is_struck_from_afar_comes_and_finds_its_way_around_a_block() {
    let mut stage = Stage::new(|data| {
        rat_at(120, 100)(data);
        data.monsters[0].hp = 1_000;
        data.balance.monster_leash_cm = 10_000;
        data.items[crate::examples::BOW.index()].range_cm = Some(4_000);
        data.regions[0].blocks.push(Rect { x: 106, y: 101, width: 4, height: 8 });
        data.regions[0].blocks.push(Rect { x: 106, y: 90, width: 4, height: 9 });
    });
    let worn = vec![(shallot_masterdata::Slot::TwoHand, crate::examples::BOW)];
    stage.enter(1, shallot_world::CharacterSheet { worn, ..sheet(metres(100, 100)) });
    stage.until(100, |stage| monster(stage, 1).is_some());
    let rat = stage.snapshot(1).records().next().unwrap().record.entity;
    stage.attack(1, Some(rat)).unwrap();
    let bitten = |event: &Event| matches!(event, Event::Hit { attacker, .. } if *attacker == rat);
    stage.until(1_000, |stage| stage.events(1).iter().any(bitten));
}

#[test]
fn one_led_too_far_goes_home_heals_and_minds_nobody() {
    let mut stage = Stage::new(|data| {
        rat_at(102, 100)(data);
        data.monsters[0].hp = 100;
        data.balance.player_speed_cm_per_s = 290;
        data.balance.monster_leash_cm = 1_500;
    });
    let id = stage.enter(1, sheet(metres(100, 100))).entity;
    stage.until(60, |stage| monster(stage, 1).is_some());
    let rat = stage.snapshot(1).records().next().unwrap().record.entity;
    stage.attack(1, Some(rat)).unwrap();
    stage.steps(30);
    stage.attack(1, None).unwrap();
    // Away to the west: the rat follows for 15 m from its home, then turns.
    let mut farthest = metres(102, 100).x;
    for tick in 0..400_u16 {
        stage.input(id, tick, 128, 127);
        stage.step();
        farthest = monster(&stage, 1).map_or(farthest, |at| farthest.min(at.x));
    }
    let led = metres(102, 100).x - farthest;
    assert!((14 * 4_096..17 * 4_096).contains(&led), "{led} units");
    stage.steps(200);
    let home = monster(&stage, 1).or_else(|| {
        stage.steps(1);
        monster(&stage, 1)
    });
    assert!(home.is_none_or(|at| at.is_within(2 * 4_096, metres(102, 100))), "{home:?}");
    stage.enter(2, sheet(metres(103, 101)));
    let healed = |event: &Event| matches!(event, Event::Appeared { entity, hp: 100, .. } if *entity == rat);
    let events = stage.until(20, |stage| stage.events(2).iter().any(healed));
    assert!(!events.is_empty());
}

#[test]
fn one_without_attacks_stays_even_when_struck() {
    let mut stage = Stage::new(|data| data.regions[0].spawns.push(one(STATUE, 101, 100)));
    stage.enter(1, sheet(metres(100, 100)));
    stage.until(20, |stage| monster(stage, 1).is_some());
    let statue = stage.snapshot(1).records().next().unwrap().record.entity;
    stage.attack(1, Some(statue)).unwrap();
    let before = monster(&stage, 1);
    for _ in 0..100 {
        stage.step();
        let struck = |event: &Event| matches!(event, Event::Hit { attacker, .. } if *attacker == statue);
        assert!(!stage.events(1).iter().any(struck));
        assert!(monster(&stage, 1).is_none_or(|at| Some(at) == before));
    }
}

#[test]
fn the_dead_are_let_be() {
    let mut stage = Stage::new(|data| data.regions[0].spawns.push(one(ARCHER, 105, 100)));
    stage.enter(1, sheet(metres(100, 100)));
    stage.until(100, |stage| stage.snapshot(1).own.unwrap().is_dead);
    for _ in 0..100 {
        stage.step();
        assert!(!was_hit(&stage.events(1)));
    }
}
