//! Money: whole copper pieces in an i64, never negative, capped, with checked arithmetic only.

use serde::{Deserialize, Serialize};

use crate::limits::WALLET_MAX;

/// Copper pieces, 0 to [`WALLET_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Amount(i64);

/// The number is below 0 or above the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount of money lies between 0 and {WALLET_MAX} copper pieces")]
pub struct AmountOutOfRange;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The cap.
    pub const MAX: Self = Self(WALLET_MAX);

    /// # Errors
    /// When `copper` is below 0 or above the cap.
    pub fn new(copper: i64) -> Result<Self, AmountOutOfRange> {
        if (0..=WALLET_MAX).contains(&copper) { Ok(Self(copper)) } else { Err(AmountOutOfRange) }
    }

    /// Copper pieces.
    #[must_use]
    pub fn copper(self) -> i64 {
        self.0
    }

    /// The sum; `None` above the cap.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_add(other.0)?).ok()
    }

    /// The difference; `None` below 0.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_sub(other.0)?).ok()
    }

    /// So many times; `None` above the cap.
    #[must_use]
    pub fn times(self, count: u32) -> Option<Self> {
        Self::new(self.0.checked_mul(i64::from(count))?).ok()
    }
}

impl TryFrom<i64> for Amount {
    type Error = AmountOutOfRange;

    fn try_from(copper: i64) -> Result<Self, AmountOutOfRange> {
        Self::new(copper)
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_hold() {
        for bad in [-1, i64::MIN, WALLET_MAX + 1, i64::MAX] {
            assert_eq!(Amount::new(bad), Err(AmountOutOfRange));
        }
        assert_eq!(Amount::new(WALLET_MAX), Ok(Amount::MAX));
        let one = Amount::new(1).unwrap();
        assert_eq!(Amount::MAX.plus(one), None);
        assert_eq!(Amount::ZERO.minus(one), None);
        assert_eq!(Amount::MAX.times(u32::MAX), None, "price times quantity never wraps");
        assert_eq!(one.times(7).map(Amount::copper), Some(7));
    }
}
