//! 9: deadlines and cancel on calls and client results, with a default.

use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::{TestReceiver, test_hub};
use crate::messages::text;
use crate::raw::Raw;
use crate::rig::{Rig, in_time, settle};

#[tokio::test]
async fn a_call_has_the_clients_deadline() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let call = wire::Call { deadline_ms: 300, ..raw.make_call(&test_hub::WAIT, "a") };
    raw.send(Up::Call(call)).await;
    assert_eq!(rig.event().await, "began a");
    rig.clock.advance_ms(299);
    settle().await;
    assert!(rig.events().is_empty());
    rig.clock.advance_ms(1);
    assert_eq!(raw.reply().await, (1, Err("DEADLINE_EXCEEDED".to_owned())));
    assert_eq!(rig.event().await, "cancelled a");
}

#[tokio::test]
async fn else_its_methods_own() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::SHORT, "a").await;
    assert_eq!(rig.event().await, "began a");
    rig.clock.advance_ms(200);
    assert_eq!(raw.reply().await, (1, Err("DEADLINE_EXCEEDED".to_owned())));
}

#[tokio::test]
async fn else_the_default() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "a").await;
    assert_eq!(rig.event().await, "began a");
    rig.pass_ms(9_900).await;
    assert!(rig.events().is_empty());
    rig.pass_ms(100).await;
    assert_eq!(raw.reply().await, (1, Err("DEADLINE_EXCEEDED".to_owned())));
}

#[tokio::test]
async fn no_client_gets_longer_than_the_longest() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let call = wire::Call { deadline_ms: u32::MAX, ..raw.make_call(&test_hub::WAIT, "a") };
    raw.send(Up::Call(call)).await;
    assert_eq!(rig.event().await, "began a");
    for _ in 0..6 {
        assert!(rig.events().is_empty());
        rig.pass_ms(10_000).await;
        raw.send(Up::Ack(wire::Ack { seq: 0 })).await;
        assert!(raw.read_what_waits() > 0, "pings");
    }
    assert_eq!(rig.event().await, "cancelled a");
}

#[tokio::test]
async fn a_call_that_waits_too_long_never_begins() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "stubborn").await;
    let call = wire::Call { deadline_ms: 100, ..raw.make_call(&test_hub::ECHO, "too late") };
    raw.send(Up::Call(call)).await;
    assert_eq!(rig.event().await, "began stubborn");
    rig.clock.advance_ms(100);
    assert_eq!(raw.reply().await, (2, Err("DEADLINE_EXCEEDED".to_owned())));
    rig.hub.release("stubborn");
    assert_eq!(raw.reply().await, (1, Ok("stubborn".to_owned())));
    settle().await;
    assert!(rig.events().is_empty());
}

#[tokio::test]
async fn a_handler_is_told_never_dropped_and_keeps_its_turn() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let call = wire::Call { deadline_ms: 100, ..raw.make_call(&test_hub::WAIT, "stubborn") };
    raw.send(Up::Call(call)).await;
    raw.call(&test_hub::ECHO, "after").await;
    assert_eq!(rig.event().await, "began stubborn");
    rig.clock.advance_ms(100);
    assert_eq!(raw.reply().await, (1, Err("DEADLINE_EXCEEDED".to_owned())));
    assert_eq!(rig.event().await, "cancelled stubborn");
    settle().await;
    assert!(rig.events().is_empty(), "the next waits for the handler, not for its deadline");
    rig.hub.release("stubborn");
    assert_eq!(raw.reply().await, (2, Ok("after".to_owned())), "the first is not answered twice");
}

#[tokio::test]
async fn a_client_result_has_its_methods_deadline() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    let asker = tokio::spawn(async move { TestReceiver::to(&session).confirm(&text("?")).await });
    let Down::Ask(ask) = raw.next().await else { panic!("a question was expected") };
    assert_eq!(ask.deadline_ms, 1_000);
    rig.pass_ms(1_000).await;
    assert_eq!(in_time(asker).await.unwrap().unwrap_err().reason, "DEADLINE_EXCEEDED");
    // A late answer is nobody's, and harms nobody.
    let result = Some(wire::answer::Result::Body(ask.body));
    raw.send(Up::Answer(wire::Answer { id: ask.id, result })).await;
    raw.is_well(&test_hub::ECHO).await;
}
