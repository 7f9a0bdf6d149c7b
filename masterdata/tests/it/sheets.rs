//! What is no table: bytes, headers and rows that cannot be read.

use crate::tables::{Tables, place};
use shallot_masterdata::limits::{MAX_CELL_BYTES, MAX_FINDINGS};

const BUNDLES: &str = "item_bundles.csv";

#[test]
fn a_byte_order_mark_is_named_and_the_rest_is_still_read() {
    let mut tables = Tables::starter();
    tables.set(BUNDLES, "healers_satchel,2,", "qty", "0");
    let text = tables.text(BUNDLES);
    tables.put(BUNDLES, [b"\xef\xbb\xbf", text.as_bytes()].concat());
    assert_eq!(
        tables.errors(),
        [
            "error: item_bundles.csv: starts with a byte order mark; save it as UTF-8 without BOM",
            "error: item_bundles.csv row 7, column D (qty), value \"0\": an integer from 1 to 1000000",
        ]
    );
}

#[test]
fn bytes_that_are_no_text() {
    let mut tables = Tables::starter();
    tables
        .put(BUNDLES, b"bundle_id,seq,item_id,qty\nadventurers_pack,1,backpack,1\nhealers_satchel,1,\xff,1\n".to_vec());
    assert_eq!(
        tables.errors(),
        ["error: item_bundles.csv: is not UTF-8: line 3 of the text has a byte that belongs to no character"]
    );
}

#[test]
fn a_quote_that_is_never_closed() {
    let mut tables = Tables::starter();
    tables.add_row(BUNDLES, "healers_satchel,3,\"arrow,1");
    assert_eq!(
        tables.errors(),
        ["error: item_bundles.csv: a quote is opened and never closed (inside a quoted cell a quote is written twice)"]
    );
}

#[test]
fn rows_of_another_width() {
    let mut tables = Tables::starter();
    tables.add_row(BUNDLES, "healers_satchel,3,arrow");
    tables.add_row(BUNDLES, "healers_satchel,4,arrow,1,1");
    tables.add_row(BUNDLES, ",,,");
    assert_eq!(
        tables.errors(),
        [
            "error: item_bundles.csv row 8: the row has 3 cells, the header 4",
            "error: item_bundles.csv row 9: the row has 5 cells, the header 4",
            "error: item_bundles.csv row 10: the row is empty; delete it",
        ]
    );
}

#[test]
fn a_cell_without_end() {
    let mut tables = Tables::starter();
    tables.add_row("strings_en.csv", &format!("item.pony.desc,{}", "x".repeat(MAX_CELL_BYTES + 1)));
    let lines = tables.errors();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].ends_with("xxx...\": a cell holds at most 65536 bytes, this one 65537"), "{}", lines[0]);
    assert!(lines[0].len() < 200);
}

#[test]
fn a_file_of_nothing() {
    let mut tables = Tables::starter();
    tables.put(BUNDLES, "");
    assert_eq!(tables.errors(), ["error: item_bundles.csv: the file is empty; its first row names the columns"]);
    // A header alone is a table without rows.
    tables.put(BUNDLES, "bundle_id,seq,item_id,qty");
    assert_eq!(tables.load().unwrap().0.bundles.len(), 0);
}

#[test]
fn columns_of_another_name() {
    let mut tables = Tables::starter();
    let text = tables.text(BUNDLES);
    tables.put(BUNDLES, text.replacen("bundle_id,seq,item_id,qty", "bundel_id,seq,seq,qty", 1));
    assert_eq!(
        tables.errors(),
        [
            "error: item_bundles.csv: column bundle_id is missing",
            "error: item_bundles.csv: column item_id is missing",
            "error: item_bundles.csv row 1, column A (bundel_id), value \"bundel_id\": no column of this file has this name; did you mean \"bundle_id\"?",
            "error: item_bundles.csv row 1, column C (seq), value \"seq\": a column of this name stands further left",
        ]
    );
}

#[test]
fn a_table_that_cannot_be_read_draws_no_other_errors() {
    let mut tables = Tables::starter();
    let text = tables.text("items.csv");
    tables.put("items.csv", text.replacen("id,name", "key,name", 1));
    assert_eq!(
        tables.errors(),
        [
            "error: items.csv: column id is missing",
            "error: items.csv row 1, column A (key), value \"key\": no column of this file has this name",
        ]
    );
}

#[test]
fn files_that_are_missing() {
    for file in Tables::starter().file_names() {
        let mut tables = Tables::starter();
        tables.remove(&file);
        let optional = ["item_bundles.csv", "set_bonuses.csv", "region_blocks.csv", "strings_en.csv"];
        let borrowed = ["classes.csv", "skills.csv", "balance.csv"];
        if optional.contains(&file.as_str()) || borrowed.contains(&file.as_str()) {
            assert_eq!(tables.warnings(), [""; 0], "{file}");
        } else {
            assert_eq!(tables.errors(), [format!("error: {file}: the file is missing")]);
        }
    }
}

#[test]
fn rows_are_numbered_as_a_spreadsheet_numbers_them() {
    // Row 1 the header, 2 a cell of two lines, 3 and 4 empty, 5 good, 6 the fault; with any line end.
    let text = "key,text\nitem.club.desc,\"one\ntwo\"\n\n\nitem.pony.desc,good\nitem.pony.colour,grey\n";
    for line_end in ["\n", "\r\n", "\r"] {
        let mut tables = Tables::starter();
        tables.put("strings_en.csv", text.replace('\n', line_end));
        assert_eq!(
            tables.errors(),
            [format!(
                "error: {}, value \"item.pony.colour\": ends with .name or .desc",
                place("strings_en.csv", 6, 0, "key")
            )]
        );
    }
}

#[test]
fn ignored_columns_are_ignored() {
    let mut tables = Tables::starter();
    tables.put(BUNDLES, "note,bundle_id,seq,item_id,qty,source\n\"a, b\",healers_satchel,1,arrow,2,me\n");
    assert_eq!(tables.load().unwrap().0.bundles[0].parts.len(), 1);
}

#[test]
fn a_report_has_an_end_and_says_what_it_left_out() {
    let mut tables = Tables::starter();
    let rows: String = (0..MAX_FINDINGS + 7).map(|seq| format!("nobody,{seq},arrow,1\n")).collect();
    tables.put(BUNDLES, format!("bundle_id,seq,item_id,qty\n{rows}"));
    let report = tables.load().unwrap_err();
    // One more: seq 0 is out of range.
    assert_eq!((report.findings.len(), report.left_out), (MAX_FINDINGS, 8));
    let text = report.to_string();
    assert_eq!(text.lines().count(), MAX_FINDINGS + 1);
    assert_eq!(
        text.lines().last(),
        Some("master data: 1000 errors, 0 warnings shown, 8 more left out (at most 1000 of each are shown)")
    );
}

#[test]
fn all_errors_come_at_once_in_order() {
    let mut tables = Tables::starter();
    tables.set("skills.csv", "spark,", "dice", "2d");
    tables.set("items.csv", "club,", "weight_g", "heavy");
    tables.set("items.csv", "club,", "slot", "handy");
    tables.set("regions.csv", "brookfield,", "pvp", "x");
    tables.remove("level_curve.csv");
    let places: Vec<String> =
        tables.errors().iter().map(|line| line.split([',', ':']).nth(1).unwrap().trim().to_owned()).collect();
    assert_eq!(
        places,
        ["items.csv row 5", "items.csv row 5", "level_curve.csv", "regions.csv row 2", "skills.csv row 8"]
    );
}
