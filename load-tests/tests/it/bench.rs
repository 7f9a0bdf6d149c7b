//! The benchmark's own computations on few sessions: every message arrives exactly once and is counted. No time is looked at.

use std::process::Command;

use serde_json::Value;

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
