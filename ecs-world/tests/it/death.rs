//! Death, and standing up again.

use shallot_wire::{EntityKind, NetId};
use shallot_world::{CharacterSheet, Event, Refusal, Reply};

use crate::examples::{ARCHER, LONGSWORD, RAT, one};
use crate::stage::{Stage, metres, sheet};

#[test]
fn a_player_dies_lies_there_and_stands_up_at_the_entry() {
    let mut stage = Stage::new(|data| data.regions[0].spawns.push(one(ARCHER, 55, 50)));
    let id = stage.enter(1, sheet(metres(50, 50))).entity;
    assert_eq!(stage.respawn(1), Err(Refusal::NotDead));
    let died = |event: &Event| matches!(event, Event::Died { entity, killer: Some(_), monster: None } if *entity == id);
    stage.until(100, |stage| stage.events(1).iter().any(died));
    assert_eq!(stage.vitals(1).unwrap().hp, 0);
    assert!(stage.snapshot(1).own.unwrap().is_dead);

    // The dead do nothing.
    let at = metres(50, 50);
    assert_eq!(stage.attack(1, None), Err(Refusal::Dead));
    assert_eq!(stage.skill(1, "slash", None, at), Err(Refusal::Dead));
    assert_eq!(stage.pick_up(1, NetId { index: 1, generation: 0 }), Some(Err(Refusal::Dead)));
    for tick in 0..10 {
        stage.input(id, tick, 0, 127);
        stage.step();
    }
    assert_eq!(stage.position(1), at);

    assert_eq!(stage.respawn(1), Err(Refusal::TooEarly));
    stage.steps(60);
    let teleports = stage.snapshot(1).own.unwrap().teleports;
    assert_eq!(stage.respawn(1), Ok(Reply::Respawned { position: metres(100, 100) }));
    assert_eq!(stage.vitals(1).unwrap().hp, 34, "half of 68");
    let own = stage.snapshot(1).own.unwrap();
    assert_eq!((own.position, own.is_dead, own.teleports), (metres(100, 100), false, teleports + 1));
}

#[test]
fn who_was_saved_dead_lies_dead() {
    let mut stage = Stage::new(|_| ());
    let entered = stage.enter(1, CharacterSheet { hp: Some(0), ..sheet(metres(50, 50)) });
    assert_eq!(entered.vitals.hp, 0);
    assert_eq!(stage.respawn(1), Err(Refusal::TooEarly));
    stage.steps(60);
    assert!(stage.respawn(1).is_ok());
}

#[test]
fn others_see_a_player_lie() {
    let mut stage = Stage::new(|_| ());
    let dead = stage.enter(1, CharacterSheet { hp: Some(0), ..sheet(metres(50, 50)) }).entity;
    stage.enter(2, sheet(metres(52, 50)));
    stage.until(10, |stage| {
        let snapshot = stage.snapshot(2);
        snapshot.records().any(|told| told.record.entity == dead && told.record.is_dead)
    });
}

#[test]
fn a_monster_is_gone_at_once() {
    let mut stage = Stage::new(|data| data.regions[0].spawns.push(one(RAT, 101, 100)));
    let worn = vec![(shallot_masterdata::Slot::MainHand, LONGSWORD)];
    let me = stage.enter(1, CharacterSheet { worn, ..sheet(metres(100, 100)) }).entity;
    stage.until(20, |stage| stage.snapshot(1).records().count() == 1);
    let rat = stage.snapshot(1).records().next().unwrap().record.entity;
    stage.attack(1, Some(rat)).unwrap();
    let died = Event::Died { entity: rat, killer: Some(me), monster: Some(RAT) };
    stage.until(60, |stage| stage.events(1).contains(&died));
    assert_eq!(stage.world.counts().monsters, 0);
    let snapshot = stage.snapshot(1);
    assert!(!snapshot.records().any(|told| told.record.kind == EntityKind::Monster));
    assert_eq!(stage.attack(1, Some(rat)), Err(Refusal::BadTarget));
}
