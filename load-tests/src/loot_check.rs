//! Does what was looted fit the drop tables? Each item's quantity against its mean, in standard deviations.

use std::collections::BTreeMap;

/// Mean and variance of a quantity; those of independent quantities add up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Units.
    pub mean: f64,
    /// Units squared.
    pub variance: f64,
}

impl Moments {
    /// The moments of `n` independent draws.
    #[must_use]
    pub fn times(self, n: u64) -> Self {
        Self { mean: self.mean * n as f64, variance: self.variance * n as f64 }
    }

    /// The moments of the sum with an independent quantity.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { mean: self.mean + other.mean, variance: self.variance + other.variance }
    }

    /// Distance of `observed` from the mean in standard deviations. A certain quantity that is missed is [`Z_CERTAIN`] off.
    #[must_use]
    pub fn z(self, observed: u64) -> f64 {
        let distance = observed as f64 - self.mean;
        if self.variance > VARIANCE_FLOOR {
            distance / self.variance.sqrt()
        } else if distance.abs() < 0.5 {
            0.0
        } else {
            Z_CERTAIN.copysign(distance)
        }
    }
}

/// Stands for "impossible": JSON has no infinity.
pub const Z_CERTAIN: f64 = 1e6;
/// A variance below it is rounding.
const VARIANCE_FLOOR: f64 = 1e-9;
/// Units and expected misses below which an item's distribution is too far from a normal one to judge it alone.
const ENOUGH: f64 = 5.0;
/// The name under which the sum over all items is judged.
pub const ALL: &str = "all";

/// The outcome.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LootVerdict {
    /// Units that were expected, all items.
    pub expected: f64,
    /// Units that were seen, all items.
    pub observed: u64,
    /// Largest absolute distance of an item with enough expectation, or of the sum.
    pub z_max: f64,
    /// Whose it is.
    pub z_of: String,
}

/// Judges each item that is expected often enough, and the sum over all. An item that no table yields and that was looted
/// nevertheless is [`Z_CERTAIN`] off. `total` is the sum's own moments: items of one roll are not independent.
#[must_use]
pub fn check(expected: &BTreeMap<String, Moments>, total: Moments, observed: &BTreeMap<String, u64>) -> LootVerdict {
    let count = |item: &str| observed.get(item).copied().unwrap_or(0);
    let sum = observed.values().sum();
    let alone = expected.iter().filter(|(_, m)| m.variance >= ENOUGH || m.variance <= VARIANCE_FLOOR);
    let judged = alone.map(|(item, moments)| (item.as_str(), moments.z(count(item)).abs()));
    let unexpected =
        observed.keys().filter(|item| !expected.contains_key(*item)).map(|item| (item.as_str(), Z_CERTAIN));
    let all = [(ALL, total.z(sum).abs())];
    let worst = judged.chain(unexpected).chain(all).reduce(|a, b| if b.1 > a.1 { b } else { a });
    let (z_of, z_max) = worst.map_or((ALL.to_owned(), 0.0), |(item, z)| (item.to_owned(), z));
    LootVerdict { expected: total.mean, observed: sum, z_max, z_of }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<V: Copy>(rows: &[(&str, V)]) -> BTreeMap<String, V> {
        rows.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
    }

    fn coin(n: u64) -> Moments {
        Moments { mean: 0.5, variance: 0.25 }.times(n)
    }

    #[test]
    fn a_fair_count_is_near_and_an_unfair_one_far() {
        assert_eq!(coin(100).z(50), 0.0);
        assert_eq!(coin(100).z(60), 2.0);
        assert_eq!(coin(100).z(25), -5.0);
    }

    #[test]
    fn a_certain_drop_must_be_exact() {
        let certain = Moments { mean: 7.0, variance: 0.0 };
        assert_eq!(certain.z(7), 0.0);
        assert_eq!(certain.z(6), -Z_CERTAIN);
    }

    #[test]
    fn the_worst_item_is_named() {
        let expected = map(&[("fang", coin(400)), ("hide", coin(400))]);
        let total = coin(400).plus(coin(400));
        let verdict = check(&expected, total, &map(&[("fang", 200), ("hide", 230)]));
        assert_eq!((verdict.z_of.as_str(), verdict.z_max), ("hide", 3.0));
        assert_eq!((verdict.expected, verdict.observed), (400.0, 430));
    }

    #[test]
    fn rare_items_count_only_in_the_sum() {
        let rare = Moments { mean: 0.01, variance: 0.0099 };
        let verdict = check(
            &map(&[("crown", rare), ("fang", coin(400))]),
            rare.plus(coin(400)),
            &map(&[("crown", 1), ("fang", 200)]),
        );
        assert!(verdict.z_max < 0.5, "{verdict:?}");
    }

    #[test]
    fn an_item_that_no_table_yields_is_found() {
        let verdict = check(&map(&[("fang", coin(400))]), coin(400), &map(&[("fang", 200), ("cheat", 1)]));
        assert_eq!(verdict.z_of, "cheat");
    }

    #[test]
    fn nothing_expected_and_nothing_seen_is_fine() {
        assert_eq!(check(&BTreeMap::new(), Moments::default(), &BTreeMap::new()).z_max, 0.0);
    }
}
