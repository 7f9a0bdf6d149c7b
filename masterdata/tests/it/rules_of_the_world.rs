//! Dungeons, the level curve and regions.

use crate::tables::{Tables, each_is_found};

#[test]
fn dungeons() {
    let crypt = "bone_crypt,";
    each_is_found(
        "dungeon_templates.csv",
        &[
            (crypt, "name", "", "1 to 100 characters on one line, without spaces around"),
            (crypt, "biome", "", "1 to 64 of a-z, 0-9 and _"),
            (crypt, "level_max", "8", "at least level_min, which is 9"),
            (crypt, "party_max", "2", "at least party_min, which is 3"),
            (crypt, "rooms_min", "0", "an integer from 1 to 100"),
            (crypt, "time_limit_s", "0", "an integer from 1 to 604800"),
            (crypt, "wipe_limit", "0", "an integer from 1 to 1000"),
            (crypt, "entry_item_id", "crypt_kee", "no item has the key \"crypt_kee\"; did you mean \"crypt_key\"?"),
            (
                crypt,
                "boss_monster_id",
                "moor_wigth",
                "no monster has the key \"moor_wigth\"; did you mean \"moor_wight\"?",
            ),
            (crypt, "boss_monster_id", "", "no monster has the key \"\""),
            (
                crypt,
                "clear_table_id",
                "clear_mit",
                "no drop table has the key \"clear_mit\"; did you mean \"clear_mid\"?",
            ),
            (crypt, "clear_xp", "", "an integer from 0 to 10000000"),
            (crypt, "enabled", "2", "one of 0, 1"),
        ],
    );
}

#[test]
fn rooms_of_dungeons() {
    each_is_found(
        "dungeon_spawns.csv",
        &[
            (
                "bone_crypt,1,",
                "dungeon_id",
                "bone_cript",
                "no dungeon has the key \"bone_cript\"; did you mean \"bone_crypt\"?",
            ),
            ("bone_crypt,2,", "spawn_no", "1", "stands in another row of this dungeon already"),
            ("bone_crypt,1,", "room_to", "10", "the dungeon has at most 9 rooms (rooms_max)"),
            ("bone_crypt,1,", "monster_id", "wulf", "no monster has the key \"wulf\"; did you mean \"wolf\"?"),
            ("bone_crypt,1,", "weight", "0", "an integer from 1 to 1000000"),
            ("bone_crypt,1,", "count_max", "3", "at least count_min, which is 4"),
        ],
    );
    let mut tables = Tables::starter();
    tables.set("dungeon_spawns.csv", "bone_crypt,4,", "room_from", "10");
    assert_eq!(
        tables.errors(),
        ["error: dungeon_spawns.csv row 16, column D (room_to), value \"9\": at least room_from, which is 10"]
    );
    // A room that no row fills: an error only while the dungeon is offered.
    let mut tables = Tables::starter();
    tables.remove_rows("dungeon_spawns.csv", "bone_crypt,1,");
    tables.remove_rows("dungeon_spawns.csv", "bone_crypt,2,");
    assert_eq!(
        tables.errors(),
        [
            "error: dungeon_templates.csv row 5, column P (enabled), value \"1\": an enabled dungeon has spawn rows for each room before its last; room 1 has none"
        ]
    );
    tables.set("dungeon_templates.csv", "bone_crypt,", "enabled", "0");
    assert_eq!(tables.errors(), [""; 0]);
}

#[test]
fn the_level_curve() {
    let file = "level_curve.csv";
    each_is_found(
        file,
        &[
            ("30,", "level", "31", "levels count from 1 without a gap, each once; level 30 is next"),
            ("30,", "level", "29", "levels count from 1 without a gap, each once; level 30 is next"),
            ("30,", "level", "41", "an integer from 1 to 40"),
            ("5,", "base_hp", "0", "an integer from 1 to 1000000"),
            ("5,", "base_attack", "", "an integer from 0 to 10000"),
            ("5,", "stat_points", "few", "an integer from 0 to 1000"),
            ("30,", "xp_to_next", "7", "0 on the last level; did you mean \"0\"?"),
            ("2,", "xp_to_next", "139", "140, the difference of xp_total to the next level; did you mean \"140\"?"),
        ],
    );
    let mut tables = Tables::starter();
    tables.set(file, "1,", "xp_total", "5");
    assert!(
        tables
            .errors()
            .iter()
            .any(|line| line.ends_with("row 2, column B (xp_total), value \"5\": the first level needs 0"))
    );
    let mut tables = Tables::starter();
    tables.set(file, "3,", "xp_total", "60");
    let lines = tables.errors();
    assert!(
        lines.iter().any(|line| line
            .ends_with("row 4, column B (xp_total), value \"60\": strictly increasing; the level before needs 60")),
        "{lines:#?}"
    );
    let mut tables = Tables::starter();
    tables.put(file, tables.text(file).lines().next().unwrap().to_owned() + "\n");
    assert_eq!(tables.errors(), ["error: level_curve.csv: the curve has at least level 1"]);
}

#[test]
fn a_curve_that_flattens_is_a_warning() {
    let mut tables = Tables::starter();
    // The same experience in all up to level 4, less from there to level 5 than from 3 to 4.
    tables.put(
        "level_curve.csv",
        "level,xp_total,xp_to_next,base_hp,base_attack,base_defense,stat_points\n1,0,60,60,8,5,4\n2,60,100,74,11,7,2\n3,160,90,88,14,9,2\n4,250,0,99,17,11,2\n",
    );
    assert_eq!(
        tables.warnings(),
        [
            "warning: level_curve.csv row 4, column C (xp_to_next), value \"90\": falls; the level before needs 100 to the next"
        ]
    );
}

#[test]
fn regions() {
    let (file, field, moor) = ("regions.csv", "brookfield,", "stonewash_moor,");
    each_is_found(
        file,
        &[
            (field, "name", "", "1 to 100 characters on one line, without spaces around"),
            (field, "width_m", "0", "an integer from 1 to 8192"),
            (field, "level_max", "0", "an integer from 1 to 40"),
            (field, "entry_x_m", "768", "lies in region \"brookfield\", whose x is 0 to below 768; this is 768"),
            (field, "entry_y_m", "-1", "lies in region \"brookfield\", whose y is 0 to below 768; this is -1"),
            (moor, "is_start", "1", "exactly one region has is_start 1; row 2 has it too"),
        ],
    );
    let mut tables = Tables::starter();
    tables.set(file, field, "is_start", "0");
    assert_eq!(tables.errors(), ["error: regions.csv: exactly one region has is_start 1; none has"]);
    let mut tables = Tables::starter();
    tables.set(file, moor, "level_min", "21");
    assert_eq!(
        tables.errors(),
        ["error: regions.csv row 3, column I (level_max), value \"20\": at least level_min, which is 21"]
    );
    let mut tables = Tables::starter();
    tables.set(file, moor, "x_m", "767");
    let overlap = "error: regions.csv row 3, column D (x_m), value \"767\": regions do not overlap; this one overlaps \"brookfield\"";
    assert_eq!(tables.errors(), [overlap]);
    // On the entry of Brookfield.
    let mut tables = Tables::starter();
    tables.add_row("region_blocks.csv", "brookfield,99,380,380,8,8");
    assert_eq!(
        tables.errors(),
        [
            "error: regions.csv row 2, column J (entry_x_m), value \"384\": the entry lies in no block (region_blocks.csv)"
        ]
    );
}

#[test]
fn spawns_of_regions() {
    let (file, first) = ("region_spawns.csv", "brookfield,1,");
    each_is_found(
        file,
        &[
            (first, "region_id", "brokfield", "no region has the key \"brokfield\"; did you mean \"brookfield\"?"),
            (first, "monster_id", "meadow_cat", "no monster has the key \"meadow_cat\"; did you mean \"meadow_rat\"?"),
            (first, "x_m", "768", "lies in region \"brookfield\", whose x is 0 to below 768; this is 768"),
            (first, "y_m", "-5", "lies in region \"brookfield\", whose y is 0 to below 768; this is -5"),
            (first, "radius_m", "0", "an integer from 1 to 8192"),
            (first, "count_max", "1001", "an integer from 1 to 1000"),
            (first, "respawn_s", "0", "an integer from 1 to 604800"),
        ],
    );
    let mut tables = Tables::starter();
    tables.add_row(file, "brookfield,1,wolf,9,9,5,1,30");
    let lines = tables.errors();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].ends_with("column B (spawn_no), value \"1\": stands in another row of this region already"),
        "{lines:?}"
    );
    let mut tables = Tables::starter();
    tables.add_row("region_blocks.csv", "brookfield,99,450,380,8,8");
    assert_eq!(
        tables.errors(),
        [
            "error: region_spawns.csv row 2, column D (x_m), value \"454\": a spawn's centre lies in no block (region_blocks.csv)"
        ]
    );
    let mut tables = Tables::starter();
    tables.remove_rows(file, "stonewash_moor,");
    assert_eq!(
        tables.warnings(),
        [
            "warning: regions.csv row 3, column A (id), value \"stonewash_moor\": no row of region_spawns.csv is in this region"
        ]
    );
}

#[test]
fn blocks_of_regions() {
    let (file, first) = ("region_blocks.csv", "brookfield,1,");
    each_is_found(
        file,
        &[
            (first, "region_id", "brookfeld", "no region has the key \"brookfeld\"; did you mean \"brookfield\"?"),
            (first, "width_m", "0", "an integer from 1 to 8192"),
            (first, "x_m", "-1", "lies in region \"brookfield\", whose x is 0 to below 768; this is -1"),
            (first, "height_m", "469", "lies in region \"brookfield\", whose y is 0 to below 768; this is 768"),
            ("brookfield,2,", "block_no", "1", "stands in another row of this region already"),
        ],
    );
}

/// The starter with a radius around each entry: Brookfield's, Stonewash Moor's.
fn with_radii(cells: [&str; 2]) -> Tables {
    let mut tables = Tables::starter();
    let text = tables.text("regions.csv");
    let column = ["entry_radius_m"].into_iter().chain(cells);
    let lines: Vec<String> = text.lines().zip(column).map(|(line, cell)| format!("{line},{cell}\n")).collect();
    assert_eq!(lines.len(), text.lines().count());
    tables.put("regions.csv", lines.concat());
    tables
}

#[test]
fn a_radius_around_the_entry_may_be_missing() {
    let read = |tables: &Tables| {
        let (set, _) = tables.load().unwrap_or_else(|report| panic!("{report}"));
        (set.regions.iter().map(|region| region.entry_radius_m).collect::<Vec<_>>(), set.hash)
    };
    let (radii, hash) = read(&Tables::starter());
    assert_eq!(radii, [0, 0], "no such column");
    assert_eq!(read(&with_radii(["", "0"])), (vec![0, 0], hash), "as good as no column");
    let mut hashes = std::collections::BTreeSet::from([hash]);
    for (cells, expected) in [(["50", ""], [50, 0]), (["", "50"], [0, 50]), (["383", "1"], [383, 1])] {
        let (radii, hash) = read(&with_radii(cells));
        assert_eq!(radii, expected);
        assert!(hashes.insert(hash), "{cells:?}");
    }
}

#[test]
fn a_radius_around_the_entry_stays_in_the_region() {
    let faults = [
        ("wide", "an integer from 0 to 4096"),
        ("-1", "an integer from 0 to 4096"),
        ("4097", "an integer from 0 to 4096"),
        ("5 0", "an integer from 0 to 4096; did you mean \"50\"?"),
        ("384", "the disc around the entry lies in region \"brookfield\": at most 383 from there"),
        ("4096", "the disc around the entry lies in region \"brookfield\": at most 383 from there"),
    ];
    let place = "error: regions.csv row 2, column N (entry_radius_m)";
    for (cell, rule) in faults {
        assert_eq!(with_radii([cell, ""]).errors(), [format!("{place}, value \"{cell}\": {rule}")]);
    }
    // Each edge counts, and without an entry there is no disc.
    let disc = |column, value, radius| {
        let mut tables = with_radii([radius, ""]);
        tables.set("regions.csv", "brookfield,", column, value);
        tables.errors()
    };
    for column in ["entry_x_m", "entry_y_m"] {
        for at in ["9", "758"] {
            assert_eq!(disc(column, at, "9"), [""; 0]);
            let rule = "the disc around the entry lies in region \"brookfield\": at most 9 from there";
            assert_eq!(disc(column, at, "10"), [format!("{place}, value \"10\": {rule}")]);
        }
        let lines = disc(column, "768", "10");
        assert!(lines.len() == 1 && lines[0].contains(column), "{lines:?}");
    }
    let mut tables = with_radii(["", ""]);
    tables.put("regions.csv", tables.text("regions.csv").replacen("entry_radius_m", "entry_radius", 1));
    assert_eq!(
        tables.errors(),
        [
            "error: regions.csv row 1, column N (entry_radius), value \"entry_radius\": no column of this file has this name; did you mean \"entry_radius_m\"?"
        ]
    );
}
