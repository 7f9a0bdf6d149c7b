//! Lines 8 and 11: a session outlives its link, and knows how that fares.

use std::sync::Arc;

use prost::Message as _;
use shallot_hubs::{Bytes, DatagramChannel, Groups, HubClient, HubClientConfig, SessionLimits, SessionState};
use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::{TestHubClient, TestReceiver, test_hub};
use crate::cuttable::Cuttable;
use crate::messages::test::v1::Gauge;
use crate::messages::{gauge, text};
use crate::raw::{Raw, resume_hello};
use crate::rig::{Rig, WALL_MS, in_time, session_id, settle, token, token_of};

/// The number of the greeting, the first sequenced frame of each session.
const GREETING: u64 = 1;

#[tokio::test]
async fn line_08_resume() {
    the_session_is_kept_for_a_grace_time_with_id_and_groups().await;
    pushes_replies_and_asks_are_replayed_in_one_sequence().await;
    latest_values_are_sent_afresh().await;
    calls_are_sent_again_and_none_runs_twice().await;
    a_client_sends_its_calls_again_by_itself().await;
    the_token_rotates_and_counts_only_with_an_access_token().await;
    past_the_ring_or_the_grace_time_it_is_told().await;
    a_second_link_replaces_the_first().await;
    a_datagram_channel_is_no_link().await;
}

/// A welcomed session whose link is cut, and its token.
async fn cut_off(rig: &mut Rig) -> Bytes {
    let mut raw = Raw::welcomed(rig, 1).await;
    raw.cut();
    settle().await;
    raw.resume_token
}

async fn the_session_is_kept_for_a_grace_time_with_id_and_groups() {
    let mut rig = Rig::new();
    let groups = Groups::<u8>::new();
    let token = cut_off(&mut rig).await;
    assert!(groups.add(&7, &rig.session(1)));
    rig.pass_ms(29_900).await;
    assert!(rig.events().is_empty(), "its hub is told nothing");
    let welcome = Raw::resuming(&rig, 1, &token, GREETING).await.welcome().await;
    assert_eq!((welcome.resumed, welcome.session_id), (true, session_id(1).0.to_vec().into()));
    assert_eq!(groups.get(&7).unwrap().members(), [session_id(1)]);
}

async fn pushes_replies_and_asks_are_replayed_in_one_sequence() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    TestReceiver::to(&session).on_line(&text("arrived"));
    assert_eq!(raw.pushed_text().await, "arrived");
    TestReceiver::to(&session).on_line(&text("lost on the way"));
    raw.call(&test_hub::ECHO, "its reply too").await;
    settle().await;
    raw.cut();
    settle().await;
    let asked = session.clone();
    let asker = tokio::spawn(async move { TestReceiver::to(&asked).confirm(&text("there?")).await });
    settle().await;

    let mut again = Raw::resuming(&rig, 1, &raw.resume_token, 2).await;
    assert!(again.welcome().await.resumed);
    assert!(matches!(again.next().await, Down::Push(push) if push.seq == 3));
    assert!(matches!(again.next().await, Down::Reply(reply) if (reply.seq, reply.id) == (4, 1)));
    let Down::Ask(ask) = again.next().await else { panic!("a question was expected") };
    assert_eq!(ask.seq, 5);
    let body = wire::answer::Result::Body(text("yes").encode_to_vec().into());
    again.send(Up::Answer(wire::Answer { id: ask.id, result: Some(body) })).await;
    assert_eq!(in_time(asker).await.unwrap(), Ok(text("yes")));
}

async fn latest_values_are_sent_afresh() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let session = rig.session(1);
    TestReceiver::to(&session).on_gauge(&gauge("sent", 1));
    assert!(matches!(raw.next().await, Down::Push(_)), "it may not have arrived");
    raw.cut();
    settle().await;
    (1..=9).for_each(|value| TestReceiver::to(&session).on_gauge(&gauge("away", value)));
    let mut again = Raw::resuming(&rig, 1, &raw.resume_token, GREETING).await;
    again.welcome().await;
    for expected in [gauge("sent", 1), gauge("away", 9)] {
        let Down::Push(push) = again.next().await else { panic!("a push was expected") };
        assert_eq!((push.seq, Gauge::decode(push.body).unwrap()), (0, expected));
    }
}

async fn calls_are_sent_again_and_none_runs_twice() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let done = raw.make_call(&test_hub::ECHO, "done");
    let running = raw.make_call(&test_hub::WAIT, "running");
    let lost = raw.make_call(&test_hub::ECHO, "lost");
    raw.send_all([Up::Call(done.clone()), Up::Call(running.clone())]).await;
    assert_eq!([rig.event().await, rig.event().await], ["echo done", "began running"]);
    raw.cut();
    let mut again = Raw::resuming(&rig, 1, &raw.resume_token, GREETING).await;
    assert_eq!(again.welcome().await.last_call_id, 2);
    again.send_all([Up::Call(done), Up::Call(running), Up::Call(lost)]).await;
    assert_eq!(again.reply().await, (1, Ok("done".to_owned())), "out of the ring");
    settle().await;
    assert!(rig.events().is_empty(), "neither ran again");
    rig.hub.release("running");
    assert_eq!(again.reply().await, (2, Ok("running".to_owned())));
    assert_eq!(again.reply().await, (3, Ok("lost".to_owned())));
    settle().await;
    assert_eq!(again.read_what_waits(), 0, "each is answered once");
}

async fn a_client_sends_its_calls_again_by_itself() {
    let mut rig = Rig::new();
    let link = Cuttable::new(&rig);
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let builder = HubClient::builder(config, Arc::new(rig.clock.clone()));
    let (client, driver) = builder.connect(link.clone()).await.unwrap();
    tokio::spawn(driver);
    in_time(client.welcomed()).await.unwrap();
    let call = |word: &'static str, waits: bool| {
        let hub = TestHubClient::new(&client);
        tokio::spawn(async move { if waits { hub.wait(&text(word)).await } else { hub.echo(&text(word)).await } })
    };
    let running = call("running", true);
    settle().await;
    link.cut();
    settle().await;
    assert_eq!(*client.state().borrow(), SessionState::Reconnecting);
    let meanwhile = call("meanwhile", false);
    rig.hub.release("running");
    rig.pass_ms(500).await;
    assert_eq!(in_time(running).await.unwrap(), Ok(text("running")));
    assert_eq!(in_time(meanwhile).await.unwrap(), Ok(text("meanwhile")));
    assert!(matches!(&*client.state().borrow(), SessionState::Live { welcome, .. } if welcome.resumed));
    assert_eq!(rig.events(), ["connected 1", "began running", "echo meanwhile"]);
}

async fn the_token_rotates_and_counts_only_with_an_access_token() {
    let mut rig = Rig::new();
    let first = cut_off(&mut rig).await;
    let mut again = Raw::resuming(&rig, 1, &first, GREETING).await;
    let second = again.welcome().await.resume_token;
    assert_ne!(first, second);
    again.settled().await;
    assert_eq!(Raw::resuming(&rig, 1, &first, GREETING).await.go_away().await.reason, "RESUME_STALE");
    // Another account, no account, a newer login of the same.
    let mut thief = Raw::resuming(&rig, 2, &second, GREETING).await;
    let welcome = thief.welcome().await;
    assert_eq!((welcome.resumed, welcome.session_id), (false, session_id(2).0.to_vec().into()));
    assert_eq!(rig.event().await, "connected 2");
    let mut nobody = Raw::open(&rig);
    nobody.send(resume_hello("forged", &second, GREETING)).await;
    assert_eq!(nobody.go_away().await.reason, "TOKEN_INVALID");
    again.is_well(&test_hub::ECHO).await;
    let mut newer = Raw::open(&rig);
    newer.send(resume_hello(&token_of(1, 3, 2, WALL_MS + 60_000), &second, GREETING)).await;
    assert!(!newer.welcome().await.resumed);
    assert_eq!(rig.events(), ["echo well", "left 1 SESSION_REPLACED", "connected 3"]);
}

async fn past_the_ring_or_the_grace_time_it_is_told() {
    // Past the grace time.
    let mut rig = Rig::new();
    let token = cut_off(&mut rig).await;
    rig.pass_ms(30_000).await;
    assert_eq!(rig.event().await, "left 1 LINK_LOST");
    assert!(!Raw::resuming(&rig, 1, &token, GREETING).await.welcome().await.resumed);

    // Past the ring.
    let mut rig = Rig::with_limits(SessionLimits { ring_frames: 4, ..SessionLimits::DEFAULT });
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    for _ in 0..6 {
        TestReceiver::to(&rig.session(1)).on_line(&text("x"));
        assert_eq!(raw.pushed_text().await, "x");
    }
    raw.cut();
    settle().await;
    let mut again = Raw::resuming(&rig, 1, &raw.resume_token, GREETING).await;
    assert!(!again.welcome().await.resumed);
    assert_eq!([rig.event().await, rig.event().await], ["left 1 REPLAY_LOST", "connected 1"]);

    // Overflow while detached.
    let mut rig = Rig::new();
    let token = cut_off(&mut rig).await;
    let session = rig.session(1);
    (0..SessionLimits::DEFAULT.ring_frames).for_each(|_| TestReceiver::to(&session).on_line(&text("x")));
    assert_eq!(in_time(session.closed()).await.reason, "REPLAY_LOST");
    assert_eq!(rig.event().await, "left 1 REPLAY_LOST");
    assert!(!Raw::resuming(&rig, 1, &token, GREETING).await.welcome().await.resumed);
}

async fn a_second_link_replaces_the_first() {
    let mut rig = Rig::new();
    let mut first = Raw::welcomed(&mut rig, 1).await;
    let mut second = Raw::resuming(&rig, 1, &first.resume_token, GREETING).await;
    assert!(second.welcome().await.resumed);
    assert_eq!(first.next_or_end().await, None, "never both");
    let late = first.make_call(&test_hub::ECHO, "late");
    first.try_send(Up::Call(late)).await;
    TestReceiver::to(&rig.session(1)).on_line(&text("to the second"));
    assert_eq!(second.pushed_text().await, "to the second");
    settle().await;
    assert!(rig.events().is_empty(), "what the first says counts no more");
}

/// Opened with a ticket, beside the link.
struct Channel;

impl DatagramChannel for Channel {
    fn try_send(&self, _: &Bytes) -> bool {
        true
    }
}

async fn a_datagram_channel_is_no_link() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    rig.session(1).set_datagrams(Some(Arc::new(Channel)));
    raw.is_well(&test_hub::ECHO).await;
    assert_eq!(rig.event().await, "echo well", "it has replaced nothing");
    raw.cut();
    settle().await;
    rig.pass_ms(30_000).await;
    assert_eq!(rig.event().await, "left 1 LINK_LOST", "nor does it keep the session");
}

#[tokio::test]
async fn line_11_heartbeat() {
    the_heartbeat_is_always_on_and_the_rtt_known().await;
    a_late_answer_never_cuts_a_live_client().await;
    clients_know_the_servers_time().await;
}

async fn next_ping(raw: &mut Raw) -> wire::Ping {
    loop {
        if let Some(Down::Ping(ping)) = raw.next_or_end().await {
            return ping;
        }
    }
}

fn pong(ping: &wire::Ping) -> Up {
    Up::Pong(wire::Pong { n: ping.n, echo_time_ms: ping.sender_time_ms, answerer_time_ms: 0 })
}

async fn the_heartbeat_is_always_on_and_the_rtt_known() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    for trip_ms in [80, 160] {
        rig.pass_ms(5_000).await;
        let ping = next_ping(&mut raw).await;
        rig.clock.advance_ms(trip_ms);
        raw.send(pong(&ping)).await;
        settle().await;
    }
    // As RFC 6298 smooths: (7 * 80 + 160) / 8, (3 * 40 + 80) / 4.
    let rtt = rig.session(1).rtt().unwrap();
    assert_eq!((rtt.latest_ms, rtt.smoothed_ms, rtt.min_ms, rtt.jitter_ms), (160, 90, 80, 50));
}

async fn a_late_answer_never_cuts_a_live_client() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    let mut late = Vec::new();
    for _ in 0..6 {
        rig.pass_ms(5_000).await;
        late.push(next_ping(&mut raw).await);
        raw.send(Up::Ack(wire::Ack { seq: 0 })).await;
    }
    // Half a minute without an answer; the client speaks, so it lives.
    raw.is_well(&test_hub::ECHO).await;
    rig.pass_ms(2_000).await;
    for (ping, trip_ms) in late.iter().zip([27_000, 22_000, 17_000, 12_000, 7_000, 2_000]) {
        raw.send(pong(ping)).await;
        settle().await;
        assert_eq!(rig.session(1).rtt().unwrap().latest_ms, trip_ms, "a late answer counts");
    }
    raw.is_well(&test_hub::ECHO).await;
}

async fn clients_know_the_servers_time() {
    let rig = Rig::new();
    // A client whose wall clock is 90 s behind.
    let own = shallot_hubs::link::memory::MovedClock::at(shallot_hubs::Now { mono_ms: 7, wall_ms: WALL_MS - 90_000 });
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let builder = HubClient::builder(config, Arc::new(own.clone()));
    let (client, driver) = builder.connect(Arc::new(rig.link())).await.unwrap();
    tokio::spawn(driver);
    in_time(client.welcomed()).await.unwrap();
    own.advance_ms(10_000);
    settle().await;
    assert!(client.rtt().is_some(), "both ends know the trip");
    assert_eq!(client.server_time_offset_ms(), Some(80_000));
}
