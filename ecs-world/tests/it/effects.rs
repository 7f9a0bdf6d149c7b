//! Worn things, levels and potions, as vitals show them.

use shallot_masterdata::{Abilities, ItemTemplateId, Slot};
use shallot_world::{CharacterSheet, Command, Event, Vitals};

use crate::examples::{ARCHER, BELT, MAIL, POTION, RAT, RING, SHIELD, one};
use crate::stage::{Stage, character, metres, sheet};

fn vitals_with(worn: &[(Slot, ItemTemplateId)]) -> Vitals {
    Stage::new(|_| ()).enter(1, CharacterSheet { worn: worn.to_vec(), ..sheet(metres(100, 100)) }).vitals
}

#[test]
fn armor_and_hit_points_by_their_formulas() {
    // Dexterity 14 gives 2, base_defense 5 / 5 gives 1; 60 base, 4 of the class, constitution 2 * 2 * level 1.
    assert_eq!(vitals_with(&[]).armor, 10 + 2 + 1);
    assert_eq!(vitals_with(&[]).max_hp, 60 + 4 + 4);
    assert_eq!(vitals_with(&[(Slot::Body, MAIL)]).armor, 14 + 2 + 1);
    assert_eq!(vitals_with(&[(Slot::Body, MAIL), (Slot::OffHand, SHIELD)]).armor, 14 + 2 + 2 + 1);
    let twins = vitals_with(&[(Slot::Waist, BELT), (Slot::Ring, RING)]);
    assert_eq!(twins.max_hp, 68 * 110 / 100);
    assert_eq!(twins.armor, 13 + 1);
}

#[test]
fn new_equipment_and_scores_count_at_once_and_old_versions_never() {
    let mut stage = Stage::new(|_| ());
    stage.enter(1, sheet(metres(100, 100)));
    stage.wear(1, 3, &[(Slot::Body, MAIL)]);
    stage.step();
    assert_eq!(stage.vitals(1).unwrap().armor, 17);
    stage.wear(1, 2, &[]);
    stage.wear(1, 3, &[]);
    stage.wear(1, 4, &[(Slot::Body, MAIL), (Slot::Head, ItemTemplateId(60_000))]);
    stage.step();
    assert_eq!(stage.vitals(1), None, "nothing changed");
    let abilities = Abilities { str: 14, dex: 14, con: 18, int: 14, wis: 14, cha: 14 };
    stage.push(Command::Abilities { character: character(1), abilities, version: 1 });
    stage.push(Command::Abilities { character: character(1), abilities, version: 2 });
    stage.step();
    let vitals = stage.vitals(1).unwrap();
    assert_eq!((vitals.hp, vitals.max_hp), (68, 60 + 4 + 8), "a higher maximum brings no hit points");
}

#[test]
fn worn_resistance_halves_fire() {
    let hit = |worn: &[(Slot, ItemTemplateId)]| {
        let mut stage = Stage::new(|data| data.regions[0].spawns.push(one(RAT, 101, 100)));
        stage.enter(1, CharacterSheet { worn: worn.to_vec(), ..sheet(metres(100, 100)) });
        stage.until(100, |stage| stage.vitals(1).is_some_and(|vitals| vitals.hp < 68));
        68 - stage.vitals(1).unwrap().hp
    };
    assert_eq!(hit(&[]), 2);
    assert_eq!(hit(&[(Slot::Waist, BELT)]), 1);
}

#[test]
fn potions_heal_the_living_up_to_their_maximum() {
    let mut stage = Stage::new(|_| ());
    let id = stage.enter(1, CharacterSheet { hp: Some(60), ..sheet(metres(100, 100)) }).entity;
    for (hp, amount) in [(65, 5), (68, 3)] {
        stage.push(Command::ItemUsed { character: character(1), template: POTION });
        stage.step();
        assert_eq!(stage.vitals(1).unwrap().hp, hp);
        assert_eq!(stage.events(1), [Event::Healed { entity: id, amount, hp }]);
    }
    stage.push(Command::ItemUsed { character: character(1), template: ItemTemplateId(60_000) });
    stage.push(Command::ItemUsed { character: character(9), template: POTION });
    stage.step();
    assert_eq!(stage.events(1), []);
}

#[test]
fn potions_do_not_wake_the_dead() {
    let mut stage = Stage::new(|data| data.regions[0].spawns.push(one(ARCHER, 105, 100)));
    stage.enter(1, sheet(metres(100, 100)));
    stage.until(100, |stage| stage.snapshot(1).own.unwrap().is_dead);
    stage.push(Command::ItemUsed { character: character(1), template: POTION });
    stage.step();
    assert!(stage.snapshot(1).own.unwrap().is_dead);
    assert_eq!(stage.events(1), []);
}

#[test]
fn hit_points_return_out_of_combat() {
    let mut stage = Stage::new(|_| ());
    stage.enter(1, CharacterSheet { hp: Some(10), ..sheet(metres(100, 100)) });
    stage.steps(60);
    let hp = stage.world.counts();
    assert_eq!(hp.players, 1);
    let told = stage.until(20, |stage| stage.vitals(1).is_some());
    assert!(told.is_empty());
    let after = stage.vitals(1).unwrap().hp;
    // 50,000 ppm of 68 are 3 a second.
    assert_eq!((after - 10) % 3, 0);
    assert!(after > 10);
}
