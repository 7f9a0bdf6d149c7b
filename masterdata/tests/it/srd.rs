//! The SRD set, a large one that others made, when it lies beside the project or where `SHALLOT_SRD` says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shallot_masterdata::author::{self, Report};
use shallot_masterdata::{DropTableId, MasterData};

use crate::expectation::rolls_agree;

/// The folder of the set, or `None` after a line that says so.
fn folder() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/masterdata/srd");
    let folder = std::env::var_os("SHALLOT_SRD").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("the SRD set is not at {} (SHALLOT_SRD); the tests over it have nothing to look at", folder.display());
    None
}

fn load(folder: &Path) -> MasterData {
    author::load_dir(folder).unwrap_or_else(|report| panic!("{report}")).0
}

#[test]
fn it_loads_without_an_error() {
    let Some(folder) = folder() else { return };
    let (set, warnings) = author::load_dir(&folder).unwrap_or_else(|report| panic!("{report}"));
    let counts = (set.items.len(), set.monsters.len(), set.drop_tables.len(), set.dungeons.len(), set.levels.len());
    assert_eq!(counts, (604, 334, 352, 24, 40));
    assert_eq!((set.regions.len(), set.sets.len(), set.strings.len(), set.bundles.len()), (4, 10, 1409, 7));
    let places: Vec<String> = warnings.iter().map(|finding| finding.place.to_string()).collect();
    assert_eq!(
        places,
        ["level_curve.csv row 12, column C (xp_to_next)", "set_bonuses.csv row 17, column C (member_item_ids)"]
    );
    assert_eq!(set.region(set.start_region()).key, "greenvale");
    // What the world finds there.
    let goblin = set.monster(set.monster_by_key("goblin").unwrap());
    assert_eq!((goblin.hp, goblin.armor, goblin.xp, goblin.level), (7, 15, 50, 3));
    assert_eq!(goblin.attacks[0].damage.to_string(), "1d6+2");
    assert_eq!(set.level_for_xp(299), 1);
    assert_eq!(set.level_for_xp(300), 2);
    assert_eq!(set.level_for_xp(u64::MAX), 40);
    assert!(set.string("item.acid_vial.desc").unwrap().contains(".\nOn a hit"));
}

#[test]
fn its_characters_start_with_a_weapon_armor_and_potions() {
    let Some(folder) = folder() else { return };
    let set = load(&folder);
    assert_eq!((set.classes.len(), set.skills.len()), (3, 9), "it has none of its own, so these are the starter's");
    for class in &set.classes {
        let has = |test: &dyn Fn(&shallot_masterdata::Item) -> bool| {
            class.start_items.iter().any(|(item, _)| test(set.item(*item)) && set.item(*item).level_req == 1)
        };
        assert!(has(&|item| item.damage.is_some() && class.weapons.contains(&item.subkind)), "{}", class.key);
        assert!(has(&|item| item.armor_base.is_some() && class.armor.contains(&item.subkind)), "{}", class.key);
        assert!(has(&|item| item.effects.iter().any(|effect| effect.stat == "heal_min")), "{}", class.key);
    }
}

#[test]
fn rolls_of_its_monsters_agree_with_what_is_expected() {
    let Some(folder) = folder() else { return };
    let set = load(&folder);
    for key in ["mon_goblin", "mon_wolf", "clear_tier_2", "mon_lich"] {
        let table: DropTableId = set.drop_table_by_key(key).unwrap();
        rolls_agree(&set, table, 5_000, 77);
    }
}

/// The base set with the files of the newer edition laid over it.
fn patched(folder: &Path) -> Report {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for folder in [folder.to_owned(), folder.join("../srd-5.2-patch")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            files.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap());
        }
    }
    author::load_files(files).unwrap_err()
}

#[test]
fn references_that_a_newer_edition_no_longer_satisfies_are_all_named() {
    let Some(folder) = folder() else { return };
    let report = patched(&folder);
    assert_eq!(report.left_out, 0);
    let lines: Vec<String> = report.errors().map(ToString::to_string).collect();
    let naming_nothing = lines.iter().filter(|line| line.contains(" has the key ")).count();
    assert!(naming_nothing > 500, "{naming_nothing}");
    let expected = [
        "error: drop_tables.csv row 4, column E (item_id), value \"spell_scroll_1st\": no item has the key \"spell_scroll_1st\"; \
         did you mean \"spell_scroll\"?",
        "error: items.csv row 411, column A (id), value \"stone_of_good_luck_(luckstone)\": 1 to 64 of a-z, 0-9 and _; did you \
         mean \"stone_of_good_luck_luckstone\"?",
        "error: monsters.csv row 332, column W (cha), value \"-3\": an integer from 1 to 30",
    ];
    for line in expected {
        assert!(lines.iter().any(|found| found == line), "{line}\nis not in\n{}", lines.join("\n"));
    }
    for file in
        ["dungeon_templates.csv", "dungeon_spawns.csv", "region_spawns.csv", "set_bonuses.csv", "strings_en.csv"]
    {
        let start = format!("error: {file} row ");
        assert!(
            lines.iter().any(|line| line.starts_with(&start) && line.contains(" has the key ")),
            "no lost reference in {file}"
        );
    }
}
