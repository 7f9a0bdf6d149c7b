//! Monsters come, and come again.

use shallot_masterdata::{Rect, RegionSpawn};
use shallot_wire::EntityKind;

use crate::examples::{RAT, one};
use crate::stage::{Stage, metres, sheet};

#[test]
fn a_row_keeps_its_count_within_its_radius_and_out_of_blocks() {
    let block = Rect { x: 90, y: 100, width: 20, height: 30 };
    let mut stage = Stage::new(|data| {
        let row = RegionSpawn { monster: RAT, center: (100, 99), radius_m: 8, count_max: 30, respawn_s: 10 };
        data.monsters[0].attacks.clear();
        data.monsters[0].attacks_per_round = 0;
        data.regions[0].spawns.push(row);
        data.regions[0].blocks.push(block);
    });
    stage.enter(1, sheet(metres(100, 80)));
    stage.steps(10);
    assert_eq!(stage.world.counts().monsters, 30);
    let monsters = stage.look(1);
    assert_eq!(monsters.len(), 30);
    for (_, at) in monsters.into_values().filter(|(kind, _)| *kind == EntityKind::Monster) {
        assert!(at.is_within(8 * 4_096 + 64, metres(100, 99)), "{at:?}");
        assert!(at.y <= metres(0, 100).y, "{at:?} is in the block");
    }
}

#[test]
fn who_died_comes_again_after_respawn_s() {
    let mut stage = Stage::new(|data| data.regions[0].spawns.push(one(RAT, 101, 100)));
    stage.enter(1, sheet(metres(100, 100)));
    stage.until(20, |stage| stage.snapshot(1).records().count() == 1);
    let rat = stage.snapshot(1).records().next().unwrap().record.entity;
    stage.attack(1, Some(rat)).unwrap();
    stage.until(200, |stage| stage.world.counts().monsters == 0);
    stage.steps(5 * 20 - 1);
    assert_eq!(stage.world.counts().monsters, 0);
    stage.step();
    assert_eq!(stage.world.counts().monsters, 1);
    stage.until(40, |stage| {
        let records = stage.snapshot(1);
        records.records().any(|told| told.record.kind == EntityKind::Monster && told.record.entity != rat)
    });
}
