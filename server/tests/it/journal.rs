//! What a server recorded, another process replays to the same state; what is wrong with a file is told.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::player::Player;
use crate::process::Server;

/// Where a record's length and checksum end and its payload begins.
const FRAME: usize = 8;
/// Magic and versions.
const BEGINNING: usize = 16;

fn journals(folder: &Path, region: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of_region = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(region);
    let mut paths: Vec<PathBuf> = entries.filter(of_region).collect();
    paths.sort();
    paths
}

fn replay(file: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shallot")).arg("replay").arg(file).args(args).output().unwrap()
}

/// A replay that finds all equal; what it said.
fn equal(file: &Path) -> String {
    let output = replay(file, &[]);
    let (said, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""), "{said}");
    said
}

/// A replay that fails with that code; what it said of it.
fn refused(file: &Path, args: &[&str], code: i32) -> String {
    let output = replay(file, args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// Two players hunt on a server that keeps journals, until both have something.
async fn session(folder: &Path, environment: &[(&str, &str)]) -> Server {
    let dir = folder.join("journals");
    let mut all = vec![("SHALLOT__JOURNAL__DIR", dir.to_str().unwrap())];
    all.extend(environment);
    let server = Server::start_with(folder, &["--limits", "load", "--seed", "7"], &all);
    let (mut one, mut two) = (Player::enter(server.grpc, "Robin").await, Player::enter(server.grpc, "Marian").await);
    tokio::join!(
        one.hunt(|seen| seen.rewards.values().any(|r| r.xp > 0) && seen.rewards.values().any(|r| r.monster.is_empty())),
        two.hunt(|seen| !seen.rewards.is_empty()),
    );
    one.leave().await;
    two.walk(64, 10).await;
    server
}

#[tokio::test]
async fn a_session_replays_in_another_process_to_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let server = session(folder.path(), &[]).await;
    let written = server.metric("shallot_journal_bytes_total{region=\"brookfield\"}");
    assert!(written > 10_000.0, "{written}");
    let gaps = |reason| format!("shallot_journal_interrupted_total{{region=\"brookfield\",reason=\"{reason}\"}}");
    assert_eq!(["behind", "failed"].map(|reason| server.metric(&gaps(reason))), [0.0; 2]);
    server.stop();
    let dir = folder.path().join("journals");
    let [played] = &journals(&dir, "brookfield")[..] else { panic!("{dir:?}") };
    let said = equal(played);
    assert!(said.contains("region brookfield, epoch 1, seed 7, from tick 0"), "{said}");
    assert!(said.contains("ends      with the shard's orderly stop") && said.contains("equal     at all"), "{said}");
    // The other region's journal has nobody in it.
    let [empty] = &journals(&dir, "stonewash")[..] else { panic!("{dir:?}") };
    assert!(equal(empty).contains(", 0 commands"));

    let tables = other_tables(folder.path());
    let told = refused(played, &["--masterdata", tables.to_str().unwrap()], 6);
    assert!(told.contains("another set of master data") && told.contains("--masterdata"), "{told}");
    damaged_files(folder.path(), &std::fs::read(played).unwrap());
}

/// The starter set with a longer reach.
fn other_tables(folder: &Path) -> PathBuf {
    let tables = folder.join("tables");
    std::fs::create_dir(&tables).unwrap();
    for (name, text) in shallot_masterdata::author::STARTER_FILES {
        std::fs::write(tables.join(name), text.replace("player_reach_cm,200", "player_reach_cm,201")).unwrap();
    }
    tables
}

/// Files that are not what was written, and what is said of each.
fn damaged_files(folder: &Path, whole: &[u8]) {
    let path = folder.join("changed.journal");
    let with = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        path.as_path()
    };
    assert!(refused(&folder.join("nowhere"), &[], 3).contains("there is no file"));
    assert!(refused(with(b"To whom it may concern"), &[], 4).contains("is not a journal"));
    assert!(refused(with(b""), &[], 4).contains("is not a journal"));
    let mut newer = whole.to_vec();
    newer[8] = 99;
    assert!(refused(with(&newer), &[], 5).contains("version 99 of journals"));
    assert!(refused(with(&whole[..BEGINNING + 100]), &[], 9).contains("cut off before its first tick"));

    // The end is torn off: what is there is replayed, and the user is told.
    let torn = whole.len() - 3;
    let said = equal(with(&whole[..torn]));
    assert!(said.contains("warning: the journal ends early") && said.contains("without an end"), "{said}");
    let mut flipped = whole.to_vec();
    flipped[torn] ^= 1;
    assert!(equal(with(&flipped)).contains("its checksum is another one"));

    // What lies before other records was written well once: no crash does that. What comes before it is compared all the same.
    let last_mark = records(whole).into_iter().rfind(|record| whole[record.start] == 2).unwrap();
    let mut flipped = whole.to_vec();
    flipped[last_mark.end - 1] ^= 1;
    let told = refused(with(&flipped), &[], 11);
    assert!(told.contains(&format!("goes on after byte {}", last_mark.start - FRAME)), "{told}");

    // A mark that was never true, under a checksum that is.
    let mut lie = whole.to_vec();
    let mark = records(whole).into_iter().find(|record| whole[record.start] == 2).unwrap();
    lie[mark.end - 1] ^= 1;
    let checksum = crc32c(&lie[mark.clone()]);
    lie[mark.start - 4..mark.start].copy_from_slice(&checksum.to_le_bytes());
    let said = refused(with(&lie), &[], 7);
    assert!(said.contains("the state differs at tick 20: recorded") && said.contains("equal at tick 0"), "{said}");
    let fifth = records(whole).into_iter().filter(|record| whole[record.start] == 1).nth(4).unwrap();
    let missing = [&whole[..fifth.start - FRAME], &whole[fifth.end..]].concat();
    assert!(refused(with(&missing), &[], 10).contains("a tick is missing"));
}

/// Where the payload of each record is.
fn records(journal: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut at, mut all) = (BEGINNING, Vec::new());
    while let Some(length) = journal.get(at..at + 4) {
        let start = at + FRAME;
        at = start + u32::from_le_bytes(length.try_into().unwrap()) as usize;
        all.push(start..at);
    }
    all
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 })
    })
}

#[tokio::test]
async fn a_panic_ends_one_journal_and_begins_another_and_both_replay() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("journals");
    let environment = [("SHALLOT__JOURNAL__DIR", dir.to_str().unwrap()), ("SHALLOT__FAULTS__SHARD_PANIC_TICK", "100")];
    let server = Server::start_with(folder.path(), &["--limits", "load"], &environment);
    let mut player = Player::enter(server.grpc, "Robin").await;
    let mut turns = 0;
    while !server.log_text().contains("goes on from its checkpoint") {
        player.walk(64, 5).await;
        turns += 5;
        assert!(turns < 2_000, "the fault never fired");
    }
    player.walk(192, 40).await;
    server.stop();
    let [first, second] = &journals(&dir, "brookfield")[..] else { panic!("{:?}", journals(&dir, "")) };
    assert!(equal(first).contains("ends      with a panic of the shard"));
    let said = equal(second);
    assert!(said.contains("epoch 2,") && said.contains("with the shard's orderly stop"), "{said}");
}

#[tokio::test]
async fn a_server_that_was_killed_leaves_a_journal_to_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let server = session(folder.path(), &[]).await;
    server.kill();
    let dir = folder.path().join("journals");
    let [left] = &journals(&dir, "brookfield")[..] else { panic!("{dir:?}") };
    assert!(equal(left).contains("without an end"));
    // The next start does not touch it.
    let before = std::fs::read(left).unwrap();
    let environment = [("SHALLOT__JOURNAL__DIR", dir.to_str().unwrap())];
    Server::start_with(folder.path(), &["--limits", "load"], &environment).stop();
    let [first, second] = &journals(&dir, "brookfield")[..] else { panic!("{dir:?}") };
    assert_eq!((first, &std::fs::read(first).unwrap()), (left, &before));
    assert!(equal(second).contains("epoch 2,"));
}

#[test]
fn a_folder_that_cannot_be_written_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"in the way").unwrap();
    let environment = [("SHALLOT__JOURNAL__DIR", file.to_str().unwrap())];
    let (status, said) = crate::process::refused(folder.path(), &[], &environment);
    assert!(!status.success());
    assert!(said.contains("cannot write the journal of brookfield in"), "{said}");
}
