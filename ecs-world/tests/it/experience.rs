//! Experience of kills, and levels.

use shallot_masterdata::{MasterData, Slot};
use shallot_wire::{CharacterId, EntityKind, NetId};
use shallot_world::{CharacterSheet, Event, GrantReason};

use crate::examples::{LONGSWORD, RAT, one};
use crate::stage::{Stage, character, metres, sheet};

fn with_rat(change: impl FnOnce(&mut MasterData)) -> Stage {
    Stage::new(|data| {
        data.regions[0].spawns.push(one(RAT, 101, 100));
        change(data);
    })
}

fn armed(stage: &mut Stage, n: u8, hp: Option<u32>) -> NetId {
    let worn = vec![(Slot::MainHand, LONGSWORD)];
    stage.enter(n, CharacterSheet { worn, hp, ..sheet(metres(100, 100)) }).entity
}

fn rat(stage: &mut Stage, n: u8) -> NetId {
    let is_rat = |record: &shallot_wire::Record| record.kind == EntityKind::Monster;
    stage.until(20, |stage| stage.snapshot(n).records().any(|told| is_rat(&told.record)));
    stage.snapshot(n).records().map(|told| told.record).find(is_rat).unwrap().entity
}

/// Experience proposed, by character, until the rat is dead.
fn kill(stage: &mut Stage) -> Vec<(CharacterId, u64)> {
    stage.until(400, |stage| !stage.grants.is_empty());
    stage.grants.iter().map(|grant| (grant.character, grant.xp)).collect()
}

#[test]
fn all_who_hurt_it_share_by_damage() {
    let mut stage = with_rat(|data| data.monsters[0].hp = 39);
    armed(&mut stage, 1, None);
    stage.enter(2, sheet(metres(100, 101)));
    let rat = rat(&mut stage, 1);
    // 13 with the sword, 3 by hand, one after the other; the last blow counts for what was left.
    stage.attack(1, Some(rat)).unwrap();
    stage.attack(2, Some(rat)).unwrap();
    let shares = kill(&mut stage);
    assert_eq!(shares, [(character(1), 50 * (13 + 13 + 7) / 39), (character(2), 50 * (3 + 3) / 39)]);
    assert_eq!(stage.grants[0].reason, GrantReason::Kill { monster: RAT });
    assert_ne!(stage.grants[0].id, stage.grants[1].id);
}

#[test]
fn who_is_away_leaves_its_share() {
    let mut stage = with_rat(|data| {
        data.monsters[0].hp = 39;
        data.monsters[0].speed_cm_per_s = 0;
        data.balance.xp_share_cm = 400;
        data.balance.player_speed_cm_per_s = 2_000;
    });
    armed(&mut stage, 1, None);
    let runner = stage.enter(2, sheet(metres(100, 101))).entity;
    let rat = rat(&mut stage, 1);
    stage.attack(2, Some(rat)).unwrap();
    stage.steps(2);
    stage.attack(2, None).unwrap();
    for tick in 0..10 {
        stage.input(runner, tick, 128, 127);
        stage.step();
    }
    stage.attack(1, Some(rat)).unwrap();
    assert_eq!(kill(&mut stage), [(character(1), 50)]);
}

#[test]
fn a_level_brings_its_hit_points_and_is_told_around() {
    let mut stage = with_rat(|data| data.monsters[0].xp = 400);
    let me = armed(&mut stage, 1, Some(40));
    stage.enter(2, sheet(metres(101, 101)));
    let rat = rat(&mut stage, 1);
    stage.attack(1, Some(rat)).unwrap();
    kill(&mut stage);
    let before = stage.vitals(1).map_or(40, |vitals| vitals.hp);
    stage.step();
    let vitals = stage.vitals(1).unwrap();
    // 200 experience are level 3: 80 + 4 + 2 * 2 * 3 = 96, from 68.
    assert_eq!((vitals.level, vitals.max_hp, vitals.hp), (3, 96, before + 28));
    for n in [1, 2] {
        assert!(stage.events(n).contains(&Event::LeveledUp { entity: me, level: 3 }), "client {n}");
    }
}

#[test]
fn a_monster_without_experience_grants_nothing() {
    let mut stage = with_rat(|data| data.monsters[0].xp = 0);
    armed(&mut stage, 1, None);
    let rat = rat(&mut stage, 1);
    stage.attack(1, Some(rat)).unwrap();
    stage.until(400, |stage| stage.world.counts().monsters == 0);
    assert_eq!(stage.grants, []);
}
