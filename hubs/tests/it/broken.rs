//! The patches that `scripts/broken` breaks the runtime with: one for each semantic line, and none that has rotted.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Semantic lines of the hubs (docs/HUBS.md).
const LINES: u8 = 14;

/// The workspace's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    found.sort();
    found
}

/// Numbers of the lines that have a test, each as often as it has one; 0 for a test that is named after none.
fn tested() -> Vec<u8> {
    let mut numbers = Vec::new();
    for path in files("hubs/tests/semantics", "rs") {
        let text = fs::read_to_string(path).unwrap();
        let tests = text.lines().zip(text.lines().skip(1)).filter(|(above, _)| above.trim_start() == "#[tokio::test]");
        let names = tests.map(|(_, line)| line.trim_start_matches("async fn ").to_owned());
        let number = |name: String| name.strip_prefix("line_").and_then(|name| name.get(..2)?.parse().ok());
        numbers.extend(names.map(|name| number(name).unwrap_or(0)));
    }
    numbers.sort_unstable();
    numbers
}

#[test]
fn each_line_of_the_hubs_has_one_test_and_one_patch() {
    let all: Vec<u8> = (1..=LINES).collect();
    assert_eq!(tested(), all, "tests");
    let stem = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().parse().unwrap();
    assert_eq!(files("hubs/tests/broken", "patch").iter().map(stem).collect::<Vec<u8>>(), all, "patches");
}

#[test]
fn each_patch_says_what_it_breaks_and_applies_to_the_runtime() {
    let mut said = BTreeSet::new();
    for path in files("hubs/tests/broken", "patch") {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap().to_owned();
        assert!(first.len() > 20 && !first.starts_with("diff "), "{} does not say what it breaks", path.display());
        assert!(said.insert(first), "{} says what another says", path.display());
        let touched: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("+++ ")).collect();
        assert!(!touched.is_empty() && touched.iter().all(|file| file.starts_with("b/hubs/src/")), "{touched:?}");
        let check = Command::new("git").args(["apply", "--check"]).arg(&path).current_dir(root()).output().unwrap();
        let why = String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success(), "{} does not apply any more: {why}", path.display());
    }
}
