//! One CSV file as a spreadsheet shows it: a header and rows of cells, nothing understood yet.

use super::columns::{FileSpec, IGNORED};
use super::findings::Findings;
use super::near;
use super::report::{Column, Finding, Place, Severity};
use crate::limits::MAX_CELL_BYTES;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file whose header is as it must be. Rows with a wrong number of cells, and cells that are too large, were reported and left out.
#[derive(Debug)]
pub(super) struct Sheet {
    spec: &'static FileSpec,
    /// Read from the starter, since the folder has no such file.
    pub(super) borrowed: bool,
    /// Where each of the specification's [`FileSpec::names`] stands in the file; `None`: it has no such column.
    positions: Vec<Option<usize>>,
    rows: Vec<SheetRow>,
}

#[derive(Debug)]
struct SheetRow {
    number: usize,
    cells: Vec<String>,
}

impl Sheet {
    /// Reads `bytes`. `None`: nothing of it can be used, and `findings` says why.
    pub(super) fn read(
        spec: &'static FileSpec,
        bytes: &[u8],
        borrowed: bool,
        findings: &mut Findings,
    ) -> Option<Sheet> {
        let text = text_of(spec.name, bytes, findings)?;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut records = NumberedRecords { reader: &mut reader, next_number: 1 };
        let Some((header_number, header)) = records.next(spec.name, findings) else {
            findings.file_error(spec.name, "the file is empty; its first row names the columns");
            return None;
        };
        let positions = header_positions(spec, header_number, &header, findings)?;
        let mut rows = Vec::new();
        while let Some((number, cells)) = records.next(spec.name, findings) {
            if row_is_readable(spec.name, number, &header, &cells, findings) {
                rows.push(SheetRow { number, cells });
            }
        }
        Some(Sheet { spec, borrowed, positions, rows })
    }

    /// How many rows there are below the header.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number a spreadsheet shows for row `at` (counted from 0 below the header).
    pub(super) fn row_number(&self, at: usize) -> usize {
        self.rows.get(at).map_or(0, |row| row.number)
    }

    /// The cell of row `at` in `column`; empty when there is none.
    pub(super) fn cell(&self, at: usize, column: &str) -> &str {
        let cell = self.column_index(column).and_then(|index| self.rows.get(at)?.cells.get(index));
        cell.map_or("", String::as_str)
    }

    /// Where `column` stands in the file, counted from 0, when it is there.
    pub(super) fn column_index(&self, column: &str) -> Option<usize> {
        let known = self.spec.names().position(|name| name == column)?;
        self.positions.get(known).copied().flatten()
    }

    /// The file's name as reports show it.
    pub(super) fn shown_name(&self) -> String {
        if self.borrowed { format!("{} of the starter", self.spec.name) } else { self.spec.name.to_owned() }
    }
}

/// The file as text with `\n` as the only line end, or `None` when it is none.
fn text_of(file: &str, bytes: &[u8], findings: &mut Findings) -> Option<String> {
    let bytes = match bytes.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => {
            findings.file_error(file, "starts with a byte order mark; save it as UTF-8 without BOM");
            rest
        }
        None => bytes,
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.replace("\r\n", "\n").replace('\r', "\n"),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            findings.file_error(
                file,
                format!("is not UTF-8: line {line} of the text has a byte that belongs to no character"),
            );
            return None;
        }
    };
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        findings.file_error(file, "a quote is opened and never closed (inside a quoted cell a quote is written twice)");
        return None;
    }
    Some(text)
}

/// The records of a text whose only line end is `\n`, each with its number in a spreadsheet.
struct NumberedRecords<'a, 'b> {
    reader: &'a mut csv::Reader<&'b [u8]>,
    next_number: usize,
}

impl NumberedRecords<'_, '_> {
    /// The next record, `None` at the end or (reported) where the text cannot be read on.
    fn next(&mut self, file: &str, findings: &mut Findings) -> Option<(usize, Vec<String>)> {
        let mut record = csv::StringRecord::new();
        let line_before = self.reader.position().line();
        match self.reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                findings.file_error(file, format!("cannot be read as CSV: {error}"));
                return None;
            }
        }
        // The reader passes over empty lines, a spreadsheet counts them: they are the lines that are in no cell.
        let lines = self.reader.position().line().saturating_sub(line_before) as usize;
        let inner_lines = record.iter().flat_map(str::bytes).filter(|byte| *byte == b'\n').count();
        let number = self.next_number + lines.saturating_sub(inner_lines + 1);
        self.next_number = number + 1;
        Some((number, record.iter().map(str::to_owned).collect()))
    }
}

/// Where each column of the specification stands, or `None` when one is missing that must be there; unknown and doubled columns are
/// reported.
fn header_positions(
    spec: &FileSpec,
    number: usize,
    header: &[String],
    findings: &mut Findings,
) -> Option<Vec<Option<usize>>> {
    for (index, name) in header.iter().enumerate() {
        let known = spec.names().chain(IGNORED).any(|known| known == name);
        let doubled = header.iter().take(index).any(|earlier| earlier == name);
        if known && !doubled {
            continue;
        }
        let rule =
            if doubled { "a column of this name stands further left" } else { "no column of this file has this name" };
        let missing = spec.names().filter(|column| !header.iter().any(|name| name == column));
        findings.push(Finding {
            severity: Severity::Error,
            place: cell_place(spec.name, number, index, name),
            value: Some(name.clone()),
            rule: rule.to_owned(),
            suggestion: near::nearest(name, missing).map(str::to_owned),
        });
    }
    let positions: Vec<_> = spec.names().map(|column| header.iter().position(|name| name == column)).collect();
    let required = spec.columns.iter().zip(&positions);
    let mut is_whole = true;
    for (column, _) in required.filter(|(_, position)| position.is_none()) {
        findings.file_error(spec.name, format!("column {column} is missing"));
        is_whole = false;
    }
    is_whole.then_some(positions)
}

/// Whether a row has as many cells as the header, none of them too large.
fn row_is_readable(file: &str, number: usize, header: &[String], cells: &[String], findings: &mut Findings) -> bool {
    let mut report = |column: usize, value: Option<String>, rule: String| {
        let place = match header.get(column) {
            Some(name) => cell_place(file, number, column, name),
            None => Place { file: file.to_owned(), row: Some(number), column: None },
        };
        findings.push(Finding { severity: Severity::Error, place, value, rule, suggestion: None });
    };
    if cells.iter().all(String::is_empty) {
        report(header.len(), None, "the row is empty; delete it".to_owned());
        return false;
    }
    if cells.len() != header.len() {
        report(header.len(), None, format!("the row has {} cells, the header {}", cells.len(), header.len()));
        return false;
    }
    let mut readable = true;
    for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.len() > MAX_CELL_BYTES) {
        report(
            column,
            Some(cell.clone()),
            format!("a cell holds at most {MAX_CELL_BYTES} bytes, this one {}", cell.len()),
        );
        readable = false;
    }
    readable
}

fn cell_place(file: &str, number: usize, index: usize, name: &str) -> Place {
    Place { file: file.to_owned(), row: Some(number), column: Some(Column { index, name: name.to_owned() }) }
}
