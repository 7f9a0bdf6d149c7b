//! The beginning of a session: Open, Hello, Welcome, and what else a client may come with.

use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::test_hub;
use crate::raw::{Raw, hello, make_hello};
use crate::rig::{Rig, WALL_MS, session_id, settle, token, token_of};

#[tokio::test]
async fn open_comes_before_anything_is_read() {
    let rig = Rig::new();
    let mut raw = Raw::open(&rig);
    let Down::Open(open) = raw.next().await else { panic!("an Open was expected") };
    assert_eq!((open.server_time_ms, open.heartbeat_ms), (WALL_MS, 5_000));
    assert_eq!(open.contract_hash, CONTRACT_HASH.to_vec());
}

#[tokio::test]
async fn welcome_names_the_session_and_the_channel_of_its_worker() {
    let rig = Rig::new();
    let mut raw = Raw::open(&rig);
    raw.send(hello(&token(1))).await;
    raw.next().await;
    let Down::Welcome(welcome) = raw.next().await else { panic!("a Welcome was expected") };
    assert_eq!(welcome.session_id, session_id(1).0.to_vec());
    assert_eq!((welcome.resumed, welcome.last_call_id), (false, 0));
    let channel = welcome.channel.unwrap();
    assert_eq!((&*channel.address, channel.ticket), (":3", session_id(1).0.to_vec().into()));
}

#[tokio::test]
async fn a_call_before_hello_is_refused() {
    let rig = Rig::new();
    let mut raw = Raw::open(&rig);
    raw.call(&test_hub::ECHO, "early").await;
    let go_away = raw.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (9, "HELLO_EXPECTED"));
}

#[tokio::test]
async fn silence_before_hello_has_an_end() {
    let rig = Rig::new();
    let mut raw = Raw::open(&rig);
    settle().await;
    rig.pass_ms(5_000).await;
    let go_away = raw.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (4, "HELLO_TIMEOUT"));
}

#[tokio::test]
async fn so_has_an_authenticator_that_hangs() {
    let rig = Rig::new();
    let mut raw = Raw::open(&rig);
    raw.send(hello("never")).await;
    settle().await;
    rig.pass_ms(5_000).await;
    assert_eq!(raw.go_away().await.reason, "HELLO_TIMEOUT");
}

#[tokio::test]
async fn other_contracts_are_refused_by_the_names_of_both() {
    let rig = Rig::new();
    let mut raw = Raw::open(&rig);
    let hash = vec![0xab; 32];
    raw.send(Up::Hello(wire::Hello { contract_hash: hash.into(), ..make_hello(&token(1)) }.into())).await;
    let go_away = raw.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (9, "CONTRACT_MISMATCH"));
    let served: String = CONTRACT_HASH.iter().map(|byte| format!("{byte:02x}")).collect();
    for part in ["ab".repeat(32), served, "raw 1".to_owned(), "shallot".to_owned()] {
        assert!(go_away.message.contains(&part), "{part} in {}", go_away.message);
    }
}

#[tokio::test]
async fn a_bad_token_is_refused_as_its_issuer_says() {
    let rig = Rig::new();
    let mut raw = Raw::open(&rig);
    raw.send(hello("forged")).await;
    let go_away = raw.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (16, "TOKEN_INVALID"));
    assert!(rig.server.directory().is_empty());
}

#[tokio::test]
async fn a_second_login_ends_the_first_before_it_begins() {
    let mut rig = Rig::new();
    let mut old = Raw::welcomed(&mut rig, 1).await;
    old.call(&test_hub::WAIT, "stubborn").await;
    assert_eq!(rig.event().await, "began stubborn");
    let mut new = Raw::open(&rig);
    new.send(hello(&token_of(1, 2, 2, WALL_MS + 1_000))).await;
    assert_eq!(rig.event().await, "cancelled stubborn");
    let go_away = old.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (16, "SESSION_REPLACED"));
    settle().await;
    assert!(rig.events().is_empty(), "the new one waits until the old has left");
    rig.hub.release("stubborn");
    assert_eq!(rig.event().await, "left 1 SESSION_REPLACED");
    assert_eq!(rig.event().await, "connected 2");
    assert_eq!(rig.server.directory().len(), 1);
}

#[tokio::test]
async fn an_older_login_cannot_come_back() {
    let mut rig = Rig::new();
    let mut new = Raw::welcomed_by(&mut rig, &token_of(1, 2, 2, WALL_MS + 60_000)).await;
    let mut old = Raw::open(&rig);
    old.send(hello(&token_of(1, 1, 1, WALL_MS + 60_000))).await;
    assert_eq!(old.go_away().await.reason, "SESSION_REPLACED");
    new.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn a_newer_link_of_the_same_login_takes_over() {
    let mut rig = Rig::new();
    let mut first = Raw::welcomed(&mut rig, 1).await;
    let mut second = Raw::open(&rig);
    second.send(hello(&token(1))).await;
    assert_eq!(first.go_away().await.reason, "SESSION_REPLACED");
    assert_eq!(rig.event().await, "left 1 SESSION_REPLACED");
    assert_eq!(rig.event().await, "connected 1");
    second.is_well(&test_hub::ECHO).await;
    assert_eq!(rig.server.directory().len(), 1);
}
