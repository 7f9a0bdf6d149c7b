//! The benchmarks' own computations on few sessions: every message arrives exactly once and is counted, every figure is there. No time is
//! looked at.

use std::process::Command;

use serde_json::Value;
use shallot_load::screen::complain;

#[test]
fn every_delivery_of_the_hub_benchmark_arrives_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let scenarios = "broadcast-60,room-100,rooms-100x10,tell-100,echo,idle";
    let output = Command::new(env!("CARGO_BIN_EXE_shallot-load"))
        .args(["bench", "hubs", "--sessions", "20", "--seconds", "1", "--rounds", "0", "--only", scenarios, "--report"])
        .arg(&report)
        .output()
        .unwrap();
    // A message that is lost, doubled or out of order is a problem, and a problem is a failure.
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["problems"], Value::Array(Vec::new()));
    let lines = report["scenarios"].as_array().unwrap();
    assert_eq!(lines.len(), scenarios.split(',').count());
    for line in lines {
        for side in ["hub", "plain"] {
            let allocations = line[side]["allocations"].as_f64().unwrap();
            assert!(allocations.is_finite() && allocations >= 0.0, "{line}");
        }
        let allocated = line["hub"]["allocated_bytes"].as_f64().unwrap();
        assert!(allocated > 0.0, "the allocator does not count: {line}");
    }
}

/// Plays a scene of the netcode benchmark with few players for a short while; what was measured, or the problem.
fn scene(name: &str, players: u32) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let players = players.to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_shallot-load"))
        .args(["bench", "netcode", "--only", name, "--players", &players, "--seconds", "3", "--report"])
        .arg(&report)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(output.status.success(), problems.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    match problems.first() {
        Some(problem) => Err(problem.to_string()),
        None => Ok(report["scenes"][0].clone()),
    }
}

#[test]
fn the_netcode_benchmark_sees_what_players_see_and_what_it_costs() {
    let measured = scene("siege", 10).unwrap();
    let number = |name: &str| measured[name].as_f64().unwrap_or_else(|| panic!("no {name}: {measured}"));
    assert_eq!((number("players"), number("lost")), (10.0, 0.0));
    // Everybody has everybody and the monsters near.
    assert!(number("in_view") > 20.0, "{measured}");
    for figure in ["client_ticks", "gateway_us", "shard_us", "bytes_down", "snapshot_bytes", "change_bytes"] {
        assert!(number(figure) > 0.0, "{figure}: {measured}");
    }
    assert!(number("replication_us") < number("shard_us"), "{measured}");
    assert!(measured["drawn_cm_p99"][0].as_f64().is_some(), "nobody was compared: {measured}");
    assert!(measured["tick"]["count"].as_u64().unwrap() > 20, "{measured}");
    assert!(measured["age_datagrams"]["p50"].as_f64().is_some() && measured["age_stream"].is_null(), "{measured}");
}

/// The same of a scene that needs a line; `None` on a machine that can have none, after a line that `scripts/test` counts.
fn scene_behind_a_line(name: &str, players: u32) -> Option<Value> {
    match scene(name, players) {
        Ok(measured) => Some(measured),
        Err(problem) => {
            assert!(problem.contains("there can be no line here"), "{problem}");
            complain(&format!("SKIPPED a test of bench netcode: {problem}"));
            None
        }
    }
}

#[test]
fn a_field_is_measured_between_two_looks_at_plain_quic() {
    let Some(measured) = scene_behind_a_line("field", 6) else { return };
    for look in [0, 1] {
        let us = measured["plain_quic_us"][look].as_f64().unwrap_or_else(|| panic!("no plain QUIC: {measured}"));
        assert!(us > 0.0 && us < 50_000.0, "{measured}");
    }
    // An input datagram has 16 bytes and 3 for each of 1 to 8 inputs.
    let input_bytes = measured["input_bytes"].as_f64().unwrap();
    assert!((19.0..=40.0).contains(&input_bytes), "{measured}");
}

#[test]
fn behind_a_line_both_ways_of_hearing_have_ages_above_the_floor() {
    let Some(measured) = scene_behind_a_line("line-2", 6) else { return };
    for way in ["age_datagrams", "age_stream"] {
        // Half of the time the newest state is older than the line's delay and half of a tick, less what the clock's steps are.
        let p50 = measured[way]["p50"].as_f64().unwrap_or_else(|| panic!("no {way}: {measured}"));
        assert!(p50 > 45.0, "{way}: {measured}");
    }
    assert!(measured["age_floor"]["p99"].as_f64().unwrap() > 99.0, "{measured}");
}
