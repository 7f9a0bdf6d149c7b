//! A small set of master data for tests of decisions.

use shallot_masterdata::{
    Abilities, Ability, Balance, Class, ClassId, DamageType, Dice, Effect, Item, ItemKind, ItemTemplateId, Level,
    MasterData, Monster, MonsterAttack, MonsterId, Rarity, Rect, Region, RegionSpawn, Skill, SkillKind, Slot,
    WeaponDamage,
};

/// Rows of the fixture's monsters, sorted by key.
pub(crate) const OGRE: MonsterId = MonsterId(0);
pub(crate) const RAT: MonsterId = MonsterId(1);
/// Rows of the fixture's items, sorted by key.
pub(crate) const BOW: ItemTemplateId = ItemTemplateId(0);
pub(crate) const CLUB: ItemTemplateId = ItemTemplateId(1);
pub(crate) const FANG: ItemTemplateId = ItemTemplateId(2);
pub(crate) const POTION: ItemTemplateId = ItemTemplateId(3);
pub(crate) const SWORD: ItemTemplateId = ItemTemplateId(4);
/// The fixture's only class.
pub(crate) const FIGHTER: ClassId = ClassId(0);

fn dice(count: u16, sides: u16, bonus: i16) -> Dice {
    Dice { count, sides, bonus }
}

fn item(key: &str, kind: ItemKind, slot: Option<Slot>, price_copper: i64) -> Item {
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
        stack_max: 20,
        weight_g: 0,
        price_copper,
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

fn weapon(key: &str, subkind: &str, damage: Dice) -> Item {
    let damage = WeaponDamage { dice: damage, two_handed: None, damage_type: DamageType::Slashing };
    let slot = Some(Slot::MainHand);
    Item { subkind: subkind.to_owned(), damage: Some(damage), ..item(key, ItemKind::Weapon, slot, 100) }
}

fn items() -> Vec<Item> {
    let heals =
        vec![Effect { stat: "heal_min".to_owned(), value: 4 }, Effect { stat: "heal_max".to_owned(), value: 10 }];
    vec![
        Item { range_cm: Some(2_400), ..weapon("bow", "simple_ranged", dice(1, 6, 0)) },
        weapon("club", "simple_melee", dice(1, 4, 0)),
        item("fang", ItemKind::Gear, None, 3),
        Item { effects: heals, ..item("potion", ItemKind::Consumable, None, 50) },
        weapon("sword", "martial_melee", dice(1, 8, 0)),
    ]
}

fn monster(key: &str, hp: u32, xp: u32, damage: Dice) -> Monster {
    let bite = MonsterAttack {
        name: "Bite".to_owned(),
        to_hit: 4,
        reach_cm: Some(152),
        range_cm: None,
        damage,
        damage_type: DamageType::Piercing,
        extra: None,
    };
    Monster {
        key: key.to_owned(),
        name: key.to_owned(),
        kind: "beast".to_owned(),
        level: 1,
        xp,
        hp,
        armor: 11,
        speed_cm_per_s: 200,
        fly_cm_per_s: 0,
        swim_cm_per_s: 0,
        abilities: Abilities { str: 10, dex: 10, con: 10, int: 2, wis: 10, cha: 2 },
        attacks: vec![bite],
        attacks_per_round: 1,
        resist: Vec::new(),
        immune: Vec::new(),
        vulnerable: Vec::new(),
        is_boss: false,
        respawn_s: 30,
        drop_table: None,
    }
}

fn balance() -> Balance {
    Balance {
        player_speed_cm_per_s: 450,
        player_reach_cm: 180,
        player_attack_period_ticks: 30,
        monster_attack_period_ticks: 40,
        monster_notice_cm: 1_000,
        monster_leash_cm: 3_000,
        monster_wander_speed_ppm: 400_000,
        monster_wander_pause_ticks: 100,
        monster_home_heal_ppm: 100_000,
        attack_die: 20,
        critical_at: 20,
        attack_per_to_hit: 4,
        attack_per_damage: 4,
        unarmored_armor: 10,
        defense_per_armor: 5,
        hp_per_con_bonus_level: 1,
        resist_percent: 50,
        vulnerable_percent: 100,
        regen_delay_ticks: 100,
        regen_ppm_per_s: 20_000,
        respawn_delay_ticks: 100,
        respawn_hp_ppm: 500_000,
        pickup_reach_cm: 250,
        drop_lifetime_ticks: 2_400,
        drop_owner_ticks: 600,
        xp_share_cm: 3_000,
        xp_gain_ppm: 1_000_000,
        bag_slots: 30,
        characters_per_account: 4,
    }
}

fn skills() -> Vec<Skill> {
    let skill = |key: &str, kind, range_cm, cooldown_ticks| Skill {
        key: key.to_owned(),
        name: key.to_owned(),
        class: FIGHTER,
        level_req: 1,
        kind,
        range_cm,
        radius_cm: 0,
        cooldown_ticks,
        dice: dice(1, 8, 2),
        damage_type: (kind != SkillKind::Heal).then_some(DamageType::Slashing),
        to_hit: None,
    };
    vec![skill("mend", SkillKind::Heal, 0, 400), skill("smash", SkillKind::Melee, 180, 160)]
}

/// One region of 200 m with rats in the east and ogres in the west, one class, two skills (`mend`, `smash`).
pub(crate) fn set() -> MasterData {
    let spawn = |monster, center| RegionSpawn { monster, center, radius_m: 20, count_max: 5, respawn_s: 30 };
    let abilities = Abilities { str: 16, dex: 12, con: 14, int: 8, wis: 10, cha: 10 };
    let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    MasterData {
        hash: [0; 32],
        items: items(),
        bundles: Vec::new(),
        monsters: vec![monster("ogre", 200, 450, dice(4, 10, 10)), monster("rat", 7, 10, dice(1, 4, 0))],
        drop_tables: Vec::new(),
        dungeons: Vec::new(),
        levels: vec![
            Level { xp_total: 0, xp_to_next: 100, base_hp: 40, base_attack: 8, base_defense: 5, stat_points: 2 },
            Level { xp_total: 100, xp_to_next: 0, base_hp: 50, base_attack: 10, base_defense: 6, stat_points: 2 },
        ],
        sets: Vec::new(),
        regions: vec![Region {
            key: "field".to_owned(),
            name: "Field".to_owned(),
            area: Rect { x: 0, y: 0, width: 200, height: 200 },
            levels: (1, 3),
            entry: (100, 100),
            entry_radius_m: 0,
            is_start: true,
            pvp: false,
            spawns: vec![spawn(RAT, (150, 100)), spawn(OGRE, (50, 100))],
            blocks: vec![Rect { x: 120, y: 90, width: 4, height: 20 }],
        }],
        classes: vec![Class {
            key: "fighter".to_owned(),
            name: "Fighter".to_owned(),
            abilities,
            primary: Ability::Str,
            hp_bonus: 10,
            armor: strings(&["light_armor"]),
            weapons: strings(&["simple_melee", "simple_ranged", "martial_melee"]),
            start_items: vec![(CLUB, 1)],
        }],
        skills: skills(),
        balance: balance(),
        strings: Vec::new(),
    }
}
