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

#[test]
fn clients_whose_links_are_cut_lose_nothing_or_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_shallot-load"))
        .args(["faults", "cut-links", "--clients", "20", "--cuts", "60", "--seconds", "4", "--grace-seconds", "4"])
        .args(["--seed", "7", "--report"])
        .arg(&report)
        .output()
        .unwrap();
    // What is lost, doubled, out of order or not told is a failure.
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!((&report["cuts"], &report["away_told"]), (&60.into(), &1.into()));
    for happened in ["resumed", "lost", "pushes", "calls_answered", "one_way", "questions"] {
        assert!(report[happened].as_u64().unwrap() > 0, "{happened}: {report}");
    }
}
