//! What the hub runtime asks of this server: time, who a token speaks for, rates, datagram channels.

use std::sync::Arc;
use std::time::Duration;

use ring::rand::SecureRandom as _;
use shallot_hubs::{
    Authenticator, ChannelOffer, Clock, HubError, LimitClass, Now, Principal, Randomness, RateLimiter, RetryAfterMs,
    SessionHandle, WorkerId, async_trait, clock::Sleep,
};
use shallot_proto::hub::v1::Channel;
use shallot_proto::wire::{SessionEpoch, SessionId};
use shallot_services::auth::Auth;
use shallot_services::rates::{LimitClass as RateClass, LimitKey};

use super::errors;
use crate::clock::SystemClock;
use crate::gateway::worker::Worker;
use crate::rates::Rates;
use crate::store_runtime::StoreRuntime;

/// The machine's clocks for sessions, their sleeps on the worker's timer.
pub(crate) struct HubClock {
    clock: SystemClock,
}

impl HubClock {
    pub(crate) fn new(clock: SystemClock) -> Self {
        Self { clock }
    }
}

impl Clock for HubClock {
    fn now(&self) -> Now {
        let mono_ms = u64::try_from(self.clock.since_start().as_millis()).unwrap_or(u64::MAX);
        Now { mono_ms, wall_ms: SystemClock::unix_ms() }
    }

    fn sleep_until(&self, mono_ms: u64) -> Sleep {
        let wait = Duration::from_millis(mono_ms).saturating_sub(self.clock.since_start());
        Box::pin(tokio::time::sleep(wait))
    }
}

/// Access tokens, verified by the accounts' use cases.
pub(crate) struct HubAuthenticator {
    pub(crate) auth: Arc<Auth>,
    pub(crate) stores: StoreRuntime,
}

#[async_trait]
impl Authenticator for HubAuthenticator {
    async fn authenticate(&self, access_token: &str) -> Result<Principal, HubError> {
        let (auth, token) = (Arc::clone(&self.auth), access_token.to_owned());
        let verified =
            self.stores.run(async move { auth.verify(&token).await }).await.map_err(|_| errors::internal())?;
        let principal = verified.map_err(|error| errors::service(&error))?;
        Ok(Principal {
            account: principal.account,
            session: principal.session,
            epoch: principal.epoch,
            expires_at_ms: principal.expires_at_ms,
        })
    }
}

/// The token buckets that unary calls draw from too.
pub(crate) struct HubRates {
    pub(crate) rates: Arc<Rates>,
    /// gRPC listens on loopback only, so every session comes from there.
    pub(crate) is_loopback: bool,
}

impl RateLimiter for HubRates {
    fn check(&self, principal: &Principal, class: LimitClass) -> Result<(), RetryAfterMs> {
        let class = match class {
            LimitClass::Unspecified | LimitClass::SignIn => RateClass::SignIn,
            LimitClass::Ordinary => RateClass::Ordinary,
            LimitClass::Trade => RateClass::Trade,
            LimitClass::Play => RateClass::Play,
            LimitClass::Chat => RateClass::Chat,
            LimitClass::Input => RateClass::Input,
        };
        let drawn = self.rates.check(class, LimitKey::Account(principal.account), self.is_loopback);
        drawn.map_err(|wait| RetryAfterMs(u32::try_from(wait.0).unwrap_or(u32::MAX)))
    }
}

/// The operating system's, for resume tokens.
pub(crate) struct HubRandomness {
    random: ring::rand::SystemRandom,
}

impl HubRandomness {
    pub(crate) fn new() -> Self {
        Self { random: ring::rand::SystemRandom::new() }
    }
}

impl Randomness for HubRandomness {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        self.random.fill(bytes).is_ok()
    }
}

/// Tickets for QUIC connections to the worker that owns a session.
pub(crate) struct Channels {
    /// Empty: the host that the client reached its link at.
    pub(crate) host: String,
    pub(crate) workers: Vec<Arc<Worker>>,
}

impl ChannelOffer for Channels {
    fn offer(&self, session: &SessionHandle) -> Option<Channel> {
        self.ticket(session.worker(), session.id(), session.principal().epoch)
    }
}

impl Channels {
    /// Where a worker's QUIC port is, and a ticket for a session there; `None` when the system gives no randomness.
    pub(crate) fn ticket(&self, worker: WorkerId, session: SessionId, epoch: SessionEpoch) -> Option<Channel> {
        let worker = self.workers.get(usize::from(worker.0))?;
        let ticket = worker.tickets.issue(session, epoch, SystemClock::unix_ms())?;
        Some(Channel { address: format!("{}:{}", self.host, worker.quic_port), ticket: ticket.into() })
    }
}
