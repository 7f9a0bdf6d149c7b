//! Rolling drop tables.
//!
//! A table's groups are rolled in their order. In an `independent` group each entry rolls its own chance; in a `pick_one` group one
//! roll of 1,000,000 decides, the entries lie on it end to end, and what lies beyond them is nothing. A winning entry draws a quantity,
//! uniform over its range: of an item that many units drop, a sub-table is rolled that many times.

use rand_core::Rng;

use crate::limits::{MAX_DROP_DEPTH, MAX_DROP_RESULTS, MAX_DROP_TABLE_ROLLS, PPM};
use crate::roll;
use crate::tables::{DropEntry, DropMode, DropTableId, DropYield, ItemTemplateId, MasterData};

impl MasterData {
    /// Rolls `table` once and appends what drops to `out`: one pair of item and quantity (at least 1) for each entry that won, in the
    /// order of the rolls; the same item may come more than once. Coins come as items of kind currency.
    ///
    /// In a checked set a roll ends by itself. Should one not, it is cut off at [`MAX_DROP_DEPTH`], [`MAX_DROP_RESULTS`] and
    /// [`MAX_DROP_TABLE_ROLLS`].
    pub fn roll_drops<R: Rng + ?Sized>(&self, table: DropTableId, rng: &mut R, out: &mut Vec<(ItemTemplateId, u32)>) {
        let mut roll =
            DropRoll { tables: self, rng, out, results_left: MAX_DROP_RESULTS, tables_left: MAX_DROP_TABLE_ROLLS };
        roll.table(table, MAX_DROP_DEPTH);
    }
}

/// One roll under way, with what it may still spend.
struct DropRoll<'a, R: ?Sized> {
    tables: &'a MasterData,
    rng: &'a mut R,
    out: &'a mut Vec<(ItemTemplateId, u32)>,
    results_left: usize,
    tables_left: usize,
}

impl<R: Rng + ?Sized> DropRoll<'_, R> {
    fn table(&mut self, id: DropTableId, depth_left: usize) {
        if depth_left == 0 || self.tables_left == 0 {
            return;
        }
        self.tables_left -= 1;
        let tables = self.tables;
        for group in &tables.drop_table(id).groups {
            match group.mode {
                DropMode::Independent => {
                    for entry in &group.entries {
                        if roll::chance_ppm(self.rng, entry.chance_ppm) {
                            self.win(entry, depth_left);
                        }
                    }
                }
                DropMode::PickOne => {
                    if let Some(entry) = pick_one(&group.entries, roll::below(self.rng, PPM)) {
                        self.win(entry, depth_left);
                    }
                }
            }
        }
    }

    fn win(&mut self, entry: &DropEntry, depth_left: usize) {
        let quantity = roll::between(self.rng, entry.qty_min, entry.qty_max);
        match entry.yields {
            DropYield::Item(item) => {
                if self.results_left > 0 {
                    self.results_left -= 1;
                    self.out.push((item, quantity));
                }
            }
            DropYield::Table(sub_table) => {
                for _ in 0..quantity {
                    if self.tables_left == 0 {
                        return;
                    }
                    self.table(sub_table, depth_left - 1);
                }
            }
        }
    }
}

/// The entry on which `point` lies when the entries' chances are laid end to end from 0.
fn pick_one(entries: &[DropEntry], point: u32) -> Option<&DropEntry> {
    let mut end = 0_u32;
    entries.iter().find(|entry| {
        end = end.saturating_add(entry.chance_ppm);
        point < end
    })
}
