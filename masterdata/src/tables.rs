//! The compiled set: what the designers' tables become. Dense ids, immutable, one content hash.
//!
//! Units are those of the tables: money in copper pieces, length in centimetres (region rectangles in metres), speed in
//! centimetres per second, chance in parts per million, time as the field's name says.

use crate::balance::Balance;
use crate::dice::Dice;

macro_rules! dense_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);

        impl $name {
            /// The row's place in its table.
            #[must_use]
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

dense_id!(/// Row of [`MasterData::items`].
    ItemTemplateId);
dense_id!(/// Row of [`MasterData::monsters`].
    MonsterId);
dense_id!(/// Row of [`MasterData::drop_tables`].
    DropTableId);
dense_id!(/// Row of [`MasterData::dungeons`].
    DungeonId);
dense_id!(/// Row of [`MasterData::sets`].
    SetId);
dense_id!(/// Row of [`MasterData::regions`].
    RegionIndex);
dense_id!(/// Row of [`MasterData::classes`].
    ClassId);
dense_id!(/// Row of [`MasterData::skills`].
    SkillId);

/// One complete, checked set. Every id inside is valid for the table it names; no look-up by dense id can fail.
#[derive(Clone, Debug)]
pub struct MasterData {
    /// BLAKE3 of the canonical bytes of all tables: two sets with equal hashes are the same set.
    pub hash: [u8; 32],
    /// `items.csv`, sorted by key.
    pub items: Vec<Item>,
    /// `item_bundles.csv`, grouped by bundle, sorted.
    pub bundles: Vec<Bundle>,
    /// `monsters.csv` with their attacks, sorted by key.
    pub monsters: Vec<Monster>,
    /// `drop_tables.csv`, sorted by key.
    pub drop_tables: Vec<DropTable>,
    /// `dungeon_templates.csv` with their spawns, sorted by key.
    pub dungeons: Vec<Dungeon>,
    /// `level_curve.csv`; level `n` stands at index `n - 1`. Never empty.
    pub levels: Vec<Level>,
    /// `set_bonuses.csv`, grouped by set, sorted by key.
    pub sets: Vec<ItemSet>,
    /// `regions.csv` with spawns and blocks, sorted by key. Exactly one `is_start`.
    pub regions: Vec<Region>,
    /// `classes.csv`, sorted by key. Never empty.
    pub classes: Vec<Class>,
    /// `skills.csv`, sorted by key.
    pub skills: Vec<Skill>,
    /// `balance.csv`.
    pub balance: Balance,
    /// `strings_en.csv`, sorted by key.
    pub strings: Vec<(String, String)>,
}

/// What an item is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// Hits things.
    Weapon,
    /// Worn against hits; shields too.
    Armor,
    /// Spent by ranged weapons.
    Ammunition,
    /// Casters hold it.
    Focus,
    /// Rings, amulets and the like.
    Accessory,
    /// Used up: potions, scrolls, food.
    Consumable,
    /// Holds other things.
    Container,
    /// Adventuring gear.
    Gear,
    /// Crafting and trade tools.
    Tool,
    /// Carries a rider.
    Mount,
    /// Carries many.
    Vehicle,
    /// Sold as one, arrives as its parts.
    Bundle,
    /// Magic that fits no other kind.
    Wondrous,
    /// Coins: never an item instance, always minted to the wallet.
    Currency,
}

/// Where an item is worn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// One-handed weapon or focus.
    MainHand,
    /// Takes both hands.
    TwoHand,
    /// Shield, or a light second weapon.
    OffHand,
    /// Armor, robes.
    Body,
    /// Helmets, hats.
    Head,
    /// Amulets.
    Neck,
    /// Cloaks.
    Back,
    /// Gloves.
    Hands,
    /// Belts.
    Waist,
    /// Bracers.
    Wrist,
    /// Boots.
    Feet,
    /// Rings: two may be worn.
    Ring,
    /// Quivers.
    Ammo,
}

/// How rare an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rarity {
    /// Mundane.
    None,
    /// See the name.
    Common,
    /// See the name.
    Uncommon,
    /// See the name.
    Rare,
    /// See the name.
    VeryRare,
    /// See the name.
    Legendary,
    /// See the name.
    Artifact,
    /// Abstract rows only.
    Varies,
}

/// The thirteen kinds of damage, and damage of no kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DamageType {
    /// See the name.
    Acid,
    /// See the name.
    Bludgeoning,
    /// See the name.
    Cold,
    /// See the name.
    Fire,
    /// See the name.
    Force,
    /// See the name.
    Lightning,
    /// See the name.
    Necrotic,
    /// See the name.
    Piercing,
    /// See the name.
    Poison,
    /// See the name.
    Psychic,
    /// See the name.
    Radiant,
    /// See the name.
    Slashing,
    /// See the name.
    Thunder,
    /// `none` in the tables: nothing resists it. Also the kind of an attack that does no damage.
    Untyped,
}

impl DamageType {
    /// How many there are: the length of a table with one place for each, indexed by `kind as usize`.
    pub const COUNT: usize = DamageType::Untyped as usize + 1;
}

/// A `stat:value` of an item's `effects` or of a set bonus. Stats are open-ended names; combat and use read those they know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// For example `attack_bonus`, `set_str`, `resist_fire`, `heal_min`.
    pub stat: String,
    /// In the stat's own unit: points, percent.
    pub value: i32,
}

/// What one hit of a weapon does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeaponDamage {
    /// Rolled for each hit.
    pub dice: Dice,
    /// Rolled instead when held in both hands.
    pub two_handed: Option<Dice>,
    /// What resistances look at.
    pub damage_type: DamageType,
}

/// A row of `items.csv`.
#[derive(Clone, Debug)]
pub struct Item {
    /// The table's id: `[a-z0-9_]+`.
    pub key: String,
    /// English name.
    pub name: String,
    /// What it is for.
    pub kind: ItemKind,
    /// Finer class: `martial_melee`, `heavy_armor`, `potion`, ...
    pub subkind: String,
    /// Where it is worn; `None` when it is not.
    pub slot: Option<Slot>,
    /// How rare.
    pub rarity: Rarity,
    /// Lowest character level that may wear or use it, 1 to 40.
    pub level_req: u8,
    /// The abstract row it is a variant of.
    pub parent: Option<ItemTemplateId>,
    /// A family, not a thing: never drops, is never sold or worn.
    pub is_abstract: bool,
    /// Units per sale, at least 1.
    pub bundle_qty: u32,
    /// Largest stack, at least 1.
    pub stack_max: u32,
    /// Grams of one unit.
    pub weight_g: u32,
    /// Copper pieces for `bundle_qty` units; 0 is not sold.
    pub price_copper: i64,
    /// For weapons.
    pub damage: Option<WeaponDamage>,
    /// Normal reach or range, centimetres.
    pub range_cm: Option<u32>,
    /// Longest range, centimetres.
    pub range_long_cm: Option<u32>,
    /// Armor value while worn.
    pub armor_base: Option<u32>,
    /// Largest DEX bonus that adds to `armor_base`; 99 is unlimited.
    pub armor_dex_cap: Option<u32>,
    /// Strength needed to wear it.
    pub str_req: Option<u32>,
    /// A penalty to stealth.
    pub noisy: bool,
    /// Points of wear; `None` cannot wear out.
    pub durability_max: Option<u32>,
    /// Binds to the character at the first equip.
    pub bind_on_equip: bool,
    /// What it does while worn, or when used.
    pub effects: Vec<Effect>,
    /// light, finesse, heavy, thrown, versatile, ...
    pub properties: Vec<String>,
    /// Mounts and vehicles: grams.
    pub capacity_g: Option<u64>,
    /// Mounts and vehicles: centimetres per second.
    pub speed_cm_per_s: Option<u32>,
}

/// A bundle item and its parts.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The item of kind bundle.
    pub item: ItemTemplateId,
    /// What it contains, with quantities, in the table's order.
    pub parts: Vec<(ItemTemplateId, u32)>,
}

/// A row of `monsters.csv` with its attacks.
#[derive(Clone, Debug)]
pub struct Monster {
    /// The table's id.
    pub key: String,
    /// English name.
    pub name: String,
    /// beast, undead, giant, ...: set bonuses and skills look at it.
    pub kind: String,
    /// 1 to 40.
    pub level: u8,
    /// Experience for the kill.
    pub xp: u32,
    /// Average hit points: what it spawns with.
    pub hp: u32,
    /// What an attack roll must reach.
    pub armor: u32,
    /// On foot; 0 cannot walk.
    pub speed_cm_per_s: u32,
    /// In the air; 0 cannot fly.
    pub fly_cm_per_s: u32,
    /// In water; 0 cannot swim.
    pub swim_cm_per_s: u32,
    /// STR, DEX, CON, INT, WIS, CHA, each 1 to 30.
    pub abilities: Abilities,
    /// In the table's order; empty: the monster has no attack.
    pub attacks: Vec<MonsterAttack>,
    /// How many attacks it makes in one attack period, at least 1 when it has attacks.
    pub attacks_per_round: u8,
    /// Half damage.
    pub resist: Vec<DamageType>,
    /// No damage.
    pub immune: Vec<DamageType>,
    /// Double damage.
    pub vulnerable: Vec<DamageType>,
    /// Has legendary actions.
    pub is_boss: bool,
    /// Seconds until it returns, where a spawn row does not say otherwise.
    pub respawn_s: u32,
    /// What it drops; `None` drops nothing.
    pub drop_table: Option<DropTableId>,
}

/// The six scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Abilities {
    /// Strength.
    pub str: u8,
    /// Dexterity.
    pub dex: u8,
    /// Constitution.
    pub con: u8,
    /// Intelligence.
    pub int: u8,
    /// Wisdom.
    pub wis: u8,
    /// Charisma.
    pub cha: u8,
}

/// A row of `monster_attacks.csv`.
#[derive(Clone, Debug)]
pub struct MonsterAttack {
    /// Bite, Claw, ...
    pub name: String,
    /// Added to the attack roll.
    pub to_hit: i32,
    /// Melee reach, centimetres.
    pub reach_cm: Option<u32>,
    /// Ranged, centimetres.
    pub range_cm: Option<u32>,
    /// Rolled for a hit; [`Dice::ZERO`] for an attack that does no damage (a web, a cloud of ink).
    pub damage: Dice,
    /// What resistances look at.
    pub damage_type: DamageType,
    /// A second part of another type.
    pub extra: Option<(Dice, DamageType)>,
}

/// All rows of one `table_id` of `drop_tables.csv`.
#[derive(Clone, Debug)]
pub struct DropTable {
    /// The table's id.
    pub key: String,
    /// In order of `group_no`.
    pub groups: Vec<DropGroup>,
}

/// How the entries of a group are rolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropMode {
    /// Each on its own.
    Independent,
    /// One roll for the group, at most one entry wins.
    PickOne,
}

/// Entries of one table that are rolled together.
#[derive(Clone, Debug)]
pub struct DropGroup {
    /// How.
    pub mode: DropMode,
    /// In order of `entry_no`.
    pub entries: Vec<DropEntry>,
}

/// What an entry yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropYield {
    /// `qty` units of an item.
    Item(ItemTemplateId),
    /// That table, rolled `qty` times.
    Table(DropTableId),
}

/// A row of `drop_tables.csv`.
#[derive(Clone, Copy, Debug)]
pub struct DropEntry {
    /// What it yields.
    pub yields: DropYield,
    /// 1 to 1,000,000.
    pub chance_ppm: u32,
    /// Least quantity, at least 1.
    pub qty_min: u32,
    /// Largest quantity, at least `qty_min`.
    pub qty_max: u32,
}

/// A row of `dungeon_templates.csv` with its spawns.
#[derive(Clone, Debug)]
pub struct Dungeon {
    /// The table's id.
    pub key: String,
    /// English name.
    pub name: String,
    /// Inclusive.
    pub levels: (u8, u8),
    /// Inclusive.
    pub party: (u8, u8),
    /// Inclusive.
    pub rooms: (u8, u8),
    /// Seconds until it closes.
    pub time_limit_s: u32,
    /// Wipes until it closes.
    pub wipe_limit: u32,
    /// Needed to enter.
    pub entry_item: Option<ItemTemplateId>,
    /// In the last room.
    pub boss: MonsterId,
    /// Rolled for each member at the end.
    pub clear_table: Option<DropTableId>,
    /// Experience for each member at the end.
    pub clear_xp: u32,
    /// Off: not offered.
    pub enabled: bool,
    /// In order of `spawn_no`.
    pub spawns: Vec<DungeonSpawn>,
}

/// A row of `dungeon_spawns.csv`.
#[derive(Clone, Copy, Debug)]
pub struct DungeonSpawn {
    /// Rooms it may appear in, inclusive.
    pub rooms: (u8, u8),
    /// Who.
    pub monster: MonsterId,
    /// Against the other rows of the room.
    pub weight: u32,
    /// How many, inclusive.
    pub count: (u32, u32),
}

/// A row of `level_curve.csv`.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// Experience in all needed to have this level.
    pub xp_total: u64,
    /// From this level to the next; 0 on the last.
    pub xp_to_next: u64,
    /// Hit points before constitution and effects.
    pub base_hp: u32,
    /// Added to attack rolls and damage as the combat formulas say.
    pub base_attack: u32,
    /// Added to armor as the combat formulas say.
    pub base_defense: u32,
    /// Points to spend, granted at reaching this level.
    pub stat_points: u32,
}

/// A set of items that do more when worn together.
#[derive(Clone, Debug)]
pub struct ItemSet {
    /// The table's id.
    pub key: String,
    /// English name.
    pub name: String,
    /// The members, sorted.
    pub members: Vec<ItemTemplateId>,
    /// Each applies when at least so many different members are worn.
    pub bonuses: Vec<(u8, Effect)>,
}

/// A row of `regions.csv` with its spawns and blocks.
#[derive(Clone, Debug)]
pub struct Region {
    /// The table's id.
    pub key: String,
    /// English name.
    pub name: String,
    /// Its rectangle of the world map, metres.
    pub area: Rect,
    /// Advised levels, inclusive.
    pub levels: (u8, u8),
    /// Where a character appears, metres, inside `area`.
    pub entry: (i32, i32),
    /// Characters appear at most so far from `entry`, metres; 0: exactly there. The disc lies inside `area`.
    pub entry_radius_m: u32,
    /// New characters appear here.
    pub is_start: bool,
    /// Players may hurt players.
    pub pvp: bool,
    /// In order of `spawn_no`.
    pub spawns: Vec<RegionSpawn>,
    /// Nobody walks or shoots through these.
    pub blocks: Vec<Rect>,
}

/// A rectangle in whole metres; `x`, `y` is the corner with the smallest values, and the far edges do not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// West edge.
    pub x: i32,
    /// South edge.
    pub y: i32,
    /// At least 1.
    pub width: i32,
    /// At least 1.
    pub height: i32,
}

/// A row of `region_spawns.csv`.
#[derive(Clone, Copy, Debug)]
pub struct RegionSpawn {
    /// Who.
    pub monster: MonsterId,
    /// Centre, metres, in the region.
    pub center: (i32, i32),
    /// How far from the centre they appear and wander, metres.
    pub radius_m: u32,
    /// How many may live at once.
    pub count_max: u32,
    /// From a death to the return, seconds.
    pub respawn_s: u32,
}

/// A row of `classes.csv`.
#[derive(Clone, Debug)]
pub struct Class {
    /// The table's id.
    pub key: String,
    /// English name.
    pub name: String,
    /// Scores at level 1, before spent points.
    pub abilities: Abilities,
    /// What attack and damage rolls of its skills use.
    pub primary: Ability,
    /// Added to the level's `base_hp`.
    pub hp_bonus: u32,
    /// Item subkinds of armor it may wear (`light_armor`, `medium_armor`, `heavy_armor`, shield).
    pub armor: Vec<String>,
    /// Item subkinds of weapons it may hold (`simple_melee`, `simple_ranged`, `martial_melee`, `martial_ranged`).
    pub weapons: Vec<String>,
    /// What a new character wears or carries, with quantities.
    pub start_items: Vec<(ItemTemplateId, u32)>,
}

/// One of the six scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ability {
    /// Strength.
    Str,
    /// Dexterity.
    Dex,
    /// Constitution.
    Con,
    /// Intelligence.
    Int,
    /// Wisdom.
    Wis,
    /// Charisma.
    Cha,
}

/// What a skill does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkillKind {
    /// Hits one target in reach.
    Melee,
    /// Hits one target in range with a clear line.
    Ranged,
    /// Hits all foes within `radius_cm` of the target point.
    Area,
    /// Restores hit points of the caster or an ally in range.
    Heal,
}

/// A row of `skills.csv`.
#[derive(Clone, Debug)]
pub struct Skill {
    /// The table's id.
    pub key: String,
    /// English name.
    pub name: String,
    /// Who has it.
    pub class: ClassId,
    /// From which level, 1 to 40.
    pub level_req: u8,
    /// What it does.
    pub kind: SkillKind,
    /// Farthest target, centimetres; 0 is the caster only.
    pub range_cm: u32,
    /// Area skills: centimetres around the point.
    pub radius_cm: u32,
    /// Until it may be used again, ticks of 50 ms.
    pub cooldown_ticks: u32,
    /// Damage, or hit points restored.
    pub dice: Dice,
    /// Damage skills only.
    pub damage_type: Option<DamageType>,
    /// Added to the attack roll; a skill without a roll always hits.
    pub to_hit: Option<i32>,
}
