//! The client's half: a handle to call through, and the future that drives its session.
//!
//! [`HubClient`] is what generated stubs call through; the [`ClientDriver`] must run on a task of its own. Pushes go to the
//! receivers that were named when the session was opened, in order, from inside the driver.
//!
//! A link that is lost is replaced by another through the same [`ClientLink`], with a back-off, as long as the server may still
//! have the session. Calls that are under way then simply complete; each has run once. [`SessionState`] tells of it. When the
//! server has the session no more, each open call ends with an error that says whether it may have run, and the client ends or
//! starts anew, as [`OnSessionLost`] says.

pub(crate) mod backoff;
pub(crate) mod calls;
mod driver;
mod handle;
pub(crate) mod outbox;
mod shared;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::SessionId;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::contract::ReceiverContract;
use crate::dispatch::HubFuture;
use crate::end::EndReason;
use crate::error::HubError;
use crate::link::{ClientLink, LinkError};
use crate::middleware::{Chain, Middleware};
use crate::session::client::{ClientSession, Opening};
use driver::Driver;
use shared::{LinkOutgoing, Shared};

pub use handle::{HubCaller, HubClient};

/// What a client says in its Hello, and what it does without a link.
#[derive(Clone, Debug)]
pub struct HubClientConfig {
    /// From signing in.
    pub access_token: String,
    /// BLAKE3 of the hub contracts it was built with.
    pub contract: [u8; 32],
    /// Name and version, for people; at most 64 bytes.
    pub build: String,
    /// What to do when the session cannot be resumed.
    pub on_lost: OnSessionLost,
    /// Spreads the attempts of many clients that lost their links together; each should have another.
    pub jitter_seed: u64,
}

impl HubClientConfig {
    /// With this crate's own contracts. The seed comes from the token, which no two logins share.
    #[must_use]
    pub fn new(access_token: String) -> Self {
        let build = concat!("shallot-rust ", env!("CARGO_PKG_VERSION")).to_owned();
        let jitter_seed = seed_of(&access_token);
        let contract = crate::contracts::CONTRACT_HASH;
        Self { access_token, contract, build, on_lost: OnSessionLost::End, jitter_seed }
    }
}

/// FNV-1a with 64 bits (Fowler, Noll, Vo).
fn seed_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What a client does when its session cannot be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnSessionLost {
    /// It ends with `SESSION_LOST`.
    #[default]
    End,
    /// It goes on with the new session that the server has opened for it. What it knew of the old one is void: groups, state, what
    /// was pushed.
    StartAnew,
}

/// Where a client's session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Hello is on its way.
    Opening,
    /// There is a link.
    Live {
        /// The newest.
        welcome: Welcome,
        /// Sessions that were lost before this one: when it rises, all that the client knew is void.
        lost_sessions: u32,
    },
    /// The link is lost; the client tries to come back.
    Reconnecting,
    /// It is over.
    Ended(EndReason),
}

/// PORT: access tokens for a client that comes back; the one it began with may have run out meanwhile.
#[async_trait]
pub trait AccessTokens: Send + Sync + 'static {
    /// One that counts for a while yet.
    ///
    /// # Errors
    ///
    /// There is none: `UNAUTHENTICATED` ends the session, any other error is tried again later.
    async fn access_token(&self) -> Result<String, HubError>;
}

/// Runs a client session until its end, over as many links as it takes; tells why it ended. Dropped early it closes the link.
pub type ClientDriver = HubFuture<EndReason>;

/// A receiver behind its contract. Generated for each; users implement the receiver's handler trait.
pub trait ReceiverDispatcher: Send + Sync + 'static {
    /// What the receiver says about itself; `None`: nothing, and its client results have no name in spans and metrics.
    fn contract(&self) -> Option<&'static ReceiverContract> {
        None
    }

    /// Hands a push to its method.
    ///
    /// # Errors
    ///
    /// Bytes that are not the method's message: the session ends.
    fn push(&self, method: u32, body: &Bytes) -> Result<PushOutcome, HubError>;

    /// Pushes to a group that the session is in were lost between nodes; every receiver is told, before the group's next push.
    fn group_gap(&self, gap: &wire::GroupGap) {
        let _ = gap;
    }

    /// The answer to a question; `None` when the method is none of the receiver's.
    fn ask(&self, ask: AskContext, body: Bytes) -> Option<HubFuture<Result<Bytes, HubError>>> {
        let _ = (ask, body);
        None
    }
}

impl<R: ReceiverDispatcher + ?Sized> ReceiverDispatcher for Box<R> {
    fn contract(&self) -> Option<&'static ReceiverContract> {
        (**self).contract()
    }

    fn push(&self, method: u32, body: &Bytes) -> Result<PushOutcome, HubError> {
        (**self).push(method, body)
    }

    fn group_gap(&self, gap: &wire::GroupGap) {
        (**self).group_gap(gap);
    }

    fn ask(&self, ask: AskContext, body: Bytes) -> Option<HubFuture<Result<Bytes, HubError>>> {
        (**self).ask(ask, body)
    }
}

/// Whether a receiver knows a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// It was handed on.
    Taken,
    /// It is another receiver's, or newer than this client.
    Unknown,
}

/// The server's question that a receiver is answering.
#[derive(Clone, Debug)]
pub struct AskContext {
    pub(crate) id: u64,
    pub(crate) method: u32,
    pub(crate) cancel: CancellationToken,
}

impl AskContext {
    /// Wire id of the method.
    #[must_use]
    pub fn method(&self) -> u32 {
        self.method
    }

    /// Cancelled when the server has given the question up or the session is over: nobody takes the answer any more.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancel
    }
}

/// What the server said in its Welcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The session's id.
    pub session: SessionId,
    /// Whether the session went on over a new link.
    pub resumed: bool,
    /// Where a datagram channel opens, if there is one.
    pub channel: Option<wire::Channel>,
}

/// A client session in the making.
pub struct HubClientBuilder {
    config: HubClientConfig,
    clock: Arc<dyn Clock>,
    tokens: Option<Arc<dyn AccessTokens>>,
    receivers: Vec<Box<dyn ReceiverDispatcher>>,
    middleware: Chain,
}

impl HubClientBuilder {
    /// Adds a receiver: its generated dispatcher in front of its handler.
    #[must_use]
    pub fn receiver(mut self, receiver: impl ReceiverDispatcher) -> Self {
        self.receivers.push(Box::new(receiver));
        self
    }

    /// Puts this around every call and every client result, inside of those that were added before.
    #[must_use]
    pub fn middleware(mut self, layer: Arc<dyn Middleware>) -> Self {
        self.middleware.add(layer);
        self
    }

    /// Where to have access tokens from when it comes back. Without it the newest it was given is used again.
    #[must_use]
    pub fn tokens(self, tokens: Arc<dyn AccessTokens>) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// Opens the link and says Hello. Calls may be made at once; they are taken up after the Welcome. A lost link is replaced by
    /// another through the same `link`.
    ///
    /// # Errors
    ///
    /// The link cannot be opened.
    pub async fn connect(self, link: Arc<dyn ClientLink>) -> Result<(HubClient, ClientDriver), LinkError> {
        let config = self.config;
        let shared = Arc::new(Shared::new(self.clock, config.access_token.clone(), self.middleware));
        let hello = wire::Hello {
            access_token: config.access_token,
            contract_hash: Bytes::copy_from_slice(&config.contract),
            build: config.build,
            resume_token: None,
            last_seq: None,
        };
        let opening = Opening { hello, on_lost: config.on_lost, jitter_seed: config.jitter_seed };
        let now = shared.clock.now();
        let core = shared.with(|out| ClientSession::open(now, opening, out));
        let inbound = link.open(LinkOutgoing::new(Arc::clone(&shared), 0).into()).await?;
        let tokens = self.tokens.unwrap_or_else(|| Arc::clone(&shared) as Arc<dyn AccessTokens>);
        let driver = Driver::new(Arc::clone(&shared), core, self.receivers, link, tokens, inbound);
        Ok((HubClient::new(shared), Box::pin(driver.run())))
    }
}

impl std::fmt::Debug for HubClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubClientBuilder").field("receivers", &self.receivers.len()).finish_non_exhaustive()
    }
}

impl HubClient {
    /// Begins to open a session.
    pub fn builder(config: HubClientConfig, clock: Arc<dyn Clock>) -> HubClientBuilder {
        HubClientBuilder { config, clock, tokens: None, receivers: Vec::new(), middleware: Chain::default() }
    }
}
