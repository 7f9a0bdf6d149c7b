//! The edges of docs/ARCHITECTURE.md, read from `cargo metadata`.

use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::root;

type Edge = (String, String);

/// Crate, and whom of ours it may know at run time.
const NORMAL: [(&str, &[&str]); 11] = [
    ("shallot-wire", &[]),
    ("shallot-proto", &["shallot-wire"]),
    ("shallot-masterdata", &[]),
    ("shallot-hubs", &["shallot-proto"]),
    ("shallot-hubs-codegen", &[]),
    ("shallot-client", &["shallot-proto", "shallot-hubs", "shallot-masterdata"]),
    ("shallot-world", &["shallot-wire", "shallot-masterdata"]),
    ("shallot-services", &["shallot-proto", "shallot-masterdata"]),
    ("shallot-stores", &["shallot-proto", "shallot-services", "shallot-hubs"]),
    (
        "shallot-server",
        &["shallot-proto", "shallot-hubs", "shallot-masterdata", "shallot-services", "shallot-stores", "shallot-world"],
    ),
    ("shallot-load", &["shallot-proto", "shallot-client", "shallot-masterdata"]),
];
/// The same while building.
const BUILD: [(&str, &[&str]); 1] = [("shallot-hubs", &["shallot-hubs-codegen"])];
/// The same in tests.
const DEV: [(&str, &[&str]); 6] = [
    ("shallot-world", &["shallot-masterdata"]),
    ("shallot-services", &["shallot-masterdata"]),
    ("shallot-stores", &["shallot-services", "shallot-masterdata", "shallot-hubs"]),
    ("shallot-server", &["shallot-client"]),
    ("shallot-hubs", &["shallot-hubs-codegen"]),
    ("shallot-client", &["shallot-hubs"]),
];

fn forbidden(edges: &[Edge], allowed: &[(&str, &[&str])]) -> Vec<Edge> {
    let may = |from: &str, to: &str| allowed.iter().any(|(name, known)| *name == from && known.contains(&to));
    edges.iter().filter(|(from, to)| !may(from, to)).cloned().collect()
}

fn edges(kind: DependencyKind) -> Vec<Edge> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let ours = |name: &str| metadata.packages.iter().any(|package| package.name.as_str() == name);
    let of_kind = |package: &cargo_metadata::Package| {
        let from = package.name.to_string();
        let known = package.dependencies.iter().filter(|d| d.kind == kind && ours(&d.name)).map(|d| d.name.clone());
        known.map(|to| (from.clone(), to)).collect::<Vec<_>>()
    };
    metadata.packages.iter().flat_map(of_kind).collect()
}

#[test]
fn no_crate_knows_whom_it_must_not() {
    let found = edges(DependencyKind::Normal);
    assert!(found.len() > 10, "the graph was not read: {found:?}");
    assert_eq!(forbidden(&found, &NORMAL), [], "normal edges that docs/ARCHITECTURE.md does not have");
    assert_eq!(forbidden(&edges(DependencyKind::Build), &BUILD), [], "build edges");
    assert_eq!(forbidden(&edges(DependencyKind::Development), &DEV), [], "dev edges");
}

#[test]
fn a_planted_edge_is_found() {
    let mut found = edges(DependencyKind::Normal);
    let planted = ("shallot-world".to_owned(), "shallot-services".to_owned());
    found.push(planted.clone());
    assert_eq!(forbidden(&found, &NORMAL), [planted]);
}

#[test]
fn the_simulation_has_no_runtime_no_network_and_no_store_below_it() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "shallot-world", "-e", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&tree.stdout);
    assert!(tree.status.success() && text.contains("bevy_ecs"), "{}", String::from_utf8_lossy(&tree.stderr));
    for banned in ["tokio ", "sqlx", "quinn", "tonic", "prost ", "serde_json", "rand "] {
        assert!(!text.lines().any(|line| line.starts_with(banned)), "shallot-world stands on {banned}:\n{text}");
    }
}
