//! What a player's level, class, scores and worn things come to in combat.
//!
//! | figure | formula |
//! | --- | --- |
//! | ability bonus | `floor((score - 10) / 2)` |
//! | score | spent points, plus `add_str`, then at least `set_str` (and so for all six) |
//! | attack bonus | `base_attack / attack_per_to_hit` + `attack_bonus` |
//! | damage bonus | `base_attack / attack_per_damage` + `damage_bonus` |
//! | armor | (`armor_base` of the armor worn on the body + the smaller of dexterity bonus and its cap; without armor `unarmored_armor` + dexterity bonus) + `armor_base` of what is held in the off hand + `base_defense / defense_per_armor` + `armor_bonus` |
//! | maximum hit points | (level's `base_hp` + class's `hp_bonus` + constitution bonus × `hp_per_con_bonus_level` × level + `max_hp`) × (100 + `max_hp_pct`) / 100, at least 1 |
//!
//! A set bonus counts like an effect when enough different members of the set are worn. Divisions round down. A cap of
//! 0 lets no dexterity count, not even a penalty.

use bevy_ecs::prelude::Component;
use shallot_masterdata::{
    Abilities, Ability, ClassId, DamageType, Item, ItemTemplateId, MasterData, Slot, WeaponDamage,
};
use wincode::{SchemaRead, SchemaWrite};

use crate::components::Gear;

/// A player's figures, kept until level, scores or gear change.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct Stats {
    /// What an attack roll against it must reach.
    pub(crate) armor: u32,
    /// On each attack roll.
    pub(crate) attack_bonus: i32,
    /// On attack rolls of skills, beside `attack_bonus`.
    pub(crate) skill_attack_bonus: i32,
    /// On each hit.
    pub(crate) damage_bonus: i32,
    /// STR, DEX, CON, INT, WIS, CHA.
    pub(crate) ability_bonus: [i32; 6],
    /// Percent that is taken off, by kind of damage.
    pub(crate) resist: [i32; DamageType::COUNT],
    /// Percent that is added to damage dealt, by its kind.
    pub(crate) deals: [i32; DamageType::COUNT],
    /// Percent that is added to damage dealt to a kind of monster.
    pub(crate) against: Vec<(String, i32)>,
}

impl Stats {
    /// The bonus of one ability.
    pub(crate) fn bonus(&self, ability: Ability) -> i32 {
        self.ability_bonus[ability as usize]
    }

    /// Percent added to damage dealt to a monster of that kind.
    pub(crate) fn percent_against(&self, kind: &str) -> i32 {
        self.against.iter().filter(|(against, _)| against == kind).map(|(_, percent)| percent).sum()
    }
}

/// `floor((score - 10) / 2)`.
pub(crate) fn ability_bonus(score: i32) -> i32 {
    (score - 10).div_euclid(2)
}

/// Figures and maximum hit points, by the table above.
pub(crate) fn derive(data: &MasterData, class: ClassId, level: u8, abilities: Abilities, gear: &Gear) -> (Stats, u32) {
    let (level_row, balance) = (data.level(level), &data.balance);
    let sums = Sums::of(data, abilities, gear);
    let ability_bonus = sums.scores().map(ability_bonus);
    let mut stats = Stats {
        armor: 0,
        attack_bonus: whole(level_row.base_attack / balance.attack_per_to_hit.max(1)).saturating_add(sums.attack),
        skill_attack_bonus: sums.skill_attack,
        damage_bonus: whole(level_row.base_attack / balance.attack_per_damage.max(1)).saturating_add(sums.damage),
        ability_bonus,
        resist: sums.resist,
        deals: sums.deals,
        against: sums.against,
    };
    let worn_armor = gear.others.iter().map(|id| data.item(*id)).find(|item| item.slot == Some(Slot::Body));
    let shield = gear.off_hand.and_then(|id| data.item(id).armor_base).map_or(0, whole);
    let armor = body_armor(worn_armor, balance.unarmored_armor, stats.bonus(Ability::Dex))
        .saturating_add(shield)
        .saturating_add(whole(level_row.base_defense / balance.defense_per_armor.max(1)))
        .saturating_add(sums.armor);
    stats.armor = armor.max(0).unsigned_abs();

    let constitution =
        i64::from(stats.bonus(Ability::Con)) * i64::from(balance.hp_per_con_bonus_level) * i64::from(level);
    let class_row = data.class(class);
    let flat = i64::from(level_row.base_hp) + i64::from(class_row.hp_bonus) + constitution + i64::from(sums.max_hp);
    let max_hp = (flat * (100 + i64::from(sums.max_hp_pct))).div_euclid(100).clamp(1, i64::from(u32::MAX));
    (stats, max_hp as u32)
}

fn body_armor(worn: Option<&Item>, unarmored: u32, dexterity: i32) -> i32 {
    match worn.and_then(|item| item.armor_base.map(|base| (base, item.armor_dex_cap.unwrap_or(0)))) {
        Some((base, 0)) => whole(base),
        Some((base, cap)) => whole(base).saturating_add(dexterity.min(whole(cap))),
        None => whole(unarmored).saturating_add(dexterity),
    }
}

fn whole(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// What a player strikes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weapon {
    /// Its dice and kind; `None`: bare hands, which have no dice.
    pub(crate) damage: Option<WeaponDamage>,
    /// Held in both hands, where the other is free and the weapon allows it.
    pub(crate) in_both_hands: bool,
    /// The better of strength and dexterity for a finesse weapon, dexterity for a ranged one, else strength.
    pub(crate) ability_bonus: i32,
    /// Centimetres: its range, at least that of a bare hand.
    pub(crate) reach_cm: u32,
    /// It shoots or is thrown.
    pub(crate) is_ranged: bool,
}

/// The weapon in the main hand, or bare hands.
pub(crate) fn weapon(data: &MasterData, stats: &Stats, gear: &Gear) -> Weapon {
    let (strength, dexterity) = (stats.bonus(Ability::Str), stats.bonus(Ability::Dex));
    let held = gear.main_hand.map(|id| data.item(id)).filter(|item| item.damage.is_some());
    let Some(item) = held else {
        let reach_cm = data.balance.player_reach_cm;
        return Weapon { damage: None, in_both_hands: false, ability_bonus: strength, reach_cm, is_ranged: false };
    };
    let is_finesse = item.properties.iter().any(|property| property == "finesse");
    let is_ranged = item.subkind.ends_with("_ranged");
    let ability_bonus = match (is_ranged, is_finesse) {
        (true, _) => dexterity,
        (false, true) => strength.max(dexterity),
        (false, false) => strength,
    };
    Weapon {
        damage: item.damage,
        in_both_hands: gear.off_hand.is_none(),
        ability_bonus,
        reach_cm: item.range_cm.unwrap_or(0).max(data.balance.player_reach_cm),
        is_ranged,
    }
}

/// What all worn effects and set bonuses come to.
#[derive(Clone, Debug, Default)]
struct Sums {
    base: [i32; 6],
    add: [i32; 6],
    set: [i32; 6],
    attack: i32,
    skill_attack: i32,
    damage: i32,
    armor: i32,
    max_hp: i32,
    max_hp_pct: i32,
    resist: [i32; DamageType::COUNT],
    deals: [i32; DamageType::COUNT],
    against: Vec<(String, i32)>,
}

impl Sums {
    fn of(data: &MasterData, abilities: Abilities, gear: &Gear) -> Self {
        let Abilities { str, dex, con, int, wis, cha } = abilities;
        let mut sums = Self { base: [str, dex, con, int, wis, cha].map(i32::from), ..Self::default() };
        for item in gear.all() {
            for effect in &data.item(item).effects {
                sums.take(&effect.stat, effect.value);
            }
        }
        for set in &data.sets {
            let worn = set.members.iter().filter(|member| gear.all().any(|item| item == **member)).count();
            for (pieces, effect) in &set.bonuses {
                if worn >= usize::from(*pieces) {
                    sums.take(&effect.stat, effect.value);
                }
            }
        }
        sums
    }

    fn scores(&self) -> [i32; 6] {
        std::array::from_fn(|n| (self.base[n].saturating_add(self.add[n])).max(self.set[n]))
    }

    /// Counts one effect; stats that mean nothing in combat are passed over.
    fn take(&mut self, stat: &str, value: i32) {
        let sum = match stat {
            "attack_bonus" => &mut self.attack,
            "spell_attack_bonus" => &mut self.skill_attack,
            "damage_bonus" => &mut self.damage,
            "armor_bonus" => &mut self.armor,
            "max_hp" => &mut self.max_hp,
            "max_hp_pct" => &mut self.max_hp_pct,
            _ => return self.take_named(stat, value),
        };
        *sum = sum.saturating_add(value);
    }

    /// Effects that name an ability, a kind of damage or a kind of monster.
    fn take_named(&mut self, stat: &str, value: i32) {
        if let Some(kind) = stat.strip_prefix("damage_vs_").and_then(|rest| rest.strip_suffix("_pct")) {
            return self.against.push((kind.to_owned(), value));
        }
        let (sum, is_floor) = if let Some(place) = stat.strip_prefix("set_").and_then(ability_place) {
            (&mut self.set[place], true)
        } else if let Some(place) = stat.strip_prefix("add_").and_then(ability_place) {
            (&mut self.add[place], false)
        } else if let Some(kind) = stat.strip_prefix("resist_").and_then(|s| damage_type(s.trim_end_matches("_pct"))) {
            (&mut self.resist[kind as usize], false)
        } else if let Some(kind) = stat.strip_prefix("damage_").and_then(|s| damage_type(s.strip_suffix("_pct")?)) {
            (&mut self.deals[kind as usize], false)
        } else {
            return;
        };
        *sum = if is_floor { (*sum).max(value) } else { sum.saturating_add(value) };
    }
}

fn ability_place(name: &str) -> Option<usize> {
    ["str", "dex", "con", "int", "wis", "cha"].iter().position(|ability| *ability == name)
}

fn damage_type(name: &str) -> Option<DamageType> {
    Some(match name {
        "acid" => DamageType::Acid,
        "bludgeoning" => DamageType::Bludgeoning,
        "cold" => DamageType::Cold,
        "fire" => DamageType::Fire,
        "force" => DamageType::Force,
        "lightning" => DamageType::Lightning,
        "necrotic" => DamageType::Necrotic,
        "piercing" => DamageType::Piercing,
        "poison" => DamageType::Poison,
        "psychic" => DamageType::Psychic,
        "radiant" => DamageType::Radiant,
        "slashing" => DamageType::Slashing,
        "thunder" => DamageType::Thunder,
        _ => return None,
    })
}

/// What an effect of an item's row says, 0 when it does not.
pub(crate) fn effect_of(data: &MasterData, item: ItemTemplateId, stat: &str) -> i32 {
    data.item(item).effects.iter().filter(|effect| effect.stat == stat).map(|effect| effect.value).sum()
}
