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

/// Runs a scenario small; its report. How fast a debug build on a busy machine is proves nothing, so its verdict is not looked at.
fn report(scenario: &str, clients: &str, seconds: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_shallot-load"))
        .args(["faults", scenario, "--clients", clients, "--seconds", seconds, "--report"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(path.exists(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

#[test]
fn players_of_a_server_that_was_killed_all_come_back() {
    let report = report("reconnects", "60", "1");
    assert_eq!((&report["came"], &report["never_came"]), (&60.into(), &0.into()), "{report}");
    assert!(report["in_ms_all"].as_u64() >= report["in_ms_p50"].as_u64(), "{report}");
    assert!(report["took_ms_p50"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn a_crowd_in_one_place_is_served_whole() {
    let report = report("crowd", "40", "2");
    for (what, expected) in [("came", 40), ("in_place", 40), ("lost", 0), ("malformed", 0), ("ticks_lost", 0)] {
        assert_eq!(report[what], expected, "{what}: {report}");
    }
    assert!(report["in_view_p50"].as_u64().unwrap() >= 39, "{report}");
    assert!((1..=1_150).contains(&report["largest"].as_u64().unwrap()), "{report}");
    assert!(report["tick_us_p99"].as_f64().unwrap() > 0.0, "{report}");
}
