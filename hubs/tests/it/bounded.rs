//! 4: everything is bounded, with a policy for full.

use prost::Message as _;
use shallot_hubs::SessionLimits;
use shallot_proto::hub::v1 as wire;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::{TestReceiver, test_hub};
use crate::messages::test::v1::Gauge;
use crate::messages::{gauge, text};
use crate::raw::Raw;
use crate::rig::{Rig, in_time, settle};

#[tokio::test]
async fn a_full_call_queue_refuses_and_reads_on() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    for _ in 0..33 {
        raw.call(&test_hub::WAIT, "w").await;
    }
    let refused = raw.call(&test_hub::ECHO, "one too many").await;
    assert_eq!(raw.reply().await, (refused, Err("CALL_QUEUE_FULL".to_owned())));
    for _ in 0..3 {
        raw.call(&test_hub::NOTE, "lost").await;
    }
    let mut dropped = 0;
    while dropped < 3 {
        let Down::Dropped(frame) = raw.next().await else { panic!("a count was expected") };
        dropped += frame.count;
    }
    assert_eq!(rig.events(), ["began w"]);
}

#[tokio::test]
async fn reliable_overflow_ends_the_slow_and_nobody_else() {
    let mut rig = Rig::new();
    let mut slow = Raw::welcomed(&mut rig, 1).await;
    let mut bystander = Raw::welcomed(&mut rig, 2).await;
    let (slow_session, other_session) = (rig.session(1), rig.session(2));
    for _ in 0..256 {
        TestReceiver::to(&slow_session).on_line(&text("x"));
        TestReceiver::to(&other_session).on_line(&text("x"));
    }
    assert_eq!(slow_session.outbox_depth().frames, 256);
    assert!(!slow_session.is_ended());
    for _ in 0..256 {
        assert_eq!(bystander.pushed_text().await, "x");
    }
    TestReceiver::to(&slow_session).on_line(&text("one too many"));
    assert!(slow_session.is_ended());
    assert_eq!(in_time(slow_session.ended()).await.reason, "SLOW_CONSUMER");
    assert_eq!(rig.event().await, "left 1 SLOW_CONSUMER");
    let Some(Down::GoAway(go_away)) = slow.next_or_end().await else { panic!("nothing but the GoAway is left") };
    assert_eq!((go_away.code, &*go_away.reason), (8, "SLOW_CONSUMER"));
    assert_eq!(slow.next_or_end().await, None);
    bystander.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn bytes_count_too() {
    let mut rig = Rig::new();
    let _raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for _ in 0..4 {
        TestReceiver::to(&session).on_line(&text(&"x".repeat(15_000)));
    }
    assert!(!session.is_ended() && session.outbox_depth().bytes <= 64 * 1024);
    TestReceiver::to(&session).on_line(&text(&"x".repeat(15_000)));
    assert_eq!(in_time(session.ended()).await.reason, "SLOW_CONSUMER");
}

#[tokio::test]
async fn a_push_larger_than_an_outbox_ends_the_session_as_our_own_fault() {
    let mut rig = Rig::new();
    let _raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    TestReceiver::to(&session).on_line(&text(&"x".repeat(70_000)));
    assert_eq!(in_time(session.ended()).await.reason, "BODY_TOO_LARGE");
}

#[tokio::test]
async fn latest_never_ends_a_session_and_keeps_the_newest() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for value in 0..100 {
        for name in 0..300 {
            TestReceiver::to(&session).on_gauge(&gauge(&name.to_string(), value));
        }
    }
    assert_eq!(session.outbox_depth().frames, 256);
    settle().await;
    assert!(!session.is_ended());
    let batch = raw.batch().await.unwrap();
    let values: Vec<Gauge> = batch
        .frames
        .into_iter()
        .filter_map(|frame| match frame.frame {
            Some(Down::Push(push)) => Gauge::decode(push.body).ok(),
            _ => None,
        })
        .collect();
    assert_eq!(values.len(), 256);
    assert!(values.iter().all(|gauge| gauge.value == 99), "every key that is told is told by its newest value");
}

#[tokio::test]
async fn questions_are_bounded() {
    let mut rig = Rig::with_limits(SessionLimits { asks: 2, ..SessionLimits::DEFAULT });
    let _raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for _ in 0..2 {
        let session = session.clone();
        tokio::spawn(async move { TestReceiver::to(&session).confirm(&text("?")).await });
    }
    settle().await;
    let refused = TestReceiver::to(&session).confirm(&text("?")).await;
    assert_eq!(refused.unwrap_err().reason, "ASK_QUEUE_FULL");
}

#[tokio::test]
async fn a_client_that_reads_nothing_has_a_write_deadline() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    // It speaks, so it is not silent; it does not read.
    for _ in 0..4 {
        rig.pass_ms(4_000).await;
        raw.try_send_ack().await;
        settle().await;
    }
    assert_eq!(rig.event().await, "left 1 SLOW_CONSUMER");
    assert_eq!(raw.go_away().await.reason, "SLOW_CONSUMER");
}
