//! A hub server: its hubs, its sessions, and what they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::contracts::{CONTRACT_HASH, RELEASED_HASHES};
use crate::directory::Directory;
use crate::dispatch::{Dispatch, DuplicateMethod, HubDispatcher, MethodTable};
use crate::end::EndReason;
use crate::limits::SessionLimits;
use crate::metrics::CallMeters;
use crate::middleware::{Chain, Middleware};
use crate::ports::{Authenticator, ChannelOffer, NoChannel, NoRandomness, Randomness, RateLimiter, Unlimited};
use crate::session::server::{SessionRules, spread};

/// Milliseconds that a drained client waits at least before it connects again.
const DRAIN_RETRY_MS: u32 = 1_000;

/// What a hub server is configured with.
#[derive(Clone, Debug)]
pub struct HubServerConfig {
    /// Of each session.
    pub limits: SessionLimits,
    /// BLAKE3 of the hub contracts it was built with.
    pub contract: [u8; 32],
    /// Of older contracts that it serves as well: without further ado those of `proto/released`.
    pub released: Vec<[u8; 32]>,
    /// Name and version of the server, for people.
    pub build: String,
}

impl Default for HubServerConfig {
    fn default() -> Self {
        Self {
            limits: SessionLimits::DEFAULT,
            contract: CONTRACT_HASH,
            released: RELEASED_HASHES.iter().filter(|hash| **hash != CONTRACT_HASH).copied().collect(),
            build: concat!("shallot ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why a server cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A call could go to either of two methods.
    #[error(transparent)]
    DuplicateMethod(#[from] DuplicateMethod),
}

/// A hub server, shared by all gateway workers. Cheap to clone.
#[derive(Clone)]
pub struct HubServer {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) rules: Arc<SessionRules>,
    pub(crate) dispatch: Dispatch,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) channels: Arc<dyn ChannelOffer>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) directory: Arc<Directory>,
    /// Places of sessions that wait for a link.
    pub(crate) detached: Arc<Semaphore>,
    pub(crate) drivers: TaskTracker,
    is_draining: AtomicBool,
}

impl HubServer {
    /// Begins to build one. Without further ado it limits no rates, offers no datagram channel, and ends each session with its link.
    pub fn builder(
        config: HubServerConfig,
        clock: Arc<dyn Clock>,
        authenticator: Arc<dyn Authenticator>,
    ) -> HubServerBuilder {
        HubServerBuilder {
            config,
            clock,
            authenticator,
            rates: Arc::new(Unlimited),
            channels: Arc::new(NoChannel),
            randomness: None,
            hubs: Vec::new(),
            middleware: Chain::default(),
            cluster: None,
        }
    }

    /// The live sessions.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// Stops taking sessions in and tells the live ones to go: each gets a time to come again between 1 s and that plus
    /// `spread_ms`, so that they do not come back at once. Running calls finish and are answered.
    pub fn begin_drain(&self, spread_ms: u32) {
        self.inner.is_draining.store(true, Ordering::Relaxed);
        for session in self.inner.directory.sessions() {
            let wait = u32::try_from(spread(&session.id(), spread_ms.into())).unwrap_or(spread_ms);
            session.end(EndReason::draining(DRAIN_RETRY_MS.saturating_add(wait)));
        }
    }

    /// Waits, once [`begin_drain`](Self::begin_drain) was called, until no session's driver runs any more.
    pub async fn drained(&self) {
        self.inner.drivers.close();
        self.inner.drivers.wait().await;
    }
}

impl Inner {
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for HubServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubServer").field("sessions", &self.inner.directory.len()).finish_non_exhaustive()
    }
}

/// A [`HubServer`] in the making.
pub struct HubServerBuilder {
    config: HubServerConfig,
    clock: Arc<dyn Clock>,
    authenticator: Arc<dyn Authenticator>,
    rates: Arc<dyn RateLimiter>,
    channels: Arc<dyn ChannelOffer>,
    randomness: Option<Arc<dyn Randomness>>,
    hubs: Vec<Arc<dyn HubDispatcher>>,
    middleware: Chain,
    cluster: Option<Cluster>,
}

impl HubServerBuilder {
    /// Adds a hub: its generated dispatcher in front of its implementation.
    #[must_use]
    pub fn hub(mut self, hub: impl HubDispatcher) -> Self {
        self.hubs.push(Arc::new(hub));
        self
    }

    /// Limits rates.
    #[must_use]
    pub fn rate_limiter(self, rates: Arc<dyn RateLimiter>) -> Self {
        Self { rates, ..self }
    }

    /// Puts this around every call and every client result, inside of those that were added before.
    #[must_use]
    pub fn middleware(mut self, layer: Arc<dyn Middleware>) -> Self {
        self.middleware.add(layer);
        self
    }

    /// Lets other nodes push to the sessions of this server, and ask them.
    #[must_use]
    pub fn cluster(self, cluster: Cluster) -> Self {
        Self { cluster: Some(cluster), ..self }
    }

    /// Offers datagram channels.
    #[must_use]
    pub fn channel_offer(self, channels: Arc<dyn ChannelOffer>) -> Self {
        Self { channels, ..self }
    }

    /// Keeps sessions whose link is lost for a while; their resume tokens are drawn from here.
    #[must_use]
    pub fn resumable(self, randomness: Arc<dyn Randomness>) -> Self {
        Self { randomness: Some(randomness), ..self }
    }

    /// The server.
    ///
    /// # Errors
    ///
    /// Two hubs that share a method id.
    pub fn build(self) -> Result<HubServer, BuildError> {
        let contracts: Vec<_> = self.hubs.iter().map(|hub| hub.contract()).collect();
        self.cluster.iter().for_each(|cluster| cluster.serve(&contracts));
        let methods = MethodTable::of(&contracts)?;
        let meters = CallMeters::of(methods.ids());
        let rules = SessionRules {
            limits: self.config.limits,
            contract: self.config.contract,
            released: self.config.released,
            build: self.config.build,
            methods,
            resumes: self.randomness.is_some() && self.config.limits.resume_grace_ms > 0,
        };
        let places = rules.limits.detached_sessions.min(Semaphore::MAX_PERMITS);
        let inner = Inner {
            rules: Arc::new(rules),
            dispatch: Dispatch { hubs: self.hubs, rates: self.rates, meters, middleware: self.middleware },
            clock: self.clock,
            authenticator: self.authenticator,
            channels: self.channels,
            randomness: self.randomness.unwrap_or_else(|| Arc::new(NoRandomness)),
            detached: Arc::new(Semaphore::new(places)),
            directory: Arc::new(Directory::default()),
            drivers: TaskTracker::new(),
            is_draining: AtomicBool::new(false),
        };
        Ok(HubServer { inner: Arc::new(inner) })
    }
}

impl std::fmt::Debug for HubServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubServerBuilder").field("hubs", &self.hubs.len()).finish_non_exhaustive()
    }
}
