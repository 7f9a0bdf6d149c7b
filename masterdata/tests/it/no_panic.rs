//! Whatever stands in the files, the answer is a set or a report.

use std::cell::LazyCell;

use proptest::prelude::{any, proptest};
use proptest::sample::Index;
use proptest::test_runner::Config;
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use shallot_masterdata::DropTableId;

use crate::tables::Tables;

/// Loads, and uses what comes out.
fn load_and_use(tables: &Tables) {
    match tables.load() {
        Err(report) => assert!(report.errors().count() > 0, "a report without an error: {report}"),
        Ok((set, _)) => {
            let mut rng = Pcg32::seed_from_u64(1);
            let mut out = Vec::new();
            for table in 0..set.drop_tables.len() {
                set.roll_drops(DropTableId(u16::try_from(table).unwrap()), &mut rng, &mut out);
            }
            assert!(out.iter().all(|(item, quantity)| *quantity > 0 && !set.item(*item).is_abstract));
            assert!(set.regions[set.start_region().index()].is_start);
            assert_eq!(set.level_for_xp(0), 1);
        }
    }
}

proptest! {
    #![proptest_config(Config::with_cases(128))]

    #[test]
    fn any_bytes_as_a_file(file: Index, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut tables = Tables::starter();
        let names = tables.file_names();
        let name = file.get(&names);
        tables.put(name, bytes);
        load_and_use(&tables);
    }

    #[test]
    fn any_text_in_cells(file: Index, text in proptest::collection::vec("[a-z0-9|:,\"+\\-\nd ]{0,12}", 0..60)) {
        let mut tables = Tables::starter();
        let names = tables.file_names();
        let name = file.get(&names);
        let header = tables.text(name).lines().next().unwrap().to_owned();
        tables.put(name, format!("{header}\n{}", text.join(",")));
        load_and_use(&tables);
    }

    #[test]
    fn a_starter_file_with_a_few_bytes_changed(
        file: Index, edits in proptest::collection::vec((any::<Index>(), "[0-9a-z|,\n:\"-]"), 1..4),
    ) {
        let mut tables = Tables::starter();
        let names = tables.file_names();
        let name = file.get(&names);
        let mut bytes = tables.text(name).into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte.as_bytes()[0];
        }
        tables.put(name, bytes);
        load_and_use(&tables);
    }
}

#[test]
fn every_single_cell_emptied_or_made_huge() {
    let tables = LazyCell::new(Tables::starter);
    for name in tables.file_names() {
        let text = tables.text(&name);
        let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        let Some(row) = text.lines().skip(1).find(|line| !line.contains('"')) else { continue };
        for column in 0..header.len() {
            for value in ["", "18446744073709551616", "-9223372036854775808", "999999999"] {
                let mut cells: Vec<&str> = row.split(',').collect();
                cells[column] = value;
                let mut edited = tables.clone();
                edited.put(&name, text.replacen(row, &cells.join(","), 1));
                load_and_use(&edited);
            }
        }
    }
}
