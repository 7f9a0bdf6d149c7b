//! Names and contents of the tree's files.

use std::path::{Path, PathBuf};

use crate::root;

/// Lines after which a file has surely grown a second job.
const LINES_AT_MOST: usize = 700;

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "data" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 40, "the tree was not read");
    found
}

/// What is wrong with a file, in words.
fn findings(path: &Path, text: &str) -> Vec<String> {
    let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut found = Vec::new();
    if ["util", "utils", "helper", "helpers", "common", "misc", "manager", "mod"].contains(&stem.as_str()) {
        found.push(format!("a file named `{stem}` has no job"));
    }
    if text.lines().count() > LINES_AT_MOST {
        found.push(format!("{} lines: it has grown a second job", text.lines().count()));
    }
    let in_words = [
        (concat!("#[", "allow("), "`expect(lint, reason)` instead of `allow`"),
        (concat!("#![", "allow("), "`expect(lint, reason)` instead of `allow`"),
        (concat!("FIX", "ME"), "an unfinished place"),
        (concat!("TO", "DO"), "an unfinished place"),
        (concat!("#[", "ignore"), "a test that nobody runs"),
    ];
    for (pattern, why) in in_words {
        found.extend(
            text.lines()
                .enumerate()
                .filter(|(_, line)| line.contains(pattern))
                .map(|(n, _)| format!("line {}: {why}", n + 1)),
        );
    }
    found
}

#[test]
fn every_file_has_one_job_and_says_which() {
    let mut all = Vec::new();
    for (path, text) in sources() {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        all.extend(findings(&path, &text).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_planted_fault_is_found() {
    let text = format!("fn f() {{}}\n{}\n", concat!("#[", "allow(dead_code)]"));
    assert_eq!(findings(Path::new("x/helper.rs"), &text).len(), 2);
}

#[test]
fn every_dependency_says_why_it_is_here() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let bare: Vec<&str> = section
        .lines()
        .filter(|line| {
            line.contains('=') && !line.starts_with('#') && !line.starts_with("shallot-") && !line.contains(" # ")
        })
        .collect();
    assert!(bare.is_empty(), "without a reason:\n{}", bare.join("\n"));
}
