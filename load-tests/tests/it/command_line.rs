//! What is wrong is said once, clearly, and ends with an exit code of its own.

use std::process::{Command, Output};

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shallot-load")).arg("demo").args(arguments).output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_is_no_error() {
    let output = demo(&["--help"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for option in ["--bots", "--seconds", "--masterdata", "--server", "--report", "--seed"] {
        assert!(text.contains(option), "{option} in {text}");
    }
}

#[test]
fn a_wrong_argument_is_named() {
    for arguments in [&["--bots", "0"][..], &["--bots", "many"], &["--seconds", "1"], &["--unheard-of"]] {
        let output = demo(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(complaint(&output).contains(arguments.first().unwrap()), "{}", complaint(&output));
    }
}

#[test]
fn a_folder_that_is_not_there_is_named_before_anything_is_built() {
    let output = demo(&["--masterdata", "no/such/folder"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(complaint(&output).lines().count(), 1, "{}", complaint(&output));
    assert!(complaint(&output).contains("no/such/folder"), "{}", complaint(&output));
}

#[test]
fn broken_master_data_is_told_with_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("items.csv"), "id,name\n,\n").unwrap();
    let output = demo(&["--masterdata", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("items.csv"), "{}", complaint(&output));
}

#[test]
fn a_server_that_is_not_there_is_named_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = demo(&["--server", &free]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(complaint(&output).lines().count(), 1, "{}", complaint(&output));
    assert!(complaint(&output).contains(&free), "{}", complaint(&output));
}

#[test]
fn a_relay_says_where_it_listens_and_what_became_of_packets() {
    let output = Command::new(env!("CARGO_BIN_EXE_shallot-load"))
        .args(["link", "relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--loss", "2%", "--seconds", "1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", complaint(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("relay ready listen=127.0.0.1:") && text.contains("0 carried, 0 lost"), "{text}");
}

#[test]
fn a_relay_names_what_it_cannot_read() {
    for (option, value) in [("--loss", "2"), ("--loss", "much"), ("--delay", "25"), ("--rate", "1gbit")] {
        let output = Command::new(env!("CARGO_BIN_EXE_shallot-load"))
            .args(["link", "relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", option, value])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{option} {value}");
        assert!(complaint(&output).contains(value), "{}", complaint(&output));
    }
}
