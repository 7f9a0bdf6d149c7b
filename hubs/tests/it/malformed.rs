//! 13: whatever comes in, one session ends at most, with a reason.

use proptest::prelude::*;
use prost::Message as _;
use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;

use crate::contracts::test::v1::test_hub;
use crate::raw::{Raw, hello, make_hello};
use crate::rig::{Rig, in_time, token};

/// A session that gets these messages ends so, and one beside it does not notice.
async fn ends(code: u32, reason: &str, messages: Vec<Vec<u8>>) {
    let mut rig = Rig::new();
    let mut bystander = Raw::welcomed(&mut rig, 2).await;
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    for message in &messages {
        raw.send_bytes(message).await;
    }
    let go_away = raw.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (code, reason), "{}", go_away.message);
    let left = in_time(async {
        loop {
            let event = rig.event().await;
            if event.starts_with("left") {
                return event;
            }
        }
    });
    assert_eq!(left.await, format!("left 1 {reason}"));
    bystander.is_well(&test_hub::ECHO).await;
}

fn batch(frames: Vec<Up>) -> Vec<u8> {
    let frames = frames.into_iter().map(|frame| wire::ClientFrame { frame: Some(frame) }).collect();
    wire::ClientBatch { frames }.encode_to_vec()
}

fn call(id: u64) -> Up {
    Up::Call(wire::Call { id, method: test_hub::NOTE_ID, one_way: true, ..wire::Call::default() })
}

#[tokio::test]
async fn bytes_that_are_no_message() {
    ends(3, "MALFORMED_FRAME", vec![vec![0xff; 40]]).await;
}

#[tokio::test]
async fn a_message_cut_short() {
    let mut message = batch(vec![Up::Ping(wire::Ping { n: 1, sender_time_ms: 1 })]);
    message.truncate(message.len() - 1);
    ends(3, "MALFORMED_FRAME", vec![message]).await;
}

#[tokio::test]
async fn a_frame_without_content() {
    let message = wire::ClientBatch { frames: vec![wire::ClientFrame { frame: None }] }.encode_to_vec();
    ends(3, "MALFORMED_FRAME", vec![message]).await;
}

#[tokio::test]
async fn too_many_frames_in_one_message() {
    ends(3, "MALFORMED_FRAME", vec![batch(vec![Up::Ack(wire::Ack { seq: 0 }); 65])]).await;
}

#[tokio::test]
async fn a_message_over_the_limit() {
    ends(8, "MESSAGE_TOO_LARGE", vec![vec![0; 4_097]]).await;
}

#[tokio::test]
async fn a_second_hello() {
    ends(3, "MALFORMED_FRAME", vec![batch(vec![hello(&token(1))])]).await;
}

#[tokio::test]
async fn call_ids_that_do_not_rise() {
    ends(3, "MALFORMED_FRAME", vec![batch(vec![call(5)]), batch(vec![call(5)])]).await;
    ends(3, "MALFORMED_FRAME", vec![batch(vec![call(0)])]).await;
}

#[tokio::test]
async fn an_ack_of_what_was_never_sent() {
    ends(3, "MALFORMED_FRAME", vec![batch(vec![Up::Ack(wire::Ack { seq: 1_000 })])]).await;
}

#[tokio::test]
async fn an_answer_with_neither_body_nor_error() {
    ends(3, "MALFORMED_FRAME", vec![batch(vec![Up::Answer(wire::Answer { id: 1, result: None })])]).await;
}

#[tokio::test]
async fn a_token_over_the_limit() {
    let auth = Up::Auth(wire::Auth { access_token: "x".repeat(2_049) });
    ends(3, "MALFORMED_FRAME", vec![batch(vec![auth])]).await;
}

#[tokio::test]
async fn a_build_name_over_the_limit() {
    let rig = Rig::new();
    let mut raw = Raw::open(&rig);
    raw.send(Up::Hello(wire::Hello { build: "x".repeat(65), ..make_hello(&token(1)) }.into())).await;
    assert_eq!(raw.go_away().await.reason, "MALFORMED_FRAME");
}

#[tokio::test]
async fn a_malformed_request_is_an_error_of_its_call_alone() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let call = wire::Call { body: vec![0xff; 9].into(), ..raw.make_call(&test_hub::ECHO, "") };
    raw.send(Up::Call(call)).await;
    assert_eq!(raw.reply().await, (1, Err("MALFORMED_REQUEST".to_owned())));
    raw.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn an_unknown_method_is_an_error_of_its_call_alone() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let call = wire::Call { method: 0xdead_beef, ..raw.make_call(&test_hub::ECHO, "") };
    raw.send(Up::Call(call)).await;
    assert_eq!(raw.reply().await, (1, Err("UNKNOWN_METHOD".to_owned())));
    raw.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn a_panic_ends_its_session_alone() {
    let mut rig = Rig::new();
    let mut bystander = Raw::welcomed(&mut rig, 2).await;
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::PANIC, "").await;
    assert_eq!(raw.reply().await, (1, Err("PANIC".to_owned())));
    let go_away = raw.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (13, "PANIC"));
    assert_eq!(rig.event().await, "left 1 PANIC");
    bystander.is_well(&test_hub::ECHO).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Random bytes, and messages with bytes changed: the driver never panics, and the link ends or lives on.
    #[test]
    fn no_bytes_panic(
        noise in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..6),
        flips in proptest::collection::vec((0_usize..60, any::<u8>()), 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut rig = Rig::new();
            let mut bystander = Raw::welcomed(&mut rig, 2).await;
            let mut raw = Raw::welcomed(&mut rig, 1).await;
            let mut changed = batch(vec![call(1), Up::Cancel(wire::Cancel { id: 1 }), Up::Ping(wire::Ping::default())]);
            for (at, byte) in flips {
                let at = at % changed.len();
                changed[at] = byte;
            }
            raw.send_bytes(&changed).await;
            for message in noise {
                raw.try_send_bytes(&message).await;
            }
            let driver = raw.hang_up();
            prop_assert!(in_time(driver).await.is_ok(), "the driver panicked");
            bystander.is_well(&test_hub::ECHO).await;
            Ok(())
        })?;
    }
}
