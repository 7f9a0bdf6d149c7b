//! Lines 4 and 5: what is bounded, and how a push travels.

use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusBuilder;
use prost::Message as _;
use shallot_hubs::{Audience as _, Bytes, DatagramChannel, EncodedPush, PushKey, SessionHandle};
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::HubPush;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::{TestReceiver, test_hub, test_receiver};
use crate::messages::test::v1::Gauge;
use crate::messages::{gauge, text};
use crate::raw::Raw;
use crate::rig::{Rig, in_time, settle};

/// Pushes that have come; other frames are left out.
fn pushes(raw: &mut Raw) -> Vec<wire::Push> {
    let push = |frame| match frame {
        Down::Push(push) => Some(push),
        _ => None,
    };
    raw.frames_that_wait().into_iter().filter_map(push).collect()
}

fn gauges(raw: &mut Raw) -> Vec<(String, u32)> {
    let gauges = pushes(raw).into_iter().map(|push| Gauge::decode(push.body).unwrap());
    gauges.map(|gauge| (gauge.name, gauge.value)).collect()
}

/// An UNRELIABLE push under a key.
fn flicker(session: &SessionHandle, name: &str, value: u32) {
    let push = EncodedPush::new(&test_receiver::ON_FLICKER, &gauge(name, value));
    session.deliver(&push.keyed(PushKey::of(name)));
}

/// Frames of an outbox, and its bytes.
const FRAMES: u32 = 256;
const BYTES: usize = 64 * 1024;

#[tokio::test]
async fn line_04_everything_bounded() {
    a_full_call_queue_refuses_and_does_not_stall_the_reader().await;
    reliable_overflow_ends_the_session().await;
    an_outbox_is_bounded_in_bytes_too().await;
    latest_keeps_the_newest_per_key().await;
    unreliable_drops_the_oldest().await;
    depth_drops_and_age_are_metrics().await;
    the_loop_sees_the_depth_and_never_waits().await;
}

async fn a_full_call_queue_refuses_and_does_not_stall_the_reader() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    for _ in 0..33 {
        raw.call(&test_hub::WAIT, "w").await;
    }
    let refused = raw.call(&test_hub::ECHO, "one too many").await;
    let Down::Reply(reply) = raw.next().await else { panic!("a reply was expected") };
    let Some(wire::reply::Result::Error(error)) = reply.result else { panic!("a refusal was expected") };
    assert_eq!((reply.id, error.code, &*error.reason), (refused, 8, "CALL_QUEUE_FULL"));
    let notes: Vec<Up> = (0..3).map(|_| Up::Call(raw.make_call(&test_hub::NOTE, "lost"))).collect();
    raw.send_all(notes).await;
    assert!(matches!(raw.next().await, Down::Dropped(wire::Dropped { count: 3 })), "counted and told");
    assert_eq!(rig.events(), ["began w"]);
}

async fn reliable_overflow_ends_the_session() {
    let mut rig = Rig::new();
    let mut slow = Raw::welcomed(&mut rig, 1).await;
    let mut bystander = Raw::welcomed(&mut rig, 2).await;
    let session = rig.session(1);
    for _ in 0..FRAMES {
        TestReceiver::to(&session).on_line(&text("x"));
    }
    assert!(!session.is_ended(), "a full outbox is not too full");
    TestReceiver::to(&session).on_line(&text("one too many"));
    assert!(session.is_ended());
    let go_away = slow.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (8, "SLOW_CONSUMER"));
    bystander.is_well(&test_hub::ECHO).await;
}

async fn an_outbox_is_bounded_in_bytes_too() {
    let mut rig = Rig::new();
    let _raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    let quarter = text(&"x".repeat(BYTES / 4 - 100));
    for _ in 0..4 {
        TestReceiver::to(&session).on_line(&quarter);
    }
    assert!(!session.is_ended() && session.outbox_depth().bytes <= BYTES);
    TestReceiver::to(&session).on_line(&quarter);
    assert_eq!(in_time(session.ended()).await.reason, "SLOW_CONSUMER");
}

async fn latest_keeps_the_newest_per_key() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for value in 1..=3 {
        for name in 0..FRAMES {
            TestReceiver::to(&session).on_gauge(&gauge(&name.to_string(), value));
        }
    }
    assert_eq!(session.outbox_depth().frames, 256);
    let all: Vec<(String, u32)> = (0..FRAMES).map(|name| (name.to_string(), 3)).collect();
    assert_eq!(gauges(&mut raw), all);
}

async fn unreliable_drops_the_oldest() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for name in 0..FRAMES + 10 {
        flicker(&session, &name.to_string(), 0);
    }
    assert_eq!(session.outbox_depth().frames, 256);
    let newest: Vec<(String, u32)> = (10..FRAMES + 10).map(|name| (name.to_string(), 0)).collect();
    assert_eq!(gauges(&mut raw), newest);
    assert!(!session.is_ended());
}

async fn depth_drops_and_age_are_metrics() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Everything of this test runs on its thread.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for _ in 0..33 {
        raw.call(&test_hub::WAIT, "w").await;
    }
    settle().await;
    for name in 0..FRAMES + 7 {
        TestReceiver::to(&session).on_gauge(&gauge(&name.to_string(), 0));
    }
    raw.call(&test_hub::NOTE, "lost").await;
    rig.pass_ms(5_000).await;
    let said = handle.render();
    for line in [
        "shallot_hub_dropped_total{class=\"latest\"} 7",
        "shallot_hub_dropped_total{class=\"one_way\"} 1",
        // At the Welcome, and a heartbeat later.
        "shallot_hub_outbox_frames_sum 256",
        "shallot_hub_outbox_age_milliseconds_sum 5000",
        "shallot_hub_call_queue_depth_sum 32",
    ] {
        assert!(said.lines().any(|said| said == line), "{line} is not in\n{said}");
    }
}

async fn the_loop_sees_the_depth_and_never_waits() {
    let mut rig = Rig::new();
    let _raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    // No runtime here: a push that had to wait would have nothing to wait with.
    let tick = std::thread::spawn(move || {
        for value in 0..10_000 {
            TestReceiver::to(&session).on_gauge(&gauge("g", value));
        }
        session.outbox_depth().frames
    });
    assert_eq!(tick.join().unwrap(), 1);
}

#[tokio::test]
async fn line_05_delivery_class_per_method() {
    reliable_is_ordered().await;
    latest_is_the_newest_per_key().await;
    unreliable_goes_as_a_datagram_when_it_can_else_as_latest().await;
}

async fn reliable_is_ordered() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for number in 0..50 {
        TestReceiver::to(&session).on_line(&text(&number.to_string()));
        if number % 7 == 0 {
            settle().await;
        }
    }
    for number in 0..50_u64 {
        let Down::Push(push) = raw.next().await else { panic!("a push was expected") };
        let expected = text(&number.to_string()).encode_to_vec();
        assert_eq!((push.seq, &push.body[..]), (number + 2, &expected[..]), "1 was the greeting");
    }
}

async fn latest_is_the_newest_per_key() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    for value in 0..10 {
        TestReceiver::to(&session).on_gauge(&gauge("a", value));
        TestReceiver::to(&session).on_gauge(&gauge("b", value * 2));
    }
    assert_eq!(gauges(&mut raw), [("a".to_owned(), 9), ("b".to_owned(), 18)]);
}

/// Carries what has at most 100 bytes.
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

async fn unreliable_goes_as_a_datagram_when_it_can_else_as_latest() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    let channel = Arc::new(Channel::default());
    session.set_datagrams(Some(Arc::clone(&channel) as _));
    TestReceiver::to(&session).on_flicker(&gauge("small", 1));
    assert_eq!(gauges(&mut raw), [], "it is on a datagram alone");
    let sent = std::mem::take(&mut *channel.sent.lock().unwrap());
    let expected = HubPush { method: test_receiver::ON_FLICKER_ID, body: &gauge("small", 1).encode_to_vec() };
    assert_eq!(sent.iter().map(|datagram| HubPush::decode(datagram).unwrap()).collect::<Vec<_>>(), [expected]);

    // The body does not fit: as LATEST, the newest of its key.
    let large = "large".repeat(40);
    TestReceiver::to(&session).on_flicker(&gauge(&large, 2));
    TestReceiver::to(&session).on_flicker(&gauge(&large, 3));
    assert_eq!(gauges(&mut raw), [(large, 3)]);
    // The channel is not open: the same.
    session.set_datagrams(None);
    TestReceiver::to(&session).on_flicker(&gauge("small", 4));
    TestReceiver::to(&session).on_flicker(&gauge("small", 5));
    assert_eq!(gauges(&mut raw), [("small".to_owned(), 5)]);
    assert!(channel.sent.lock().unwrap().is_empty());
}
