//! Failures on purpose, in a small form. No time is looked at.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_slow_reader_is_ended_and_the_others_hear_everything() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_shallot-load"))
        .args(["faults", "slow-readers", "--chatters", "20", "--slow", "2", "--seconds", "1", "--rounds", "1"])
        .args(["--p99-factor", "0", "--report"])
        .arg(&report)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["rounds"][0]["slow_consumers"], 2);
    assert!(report["rounds"][0]["heard_during"].as_u64().unwrap() > 0);
}
