//! The files of a folder, read flat and bounded. The only file of the crate that touches a disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::columns::FILES;
use super::compile::Files;
use super::findings::Findings;
use super::near;
use super::report::{Finding, Place, Report, Severity};
use crate::limits::{MAX_FILE_BYTES, MAX_FOLDER_ENTRIES};

/// The CSV files of a set that lie in `folder`. Other files are passed over, other CSV files with a warning.
///
/// # Errors
/// The folder itself cannot be read.
pub(super) fn read(folder: &Path, findings: &mut Findings) -> Result<Files, Report> {
    let names = csv_names(folder).map_err(|error| {
        let place = Place { file: folder.display().to_string(), row: None, column: None };
        let rule = format!("the folder cannot be read: {error}");
        let finding = Finding { severity: Severity::Error, place, value: None, rule, suggestion: None };
        Report { findings: vec![finding], left_out: 0 }
    })?;
    let mut files = Files::new();
    for name in &names {
        if FILES.iter().any(|file| file.name == name) {
            files.insert(name.clone(), read_file(&folder.join(name)));
            continue;
        }
        let missing = FILES.iter().map(|file| file.name).filter(|file| !names.iter().any(|name| name == file));
        findings.push(Finding {
            severity: Severity::Warning,
            place: Place { file: name.clone(), row: None, column: None },
            value: None,
            rule: "no table has this file name; it is not read".to_owned(),
            suggestion: near::nearest(name, missing).map(str::to_owned),
        });
    }
    Ok(files)
}

fn csv_names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for (count, entry) in fs::read_dir(folder)?.enumerate() {
        if count >= MAX_FOLDER_ENTRIES {
            return Err(io::Error::other(format!("it has more than {MAX_FOLDER_ENTRIES} entries")));
        }
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_csv(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn is_csv(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("is larger than {MAX_FILE_BYTES} bytes"));
    }
    Ok(bytes)
}
