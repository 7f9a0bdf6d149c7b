//! Our own set, part of the binary: it works from any folder.

/// The files of `masterdata/starter/`, name and text. A designer's first set is a copy of them.
pub static STARTER_FILES: [(&str, &str); 16] = [
    ("items.csv", include_str!("../../starter/items.csv")),
    ("item_bundles.csv", include_str!("../../starter/item_bundles.csv")),
    ("monsters.csv", include_str!("../../starter/monsters.csv")),
    ("monster_attacks.csv", include_str!("../../starter/monster_attacks.csv")),
    ("drop_tables.csv", include_str!("../../starter/drop_tables.csv")),
    ("dungeon_templates.csv", include_str!("../../starter/dungeon_templates.csv")),
    ("dungeon_spawns.csv", include_str!("../../starter/dungeon_spawns.csv")),
    ("level_curve.csv", include_str!("../../starter/level_curve.csv")),
    ("set_bonuses.csv", include_str!("../../starter/set_bonuses.csv")),
    ("regions.csv", include_str!("../../starter/regions.csv")),
    ("region_spawns.csv", include_str!("../../starter/region_spawns.csv")),
    ("region_blocks.csv", include_str!("../../starter/region_blocks.csv")),
    ("classes.csv", include_str!("../../starter/classes.csv")),
    ("skills.csv", include_str!("../../starter/skills.csv")),
    ("balance.csv", include_str!("../../starter/balance.csv")),
    ("strings_en.csv", include_str!("../../starter/strings_en.csv")),
];

/// The starter's text of a file.
pub(super) fn text(file: &str) -> Option<&'static str> {
    STARTER_FILES.iter().find(|(name, _)| *name == file).map(|(_, text)| *text)
}
