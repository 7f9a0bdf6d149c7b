//! Our own set is what a fresh clone plays: these are the promises it keeps.

use std::collections::BTreeSet;

use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use shallot_masterdata::author::starter;
use shallot_masterdata::{ItemKind, Region, RegionSpawn, SkillKind};

use crate::tables::Tables;

#[test]
fn it_has_no_finding_at_all() {
    assert_eq!(Tables::starter().warnings(), [""; 0]);
}

#[test]
fn it_is_large_enough() {
    let set = starter();
    assert!(set.items.iter().filter(|item| !item.is_abstract).count() >= 60);
    assert!(set.monsters.len() >= 25);
    assert_eq!((set.regions.len(), set.dungeons.len(), set.levels.len()), (2, 5, 30));
    assert_eq!((set.classes.len(), set.skills.len()), (3, 9));
    assert!(set.sets.len() >= 3);
    assert!(set.monsters.iter().filter(|monster| monster.is_boss).count() >= 2);
    let is_ranged = |attack: &shallot_masterdata::MonsterAttack| attack.range_cm.is_some() && attack.damage.max() > 0;
    assert!(set.monsters.iter().filter(|monster| monster.attacks.iter().any(is_ranged)).count() >= 4);
    let levels: BTreeSet<u8> = set.monsters.iter().map(|monster| monster.level).collect();
    assert!(levels.contains(&1) && levels.contains(&20));
    let slots: BTreeSet<_> = set.items.iter().filter_map(|item| item.slot).collect();
    assert_eq!(slots.len(), 13, "{slots:?}");
    assert!(set.items.iter().any(|item| item.kind == ItemKind::Currency));
    for class in 0..3 {
        let of_class = set.skills.iter().filter(|skill| skill.class.index() == class).count();
        assert_eq!(of_class, 3);
    }
    for kind in [SkillKind::Melee, SkillKind::Ranged, SkillKind::Area, SkillKind::Heal] {
        assert!(set.skills.iter().any(|skill| skill.kind == kind), "{kind:?}");
    }
    for class in &set.classes {
        let at_first =
            |skill: &&shallot_masterdata::Skill| skill.level_req == 1 && set.class(skill.class).key == class.key;
        assert!(set.skills.iter().any(|skill| at_first(&skill)), "{} has nothing to do at level 1", class.key);
    }
}

#[test]
fn its_regions_are_neighbours() {
    let set = starter();
    let [a, b] = [&set.regions[0].area, &set.regions[1].area];
    assert_eq!((a.x + a.width, a.y, a.height), (b.x, b.y, b.height));
    for region in &set.regions {
        assert!(region.spawns.len() >= 10 && !region.blocks.is_empty());
    }
}

fn metres_from_entry(region: &Region, spawn: &RegionSpawn) -> f64 {
    let (x, y) = (spawn.center.0 - region.entry.0, spawn.center.1 - region.entry.1);
    f64::from(x).hypot(f64::from(y))
}

#[test]
fn beginners_find_something_to_fight_near_each_entry() {
    let set = starter();
    for region in &set.regions {
        let near =
            region.spawns.iter().filter(|spawn| metres_from_entry(region, spawn) + f64::from(spawn.radius_m) <= 150.0);
        let easy: Vec<&RegionSpawn> = near.filter(|spawn| set.monster(spawn.monster).level <= 2).collect();
        let alive: u32 = easy.iter().map(|spawn| spawn.count_max).sum();
        assert!(alive >= 90, "{}: {alive}", region.key);
        for spawn in easy {
            let monster = set.monster(spawn.monster);
            assert!(metres_from_entry(region, spawn) - f64::from(spawn.radius_m) >= 40.0, "{}", monster.key);
            assert!((15..=30).contains(&spawn.respawn_s) && (10..=25).contains(&monster.xp) && monster.hp <= 12);
        }
        let too_hard = region.spawns.iter().filter(|spawn| metres_from_entry(region, spawn) < 140.0);
        assert!(too_hard.into_iter().all(|spawn| set.monster(spawn.monster).level <= 2));
    }
    let second_level = set.levels[1].xp_total;
    assert!((60..=100).contains(&second_level));
}

#[test]
fn beginners_find_items_on_what_they_kill() {
    let set = starter();
    let mut rng = Pcg32::seed_from_u64(2);
    let mut out = Vec::new();
    let kills = 20_000;
    let mut with_item = 0;
    for _ in 0..kills {
        set.roll_drops(set.drop_table_by_key("loot_beginner").unwrap(), &mut rng, &mut out);
        with_item += u32::from(out.drain(..).any(|(item, _)| set.item(item).kind != ItemKind::Currency));
    }
    let share = f64::from(with_item) / f64::from(kills);
    assert!((0.4..=0.62).contains(&share), "{share}");
    let easy = set.monsters.iter().filter(|monster| monster.level <= 2);
    let table = set.drop_table_by_key("loot_beginner");
    assert!(easy.into_iter().all(|monster| monster.drop_table == table));
}

#[test]
fn a_new_character_can_use_what_it_starts_with() {
    let set = starter();
    for class in &set.classes {
        for (item, quantity) in &class.start_items {
            let item = set.item(*item);
            assert!(item.level_req == 1 && *quantity <= item.stack_max, "{}", item.key);
            assert!(item.str_req.unwrap_or(0) <= u32::from(class.abilities.str), "{}", item.key);
            match item.kind {
                ItemKind::Weapon => assert!(class.weapons.contains(&item.subkind), "{}: {}", class.key, item.key),
                ItemKind::Armor => assert!(class.armor.contains(&item.subkind), "{}: {}", class.key, item.key),
                _ => {}
            }
        }
    }
}

#[test]
fn keys_are_found_and_strangers_are_not() {
    let set = starter();
    for (at, item) in set.items.iter().enumerate() {
        assert_eq!(set.item_by_key(&item.key).map(|id| id.index()), Some(at));
        assert_eq!(set.string(&format!("item.{}.name", item.key)), Some(item.name.as_str()));
    }
    assert_eq!(set.item_by_key("excalibur"), None);
    assert_eq!(set.dungeon(set.dungeon_by_key("bone_crypt").unwrap()).spawns.len(), 4);
    assert_eq!(set.set(set.set_by_key("ember").unwrap()).members.len(), 3);
    assert_eq!(set.skill(set.skill_by_key("mend").unwrap()).class, set.class_by_key("mender").unwrap());
    assert_eq!(set.region_by_key("brookfield"), Some(set.start_region()));
    assert_eq!((set.level_for_xp(59), set.level_for_xp(60), set.level_for_xp(u64::MAX)), (1, 2, 30));
    assert_eq!((set.level(0).xp_total, set.level(2).xp_total), (0, 60));
    assert_eq!(set.level(200).xp_to_next, 0);
}

#[test]
fn the_designers_page_names_every_number_of_the_game() {
    let page = include_str!("../../../docs/MASTERDATA.md");
    let tables = Tables::starter();
    for row in tables.text("balance.csv").lines().skip(1) {
        let line = format!("| {} |", row.replace(',', " | "));
        assert!(page.contains(&line), "{line}");
    }
    for file in tables.file_names() {
        assert!(page.contains(&file), "{file}");
    }
}
