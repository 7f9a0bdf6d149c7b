//! Lines 10 and 13: how sessions end.

use prost::Message as _;
use shallot_hubs::{Code, EndReason, Groups, SessionLimits};
use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::cluster::Nodes;
use crate::contracts::test::v1::test_hub;
use crate::raw::{Raw, hello, make_hello};
use crate::rig::{Rig, account_id, in_time, session_id, token};

#[tokio::test]
async fn line_10_ending() {
    kick_by_session_account_and_group().await;
    the_hub_is_told_why().await;
    a_drain_spreads_waits_and_closes().await;
}

fn banned() -> EndReason {
    EndReason { retry_after_ms: 9_000, ..EndReason::new(Code::PermissionDenied, "BANNED", "for good reason") }
}

async fn is_kicked(rig: &mut Rig, raw: &mut Raw) {
    let go_away = raw.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason, go_away.retry_after_ms), (7, "BANNED", 9_000));
    assert_eq!(&*go_away.message, "for good reason");
    assert_eq!(rig.event().await, "left 1 BANNED");
}

async fn kick_by_session_account_and_group() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    assert!(rig.server.directory().end_session(session_id(1), banned()));
    is_kicked(&mut rig, &mut raw).await;

    let mut raw = Raw::welcomed(&mut rig, 1).await;
    assert!(rig.server.directory().end_account(account_id(1), banned()));
    is_kicked(&mut rig, &mut raw).await;

    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let groups = Groups::<u8>::new();
    assert!(groups.add(&1, &rig.session(1)));
    groups.get(&1).unwrap().end(&banned());
    is_kicked(&mut rig, &mut raw).await;
    group_on_two_nodes_is_kicked().await;
}

async fn group_on_two_nodes_is_kicked() {
    let mut nodes = Nodes::start(2, 1).await;
    let (mut a, _a) = nodes.member(0, 1, &["room"]).await;
    let (mut b, _b) = nodes.member(1, 2, &["room"]).await;
    let (mut other, _other) = nodes.member(1, 3, &[]).await;
    nodes.pass_ms(200).await;
    nodes.group(0, "room").end(&banned());
    nodes.pass_ms(200).await;
    for raw in [&mut a, &mut b] {
        assert_eq!(raw.go_away().await.reason, "BANNED");
    }
    other.is_well(&test_hub::ECHO).await;
}

async fn the_hub_is_told_why() {
    let mut rig = Rig::with_limits(SessionLimits { resume_grace_ms: 0, ..SessionLimits::DEFAULT });
    drop(Raw::welcomed(&mut rig, 1).await);
    assert_eq!(rig.event().await, "left 1 CLIENT_LEFT");
    let mut cut = Raw::welcomed(&mut rig, 1).await;
    cut.cut();
    assert_eq!(rig.event().await, "left 1 LINK_LOST");
    let _older = Raw::welcomed(&mut rig, 1).await;
    let mut newer = Raw::open(&rig);
    newer.send(hello(&token(1))).await;
    assert_eq!([rig.event().await, rig.event().await], ["left 1 SESSION_REPLACED", "connected 1"]);
    for _ in 0..3 {
        rig.pass_ms(5_000).await;
        newer.read_what_waits();
    }
    assert_eq!(rig.event().await, "left 1 LINK_LOST", "it reads, and says nothing");
}

async fn a_drain_spreads_waits_and_closes() {
    let mut rig = Rig::new();
    let mut busy = Raw::welcomed(&mut rig, 1).await;
    let mut idle = [Raw::welcomed(&mut rig, 2).await, Raw::welcomed(&mut rig, 3).await];
    busy.call(&test_hub::WAIT, "running").await;
    assert_eq!(rig.event().await, "began running");
    rig.server.begin_drain(4_000);
    let mut waits = Vec::new();
    for raw in &mut idle {
        let go_away = raw.go_away().await;
        assert_eq!((go_away.code, &*go_away.reason), (14, "DRAINING"));
        waits.push(go_away.retry_after_ms);
    }
    let Down::GoAway(go_away) = busy.next().await else { panic!("a GoAway was expected") };
    waits.push(go_away.retry_after_ms);
    assert!(waits.iter().all(|ms| (1_000..5_000).contains(ms)), "{waits:?}");
    assert!(waits[0] != waits[1] && waits[1] != waits[2] && waits[0] != waits[2], "a spread, not a wave: {waits:?}");

    let late = busy.call(&test_hub::ECHO, "late").await;
    assert_eq!(busy.reply().await, (late, Err("DRAINING".to_owned())));
    rig.hub.release("running");
    assert_eq!(busy.reply().await, (1, Ok("running".to_owned())), "a running call is waited for");
    assert_eq!(busy.next_or_end().await, None);
    in_time(rig.server.drained()).await;
    let mut newcomer = Raw::open(&rig);
    newcomer.send(hello(&token(4))).await;
    assert_eq!(newcomer.go_away().await.reason, "DRAINING");
}

fn message(frame: Up) -> Vec<u8> {
    wire::ClientBatch { frames: vec![wire::ClientFrame { frame: Some(frame) }] }.encode_to_vec()
}

#[tokio::test]
async fn line_13_malformed_frame() {
    let cut_short = message(Up::Ping(wire::Ping { n: 1, sender_time_ms: 1 })).split_last().unwrap().1.to_vec();
    let no_content = wire::ClientBatch { frames: vec![wire::ClientFrame { frame: None }] }.encode_to_vec();
    let too_many = vec![wire::ClientFrame { frame: Some(Up::Ack(wire::Ack { seq: 0 })) }; 65];
    for bytes in [
        vec![0xff; 40],
        cut_short,
        no_content,
        wire::ClientBatch { frames: too_many }.encode_to_vec(),
        message(Up::Hello(make_hello(&token(1)).into())),
        message(Up::Call(wire::Call { id: 0, method: test_hub::ECHO_ID, ..wire::Call::default() })),
        message(Up::Ack(wire::Ack { seq: 1_000 })),
        message(Up::Answer(wire::Answer { id: 1, result: None })),
        message(Up::Auth(wire::Auth { access_token: "x".repeat(2_049) })),
    ] {
        let mut rig = Rig::new();
        let mut other = Raw::welcomed(&mut rig, 2).await;
        let mut raw = Raw::welcomed(&mut rig, 1).await;
        let driver = raw.driver();
        raw.send_bytes(&bytes).await;
        let go_away = raw.go_away().await;
        assert_eq!((go_away.code, &*go_away.reason), (3, "MALFORMED_FRAME"), "{bytes:02x?}");
        assert!(!go_away.message.is_empty(), "people are told what was wrong");
        assert_eq!(rig.event().await, "left 1 MALFORMED_FRAME");
        drop(raw);
        assert_eq!(in_time(driver).await.expect("it never panics").reason, "MALFORMED_FRAME");
        other.is_well(&test_hub::ECHO).await;
    }
}
