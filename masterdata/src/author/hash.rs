//! The content hash: BLAKE3 over one canonical form of the compiled tables.
//!
//! The compiled tables are sorted, so the order of rows and columns in the files, their line ends and their quoting do not matter, and
//! neither does what is for people only. The form: each table is its name and its number of rows, each list its length, each text its
//! length and its bytes, each number 8 bytes with the lowest first, each optional value a 0, or a 1 and the value; references go by
//! dense id, which the keys in the same form explain. Structs are taken apart by name, so that a new field cannot be forgotten.

use crate::balance::Balance;
use crate::dice::Dice;
use crate::tables::{
    Abilities, Bundle, Class, DropEntry, DropGroup, DropTable, DropYield, Dungeon, DungeonSpawn, Effect, Item, ItemSet,
    Level, MasterData, Monster, MonsterAttack, Rect, Region, RegionSpawn, Skill, WeaponDamage,
};

/// The hash of all tables but the hash itself.
pub(super) fn content_hash(set: &MasterData) -> [u8; 32] {
    let MasterData {
        hash: _,
        items,
        bundles,
        monsters,
        drop_tables,
        dungeons,
        levels,
        sets,
        regions,
        classes,
        skills,
        balance,
        strings,
    } = set;
    let mut form = Form { hasher: blake3::Hasher::new() };
    form.text("shallot master data 1");
    form.table("items", items, item);
    form.table("bundles", bundles, bundle);
    form.table("monsters", monsters, monster);
    form.table("drop_tables", drop_tables, drop_table);
    form.table("dungeons", dungeons, dungeon);
    form.table("levels", levels, level);
    form.table("sets", sets, item_set);
    form.table("regions", regions, region);
    form.table("classes", classes, class);
    form.table("skills", skills, skill);
    form.table("balance", std::slice::from_ref(balance), numbers_of_game);
    form.table("strings", strings, |form, (key, text)| {
        form.text(key);
        form.text(text);
    });
    *form.hasher.finalize().as_bytes()
}

/// Writes the canonical form into the hasher.
struct Form {
    hasher: blake3::Hasher,
}

impl Form {
    fn number(&mut self, value: impl Into<i128>) {
        // Every number of the tables lies within 64 bits; the sign is kept by two's complement.
        self.hasher.update(&(value.into() as i64).to_le_bytes());
    }

    fn numbers<const N: usize>(&mut self, values: [i64; N]) {
        for value in values {
            self.number(value);
        }
    }

    fn flag(&mut self, value: bool) {
        self.number(i64::from(value));
    }

    fn text(&mut self, value: &str) {
        self.number(value.len() as u64);
        self.hasher.update(value.as_bytes());
    }

    fn optional<T: Into<i128>>(&mut self, value: Option<T>) {
        self.flag(value.is_some());
        if let Some(value) = value {
            self.number(value);
        }
    }

    fn list<T>(&mut self, values: &[T], each: impl Fn(&mut Form, &T)) {
        self.number(values.len() as u64);
        for value in values {
            each(self, value);
        }
    }

    fn table<T>(&mut self, name: &str, rows: &[T], each: impl Fn(&mut Form, &T)) {
        self.text(name);
        self.list(rows, each);
    }

    fn texts(&mut self, values: &[String]) {
        self.list(values, |form, value| form.text(value));
    }

    fn dice(&mut self, dice: Dice) {
        let Dice { count, sides, bonus } = dice;
        self.numbers([count.into(), sides.into(), bonus.into()]);
    }

    fn effect(&mut self, effect: &Effect) {
        let Effect { stat, value } = effect;
        self.text(stat);
        self.number(*value);
    }

    fn abilities(&mut self, abilities: &Abilities) {
        let Abilities { str, dex, con, int, wis, cha } = *abilities;
        self.numbers([str, dex, con, int, wis, cha].map(i64::from));
    }

    fn rect(&mut self, rect: &Rect) {
        let Rect { x, y, width, height } = *rect;
        self.numbers([x, y, width, height].map(i64::from));
    }
}

fn item(form: &mut Form, row: &Item) {
    #[rustfmt::skip]
    let Item {
        key, name, kind, subkind, slot, rarity, level_req, parent, is_abstract, bundle_qty, stack_max, weight_g,
        price_copper, damage, range_cm, range_long_cm, armor_base, armor_dex_cap, str_req, noisy, durability_max,
        bind_on_equip, effects, properties, capacity_g, speed_cm_per_s,
    } = row;
    form.text(key);
    form.text(name);
    form.number(*kind as i64);
    form.text(subkind);
    form.optional(slot.map(|slot| slot as i64));
    form.number(*rarity as i64);
    form.number(*level_req);
    form.optional(parent.map(|id| id.0));
    form.flag(*is_abstract);
    form.numbers([i64::from(*bundle_qty), i64::from(*stack_max), i64::from(*weight_g), *price_copper]);
    form.list(damage.as_slice(), |form, WeaponDamage { dice, two_handed, damage_type }| {
        form.dice(*dice);
        form.list(two_handed.as_slice(), |form, dice| form.dice(*dice));
        form.number(*damage_type as i64);
    });
    for value in [range_cm, range_long_cm, armor_base, armor_dex_cap, str_req, durability_max, speed_cm_per_s] {
        form.optional(*value);
    }
    form.flag(*noisy);
    form.flag(*bind_on_equip);
    form.list(effects, Form::effect);
    form.texts(properties);
    form.optional(*capacity_g);
}

fn bundle(form: &mut Form, row: &Bundle) {
    let Bundle { item, parts } = row;
    form.number(item.0);
    form.list(parts, |form, (item, quantity)| form.numbers([item.0.into(), i64::from(*quantity)]));
}

fn monster(form: &mut Form, row: &Monster) {
    #[rustfmt::skip]
    let Monster {
        key, name, kind, level, xp, hp, armor, speed_cm_per_s, fly_cm_per_s, swim_cm_per_s, abilities, attacks,
        attacks_per_round, resist, immune, vulnerable, is_boss, respawn_s, drop_table,
    } = row;
    form.text(key);
    form.text(name);
    form.text(kind);
    form.numbers([i64::from(*level), i64::from(*attacks_per_round)]);
    form.numbers(
        [xp, hp, armor, speed_cm_per_s, fly_cm_per_s, swim_cm_per_s, respawn_s].map(|value| i64::from(*value)),
    );
    form.abilities(abilities);
    form.list(attacks, monster_attack);
    for types in [resist, immune, vulnerable] {
        form.list(types, |form, damage_type| form.number(*damage_type as i64));
    }
    form.flag(*is_boss);
    form.optional(drop_table.map(|id| id.0));
}

fn monster_attack(form: &mut Form, row: &MonsterAttack) {
    let MonsterAttack { name, to_hit, reach_cm, range_cm, damage, damage_type, extra } = row;
    form.text(name);
    form.number(*to_hit);
    form.optional(*reach_cm);
    form.optional(*range_cm);
    form.dice(*damage);
    form.number(*damage_type as i64);
    form.list(extra.as_slice(), |form, (dice, damage_type)| {
        form.dice(*dice);
        form.number(*damage_type as i64);
    });
}

fn drop_table(form: &mut Form, row: &DropTable) {
    let DropTable { key, groups } = row;
    form.text(key);
    form.list(groups, |form, DropGroup { mode, entries }| {
        form.number(*mode as i64);
        form.list(entries, drop_entry);
    });
}

fn drop_entry(form: &mut Form, row: &DropEntry) {
    let DropEntry { yields, chance_ppm, qty_min, qty_max } = row;
    match yields {
        DropYield::Item(item) => form.numbers([0, item.0.into()]),
        DropYield::Table(table) => form.numbers([1, table.0.into()]),
    }
    form.numbers([chance_ppm, qty_min, qty_max].map(|value| i64::from(*value)));
}

fn dungeon(form: &mut Form, row: &Dungeon) {
    #[rustfmt::skip]
    let Dungeon {
        key, name, levels, party, rooms, time_limit_s, wipe_limit, entry_item, boss, clear_table, clear_xp, enabled, spawns,
    } = row;
    form.text(key);
    form.text(name);
    for (min, max) in [levels, party, rooms] {
        form.numbers([i64::from(*min), i64::from(*max)]);
    }
    form.numbers([time_limit_s, wipe_limit, clear_xp].map(|value| i64::from(*value)));
    form.optional(entry_item.map(|id| id.0));
    form.number(boss.0);
    form.optional(clear_table.map(|id| id.0));
    form.flag(*enabled);
    form.list(spawns, |form, DungeonSpawn { rooms, monster, weight, count }| {
        form.numbers([rooms.0.into(), rooms.1.into(), monster.0.into()]);
        form.numbers([*weight, count.0, count.1].map(i64::from));
    });
}

fn level(form: &mut Form, row: &Level) {
    let Level { xp_total, xp_to_next, base_hp, base_attack, base_defense, stat_points } = row;
    form.number(*xp_total);
    form.number(*xp_to_next);
    form.numbers([base_hp, base_attack, base_defense, stat_points].map(|value| i64::from(*value)));
}

fn item_set(form: &mut Form, row: &ItemSet) {
    let ItemSet { key, name, members, bonuses } = row;
    form.text(key);
    form.text(name);
    form.list(members, |form, item| form.number(item.0));
    form.list(bonuses, |form, (pieces, effect)| {
        form.number(*pieces);
        form.effect(effect);
    });
}

fn region(form: &mut Form, row: &Region) {
    let Region { key, name, area, levels, entry, entry_radius_m, is_start, pvp, spawns, blocks } = row;
    form.text(key);
    form.text(name);
    form.rect(area);
    form.numbers([levels.0.into(), levels.1.into(), i64::from(entry.0), i64::from(entry.1)]);
    form.flag(*is_start);
    form.flag(*pvp);
    // A set that does without the column keeps the hash it had before there was one. No list has a negative length.
    if *entry_radius_m > 0 {
        form.number(-i64::from(*entry_radius_m));
    }
    form.list(spawns, |form, RegionSpawn { monster, center, radius_m, count_max, respawn_s }| {
        form.numbers([monster.0.into(), i64::from(center.0), i64::from(center.1)]);
        form.numbers([radius_m, count_max, respawn_s].map(|value| i64::from(*value)));
    });
    form.list(blocks, Form::rect);
}

fn class(form: &mut Form, row: &Class) {
    let Class { key, name, abilities, primary, hp_bonus, armor, weapons, start_items } = row;
    form.text(key);
    form.text(name);
    form.abilities(abilities);
    form.number(*primary as i64);
    form.number(*hp_bonus);
    form.texts(armor);
    form.texts(weapons);
    form.list(start_items, |form, (item, quantity)| form.numbers([item.0.into(), i64::from(*quantity)]));
}

fn skill(form: &mut Form, row: &Skill) {
    #[rustfmt::skip]
    let Skill {
        key, name, class, level_req, kind, range_cm, radius_cm, cooldown_ticks, dice, damage_type, to_hit,
    } = row;
    form.text(key);
    form.text(name);
    form.numbers([class.0.into(), i64::from(*level_req), *kind as i64]);
    form.numbers([range_cm, radius_cm, cooldown_ticks].map(|value| i64::from(*value)));
    form.dice(*dice);
    form.optional(damage_type.map(|damage_type| damage_type as i64));
    form.optional(*to_hit);
}

fn numbers_of_game(form: &mut Form, row: &Balance) {
    #[rustfmt::skip]
    let Balance {
        player_speed_cm_per_s, player_reach_cm, player_attack_period_ticks, monster_attack_period_ticks,
        monster_notice_cm, monster_leash_cm, monster_wander_speed_ppm, monster_wander_pause_ticks,
        monster_home_heal_ppm, attack_die, critical_at, attack_per_to_hit, attack_per_damage, unarmored_armor,
        defense_per_armor, hp_per_con_bonus_level, resist_percent, vulnerable_percent, regen_delay_ticks,
        regen_ppm_per_s, respawn_delay_ticks, respawn_hp_ppm, pickup_reach_cm, drop_lifetime_ticks, drop_owner_ticks,
        xp_share_cm, xp_gain_ppm, bag_slots, characters_per_account,
    } = row;
    #[rustfmt::skip]
    form.numbers([
        player_speed_cm_per_s, player_reach_cm, player_attack_period_ticks, monster_attack_period_ticks,
        monster_notice_cm, monster_leash_cm, monster_wander_speed_ppm, monster_wander_pause_ticks,
        monster_home_heal_ppm, attack_die, critical_at, attack_per_to_hit, attack_per_damage, unarmored_armor,
        defense_per_armor, hp_per_con_bonus_level, resist_percent, vulnerable_percent, regen_delay_ticks,
        regen_ppm_per_s, respawn_delay_ticks, respawn_hp_ppm, pickup_reach_cm, drop_lifetime_ticks, drop_owner_ticks,
        xp_share_cm, xp_gain_ppm, bag_slots, characters_per_account,
    ].map(|value| i64::from(*value)));
}
