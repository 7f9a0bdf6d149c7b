//! Sets in a folder on disk.

use std::fs::{self, File};
use std::path::Path;

use shallot_masterdata::author::{self, STARTER_FILES};
use shallot_masterdata::limits::MAX_FILE_BYTES;
use tempfile::TempDir;

fn starter_on_disk() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in STARTER_FILES {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn errors(folder: &Path) -> Vec<String> {
    author::load_dir(folder).unwrap_err().errors().map(ToString::to_string).collect()
}

#[test]
fn a_copy_of_the_starter_is_the_starter() {
    let folder = starter_on_disk();
    let (set, warnings) = author::load_dir(folder.path()).unwrap();
    assert_eq!(set.hash, author::starter().hash);
    assert_eq!(warnings, []);
}

#[test]
fn the_embedded_files_are_those_of_the_project() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("starter");
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut embedded: Vec<&str> = STARTER_FILES.iter().map(|(name, _)| *name).collect();
    names.sort();
    embedded.sort_unstable();
    assert_eq!(names, embedded);
}

#[test]
fn other_files_and_folders_are_passed_over() {
    let folder = starter_on_disk();
    fs::create_dir(folder.path().join("old")).unwrap();
    fs::write(folder.path().join("old").join("items.csv"), "not read").unwrap();
    fs::write(folder.path().join("NOTES.md"), "not read").unwrap();
    fs::rename(folder.path().join("item_bundles.csv"), folder.path().join("item_bundels.csv")).unwrap();
    let (_, warnings) = author::load_dir(folder.path()).unwrap();
    let lines: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["warning: item_bundels.csv: no table has this file name; it is not read; did you mean \"item_bundles.csv\"?"]
    );
}

#[test]
fn a_folder_that_is_none() {
    let folder = starter_on_disk();
    for path in [folder.path().join("nowhere"), folder.path().join("items.csv")] {
        let lines = errors(&path);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let start = format!("error: {}: the folder cannot be read: ", path.display());
        assert!(lines[0].starts_with(&start), "{}", lines[0]);
    }
}

#[test]
fn a_file_that_cannot_be_read() {
    let folder = starter_on_disk();
    fs::remove_file(folder.path().join("items.csv")).unwrap();
    fs::create_dir(folder.path().join("items.csv")).unwrap();
    let lines = errors(folder.path());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("error: items.csv: cannot be read: "), "{}", lines[0]);
}

#[test]
fn a_file_without_end() {
    let folder = starter_on_disk();
    File::create(folder.path().join("items.csv")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
    assert_eq!(errors(folder.path()), ["error: items.csv: is larger than 33554432 bytes"]);
}

#[test]
fn an_empty_folder_names_each_missing_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let lines = errors(folder.path());
    assert_eq!(lines.len(), 9, "{lines:#?}");
    assert!(lines.iter().all(|line| line.ends_with(".csv: the file is missing")), "{lines:#?}");
}
