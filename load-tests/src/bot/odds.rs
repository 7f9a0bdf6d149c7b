//! What a fight would cost: an estimate from the tables, good enough to choose prey by.

use shallot_masterdata::{Balance, Dice, MasterData, Monster, Skill, SkillKind};

/// Ticks in a second, for rates.
const TICKS_PER_S: f64 = 20.0;
/// Monsters live in packs: another one may join.
const PACK: f64 = 1.4;
/// A fight that would cost more than this part of the hit points is not begun.
const RISK_MAX: f64 = 0.65;
/// Seconds to recover from the loss of all hit points; a death costs as much.
const RECOVERY_S: f64 = 40.0;
/// The way to a pack is worth it for so many kills.
const KILLS_AT_A_PLACE: f64 = 5.0;

/// One's own side of the estimate.
#[derive(Clone, Copy, Debug)]
pub struct Fighter {
    /// Hit points now.
    pub hp: f64,
    /// At most.
    pub max_hp: f64,
    /// What an attack roll against it must reach.
    pub armor: f64,
    /// Added to its attack rolls.
    pub to_hit: f64,
    /// Of one basic attack that hits.
    pub damage: f64,
    /// Damage a second of the skills it has, all used whenever they can be.
    pub skill_damage_per_s: f64,
    /// Walking, centimetres a second.
    pub speed: f64,
}

/// What a fight is expected to come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Odds {
    /// Until the monster is dead.
    pub seconds: f64,
    /// Lost meanwhile.
    pub hp_lost: f64,
}

/// Mean of a roll.
#[must_use]
pub fn mean(dice: Dice) -> f64 {
    (f64::from(dice.count) * (f64::from(dice.sides) + 1.0) / 2.0 + f64::from(dice.bonus)).max(0.0)
}

/// Chance that a roll of the attack die plus `to_hit` reaches `armor`; the best face always hits, the worst may.
#[must_use]
pub fn hit_chance(balance: &Balance, to_hit: f64, armor: f64) -> f64 {
    let die = f64::from(balance.attack_die.max(1));
    ((die + 1.0 + to_hit - armor) / die).clamp(1.0 / die, 1.0)
}

/// Damage a second of the skills of a class at a level.
#[must_use]
pub fn skill_damage_per_s<'a>(skills: impl Iterator<Item = &'a Skill>) -> f64 {
    skills
        .filter(|skill| skill.kind != SkillKind::Heal)
        .map(|skill| mean(skill.dice) * TICKS_PER_S / f64::from(skill.cooldown_ticks.max(1)))
        .sum()
}

/// The estimate for a monster with `monster_hp` hit points left.
#[must_use]
pub fn odds(data: &MasterData, me: &Fighter, monster: &Monster, monster_hp: f64) -> Odds {
    let balance = &data.balance;
    let hits = hit_chance(balance, me.to_hit, f64::from(monster.armor));
    let period_s = f64::from(balance.player_attack_period_ticks.max(1)) / TICKS_PER_S;
    let given_per_s = hits * (me.damage / period_s + me.skill_damage_per_s);
    let seconds = monster_hp / given_per_s.max(0.01);
    let round_s = f64::from(balance.monster_attack_period_ticks.max(1)) / TICKS_PER_S;
    let of_attack = |attack: &shallot_masterdata::MonsterAttack| {
        let damage = mean(attack.damage) + attack.extra.map_or(0.0, |(dice, _)| mean(dice));
        damage * hit_chance(balance, f64::from(attack.to_hit), me.armor)
    };
    let strongest = monster.attacks.iter().map(of_attack).fold(0.0, f64::max);
    let taken_per_s = strongest * f64::from(monster.attacks_per_round) / round_s;
    Odds { seconds, hp_lost: taken_per_s * seconds }
}

/// Experience a second of going `distance_cm` and fighting such monsters there; `None`: too dangerous.
#[must_use]
pub fn worth(data: &MasterData, me: &Fighter, monster: &Monster, distance_cm: u32) -> Option<f64> {
    let odds = odds(data, me, monster, f64::from(monster.hp));
    if odds.hp_lost * PACK > me.max_hp * RISK_MAX {
        return None;
    }
    let way_s = f64::from(distance_cm) / me.speed.max(1.0);
    let recovery_s = odds.hp_lost / me.max_hp.max(1.0) * RECOVERY_S;
    // Something worth nothing is still better than standing about.
    let xp = f64::from(monster.xp) + 1.0;
    Some(xp * KILLS_AT_A_PLACE / (way_s + KILLS_AT_A_PLACE * (odds.seconds + recovery_s)))
}

/// Whether a fight may be begun with the hit points of now.
#[must_use]
pub fn may_begin(data: &MasterData, me: &Fighter, monster: &Monster) -> bool {
    odds(data, me, monster, f64::from(monster.hp)).hp_lost * PACK < me.hp * RISK_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::fixture::{self, OGRE, RAT};

    fn me() -> Fighter {
        Fighter { hp: 50.0, max_hp: 50.0, armor: 14.0, to_hit: 5.0, damage: 6.0, skill_damage_per_s: 0.0, speed: 450.0 }
    }

    #[test]
    fn a_roll_has_its_mean() {
        assert_eq!(mean(Dice { count: 2, sides: 6, bonus: 1 }), 8.0);
        assert_eq!(mean(Dice { count: 0, sides: 0, bonus: 3 }), 3.0);
        assert_eq!(mean(Dice { count: 1, sides: 2, bonus: -5 }), 0.0);
    }

    #[test]
    fn chances_to_hit_never_leave_the_die() {
        let balance = fixture::set().balance;
        assert_eq!(hit_chance(&balance, 5.0, 16.0), 0.5);
        assert_eq!(hit_chance(&balance, 0.0, 100.0), 0.05);
        assert_eq!(hit_chance(&balance, 50.0, 10.0), 1.0);
    }

    #[test]
    fn a_rat_is_easy_and_an_ogre_is_not() {
        let data = fixture::set();
        // 0.75 hits of 6 damage in 1.5 s against 7 hit points.
        let rat = odds(&data, &me(), data.monster(RAT), 7.0);
        assert!((rat.seconds - 7.0 / 3.0).abs() < 1e-9, "{rat:?}");
        assert!(may_begin(&data, &me(), data.monster(RAT)));
        assert!(!may_begin(&data, &me(), data.monster(OGRE)));
        assert_eq!(worth(&data, &me(), data.monster(OGRE), 0), None);
    }

    #[test]
    fn far_prey_is_worth_less() {
        let data = fixture::set();
        let near = worth(&data, &me(), data.monster(RAT), 500);
        assert!(near > worth(&data, &me(), data.monster(RAT), 50_000));
    }

    #[test]
    fn one_who_is_hurt_waits() {
        let data = fixture::set();
        assert!(!may_begin(&data, &Fighter { hp: 1.0, ..me() }, data.monster(RAT)));
    }
}
