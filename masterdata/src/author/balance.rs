//! `balance.csv`.

use super::findings::Findings;
use super::row::Row;
use super::sheet::Sheet;
use crate::balance::Balance;
use crate::limits::PPM;

/// Reads the numbers. Every key must be there once, with its unit, within its range; no other key may be.
/// Without a sheet all are 0.
pub(super) fn read(sheet: Option<&Sheet>, findings: &mut Findings) -> Balance {
    let mut keys = BalanceReader { sheet, findings, asked: Vec::new(), sound: true };
    let ppm = PPM;
    let balance = Balance {
        player_speed_cm_per_s: keys.number("player_speed_cm_per_s", "cm_per_s", 1, 5_000),
        player_reach_cm: keys.number("player_reach_cm", "cm", 1, 10_000),
        player_attack_period_ticks: keys.number("player_attack_period_ticks", "ticks", 1, 1_200),
        monster_attack_period_ticks: keys.number("monster_attack_period_ticks", "ticks", 1, 1_200),
        monster_notice_cm: keys.number("monster_notice_cm", "cm", 0, 100_000),
        monster_leash_cm: keys.number("monster_leash_cm", "cm", 1, 1_000_000),
        monster_wander_speed_ppm: keys.number("monster_wander_speed_ppm", "ppm", 0, ppm),
        monster_wander_pause_ticks: keys.number("monster_wander_pause_ticks", "ticks", 1, 72_000),
        monster_home_heal_ppm: keys.number("monster_home_heal_ppm", "ppm", 0, ppm),
        attack_die: keys.number("attack_die", "points", 2, 1_000),
        critical_at: keys.number("critical_at", "points", 2, 1_000),
        attack_per_to_hit: keys.number("attack_per_to_hit", "levels", 1, 10_000),
        attack_per_damage: keys.number("attack_per_damage", "levels", 1, 10_000),
        unarmored_armor: keys.number("unarmored_armor", "points", 0, 100),
        defense_per_armor: keys.number("defense_per_armor", "levels", 1, 10_000),
        hp_per_con_bonus_level: keys.number("hp_per_con_bonus_level", "hp", 0, 1_000),
        resist_percent: keys.number("resist_percent", "percent", 0, 100),
        vulnerable_percent: keys.number("vulnerable_percent", "percent", 0, 1_000),
        regen_delay_ticks: keys.number("regen_delay_ticks", "ticks", 0, 72_000),
        regen_ppm_per_s: keys.number("regen_ppm_per_s", "ppm", 0, ppm),
        respawn_delay_ticks: keys.number("respawn_delay_ticks", "ticks", 0, 72_000),
        respawn_hp_ppm: keys.number("respawn_hp_ppm", "ppm", 1, ppm),
        pickup_reach_cm: keys.number("pickup_reach_cm", "cm", 1, 100_000),
        drop_lifetime_ticks: keys.number("drop_lifetime_ticks", "ticks", 1, 1_728_000),
        drop_owner_ticks: keys.number("drop_owner_ticks", "ticks", 0, 1_728_000),
        xp_share_cm: keys.number("xp_share_cm", "cm", 1, 1_000_000),
        xp_gain_ppm: keys.number("xp_gain_ppm", "ppm", 0, 100 * ppm),
        bag_slots: keys.number("bag_slots", "count", 1, 1_000),
        characters_per_account: keys.number("characters_per_account", "count", 1, 100),
    };
    keys.check_others();
    if keys.sound {
        keys.check_relations(&balance);
    }
    balance
}

struct BalanceReader<'a> {
    sheet: Option<&'a Sheet>,
    findings: &'a mut Findings,
    /// The keys read so far, with the row of each that has one.
    asked: Vec<(&'static str, Option<usize>)>,
    sound: bool,
}

impl BalanceReader<'_> {
    fn number(&mut self, key: &'static str, unit: &str, min: u32, max: u32) -> u32 {
        let Some(sheet) = self.sheet else { return 0 };
        let found = (0..sheet.len()).find(|at| sheet.cell(*at, "key") == key);
        self.asked.push((key, found));
        let Some(at) = found else {
            self.findings.file_error(&sheet.shown_name(), format!("key {key} ({unit}) is missing"));
            self.sound = false;
            return 0;
        };
        let mut row = Row::new(sheet, at, self.findings);
        row.require(row.cell("unit") == unit, "unit", &format!("the unit of {key} is {unit}"));
        let value = row.integer("value", i64::from(min), i64::from(max));
        self.sound &= row.is_sound();
        value
    }

    /// Rows whose key is none, or stands further up.
    fn check_others(&mut self) {
        let Some(sheet) = self.sheet else { return };
        for at in 0..sheet.len() {
            let key = sheet.cell(at, "key");
            match self.asked.iter().find(|(known, _)| *known == key) {
                Some((_, first)) if *first == Some(at) => {}
                Some(_) => self.findings.error(sheet, at, "key", "stands further up already; it must be unique"),
                None => {
                    let missing = self.asked.iter().filter(|(_, found)| found.is_none()).map(|(known, _)| *known);
                    self.findings.error_near((sheet, at, "key"), "no number of the game has this key", key, missing);
                }
            }
        }
    }

    /// Numbers that must agree with each other.
    fn check_relations(&mut self, balance: &Balance) {
        let relations = [
            (balance.critical_at <= balance.attack_die, "critical_at", "at most attack_die, or nothing is critical"),
            (balance.monster_notice_cm < balance.monster_leash_cm, "monster_notice_cm", "less than monster_leash_cm"),
            (
                balance.drop_owner_ticks <= balance.drop_lifetime_ticks,
                "drop_owner_ticks",
                "at most drop_lifetime_ticks",
            ),
        ];
        for (holds, key, rule) in relations {
            let row = self.asked.iter().find(|(known, _)| *known == key).and_then(|(_, at)| *at);
            if let (Some(sheet), Some(at), false) = (self.sheet, row, holds) {
                self.findings.error(sheet, at, "value", format!("{key} is {rule}"));
            }
        }
    }
}
