//! Dice in the tables' notation: `NdM`, `NdM+K`, `NdM-K`, or an integer.

use std::fmt;
use std::str::FromStr;

use rand_core::Rng;

use crate::limits::{MAX_DICE_BONUS, MAX_DICE_COUNT, MAX_DICE_SIDES};
use crate::roll;

/// `count` dice of `sides`, plus `bonus`. A plain number has `count` 0. Results below 0 count as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dice {
    /// 0 to 1,000.
    pub count: u16,
    /// 1 to 1,000; 0 only with `count` 0.
    pub sides: u16,
    /// -10,000 to 10,000.
    pub bonus: i16,
}

/// Why a text is no dice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiceError {
    /// Neither `NdM`, `NdM+K`, `NdM-K` nor an integer.
    #[error("dice are written NdM, NdM+K, NdM-K or as an integer, without spaces")]
    Notation,
    /// Out of 1 to [`MAX_DICE_COUNT`].
    #[error("the number of dice is 1 to {MAX_DICE_COUNT}")]
    Count,
    /// Out of 1 to [`MAX_DICE_SIDES`].
    #[error("a die has 1 to {MAX_DICE_SIDES} sides")]
    Sides,
    /// Out of -[`MAX_DICE_BONUS`] to [`MAX_DICE_BONUS`].
    #[error("the number added is -{MAX_DICE_BONUS} to {MAX_DICE_BONUS}")]
    Bonus,
}

impl Dice {
    /// No dice: always 0. What an attack without damage rolls.
    pub const ZERO: Dice = Dice { count: 0, sides: 0, bonus: 0 };

    /// Lowest result, never below 0.
    #[must_use]
    pub fn min(self) -> u32 {
        self.with_bonus(u32::from(self.count))
    }

    /// Highest result, never below 0.
    #[must_use]
    pub fn max(self) -> u32 {
        self.with_bonus(u32::from(self.count) * u32::from(self.sides))
    }

    /// One result, `min()` to `max()`. Draws once for each die.
    #[must_use]
    pub fn roll<R: Rng + ?Sized>(self, rng: &mut R) -> u32 {
        let sides = u32::from(self.sides);
        let sum = (0..self.count).map(|_| 1 + roll::below(rng, sides)).sum();
        self.with_bonus(sum)
    }

    /// `sum` of the dice plus the bonus, held at 0.
    fn with_bonus(self, sum: u32) -> u32 {
        sum.saturating_add_signed(i32::from(self.bonus))
    }
}

impl FromStr for Dice {
    type Err = DiceError;

    fn from_str(text: &str) -> Result<Dice, DiceError> {
        let Some((count, rest)) = text.split_once('d') else {
            let bonus = signed(text)?;
            return Ok(Dice { count: 0, sides: 0, bonus });
        };
        let (sides, bonus) = match rest.find(['+', '-']) {
            None => (rest, 0),
            Some(at) => {
                let (sides, bonus) = rest.split_at(at);
                (
                    sides,
                    match bonus.strip_prefix('+') {
                        Some(digits) => bonus_of(digits)?,
                        None => signed(bonus)?,
                    },
                )
            }
        };
        let count = number(count)?.filter(|n| (1..=MAX_DICE_COUNT).contains(n)).ok_or(DiceError::Count)?;
        let sides = number(sides)?.filter(|n| (1..=MAX_DICE_SIDES).contains(n)).ok_or(DiceError::Sides)?;
        Ok(Dice { count, sides, bonus })
    }
}

impl fmt::Display for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.count, self.bonus) {
            (0, bonus) => write!(f, "{bonus}"),
            (count, 0) => write!(f, "{count}d{}", self.sides),
            (count, bonus) => write!(f, "{count}d{}{bonus:+}", self.sides),
        }
    }
}

/// Digits as a number; `None` when there are too many for the type.
fn number(digits: &str) -> Result<Option<u16>, DiceError> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DiceError::Notation);
    }
    Ok(digits.parse().ok())
}

/// Digits, perhaps with a minus in front, within the limits of a bonus.
fn signed(text: &str) -> Result<i16, DiceError> {
    match text.strip_prefix('-') {
        Some(digits) => bonus_of(digits).map(|bonus| -bonus),
        None => bonus_of(text),
    }
}

/// Digits within the limits of a bonus.
fn bonus_of(digits: &str) -> Result<i16, DiceError> {
    number(digits)?.and_then(|n| i16::try_from(n).ok()).filter(|n| *n <= MAX_DICE_BONUS).ok_or(DiceError::Bonus)
}

#[cfg(test)]
mod tests {
    use super::{Dice, DiceError};
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    fn dice(text: &str) -> Dice {
        text.parse().unwrap()
    }

    #[test]
    fn the_notation_is_read() {
        assert_eq!(dice("2d6"), Dice { count: 2, sides: 6, bonus: 0 });
        assert_eq!(dice("1d8+3"), Dice { count: 1, sides: 8, bonus: 3 });
        assert_eq!(dice("3d4-12"), Dice { count: 3, sides: 4, bonus: -12 });
        assert_eq!(dice("5"), Dice { count: 0, sides: 0, bonus: 5 });
        assert_eq!(dice("-5").max(), 0);
        assert_eq!((dice("3d4-5").min(), dice("3d4-5").max()), (0, 7));
    }

    #[test]
    fn what_is_no_dice_says_why() {
        for text in
            ["", "d6", "2d", "2d6+", "2d6+-1", "2d6++1", "2 d6", "2D6", "two", "+5", "1d6d6", "1d6+1+1", "--1", "٢d٦"]
        {
            assert_eq!(text.parse::<Dice>(), Err(DiceError::Notation), "{text}");
        }
        assert_eq!("0d6".parse::<Dice>(), Err(DiceError::Count));
        assert_eq!("1001d6".parse::<Dice>(), Err(DiceError::Count));
        assert_eq!("1d0".parse::<Dice>(), Err(DiceError::Sides));
        assert_eq!("1d99999999".parse::<Dice>(), Err(DiceError::Sides));
        assert_eq!("1d6+10001".parse::<Dice>(), Err(DiceError::Bonus));
        assert_eq!("-40000".parse::<Dice>(), Err(DiceError::Bonus));
    }

    #[test]
    fn faces_come_equally_often() {
        let mut rng = Pcg32::seed_from_u64(5);
        let mut faces = [0_i64; 7];
        for _ in 0..60_000 {
            faces[dice("1d6").roll(&mut rng) as usize] += 1;
        }
        // 10,000 each, deviation sqrt(60,000 * 1/6 * 5/6) = 91: within four.
        assert_eq!(faces[0], 0);
        assert!(faces[1..].iter().all(|seen| (seen - 10_000).abs() < 4 * 92), "{faces:?}");
    }

    fn any_dice() -> impl Strategy<Value = Dice> {
        (0_u16..=1_000, 1_u16..=1_000, -10_000_i16..=10_000).prop_map(|(count, sides, bonus)| {
            let sides = if count == 0 { 0 } else { sides };
            Dice { count, sides, bonus }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(dice in any_dice()) {
            prop_assert_eq!(dice.to_string().parse::<Dice>(), Ok(dice));
        }

        #[test]
        fn a_roll_stays_between_min_and_max(dice in any_dice(), seed: u64) {
            let got = dice.roll(&mut Pcg32::seed_from_u64(seed));
            prop_assert!(dice.min() <= got && got <= dice.max());
        }

        #[test]
        fn no_text_is_too_strange(text in any::<String>()) {
            if let Ok(dice) = text.parse::<Dice>() {
                prop_assert!(dice.min() <= dice.max());
            }
        }
    }
}
