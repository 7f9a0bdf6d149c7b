//! `monsters.csv` and `monster_attacks.csv`.

use std::collections::BTreeSet;

use super::findings::Findings;
use super::keys::Keys;
use super::row::Row;
use super::sheet::Sheet;
use super::words::{DAMAGE_TYPES, LOW_RATINGS, SIZES};
use crate::dice::Dice;
use crate::limits::{MAX_HP, MAX_LENGTH_CM, MAX_LEVEL, MAX_SECONDS, MAX_XP};
use crate::tables::{Abilities, DamageType, DropTableId, Monster, MonsterAttack};

/// Reads all monsters with their attacks, sorted by key.
pub(super) fn read(
    sheet: &Sheet,
    attacks: Option<&Sheet>,
    keys: &Keys,
    drop_tables: &Keys,
    findings: &mut Findings,
) -> Vec<Monster> {
    let mut attacks_of = attacks.map(|attacks| read_attacks(attacks, keys, findings)).unwrap_or_default();
    let mut monsters: Vec<Monster> = (0..sheet.len())
        .map(|at| {
            let mut row = Row::new(sheet, at, findings);
            let mut monster = read_monster(&mut row, drop_tables);
            let own = keys.id(&monster.key).and_then(|id| attacks_of.get_mut(usize::from(id)));
            let own = own.map(std::mem::take).unwrap_or_default();
            monster.attacks = own.attacks;
            if row.is_sound() && attacks.is_some() && !own.doubtful {
                check_attacks(&mut row, &monster);
            }
            monster
        })
        .collect();
    monsters.sort_by(|a, b| a.key.cmp(&b.key));
    monsters.dedup_by(|a, b| a.key == b.key);
    monsters
}

fn read_monster(row: &mut Row<'_>, drop_tables: &Keys) -> Monster {
    let speed = i64::from(MAX_LENGTH_CM);
    let monster = Monster {
        key: row.token("id"),
        name: row.name("name"),
        kind: row.token("kind"),
        level: row.integer("level", 1, i64::from(MAX_LEVEL)),
        xp: row.integer("xp", 0, i64::from(MAX_XP)),
        hp: row.integer("hp", 1, i64::from(MAX_HP)),
        armor: row.integer("armor", 0, 100),
        speed_cm_per_s: row.integer("speed_cm_per_s", 0, speed),
        fly_cm_per_s: row.integer("fly_cm_per_s", 0, speed),
        swim_cm_per_s: row.integer("swim_cm_per_s", 0, speed),
        abilities: read_abilities(row),
        attacks: Vec::new(),
        attacks_per_round: row.integer("attacks_per_round", 0, 20),
        resist: row.words("resist", DAMAGE_TYPES),
        immune: row.words("immune", DAMAGE_TYPES),
        vulnerable: row.words("vulnerable", DAMAGE_TYPES),
        is_boss: row.flag("is_boss"),
        respawn_s: row.integer("respawn_s", 1, i64::from(MAX_SECONDS)),
        drop_table: row.optional_reference("drop_table_id", drop_tables).map(DropTableId),
    };
    for column in ["climb_cm_per_s", "burrow_cm_per_s", "darkvision_cm"] {
        row.integer::<u32>(column, 0, speed);
    }
    row.integer::<u32>("passive_perception", 0, 100);
    row.optional_token("subkind");
    row.word("size", SIZES);
    row.token("alignment");
    check_rating(row, monster.level);
    if let Some(dice) = row.dice("hp_dice") {
        let within = (dice.min()..=dice.max()).contains(&monster.hp);
        row.require(within, "hp", &format!("within what hp_dice gives: {} to {}", dice.min(), dice.max()));
    } else {
        row.require(!row.is_empty("hp_dice"), "hp_dice", "the roll behind hp, such as 2d8+2");
    }
    let lists = [("immune", &monster.immune), ("vulnerable", &monster.vulnerable)];
    for (place, (column, list)) in lists.iter().enumerate() {
        let others = std::iter::once(&monster.resist).chain(lists[..place].iter().map(|(_, earlier)| *earlier));
        let doubled = others.flatten().any(|damage_type| list.contains(damage_type));
        row.require(!doubled, column, "a damage type stands in one of resist, immune and vulnerable only");
    }
    monster
}

/// The six scores of a row.
pub(super) fn read_abilities(row: &mut Row<'_>) -> Abilities {
    let [str, dex, con, int, wis, cha] =
        ["str", "dex", "con", "int", "wis", "cha"].map(|column| row.integer(column, 1, 30));
    Abilities { str, dex, con, int, wis, cha }
}

/// `level` follows from `cr`.
fn check_rating(row: &mut Row<'_>, level: u8) {
    let rating = row.cell("cr");
    let low = LOW_RATINGS.iter().find(|(text, _)| *text == rating).map(|(_, level)| *level);
    let expected =
        low.or_else(|| rating.parse().ok().filter(|rating| (1..=30).contains(rating)).map(|rating: u8| rating + 4));
    match expected {
        None => row.error("cr", "0, 0.125, 0.25, 0.5 or an integer from 1 to 30"),
        Some(expected) => {
            row.require(level == expected, "level", &format!("{expected}, since cr is {rating}"));
        }
    }
}

/// What a row says about its attacks agrees with their rows.
fn check_attacks(row: &mut Row<'_>, monster: &Monster) {
    let count: usize = row.integer("attack_count", 0, i64::from(u8::MAX));
    let rows = monster.attacks.len();
    row.require(count == rows, "attack_count", &format!("as many as rows in monster_attacks.csv: {rows}"));
    let in_rounds = (monster.attacks_per_round > 0) == (rows > 0);
    row.require(in_rounds, "attacks_per_round", "0 without attacks, at least 1 with them");
    let bounds = |attack: &MonsterAttack| {
        let extra = attack.extra.map_or((0, 0), |(dice, _)| (dice.max(), dice.min()));
        (attack.damage.max() + extra.0, attack.damage.min() + extra.1)
    };
    let highest = monster.attacks.iter().map(|attack| bounds(attack).0).max().unwrap_or(0);
    let lowest: Vec<u32> =
        monster.attacks.iter().map(bounds).filter(|(max, _)| *max == highest).map(|(_, min)| min).collect();
    let max: u32 = row.integer("damage_max", 0, i64::from(u32::MAX));
    row.require(max == highest, "damage_max", &format!("that of its strongest attack: {highest}"));
    let min: u32 = row.integer("damage_min", 0, i64::from(u32::MAX));
    let agrees = lowest.contains(&min) || (lowest.is_empty() && min == 0);
    let shown = lowest.first().copied().unwrap_or(0);
    row.require(agrees, "damage_min", &format!("that of its strongest attack: {shown}"));
}

/// The attacks of one monster.
#[derive(Default)]
struct OwnAttacks {
    attacks: Vec<MonsterAttack>,
    /// Some row of them broke a rule, so that nothing more can be said about them.
    doubtful: bool,
}

/// The attacks of each monster, by dense id, in order of `seq`.
fn read_attacks(sheet: &Sheet, keys: &Keys, findings: &mut Findings) -> Vec<OwnAttacks> {
    let mut numbered: Vec<(u16, u32, bool, MonsterAttack)> = Vec::new();
    let mut seen = BTreeSet::new();
    for at in 0..sheet.len() {
        let mut row = Row::new(sheet, at, findings);
        let monster = row.reference("monster_id", keys);
        let known = keys.id(row.cell("monster_id")).is_some();
        let seq = row.integer("seq", 1, i64::from(u32::MAX));
        let attack = read_attack(&mut row);
        if known {
            row.require(seen.insert((monster, seq)), "seq", "stands in another row of this monster already");
            numbered.push((monster, seq, row.is_sound(), attack));
        }
    }
    numbered.sort_by_key(|(monster, seq, _, _)| (*monster, *seq));
    let mut attacks_of: Vec<OwnAttacks> = Vec::new();
    attacks_of.resize_with(keys.len(), OwnAttacks::default);
    for (monster, _, sound, attack) in numbered {
        if let Some(own) = attacks_of.get_mut(usize::from(monster)) {
            own.attacks.push(attack);
            own.doubtful |= !sound;
        }
    }
    attacks_of
}

fn read_attack(row: &mut Row<'_>) -> MonsterAttack {
    let length = i64::from(MAX_LENGTH_CM);
    let damage = row.dice_with_bounds(["damage_dice", "damage_min", "damage_max"]);
    let extra = row.dice_with_bounds(["extra_dice", "extra_min", "extra_max"]);
    let extra_type = if row.is_empty("extra_type") { None } else { Some(row.word("extra_type", DAMAGE_TYPES)) };
    let attack = MonsterAttack {
        name: row.name("name"),
        to_hit: row.integer("to_hit", -100, 100),
        reach_cm: row.optional_integer("reach_cm", 0, length),
        range_cm: row.optional_integer("range_cm", 1, length),
        damage: damage.unwrap_or(Dice::ZERO),
        damage_type: row.word("damage_type", DAMAGE_TYPES),
        extra: extra.zip(extra_type),
    };
    if row.is_sound() {
        let typed = damage.is_some() || attack.damage_type == DamageType::Untyped;
        row.require(typed, "damage_type", "none, since damage_dice is empty");
        row.require(extra.is_some() == extra_type.is_some(), "extra_type", "comes together with extra_dice");
        let harmless = damage.is_none() && extra.is_none();
        let reaches = attack.reach_cm.is_some() || attack.range_cm.is_some();
        row.require(harmless || reaches, "reach_cm", "an attack that does damage has a reach_cm or a range_cm");
    }
    attack
}
