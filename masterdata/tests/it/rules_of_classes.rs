//! `classes.csv`, `skills.csv`, `balance.csv`, and what is borrowed from the starter.

use crate::tables::{Tables, each_is_found};

#[test]
fn classes() {
    let file = "classes.csv";
    each_is_found(
        file,
        &[
            ("hunter,", "name", "", "1 to 100 characters on one line, without spaces around"),
            ("hunter,", "dex", "31", "an integer from 1 to 30"),
            ("hunter,", "primary", "dexterity", "one of str, dex, con, int, wis, cha"),
            ("hunter,", "hp_bonus", "", "an integer from 0 to 1000000"),
            (
                "hunter,",
                "armor",
                "Light Armor",
                "\"Light Armor\" is not written with a-z, 0-9 and _ (in properties also -)",
            ),
            (
                "hunter,",
                "start_items",
                "shortbow",
                "\"shortbow\" is not written name:number, with a number from 1 to 1000000",
            ),
            ("hunter,", "start_items", "shortbov:1", "no item has the key \"shortbov\"; did you mean \"shortbow\"?"),
            ("hunter,", "start_items", "dagger:1|dagger:2", "\"dagger\" stands in the list twice"),
            ("hunter,", "start_items", "gold_piece:5", "coins are not carried as items"),
        ],
    );
    let mut tables = Tables::starter();
    tables.set(file, "hunter,", "armor", "light_armor|cloth_armor");
    assert_eq!(
        tables.warnings(),
        [
            "warning: classes.csv row 3, column K (armor), value \"light_armor|cloth_armor\": no item of items.csv has the subkind cloth_armor"
        ]
    );
    let mut tables = Tables::starter();
    tables.put(file, tables.text(file).lines().next().unwrap().to_owned());
    assert!(tables.errors().contains(&"error: classes.csv: there is at least one class".to_owned()));
}

#[test]
fn skills() {
    each_is_found(
        "skills.csv",
        &[
            ("spark,", "class_id", "mendr", "no class has the key \"mendr\"; did you mean \"mender\"?"),
            ("spark,", "level_req", "0", "an integer from 1 to 40"),
            ("spark,", "kind", "range", "one of melee, ranged, area, heal; did you mean \"ranged\"?"),
            ("spark,", "range_cm", "0", "at least 1: the target is not the caster"),
            ("spark,", "radius_cm", "100", "0, since only kind area has a radius"),
            ("sunburst,", "radius_cm", "0", "at least 1, since the skill hits an area"),
            ("spark,", "cooldown_ticks", "0", "an integer from 1 to 72000"),
            ("spark,", "dice", "", "a skill does something: dice that can give more than 0"),
            ("spark,", "dice", "0", "a skill does something: dice that can give more than 0"),
            ("spark,", "dice", "2x6", "dice are written NdM, NdM+K, NdM-K or as an integer, without spaces"),
            ("spark,", "damage_type", "", "a skill that does damage has a damage type"),
            ("spark,", "damage_type", "none", "a skill that does damage has a damage type"),
            ("spark,", "to_hit", "101", "an integer from -100 to 100"),
            ("mend,", "damage_type", "radiant", "empty, since the skill heals"),
            ("mend,", "to_hit", "1", "empty, since the skill heals"),
        ],
    );
}

#[test]
fn balance() {
    let file = "balance.csv";
    each_is_found(
        file,
        &[
            ("bag_slots,", "value", "0", "an integer from 1 to 1000"),
            ("bag_slots,", "value", "sixty", "an integer from 1 to 1000"),
            ("bag_slots,", "unit", "slots", "the unit of bag_slots is count"),
            ("critical_at,", "value", "21", "critical_at is at most attack_die, or nothing is critical"),
            ("drop_owner_ticks,", "value", "2401", "drop_owner_ticks is at most drop_lifetime_ticks"),
            ("monster_notice_cm,", "value", "4000", "monster_notice_cm is less than monster_leash_cm"),
        ],
    );
    let mut tables = Tables::starter();
    tables.set(file, "bag_slots,", "key", "bag_slot");
    assert_eq!(
        tables.errors(),
        [
            "error: balance.csv: key bag_slots (count) is missing",
            "error: balance.csv row 29, column A (key), value \"bag_slot\": no number of the game has this key; did you mean \"bag_slots\"?",
        ]
    );
    let mut tables = Tables::starter();
    tables.add_row(file, "bag_slots,30,count");
    assert_eq!(
        tables.errors(),
        [
            "error: balance.csv row 31, column A (key), value \"bag_slots\": stands further up already; it must be unique"
        ]
    );
}

#[test]
fn each_of_three_files_is_borrowed_for_itself() {
    let whole = Tables::starter().load().unwrap().0;
    for file in ["classes.csv", "skills.csv", "balance.csv"] {
        let mut tables = Tables::starter();
        tables.remove(file);
        let (set, warnings) = tables.load().unwrap();
        assert_eq!((set.hash, warnings.len()), (whole.hash, 0), "{file}");
    }
}

#[test]
fn what_a_borrowed_row_names_and_the_set_lacks_is_left_out() {
    let mut tables = Tables::starter();
    tables.remove("classes.csv");
    tables.set("items.csv", "arrow,", "id", "dart");
    tables.set("drop_tables.csv", "pool_beginner_gear,12,", "item_id", "dart");
    tables.remove_rows("strings_en.csv", "item.arrow.");
    let (set, warnings) = tables.load().unwrap();
    let hunter = set.class(set.class_by_key("hunter").unwrap());
    assert_eq!(hunter.start_items.len(), 4, "the bow, the dagger, the armor and the potions are there");
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().ends_with("\"arrow\" is left out: items.csv has no such item"), "{}", warnings[0]);

    let mut tables = Tables::starter();
    tables.remove("skills.csv");
    tables.remove_rows("classes.csv", "mender,");
    let (set, warnings) = tables.load().unwrap();
    assert_eq!((set.skills.len(), warnings.len()), (6, 3));
    // In a file of one's own the same is an error.
    let mut tables = Tables::starter();
    tables.remove_rows("classes.csv", "mender,");
    assert_eq!(tables.errors().len(), 3);
}
