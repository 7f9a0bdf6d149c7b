//! `monsters.csv` and `monster_attacks.csv`.

use crate::tables::{Tables, each_is_found};

const MONSTERS: &str = "monsters.csv";
const ATTACKS: &str = "monster_attacks.csv";

#[test]
fn cells_of_monsters() {
    each_is_found(
        MONSTERS,
        &[
            ("wolf,", "name", "", "1 to 100 characters on one line, without spaces around"),
            ("wolf,", "kind", "", "1 to 64 of a-z, 0-9 and _"),
            ("wolf,", "subkind", "Grey", "1 to 64 of a-z, 0-9 and _; did you mean \"grey\"?"),
            ("wolf,", "size", "medum", "one of tiny, small, medium, large, huge, gargantuan; did you mean \"medium\"?"),
            ("wolf,", "alignment", "", "1 to 64 of a-z, 0-9 and _"),
            ("wolf,", "cr", "0.3", "0, 0.125, 0.25, 0.5 or an integer from 1 to 30"),
            ("wolf,", "cr", "31", "0, 0.125, 0.25, 0.5 or an integer from 1 to 30"),
            ("wolf,", "level", "4", "3, since cr is 0.25"),
            ("wolf,", "xp", "-1", "an integer from 0 to 10000000"),
            ("wolf,", "hp", "40", "within what hp_dice gives: 5 to 19"),
            ("wolf,", "hp_dice", "", "the roll behind hp, such as 2d8+2"),
            ("wolf,", "hp_dice", "2d", "dice are written NdM, NdM+K, NdM-K or as an integer, without spaces"),
            ("wolf,", "armor", "101", "an integer from 0 to 100"),
            ("wolf,", "speed_cm_per_s", "", "an integer from 0 to 1000000"),
            ("wolf,", "climb_cm_per_s", "", "an integer from 0 to 1000000"),
            ("wolf,", "str", "0", "an integer from 1 to 30"),
            ("wolf,", "cha", "31", "an integer from 1 to 30"),
            ("wolf,", "resist", "cold|colt", &format!("{DAMAGE_TYPES}; did you mean \"cold\"?")),
            ("frost_hound,", "vulnerable", "cold", "a damage type stands in one of resist, immune and vulnerable only"),
            ("wolf,", "passive_perception", "keen", "an integer from 0 to 100"),
            ("wolf,", "is_boss", "no", "one of 0, 1"),
            ("wolf,", "respawn_s", "0", "an integer from 1 to 604800"),
            (
                "wolf,",
                "drop_table_id",
                "loot_beest",
                "no drop table has the key \"loot_beest\"; did you mean \"loot_beast\"?",
            ),
        ],
    );
}

const DAMAGE_TYPES: &str = "one of none, acid, bludgeoning, cold, fire, force, lightning, necrotic, piercing, poison, \
                            psychic, radiant, slashing, thunder";

#[test]
fn a_monster_agrees_with_its_attacks() {
    each_is_found(
        MONSTERS,
        &[
            ("wolf,", "attack_count", "2", "as many as rows in monster_attacks.csv: 1"),
            ("wolf,", "damage_min", "1", "that of its strongest attack: 2"),
            ("wolf,", "damage_max", "8", "that of its strongest attack: 7"),
            ("wolf,", "attacks_per_round", "0", "0 without attacks, at least 1 with them"),
            // 1d4 and 1d4 of poison: both parts count.
            ("bog_viper,", "damage_max", "4", "that of its strongest attack: 8"),
        ],
    );
}

#[test]
fn cells_of_attacks() {
    let first = "frost_hound,1,";
    each_is_found(
        ATTACKS,
        &[
            (first, "seq", "0", "an integer from 1 to 4294967295"),
            (first, "name", "", "1 to 100 characters on one line, without spaces around"),
            (first, "to_hit", "", "an integer from -100 to 100"),
            (first, "reach_cm", "", "an attack that does damage has a reach_cm or a range_cm"),
            (first, "range_cm", "0", "an integer from 1 to 1000000"),
            (first, "damage_min", "4", "2d6+3 gives 5 to 15; did you mean \"5\"?"),
            (first, "extra_max", "5", "1d6 gives 1 to 6; did you mean \"6\"?"),
            (first, "extra_type", "", "comes together with extra_dice"),
            ("cave_spider,2,", "damage_type", "poison", "none, since damage_dice is empty"),
            ("cave_spider,2,", "seq", "1", "stands in another row of this monster already"),
        ],
    );
    // Without its attack the monster no longer agrees with itself either: more findings, on its row.
    let mut tables = Tables::starter();
    tables.set(ATTACKS, first, "monster_id", "frost_hond");
    let errors = tables.errors();
    let lost = "error: monster_attacks.csv row 26, column A (monster_id), value \"frost_hond\": no monster has the key \
                \"frost_hond\"; did you mean \"frost_hound\"?";
    assert!(errors.iter().any(|line| line == lost), "{errors:#?}");
}
