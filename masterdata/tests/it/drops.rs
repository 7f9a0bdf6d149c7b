//! Rolling drop tables: each result is one a table allows.

use proptest::prelude::{Strategy, proptest};
use proptest::test_runner::Config;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use shallot_masterdata::author;
use shallot_masterdata::{
    DropEntry, DropGroup, DropMode, DropTable, DropTableId, DropYield, ItemTemplateId, MasterData,
};

/// The starter with one drop table alone.
pub(crate) fn with_tables(tables: Vec<DropTable>) -> MasterData {
    MasterData { drop_tables: tables, ..author::starter() }
}

pub(crate) fn entry(yields: DropYield, chance_ppm: u32, qty_min: u32, qty_max: u32) -> DropEntry {
    DropEntry { yields, chance_ppm, qty_min, qty_max }
}

pub(crate) fn table(groups: Vec<DropGroup>) -> DropTable {
    DropTable { key: "table".to_owned(), groups }
}

fn roll(set: &MasterData, seed: u64) -> Vec<(ItemTemplateId, u32)> {
    let mut out = Vec::new();
    set.roll_drops(DropTableId(0), &mut Pcg32::seed_from_u64(seed), &mut out);
    out
}

/// Any group over items `first..`, each entry an item of its own, chances within a pick-one's million.
pub(crate) fn any_group(first: u16) -> impl Strategy<Value = DropGroup> {
    let entries = proptest::collection::vec((1_u32..=250_000, 1_u32..=5, 0_u32..=5), 1..=4);
    (proptest::bool::ANY, entries).prop_map(move |(pick_one, entries)| DropGroup {
        mode: if pick_one { DropMode::PickOne } else { DropMode::Independent },
        entries: entries
            .into_iter()
            .zip(first..)
            .map(|((chance, qty_min, more), item)| {
                entry(DropYield::Item(ItemTemplateId(item)), chance, qty_min, qty_min + more)
            })
            .collect(),
    })
}

proptest! {
    #![proptest_config(Config::with_cases(64))]

    #[test]
    fn a_roll_gives_what_its_groups_allow(a in any_group(0), b in any_group(4), seeds: [u64; 32]) {
        let groups = [a, b];
        let set = with_tables(vec![table(groups.to_vec())]);
        for seed in seeds {
            let got = roll(&set, seed);
            for group in &groups {
                let of_group = |item: ItemTemplateId| group.entries.iter().find(|entry| entry.yields == DropYield::Item(item));
                let wins: Vec<(u32, &DropEntry)> =
                    got.iter().filter_map(|(item, quantity)| Some((*quantity, of_group(*item)?))).collect();
                assert!(wins.iter().all(|(quantity, entry)| (entry.qty_min..=entry.qty_max).contains(quantity)));
                let most = if group.mode == DropMode::PickOne { 1 } else { group.entries.len() };
                assert!(wins.len() <= most);
            }
            assert_eq!(got, roll(&set, seed), "the same generator gives the same roll");
        }
    }
}

#[test]
fn certainties() {
    let always = entry(DropYield::Item(ItemTemplateId(7)), 1_000_000, 3, 3);
    for mode in [DropMode::Independent, DropMode::PickOne] {
        let set = with_tables(vec![table(vec![DropGroup { mode, entries: vec![always] }])]);
        assert!((0..200).all(|seed| roll(&set, seed) == [(ItemTemplateId(7), 3)]));
    }
    let set = with_tables(vec![table(Vec::new())]);
    assert_eq!(roll(&set, 1), []);
}

#[test]
fn a_sub_table_is_rolled_as_often_as_its_quantity_says() {
    let always = |yields, quantity| {
        vec![DropGroup { mode: DropMode::Independent, entries: vec![entry(yields, 1_000_000, quantity, quantity)] }]
    };
    let outer = table(always(DropYield::Table(DropTableId(1)), 5));
    let inner = table(always(DropYield::Item(ItemTemplateId(2)), 4));
    assert_eq!(roll(&with_tables(vec![outer, inner]), 9), [(ItemTemplateId(2), 4); 5]);
}

#[test]
fn a_table_that_no_rule_checked_still_ends() {
    // It contains itself, a million times.
    let itself = entry(DropYield::Table(DropTableId(0)), 1_000_000, 1_000_000, 1_000_000);
    let item = entry(DropYield::Item(ItemTemplateId(0)), 1_000_000, 1, 1);
    let endless = table(vec![DropGroup { mode: DropMode::Independent, entries: vec![item, itself] }]);
    let got = roll(&with_tables(vec![endless]), 3);
    assert_eq!(got.len(), shallot_masterdata::limits::MAX_DROP_RESULTS);
}
