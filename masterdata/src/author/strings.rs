//! `strings_en.csv`.

use super::findings::Findings;
use super::keys::{Keys, check_unique};
use super::row::Row;
use super::sheet::Sheet;

/// Reads all texts, sorted by key. A key is `table.row.field`: `item.club.name`; the first part stands for one of `tables`.
pub(super) fn read(sheet: Option<&Sheet>, tables: &[(&str, &Keys)], findings: &mut Findings) -> Vec<(String, String)> {
    let Some(sheet) = sheet else { return Vec::new() };
    check_unique(sheet, "key", findings);
    let mut strings: Vec<(String, String)> = (0..sheet.len())
        .map(|at| {
            let mut row = Row::new(sheet, at, findings);
            check_key(&mut row, tables);
            row.require(!row.is_empty("text"), "text", "a text; delete the row instead of leaving it empty");
            (row.cell("key").to_owned(), row.cell("text").to_owned())
        })
        .collect();
    strings.sort();
    strings
}

fn check_key(row: &mut Row<'_>, tables: &[(&str, &Keys)]) {
    let cell = row.cell("key");
    let mut parts = cell.splitn(3, '.');
    let (Some(table), Some(key), Some(field)) = (parts.next(), parts.next(), parts.next()) else {
        row.error("key", "written table.key.field, such as item.club.name");
        return;
    };
    row.require(matches!(field, "name" | "desc"), "key", "ends with .name or .desc");
    match tables.iter().find(|(name, _)| *name == table) {
        Some((_, keys)) => {
            row.reference_to("key", key, keys);
        }
        None => {
            let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
            row.error("key", format!("begins with one of {}", names.join(", ")));
        }
    }
}
