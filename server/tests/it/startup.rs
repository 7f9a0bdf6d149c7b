//! A server that cannot start says why in plain words and ends with a failure.

use std::net::TcpListener;

use crate::process::{Server, refused};

#[test]
fn a_port_in_use_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for listener in ["--grpc", "--http"] {
        let (status, said) = refused(folder.path(), &[listener, &address], &[]);
        assert!(!status.success());
        assert!(said.lines().last().unwrap().contains(&format!("cannot listen on tcp {address}")), "{said}");
    }
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap().to_string();
    let (status, said) = refused(folder.path(), &["--quic", &address], &[]);
    assert!(!status.success() && said.contains(&format!("cannot listen on udp {address}")), "{said}");
}

#[test]
fn a_data_folder_that_cannot_be_one_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    // Where a folder is expected lies a file: no right in the world makes a folder of it.
    std::fs::write(folder.path().join("data"), "not a folder").unwrap();
    let (status, said) = refused(folder.path(), &[], &[]);
    assert!(!status.success());
    assert!(said.contains("shallot:") && said.contains("data"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let (status, said) = refused(folder.path(), &[], &[]);
    assert!(!status.success());
    assert!(said.contains("shallot:") && !said.contains("panicked"), "{said}");
    server.stop();
}

/// A database with nothing in it but the record of migration 9999, which no server of today has.
const NEWER_SCHEMA: &[u8] = include_bytes!("fixtures/newer-schema.db");

#[test]
fn a_database_of_a_newer_server_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.stop();
    let data = folder.path().join("data");
    for journal in ["shallot.db-wal", "shallot.db-shm"] {
        drop(std::fs::remove_file(data.join(journal)));
    }
    std::fs::write(data.join("shallot.db"), NEWER_SCHEMA).unwrap();
    let (status, said) = refused(folder.path(), &["--log", "error"], &[]);
    assert!(!status.success());
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("shallot: ") && said.contains("shallot.db has schema 9999"), "{said}");
    assert!(said.contains("use the newer server"), "{said}");
}

#[test]
fn every_problem_of_the_configuration_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shallot.toml");
    std::fs::write(&file, "[net]\nworkers = 'many'\npublik_host = 'x'\n[auth]\naccess_minutes = 999\n").unwrap();
    let environment = [("SHALLOT__PROFILE", "production"), ("SHALLOT__LIMITS__PROFILE", "load")];
    let (status, said) = refused(folder.path(), &["--config", file.to_str().unwrap()], &environment);
    assert!(!status.success());
    for key in [
        "net.workers",
        "net.publik_host",
        "did you mean `public_host`?",
        "auth.access_minutes",
        "net.tls",
        "limits.profile",
    ] {
        assert!(said.contains(key), "{key} is missing in:\n{said}");
    }
    let (status, said) = refused(folder.path(), &["--config", "absent.toml"], &[]);
    assert!(!status.success() && said.contains("absent.toml"), "{said}");
}

#[test]
fn broken_master_data_is_printed_whole() {
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("tables");
    std::fs::create_dir(&tables).unwrap();
    for (name, text) in shallot_masterdata::author::STARTER_FILES {
        let text = match name {
            "regions.csv" => text.replacen(",1,0", ",2,0", 1),
            "region_spawns.csv" => text.replacen("meadow_rat", "meadow_ratt", 1),
            _ => text.to_owned(),
        };
        std::fs::write(tables.join(name), text).unwrap();
    }
    let (status, said) = refused(folder.path(), &["--masterdata", tables.to_str().unwrap()], &[]);
    assert!(!status.success());
    assert!(
        said.contains("regions.csv") && said.contains("region_spawns.csv") && said.contains("meadow_ratt"),
        "{said}"
    );
    let (status, said) = refused(folder.path(), &["--masterdata", "nowhere"], &[]);
    assert!(!status.success() && said.contains("nowhere"), "{said}");
}

#[test]
fn a_stop_in_mid_flight_is_orderly_and_a_second_start_works() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.stop();
    let server = Server::start(folder.path(), &[]);
    let log = server.log_text();
    server.stop();
    assert_eq!(log.matches("made the data folder").count(), 1, "{log}");
}
