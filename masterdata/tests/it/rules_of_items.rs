//! `items.csv`, `item_bundles.csv`, `set_bonuses.csv`, `strings_en.csv`.

use crate::tables::{Tables, each_is_found};

const ITEMS: &str = "items.csv";

#[test]
fn cells_of_items() {
    let kinds = "one of gear, weapon, armor, ammunition, focus, accessory, consumable, container, tool, mount, vehicle, \
                 bundle, wondrous, currency";
    let slots =
        "one of none, main_hand, two_hand, off_hand, body, head, neck, back, hands, waist, wrist, feet, ring, ammo";
    let rarities = "one of none, common, uncommon, rare, very_rare, legendary, artifact, varies";
    let name = "1 to 100 characters on one line, without spaces around";
    each_is_found(
        ITEMS,
        &[
            ("backpack,", "name", "", name),
            ("backpack,", "name", " Backpack", name),
            ("backpack,", "kind", "contaner", &format!("{kinds}; did you mean \"container\"?")),
            ("backpack,", "subkind", "Pack Frame", "1 to 64 of a-z, 0-9 and _; did you mean \"pack_frame\"?"),
            ("backpack,", "slot", "bakc", &format!("{slots}; did you mean \"back\"?")),
            ("backpack,", "slot", "", slots),
            ("backpack,", "rarity", "epic", rarities),
            ("backpack,", "level_req", "0", "an integer from 1 to 40"),
            ("backpack,", "level_req", "41", "an integer from 1 to 40"),
            ("backpack,", "is_abstract", "yes", "one of 0, 1"),
            ("backpack,", "bundle_qty", "0", "an integer from 1 to 1000000"),
            ("backpack,", "stack_max", "1.0", "an integer from 1 to 1000000; did you mean \"1\"?"),
            ("backpack,", "weight_g", "2 200", "an integer from 0 to 1000000000; did you mean \"2200\"?"),
            ("backpack,", "weight_g", "heavy", "an integer from 0 to 1000000000"),
            ("backpack,", "price_copper", "-1", "an integer from 0 to 1000000000000"),
            ("backpack,", "price_copper", "99999999999999999999", "an integer from 0 to 1000000000000"),
            ("backpack,", "capacity_g", "+5", "an integer from 0 to 1000000000000"),
            ("pony,", "speed_cm_per_s", "fast", "an integer from 0 to 1000000"),
            ("leather_armor,", "noisy", "2", "one of 0, 1"),
            ("leather_armor,", "durability_max", "0", "an integer from 1 to 1000000"),
            ("leather_armor,", "bind_on_equip", "", "one of 0, 1"),
            ("leather_armor,", "str_req", "31", "an integer from 0 to 30"),
            ("leather_cap,", "effects", "armor_bonus", BAD_EFFECT),
            ("leather_cap,", "effects", "armor_bonus:1|armor_bonus:2", "\"armor_bonus\" stands in the list twice"),
            ("leather_cap,", "effects", "armor_bonus:1||", "a list has no empty parts; it is written a|b|c"),
            (
                "club,",
                "properties",
                "light|Light",
                "\"Light\" is not written with a-z, 0-9 and _ (in properties also -)",
            ),
            ("club,", "properties", "light|light", "\"light\" stands in the list twice"),
        ],
    );
}

const BAD_EFFECT: &str = "\"armor_bonus\" is not written name:number, with a number from -1000000 to 1000000";

#[test]
fn damage_of_weapons() {
    each_is_found(
        ITEMS,
        &[
            (
                "club,",
                "damage_dice",
                "1D6",
                "dice are written NdM, NdM+K, NdM-K or as an integer, without spaces; did you mean \"1d6\"?",
            ),
            ("club,", "damage_dice", "0d6", "the number of dice is 1 to 1000"),
            ("club,", "damage_dice", "1d1001", "a die has 1 to 1000 sides"),
            ("club,", "damage_min", "2", "1d6 gives 1 to 6; did you mean \"1\"?"),
            ("club,", "damage_max", "", "1d6 gives 1 to 6; did you mean \"6\"?"),
            ("club,", "damage_type", "bludgoning", &format!("{DAMAGE_TYPES}; did you mean \"bludgeoning\"?")),
            ("club,", "damage_type", "none", "a weapon's damage has a type"),
            ("club,", "slot", "body", "a weapon is held: main_hand, two_hand or off_hand"),
            ("shortbow,", "range_cm", "", "must be there, since range_long_cm is"),
            ("shortbow,", "range_long_cm", "100", "at least range_cm, which is 2200"),
        ],
    );
    let mut tables = Tables::starter();
    tables.set(ITEMS, "backpack,", "damage_type", "fire");
    tables.set(ITEMS, "backpack,", "two_handed_dice", "1d4");
    tables.set(ITEMS, "backpack,", "damage_max", "4");
    assert_eq!(
        tables.errors(),
        [
            "error: items.csv row 76, column P (damage_max), value \"4\": 0 or empty, since damage_dice is empty",
            "error: items.csv row 76, column Q (damage_type), value \"fire\": empty, since damage_dice is empty",
            "error: items.csv row 76, column R (two_handed_dice), value \"1d4\": empty, since damage_dice is empty",
        ]
    );
}

const DAMAGE_TYPES: &str = "one of none, acid, bludgeoning, cold, fire, force, lightning, necrotic, piercing, poison, \
                            psychic, radiant, slashing, thunder";

#[test]
fn a_thing_that_is_no_weapon_does_no_damage() {
    let mut tables = Tables::starter();
    for (column, value) in [("damage_dice", "1d4"), ("damage_min", "1"), ("damage_max", "4"), ("damage_type", "fire")] {
        tables.set(ITEMS, "handcart,", column, value);
    }
    assert_eq!(
        tables.errors(),
        ["error: items.csv row 80, column N (damage_dice), value \"1d4\": only weapons have damage"]
    );
}

#[test]
fn armor_and_coins() {
    each_is_found(
        ITEMS,
        &[
            ("leather_armor,", "armor_dex_cap", "", "0 (no DEX bonus adds), 1 to 98, or 99 (all of it adds)"),
            ("leather_armor,", "slot", "none", "armor is worn somewhere"),
            ("leather_cap,", "str_req", "5", "empty, since armor_base is empty"),
            ("copper_piece,", "price_copper", "0", "a coin is worth at least 1"),
            ("copper_piece,", "slot", "ring", "a coin is not worn: none"),
        ],
    );
    let mut tables = Tables::starter();
    tables.set(ITEMS, "copper_ring,", "armor_base", "3");
    tables.set(ITEMS, "copper_ring,", "armor_dex_cap", "99");
    assert_eq!(
        tables.errors(),
        ["error: items.csv row 54, column U (armor_base), value \"3\": only armor has an armor value"]
    );
}

#[test]
fn healing_has_two_ends() {
    each_is_found(
        ITEMS,
        &[
            ("berry_tonic,", "effects", "heal_min:3", "heal_min and heal_max come together"),
            ("berry_tonic,", "effects", "heal_min:7|heal_max:6", "0 <= heal_min <= heal_max <= 1000000"),
        ],
    );
}

#[test]
fn families_are_no_things() {
    each_is_found(
        ITEMS,
        &[
            ("potion_of_healing,", "price_copper", "5", "an abstract row is never sold: 0"),
            ("backpack,", "rarity", "varies", "varies is for abstract rows only"),
            ("backpack,", "parent_id", "club", "a parent is an abstract row (is_abstract 1)"),
            (
                "potion_of_healing_greater,",
                "parent_id",
                "potion_of_heling",
                "no item has the key \"potion_of_heling\"; did you mean \"potion_of_healing\"?",
            ),
        ],
    );
    let mut tables = Tables::starter();
    tables.add_row("item_bundles.csv", "healers_satchel,3,potion_of_healing,1");
    tables.set("dungeon_templates.csv", "bone_crypt,", "entry_item_id", "potion_of_healing");
    tables.set("drop_tables.csv", "pool_trinkets,1,", "item_id", "potion_of_healing");
    tables.set(
        "set_bonuses.csv",
        "wayfarer,Wayfarer,wayfarer_cloak|wayfarer_belt|wayfarer_boots,2",
        "member_item_ids",
        "potion_of_healing|club",
    );
    tables.remove_rows("set_bonuses.csv", "wayfarer,Wayfarer,wayfarer_cloak|wayfarer_belt|wayfarer_boots,3");
    tables.set("classes.csv", "mender,", "start_items", "potion_of_healing:1");
    let errors = tables.errors();
    assert_eq!(errors.len(), 5, "{errors:#?}");
    assert!(
        errors
            .iter()
            .all(|line| line.ends_with(": \"potion_of_healing\" is an abstract row, a family and not a thing")),
        "{errors:#?}"
    );
}

#[test]
fn keys_are_unique_and_well_formed() {
    let mut tables = Tables::starter();
    tables.set(ITEMS, "lantern_of_embers,", "id", "club");
    tables.remove_rows("drop_tables.csv", "pool_uncommon_gear,14,");
    tables.remove_rows("strings_en.csv", "item.lantern_of_embers.");
    assert_eq!(
        tables.errors(),
        ["error: items.csv row 78, column A (id), value \"club\": stands in row 5 already; it must be unique"]
    );
    let mut tables = Tables::starter();
    tables.remove_rows("strings_en.csv", "item.pony.");
    tables.set(ITEMS, "pony,", "id", "Grey Pony");
    assert_eq!(
        tables.errors(),
        [
            "error: items.csv row 79, column A (id), value \"Grey Pony\": 1 to 64 of a-z, 0-9 and _; did you mean \"grey_pony\"?"
        ]
    );
}

#[test]
fn bundles() {
    each_is_found(
        "item_bundles.csv",
        &[
            ("healers_satchel,2,", "bundle_id", "club", "an item of kind bundle"),
            (
                "healers_satchel,2,",
                "bundle_id",
                "healer_satchel",
                "no item has the key \"healer_satchel\"; did you mean \"healers_satchel\"?",
            ),
            ("healers_satchel,2,", "seq", "1", "stands in another row of this bundle already"),
            ("healers_satchel,2,", "item_id", "adventurers_pack", "a bundle holds no bundles"),
            (
                "healers_satchel,2,",
                "item_id",
                "berry_tonik",
                "no item has the key \"berry_tonik\"; did you mean \"berry_tonic\"?",
            ),
            ("healers_satchel,2,", "qty", "0", "an integer from 1 to 1000000"),
        ],
    );
}

const HUNTER: &str = "hunter,Hunter of the Vale,hunter_gloves|hunter_bracers|stormcaller_bow,3,";

#[test]
fn sets() {
    each_is_found(
        "set_bonuses.csv",
        &[
            (HUNTER, "set_id", "Hunter", "1 to 64 of a-z, 0-9 and _; did you mean \"hunter\"?"),
            (HUNTER, "name", "Hunters", "the same in all rows of a set"),
            (
                HUNTER,
                "member_item_ids",
                "hunter_gloves|hunter_bracers|longbow",
                "the same members in all rows of a set",
            ),
            (
                HUNTER,
                "member_item_ids",
                "hunter_gloves|hunter_bracers|shortbo",
                "no item has the key \"shortbo\"; did you mean \"shortbow\"?",
            ),
            (HUNTER, "member_item_ids", "hunter_gloves", "a set has at least 2 members"),
            (HUNTER, "pieces_required", "4", "at most as many as the set has members"),
            (HUNTER, "pieces_required", "0", "an integer from 1 to 255"),
            (HUNTER, "stat", "", "1 to 64 of a-z, 0-9 and _"),
            (HUNTER, "value", "much", "an integer from -1000000 to 1000000"),
        ],
    );
    let mut tables = Tables::starter();
    tables.add_row("set_bonuses.csv", &format!("{HUNTER}damage_bonus,9"));
    assert_eq!(
        tables.errors(),
        [
            "error: set_bonuses.csv row 10, column E (stat), value \"damage_bonus\": stands in another row of this set with as many pieces already"
        ]
    );
    let mut tables = Tables::starter();
    tables.add_row("set_bonuses.csv", "traveller,Traveller,backpack|pony,2,max_hp_pct,1");
    assert_eq!(
        tables.warnings(),
        [
            "warning: set_bonuses.csv row 10, column C (member_item_ids), value \"backpack|pony\": 2 of the members have slot none, so that nobody can wear them"
        ]
    );
}

#[test]
fn strings() {
    each_is_found(
        "strings_en.csv",
        &[
            ("item.arrow.name,", "key", "item.arow.name", "no item has the key \"arow\"; did you mean \"arrow\"?"),
            ("item.arrow.name,", "key", "arrow", "written table.key.field, such as item.club.name"),
            ("item.arrow.name,", "key", "item.arrow.title", "ends with .name or .desc"),
            (
                "item.arrow.name,",
                "key",
                "thing.arrow.name",
                "begins with one of item, monster, dungeon, set, region, class, skill",
            ),
            ("item.arrow.name,", "text", "", "a text; delete the row instead of leaving it empty"),
        ],
    );
    let mut tables = Tables::starter();
    tables.add_row("strings_en.csv", "item.arrow.name,Dart");
    assert_eq!(tables.errors().len(), 1);
    assert!(tables.errors()[0].ends_with("already; it must be unique"), "{:?}", tables.errors());
}
