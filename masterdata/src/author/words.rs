//! The words of the tables that stand for a value of a fixed list.

use crate::tables::{Ability, DamageType, DropMode, ItemKind, Rarity, SkillKind, Slot};

/// Each word with what it means. The first is what an unreadable cell counts as until the set is refused.
pub(super) type Words<T> = &'static [(&'static str, T)];

pub(super) const ITEM_KINDS: Words<ItemKind> = &[
    ("gear", ItemKind::Gear),
    ("weapon", ItemKind::Weapon),
    ("armor", ItemKind::Armor),
    ("ammunition", ItemKind::Ammunition),
    ("focus", ItemKind::Focus),
    ("accessory", ItemKind::Accessory),
    ("consumable", ItemKind::Consumable),
    ("container", ItemKind::Container),
    ("tool", ItemKind::Tool),
    ("mount", ItemKind::Mount),
    ("vehicle", ItemKind::Vehicle),
    ("bundle", ItemKind::Bundle),
    ("wondrous", ItemKind::Wondrous),
    ("currency", ItemKind::Currency),
];

pub(super) const SLOTS: Words<Option<Slot>> = &[
    ("none", None),
    ("main_hand", Some(Slot::MainHand)),
    ("two_hand", Some(Slot::TwoHand)),
    ("off_hand", Some(Slot::OffHand)),
    ("body", Some(Slot::Body)),
    ("head", Some(Slot::Head)),
    ("neck", Some(Slot::Neck)),
    ("back", Some(Slot::Back)),
    ("hands", Some(Slot::Hands)),
    ("waist", Some(Slot::Waist)),
    ("wrist", Some(Slot::Wrist)),
    ("feet", Some(Slot::Feet)),
    ("ring", Some(Slot::Ring)),
    ("ammo", Some(Slot::Ammo)),
];

pub(super) const RARITIES: Words<Rarity> = &[
    ("none", Rarity::None),
    ("common", Rarity::Common),
    ("uncommon", Rarity::Uncommon),
    ("rare", Rarity::Rare),
    ("very_rare", Rarity::VeryRare),
    ("legendary", Rarity::Legendary),
    ("artifact", Rarity::Artifact),
    ("varies", Rarity::Varies),
];

pub(super) const DAMAGE_TYPES: Words<DamageType> = &[
    ("none", DamageType::Untyped),
    ("acid", DamageType::Acid),
    ("bludgeoning", DamageType::Bludgeoning),
    ("cold", DamageType::Cold),
    ("fire", DamageType::Fire),
    ("force", DamageType::Force),
    ("lightning", DamageType::Lightning),
    ("necrotic", DamageType::Necrotic),
    ("piercing", DamageType::Piercing),
    ("poison", DamageType::Poison),
    ("psychic", DamageType::Psychic),
    ("radiant", DamageType::Radiant),
    ("slashing", DamageType::Slashing),
    ("thunder", DamageType::Thunder),
];

pub(super) const DROP_MODES: Words<DropMode> =
    &[("independent", DropMode::Independent), ("pick_one", DropMode::PickOne)];

pub(super) const ABILITIES: Words<Ability> = &[
    ("str", Ability::Str),
    ("dex", Ability::Dex),
    ("con", Ability::Con),
    ("int", Ability::Int),
    ("wis", Ability::Wis),
    ("cha", Ability::Cha),
];

pub(super) const SKILL_KINDS: Words<SkillKind> =
    &[("melee", SkillKind::Melee), ("ranged", SkillKind::Ranged), ("area", SkillKind::Area), ("heal", SkillKind::Heal)];

pub(super) const FLAGS: Words<bool> = &[("0", false), ("1", true)];

pub(super) const SIZES: Words<()> =
    &[("tiny", ()), ("small", ()), ("medium", ()), ("large", ()), ("huge", ()), ("gargantuan", ())];

/// Challenge ratings below 1 with the level they stand for; from 1 up the level is the rating plus 4.
pub(super) const LOW_RATINGS: Words<u8> = &[("0", 1), ("0.125", 2), ("0.25", 3), ("0.5", 4)];
