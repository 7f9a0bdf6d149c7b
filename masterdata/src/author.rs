//! From a designer's folder of CSV files to a [`MasterData`], with everything that is wrong said at once.
//!
//! Reading order: `columns` says which files and columns there are, `sheet` makes a file into rows of cells, `row` makes cells into
//! values, one file per table holds its rules, `compile` calls them. What breaks a rule becomes a finding; a set comes out only when
//! there is no error among them. No input makes this code panic.

mod balance;
mod classes;
mod columns;
mod compile;
mod drop_tables;
mod dungeons;
mod expectation;
mod findings;
mod folder;
mod hash;
mod items;
mod keys;
mod levels;
mod monsters;
mod near;
mod regions;
mod report;
mod row;
mod sets;
mod sheet;
mod starter;
mod strings;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

pub use expectation::Expectation;
pub use report::{Column, Finding, Place, Report, Severity};
pub use starter::STARTER_FILES;

use crate::tables::MasterData;
use findings::Findings;

/// Reads the CSV files that lie in `folder` (flat: folders in it are passed over), checks every rule and compiles the set. A folder
/// without `classes.csv`, `skills.csv` or `balance.csv` gets the starter's, each for itself. Returns the set and the warnings: what is
/// odd but allowed.
///
/// # Errors
/// All broken rules at once, when there is any, with the warnings among them. [`Report`] prints one line for each.
pub fn load_dir(folder: &Path) -> Result<(MasterData, Vec<Finding>), Report> {
    let mut findings = Findings::default();
    let files = folder::read(folder, &mut findings)?;
    compile::compile(&files, findings)
}

/// As [`load_dir`], from files in memory: name and bytes of each. Files with other names are passed over.
///
/// # Errors
/// As [`load_dir`].
pub fn load_files(files: BTreeMap<String, Vec<u8>>) -> Result<(MasterData, Vec<Finding>), Report> {
    let files = files.into_iter().map(|(name, bytes)| (name, Ok(bytes))).collect();
    compile::compile(&files, Findings::default())
}

/// Our own set, which a server plays that is given no other. It is part of the binary.
#[must_use]
pub fn starter() -> MasterData {
    let files = STARTER_FILES.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    let (set, _) = load_files(files).expect("the embedded files never change, and a test compiles them");
    set
}
