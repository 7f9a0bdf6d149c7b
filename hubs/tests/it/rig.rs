//! A server with the hub under test, a clock and doors: what every test begins with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shallot_hubs::contract::LimitClass;
use shallot_hubs::link::memory::{MemoryLink, MovedClock};
use shallot_hubs::ports::{ChannelOffer, RetryAfterMs};
use shallot_hubs::{
    Authenticator, Cluster, Code, HubError, HubServer, HubServerBuilder, HubServerConfig, Middleware, NodeId, Now,
    Principal, Randomness, RateLimiter, SessionHandle, SessionLimits, WorkerId, async_trait,
};
use shallot_proto::hub::v1::Channel;
use shallot_proto::wire::{AccountId, SessionEpoch, SessionId};
use tokio::sync::mpsc;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::{OtherHubDispatcher, TestHubDispatcher};
use crate::hub::{Hub, Other};

/// What the wall clock shows when a test begins.
pub const WALL_MS: u64 = 1_800_000_000_000;

/// Real time that an awaited event may take: far more than it needs.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Rig {
    pub server: HubServer,
    pub clock: MovedClock,
    pub hub: Arc<Hub>,
    events: mpsc::Receiver<String>,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(HubServerConfig::default())
    }

    pub fn with_limits(limits: SessionLimits) -> Self {
        Self::with(HubServerConfig { limits, ..HubServerConfig::default() })
    }

    /// With this around each of its calls and client results.
    pub fn behind(layer: Arc<dyn Middleware>) -> Self {
        Self::alone(HubServerConfig::default(), |builder| builder.middleware(layer))
    }

    pub fn with(config: HubServerConfig) -> Self {
        Self::alone(config, |builder| builder)
    }

    fn alone(config: HubServerConfig, more: impl FnOnce(HubServerBuilder) -> HubServerBuilder) -> Self {
        let clock = MovedClock::at(Now { mono_ms: 1_000, wall_ms: WALL_MS });
        let node = NodeId::new("rig", 0).unwrap();
        let cluster = Cluster::new(node, Arc::new(clock.clone()));
        Self::build(config, clock, cluster, more)
    }

    /// On a clock that it shares with other nodes.
    pub fn of_node(config: HubServerConfig, clock: MovedClock, cluster: Cluster) -> Self {
        Self::build(config, clock, cluster, |builder| builder)
    }

    fn build(
        config: HubServerConfig,
        clock: MovedClock,
        cluster: Cluster,
        more: impl FnOnce(HubServerBuilder) -> HubServerBuilder,
    ) -> Self {
        let (told, events) = mpsc::channel(4_096);
        let hub = Arc::new(Hub::new(told));
        let config = HubServerConfig { contract: CONTRACT_HASH, ..config };
        let builder = HubServer::builder(config, Arc::new(clock.clone()), Arc::new(Door))
            .hub(TestHubDispatcher::new(Arc::clone(&hub)))
            .hub(OtherHubDispatcher::new(Arc::new(Other)))
            .rate_limiter(Arc::new(NothingRare))
            .channel_offer(Arc::new(Offer))
            .cluster(cluster)
            .resumable(Arc::new(Counted::default()));
        let server = more(builder).build().unwrap();
        Self { server, clock, hub, events }
    }

    /// The next thing that the hub tells.
    pub async fn event(&mut self) -> String {
        in_time(self.events.recv()).await.expect("the hub lives as long as the rig")
    }

    /// What the hub has told and nobody has read.
    pub fn events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    pub fn session(&self, number: u8) -> SessionHandle {
        self.server.directory().get(session_id(number)).expect("it was welcomed")
    }

    pub fn link(&self) -> MemoryLink {
        let run = |driver| drop(tokio::spawn(driver));
        MemoryLink::new(self.server.clone(), WorkerId(0), run)
    }

    /// Moves the clock in steps, everything done after each that is to be done.
    pub async fn pass_ms(&self, ms: u64) {
        let step = 100;
        for _ in 0..ms / step {
            self.clock.advance_ms(step);
            settle().await;
        }
        self.clock.advance_ms(ms % step);
        settle().await;
    }
}

/// Until everything that can go on without time or another frame has gone on: all runs on this one thread.
pub async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("awaited in vain")
}

pub fn session_id(number: u8) -> SessionId {
    let mut id = [0; 16];
    id[15] = number;
    SessionId(id)
}

pub fn account_id(number: u8) -> AccountId {
    AccountId(session_id(number).0)
}

/// A token of account and session by one number, good for an hour.
pub fn token(number: u8) -> String {
    token_of(number, number, 1, WALL_MS + 3_600_000)
}

pub fn token_of(account: u8, session: u8, epoch: u64, expires_at_ms: u64) -> String {
    format!("{account} {session} {epoch} {expires_at_ms}")
}

/// Takes tokens that say in plain words what they are; "never" is not answered.
pub struct Door;

#[async_trait]
impl Authenticator for Door {
    async fn authenticate(&self, access_token: &str) -> Result<Principal, HubError> {
        if access_token == "never" {
            std::future::pending::<()>().await;
        }
        let parts: Vec<u64> = access_token.split(' ').filter_map(|part| part.parse().ok()).collect();
        match parts[..] {
            [account, session, epoch, expires_at_ms] => Ok(Principal {
                account: account_id(u8::try_from(account).unwrap()),
                session: session_id(u8::try_from(session).unwrap()),
                epoch: SessionEpoch(epoch),
                expires_at_ms,
            }),
            _ => Err(HubError::new(Code::Unauthenticated, "TOKEN_INVALID", "not a token")),
        }
    }
}

/// No two draws are the same, and each test draws the same.
#[derive(Default)]
struct Counted(AtomicU64);

impl Randomness for Counted {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        let draw = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.iter_mut().zip(draw.into_iter().cycle()).for_each(|(byte, drawn)| *byte = drawn);
        true
    }
}

/// Lets no trade through.
struct NothingRare;

impl RateLimiter for NothingRare {
    fn check(&self, _: &Principal, class: LimitClass) -> Result<(), RetryAfterMs> {
        if class == LimitClass::Trade { Err(RetryAfterMs(1_500)) } else { Ok(()) }
    }
}

/// A channel with a ticket that names the session.
struct Offer;

impl ChannelOffer for Offer {
    fn offer(&self, session: &SessionHandle) -> Option<Channel> {
        let ticket = session.id().0.to_vec().into();
        Some(Channel { address: format!(":{}", session.worker().0), ticket })
    }
}
