//! 8, the client's half: it comes back by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shallot_hubs::{
    ClientLink, Code, EndReason, HubClient, HubClientConfig, OnSessionLost, SessionLimits, SessionState,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::{TestHubClient, TestReceiver, TestReceiverDispatcher};
use crate::cuttable::{Cuttable, Fresh};
use crate::handler::Handler;
use crate::messages::text;
use crate::rig::{Rig, in_time, settle, token, token_of};

struct Player {
    client: HubClient,
    told: mpsc::Receiver<String>,
    driver: JoinHandle<EndReason>,
}

impl Player {
    async fn join(rig: &Rig, link: Arc<dyn ClientLink>, on_lost: OnSessionLost) -> Self {
        let (handler, told) = Handler::new();
        let config = HubClientConfig { contract: CONTRACT_HASH, on_lost, ..HubClientConfig::new(token(1)) };
        let builder = HubClient::builder(config, Arc::new(rig.clock.clone()))
            .receiver(TestReceiverDispatcher::new(Arc::clone(&handler)));
        let (client, driver) = builder.connect(link).await.unwrap();
        handler.answer_through(&client);
        let mut player = Self { client, told, driver: tokio::spawn(driver) };
        assert_eq!(player.told().await, "hello");
        player
    }

    async fn told(&mut self) -> String {
        in_time(self.told.recv()).await.unwrap()
    }

    fn hub(&self) -> TestHubClient {
        TestHubClient::new(&self.client)
    }

    fn state(&self) -> SessionState {
        self.client.state().borrow().clone()
    }
}

/// What became of a call, when it is known.
async fn ended<T>(call: JoinHandle<T>) -> T {
    in_time(call).await.unwrap()
}

#[tokio::test]
async fn calls_in_flight_simply_complete() {
    let mut rig = Rig::new();
    let link = Cuttable::new(&rig);
    let mut player = Player::join(&rig, link.clone(), OnSessionLost::End).await;
    assert_eq!(rig.event().await, "connected 1");
    let hub = player.hub();
    let running = tokio::spawn(async move { hub.wait(&text("running")).await });
    assert_eq!(rig.event().await, "began running");
    link.cut();
    settle().await;
    assert_eq!(player.state(), SessionState::Reconnecting);
    let hub = player.hub();
    let made_meanwhile = tokio::spawn(async move { hub.echo(&text("meanwhile")).await });
    player.hub().note(&text("noted")).unwrap();
    TestReceiver::to(&rig.session(1)).on_line(&text("pushed"));
    rig.hub.release("running");
    rig.pass_ms(500).await;
    assert!(matches!(player.state(), SessionState::Live { welcome, lost_sessions: 0 } if welcome.resumed));
    assert_eq!(ended(running).await.unwrap(), text("running"));
    assert_eq!(ended(made_meanwhile).await.unwrap(), text("meanwhile"));
    assert_eq!(player.told().await, "pushed");
    let mut events = rig.events();
    events.sort();
    assert_eq!(events, ["echo meanwhile", "note noted"]);
}

#[tokio::test]
async fn calls_made_without_a_link_may_be_more_than_the_servers_queue_holds() {
    let mut rig = Rig::new();
    let link = Cuttable::new(&rig);
    let player = Player::join(&rig, link.clone(), OnSessionLost::End).await;
    assert_eq!(rig.event().await, "connected 1");
    let hub = player.hub();
    let first = tokio::spawn(async move { hub.wait(&text("first")).await });
    assert_eq!(rig.event().await, "began first");
    link.cut();
    settle().await;
    let many = 6 * SessionLimits::DEFAULT.call_queue;
    let mut calls = Vec::new();
    for n in 0..many {
        if n % 2 == 0 {
            player.hub().note(&text(&n.to_string())).unwrap();
        } else {
            let hub = player.hub();
            calls.push(tokio::spawn(async move { hub.echo(&text(&n.to_string())).await }));
            settle().await;
        }
    }
    // The first still has the turn when they all arrive.
    rig.pass_ms(500).await;
    assert!(matches!(player.state(), SessionState::Live { .. }));
    rig.hub.release("first");
    assert_eq!(ended(first).await.unwrap(), text("first"));
    for call in calls {
        ended(call).await.unwrap();
    }
    let kind = |n: usize| if n.is_multiple_of(2) { "note" } else { "echo" };
    assert_eq!(rig.events(), (0..many).map(|n| format!("{} {n}", kind(n))).collect::<Vec<_>>());
    assert_eq!(player.client.one_way_refused(), 0);
}

#[tokio::test]
async fn a_question_is_answered_over_the_next_link() {
    let mut rig = Rig::new();
    let link = Cuttable::new(&rig);
    let player = Player::join(&rig, link.clone(), OnSessionLost::End).await;
    assert_eq!(rig.event().await, "connected 1");
    let session = rig.session(1);
    // Answered from inside the question by a call, whose reply comes over the new link.
    let asked = tokio::spawn(async move { TestReceiver::to(&session).confirm(&text("sure?")).await });
    tokio::task::yield_now().await;
    link.cut();
    rig.pass_ms(500).await;
    assert_eq!(ended(asked).await.unwrap(), text("sure?"));
    assert!(!player.client.is_ended());
}

#[tokio::test]
async fn a_call_that_is_dropped_while_there_is_no_link_is_cancelled_over_the_next() {
    let mut rig = Rig::new();
    let link = Cuttable::new(&rig);
    let player = Player::join(&rig, link.clone(), OnSessionLost::End).await;
    assert_eq!(rig.event().await, "connected 1");
    let hub = player.hub();
    let call = tokio::spawn(async move { hub.wait(&text("a")).await });
    assert_eq!(rig.event().await, "began a");
    link.cut();
    settle().await;
    call.abort();
    settle().await;
    assert!(rig.events().is_empty());
    rig.pass_ms(500).await;
    assert_eq!(rig.event().await, "cancelled a");
}

#[tokio::test]
async fn a_session_that_is_lost_is_told_with_what_may_have_run() {
    let mut rig = Rig::with_limits(SessionLimits { resume_grace_ms: 1_000, ..SessionLimits::DEFAULT });
    let link = Cuttable::new(&rig);
    let player = Player::join(&rig, link.clone(), OnSessionLost::End).await;
    assert_eq!(rig.event().await, "connected 1");
    let (sent, unsent) = (player.hub(), player.hub());
    let sent = tokio::spawn(async move { sent.wait(&text("sent")).await });
    assert_eq!(rig.event().await, "began sent");
    link.go_down();
    settle().await;
    let unsent = tokio::spawn(async move { unsent.echo(&text("unsent")).await });
    rig.pass_ms(2_000).await;
    assert_eq!(rig.event().await, "cancelled sent");
    assert_eq!(rig.event().await, "left 1 LINK_LOST");
    link.come_up();
    rig.pass_ms(5_000).await;
    assert_eq!(ended(sent).await.unwrap_err().reason, "CALL_OUTCOME_UNKNOWN");
    assert_eq!(ended(unsent).await.unwrap_err().reason, "CALL_NOT_RUN");
    let end = in_time(player.client.ended()).await;
    assert_eq!((end.code, &*end.reason), (Code::Unavailable, "SESSION_LOST"));
    assert!(matches!(player.state(), SessionState::Ended(_)));
    // The session that the server opened instead is closed.
    assert_eq!(rig.event().await, "connected 1");
    assert_eq!(rig.event().await, "left 1 CLIENT_LEFT");
    assert_eq!(ended(player.driver).await.reason, "SESSION_LOST");
}

#[tokio::test]
async fn or_the_client_starts_anew() {
    let mut rig = Rig::with_limits(SessionLimits { resume_grace_ms: 1_000, ..SessionLimits::DEFAULT });
    let link = Cuttable::new(&rig);
    let mut player = Player::join(&rig, link.clone(), OnSessionLost::StartAnew).await;
    link.go_down();
    rig.pass_ms(2_000).await;
    link.come_up();
    rig.pass_ms(5_000).await;
    assert_eq!(player.told().await, "hello", "the greeting of the new session");
    assert!(matches!(player.state(), SessionState::Live { welcome, lost_sessions: 1 } if !welcome.resumed));
    assert_eq!(in_time(player.hub().echo(&text("again"))).await.unwrap(), text("again"));
    link.cut();
    rig.pass_ms(500).await;
    assert_eq!(in_time(player.hub().echo(&text("and resumed"))).await.unwrap(), text("and resumed"));
    assert_eq!(rig.events().iter().filter(|event| *event == "connected 1").count(), 2);
}

#[tokio::test]
async fn a_fresh_access_token_comes_from_the_provider() {
    let rig = Rig::new();
    let link = Cuttable::new(&rig);
    let fresh = Arc::new(Fresh { clock: rig.clock.clone(), asked: AtomicU64::new(0) });
    let soon = token_of(1, 1, 1, crate::rig::WALL_MS + 5_000);
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(soon) };
    let builder = HubClient::builder(config, Arc::new(rig.clock.clone())).tokens(fresh.clone());
    let (client, driver) = builder.connect(link.clone()).await.unwrap();
    tokio::spawn(driver);
    in_time(client.welcomed()).await.unwrap();
    link.cut();
    rig.pass_ms(10_000).await;
    assert_eq!(fresh.asked.load(Ordering::Relaxed), 1);
    assert_eq!(TestHubClient::new(&client).echo(&text("still")).await.unwrap(), text("still"));
}

#[tokio::test]
async fn a_client_without_a_link_gives_up_in_the_end() {
    let rig = Rig::new();
    let link = Cuttable::new(&rig);
    let player = Player::join(&rig, link.clone(), OnSessionLost::End).await;
    link.go_down();
    rig.pass_ms(59_000).await;
    assert_eq!(player.state(), SessionState::Reconnecting);
    rig.pass_ms(7_000).await;
    assert_eq!(ended(player.driver).await.reason, "LINK_LOST");
}

#[tokio::test]
async fn an_orderly_end_is_not_come_back_from() {
    let rig = Rig::new();
    let link = Cuttable::new(&rig);
    let player = Player::join(&rig, link.clone(), OnSessionLost::End).await;
    rig.session(1).end(EndReason::new(Code::PermissionDenied, "BANNED", "for good reason"));
    assert_eq!(ended(player.driver).await.reason, "BANNED");
}

#[tokio::test]
async fn acknowledgements_are_batched() {
    let rig = Rig::new();
    let mut player = Player::join(&rig, Arc::new(rig.link()), OnSessionLost::End).await;
    let session = rig.session(1);
    // Far more than the ring holds: they are let go of while they come, without a message for each.
    for n in 0..4_000 {
        TestReceiver::to(&session).on_line(&text(&n.to_string()));
        assert_eq!(player.told().await, n.to_string());
    }
    assert!(!session.is_ended());
}

#[tokio::test]
async fn one_way_calls_are_kept_until_they_have_arrived_and_no_longer() {
    let mut rig = Rig::with_limits(SessionLimits { call_queue: 100, ..SessionLimits::DEFAULT });
    let player = Player::join(&rig, Arc::new(rig.link()), OnSessionLost::End).await;
    for n in 0..5_000 {
        player.hub().note(&text(&n.to_string())).unwrap();
        if n % 50 == 0 {
            settle().await;
            rig.events();
        }
    }
    settle().await;
    assert_eq!(player.client.one_way_refused(), 0);
}
