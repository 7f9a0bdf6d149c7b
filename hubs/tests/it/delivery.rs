//! 5: how a push travels is said by its class.

use std::sync::{Arc, Mutex};

use prost::Message as _;
use shallot_hubs::{Bytes, DatagramChannel};
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::HubPush;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::{TestReceiver, test_receiver};
use crate::messages::test::v1::Gauge;
use crate::messages::{gauge, text};
use crate::raw::Raw;
use crate::rig::{Rig, settle};

fn pushes(batch: wire::ServerBatch) -> Vec<wire::Push> {
    let pushes = batch.frames.into_iter().filter_map(|frame| match frame.frame {
        Some(Down::Push(push)) => Some(push),
        _ => None,
    });
    pushes.collect()
}

#[tokio::test]
async fn reliable_is_numbered_without_a_gap() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for _ in 0..5 {
        TestReceiver::to(&session).on_line(&text("x"));
    }
    let seqs: Vec<u64> = pushes(raw.batch().await.unwrap()).iter().map(|push| push.seq).collect();
    assert_eq!(seqs, [2, 3, 4, 5, 6], "1 was the greeting");
}

#[tokio::test]
async fn latest_is_the_newest_per_key() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for value in 0..10 {
        TestReceiver::to(&session).on_gauge(&gauge("a", value));
        TestReceiver::to(&session).on_gauge(&gauge("b", value * 2));
    }
    let pushes = pushes(raw.batch().await.unwrap());
    assert!(pushes.iter().all(|push| push.seq == 0));
    let values: Vec<Gauge> = pushes.into_iter().map(|push| Gauge::decode(push.body).unwrap()).collect();
    assert_eq!(values, [gauge("a", 9), gauge("b", 18)]);
}

#[tokio::test]
async fn what_is_pushed_between_two_awaits_leaves_as_one_message() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    TestReceiver::to(&session).on_line(&text("x"));
    TestReceiver::to(&session).on_gauge(&gauge("a", 1));
    TestReceiver::to(&session).on_flicker(&gauge("b", 1));
    assert_eq!(pushes(raw.batch().await.unwrap()).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_tick_pushes_under_a_cork_leaves_as_one_message() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for tick in 0..200 {
        let session = session.clone();
        let shard = std::thread::spawn(move || {
            let _cork = session.cork();
            for _ in 0..20 {
                TestReceiver::to(&session).on_line(&text("x"));
                std::thread::yield_now();
            }
        });
        assert_eq!(pushes(raw.batch().await.unwrap()).len(), 20, "in tick {tick}");
        shard.join().unwrap();
    }
}

/// Takes what is small enough.
#[derive(Default)]
struct Channel {
    sent: Mutex<Vec<Bytes>>,
}

impl DatagramChannel for Channel {
    fn try_send(&self, datagram: &Bytes) -> bool {
        let fits = datagram.len() <= 100;
        if fits {
            self.sent.lock().unwrap().push(datagram.clone());
        }
        fits
    }
}

#[tokio::test]
async fn unreliable_goes_as_datagram_when_it_can_else_as_latest() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    let channel = Arc::new(Channel::default());
    session.set_datagrams(Some(Arc::clone(&channel) as _));
    TestReceiver::to(&session).on_flicker(&gauge("small", 1));
    TestReceiver::to(&session).on_flicker(&gauge(&"large".repeat(40), 2));
    session.set_datagrams(None);
    TestReceiver::to(&session).on_flicker(&gauge("small", 3));
    settle().await;
    let sent = channel.sent.lock().unwrap().clone();
    assert_eq!(sent.len(), 1);
    let push = HubPush::decode(&sent[0]).unwrap();
    assert_eq!(push, HubPush { method: test_receiver::ON_FLICKER_ID, body: &gauge("small", 1).encode_to_vec() });
    // The large one was still waiting when the third came: only the newest is left.
    let left: Vec<Gauge> =
        pushes(raw.batch().await.unwrap()).into_iter().map(|push| Gauge::decode(push.body).unwrap()).collect();
    assert_eq!(left, [gauge("small", 3)]);
}

#[tokio::test]
async fn a_push_to_an_ended_session_does_nothing() {
    let mut rig = Rig::new();
    let raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    drop(raw);
    session.closed().await;
    TestReceiver::to(&session).on_line(&text("x"));
    assert_eq!(session.outbox_depth().frames, 0);
}
