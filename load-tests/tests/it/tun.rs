//! The line through a TUN device: what it is asked for is what it does, to UDP and TCP alike.

use std::process::{Command, Output};

use serde_json::Value;
use shallot_load::screen::complain;

/// Exit code where a machine can have no such line.
const UNAVAILABLE: i32 = 3;

/// Runs it; `None` on a machine that cannot, after a line past the test's captured output, which `scripts/test` counts.
fn tun(arguments: &[&str]) -> Option<Output> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_shallot-load")).args(["link", "tun"]).args(arguments).output().unwrap();
    if output.status.code() == Some(UNAVAILABLE) {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(why.contains("link tun cannot run here: "), "{why}");
        complain(&format!("SKIPPED a test of link tun: {}", why.trim()));
        return None;
    }
    Some(output)
}

fn probe(arguments: &[&str]) -> Option<Value> {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let output = tun(&[arguments, &["--report", report.to_str().unwrap()]].concat())?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap())
}

#[test]
fn a_line_without_conditions_loses_nothing() {
    let Some(found) = probe(&[]) else { return };
    assert_eq!(found["came_back"], found["sent"], "{found}");
    assert!(found["udp_rtt_us_least"].as_u64().unwrap() < 20_000, "{found}");
    assert_eq!(found["tcp_bytes"], 131_072);
}

#[test]
fn fifty_milliseconds_and_two_percent_are_what_udp_and_tcp_see() {
    let Some(found) = probe(&["--delay", "25ms", "--loss", "2%", "--seed", "3"]) else { return };
    // The least: what the machine itself is late by comes and goes.
    for rtt in ["udp_rtt_us_least", "tcp_rtt_us_least"] {
        let rtt_us = found[rtt].as_u64().unwrap();
        assert!((50_000..60_000).contains(&rtt_us), "{rtt}: {found}");
    }
    let lost = found["sent"].as_i64().unwrap() - found["came_back"].as_i64().unwrap();
    // 3.96 % of a thousand, and four standard deviations.
    assert!((15..=65).contains(&lost), "{lost} lost");
    assert_eq!(found["tcp_bytes"], 131_072);
}

#[test]
fn a_command_runs_behind_the_line_and_its_exit_code_is_told() {
    let Some(output) = tun(&["--", "sh", "-c", "ip -brief address; exit 7"]) else { return };
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("10.77.0.1/24"), "{text}");
}
