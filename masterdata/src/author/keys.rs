//! The keys of a table and the dense ids they get.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::findings::Findings;
use super::sheet::Sheet;
use crate::limits::MAX_ROWS_BY_KEY;

/// The distinct keys of one table, in order; the place of a key is its dense id.
#[derive(Debug)]
pub(super) struct Keys {
    /// What reports call a row of the table.
    pub(super) what: &'static str,
    sorted: Vec<String>,
    /// False when the table could not be read: then nothing can be said about references to it.
    readable: bool,
}

impl Keys {
    /// The keys of `column`, each of which may stand in one row only; a second one is reported.
    pub(super) fn unique(what: &'static str, sheet: Option<&Sheet>, column: &str, findings: &mut Findings) -> Keys {
        if let Some(sheet) = sheet {
            check_unique(sheet, column, findings);
        }
        Keys::grouped(what, sheet, column, findings)
    }

    /// The keys of `column`, each of which may stand in many rows.
    pub(super) fn grouped(what: &'static str, sheet: Option<&Sheet>, column: &str, findings: &mut Findings) -> Keys {
        let mut sorted: Vec<String> = sheet
            .map(|sheet| (0..sheet.len()).map(|at| sheet.cell(at, column).to_owned()).collect())
            .unwrap_or_default();
        sorted.sort();
        sorted.dedup();
        if let Some(sheet) = sheet
            && sorted.len() > MAX_ROWS_BY_KEY
        {
            findings.file_error(
                &sheet.shown_name(),
                format!("at most {MAX_ROWS_BY_KEY} {what}s, these are {}", sorted.len()),
            );
        }
        Keys { what, sorted, readable: sheet.is_some() }
    }

    /// The dense id of `key`.
    pub(super) fn id(&self, key: &str) -> Option<u16> {
        let at = self.sorted.binary_search_by(|known| known.as_str().cmp(key)).ok()?;
        u16::try_from(at).ok()
    }

    /// Whether the table was read, so that a key that is not here is a mistake.
    pub(super) fn is_readable(&self) -> bool {
        self.readable
    }

    /// All keys, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.sorted.iter().map(String::as_str)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }
}

/// Reports each row whose `column` says what a row further up says already.
pub(super) fn check_unique(sheet: &Sheet, column: &str, findings: &mut Findings) {
    let mut first_rows: BTreeMap<&str, usize> = BTreeMap::new();
    for at in 0..sheet.len() {
        match first_rows.entry(sheet.cell(at, column)) {
            Entry::Vacant(first) => _ = first.insert(sheet.row_number(at)),
            Entry::Occupied(first) => {
                findings.error(sheet, at, column, format!("stands in row {} already; it must be unique", first.get()));
            }
        }
    }
}
