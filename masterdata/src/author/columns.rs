//! The files of a set and the columns each must have, in the order of the documentation.

/// What becomes of a set that lacks a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It is no set.
    Required,
    /// The table is empty.
    Optional,
    /// The starter's file is used.
    Borrowed,
}

/// A file of a set.
#[derive(Debug)]
pub(super) struct FileSpec {
    pub(super) name: &'static str,
    pub(super) need: Need,
    /// All of them must be there, in any order; nothing else may be, but `optional` and [`IGNORED`].
    pub(super) columns: &'static [&'static str],
    /// A file without one of them reads as if all its cells were empty.
    pub(super) optional: &'static [&'static str],
}

impl FileSpec {
    /// The names of all columns that mean something, those that must be there first.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.columns.iter().chain(self.optional).copied()
    }
}

/// May stand in any file; for people only.
pub(super) const IGNORED: [&str; 2] = ["source", "note"];

const fn file(name: &'static str, need: Need, columns: &'static [&'static str]) -> FileSpec {
    FileSpec { name, need, columns, optional: &[] }
}

#[rustfmt::skip]
pub(super) static ITEMS: FileSpec = file("items.csv", Need::Required, &[
    "id", "name", "kind", "subkind", "slot", "rarity", "level_req", "parent_id", "is_abstract", "bundle_qty", "stack_max",
    "weight_g", "price_copper", "damage_dice", "damage_min", "damage_max", "damage_type", "two_handed_dice", "range_cm",
    "range_long_cm", "armor_base", "armor_dex_cap", "str_req", "noisy", "durability_max", "bind_on_equip", "effects",
    "properties", "capacity_g", "speed_cm_per_s",
]);
pub(super) static BUNDLES: FileSpec = file("item_bundles.csv", Need::Optional, &["bundle_id", "seq", "item_id", "qty"]);
#[rustfmt::skip]
pub(super) static MONSTERS: FileSpec = file("monsters.csv", Need::Required, &[
    "id", "name", "kind", "subkind", "size", "alignment", "cr", "level", "xp", "hp", "hp_dice", "armor", "speed_cm_per_s",
    "fly_cm_per_s", "swim_cm_per_s", "climb_cm_per_s", "burrow_cm_per_s", "str", "dex", "con", "int", "wis", "cha",
    "attack_count", "damage_min", "damage_max", "attacks_per_round", "resist", "immune", "vulnerable", "darkvision_cm",
    "passive_perception", "is_boss", "respawn_s", "drop_table_id",
]);
#[rustfmt::skip]
pub(super) static ATTACKS: FileSpec = file("monster_attacks.csv", Need::Required, &[
    "monster_id", "seq", "name", "to_hit", "reach_cm", "range_cm", "damage_dice", "damage_min", "damage_max", "damage_type",
    "extra_dice", "extra_min", "extra_max", "extra_type",
]);
#[rustfmt::skip]
pub(super) static DROP_TABLES: FileSpec = file("drop_tables.csv", Need::Required, &[
    "table_id", "entry_no", "group_no", "mode", "item_id", "sub_table_id", "chance_ppm", "qty_min", "qty_max",
]);
#[rustfmt::skip]
pub(super) static DUNGEONS: FileSpec = file("dungeon_templates.csv", Need::Required, &[
    "id", "name", "biome", "level_min", "level_max", "party_min", "party_max", "rooms_min", "rooms_max", "time_limit_s",
    "wipe_limit", "entry_item_id", "boss_monster_id", "clear_table_id", "clear_xp", "enabled",
]);
#[rustfmt::skip]
pub(super) static DUNGEON_SPAWNS: FileSpec = file("dungeon_spawns.csv", Need::Required, &[
    "dungeon_id", "spawn_no", "room_from", "room_to", "monster_id", "weight", "count_min", "count_max",
]);
#[rustfmt::skip]
pub(super) static LEVELS: FileSpec = file("level_curve.csv", Need::Required, &[
    "level", "xp_total", "xp_to_next", "base_hp", "base_attack", "base_defense", "stat_points",
]);
#[rustfmt::skip]
pub(super) static SETS: FileSpec = file("set_bonuses.csv", Need::Optional, &[
    "set_id", "name", "member_item_ids", "pieces_required", "stat", "value",
]);
#[rustfmt::skip]
pub(super) static REGIONS: FileSpec = FileSpec {
    optional: &["entry_radius_m"],
    ..file("regions.csv", Need::Required, &[
        "id", "name", "biome", "x_m", "y_m", "width_m", "height_m", "level_min", "level_max", "entry_x_m", "entry_y_m",
        "is_start", "pvp",
    ])
};
#[rustfmt::skip]
pub(super) static REGION_SPAWNS: FileSpec = file("region_spawns.csv", Need::Required, &[
    "region_id", "spawn_no", "monster_id", "x_m", "y_m", "radius_m", "count_max", "respawn_s",
]);
pub(super) static REGION_BLOCKS: FileSpec =
    file("region_blocks.csv", Need::Optional, &["region_id", "block_no", "x_m", "y_m", "width_m", "height_m"]);
#[rustfmt::skip]
pub(super) static CLASSES: FileSpec = file("classes.csv", Need::Borrowed, &[
    "id", "name", "str", "dex", "con", "int", "wis", "cha", "primary", "hp_bonus", "armor", "weapons", "start_items",
]);
#[rustfmt::skip]
pub(super) static SKILLS: FileSpec = file("skills.csv", Need::Borrowed, &[
    "id", "name", "class_id", "level_req", "kind", "range_cm", "radius_cm", "cooldown_ticks", "dice", "damage_type",
    "to_hit",
]);
pub(super) static BALANCE: FileSpec = file("balance.csv", Need::Borrowed, &["key", "value", "unit"]);
pub(super) static STRINGS: FileSpec = file("strings_en.csv", Need::Optional, &["key", "text"]);

/// All of them.
pub(super) static FILES: [&FileSpec; 16] = [
    &ITEMS,
    &BUNDLES,
    &MONSTERS,
    &ATTACKS,
    &DROP_TABLES,
    &DUNGEONS,
    &DUNGEON_SPAWNS,
    &LEVELS,
    &SETS,
    &REGIONS,
    &REGION_SPAWNS,
    &REGION_BLOCKS,
    &CLASSES,
    &SKILLS,
    &BALANCE,
    &STRINGS,
];
