//! 1: the calls of one session to one hub run one at a time in arrival order.

use prost::Message as _;
use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::{other_hub, test_hub};
use crate::messages::text;
use crate::raw::{Raw, hello};
use crate::rig::{Rig, settle, token};

#[tokio::test]
async fn the_next_call_starts_when_the_one_before_is_done() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "a").await;
    raw.call(&test_hub::WAIT, "b").await;
    assert_eq!(rig.event().await, "began a");
    settle().await;
    assert!(rig.events().is_empty(), "b waits");
    rig.hub.release("a");
    assert_eq!(raw.reply().await, (1, Ok("a".to_owned())));
    assert_eq!(rig.event().await, "began b");
    rig.hub.release("b");
    assert_eq!(raw.reply().await, (2, Ok("b".to_owned())));
}

#[tokio::test]
async fn one_way_calls_keep_their_place() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "a").await;
    raw.call(&test_hub::NOTE, "b").await;
    raw.call(&test_hub::ECHO, "c").await;
    assert_eq!(rig.event().await, "began a");
    settle().await;
    assert!(rig.events().is_empty());
    rig.hub.release("a");
    assert_eq!(raw.reply().await.0, 1);
    assert_eq!(raw.reply().await, (3, Ok("c".to_owned())), "a one-way call is not answered");
    assert_eq!(rig.events(), ["note b", "echo c"]);
}

#[tokio::test]
async fn turns_are_per_hub() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "slow").await;
    raw.call(&other_hub::REVERSE, "abc").await;
    assert_eq!(raw.reply().await, (2, Ok("cba".to_owned())));
    rig.hub.release("slow");
    assert_eq!(raw.reply().await, (1, Ok("slow".to_owned())));
}

#[tokio::test]
async fn turns_are_per_session() {
    let mut rig = Rig::new();
    let mut slow = Raw::welcomed(&mut rig, 1).await;
    let mut quick = Raw::welcomed(&mut rig, 2).await;
    slow.call(&test_hub::WAIT, "slow").await;
    quick.call(&test_hub::ECHO, "quick").await;
    assert_eq!(quick.reply().await, (1, Ok("quick".to_owned())));
}

#[tokio::test]
async fn concurrent_methods_opt_out() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "turn").await;
    raw.call(&test_hub::WAIT_BESIDE, "x").await;
    raw.call(&test_hub::WAIT_BESIDE, "y").await;
    for began in ["began turn", "began x", "began y"] {
        assert_eq!(rig.event().await, began);
    }
    rig.hub.release("y");
    assert_eq!(raw.reply().await, (3, Ok("y".to_owned())));
}

#[tokio::test]
async fn a_call_from_inside_a_client_result_runs_inside_the_askers_turn() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::ASK_BACK, "sure?").await;
    let Down::Ask(ask) = raw.next().await else { panic!("a question was expected") };
    let outside = raw.make_call(&test_hub::ECHO, "outside");
    let inside = wire::Call { within: Some(ask.id), ..raw.make_call(&test_hub::ECHO, "inside") };
    raw.send_all([Up::Call(outside), Up::Call(inside)]).await;
    assert_eq!(raw.reply().await, (3, Ok("inside".to_owned())));
    let result = Some(wire::answer::Result::Body(ask.body));
    raw.send(Up::Answer(wire::Answer { id: ask.id, result })).await;
    assert_eq!(raw.reply().await, (1, Ok("sure?".to_owned())));
    assert_eq!(raw.reply().await, (2, Ok("outside".to_owned())), "without the question's id it waits its turn");
}

#[tokio::test]
async fn calls_sent_along_with_hello_wait_for_on_connect() {
    let mut rig = Rig::new();
    rig.hub.hold_connect(1);
    let mut raw = Raw::open(&rig);
    let first = raw.make_call(&test_hub::WAIT_BESIDE, "beside");
    let second = raw.make_call(&test_hub::ECHO, "turn");
    raw.send_all([hello(&token(1)), Up::Call(first), Up::Call(second)]).await;
    assert_eq!(rig.event().await, "connected 1");
    settle().await;
    assert!(rig.events().is_empty(), "concurrent methods wait as well");
    rig.hub.release("connect 1");
    let ask = loop {
        if let Down::Ask(ask) = raw.next().await {
            break ask;
        }
    };
    let inside = wire::Call { within: Some(ask.id), ..raw.make_call(&test_hub::ECHO, "inside") };
    let result = Some(wire::answer::Result::Body(text("me").encode_to_vec().into()));
    raw.send(Up::Call(inside)).await;
    assert_eq!(rig.event().await, "echo inside");
    raw.send(Up::Answer(wire::Answer { id: ask.id, result })).await;
    for event in ["answered Ok(\"me\")", "began beside", "echo turn"] {
        assert_eq!(rig.event().await, event);
    }
}

/// Not even the first of them, with nothing before it in the line.
#[tokio::test]
async fn a_call_sent_along_with_hello_waits_for_on_connect() {
    let mut rig = Rig::new();
    rig.hub.hold_connect(1);
    let mut raw = Raw::open(&rig);
    let call = raw.make_call(&test_hub::ECHO, "early");
    raw.send_all([hello(&token(1)), Up::Call(call)]).await;
    assert_eq!(rig.event().await, "connected 1");
    settle().await;
    assert!(rig.events().is_empty(), "its turn comes after on_connect");
    rig.hub.release("connect 1");
    let ask = loop {
        if let Down::Ask(ask) = raw.next().await {
            break ask;
        }
    };
    let result = Some(wire::answer::Result::Body(text("me").encode_to_vec().into()));
    raw.send(Up::Answer(wire::Answer { id: ask.id, result })).await;
    for event in ["answered Ok(\"me\")", "echo early"] {
        assert_eq!(rig.event().await, event);
    }
}
