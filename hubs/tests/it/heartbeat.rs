//! 11: the heartbeat is always on, the round-trip time always known, and a late answer never cuts a live client.

use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::test_hub;
use crate::raw::Raw;
use crate::rig::{Rig, settle};

async fn ping(raw: &mut Raw) -> wire::Ping {
    loop {
        if let Some(Down::Ping(ping)) = raw.next_or_end().await {
            return ping;
        }
    }
}

fn pong(ping: &wire::Ping) -> Up {
    Up::Pong(wire::Pong { n: ping.n, echo_time_ms: ping.sender_time_ms, answerer_time_ms: 0 })
}

#[tokio::test]
async fn a_ping_every_interval_and_the_time_of_its_answer() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    assert!(rig.session(1).rtt().is_none());
    // The first comes with the Welcome; what it is answered by is thrown away with the greeting.
    rig.pass_ms(5_000).await;
    let second = ping(&mut raw).await;
    rig.clock.advance_ms(30);
    raw.send(pong(&second)).await;
    settle().await;
    let rtt = rig.session(1).rtt().unwrap();
    assert_eq!((rtt.latest_ms, rtt.min_ms, rtt.smoothed_ms), (30, 30, 30));
}

#[tokio::test]
async fn a_late_answer_counts_and_cuts_nobody() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    rig.pass_ms(5_000).await;
    let late = ping(&mut raw).await;
    rig.pass_ms(5_000).await;
    let newer = ping(&mut raw).await;
    assert!(newer.n > late.n);
    rig.pass_ms(2_000).await;
    raw.send(pong(&late)).await;
    settle().await;
    assert_eq!(rig.session(1).rtt().unwrap().latest_ms, 7_000);
    raw.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn any_frame_is_a_sign_of_life() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    for _ in 0..5 {
        rig.pass_ms(10_000).await;
        raw.send(Up::Ack(wire::Ack { seq: 1 })).await;
        ping(&mut raw).await;
    }
    raw.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn a_silent_link_is_lost() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    rig.pass_ms(10_000).await;
    ping(&mut raw).await;
    assert!(rig.events().is_empty());
    rig.pass_ms(5_000).await;
    assert!(rig.events().is_empty(), "its session waits for another");
    rig.pass_ms(30_000).await;
    assert_eq!(rig.event().await, "left 1 LINK_LOST");
}
