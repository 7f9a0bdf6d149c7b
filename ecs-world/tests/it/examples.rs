//! A small master-data set, built by hand, for the tests of this crate: every number in it is chosen so that a test can
//! say what must come of it.

use shallot_masterdata::{
    Abilities, Ability, Balance, Class, ClassId, DamageType, Dice, DropEntry, DropGroup, DropMode, DropTable,
    DropTableId, DropYield, Effect, Item, ItemKind, ItemSet, ItemTemplateId, Level, MasterData, Monster, MonsterAttack,
    MonsterId, Rarity, Rect, Region, RegionSpawn, Skill, SkillKind, Slot, WeaponDamage,
};

/// Silver coin, price 10.
pub(crate) const SILVER: ItemTemplateId = ItemTemplateId(1);
/// A stone: gear without use.
pub(crate) const STONE: ItemTemplateId = ItemTemplateId(2);
/// 8 damage, 10 in both hands.
pub(crate) const LONGSWORD: ItemTemplateId = ItemTemplateId(3);
/// 6 damage over 20 m, by dexterity.
pub(crate) const BOW: ItemTemplateId = ItemTemplateId(4);
/// Armor 14, at most 2 of dexterity.
pub(crate) const MAIL: ItemTemplateId = ItemTemplateId(5);
/// Armor 2 in the off hand.
pub(crate) const SHIELD: ItemTemplateId = ItemTemplateId(6);
/// Strength 18, fire resistance 50 percent, attack and damage 1; of the set `twins`.
pub(crate) const BELT: ItemTemplateId = ItemTemplateId(7);
/// Nothing alone; of the set `twins`.
pub(crate) const RING: ItemTemplateId = ItemTemplateId(8);
/// Heals exactly 5.
pub(crate) const POTION: ItemTemplateId = ItemTemplateId(9);

/// 10 hit points, armor 10, hits for 2, drops a stone and 7 silver; 100 experience.
pub(crate) const RAT: MonsterId = MonsterId(0);
/// A rat of stone: immune to slashing, vulnerable to fire, of kind `giant`; no attack, never walks.
pub(crate) const STATUE: MonsterId = MonsterId(1);
/// Strikes for 100 once a round from 10 m away.
pub(crate) const ARCHER: MonsterId = MonsterId(2);

/// Fights with strength.
pub(crate) const FIGHTER: ClassId = ClassId(0);
/// Casts with intelligence.
pub(crate) const MAGE: ClassId = ClassId(1);

/// Numbers that are easy to count with. Every attack hits, as if critical; fixed damage has no dice that count twice.
pub(crate) fn balance() -> Balance {
    Balance {
        player_speed_cm_per_s: 200,
        player_reach_cm: 200,
        player_attack_period_ticks: 20,
        monster_attack_period_ticks: 30,
        monster_notice_cm: 1_000,
        monster_leash_cm: 3_000,
        monster_wander_speed_ppm: 500_000,
        monster_wander_pause_ticks: 40,
        monster_home_heal_ppm: 100_000,
        attack_die: 20,
        critical_at: 1,
        attack_per_to_hit: 4,
        attack_per_damage: 8,
        unarmored_armor: 10,
        defense_per_armor: 5,
        hp_per_con_bonus_level: 2,
        resist_percent: 50,
        vulnerable_percent: 100,
        regen_delay_ticks: 100,
        regen_ppm_per_s: 50_000,
        respawn_delay_ticks: 60,
        respawn_hp_ppm: 500_000,
        pickup_reach_cm: 300,
        drop_lifetime_ticks: 400,
        drop_owner_ticks: 100,
        xp_share_cm: 5_000,
        xp_gain_ppm: 500_000,
        bag_slots: 20,
        characters_per_account: 4,
    }
}

/// The set: a start region of 200 m around (100, 100) without monsters; tests add what they need.
pub(crate) fn data() -> MasterData {
    MasterData {
        hash: [7; 32],
        items: items(),
        bundles: Vec::new(),
        monsters: monsters(),
        drop_tables: vec![rat_drops()],
        dungeons: Vec::new(),
        levels: levels(),
        sets: vec![twins()],
        regions: vec![region()],
        classes: classes(),
        skills: skills(),
        balance: balance(),
        strings: Vec::new(),
    }
}

/// A fixed number as dice.
pub(crate) fn exactly(value: i16) -> Dice {
    Dice { count: 0, sides: 0, bonus: value }
}

fn item(key: &str, kind: ItemKind, slot: Option<Slot>) -> Item {
    Item {
        key: key.to_owned(),
        name: key.to_owned(),
        kind,
        subkind: String::new(),
        slot,
        rarity: Rarity::None,
        level_req: 1,
        parent: None,
        is_abstract: false,
        bundle_qty: 1,
        stack_max: 100,
        weight_g: 1,
        price_copper: 1,
        damage: None,
        range_cm: None,
        range_long_cm: None,
        armor_base: None,
        armor_dex_cap: None,
        str_req: None,
        noisy: false,
        durability_max: None,
        bind_on_equip: false,
        effects: Vec::new(),
        properties: Vec::new(),
        capacity_g: None,
        speed_cm_per_s: None,
    }
}

fn effect(stat: &str, value: i32) -> Effect {
    Effect { stat: stat.to_owned(), value }
}

fn items() -> Vec<Item> {
    let damage = |fixed, two_handed: Option<i16>, damage_type| {
        Some(WeaponDamage { dice: exactly(fixed), two_handed: two_handed.map(exactly), damage_type })
    };
    let belt = vec![
        effect("set_str", 18),
        effect("resist_fire", 50),
        effect("attack_bonus", 1),
        effect("damage_bonus", 1),
        effect("sings", 9),
    ];
    vec![
        item("copper", ItemKind::Currency, None),
        Item { price_copper: 10, ..item("silver", ItemKind::Currency, None) },
        item("stone", ItemKind::Gear, None),
        Item {
            subkind: "martial_melee".to_owned(),
            damage: damage(8, Some(10), DamageType::Slashing),
            range_cm: Some(152),
            ..item("longsword", ItemKind::Weapon, Some(Slot::MainHand))
        },
        Item {
            subkind: "martial_ranged".to_owned(),
            damage: damage(6, None, DamageType::Piercing),
            range_cm: Some(2_000),
            ..item("bow", ItemKind::Weapon, Some(Slot::TwoHand))
        },
        Item { armor_base: Some(14), armor_dex_cap: Some(2), ..item("mail", ItemKind::Armor, Some(Slot::Body)) },
        Item { armor_base: Some(2), armor_dex_cap: Some(0), ..item("shield", ItemKind::Armor, Some(Slot::OffHand)) },
        Item { effects: belt, ..item("belt", ItemKind::Accessory, Some(Slot::Waist)) },
        item("ring", ItemKind::Accessory, Some(Slot::Ring)),
        Item {
            effects: vec![effect("heal_min", 5), effect("heal_max", 5)],
            ..item("potion", ItemKind::Consumable, None)
        },
    ]
}

fn twins() -> ItemSet {
    let bonuses = [("max_hp_pct", 10), ("damage_vs_giant_pct", 100), ("resist_cold_pct", 25), ("armor_bonus", 1)];
    ItemSet {
        key: "twins".to_owned(),
        name: "Twins".to_owned(),
        members: vec![BELT, RING],
        bonuses: bonuses.iter().map(|(stat, value)| (2, effect(stat, *value))).collect(),
    }
}

fn abilities(score: u8) -> Abilities {
    Abilities { str: score, dex: score, con: score, int: score, wis: score, cha: score }
}

fn attack(name: &str, reach_cm: Option<u32>, range_cm: Option<u32>, damage: i16) -> MonsterAttack {
    MonsterAttack {
        name: name.to_owned(),
        to_hit: 100,
        reach_cm,
        range_cm,
        damage: exactly(damage),
        damage_type: DamageType::Fire,
        extra: None,
    }
}

fn monsters() -> Vec<Monster> {
    let rat = Monster {
        key: "rat".to_owned(),
        name: "Rat".to_owned(),
        kind: "beast".to_owned(),
        level: 1,
        xp: 100,
        hp: 10,
        armor: 2,
        speed_cm_per_s: 300,
        fly_cm_per_s: 0,
        swim_cm_per_s: 0,
        abilities: abilities(10),
        attacks: vec![attack("Bite", Some(152), None, 2)],
        attacks_per_round: 1,
        resist: Vec::new(),
        immune: Vec::new(),
        vulnerable: Vec::new(),
        is_boss: false,
        respawn_s: 10,
        drop_table: Some(DropTableId(0)),
    };
    let statue = Monster {
        key: "statue".to_owned(),
        kind: "giant".to_owned(),
        hp: 1_000,
        speed_cm_per_s: 0,
        attacks: Vec::new(),
        attacks_per_round: 0,
        immune: vec![DamageType::Slashing],
        vulnerable: vec![DamageType::Fire],
        drop_table: None,
        ..rat.clone()
    };
    let archer = Monster {
        key: "archer".to_owned(),
        hp: 1_000,
        speed_cm_per_s: 0,
        attacks: vec![attack("Arrow", None, Some(1_000), 100)],
        drop_table: None,
        ..rat.clone()
    };
    vec![rat, statue, archer]
}

fn rat_drops() -> DropTable {
    let always = |item, quantity| DropEntry {
        yields: DropYield::Item(item),
        chance_ppm: 1_000_000,
        qty_min: quantity,
        qty_max: quantity,
    };
    let group = DropGroup { mode: DropMode::Independent, entries: vec![always(STONE, 1), always(SILVER, 7)] };
    DropTable { key: "rat".to_owned(), groups: vec![group] }
}

fn levels() -> Vec<Level> {
    let level = |n: u32| Level {
        xp_total: u64::from(n - 1) * 100,
        xp_to_next: if n == 5 { 0 } else { 100 },
        base_hp: 50 + 10 * n,
        base_attack: 8 * n,
        base_defense: 5 * n,
        stat_points: 1,
    };
    (1..=5).map(level).collect()
}

fn classes() -> Vec<Class> {
    let class = |key: &str, primary, abilities| Class {
        key: key.to_owned(),
        name: key.to_owned(),
        abilities,
        primary,
        hp_bonus: 4,
        armor: Vec::new(),
        weapons: Vec::new(),
        start_items: Vec::new(),
    };
    vec![class("fighter", Ability::Str, abilities(14)), class("mage", Ability::Int, abilities(14))]
}

/// Blast (mage, level 2, 3 m around a point up to 10 m away), bolt (mage, 10 m), mend (mage, heals 6 over 5 m), slash
/// (fighter, melee, 10): each with a cooldown of 40 ticks.
fn skills() -> Vec<Skill> {
    let skill = |key: &str, class, kind, range_cm, dice| Skill {
        key: key.to_owned(),
        name: key.to_owned(),
        class,
        level_req: 1,
        kind,
        range_cm,
        radius_cm: 0,
        cooldown_ticks: 40,
        dice: exactly(dice),
        damage_type: Some(DamageType::Fire),
        to_hit: None,
    };
    vec![
        Skill { level_req: 2, radius_cm: 300, ..skill("blast", MAGE, SkillKind::Area, 1_000, 3) },
        Skill { to_hit: Some(100), ..skill("bolt", MAGE, SkillKind::Ranged, 1_000, 3) },
        Skill { damage_type: None, ..skill("mend", MAGE, SkillKind::Heal, 500, 6) },
        skill("slash", FIGHTER, SkillKind::Melee, 0, 10),
    ]
}

fn region() -> Region {
    Region {
        key: "field".to_owned(),
        name: "Field".to_owned(),
        area: Rect { x: 0, y: 0, width: 200, height: 200 },
        levels: (1, 5),
        entry: (100, 100),
        entry_radius_m: 0,
        is_start: true,
        pvp: false,
        spawns: Vec::new(),
        blocks: Vec::new(),
    }
}

/// One monster that stands exactly there, metres, and comes back after 5 s.
pub(crate) fn one(monster: MonsterId, x: i32, y: i32) -> RegionSpawn {
    RegionSpawn { monster, center: (x, y), radius_m: 0, count_max: 1, respawn_s: 5 }
}

/// A monster and where it stands, metres.
pub(crate) type MonsterPlace = (MonsterId, i32, i32);
