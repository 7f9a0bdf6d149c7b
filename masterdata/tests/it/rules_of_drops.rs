//! `drop_tables.csv`.

use crate::tables::{Tables, each_is_found};

const DROPS: &str = "drop_tables.csv";

#[test]
fn cells_of_entries() {
    each_is_found(
        DROPS,
        &[
            ("loot_low,1,", "group_no", "0", "an integer from 1 to 4294967295"),
            ("loot_low,1,", "mode", "pick_some", "one of independent, pick_one; did you mean \"pick_one\"?"),
            (
                "loot_low,1,",
                "item_id",
                "coper_piece",
                "no item has the key \"coper_piece\"; did you mean \"copper_piece\"?",
            ),
            (
                "loot_low,3,",
                "sub_table_id",
                "pool_trinket",
                "no drop table has the key \"pool_trinket\"; did you mean \"pool_trinkets\"?",
            ),
            ("loot_low,1,", "sub_table_id", "pool_trinkets", "exactly one of item_id and sub_table_id is set"),
            ("loot_low,1,", "chance_ppm", "0", "an integer from 1 to 1000000"),
            ("loot_low,1,", "chance_ppm", "1000001", "an integer from 1 to 1000000"),
            ("loot_low,1,", "qty_min", "0", "an integer from 1 to 1000000"),
            ("loot_low,1,", "qty_max", "9", "at least qty_min, which is 10"),
        ],
    );
    let mut tables = Tables::starter();
    tables.set(DROPS, "loot_low,1,", "item_id", "");
    let lines = tables.errors();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].ends_with("column F (sub_table_id), empty: exactly one of item_id and sub_table_id is set"));
    let mut tables = Tables::starter();
    tables.set(DROPS, "loot_low,1,", "entry_no", "2");
    let lines = tables.errors();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].ends_with("column B (entry_no), value \"2\": stands in another row of this table already"));
}

#[test]
fn a_group_has_one_mode_and_at_most_one_million() {
    let mut tables = Tables::starter();
    tables.set(DROPS, "loot_low,2,", "mode", "pick_one");
    let row = tables.row_number(DROPS, "loot_low,1,");
    assert_eq!(
        tables.errors(),
        [format!(
            "error: drop_tables.csv row {}, column D (mode), value \"pick_one\": all rows of a group have the same mode; row {row} differs",
            row + 1
        )]
    );
    // Pick-one chances may fall short of a million (the rest is nothing), but not exceed it by one.
    let mut tables = Tables::starter();
    tables.set(DROPS, "loot_beginner,2,", "chance_ppm", "640000");
    assert_eq!(tables.errors(), [""; 0]);
    tables.set(DROPS, "loot_beginner,2,", "chance_ppm", "640001");
    let row = tables.row_number(DROPS, "loot_beginner,2,");
    assert_eq!(
        tables.errors(),
        [format!(
            "error: drop_tables.csv row {row}, column G (chance_ppm), value \"640001\": the chances of a pick_one group sum to at most \
         1000000; those of this group sum to 1000001"
        )]
    );
    // Independent entries may sum to more.
    let mut tables = Tables::starter();
    tables.set(DROPS, "loot_low,2,", "chance_ppm", "1000000");
    assert_eq!(tables.errors(), [""; 0]);
}

#[test]
fn a_table_never_contains_itself() {
    let mut tables = Tables::starter();
    tables.add_row(DROPS, "pool_trinkets,99,9,independent,,pool_trinkets,10,1,1");
    let rule = "sub-tables form no cycle; through this row the table contains itself";
    assert_eq!(
        tables.errors(),
        [format!("error: drop_tables.csv row 126, column F (sub_table_id), value \"pool_trinkets\": {rule}")]
    );
    // Through another table: both rows are named.
    let mut tables = Tables::starter();
    tables.add_row(DROPS, "pool_common_gear,99,9,independent,,pool_gear_of_the_vale,10,1,1");
    let lines = tables.errors();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines.iter().all(|line| line.ends_with(rule)), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("row 126")), "{lines:#?}");
}

#[test]
fn a_roll_cannot_grow_without_bound() {
    let mut tables = Tables::starter();
    for depth in 1..=16 {
        let below = if depth == 1 { "pool_trinkets".to_owned() } else { format!("nest_{}", depth - 1) };
        tables.add_row(DROPS, &format!("nest_{depth},1,1,independent,,{below},1000000,1,1"));
    }
    let too_deep = "how many deep sub-tables stand in it is limited to 16; here it is 17";
    let lines = tables.errors();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("value \"nest_16\"") && lines[0].ends_with(too_deep), "{lines:#?}");

    let mut tables = Tables::starter();
    tables.add_row(DROPS, "flood,1,1,independent,,pool_trinkets,1000000,1,1025");
    let lines = tables.errors();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].ends_with("how many results one roll can have is limited to 1024; here it is 1025"), "{lines:#?}");
    assert!(lines[1].ends_with("how many tables one roll can roll is limited to 1024; here it is 1026"), "{lines:#?}");
}
