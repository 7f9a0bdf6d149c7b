//! What a table is expected to yield, against a naive model and against rolls.

use std::collections::BTreeMap;

use proptest::prelude::{prop_assert, proptest};
use proptest::test_runner::Config;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use shallot_masterdata::author;
use shallot_masterdata::{DropEntry, DropGroup, DropMode, DropTableId, DropYield, ItemTemplateId, MasterData};

use crate::drops::{any_group, entry, table, with_tables};

/// The probability of each quantity.
type Distribution = BTreeMap<u32, f64>;

fn sum_of(a: &Distribution, b: &Distribution) -> Distribution {
    let mut sum = Distribution::new();
    for (x, p) in a {
        for (y, q) in b {
            *sum.entry(x + y).or_default() += p * q;
        }
    }
    sum
}

/// How many of `item` one roll of `table` yields, by writing out every outcome.
fn naive(set: &MasterData, table: DropTableId, item: ItemTemplateId) -> Distribution {
    let nothing = Distribution::from([(0, 1.0)]);
    let won = |entry: &DropEntry| {
        let mut of_entry = Distribution::new();
        let choices = f64::from(entry.qty_max - entry.qty_min + 1);
        for times in entry.qty_min..=entry.qty_max {
            let yielded = match entry.yields {
                DropYield::Item(other) => Distribution::from([(if other == item { times } else { 0 }, 1.0)]),
                DropYield::Table(inner) => {
                    let one = naive(set, inner, item);
                    (0..times).fold(nothing.clone(), |sum, _| sum_of(&sum, &one))
                }
            };
            yielded.into_iter().for_each(|(quantity, p)| *of_entry.entry(quantity).or_default() += p / choices);
        }
        of_entry
    };
    let weighted = |into: &mut Distribution, from: Distribution, weight: f64| {
        from.into_iter().for_each(|(quantity, p)| *into.entry(quantity).or_default() += p * weight);
    };
    let mut total = nothing.clone();
    for group in &set.drop_table(table).groups {
        let mut of_group = match group.mode {
            DropMode::Independent => nothing.clone(),
            DropMode::PickOne => Distribution::new(),
        };
        let mut rest = 1.0;
        for entry in &group.entries {
            let p = f64::from(entry.chance_ppm) / 1e6;
            match group.mode {
                DropMode::Independent => {
                    let mut of_entry = Distribution::from([(0, 1.0 - p)]);
                    weighted(&mut of_entry, won(entry), p);
                    of_group = sum_of(&of_group, &of_entry);
                }
                DropMode::PickOne => {
                    weighted(&mut of_group, won(entry), p);
                    rest -= p;
                }
            }
        }
        if group.mode == DropMode::PickOne {
            *of_group.entry(0).or_default() += rest;
        }
        total = sum_of(&total, &of_group);
    }
    total
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #![proptest_config(Config::with_cases(48))]

    #[test]
    fn it_is_that_of_every_outcome_written_out(
        a in any_group(0), b in any_group(2), c in any_group(1), chance in 1_u32..=400_000, times in 1_u32..=3,
    ) {
        let inner = entry(DropYield::Table(DropTableId(1)), chance, 1, times);
        let mut with_inner = a;
        with_inner.entries.truncate(2);
        with_inner.entries.push(inner);
        let outer = table(vec![with_inner, b]);
        let set = with_tables(vec![outer, table(vec![c])]);
        let expected = set.expected_drops(DropTableId(0));
        for item in (0..7).map(ItemTemplateId) {
            let outcomes = naive(&set, DropTableId(0), item);
            let mean: f64 = outcomes.iter().map(|(quantity, p)| f64::from(*quantity) * p).sum();
            let second: f64 = outcomes.iter().map(|(quantity, p)| f64::from(*quantity).powi(2) * p).sum();
            let got = expected.get(&item).copied().unwrap_or_default();
            prop_assert!(close(got.mean, mean), "mean {} {mean}", got.mean);
            prop_assert!(close(got.variance, second - mean * mean), "variance {} {}", got.variance, second - mean * mean);
        }
    }
}

#[test]
fn a_worked_example() {
    // Half the time 1 to 3: mean 1, second moment (1 + 4 + 9) / 3 / 2 = 7/3, variance 4/3.
    let coins = ItemTemplateId(0);
    let half = entry(DropYield::Item(coins), 500_000, 1, 3);
    let set = with_tables(vec![table(vec![DropGroup { mode: DropMode::Independent, entries: vec![half] }])]);
    let got = set.expected_drops(DropTableId(0))[&coins];
    assert!(close(got.mean, 1.0) && close(got.variance, 4.0 / 3.0), "{got:?}");
}

/// Rolls `table` and compares the sum of each item with the expectation: within 5 standard deviations, of which one in 1.7 million
/// sums falls out by chance; rare items get a little more room, since few rolls are not a bell curve.
pub(crate) fn rolls_agree(set: &MasterData, table: DropTableId, rolls: u32, seed: u64) {
    let mut rng = Pcg32::seed_from_u64(seed);
    let mut sums: BTreeMap<ItemTemplateId, u64> = BTreeMap::new();
    let mut out = Vec::new();
    for _ in 0..rolls {
        set.roll_drops(table, &mut rng, &mut out);
        out.drain(..).for_each(|(item, quantity)| *sums.entry(item).or_default() += u64::from(quantity));
    }
    let expected = set.expected_drops(table);
    let key = &set.drop_table(table).key;
    assert!(sums.keys().all(|item| expected.contains_key(item)), "{key} dropped what was not expected");
    for (item, one) in expected {
        let sum = sums.get(&item).copied().unwrap_or(0) as f64;
        let (mean, variance) = (one.mean * f64::from(rolls), one.variance * f64::from(rolls));
        let room = 5.0 * variance.sqrt() + 3.0;
        assert!((sum - mean).abs() <= room, "{key}, {}: {sum} of {mean} +- {room}", set.item(item).key);
    }
}

#[test]
fn rolls_of_every_starter_table_agree() {
    let set = author::starter();
    for table in 0..set.drop_tables.len() {
        let table = u16::try_from(table).unwrap();
        rolls_agree(&set, DropTableId(table), 5_000, 1_000 + u64::from(table));
    }
}
