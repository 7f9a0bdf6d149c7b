//! The lints that keep the simulation deterministic are checked once themselves: a planted fault must fail.

use std::process::Command;

use crate::root;

fn clippy_on(code: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(
        folder.path().join("Cargo.toml"),
        "[package]\nname = \"planted\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), code).unwrap();
    let run = Command::new(env!("CARGO"))
        .args(["clippy", "--offline", "--quiet", "--", "-D", "warnings"])
        .current_dir(folder.path())
        .env("CLIPPY_CONF_DIR", root().join("ecs-world"))
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .output()
        .unwrap();
    (run.status.success(), String::from_utf8_lossy(&run.stderr).into_owned())
}

#[test]
fn a_hash_map_iteration_in_the_simulation_fails() {
    let (passed, said) = clippy_on(
        "//! Planted.\nuse std::collections::HashMap;\n/// Sums.\npub fn sum(m: &HashMap<u8, u8>) -> u32 {\n    m.values().map(|v| u32::from(*v)).sum()\n}\n",
    );
    assert!(!passed && said.contains("HashMap"), "{said}");
}

#[test]
fn the_machines_clock_in_the_simulation_fails() {
    let (passed, said) =
        clippy_on("//! Planted.\n/// Now.\npub fn now() -> std::time::Instant {\n    std::time::Instant::now()\n}\n");
    assert!(!passed && said.contains("disallowed"), "{said}");
}

#[test]
fn an_ordered_map_passes() {
    let (passed, said) = clippy_on(
        "//! Planted.\nuse std::collections::BTreeMap;\n/// Sums.\npub fn sum(m: &BTreeMap<u8, u8>) -> u32 {\n    m.values().map(|v| u32::from(*v)).sum()\n}\n",
    );
    assert!(passed, "{said}");
}
