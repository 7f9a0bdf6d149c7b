//! 2: answers, acks, pings, cancels and a disconnect are handled while a call runs and while the call queue is full.
//! 3: `on_connect` may push (and may await a client result: see `turns`).

use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::{TestReceiver, test_hub};
use crate::messages::text;
use crate::raw::Raw;
use crate::rig::{Rig, in_time};

/// A session whose first call runs and whose queue is full.
async fn jammed(rig: &mut Rig) -> Raw {
    let mut raw = Raw::welcomed(rig, 1).await;
    raw.call(&test_hub::WAIT, "first").await;
    for _ in 0..32 {
        raw.call(&test_hub::ECHO, "waiting").await;
    }
    assert_eq!(rig.event().await, "began first");
    raw
}

#[tokio::test]
async fn a_ping_is_answered() {
    let mut rig = Rig::new();
    let mut raw = jammed(&mut rig).await;
    raw.send(Up::Ping(wire::Ping { n: 9, sender_time_ms: 77 })).await;
    let Down::Pong(pong) = raw.next().await else { panic!("a pong was expected") };
    assert_eq!((pong.n, pong.echo_time_ms, pong.answerer_time_ms), (9, 77, crate::rig::WALL_MS));
}

#[tokio::test]
async fn an_answer_reaches_its_asker() {
    let mut rig = Rig::new();
    let mut raw = jammed(&mut rig).await;
    let session = rig.session(1);
    let asker = tokio::spawn(async move { TestReceiver::to(&session).confirm(&text("now?")).await });
    let Down::Ask(ask) = raw.next().await else { panic!("a question was expected") };
    let result = Some(wire::answer::Result::Body(ask.body));
    raw.send(Up::Answer(wire::Answer { id: ask.id, result })).await;
    assert_eq!(in_time(asker).await.unwrap().unwrap(), text("now?"));
}

#[tokio::test]
async fn a_cancel_reaches_a_running_call() {
    let mut rig = Rig::new();
    let mut raw = jammed(&mut rig).await;
    raw.send(Up::Cancel(wire::Cancel { id: 1 })).await;
    assert_eq!(rig.event().await, "cancelled first");
    assert_eq!(raw.reply().await, (1, Err("HANDLER_CANCELLED".to_owned())));
    assert_eq!(raw.reply().await, (2, Ok("waiting".to_owned())), "the next one has its turn");
}

#[tokio::test]
async fn a_cancel_withdraws_a_waiting_call() {
    let mut rig = Rig::new();
    let mut raw = jammed(&mut rig).await;
    raw.send(Up::Cancel(wire::Cancel { id: 33 })).await;
    assert_eq!(raw.reply().await, (33, Err("CANCELLED".to_owned())));
    raw.call(&test_hub::ECHO, "in its place").await;
    rig.hub.release("first");
    let replies: Vec<u64> = {
        let mut ids = Vec::new();
        for _ in 0..33 {
            ids.push(raw.reply().await.0);
        }
        ids
    };
    assert!(!replies.contains(&33) && replies.last() == Some(&34));
}

#[tokio::test]
async fn a_disconnect_is_told_to_the_running_call_and_to_the_hub() {
    let mut rig = Rig::new();
    let raw = jammed(&mut rig).await;
    drop(raw);
    assert_eq!(rig.event().await, "cancelled first");
    assert_eq!(rig.event().await, "left 1 CLIENT_LEFT");
    assert!(rig.events().is_empty(), "what waited never began");
}

#[tokio::test]
async fn on_connect_may_push() {
    let mut rig = Rig::new();
    // Checks that the greeting of `on_connect` is the first push after the Welcome.
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.is_well(&test_hub::ECHO).await;
}
