//! The content hash names the content, not how it is written.

use std::collections::BTreeSet;

use crate::tables::Tables;

/// All rows of a file, the header first.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn written(rows: &[Vec<String>], quotes: csv::QuoteStyle, line_end: csv::Terminator) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().quote_style(quotes).terminator(line_end).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Rewrites every file of the starter and compares.
fn is_the_same_after(rewrite: impl Fn(&mut Vec<Vec<String>>), quotes: csv::QuoteStyle, line_end: csv::Terminator) {
    let mut tables = Tables::starter();
    let hash = tables.load().unwrap().0.hash;
    for file in tables.file_names() {
        let mut content = rows(&tables.text(&file));
        rewrite(&mut content);
        let bytes = written(&content, quotes, line_end);
        assert_ne!(bytes, tables.text(&file).as_bytes(), "{file} was not rewritten");
        tables.put(&file, bytes);
    }
    assert_eq!(tables.load().unwrap().0.hash, hash);
}

const LINE_FEED: csv::Terminator = csv::Terminator::Any(b'\n');

#[test]
fn row_order_does_not_matter() {
    is_the_same_after(|rows| rows[1..].reverse(), csv::QuoteStyle::Necessary, LINE_FEED);
}

#[test]
fn column_order_does_not_matter() {
    is_the_same_after(|rows| rows.iter_mut().for_each(|row| row.reverse()), csv::QuoteStyle::Necessary, LINE_FEED);
}

#[test]
fn quoting_and_line_ends_do_not_matter() {
    is_the_same_after(|_| {}, csv::QuoteStyle::Always, csv::Terminator::CRLF);
    let mut tables = Tables::starter();
    let hash = tables.load().unwrap().0.hash;
    let text = tables.text("strings_en.csv");
    assert!(text.contains("hand.\nKeep"), "a cell with a line break is among them");
    tables.put("strings_en.csv", text.replace('\n', "\r\n"));
    assert_eq!(tables.load().unwrap().0.hash, hash);
}

#[test]
fn what_is_for_people_only_does_not_matter() {
    is_the_same_after(
        |rows| {
            for (at, row) in rows.iter_mut().enumerate() {
                row.push(if at == 0 { "source".to_owned() } else { format!("desk {at}") });
            }
        },
        csv::QuoteStyle::Necessary,
        LINE_FEED,
    );
}

#[test]
fn each_change_of_a_value_changes_it() {
    let hunter = "hunter,Hunter of the Vale,hunter_gloves|hunter_bracers|stormcaller_bow,3,";
    let edits = [
        ("items.csv", "pony,", "name", "Moor Pony"),
        ("items.csv", "pony,", "kind", "vehicle"),
        ("items.csv", "pony,", "subkind", "pack_animal"),
        ("items.csv", "pony,", "rarity", "common"),
        ("items.csv", "pony,", "level_req", "2"),
        ("items.csv", "pony,", "bundle_qty", "2"),
        ("items.csv", "pony,", "stack_max", "2"),
        ("items.csv", "pony,", "weight_g", "200001"),
        ("items.csv", "pony,", "price_copper", "2999"),
        ("items.csv", "pony,", "capacity_g", "1"),
        ("items.csv", "pony,", "speed_cm_per_s", "901"),
        ("items.csv", "pony,", "bind_on_equip", "1"),
        ("items.csv", "pony,", "durability_max", "5"),
        ("items.csv", "pony,", "noisy", "1"),
        ("items.csv", "copper_ring,", "slot", "neck"),
        ("items.csv", "copper_ring,", "effects", "add_cha:2"),
        ("items.csv", "club,", "damage_type", "slashing"),
        ("items.csv", "club,", "range_cm", "201"),
        ("items.csv", "club,", "properties", ""),
        ("items.csv", "quarterstaff,", "two_handed_dice", "1d8+1"),
        ("items.csv", "shortbow,", "range_long_cm", "6601"),
        ("items.csv", "leather_armor,", "armor_base", "12"),
        ("items.csv", "leather_armor,", "armor_dex_cap", "98"),
        ("items.csv", "leather_armor,", "str_req", "1"),
        ("items.csv", "potion_of_healing_greater,", "parent_id", ""),
        ("item_bundles.csv", "healers_satchel,2,", "qty", "5"),
        ("monsters.csv", "wolf,", "name", "Grey Wolf"),
        ("monsters.csv", "wolf,", "kind", "monstrosity"),
        ("monsters.csv", "wolf,", "xp", "23"),
        ("monsters.csv", "wolf,", "hp", "13"),
        ("monsters.csv", "wolf,", "armor", "12"),
        ("monsters.csv", "wolf,", "speed_cm_per_s", "331"),
        ("monsters.csv", "wolf,", "fly_cm_per_s", "1"),
        ("monsters.csv", "wolf,", "swim_cm_per_s", "1"),
        ("monsters.csv", "wolf,", "wis", "13"),
        ("monsters.csv", "wolf,", "attacks_per_round", "2"),
        ("monsters.csv", "wolf,", "resist", "cold"),
        ("monsters.csv", "wolf,", "immune", "cold"),
        ("monsters.csv", "wolf,", "vulnerable", "cold"),
        ("monsters.csv", "wolf,", "is_boss", "1"),
        ("monsters.csv", "wolf,", "respawn_s", "26"),
        ("monsters.csv", "wolf,", "drop_table_id", ""),
        ("monster_attacks.csv", "wolf,1,", "name", "Snap"),
        ("monster_attacks.csv", "wolf,1,", "to_hit", "5"),
        ("monster_attacks.csv", "wolf,1,", "reach_cm", "151"),
        ("monster_attacks.csv", "wolf,1,", "range_cm", "9"),
        ("monster_attacks.csv", "wolf,1,", "damage_type", "none"),
        ("monster_attacks.csv", "frost_hound,1,", "extra_type", "fire"),
        ("drop_tables.csv", "loot_low,1,", "chance_ppm", "1"),
        ("drop_tables.csv", "loot_low,1,", "qty_min", "9"),
        ("drop_tables.csv", "loot_low,1,", "qty_max", "41"),
        ("drop_tables.csv", "loot_low,1,", "item_id", "gold_piece"),
        ("drop_tables.csv", "loot_low,5,", "group_no", "4"),
        ("drop_tables.csv", "pool_low_potions,1,", "entry_no", "3"),
        ("dungeon_templates.csv", "bone_crypt,", "party_max", "6"),
        ("dungeon_templates.csv", "bone_crypt,", "time_limit_s", "2101"),
        ("dungeon_templates.csv", "bone_crypt,", "entry_item_id", ""),
        ("dungeon_templates.csv", "bone_crypt,", "enabled", "0"),
        ("dungeon_spawns.csv", "bone_crypt,1,", "weight", "101"),
        ("dungeon_spawns.csv", "bone_crypt,1,", "count_max", "8"),
        ("level_curve.csv", "5,", "base_hp", "1"),
        ("level_curve.csv", "5,", "stat_points", "3"),
        ("set_bonuses.csv", hunter, "value", "3"),
        ("set_bonuses.csv", hunter, "pieces_required", "1"),
        ("regions.csv", "brookfield,", "entry_x_m", "385"),
        ("regions.csv", "brookfield,", "pvp", "1"),
        ("region_spawns.csv", "brookfield,1,", "radius_m", "29"),
        ("region_spawns.csv", "brookfield,1,", "respawn_s", "16"),
        ("region_blocks.csv", "brookfield,1,", "width_m", "11"),
        ("classes.csv", "hunter,", "hp_bonus", "7"),
        ("classes.csv", "hunter,", "primary", "str"),
        ("classes.csv", "hunter,", "armor", "light_armor"),
        ("classes.csv", "hunter,", "start_items", "shortbow:1"),
        ("skills.csv", "spark,", "cooldown_ticks", "61"),
        ("skills.csv", "spark,", "to_hit", "0"),
        ("skills.csv", "spark,", "dice", "2d6+1"),
        ("balance.csv", "bag_slots,", "value", "61"),
        ("balance.csv", "player_speed_cm_per_s,", "value", "601"),
        ("strings_en.csv", "item.arrow.name,", "text", "Dart"),
    ];
    let mut hashes = BTreeSet::from([Tables::starter().load().unwrap().0.hash]);
    for (file, start, column, value) in edits {
        let mut tables = Tables::starter();
        tables.set(file, start, column, value);
        let (set, _) = tables.load().unwrap_or_else(|report| panic!("{report}"));
        // pool_low_potions,1 -> 3 turns the order of two entries of a pick-one group around, which changes what a roll means.
        assert!(hashes.insert(set.hash), "{file} {start} {column} {value}");
    }
}
