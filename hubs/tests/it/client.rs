//! The client's half, through generated stubs and handlers.

use std::sync::Arc;

use shallot_hubs::{Code, EndReason, HubClient, HubClientConfig, SessionLimits};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::{OtherHubClient, TestHubClient, TestReceiver, TestReceiverDispatcher};
use crate::handler::Handler;
use crate::messages::{gauge, text};
use crate::rig::{Rig, in_time, session_id, settle, token};

struct Player {
    client: HubClient,
    told: mpsc::Receiver<String>,
    driver: JoinHandle<EndReason>,
}

impl Player {
    async fn join(rig: &Rig, token: &str) -> Self {
        let (handler, reader) = Handler::new();
        let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token.to_owned()) };
        let builder = HubClient::builder(config, Arc::new(rig.clock.clone()))
            .receiver(TestReceiverDispatcher::new(Arc::clone(&handler)));
        let (client, driver) = builder.connect(Arc::new(rig.link())).await.unwrap();
        handler.answer_through(&client);
        Self { client, told: reader, driver: tokio::spawn(driver) }
    }

    async fn told(&mut self) -> String {
        in_time(self.told.recv()).await.unwrap()
    }

    fn hub(&self) -> TestHubClient {
        TestHubClient::new(&self.client)
    }
}

#[tokio::test]
async fn calls_pushes_and_one_way_calls() {
    let mut rig = Rig::new();
    let mut player = Player::join(&rig, &token(1)).await;
    let welcome = in_time(player.client.welcomed()).await.unwrap();
    assert_eq!(welcome.session, session_id(1));
    assert_eq!(player.told().await, "hello");
    assert_eq!(player.hub().echo(&text("a")).await.unwrap(), text("a"));
    assert_eq!(OtherHubClient::new(&player.client).reverse(&text("ab")).await.unwrap(), text("ba"));
    player.hub().note(&text("n")).unwrap();
    TestReceiver::to(&rig.session(1)).on_gauge(&gauge("g", 4));
    assert_eq!(player.told().await, "g=4");
    assert_eq!(rig.event().await, "connected 1");
    assert_eq!(rig.event().await, "echo a");
    assert_eq!(rig.event().await, "note n");
}

#[tokio::test]
async fn calls_made_before_the_welcome_are_taken_up_after_it() {
    let rig = Rig::new();
    let player = Player::join(&rig, &token(1)).await;
    assert_eq!(in_time(player.hub().echo(&text("early"))).await.unwrap(), text("early"));
}

#[tokio::test]
async fn a_client_result_may_call_the_hub_back() {
    let rig = Rig::new();
    let player = Player::join(&rig, &token(1)).await;
    assert_eq!(in_time(player.hub().ask_back(&text("yes"))).await.unwrap(), text("yes"));
    let declined = in_time(player.hub().ask_back(&text("no"))).await.unwrap_err();
    assert_eq!((declined.code, &*declined.reason), (Code::Aborted, "DECLINED"));
}

#[tokio::test]
async fn a_client_without_the_receiver_answers_that_it_has_none() {
    let rig = Rig::new();
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let builder = HubClient::builder(config, Arc::new(rig.clock.clone()));
    let (client, driver) = builder.connect(Arc::new(rig.link())).await.unwrap();
    let _driver = tokio::spawn(driver);
    let refused = in_time(TestHubClient::new(&client).ask_back(&text("?"))).await.unwrap_err();
    assert_eq!((refused.code, &*refused.reason), (Code::Unimplemented, "UNKNOWN_METHOD"));
    assert_eq!(client.unknown_pushes(), 1, "the greeting");
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled() {
    let mut rig = Rig::new();
    let player = Player::join(&rig, &token(1)).await;
    let hub = player.hub();
    let call = tokio::spawn(async move { hub.wait(&text("a")).await });
    assert_eq!(rig.event().await, "connected 1");
    assert_eq!(rig.event().await, "began a");
    call.abort();
    assert_eq!(rig.event().await, "cancelled a");
}

#[tokio::test]
async fn a_call_has_a_deadline_at_this_end_too() {
    let mut rig = Rig::new();
    let player = Player::join(&rig, &token(1)).await;
    let hub = player.hub().with_deadline_ms(500);
    let call = tokio::spawn(async move { hub.wait(&text("stubborn")).await });
    rig.event().await;
    assert_eq!(rig.event().await, "began stubborn");
    rig.pass_ms(500).await;
    assert_eq!(in_time(call).await.unwrap().unwrap_err().reason, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn one_way_calls_that_were_refused_are_counted() {
    let mut rig = Rig::new();
    let player = Player::join(&rig, &token(1)).await;
    let hub = player.hub();
    let _call = tokio::spawn(async move { hub.wait(&text("a")).await });
    rig.event().await;
    assert_eq!(rig.event().await, "began a");
    for _ in 0..40 {
        player.hub().note(&text("n")).unwrap();
    }
    settle().await;
    assert_eq!(player.client.one_way_refused(), 8);
}

#[tokio::test]
async fn go_away_is_surfaced_and_open_calls_end_with_it() {
    let mut rig = Rig::new();
    let player = Player::join(&rig, &token(1)).await;
    let hub = player.hub();
    let call = tokio::spawn(async move { hub.wait(&text("a")).await });
    rig.event().await;
    assert_eq!(rig.event().await, "began a");
    let reason =
        EndReason { retry_after_ms: 700, ..EndReason::new(Code::PermissionDenied, "BANNED", "for good reason") };
    rig.session(1).end(reason);
    let end = in_time(player.client.ended()).await;
    assert_eq!((end.code, &*end.reason, end.retry_after_ms), (Code::PermissionDenied, "BANNED", 700));
    assert_eq!(&*end.message, "for good reason");
    assert_eq!(in_time(call).await.unwrap().unwrap_err().reason, "BANNED");
    assert_eq!(in_time(player.driver).await.unwrap().reason, "BANNED");
    let late = TestHubClient::new(&player.client).echo(&text("late")).await;
    assert_eq!(late.unwrap_err().reason, "BANNED");
}

#[tokio::test]
async fn a_drained_session_still_gets_the_reply_that_is_under_way() {
    let mut rig = Rig::new();
    let player = Player::join(&rig, &token(1)).await;
    let hub = player.hub();
    let call = tokio::spawn(async move { hub.wait(&text("a")).await });
    rig.event().await;
    assert_eq!(rig.event().await, "began a");
    rig.server.begin_drain(0);
    assert_eq!(in_time(player.client.ended()).await.reason, "DRAINING");
    rig.hub.release("a");
    assert_eq!(in_time(call).await.unwrap().unwrap(), text("a"));
}

#[tokio::test]
async fn a_refused_client_knows_why() {
    let rig = Rig::new();
    let player = Player::join(&rig, "forged").await;
    assert_eq!(in_time(player.client.welcomed()).await.unwrap_err().reason, "TOKEN_INVALID");
}

#[tokio::test]
async fn leaving_is_told_to_the_hub() {
    let mut rig = Rig::new();
    let player = Player::join(&rig, &token(1)).await;
    player.hub().note(&text("last")).unwrap();
    player.client.leave();
    assert_eq!(rig.event().await, "connected 1");
    assert_eq!(in_time(player.driver).await.unwrap().reason, "CLIENT_LEFT");
    let told = [rig.event().await, rig.event().await];
    assert!(told.contains(&"left 1 CLIENT_LEFT".to_owned()), "{told:?}");
}

#[tokio::test]
async fn both_ends_measure_the_trip_and_live_on() {
    let limits = SessionLimits { heartbeat_ms: 1_000, silence_ms: 3_000, ..SessionLimits::DEFAULT };
    let rig = Rig::with_limits(limits);
    let player = Player::join(&rig, &token(1)).await;
    in_time(player.client.welcomed()).await.unwrap();
    rig.pass_ms(60_000).await;
    assert!(!player.client.is_ended());
    assert_eq!(player.client.rtt().unwrap().latest_ms, 0, "no time passes on a memory link");
    assert_eq!(rig.session(1).rtt().unwrap().latest_ms, 0);
    assert_eq!(player.client.server_time_offset_ms(), Some(0));
}

#[tokio::test]
async fn a_dropped_driver_leaves_nobody_waiting() {
    let rig = Rig::new();
    let player = Player::join(&rig, &token(1)).await;
    let hub = player.hub();
    let call = tokio::spawn(async move { hub.wait(&text("a")).await });
    settle().await;
    player.driver.abort();
    assert_eq!(in_time(call).await.unwrap().unwrap_err().reason, "CLIENT_LEFT");
}

#[tokio::test]
async fn renewing_keeps_the_session() {
    let rig = Rig::new();
    let soon = crate::rig::WALL_MS + 2_000;
    let player = Player::join(&rig, &crate::rig::token_of(1, 1, 1, soon)).await;
    in_time(player.client.welcomed()).await.unwrap();
    player.client.renew(crate::rig::token_of(1, 1, 1, soon + 60_000));
    rig.pass_ms(30_000).await;
    assert_eq!(in_time(player.hub().echo(&text("still"))).await.unwrap(), text("still"));
}
