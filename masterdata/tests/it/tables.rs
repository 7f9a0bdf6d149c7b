//! The starter's files, to be edited in memory: a fault is planted, the report is read.

use std::collections::BTreeMap;

use shallot_masterdata::MasterData;
use shallot_masterdata::author::{self, Finding, Report, STARTER_FILES, Severity};

/// The text of each file of a set.
#[derive(Clone)]
pub(crate) struct Tables {
    files: BTreeMap<String, Vec<u8>>,
}

impl Tables {
    pub(crate) fn starter() -> Tables {
        let files = STARTER_FILES.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        Tables { files }
    }

    pub(crate) fn text(&self, file: &str) -> String {
        String::from_utf8(self.files[file].clone()).unwrap()
    }

    pub(crate) fn file_names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    pub(crate) fn put(&mut self, file: &str, bytes: impl Into<Vec<u8>>) {
        self.files.insert(file.to_owned(), bytes.into());
    }

    pub(crate) fn remove(&mut self, file: &str) {
        self.files.remove(file).unwrap();
    }

    /// The number, as a spreadsheet shows it, of the only row that starts with `start`.
    pub(crate) fn row_number(&self, file: &str, start: &str) -> usize {
        let text = self.text(file);
        let mut rows = text.lines().enumerate().filter(|(_, line)| line.starts_with(start));
        let (at, _) = rows.next().unwrap_or_else(|| panic!("{file} has no row {start}"));
        assert!(rows.next().is_none(), "{file} has several rows {start}");
        at + 1
    }

    /// Where `column` stands, from 0.
    pub(crate) fn column(&self, file: &str, column: &str) -> usize {
        let text = self.text(file);
        text.lines().next().unwrap().split(',').position(|name| name == column).unwrap()
    }

    /// Writes `value` into `column` of the only row that starts with `start`.
    pub(crate) fn set(&mut self, file: &str, start: &str, column: &str, value: &str) {
        let (row, column) = (self.row_number(file, start), self.column(file, column));
        let text = self.text(file);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let line = &mut lines[row - 1];
        assert!(!line.contains('"'), "rows with quoted cells are not edited: {line}");
        let mut cells: Vec<&str> = line.split(',').collect();
        assert_ne!(cells[column], value, "the edit changes nothing");
        cells[column] = value;
        *line = cells.join(",");
        self.put(file, lines.join("\n") + "\n");
    }

    pub(crate) fn add_row(&mut self, file: &str, line: &str) {
        let text = self.text(file) + line + "\n";
        self.put(file, text);
    }

    pub(crate) fn remove_rows(&mut self, file: &str, start: &str) {
        let text = self.text(file);
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with(start)).collect();
        assert!(kept.len() < text.lines().count(), "{file} has no row {start}");
        self.put(file, kept.join("\n") + "\n");
    }

    pub(crate) fn load(&self) -> Result<(MasterData, Vec<Finding>), Report> {
        author::load_files(self.files.clone())
    }

    /// The errors as they are printed.
    pub(crate) fn errors(&self) -> Vec<String> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(report) => report.errors().map(Finding::to_string).collect(),
        }
    }

    /// The warnings of a set that loads, as they are printed.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let (_, warnings) = self.load().unwrap_or_else(|report| panic!("{report}"));
        assert!(warnings.iter().all(|finding| finding.severity == Severity::Warning));
        warnings.iter().map(Finding::to_string).collect()
    }
}

/// A fault in one cell: row (by its start), column, what is written there, and the rule that must be named, with its suggestion.
pub(crate) type CellFault<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Plants each fault into the starter alone and expects that one error, at the cell's place.
pub(crate) fn each_is_found(file: &str, faults: &[CellFault<'_>]) {
    for (start, column, value, rule) in faults {
        let mut tables = Tables::starter();
        tables.set(file, start, column, value);
        let shown = if value.is_empty() { "empty".to_owned() } else { format!("value \"{value}\"") };
        let place = place(file, Tables::starter().row_number(file, start), tables.column(file, column), column);
        assert_eq!(tables.errors(), [format!("error: {place}, {shown}: {rule}")], "{start} {column} {value}");
    }
}

/// A place as reports show it.
pub(crate) fn place(file: &str, row: usize, column: usize, name: &str) -> String {
    let letter = |at: usize| char::from(b'A' + u8::try_from(at).unwrap());
    let letters = if column < 26 {
        letter(column).to_string()
    } else {
        format!("{}{}", letter(column / 26 - 1), letter(column % 26))
    };
    format!("{file} row {row}, column {letters} ({name})")
}
