//! Mean and variance of what one roll of a drop table yields: of one item, or of the sum over many, exactly and with what ties them
//! together (entries of a pick-one group exclude each other, a sub-table that is rolled three times yields all its items more often).
//!
//! For any weighting of items the yield of a table is a number X. Its groups are independent, so their moments add up. An entry that
//! wins gives the number Y: a quantity Q, uniform over its range, times the item's weight; or the sum of Q rolls of a sub-table with
//! the moments (m, v), which has the mean E\[Q\] m and the variance E\[Q\] v + Var\[Q\] m². An independent entry of chance p adds the mean p
//! E\[Y\] and the variance p E\[Y²\] - (p E\[Y\])². In a pick-one group the means p E\[Y\] and the squares p E\[Y²\] of its entries are summed before
//! the square of the mean is taken off.

use std::collections::BTreeSet;

use shallot_masterdata::{DropEntry, DropMode, DropTableId, DropYield, ItemKind, ItemTemplateId, MasterData};

use crate::loot_check::Moments;

/// Sub-tables below sub-tables; a checked set has no deeper ones.
const DEPTH_MAX: usize = 16;
/// Chances are parts of it.
const PPM: f64 = 1e6;

/// The moments of the weighted units of one roll.
#[must_use]
pub fn of_roll(data: &MasterData, table: DropTableId, weight: &dyn Fn(ItemTemplateId) -> f64) -> Moments {
    of_table(data, table, weight, DEPTH_MAX)
}

fn of_table(data: &MasterData, table: DropTableId, weight: &dyn Fn(ItemTemplateId) -> f64, depth: usize) -> Moments {
    let mut sum = Moments::default();
    if depth == 0 {
        return sum;
    }
    for group in &data.drop_table(table).groups {
        let won = group.entries.iter().map(|entry| of_entry(data, entry, weight, depth));
        sum = match group.mode {
            DropMode::Independent => won.map(Raw::central).fold(sum, Moments::plus),
            DropMode::PickOne => sum.plus(won.fold(Raw::default(), Raw::plus).central()),
        };
    }
    sum
}

/// Mean and mean square.
#[derive(Clone, Copy, Debug, Default)]
struct Raw {
    mean: f64,
    square: f64,
}

impl Raw {
    fn plus(self, other: Self) -> Self {
        Self { mean: self.mean + other.mean, square: self.square + other.square }
    }

    fn central(self) -> Moments {
        Moments { mean: self.mean, variance: (self.square - self.mean * self.mean).max(0.0) }
    }
}

fn of_entry(data: &MasterData, entry: &DropEntry, weight: &dyn Fn(ItemTemplateId) -> f64, depth: usize) -> Raw {
    let (low, high) = (f64::from(entry.qty_min), f64::from(entry.qty_max));
    let quantity = Moments { mean: (low + high) / 2.0, variance: ((high - low + 1.0).powi(2) - 1.0) / 12.0 };
    let one = match entry.yields {
        DropYield::Item(item) => Moments { mean: weight(item), variance: 0.0 },
        DropYield::Table(sub_table) => of_table(data, sub_table, weight, depth - 1),
    };
    let mean = quantity.mean * one.mean;
    let variance = quantity.mean * one.variance + quantity.variance * one.mean * one.mean;
    let chance = f64::from(entry.chance_ppm) / PPM;
    Raw { mean: chance * mean, square: chance * (variance + mean * mean) }
}

/// The items that a table can yield, coins apart.
#[must_use]
pub fn items_of(data: &MasterData, table: DropTableId) -> BTreeSet<ItemTemplateId> {
    let (mut items, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![table]);
    while let Some(table) = open.pop() {
        if !seen.insert(table) {
            continue;
        }
        for entry in data.drop_table(table).groups.iter().flat_map(|group| &group.entries) {
            match entry.yields {
                DropYield::Item(item) if is_item(data, item) => {
                    items.insert(item);
                }
                DropYield::Item(_) => {}
                DropYield::Table(sub_table) => open.push(sub_table),
            }
        }
    }
    items
}

/// Coins go to the wallet; everything else is an item.
#[must_use]
pub fn is_item(data: &MasterData, item: ItemTemplateId) -> bool {
    data.item(item).kind != ItemKind::Currency
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::fixture::{self, CLUB, FANG, POTION, SWORD};
    use rand_core::SeedableRng;
    use rand_pcg::Pcg64;
    use shallot_masterdata::{DropGroup, DropTable};

    fn entry(yields: DropYield, chance_ppm: u32, qty_min: u32, qty_max: u32) -> DropEntry {
        DropEntry { yields, chance_ppm, qty_min, qty_max }
    }

    fn table(key: &str, groups: Vec<(DropMode, Vec<DropEntry>)>) -> DropTable {
        let groups = groups.into_iter().map(|(mode, entries)| DropGroup { mode, entries }).collect();
        DropTable { key: key.to_owned(), groups }
    }

    /// Fangs and swords on their own, one club or potions, and two to four rolls of a pool of fangs or swords.
    fn set() -> MasterData {
        let mut data = fixture::set();
        let item = DropYield::Item;
        data.drop_tables = vec![
            table(
                "beast",
                vec![
                    (DropMode::Independent, vec![entry(item(FANG), 500_000, 1, 3), entry(item(SWORD), 50_000, 1, 1)]),
                    (DropMode::PickOne, vec![entry(item(CLUB), 300_000, 1, 1), entry(item(POTION), 600_000, 1, 2)]),
                    (DropMode::Independent, vec![entry(DropYield::Table(DropTableId(1)), 250_000, 2, 4)]),
                ],
            ),
            table(
                "pool",
                vec![(DropMode::PickOne, vec![entry(item(FANG), 800_000, 1, 1), entry(item(SWORD), 200_000, 1, 1)])],
            ),
        ];
        data
    }

    const BEAST: DropTableId = DropTableId(0);

    #[test]
    fn a_simple_entry_has_the_moments_of_the_textbook() {
        let data = set();
        let club = of_roll(&data, BEAST, &|item| f64::from(u8::from(item == CLUB)));
        assert!((club.mean - 0.3).abs() < 1e-12 && (club.variance - 0.21).abs() < 1e-12, "{club:?}");
    }

    #[test]
    fn moments_are_those_of_many_rolls() {
        let (data, mut rng) = (set(), Pcg64::seed_from_u64(3));
        let rolls = 200_000;
        let mut out = Vec::new();
        type Weight = fn(ItemTemplateId) -> f64;
        let weights: [Weight; 4] = [
            |item| f64::from(u8::from(item == FANG)),
            |item| f64::from(u8::from(item == SWORD)),
            |_| 1.0,
            |item| f64::from(u8::from(item == POTION)),
        ];
        let mut sums = [(0.0, 0.0); 4];
        for _ in 0..rolls {
            out.clear();
            data.roll_drops(BEAST, &mut rng, &mut out);
            for (weight, (sum, squares)) in weights.iter().zip(&mut sums) {
                let units: f64 = out.iter().map(|(item, quantity)| weight(*item) * f64::from(*quantity)).sum();
                *sum += units;
                *squares += units * units;
            }
        }
        for (weight, (sum, squares)) in weights.iter().zip(sums) {
            let exact = of_roll(&data, BEAST, weight);
            let mean = sum / f64::from(rolls);
            let variance = squares / f64::from(rolls) - mean * mean;
            let deviation = (exact.variance / f64::from(rolls)).sqrt();
            assert!((mean - exact.mean).abs() < 4.0 * deviation, "{mean} {exact:?}");
            assert!((variance / exact.variance - 1.0).abs() < 0.05, "{variance} {exact:?}");
        }
    }

    #[test]
    fn items_are_found_through_sub_tables_and_coins_are_none() {
        let mut data = set();
        data.items.get_mut(POTION.index()).expect("the potion").kind = ItemKind::Currency;
        assert_eq!(items_of(&data, BEAST), BTreeSet::from([CLUB, FANG, SWORD]));
    }

    #[test]
    fn tables_that_roll_each_other_end() {
        let mut data = set();
        let again = entry(DropYield::Table(BEAST), 1_000_000, 1, 1);
        data.drop_tables
            .get_mut(1)
            .expect("the pool")
            .groups
            .push(DropGroup { mode: DropMode::Independent, entries: vec![again] });
        assert!(of_roll(&data, BEAST, &|_| 1.0).mean.is_finite());
        assert_eq!(items_of(&data, BEAST).len(), 4);
    }
}
