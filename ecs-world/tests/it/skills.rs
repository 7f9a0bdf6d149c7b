//! Skills: what they do, and each reason why not.

use shallot_masterdata::{ClassId, MasterData, Rect, RegionSpawn};
use shallot_wire::NetId;
use shallot_world::{CharacterSheet, Event, Refusal, Reply};

use crate::examples::{FIGHTER, MAGE, STATUE, one};
use crate::stage::{Stage, metres, sheet};

fn caster(class: ClassId, level: u8, change: impl FnOnce(&mut MasterData)) -> Stage {
    let mut stage = Stage::new(change);
    stage.enter(1, CharacterSheet { class, level, ..sheet(metres(100, 100)) });
    stage.steps(20);
    stage
}

fn hits(stage: &Stage) -> Vec<(NetId, u32)> {
    let hit = |event: Event| match event {
        Event::Hit { target, damage, .. } => Some((target, damage)),
        _ => None,
    };
    stage.events(1).into_iter().filter_map(hit).collect()
}

#[test]
fn a_blow_and_its_cooldown() {
    let mut stage = caster(FIGHTER, 1, |data| {
        data.regions[0].spawns.push(one(STATUE, 101, 100));
        data.monsters[1].vulnerable.clear();
    });
    let statue = stage.monsters(1)[0];
    let here = metres(100, 100);
    assert_eq!(stage.skill(1, "slash", Some(statue), here), Ok(Reply::SkillUsed { cooldown_ticks: 40 }));
    assert_eq!(hits(&stage), [(statue, 10 + 2 + 1)], "dice, strength, level");
    assert_eq!(stage.skill(1, "slash", Some(statue), here), Err(Refusal::OnCooldown { ticks_left: 39 }));
    stage.steps(38);
    assert!(stage.skill(1, "slash", Some(statue), here).is_ok());
}

#[test]
fn a_bolt_of_fire_at_something_vulnerable() {
    let mut stage = caster(MAGE, 1, |data| data.regions[0].spawns.push(one(STATUE, 108, 100)));
    let statue = stage.monsters(1)[0];
    assert!(stage.skill(1, "bolt", Some(statue), metres(0, 0)).is_ok());
    assert_eq!(hits(&stage), [(statue, (3 + 2 + 1) * 2)]);
    let used = |event: &Event| matches!(event, Event::SkillUsed { target: Some(at), .. } if *at == statue);
    assert!(stage.events(1).iter().any(used));
}

#[test]
fn a_blast_hits_all_around_its_point() {
    let mut stage = caster(MAGE, 2, |data| {
        for (x, y) in [(105, 100), (105, 102), (107, 100), (109, 100)] {
            data.regions[0].spawns.push(one(STATUE, x, y));
        }
    });
    let east = *stage.monsters(1).last().unwrap();
    assert!(stage.skill(1, "blast", None, metres(105, 100)).is_ok());
    assert_eq!(hits(&stage).len(), 3, "the one 4 m away is beyond 3 m");
    stage.steps(40);
    assert!(stage.skill(1, "blast", Some(east), metres(0, 0)).is_ok(), "a target's place counts, not the point");
    assert_eq!(hits(&stage).len(), 2, "the two in the east");
}

#[test]
fn a_heal_for_oneself_and_for_others() {
    let mut stage = Stage::new(|_| ());
    let hurt = CharacterSheet { class: MAGE, hp: Some(10), ..sheet(metres(100, 100)) };
    stage.enter(1, hurt.clone());
    let friend = stage.enter(2, CharacterSheet { position: Some(metres(104, 100)), ..hurt.clone() }).entity;
    let far = stage.enter(3, CharacterSheet { position: Some(metres(106, 100)), ..hurt }).entity;
    assert!(stage.skill(1, "mend", None, metres(0, 0)).is_ok());
    assert_eq!(stage.vitals(1).unwrap().hp, 10 + 6 + 2);
    stage.steps(40);
    let before = stage.world.tick();
    assert!(stage.skill(1, "mend", Some(friend), metres(0, 0)).is_ok());
    assert!(stage.world.tick().is_after(before));
    let healed = |event: &Event| matches!(event, Event::Healed { entity, amount: 8, .. } if *entity == friend);
    assert!(stage.events(2).iter().any(healed));
    stage.steps(40);
    assert_eq!(stage.skill(1, "mend", Some(far), metres(0, 0)), Err(Refusal::OutOfRange));
}

#[test]
fn every_reason_why_not() {
    let mut stage = caster(MAGE, 1, |data| {
        data.regions[0].spawns.push(one(STATUE, 115, 100));
        data.regions[0].spawns.push(one(STATUE, 100, 105));
        data.regions[0].blocks.push(Rect { x: 95, y: 102, width: 10, height: 1 });
    });
    let (far, hidden) = (stage.monsters(1)[0], stage.monsters(1)[1]);
    let here = metres(100, 100);
    assert_eq!(stage.skill(1, "slash", Some(far), here), Err(Refusal::WrongClass));
    assert_eq!(stage.skill(1, "blast", None, here), Err(Refusal::LevelTooLow));
    assert_eq!(stage.skill(1, "bolt", None, here), Err(Refusal::BadTarget));
    let me = stage.world.characters().next().unwrap().1;
    assert_eq!(stage.skill(1, "bolt", Some(me), here), Err(Refusal::BadTarget), "players are no foes");
    assert_eq!(stage.skill(1, "mend", Some(far), here), Err(Refusal::BadTarget), "monsters are no allies");
    assert_eq!(stage.skill(1, "bolt", Some(far), here), Err(Refusal::OutOfRange));
    assert_eq!(stage.skill(1, "bolt", Some(hidden), here), Err(Refusal::NoLineOfSight));
    assert_eq!(stage.skill(2, "bolt", Some(far), here), Err(Refusal::NotInWorld));
}

#[test]
fn an_area_around_the_caster_needs_no_aim() {
    let mut stage = caster(FIGHTER, 1, |data| {
        data.skills[3].kind = shallot_masterdata::SkillKind::Area;
        data.skills[3].radius_cm = 300;
        data.monsters[1].vulnerable.clear();
        data.regions[0].spawns.push(RegionSpawn { count_max: 3, ..one(STATUE, 102, 100) });
    });
    assert!(stage.skill(1, "slash", None, metres(190, 190)).is_ok());
    assert_eq!(hits(&stage).len(), 3);
}
