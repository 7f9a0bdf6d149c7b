//! What is wrong with the tables, said to the person who edits them.

use std::fmt;

use crate::limits::{MAX_FINDINGS, MAX_SHOWN_CHARS};

/// Where a finding is. What does not apply is `None`: a missing file has no row, a short row no column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the file, such as `items.csv`; the folder itself when it cannot be read.
    pub file: String,
    /// Number of the row as a spreadsheet shows it: the header is row 1, empty rows count, and a row whose cells hold line breaks is
    /// still one row.
    pub row: Option<usize>,
    /// The column.
    pub column: Option<Column>,
}

/// A column, both ways a designer names it. Shown as `L (weight_g)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// Counted from 0: the letter of 0 is A.
    pub index: usize,
    /// As the header names it.
    pub name: String,
}

impl Column {
    /// A, B, .. Z, AA, AB, ...
    #[must_use]
    pub fn letters(&self) -> String {
        let mut letters = Vec::new();
        let mut rest = self.index + 1;
        while rest > 0 {
            rest -= 1;
            letters.push(char::from(b'A' + (rest % 26) as u8));
            rest /= 26;
        }
        letters.iter().rev().collect()
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The set cannot be used.
    Error,
    /// The set can be used; somebody should look.
    Warning,
}

/// One thing that is wrong. Shown on one line: place, value, rule, suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// The cell as it stands in the file; `None` when there is no cell.
    pub value: Option<String>,
    /// The rule that is broken, in words.
    pub rule: String,
    /// The nearest thing that would be right, when there is a near one.
    pub suggestion: Option<String>,
}

/// Why a folder became no set: errors and warnings in order of file, row and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Up to [`MAX_FINDINGS`] errors and as many warnings.
    pub findings: Vec<Finding>,
    /// How many more there are that were not kept.
    pub left_out: usize,
}

impl Report {
    /// The errors alone.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(row) = self.row {
            write!(f, " row {row}")?;
        }
        if let Some(column) = &self.column {
            let comma = if self.row.is_some() { "," } else { "" };
            write!(f, "{comma} column {} ({})", column.letters(), column.name)?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.place)?;
        match self.value.as_deref() {
            None => {}
            Some("") => f.write_str(", empty")?,
            Some(value) => write!(f, ", value \"{}\"", shortened(value))?,
        }
        write!(f, ": {}", self.rule)?;
        match &self.suggestion {
            Some(near) => write!(f, "; did you mean \"{near}\"?"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let errors = self.errors().count();
        write!(f, "master data: {errors} errors, {} warnings", self.findings.len() - errors)?;
        if self.left_out > 0 {
            write!(f, " shown, {} more left out (at most {MAX_FINDINGS} of each are shown)", self.left_out)?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

/// One line of at most [`MAX_SHOWN_CHARS`] characters, whatever the cell holds.
fn shortened(value: &str) -> String {
    let mut line: String = value.chars().take(MAX_SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if value.chars().nth(MAX_SHOWN_CHARS).is_some() {
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{Column, Finding, Place, Severity};

    fn letters(index: usize) -> String {
        Column { index, name: String::new() }.letters()
    }

    #[test]
    fn columns_are_named_as_in_a_spreadsheet() {
        assert_eq!(letters(0), "A");
        assert_eq!(letters(25), "Z");
        assert_eq!(letters(26), "AA");
        assert_eq!(letters(51), "AZ");
        assert_eq!(letters(52), "BA");
        assert_eq!(letters(701), "ZZ");
        assert_eq!(letters(702), "AAA");
    }

    #[test]
    fn a_finding_is_one_line() {
        let finding = Finding {
            severity: Severity::Error,
            place: Place {
                file: "items.csv".to_owned(),
                row: Some(14),
                column: Some(Column { index: 11, name: "weight_g".to_owned() }),
            },
            value: Some("a\nb".to_owned()),
            rule: "an integer from 0 to 9".to_owned(),
            suggestion: Some("4".to_owned()),
        };
        assert_eq!(
            finding.to_string(),
            "error: items.csv row 14, column L (weight_g), value \"a\\nb\": an integer from 0 to 9; did you mean \"4\"?"
        );
    }
}
