//! A client that lives on QUIC alone loses its link and comes back to its session, on QUIC or where UDP does not pass any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use shallot_client::hubs::contracts::world::v1::{WorldHubClient, WorldReceiverDispatcher, WorldReceiverHandler};
use shallot_client::hubs::link::{LinkStream, Outgoing};
use shallot_client::hubs::{
    ClientLink, GrpcLink, HubClient, HubClientConfig, LinkError, SessionState, SystemClock, Welcome, async_trait,
};
use shallot_client::proto::hub::v1::ServerBatch;
use shallot_client::proto::world::v1::{
    AttackRequest, EnterRequest, InputRefused, LeaveRequest, Reward, SnapshotBytes, Vitals, WorldEvents,
};
use shallot_client::{QuicLink, Trust};
use tokio::sync::{Notify, watch};

use crate::player::{Account, PATIENCE, account};
use crate::process::Server;

/// Links of one kind and then of the other, which the test breaks.
struct Breakable {
    quic: QuicLink,
    grpc: GrpcLink,
    is_on_grpc: AtomicBool,
    breaks: Arc<Notify>,
}

impl Breakable {
    fn new(account: &Account) -> Arc<Self> {
        Arc::new(Self {
            quic: QuicLink::new(account.api.clone(), &account.character.id, Trust::Development),
            grpc: GrpcLink::new(account.api.channel()),
            is_on_grpc: AtomicBool::new(false),
            breaks: Arc::default(),
        })
    }
}

#[async_trait]
impl ClientLink for Breakable {
    async fn open(&self, outgoing: Outgoing) -> Result<LinkStream<ServerBatch>, LinkError> {
        let arriving = if self.is_on_grpc.load(Ordering::Relaxed) {
            self.grpc.open(outgoing).await?
        } else {
            self.quic.open(outgoing).await?
        };
        let breaks = Arc::clone(&self.breaks);
        Ok(Box::pin(stream::unfold(Some((arriving, breaks)), |open| async move {
            let (mut arriving, breaks) = open?;
            tokio::select! {
                biased;
                () = breaks.notified() => Some((Err(LinkError::Lost("broken by the test".to_owned())), None)),
                message = arriving.next() => Some((message?, Some((arriving, breaks)))),
            }
        })))
    }
}

/// Counts the snapshots that come over the link.
struct Pushed(watch::Sender<u64>);

impl WorldReceiverHandler for Pushed {
    fn on_events(&self, _: WorldEvents) {}
    fn on_reward(&self, _: Reward) {}
    fn on_vitals(&self, _: Vitals) {}
    fn on_input_refused(&self, _: InputRefused) {}

    fn on_snapshot(&self, _: SnapshotBytes) {
        self.0.send_modify(|count| *count += 1);
    }
}

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

/// Breaks the link, makes a call without one, and waits until it has completed; the newest Welcome.
async fn comes_back(link: &Breakable, client: &HubClient) -> Welcome {
    let mut state = client.state();
    state.borrow_and_update();
    link.breaks.notify_one();
    in_time(state.changed()).await.unwrap();
    in_time(WorldHubClient::new(client).attack(&AttackRequest { target: 0 })).await.unwrap();
    let is_live = |state: &SessionState| matches!(state, SessionState::Live { welcome, .. } if welcome.resumed);
    match in_time(state.wait_for(is_live)).await.unwrap().clone() {
        SessionState::Live { welcome, lost_sessions: 0 } => welcome,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_on_quic_comes_back_to_its_session_on_quic_or_on_grpc() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let robin = account(server.grpc, "Robin").await;
    let link = Breakable::new(&robin);
    let config = HubClientConfig::new(robin.api.access_token().await.unwrap());
    let (pushed, mut pushes) = watch::channel(0);
    let builder = HubClient::builder(config, Arc::new(SystemClock::start()))
        .receiver(WorldReceiverDispatcher::new(Arc::new(Pushed(pushed))))
        .tokens(Arc::new(robin.api.clone()));
    let (client, driver) = builder.connect(link.clone()).await.unwrap();
    let mut running = tokio::task::JoinSet::new();
    running.spawn(driver);
    let session = in_time(client.welcomed()).await.unwrap().session;
    WorldHubClient::new(&client).enter(&EnterRequest::default()).await.unwrap();
    // Of the newest connection: a session's datagrams must be there, not on the one before.
    let snapshot = async || in_time(link.quic.datagrams().unwrap().receive()).await.unwrap();
    snapshot().await;
    for _ in 0..3 {
        let welcome = comes_back(&link, &client).await;
        assert_eq!(
            (welcome.session, welcome.channel),
            (session, None),
            "the connection's own datagrams are the session's"
        );
        snapshot().await;
    }

    link.is_on_grpc.store(true, Ordering::Relaxed);
    let left_behind = link.quic.datagrams().unwrap();
    let welcome = comes_back(&link, &client).await;
    while left_behind.receive().now_or_never().is_some_and(|datagram| datagram.is_ok()) {}
    assert_eq!(welcome.session, session);
    assert!(welcome.channel.is_some(), "a link without datagrams is offered a channel");
    let so_far = *pushes.borrow_and_update();
    in_time(pushes.wait_for(|count| *count > so_far + 2)).await.unwrap();
    let mut late = 0;
    while left_behind.receive().now_or_never().is_some_and(|datagram| datagram.is_ok()) {
        late += 1;
    }
    assert!(late < 10, "{late} snapshots went to the connection that was left behind, half a second of them");

    link.is_on_grpc.store(false, Ordering::Relaxed);
    assert_eq!(comes_back(&link, &client).await.session, session);
    snapshot().await;
    WorldHubClient::new(&client).leave(&LeaveRequest {}).await.unwrap();
    client.leave();
    in_time(running.join_next()).await;
    server.stop();
}
