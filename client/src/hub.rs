//! The hub link: typed calls to the server's hubs and their pushes ([`WorldPush`]), over the connection that unary calls use too or
//! over QUIC. A link that is lost comes back by itself, with calls and pushes complete; [`WorldLink::state`] tells of it.

mod pushes;

use std::sync::Arc;

use bytes::Bytes;
use shallot_hubs::contracts::social::v1::{
    ChatHubClient, ChatReceiverDispatcher, PresenceHubClient, PresenceReceiverDispatcher,
};
use shallot_hubs::contracts::world::v1::{WorldHubClient, WorldReceiverDispatcher};
use shallot_hubs::{
    AccessTokens, ClientLink, EndReason, GrpcLink, HubClient, HubClientConfig, HubError, LinkError, ReceiverDispatcher,
    SessionState, SystemClock, Welcome, async_trait,
};
use shallot_proto::wire::limits::MAX_INPUT_DATAGRAM;
use shallot_proto::world::v1::InputBytes;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::Code;

use crate::api::{Api, ApiError};
use crate::channel::{DatagramChannel, OpenError, SendError};
use crate::quic_link::QuicLink;
use crate::trust::Trust;

pub use pushes::{AskedIn, WorldPush, WorldPushes};

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

/// A session in the making, for a game with hubs of its own: their receivers are added here.
pub struct WorldLinkBuilder {
    api: Api,
    /// `None`: on the connection of the unary calls.
    quic: Option<Arc<QuicLink>>,
    receivers: Vec<Box<dyn ReceiverDispatcher>>,
}

impl WorldLinkBuilder {
    /// On the connection that unary calls use too.
    #[must_use]
    pub fn over_grpc(api: Api) -> Self {
        Self { api, quic: None, receivers: Vec::new() }
    }

    /// On a QUIC connection, which carries the datagrams too. Opening it selects the character.
    #[must_use]
    pub fn over_quic(api: Api, character_id: &str, trust: Trust) -> Self {
        let link = QuicLink::new(api.clone(), character_id, trust);
        Self { api, quic: Some(Arc::new(link)), receivers: Vec::new() }
    }

    /// Adds a receiver: its generated dispatcher in front of its handler. Those of the server's own hubs are there already.
    #[must_use]
    pub fn receiver(mut self, receiver: impl ReceiverDispatcher) -> Self {
        self.receivers.push(Box::new(receiver));
        self
    }

    /// Opens the session and waits until it is welcome.
    ///
    /// # Errors
    /// See [`HubOpenError`].
    pub async fn open(self) -> Result<(WorldLink, WorldPushes), HubOpenError> {
        let Self { api, quic, receivers } = self;
        let link: Arc<dyn ClientLink> = match &quic {
            Some(quic) => Arc::clone(quic) as _,
            None => Arc::new(GrpcLink::new(api.channel())),
        };
        let config = HubClientConfig::new(api.access_token().await?);
        let (queue, pushes) = pushes::queue();
        let builder = HubClient::builder(config, Arc::new(SystemClock::start()))
            .receiver(WorldReceiverDispatcher::new(Arc::clone(&queue)))
            .receiver(ChatReceiverDispatcher::new(Arc::clone(&queue)))
            .receiver(PresenceReceiverDispatcher::new(queue))
            .tokens(Arc::new(api.clone()));
        let builder = receivers.into_iter().fold(builder, |builder, receiver| builder.receiver(receiver));
        let (client, session) = builder.connect(link).await?;
        let mut driver = JoinSet::new();
        driver.spawn(session);
        let welcome = client.welcomed().await.map_err(HubOpenError::Ended)?;
        let world = WorldHubClient::new(&client);
        let link = WorldLink { client, world, welcome, host: api.host().to_owned(), quic, driver };
        Ok((link, pushes))
    }
}

impl std::fmt::Debug for WorldLinkBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorldLinkBuilder").field("receivers", &self.receivers.len()).finish_non_exhaustive()
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
        WorldLinkBuilder::over_grpc(api.clone()).open().await
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
        WorldLinkBuilder::over_quic(api.clone(), character_id, trust.clone()).open().await
    }

    /// Calls to the world hub; clones share the session.
    #[must_use]
    pub fn world(&self) -> &WorldHubClient {
        &self.world
    }

    /// Calls to the chat hub. What is said comes as [`WorldPush::Chat`], an invitation as [`WorldPush::AskedIn`].
    #[must_use]
    pub fn chat(&self) -> ChatHubClient {
        ChatHubClient::new(&self.client)
    }

    /// Calls to the presence hub. Changes come as [`WorldPush::Presence`].
    #[must_use]
    pub fn presence(&self) -> PresenceHubClient {
        PresenceHubClient::new(&self.client)
    }

    /// The session itself, for hubs of one's own: round-trip time, clock offset, renewal of the token, its end.
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
            return Some(Ok(own.with_session(self.client.clone())));
        }
        let offer = self.welcome().channel?;
        let opened = DatagramChannel::open(&offer.address, &self.host, &offer.ticket, trust).await;
        Some(opened.map(|channel| channel.with_session(self.client.clone())))
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
