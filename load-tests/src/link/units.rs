//! Shares, times, rates and sizes as a person writes them.

use std::str::FromStr;
use std::time::Duration;

/// Why a word is no such value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// No number in front.
    #[error("\"{0}\" does not begin with a number")]
    NoNumber(String),
    /// A unit that is not known, or none.
    #[error("\"{found}\" is no unit here; known are {known}")]
    UnknownUnit {
        /// What stands behind the number.
        found: String,
        /// What may stand there.
        known: &'static str,
    },
    /// Beyond what is possible.
    #[error("{0} is more than {1}")]
    TooMuch(String, &'static str),
}

/// Millionths of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

/// A whole, in millionths.
const WHOLE: u32 = 1_000_000;

impl Share {
    /// So many of a hundred; above 100 is 100.
    #[must_use]
    pub fn percent(percent: u32) -> Self {
        Self((percent.min(100)) * (WHOLE / 100))
    }

    /// Whether a draw, any 32 bits with equal chance, falls into it.
    #[must_use]
    pub fn takes(self, draw: u32) -> bool {
        // Draws are spread over the whole range: no modulo, no bias worth naming.
        (u64::from(draw) * u64::from(WHOLE)) >> 32 < u64::from(self.0)
    }

    /// From 0 to 1.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }
}

impl FromStr for Share {
    type Err = UnitError;

    /// `2%`, `0.5%`.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text)?;
        if unit != "%" {
            return Err(UnitError::UnknownUnit { found: unit.to_owned(), known: "%" });
        }
        if number > 100.0 {
            return Err(UnitError::TooMuch(text.to_owned(), "100%"));
        }
        Ok(Self((number * f64::from(WHOLE) / 100.0).round() as u32))
    }
}

/// Bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub u64);

impl FromStr for Rate {
    type Err = UnitError;

    /// `64kbit`, `2mbit`, in a second.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let factor = |unit: &str| match unit {
            "kbit" => Some(125.0),
            "mbit" => Some(125_000.0),
            _ => None,
        };
        scaled(text, factor, "kbit, mbit", 1e10, "10 GB a second").map(|bytes| Self(bytes.max(1)))
    }
}

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl FromStr for Size {
    type Err = UnitError;

    /// `1200`, `16KiB`.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let factor = |unit: &str| match unit {
            "" | "B" => Some(1.0),
            "KiB" => Some(1_024.0),
            _ => None,
        };
        let bytes = scaled(text, factor, "B, KiB, or none", 1e8, "100 MB")?;
        Ok(Self(usize::try_from(bytes).unwrap_or(usize::MAX)))
    }
}

/// `25ms`, `1.5s`.
///
/// # Errors
/// When it is no such time, or longer than an hour.
pub fn time(text: &str) -> Result<Duration, UnitError> {
    let factor = |unit: &str| match unit {
        "us" => Some(1.0),
        "ms" => Some(1e3),
        "s" => Some(1e6),
        _ => None,
    };
    scaled(text, factor, "us, ms, s", 3.6e9, "an hour").map(Duration::from_micros)
}

fn scaled(
    text: &str,
    factor: impl Fn(&str) -> Option<f64>,
    known: &'static str,
    most: f64,
    most_in_words: &'static str,
) -> Result<u64, UnitError> {
    let (number, unit) = split(text)?;
    let factor = factor(unit).ok_or_else(|| UnitError::UnknownUnit { found: unit.to_owned(), known })?;
    let value = number * factor;
    if value > most { Err(UnitError::TooMuch(text.to_owned(), most_in_words)) } else { Ok(value.round() as u64) }
}

/// A number that is neither negative nor infinite, and what stands behind it.
fn split(text: &str) -> Result<(f64, &str), UnitError> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number.parse().map_err(|_| UnitError::NoNumber(text.to_owned()))?;
    Ok((number, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_units() {
        assert_eq!("2%".parse(), Ok(Share(20_000)));
        assert_eq!("0.5 %".parse(), Ok(Share(5_000)));
        assert_eq!("64kbit".parse(), Ok(Rate(8_000)));
        assert_eq!("1.5mbit".parse(), Ok(Rate(187_500)));
        assert_eq!("0kbit".parse(), Ok(Rate(1)));
        assert_eq!("1200".parse(), Ok(Size(1_200)));
        assert_eq!("16KiB".parse(), Ok(Size(16_384)));
        assert_eq!(time("25ms"), Ok(Duration::from_millis(25)));
        assert_eq!(time("1.5s"), Ok(Duration::from_millis(1_500)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!("x".parse::<Share>(), Err(UnitError::NoNumber("x".to_owned())));
        assert_eq!("-1%".parse::<Share>(), Err(UnitError::NoNumber("-1%".to_owned())));
        assert_eq!("1.2.3%".parse::<Share>(), Err(UnitError::NoNumber("1.2.3%".to_owned())));
        assert_eq!("2".parse::<Share>(), Err(UnitError::UnknownUnit { found: String::new(), known: "%" }));
        assert_eq!("101%".parse::<Share>(), Err(UnitError::TooMuch("101%".to_owned(), "100%")));
        assert!(matches!("5kB".parse::<Rate>(), Err(UnitError::UnknownUnit { .. })));
        assert!(matches!("1GiB".parse::<Size>(), Err(UnitError::UnknownUnit { .. })));
        assert!(matches!(time("2h"), Err(UnitError::UnknownUnit { .. })));
        assert!(matches!(time("9999s"), Err(UnitError::TooMuch(..))));
    }

    #[test]
    fn a_share_takes_its_part_of_all_draws() {
        let taken = |share: Share| (0..10_000_u32).filter(|n| share.takes(n * 429_496)).count();
        assert_eq!(taken(Share::default()), 0);
        assert_eq!(taken(Share::percent(100)), 10_000);
        assert!((195..=205).contains(&taken(Share::percent(2))), "{}", taken(Share::percent(2)));
    }
}
