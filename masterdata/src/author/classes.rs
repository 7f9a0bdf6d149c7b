//! `classes.csv` and `skills.csv`.
//!
//! Both may be borrowed from the starter. What a borrowed row names and the folder does not have is left out, with a warning: a start
//! item, a whole skill. So the starter gives its classes things that many sets have, under the keys they have there.

use super::findings::Findings;
use super::items::require_thing;
use super::keys::Keys;
use super::monsters::read_abilities;
use super::row::{Row, is_token};
use super::sheet::Sheet;
use super::words::{ABILITIES, DAMAGE_TYPES, SKILL_KINDS};
use crate::dice::Dice;
use crate::limits::{MAX_COOLDOWN_TICKS, MAX_HP, MAX_LENGTH_CM, MAX_LEVEL, MAX_QUANTITY};
use crate::tables::{Class, ClassId, DamageType, Item, ItemKind, ItemTemplateId, Skill, SkillKind};

/// Reads all classes, sorted by key.
pub(super) fn read_classes(sheet: &Sheet, item_keys: &Keys, items: &[Item], findings: &mut Findings) -> Vec<Class> {
    let mut classes: Vec<Class> =
        (0..sheet.len()).map(|at| read_class(&mut Row::new(sheet, at, findings), item_keys, items)).collect();
    if classes.is_empty() {
        findings.file_error(&sheet.shown_name(), "there is at least one class");
    }
    classes.sort_by(|a, b| a.key.cmp(&b.key));
    classes.dedup_by(|a, b| a.key == b.key);
    classes
}

fn read_class(row: &mut Row<'_>, item_keys: &Keys, items: &[Item]) -> Class {
    let class = Class {
        key: row.token("id"),
        name: row.name("name"),
        abilities: read_abilities(row),
        primary: row.word("primary", ABILITIES),
        hp_bonus: row.integer("hp_bonus", 0, i64::from(MAX_HP)),
        armor: row.tokens("armor", is_token),
        weapons: row.tokens("weapons", is_token),
        start_items: read_start_items(row, item_keys, items),
    };
    for (column, kind, named) in
        [("armor", ItemKind::Armor, &class.armor), ("weapons", ItemKind::Weapon, &class.weapons)]
    {
        let exists = |subkind: &str| items.iter().any(|item| item.kind == kind && item.subkind == subkind);
        let unknown: Vec<&str> = named.iter().map(String::as_str).filter(|subkind| !exists(subkind)).collect();
        if item_keys.is_readable() && !unknown.is_empty() {
            row.warning(column, format!("no item of items.csv has the subkind {}", unknown.join(", ")));
        }
    }
    class
}

fn read_start_items(row: &mut Row<'_>, item_keys: &Keys, items: &[Item]) -> Vec<(ItemTemplateId, u32)> {
    let mut start_items = Vec::new();
    for (key, quantity) in row.pairs("start_items", (1, i64::from(MAX_QUANTITY))) {
        if row.sheet.borrowed && item_keys.is_readable() && item_keys.id(key).is_none() {
            row.warning("start_items", format!("\"{key}\" is left out: items.csv has no such item"));
            continue;
        }
        let id = ItemTemplateId(row.reference_to("start_items", key, item_keys));
        if row.is_sound() {
            require_thing(row, "start_items", items, id);
            let is_coin = items.get(id.index()).is_some_and(|item| item.kind == ItemKind::Currency);
            row.require(!is_coin, "start_items", "coins are not carried as items");
        }
        start_items.push((id, u32::try_from(quantity).unwrap_or(1)));
    }
    start_items
}

/// Reads all skills, sorted by key.
pub(super) fn read_skills(sheet: &Sheet, class_keys: &Keys, findings: &mut Findings) -> Vec<Skill> {
    let mut skills: Vec<Skill> = Vec::with_capacity(sheet.len());
    for at in 0..sheet.len() {
        let mut row = Row::new(sheet, at, findings);
        if sheet.borrowed && class_keys.is_readable() && class_keys.id(row.cell("class_id")).is_none() {
            row.warning("class_id", "the skill is left out: classes.csv has no such class");
            continue;
        }
        skills.push(read_skill(&mut row, class_keys));
    }
    skills.sort_by(|a, b| a.key.cmp(&b.key));
    skills.dedup_by(|a, b| a.key == b.key);
    skills
}

fn read_skill(row: &mut Row<'_>, class_keys: &Keys) -> Skill {
    let length = i64::from(MAX_LENGTH_CM);
    let damage_type = if row.is_empty("damage_type") { None } else { Some(row.word("damage_type", DAMAGE_TYPES)) };
    let dice = row.dice("dice");
    let skill = Skill {
        key: row.token("id"),
        name: row.name("name"),
        class: ClassId(row.reference("class_id", class_keys)),
        level_req: row.integer("level_req", 1, i64::from(MAX_LEVEL)),
        kind: row.word("kind", SKILL_KINDS),
        range_cm: row.integer("range_cm", 0, length),
        radius_cm: row.integer("radius_cm", 0, length),
        cooldown_ticks: row.integer("cooldown_ticks", 1, i64::from(MAX_COOLDOWN_TICKS)),
        dice: dice.unwrap_or(Dice::ZERO),
        damage_type,
        to_hit: row.optional_integer("to_hit", -100, 100),
    };
    if row.is_sound() {
        row.require(skill.dice.max() > 0, "dice", "a skill does something: dice that can give more than 0");
        check_kind(row, &skill);
    }
    skill
}

/// Which columns go with which kind.
fn check_kind(row: &mut Row<'_>, skill: &Skill) {
    let heals = skill.kind == SkillKind::Heal;
    if heals {
        row.require(skill.damage_type.is_none(), "damage_type", "empty, since the skill heals");
        row.require(skill.to_hit.is_none(), "to_hit", "empty, since the skill heals");
    } else {
        let typed = skill.damage_type.is_some_and(|damage_type| damage_type != DamageType::Untyped);
        row.require(typed, "damage_type", "a skill that does damage has a damage type");
    }
    let at_distance = matches!(skill.kind, SkillKind::Melee | SkillKind::Ranged);
    row.require(!at_distance || skill.range_cm > 0, "range_cm", "at least 1: the target is not the caster");
    let spreads = skill.kind == SkillKind::Area;
    row.require(!spreads || skill.radius_cm > 0, "radius_cm", "at least 1, since the skill hits an area");
    row.require(spreads || skill.radius_cm == 0, "radius_cm", "0, since only kind area has a radius");
}
