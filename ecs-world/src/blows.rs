//! How a blow is rolled: who hits, and what it does. Pure: the generator is an argument.

use rand_core::Rng;
use shallot_masterdata::{Balance, DamageType, Dice, Monster, roll};

/// The outcome of an attack roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No damage.
    Miss,
    /// Damage as rolled.
    Hit,
    /// The dice count twice.
    Critical,
}

/// An attack roll: `attack_die` + bonus must reach the armor. The die's 1 always misses, `critical_at` and above always
/// hits and counts the damage dice twice.
///
/// Example with a die of 20, critical at 20, bonus 5 against armor 15: 2 to 9 miss, 10 to 19 hit.
pub(crate) fn attack_roll<R: Rng + ?Sized>(chance: &mut R, balance: &Balance, bonus: i32, armor: u32) -> Outcome {
    judge(1 + roll::below(chance, balance.attack_die.max(1)), balance, bonus, armor)
}

fn judge(natural: u32, balance: &Balance, bonus: i32, armor: u32) -> Outcome {
    if natural >= balance.critical_at {
        return Outcome::Critical;
    }
    let reaches = i64::from(natural) + i64::from(bonus) >= i64::from(armor);
    if natural != 1 && reaches { Outcome::Hit } else { Outcome::Miss }
}

/// The damage of a hit before any defence: dice (twice for a critical hit, their fixed part once) + `flat`, then
/// `percent` more, rounded down, at least 1; an attack whose dice can only come to 0 does no damage.
///
/// Example: 1d8 rolled 5, flat 3, 25 percent: floor(8 * 125 / 100) = 10.
pub(crate) fn damage<R: Rng + ?Sized>(
    chance: &mut R,
    outcome: Outcome,
    dice: Option<Dice>,
    flat: i32,
    percent: i32,
) -> u32 {
    let once = |chance: &mut R| dice.map_or(0, |dice| dice.roll(chance));
    let again = |chance: &mut R| dice.map_or(0, |dice| Dice { bonus: 0, ..dice }.roll(chance));
    if dice.is_some_and(|dice| dice.max() == 0) {
        return 0;
    }
    let rolled = match outcome {
        Outcome::Miss => return 0,
        Outcome::Hit => once(chance),
        Outcome::Critical => once(chance).saturating_add(again(chance)),
    };
    let whole = (i64::from(rolled) + i64::from(flat)).max(0) * (100 + i64::from(percent)).max(0) / 100;
    whole.clamp(1, i64::from(u32::MAX)) as u32
}

/// What a monster's row leaves of damage: nothing when it is immune; `resist_percent` less when it resists,
/// `vulnerable_percent` more when it is vulnerable, both rounded down, then at least 1.
///
/// Example with 50 and 100 percent: 7 fire damage becomes 3, or 14.
pub(crate) fn after_monster(damage: u32, kind: DamageType, row: &Monster, balance: &Balance) -> u32 {
    if damage == 0 || row.immune.contains(&kind) {
        return 0;
    }
    let mut left = u64::from(damage);
    if row.resist.contains(&kind) {
        left = left * u64::from(100_u32.saturating_sub(balance.resist_percent)) / 100;
    }
    if row.vulnerable.contains(&kind) {
        left = left * (100 + u64::from(balance.vulnerable_percent)) / 100;
    }
    left.clamp(1, u64::from(u32::MAX)) as u32
}

/// What worn resistance leaves of damage: `percent` less, rounded down, at least 1; nothing at 100 percent and above.
///
/// Example: 50 percent of 7 leave 3.
pub(crate) fn after_resistance(damage: u32, percent: i32) -> u32 {
    if damage == 0 || percent >= 100 {
        return 0;
    }
    let left = i64::from(damage) * (100 - i64::from(percent)) / 100;
    left.clamp(1, i64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::{Outcome, after_resistance, damage, judge};
    use crate::chance::Chance;
    use shallot_masterdata::author::starter;
    use shallot_masterdata::{Balance, Dice};

    fn balance() -> Balance {
        Balance { attack_die: 20, critical_at: 20, ..starter().balance }
    }

    #[test]
    fn attack_rolls_as_in_the_example() {
        let outcome = |natural| judge(natural, &balance(), 5, 15);
        for natural in 1..=9 {
            assert_eq!(outcome(natural), Outcome::Miss, "{natural}");
        }
        for natural in 10..=19 {
            assert_eq!(outcome(natural), Outcome::Hit, "{natural}");
        }
        assert_eq!(outcome(20), Outcome::Critical);
    }

    #[test]
    fn one_misses_and_a_critical_hits_whatever_the_armor() {
        assert_eq!(judge(1, &balance(), 100, 10), Outcome::Miss);
        assert_eq!(judge(20, &balance(), -100, 1_000), Outcome::Critical);
    }

    #[test]
    fn damage_as_in_the_example() {
        let five = Dice { count: 0, sides: 0, bonus: 5 };
        let mut chance = Chance::new(1);
        assert_eq!(damage(&mut chance, Outcome::Hit, Some(five), 3, 25), 10);
        assert_eq!(damage(&mut chance, Outcome::Critical, Some(five), 3, 0), 8, "the fixed part counts once");
        let ones = Dice { count: 4, sides: 1, bonus: 1 };
        assert_eq!(damage(&mut chance, Outcome::Critical, Some(ones), 2, 0), 11, "the dice count twice");
        assert_eq!(damage(&mut chance, Outcome::Hit, None, -3, 0), 1, "a hit is at least 1");
        assert_eq!(damage(&mut chance, Outcome::Miss, Some(five), 3, 0), 0);
        let harmless = Dice { count: 0, sides: 0, bonus: 0 };
        assert_eq!(damage(&mut chance, Outcome::Hit, Some(harmless), 0, 0), 0);
    }

    #[test]
    fn resistance_as_in_the_example() {
        assert_eq!(after_resistance(7, 50), 3);
        assert_eq!(after_resistance(1, 99), 1);
        assert_eq!(after_resistance(7, 100), 0);
        assert_eq!(after_resistance(7, -100), 14, "a negative one adds");
        assert_eq!(after_resistance(0, 0), 0);
    }
}
