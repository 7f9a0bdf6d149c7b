//! Basic attacks: reach, period, lines, and what a blow comes to.

use shallot_masterdata::{ItemTemplateId, MasterData, Rect, Slot};
use shallot_wire::{EntityKind, NetId};
use shallot_world::{CharacterSheet, Event, Refusal, Reply};

use crate::examples::{BELT, BOW, LONGSWORD, MonsterPlace, RAT, RING, SHIELD, STATUE, one};
use crate::stage::{Stage, metres, sheet};

/// A fighter at (100, 100) with these things on, and a monster of 1,000 hit points.
fn duel(at: MonsterPlace, worn: &[(Slot, ItemTemplateId)], change: impl FnOnce(&mut MasterData)) -> (Stage, NetId) {
    let mut stage = Stage::new(|data| {
        data.regions[0].spawns.push(one(at.0, at.1, at.2));
        data.monsters[at.0.index()].hp = 1_000;
        change(data);
    });
    stage.enter(1, CharacterSheet { worn: worn.to_vec(), ..sheet(metres(100, 100)) });
    let is_monster = |record: &shallot_wire::Record| record.kind == EntityKind::Monster;
    stage.until(20, |stage| stage.snapshot(1).records().any(|told| is_monster(&told.record)));
    let id = stage.snapshot(1).records().map(|told| told.record).find(is_monster).unwrap().entity;
    (stage, id)
}

/// The damage of the first hit on the monster within so many ticks.
fn first_hit(stage: &mut Stage, target: NetId, ticks: u32) -> Option<u32> {
    stage.attack(1, Some(target)).unwrap();
    for _ in 0..ticks {
        for event in stage.events(1) {
            if let Event::Hit { target: struck, damage, .. } = event
                && struck == target
            {
                return Some(damage);
            }
        }
        stage.step();
    }
    None
}

fn damage_with(worn: &[(Slot, ItemTemplateId)]) -> u32 {
    let (mut stage, rat) = duel((RAT, 101, 100), worn, |_| ());
    first_hit(&mut stage, rat, 40).unwrap()
}

#[test]
fn damage_is_weapon_and_ability_and_level() {
    // Strength 14 gives 2, base_attack 8 gives 8 / 8 = 1.
    assert_eq!(damage_with(&[]), 2 + 1, "bare hands");
    assert_eq!(damage_with(&[(Slot::MainHand, LONGSWORD)]), 10 + 2 + 1, "in both hands");
    assert_eq!(damage_with(&[(Slot::MainHand, LONGSWORD), (Slot::OffHand, SHIELD)]), 8 + 2 + 1, "in one hand");
    assert_eq!(damage_with(&[(Slot::TwoHand, BOW)]), 6 + 2 + 1, "dexterity 14 gives 2");
    // The belt sets strength to 18 (bonus 4) and adds 1.
    assert_eq!(damage_with(&[(Slot::MainHand, LONGSWORD), (Slot::Waist, BELT)]), 10 + 4 + 1 + 1);
}

#[test]
fn immunity_and_set_bonuses_count() {
    let (mut stage, statue) = duel((STATUE, 101, 100), &[(Slot::MainHand, LONGSWORD)], |_| ());
    assert_eq!(first_hit(&mut stage, statue, 40), Some(0), "immune to slashing");
    let (mut stage, statue) = duel((STATUE, 101, 100), &[(Slot::Waist, BELT), (Slot::Ring, RING)], |_| ());
    assert_eq!(first_hit(&mut stage, statue, 40), Some((4 + 1 + 1) * 2), "100 percent more against giants");
    let (mut stage, statue) = duel((STATUE, 101, 100), &[(Slot::Waist, BELT), (Slot::Neck, BELT)], |_| ());
    assert_eq!(first_hit(&mut stage, statue, 40), Some(4 + 1 + 2), "one member twice is one member");
}

#[test]
fn one_blow_in_a_period() {
    let (mut stage, rat) = duel((RAT, 101, 100), &[], |_| ());
    stage.attack(1, Some(rat)).unwrap();
    let mut blows = 0;
    for _ in 0..100 {
        let mine = |event: &Event| matches!(event, Event::Hit { target, .. } if *target == rat);
        blows += stage.events(1).iter().filter(|event| mine(event)).count();
        stage.step();
    }
    assert_eq!(blows, 5, "100 ticks, one blow each 20");
}

#[test]
fn beyond_reach_or_behind_a_block_nothing_happens() {
    let far = |data: &mut MasterData| data.balance.monster_notice_cm = 1;
    let (mut stage, rat) = duel((RAT, 103, 100), &[(Slot::MainHand, LONGSWORD)], far);
    assert_eq!(first_hit(&mut stage, rat, 60), None);
    let (mut stage, rat) = duel((RAT, 103, 100), &[(Slot::TwoHand, BOW)], far);
    assert!(first_hit(&mut stage, rat, 60).is_some());
    let behind = |data: &mut MasterData| {
        data.balance.monster_notice_cm = 1;
        data.regions[0].blocks.push(Rect { x: 101, y: 90, width: 1, height: 20 });
    };
    let (mut stage, rat) = duel((RAT, 103, 100), &[(Slot::TwoHand, BOW)], behind);
    assert_eq!(first_hit(&mut stage, rat, 60), None);
}

#[test]
fn armor_decides_who_misses() {
    let hits = |armor: u32| {
        let (mut stage, rat) = duel((RAT, 101, 100), &[], |data| {
            data.monsters[0].armor = armor;
            data.balance.critical_at = 21;
        });
        (0..10).any(|_| first_hit(&mut stage, rat, 40).unwrap() > 0)
    };
    // 1d20 + 2 (base_attack 8 / 4) + 2 (strength): at most 24, where critical hits are off.
    assert!(!hits(25));
    // So 2 hits armor 6, and of ten blows one is more than a 1 (but for once in 10^13).
    assert!(hits(6));
    let unreachable = |data: &mut MasterData| data.monsters[0].armor = 1_000;
    let (mut stage, rat) = duel((RAT, 101, 100), &[(Slot::MainHand, LONGSWORD)], unreachable);
    assert_eq!(first_hit(&mut stage, rat, 40), Some(10 + 2 + 1), "a critical hit needs no armor to be reached");
}

#[test]
fn players_are_no_targets_and_targets_can_be_dropped() {
    let (mut stage, rat) = duel((RAT, 101, 100), &[], |_| ());
    let other = stage.enter(2, sheet(metres(100, 101))).entity;
    assert_eq!(stage.attack(1, Some(other)), Err(Refusal::BadTarget));
    assert_eq!(stage.attack(1, Some(NetId { index: 9, generation: 0 })), Err(Refusal::BadTarget));
    assert_eq!(stage.attack(1, Some(NetId { generation: rat.generation + 1, ..rat })), Err(Refusal::BadTarget));
    assert_eq!(stage.attack(3, Some(rat)), Err(Refusal::NotInWorld));
    assert_eq!(stage.attack(1, None), Ok(Reply::Attacking));
    let mine = |event: &Event| matches!(event, Event::Hit { target, .. } if *target == rat);
    for _ in 0..60 {
        stage.step();
        assert!(!stage.events(1).iter().any(mine));
    }
}

#[test]
fn a_monster_s_round_takes_its_attacks_in_turn_from_those_in_reach() {
    let (mut stage, rat) = duel((RAT, 101, 100), &[], |data| {
        let bite = data.monsters[0].attacks[0].clone();
        let mut spit = bite.clone();
        (spit.reach_cm, spit.range_cm, spit.damage) = (None, Some(500), crate::examples::exactly(3));
        let mut far = bite.clone();
        (far.reach_cm, far.damage) = (Some(1), crate::examples::exactly(50));
        data.monsters[0].attacks = vec![bite, far, spit];
        data.monsters[0].attacks_per_round = 3;
    });
    let mut damages = Vec::new();
    for _ in 0..31 {
        stage.step();
        for event in stage.events(1) {
            if let Event::Hit { attacker, damage, .. } = event
                && attacker == rat
            {
                damages.push(damage);
            }
        }
    }
    assert_eq!(damages[..3], [2, 3, 2], "bite, spit, bite: the third attack never reaches");
    assert!(damages.len() <= 6, "one round in 30 ticks");
}
