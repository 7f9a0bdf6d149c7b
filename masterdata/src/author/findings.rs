//! Collects findings while a folder is read, up to a bound.

use super::near;
use super::report::{Column, Finding, Place, Report, Severity};
use super::sheet::Sheet;
use crate::limits::MAX_FINDINGS;

/// All that was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    left_out: usize,
}

impl Findings {
    /// Keeps `finding`, or counts it when its kind is full.
    pub(super) fn push(&mut self, finding: Finding) {
        let kept = match finding.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if kept.len() < MAX_FINDINGS {
            kept.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    /// An error of a whole file.
    pub(super) fn file_error(&mut self, file: &str, rule: impl Into<String>) {
        self.push(of_file(Severity::Error, file, rule));
    }

    /// An error of a cell, looked up in its sheet for its letter and value.
    pub(super) fn error(&mut self, sheet: &Sheet, at: usize, column: &str, rule: impl Into<String>) {
        self.push(of_cell(Severity::Error, sheet, at, column, rule));
    }

    /// Something odd about a cell.
    pub(super) fn warning(&mut self, sheet: &Sheet, at: usize, column: &str, rule: impl Into<String>) {
        self.push(of_cell(Severity::Warning, sheet, at, column, rule));
    }

    /// An error of a cell whose `word` should be one of `choices`; the nearest is suggested.
    pub(super) fn error_near<'a>(
        &mut self,
        (sheet, at, column): (&Sheet, usize, &str),
        rule: impl Into<String>,
        word: &str,
        choices: impl Iterator<Item = &'a str>,
    ) {
        let mut finding = of_cell(Severity::Error, sheet, at, column, rule);
        if self.errors.len() < MAX_FINDINGS {
            finding.suggestion = near::nearest(word, choices).map(str::to_owned);
        }
        self.push(finding);
    }

    /// An error of a cell for which what was meant is known.
    pub(super) fn error_with(
        &mut self,
        (sheet, at, column): (&Sheet, usize, &str),
        rule: String,
        suggestion: Option<String>,
    ) {
        self.push(Finding { suggestion, ..of_cell(Severity::Error, sheet, at, column, rule) });
    }

    /// The warnings of a set without errors, or the report of one with some.
    pub(super) fn verdict(mut self) -> Result<Vec<Finding>, Report> {
        sort(&mut self.warnings);
        if self.errors.is_empty() {
            return Ok(self.warnings);
        }
        let mut findings = self.errors;
        findings.append(&mut self.warnings);
        sort(&mut findings);
        Err(Report { findings, left_out: self.left_out })
    }
}

fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| a.place.cmp(&b.place));
}

fn of_file(severity: Severity, file: &str, rule: impl Into<String>) -> Finding {
    let place = Place { file: file.to_owned(), row: None, column: None };
    Finding { severity, place, value: None, rule: rule.into(), suggestion: None }
}

fn of_cell(severity: Severity, sheet: &Sheet, at: usize, column: &str, rule: impl Into<String>) -> Finding {
    let place = Place {
        file: sheet.shown_name(),
        row: Some(sheet.row_number(at)),
        column: sheet.column_index(column).map(|index| Column { index, name: column.to_owned() }),
    };
    Finding { severity, place, value: Some(sheet.cell(at, column).to_owned()), rule: rule.into(), suggestion: None }
}
