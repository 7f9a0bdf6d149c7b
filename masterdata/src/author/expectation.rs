//! What a drop table yields on average, exactly, and how much it varies.
//!
//! For one roll of a table let `Q` be the quantity of one item. An entry that wins with probability `p` yields either a uniform
//! quantity of the item, or `N` rolls of a sub-table, `N` uniform: then `E[Q] = E[N] E[X]` and `Var[Q] = E[N] Var[X] + Var[N] E[X]^2`
//! for the sub-table's `X`. With `m = E[Q | win]` and `s = E[Q^2 | win]` the entry contributes `p m` to the mean. Entries of an
//! independent group add their variances `p s - (p m)^2`; in a pick-one group at most one wins, so the group's second moment is the
//! sum of `p s` and its variance that less the square of its mean. Groups are independent of each other.

use std::collections::BTreeMap;

use crate::limits::PPM;
use crate::tables::{DropEntry, DropMode, DropTableId, DropYield, ItemTemplateId, MasterData};

/// Mean and variance of the quantity of one item that one roll yields.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expectation {
    /// Units.
    pub mean: f64,
    /// Units squared. Over independent rolls means and variances add up.
    pub variance: f64,
}

type Moments = BTreeMap<ItemTemplateId, Expectation>;

impl MasterData {
    /// For one roll of `table`: mean and variance of the quantity of each item that can drop, through all sub-tables. Exact but for
    /// rounding, since in a checked set no roll is cut off. Items of kind currency are among them.
    #[must_use]
    pub fn expected_drops(&self, table: DropTableId) -> BTreeMap<ItemTemplateId, Expectation> {
        let mut known = BTreeMap::new();
        self.moments(table, &mut known);
        known.remove(&table).unwrap_or_default()
    }

    /// Fills `known` for `table` and all tables in it. Checked sets have no cycles, which is why this ends.
    fn moments(&self, table: DropTableId, known: &mut BTreeMap<DropTableId, Moments>) {
        if known.contains_key(&table) {
            return;
        }
        let mut of_table = Moments::new();
        for group in &self.drop_table(table).groups {
            let mut of_group: BTreeMap<ItemTemplateId, (f64, f64)> = BTreeMap::new();
            for entry in &group.entries {
                let probability = f64::from(entry.chance_ppm) / f64::from(PPM);
                for (item, won) in self.won(entry, known) {
                    let (mean, second) = (probability * won.mean, probability * (won.variance + won.mean * won.mean));
                    let spread = match group.mode {
                        DropMode::Independent => second - mean * mean,
                        DropMode::PickOne => second,
                    };
                    let sum = of_group.entry(item).or_default();
                    *sum = (sum.0 + mean, sum.1 + spread);
                }
            }
            for (item, (mean, spread)) in of_group {
                let variance = match group.mode {
                    DropMode::Independent => spread,
                    DropMode::PickOne => spread - mean * mean,
                };
                let total = of_table.entry(item).or_default();
                total.mean += mean;
                total.variance += variance.max(0.0);
            }
        }
        known.insert(table, of_table);
    }

    /// What an entry yields once it has won.
    fn won(&self, entry: &DropEntry, known: &mut BTreeMap<DropTableId, Moments>) -> Moments {
        let (min, max) = (f64::from(entry.qty_min), f64::from(entry.qty_max));
        let choices = max - min + 1.0;
        let quantity = Expectation { mean: (min + max) / 2.0, variance: (choices * choices - 1.0) / 12.0 };
        match entry.yields {
            DropYield::Item(item) => Moments::from([(item, quantity)]),
            DropYield::Table(sub_table) => {
                self.moments(sub_table, known);
                let each = known.get(&sub_table).into_iter().flatten();
                each.map(|(item, one)| (*item, repeated(quantity, *one))).collect()
            }
        }
    }
}

/// The sum of as many independent copies of `one` as `times` says.
fn repeated(times: Expectation, one: Expectation) -> Expectation {
    Expectation {
        mean: times.mean * one.mean,
        variance: times.mean * one.variance + times.variance * one.mean * one.mean,
    }
}
