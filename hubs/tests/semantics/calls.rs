//! Lines 1, 2, 3 and 9: calls, and questions to the client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use prost::Message as _;
use shallot_hubs::{AskContext, Bytes, Exchange, HubClient, HubClientConfig, HubError, Middleware, SessionLimits};
use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::{TestReceiver, TestReceiverDispatcher, TestReceiverHandler, other_hub, test_hub};
use crate::messages::test::v1::{Gauge, Text};
use crate::messages::text;
use crate::raw::{Raw, hello};
use crate::rig::{Rig, in_time, settle, token};

/// The next question; pushes are left out.
async fn next_ask(raw: &mut Raw) -> wire::Ask {
    loop {
        match raw.next().await {
            Down::Ask(ask) => return ask,
            Down::Open(_) | Down::Welcome(_) | Down::Push(_) => {}
            other => panic!("a question was expected, not {other:?}"),
        }
    }
}

fn answer(id: u64, word: &str) -> Up {
    let body: Bytes = text(word).encode_to_vec().into();
    Up::Answer(wire::Answer { id, result: Some(wire::answer::Result::Body(body)) })
}

/// Replies as they come, so many of them, by their ids.
async fn replies(raw: &mut Raw, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(raw.reply().await.0);
    }
    ids
}

#[tokio::test]
async fn line_01_turn_order() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    // One at a time in arrival order, one-way calls included; the next starts when the previous future is done.
    raw.call(&test_hub::WAIT, "trade").await;
    raw.call(&test_hub::NOTE, "second").await;
    raw.call(&test_hub::ECHO, "third").await;
    raw.call(&test_hub::NOTE, "fourth").await;
    raw.call(&test_hub::ECHO, "fifth").await;
    assert_eq!(rig.event().await, "began trade");
    settle().await;
    assert!(rig.events().is_empty(), "nothing starts beside it");
    // A slow trade never holds up chat: turns are per hub.
    raw.call(&other_hub::REVERSE, "chat").await;
    assert_eq!(raw.reply().await, (6, Ok("tahc".to_owned())));
    // A concurrent method opts out.
    raw.call(&test_hub::WAIT_BESIDE, "beside").await;
    assert_eq!(rig.event().await, "began beside");
    rig.hub.release("beside");
    assert_eq!(raw.reply().await, (7, Ok("beside".to_owned())));
    // Nor do sessions wait for each other.
    let mut other = Raw::welcomed(&mut rig, 2).await;
    other.call(&test_hub::ECHO, "elsewhere").await;
    assert_eq!(other.reply().await, (1, Ok("elsewhere".to_owned())));
    assert_eq!(rig.events(), ["echo elsewhere"]);

    rig.hub.release("trade");
    assert_eq!(replies(&mut raw, 3).await, [1, 3, 5]);
    assert_eq!(rig.events(), ["note second", "echo third", "note fourth", "echo fifth"]);
}

/// The calls that fit the queue of a session.
const QUEUE: u64 = 32;

/// A session whose first call runs and whose queue is full. Its ring keeps four frames while there is no link.
async fn jammed() -> (Rig, Raw) {
    let mut rig = Rig::with_limits(SessionLimits { ring_frames: 4, ..SessionLimits::DEFAULT });
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "first").await;
    for _ in 0..QUEUE {
        raw.call(&test_hub::ECHO, "waiting").await;
    }
    assert_eq!(rig.event().await, "began first");
    (rig, raw)
}

#[tokio::test]
async fn line_02_never_behind_a_call() {
    answers_pings_and_cancels_while_the_queue_is_full().await;
    acks_while_the_queue_is_full().await;
    a_disconnect_while_the_queue_is_full().await;
    a_handler_awaits_a_client_result_that_calls_back().await;
}

async fn answers_pings_and_cancels_while_the_queue_is_full() {
    let (mut rig, mut raw) = jammed().await;
    let session = rig.session(1);
    let asker = tokio::spawn(async move { TestReceiver::to(&session).confirm(&text("now?")).await });
    let ask = next_ask(&mut raw).await;
    raw.send(answer(ask.id, "now")).await;
    assert_eq!(in_time(asker).await.unwrap().unwrap(), text("now"));

    raw.send(Up::Ping(wire::Ping { n: 9, sender_time_ms: 77 })).await;
    assert!(matches!(raw.next().await, Down::Pong(pong) if (pong.n, pong.echo_time_ms) == (9, 77)));

    raw.send(Up::Cancel(wire::Cancel { id: QUEUE + 1 })).await;
    assert_eq!(raw.reply().await, (QUEUE + 1, Err("CANCELLED".to_owned())), "one that waits");
    raw.send(Up::Cancel(wire::Cancel { id: 1 })).await;
    assert_eq!(rig.event().await, "cancelled first", "the one that runs");
    assert_eq!(raw.reply().await, (1, Err("HANDLER_CANCELLED".to_owned())));
}

async fn acks_while_the_queue_is_full() {
    let (rig, mut raw) = jammed().await;
    let session = rig.session(1);
    for _ in 0..3 {
        TestReceiver::to(&session).on_line(&text("x"));
        assert_eq!(raw.pushed_text().await, "x");
    }
    // The greeting and these three fill the ring; only an ack that was heard makes room in it.
    raw.send(Up::Ack(wire::Ack { seq: 4 })).await;
    settle().await;
    raw.cut();
    settle().await;
    for _ in 0..4 {
        TestReceiver::to(&session).on_line(&text("x"));
    }
    assert!(!session.is_ended());
}

async fn a_disconnect_while_the_queue_is_full() {
    let (mut rig, raw) = jammed().await;
    drop(raw);
    assert_eq!(rig.event().await, "cancelled first");
    assert_eq!(rig.event().await, "left 1 CLIENT_LEFT");
    assert!(rig.events().is_empty(), "what waited never began");
}

async fn a_handler_awaits_a_client_result_that_calls_back() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::ASK_BACK, "sure?").await;
    let ask = next_ask(&mut raw).await;
    let outside = raw.make_call(&test_hub::ECHO, "outside");
    let inside = wire::Call { within: Some(ask.id), ..raw.make_call(&test_hub::ECHO, "inside") };
    raw.send_all([Up::Call(outside), Up::Call(inside)]).await;
    settle().await;
    assert_eq!(rig.events(), ["echo inside"], "inside the asker's turn: there is no deadlock");
    assert_eq!(raw.reply().await, (3, Ok("inside".to_owned())));
    raw.send(answer(ask.id, "sure")).await;
    assert_eq!(raw.reply().await, (1, Ok("sure".to_owned())));
    assert_eq!(raw.reply().await, (2, Ok("outside".to_owned())), "without the question's id it waits its turn");
}

#[tokio::test]
async fn line_03_on_connect_may_push_and_ask() {
    let mut rig = Rig::new();
    rig.hub.hold_connect(1);
    let mut raw = Raw::open(&rig);
    let early = raw.make_call(&test_hub::ECHO, "early");
    raw.send_all([hello(&token(1)), Up::Call(early)]).await;
    assert_eq!(rig.event().await, "connected 1");
    raw.welcome().await;
    assert_eq!(raw.pushed_text().await, "hello", "it may push");
    rig.hub.release("connect 1");
    let ask = next_ask(&mut raw).await;
    raw.send(answer(ask.id, "me")).await;
    assert_eq!(rig.event().await, "answered Ok(\"me\")", "it may await a client result");
    assert_eq!(rig.event().await, "echo early", "the hub's first turn was its own");
}

#[tokio::test]
async fn line_09_deadlines_and_cancel() {
    every_call_has_a_deadline().await;
    every_client_result_has_a_deadline().await;
    a_cancel_reaches_the_handler_as_a_token().await;
    a_receiver_hears_by_a_token_that_its_answer_is_not_awaited_any_more().await;
    a_handler_is_not_cancelled_between_commit_and_reply().await;
}

/// Milliseconds after which a call gets `DEADLINE_EXCEEDED` and its handler a cancelled token.
async fn given_up_after(method: &shallot_hubs::MethodContract, deadline_ms: u32, expected_ms: u64) {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let call = wire::Call { deadline_ms, ..raw.make_call(method, "a") };
    raw.send(Up::Call(call)).await;
    assert_eq!(rig.event().await, "began a");
    let mut passed_ms = 0;
    while passed_ms + 5_000 < expected_ms {
        passed_ms += 5_000;
        rig.pass_ms(5_000).await;
        raw.send(Up::Ack(wire::Ack { seq: 0 })).await;
        assert!(raw.frames_that_wait().iter().all(|frame| matches!(frame, Down::Ping(_))), "at {passed_ms} ms");
    }
    rig.pass_ms(expected_ms - passed_ms - 1).await;
    assert!(rig.events().is_empty());
    rig.pass_ms(1).await;
    assert_eq!(raw.reply().await, (1, Err("DEADLINE_EXCEEDED".to_owned())));
    assert_eq!(rig.events(), ["cancelled a"], "the handler hears of it by its token");
}

async fn every_call_has_a_deadline() {
    given_up_after(&test_hub::WAIT, 300, 300).await;
    given_up_after(&test_hub::SHORT, 0, 200).await;
    given_up_after(&test_hub::WAIT, 0, 10_000).await;
    given_up_after(&test_hub::WAIT, u32::MAX, 60_000).await;
}

async fn every_client_result_has_a_deadline() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    let asker = tokio::spawn(async move { TestReceiver::to(&session).confirm(&text("?")).await });
    let ask = next_ask(&mut raw).await;
    assert_eq!(ask.deadline_ms, 1_000, "the client knows it");
    rig.pass_ms(999).await;
    assert!(!asker.is_finished());
    rig.pass_ms(1).await;
    assert_eq!(in_time(asker).await.unwrap().unwrap_err().reason, "DEADLINE_EXCEEDED");
    raw.send(answer(ask.id, "late")).await;
    raw.is_well(&test_hub::ECHO).await;
}

async fn a_cancel_reaches_the_handler_as_a_token() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "a").await;
    assert_eq!(rig.event().await, "began a");
    raw.send(Up::Cancel(wire::Cancel { id: 1 })).await;
    assert_eq!(rig.event().await, "cancelled a");
    assert_eq!(raw.reply().await, (1, Err("HANDLER_CANCELLED".to_owned())));
}

/// Answers when nobody awaits it any more.
struct Slow;

impl TestReceiverHandler for Slow {
    fn on_line(&self, _: Text) {}

    fn on_gauge(&self, _: Gauge) {}

    fn on_flicker(&self, _: Gauge) {}

    async fn confirm(&self, ask: &AskContext, request: Text) -> Result<Text, HubError> {
        ask.cancellation().cancelled().await;
        Ok(request)
    }
}

async fn a_receiver_hears_by_a_token_that_its_answer_is_not_awaited_any_more() {
    let mut rig = Rig::new();
    let answers = Arc::new(Answers::default());
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let builder = HubClient::builder(config, Arc::new(rig.clock.clone()));
    let builder = builder.receiver(TestReceiverDispatcher::new(Arc::new(Slow))).middleware(answers.clone());
    let (client, driver) = builder.connect(Arc::new(rig.link())).await.unwrap();
    tokio::spawn(driver);
    in_time(client.welcomed()).await.unwrap();
    assert_eq!(rig.event().await, "connected 1");
    let session = rig.session(1);
    let asker = tokio::spawn(async move { TestReceiver::to(&session).confirm(&text("?")).await });
    settle().await;
    rig.pass_ms(999).await;
    assert_eq!(answers.0.load(Ordering::Relaxed), 0);
    rig.pass_ms(1).await;
    assert_eq!(in_time(asker).await.unwrap().unwrap_err().reason, "DEADLINE_EXCEEDED");
    assert_eq!(answers.0.load(Ordering::Relaxed), 1, "its token was cancelled");
}

/// Counts the answers of a client.
#[derive(Default)]
struct Answers(AtomicU32);

impl Middleware for Answers {
    fn after(&self, _: &Exchange, _: &Result<Bytes, HubError>, _: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One that has begun to commit does not look at its token, and nobody drops it: it goes on to its reply.
async fn a_handler_is_not_cancelled_between_commit_and_reply() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::WAIT, "stubborn").await;
    assert_eq!(rig.event().await, "began stubborn");
    raw.send(Up::Cancel(wire::Cancel { id: 1 })).await;
    assert_eq!(rig.event().await, "cancelled stubborn");
    rig.pass_ms(5_000).await;
    assert!(rig.events().is_empty(), "it is not dropped");
    rig.hub.release("stubborn");
    assert_eq!(raw.reply().await, (1, Ok("stubborn".to_owned())));
}
