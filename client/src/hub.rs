//! The hub link: typed calls to the server ([`WorldHubClient`]) and its pushes ([`WorldPush`]), over the connection that unary calls
//! use too or over QUIC. A link that is lost comes back by itself, with calls and pushes complete; [`WorldLink::state`] tells of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use shallot_hubs::contracts::world::v1::{WorldHubClient, WorldReceiverDispatcher, WorldReceiverHandler};
use shallot_hubs::{
    AccessTokens, ClientLink, EndReason, GrpcLink, HubClient, HubClientConfig, HubError, LinkError, SessionState,
    SystemClock, Welcome, async_trait,
};
use shallot_proto::wire::limits::MAX_INPUT_DATAGRAM;
use shallot_proto::world::v1::{InputBytes, InputRefused, Reward, SnapshotBytes, Vitals, WorldEvents};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tonic::Code;

use crate::api::{Api, ApiError};
use crate::channel::{DatagramChannel, OpenError, SendError};
use crate::limits::PUSH_QUEUE;
use crate::quic_link::QuicLink;
use crate::trust::Trust;

/// What the server sends to a character's player.
#[derive(Clone, Debug, PartialEq)]
pub enum WorldPush {
    /// All that happened around the character in one tick.
    Events(WorldEvents),
    /// What is stored for good.
    Reward(Reward),
    /// The character's own body.
    Vitals(Vitals),
    /// A snapshot, where there is no datagram channel.
    Snapshot(SnapshotBytes),
    /// Datagrams that had no effect.
    InputRefused(InputRefused),
}

/// Why no hub session stands.
#[derive(Debug, thiserror::Error)]
pub enum HubOpenError {
    /// No access token to say Hello with.
    #[error(transparent)]
    Token(#[from] ApiError),
    /// The link could not be opened.
    #[error("opening the hub link: {0}")]
    Link(#[from] LinkError),
    /// The server did not welcome the session.
    #[error("the server ended the session: {} ({:?}): {}", .0.reason, .0.code, .0.message)]
    Ended(EndReason),
}

/// What a session that comes back says Hello with.
#[async_trait]
impl AccessTokens for Api {
    async fn access_token(&self) -> Result<String, HubError> {
        let error = match Self::access_token(self).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        Err(HubError::new(error.code, error.reason, error.message))
    }
}

/// A hub session. Dropping it loses the link; [`WorldLink::close`] ends it in order.
#[derive(Debug)]
pub struct WorldLink {
    client: HubClient,
    world: WorldHubClient,
    welcome: Welcome,
    host: String,
    /// The link, when its own connection has the datagrams.
    quic: Option<Arc<QuicLink>>,
    driver: JoinSet<EndReason>,
}

impl WorldLink {
    /// Opens a session for the signed-in account and waits until it is welcome.
    ///
    /// # Errors
    /// See [`HubOpenError`].
    pub async fn open(api: &Api) -> Result<(Self, WorldPushes), HubOpenError> {
        Self::open_over(api, Arc::new(GrpcLink::new(api.channel())), None).await
    }

    /// The same on a QUIC connection, which carries the datagrams too. Selects the character.
    ///
    /// # Errors
    /// See [`HubOpenError`].
    pub async fn open_on_quic(
        api: &Api,
        character_id: &str,
        trust: &Trust,
    ) -> Result<(Self, WorldPushes), HubOpenError> {
        let link = Arc::new(QuicLink::new(api.clone(), character_id, trust.clone()));
        Self::open_over(api, Arc::clone(&link) as Arc<dyn ClientLink>, Some(link)).await
    }

    async fn open_over(
        api: &Api,
        link: Arc<dyn ClientLink>,
        quic: Option<Arc<QuicLink>>,
    ) -> Result<(Self, WorldPushes), HubOpenError> {
        let config = HubClientConfig::new(api.access_token().await?);
        let (queue, pushes) = push_queue();
        let receiver = WorldReceiverDispatcher::new(Arc::new(queue));
        let builder =
            HubClient::builder(config, Arc::new(SystemClock::start())).receiver(receiver).tokens(Arc::new(api.clone()));
        let (client, session) = builder.connect(link).await?;
        let mut driver = JoinSet::new();
        driver.spawn(session);
        let welcome = client.welcomed().await.map_err(HubOpenError::Ended)?;
        let world = WorldHubClient::new(&client);
        Ok((Self { client, world, welcome, host: api.host().to_owned(), quic, driver }, pushes))
    }

    /// Calls to the world hub; clones share the session.
    #[must_use]
    pub fn world(&self) -> &WorldHubClient {
        &self.world
    }

    /// The session itself: round-trip time, clock offset, renewal of the token, its end.
    #[must_use]
    pub fn session(&self) -> &HubClient {
        &self.client
    }

    /// Where the session stands, now and as it changes: a lost link, its return, the end. A session that the server has given up
    /// ends with `SESSION_LOST`, and the character is out of the world: open another.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.client.state()
    }

    /// What the server said at last: a link that came back has a channel offer of its own.
    #[must_use]
    pub fn welcome(&self) -> Welcome {
        match &*self.client.state().borrow() {
            SessionState::Live { welcome, .. } => welcome.clone(),
            _ => self.welcome.clone(),
        }
    }

    /// The datagram channel: that of the link's own connection, or a new one where the server offered it (once, for 30 s). `None`: there
    /// is none, and snapshots come as pushes.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_channel(&self, trust: &Trust) -> Option<Result<DatagramChannel, OpenError>> {
        if let Some(own) = self.quic.as_ref().and_then(|link| link.datagrams()) {
            return Some(Ok(own));
        }
        let offer = self.welcome().channel?;
        Some(DatagramChannel::open(&offer.address, &self.host, &offer.ticket, trust).await)
    }

    /// Sends an input datagram over the link, where no datagrams go; snapshots come as [`WorldPush::Snapshot`] then. Like a datagram it
    /// may be dropped unseen: the next one repeats what it said.
    ///
    /// # Errors
    /// The session is over.
    pub fn send_input(&self, datagram: Bytes) -> Result<(), SendError> {
        let length = datagram.len();
        if length > MAX_INPUT_DATAGRAM {
            return Err(SendError::TooLarge(length));
        }
        match self.world.input(&InputBytes { datagram }) {
            // The outbox is full: the link is behind, and this input would be late.
            Err(error) if error.code == Code::ResourceExhausted => Ok(()),
            sent => sent.map_err(|_| SendError::Lost),
        }
    }

    /// Sends what waits, closes the link, and tells why the session ended: by itself before, or by this.
    pub async fn close(mut self) -> EndReason {
        self.client.leave();
        match self.driver.join_next().await {
            Some(Ok(reason)) => reason,
            _ => self.client.ended().await,
        }
    }
}

/// Pushes in the order of their arrival, at most [`PUSH_QUEUE`] waiting. What may be lost ([`WorldPush::Vitals`],
/// [`WorldPush::Snapshot`], [`WorldPush::InputRefused`]) is dropped and counted when the queue is full; when events or a reward find it
/// full the queue ends behind what waits, so that nothing is missed unnoticed: such a client has to connect again.
#[derive(Debug)]
pub struct WorldPushes {
    waiting: mpsc::Receiver<WorldPush>,
    dropped: Arc<AtomicU64>,
}

impl WorldPushes {
    /// The next push; `None`: the session is over or the queue overflowed. May be dropped while it waits without losing one.
    pub async fn next(&mut self) -> Option<WorldPush> {
        self.waiting.recv().await
    }

    /// The next push if one waits.
    pub fn try_next(&mut self) -> Option<WorldPush> {
        self.waiting.try_recv().ok()
    }

    /// Pushes that were dropped because the queue was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The receiver's end: handlers run inside the session's driver and must not wait.
struct PushQueue {
    sender: Mutex<Option<mpsc::Sender<WorldPush>>>,
    dropped: Arc<AtomicU64>,
}

fn push_queue() -> (PushQueue, WorldPushes) {
    let (sender, waiting) = mpsc::channel(PUSH_QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = PushQueue { sender: Mutex::new(Some(sender)), dropped: Arc::clone(&dropped) };
    (queue, WorldPushes { waiting, dropped })
}

impl PushQueue {
    fn put(&self, push: WorldPush, may_be_lost: bool) {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = sender.as_ref().is_none_or(|sender| sender.try_send(push).is_err());
        if is_full {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            if !may_be_lost {
                *sender = None;
            }
        }
    }
}

impl WorldReceiverHandler for PushQueue {
    fn on_events(&self, message: WorldEvents) {
        self.put(WorldPush::Events(message), false);
    }

    fn on_reward(&self, message: Reward) {
        self.put(WorldPush::Reward(message), false);
    }

    fn on_vitals(&self, message: Vitals) {
        self.put(WorldPush::Vitals(message), true);
    }

    fn on_snapshot(&self, message: SnapshotBytes) {
        self.put(WorldPush::Snapshot(message), true);
    }

    fn on_input_refused(&self, message: InputRefused) {
        self.put(WorldPush::InputRefused(message), true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vitals(hp: u32) -> Vitals {
        Vitals { hp, ..Vitals::default() }
    }

    #[tokio::test]
    async fn pushes_keep_their_order() {
        let (queue, mut pushes) = push_queue();
        queue.on_vitals(vitals(1));
        queue.on_reward(Reward::default());
        assert_eq!(pushes.next().await, Some(WorldPush::Vitals(vitals(1))));
        assert_eq!(pushes.next().await, Some(WorldPush::Reward(Reward::default())));
        assert_eq!(pushes.try_next(), None);
    }

    #[tokio::test]
    async fn what_may_be_lost_is_dropped_and_the_rest_goes_on() {
        let (queue, mut pushes) = push_queue();
        for hp in 0..PUSH_QUEUE as u32 + 3 {
            queue.on_vitals(vitals(hp));
        }
        assert_eq!(pushes.dropped(), 3);
        assert_eq!(pushes.next().await, Some(WorldPush::Vitals(vitals(0))));
        queue.on_reward(Reward::default());
        let mut last = None;
        while let Some(push) = pushes.try_next() {
            last = Some(push);
        }
        assert_eq!(last, Some(WorldPush::Reward(Reward::default())));
    }

    #[tokio::test]
    async fn a_reward_without_room_ends_the_queue_behind_what_waits() {
        let (queue, mut pushes) = push_queue();
        for hp in 0..PUSH_QUEUE as u32 {
            queue.on_vitals(vitals(hp));
        }
        queue.on_reward(Reward::default());
        queue.on_vitals(vitals(9_999));
        let mut seen = 0;
        while let Some(push) = pushes.next().await {
            assert!(matches!(push, WorldPush::Vitals(_)));
            seen += 1;
        }
        assert_eq!((seen, pushes.dropped()), (PUSH_QUEUE, 2));
    }
}
