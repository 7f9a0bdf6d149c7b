//! Connections that keep to the protocol and still do harm: each is ended, by its name, while five players beside lose nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::bystanders::Bystanders;
use crate::pages::counted;
use crate::player::{PATIENCE, account};
use crate::process::Server;
use crate::wire::{
    ACK, DATA, END_STREAM, HEADERS, HEALTH, NO_FLAGS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, Wire, call,
    call_block, frame,
};

const ENDED: &str = "shallot_connections_ended_total";

/// Frames a flood may send before the test gives up on its end.
const FLOOD: u32 = 1_000_000;

/// Sends blocks of frames as fast as they go, reading what comes back, until the server ends it.
async fn flood(mut wire: Wire, mut block: impl FnMut(u32) -> Vec<u8>) {
    let Wire { read, write } = &mut wire;
    let write = async {
        let mut sent = 0;
        while tokio::io::AsyncWriteExt::write_all(write, &block(sent)).await.is_ok() {
            sent += 1;
            assert!(sent < FLOOD, "nothing ended the flood");
        }
    };
    let ended = async { tokio::join!(read.goodbye(), write) };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
}

#[tokio::test]
async fn floods_of_frames_that_cost_nothing_to_send_are_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let beside = Bystanders::come(server.grpc).await;
    let hundred = |one: Vec<u8>| one.repeat(100);
    let ended = async |reason| counted(server.http, ENDED, reason).await;

    let ping = hundred(frame(PING, NO_FLAGS, 0, &[0; 8]));
    flood(Wire::open(server.grpc, &[]).await, |_| ping.clone()).await;
    assert_eq!(ended("control_flood").await, 1);

    // The window of all streams, small and large by turns.
    let window = |bytes: u32| frame(SETTINGS, NO_FLAGS, 0, &[&[0, 4], &bytes.to_be_bytes()[..]].concat());
    flood(Wire::open(server.grpc, &[]).await, |n| window(n % 2 * 65_535)).await;
    let settings = hundred(frame(SETTINGS, NO_FLAGS, 0, &[]));
    flood(Wire::open(server.grpc, &[]).await, |_| settings.clone()).await;
    assert_eq!(ended("settings_flood").await, 2);

    let empty = hundred(frame(DATA, NO_FLAGS, 1, &[]));
    flood(Wire::open(server.grpc, &[]).await, |n| if n == 0 { call(1, HEALTH) } else { empty.clone() }).await;
    assert_eq!(ended("empty_data_flood").await, 1);

    // The smallest step there is, so that the window never runs over.
    let update = hundred(frame(WINDOW_UPDATE, NO_FLAGS, 0, &[0, 0, 0, 1]));
    flood(Wire::open(server.grpc, &[]).await, |_| update.clone()).await;
    assert_eq!(ended("control_flood").await, 2);
    beside.lost_nothing().await;
}

/// A reset only when the server has taken the stream up: what the library counts as harmless however often it comes.
#[tokio::test]
async fn a_polite_rapid_reset_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let beside = Bystanders::come(server.grpc).await;
    let mut wire = Wire::open(server.grpc, &[]).await;
    let (mut next, mut reset) = (1_u32, 0);
    let attack = async {
        loop {
            let streams: Vec<u32> = (0..16).map(|n| next + 2 * n).collect();
            next += 32;
            let calls: Vec<u8> = streams.iter().flat_map(|stream| call(*stream, HEALTH)).collect();
            if !wire.send(&calls).await || !wire.heard().await {
                return;
            }
            let resets: Vec<u8> =
                streams.iter().flat_map(|stream| frame(RST_STREAM, NO_FLAGS, *stream, &[0, 0, 0, 8])).collect();
            if !wire.send(&resets).await {
                return;
            }
            reset += streams.len();
            assert!(reset < 100_000, "nothing ended the resets");
        }
    };
    tokio::time::timeout(PATIENCE, attack).await.unwrap();
    // The burst was let through; more than that, and not more than the rate, got through after it.
    assert!(reset >= 240, "ended after {reset}");
    assert_eq!(counted(server.http, ENDED, "reset_flood").await, 1);
    beside.lost_nothing().await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_drips_is_ended_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "tight"]);
    let beside = Bystanders::come(server.grpc).await;
    let drip = async |mut wire: Wire, bytes: Vec<u8>| {
        let (read, write) = (&mut wire.read, &mut wire.write);
        let write = async {
            let mut pace = tokio::time::interval(Duration::from_millis(200));
            for byte in &bytes {
                pace.tick().await;
                if tokio::io::AsyncWriteExt::write_all(write, &[*byte]).await.is_err() {
                    return;
                }
            }
            panic!("{} bytes in drips were let in", bytes.len());
        };
        tokio::select! {
            ended = tokio::time::timeout(PATIENCE, read.goodbye()) => drop(ended.unwrap()),
            () = write => {}
        }
    };

    let silent = async { Wire::silent(server.grpc).await.read.goodbye().await };
    let only_opened = async { Wire::open(server.grpc, &[]).await.read.goodbye().await };
    let slow_opening = async { drip(Wire::silent(server.grpc).await, PREFACE.repeat(10)).await };
    tokio::join!(silent, only_opened, slow_opening);
    assert_eq!(counted(server.http, ENDED, "no_request").await, 3);

    // After a good request: a frame in drips, and headers that never end.
    let slow_frame = async {
        let mut wire = Wire::open(server.grpc, &[]).await;
        wire.ask(1).await;
        drip(wire, call(3, HEALTH).repeat(10)).await;
    };
    let slow_headers = async {
        let mut wire = Wire::open(server.grpc, &[]).await;
        wire.ask(1).await;
        let block = call_block(HEALTH);
        assert!(wire.send(&frame(HEADERS, NO_FLAGS, 3, &block)).await);
        wire.read.goodbye().await
    };
    tokio::join!(slow_frame, slow_headers);
    assert_eq!(counted(server.http, ENDED, "slow_frame").await, 2);
    beside.lost_nothing().await;
}

#[tokio::test]
async fn what_is_not_http2_is_ended_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    for bytes in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0x16, 3, 1, 2, 0, 1], &[0; 100]] {
        let mut wire = Wire::silent(server.grpc).await;
        assert!(wire.send(bytes).await);
        wire.read.goodbye().await;
    }
    assert_eq!(counted(server.http, ENDED, "not_http2").await, 3);
}

/// The stock accept loop then spins a whole core.
#[tokio::test]
async fn without_file_descriptors_the_door_waits_and_comes_back() {
    const DESCRIPTORS: u32 = 128;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with_descriptors(folder.path(), &["--limits", "load"], DESCRIPTORS);
    let beside = Bystanders::come(server.grpc).await;
    let mut held = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        held.push(Wire::open(server.grpc, &[]).await);
    }
    let failed = || server.log_text().matches("accepting a connection failed").count();
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let runs_out = async {
        while failed() == 0 {
            pace.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, runs_out).await.unwrap();
    let before = failed();
    for _ in 0..10 {
        pace.tick().await;
    }
    // Each worker tries ten times a second.
    let workers = std::thread::available_parallelism().unwrap().get();
    let tries = failed() - before;
    assert!(tries <= 20 * workers, "{tries} tries in a second");
    drop(held);
    let newcomer = tokio::time::timeout(PATIENCE, account(server.grpc, "Robin")).await.unwrap();
    assert_eq!(newcomer.api.characters().list().await.unwrap().len(), 1);
    beside.lost_nothing().await;
}

/// A hub link whose client takes nothing of what it is sent, and answers every PING.
#[tokio::test]
async fn a_hub_client_that_holds_its_window_shut_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "tight"]);
    let beside = Bystanders::come(server.grpc).await;
    // SETTINGS_INITIAL_WINDOW_SIZE 0.
    let mut wire = Wire::open(server.grpc, &[0, 4, 0, 0, 0, 0]).await;
    let token = account(server.grpc, "Robin").await.api.access_token().await.unwrap();
    let hello = crate::links::batch(crate::links::hello(token));
    let message = prost::Message::encode_to_vec(&hello);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let message = frame(DATA, NO_FLAGS, 1, &[&[0], &length[..], &message].concat());
    assert!(wire.send(&[call(1, "/shallot.hub.v1.HubLink/Connect"), message].concat()).await);
    let stalls = async {
        while let Some(came) = wire.read.next().await {
            assert!(came.kind != DATA, "data came through a shut window");
            if came.kind == PING && came.flags == NO_FLAGS {
                drop(wire.write.try_write(&frame(PING, ACK, 0, &came.payload)));
            }
        }
    };
    tokio::time::timeout(PATIENCE, stalls).await.unwrap();
    assert_eq!(counted(server.http, ENDED, "hub_not_read").await, 1);
    beside.lost_nothing().await;
}

/// 500 calls a second with 64 streams open, every tenth given up at once: never ended, whether or not the rates by class refuse
/// the calls. Headers and message go out together, as libraries send a small call.
#[tokio::test]
async fn a_busy_client_is_never_ended() {
    const STREAMS: u32 = 64;
    const ROUNDS: u32 = 32;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mut wire = Wire::open(server.grpc, &[]).await;
    let mut pace = tokio::time::interval(Duration::from_secs(1) * STREAMS / 500);
    for round in 0..ROUNDS {
        pace.tick().await;
        let stream = |n: u32| 2 * (round * STREAMS + n) + 1;
        let given_up = |n: u32| n % 10 == 9;
        let call = |n| [call(stream(n), HEALTH), frame(DATA, END_STREAM, stream(n), &[0; 5])].concat();
        let reset = |n| frame(RST_STREAM, NO_FLAGS, stream(n), &[0, 0, 0, 8]);
        let calls = (0..STREAMS).flat_map(call);
        let resets = (0..STREAMS).filter(|n| given_up(*n)).flat_map(reset);
        assert!(wire.send(&calls.chain(resets).collect::<Vec<u8>>()).await, "ended in round {round}");
        let mut open: BTreeSet<u32> = (0..STREAMS).filter(|n| !given_up(*n)).map(stream).collect();
        while !open.is_empty() {
            let frame = wire.read.next().await;
            let frame = frame.unwrap_or_else(|| panic!("ended in round {round}"));
            assert_eq!(frame.error(), None, "{frame:?}");
            if frame.kind == PING && frame.flags == NO_FLAGS {
                assert!(wire.send(&crate::wire::frame(PING, ACK, 0, &frame.payload)).await);
            }
            if frame.kind == HEADERS && frame.flags & END_STREAM != 0 {
                open.remove(&frame.stream);
            }
        }
    }
    let body = tokio::task::spawn_blocking(move || crate::pages::get(server.http, "/metrics").1).await.unwrap();
    assert!(!body.contains(ENDED), "a connection was ended");
}
