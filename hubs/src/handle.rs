//! A session as others see it: pushed to from any thread, never waited for.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use shallot_proto::wire::{CharacterId, SessionId};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::call::RunId;
use crate::clock::Clock;
use crate::contract::{AskContract, Delivery};
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::group::{Asked, Audience, Memberships};
use crate::heartbeat::Rtt;
use crate::link::DatagramChannel;
use crate::metrics;
use crate::middleware::{Chain, Exchange, ExchangeKind};
use crate::outbox::{EncodedPush, Outbox, OutboxCell, OutboxDepth, Overflow};
use crate::ports::{Principal, Randomness};
use crate::resume::{ResumeTokens, Verdict};
use crate::serve::{Bell, Claim};

/// A gateway worker by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u16);

/// A live session. Cheap to clone, usable from any thread; nothing here blocks or waits, [`ended`](Self::ended) apart.
///
/// A push to a session that has ended does nothing.
#[derive(Clone)]
pub struct SessionHandle {
    shared: Arc<Shared>,
    /// The run that holds this handle, when it is a call's or an `on_connect`'s.
    asker: Option<RunId>,
}

struct Shared {
    id: SessionId,
    /// Number of the [`WorkerId`].
    worker: AtomicU16,
    out: Arc<OutboxCell>,
    clock: Arc<dyn Clock>,
    default_deadline_ms: u32,
    middleware: Chain,
    /// Why it ends; set once.
    end: OnceLock<EndReason>,
    ended: CancellationToken,
    closed: CancellationToken,
    /// Wakes the driver.
    nudge: Bell,
    memberships: Memberships,
    changing: Mutex<Changing>,
    /// A newer link that asks the driver for the session.
    claim: Mutex<Option<Claim>>,
}

struct Changing {
    principal: Principal,
    character: Option<CharacterId>,
    rtt: Option<Rtt>,
    datagrams: Option<Arc<dyn DatagramChannel>>,
    state: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    tokens: ResumeTokens,
}

/// What a session is made of.
pub(crate) struct SessionParts {
    pub(crate) principal: Principal,
    pub(crate) worker: WorkerId,
    pub(crate) out: Arc<OutboxCell>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) default_deadline_ms: u32,
    pub(crate) middleware: Chain,
}

impl SessionHandle {
    pub(crate) fn new(parts: SessionParts) -> Self {
        let changing = Changing {
            principal: parts.principal,
            character: None,
            rtt: None,
            datagrams: None,
            state: HashMap::new(),
            tokens: ResumeTokens::default(),
        };
        let shared = Shared {
            id: parts.principal.session,
            worker: AtomicU16::new(parts.worker.0),
            out: parts.out,
            clock: parts.clock,
            default_deadline_ms: parts.default_deadline_ms,
            middleware: parts.middleware,
            end: OnceLock::new(),
            ended: CancellationToken::new(),
            closed: CancellationToken::new(),
            nudge: Bell::default(),
            memberships: Memberships::default(),
            changing: Mutex::new(changing),
            claim: Mutex::new(None),
        };
        Self { shared: Arc::new(shared), asker: None }
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.shared.id
    }

    /// Whose session it is.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.changing().principal
    }

    /// The gateway worker that owns it: the one that its link goes to, or went to last.
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        WorkerId(self.shared.worker.load(Ordering::Relaxed))
    }

    /// The character it has selected: what methods for characters ask for.
    #[must_use]
    pub fn character(&self) -> Option<CharacterId> {
        self.changing().character
    }

    /// Selects a character, or none.
    pub fn set_character(&self, character: Option<CharacterId>) {
        self.changing().character = character;
    }

    /// Round-trip time; `None` before the first answer to a ping.
    #[must_use]
    pub fn rtt(&self) -> Option<Rtt> {
        self.changing().rtt
    }

    /// What waits for the client.
    #[must_use]
    pub fn outbox_depth(&self) -> OutboxDepth {
        self.shared.out.look(Outbox::depth)
    }

    /// Holds everything for this client back until the guard goes: what a tick owes it leaves as one message. On the session's
    /// own worker this is so without it, between two awaits.
    #[must_use]
    pub fn cork(&self) -> Cork {
        self.shared.out.cork();
        Cork { session: self.clone() }
    }

    /// State of a hub for this session, one value of each type; returns what stood there.
    pub fn insert_state<T: Any + Send + Sync>(&self, value: T) -> Option<Arc<T>> {
        let old = self.changing().state.insert(TypeId::of::<T>(), Arc::new(value));
        old.and_then(|old| old.downcast().ok())
    }

    /// What [`insert_state`](Self::insert_state) put there.
    #[must_use]
    pub fn state<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let found = self.changing().state.get(&TypeId::of::<T>()).cloned();
        found.and_then(|found| found.downcast().ok())
    }

    /// Takes it away.
    pub fn remove_state<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let found = self.changing().state.remove(&TypeId::of::<T>());
        found.and_then(|found| found.downcast().ok())
    }

    /// From here on UNRELIABLE pushes go this way where they fit; `None`: no longer.
    pub fn set_datagrams(&self, channel: Option<Arc<dyn DatagramChannel>>) {
        self.changing().datagrams = channel;
    }

    /// Ends the session: the client is told, its hubs too. The first reason counts.
    pub fn end(&self, reason: EndReason) {
        if self.shared.end.set(reason).is_ok() {
            self.shared.nudge.ring();
        }
    }

    /// Whether it has ended or is about to.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.shared.end.get().is_some()
    }

    /// Waits until it has ended: it takes no push any more and is in no group. Its hubs may still be taking leave.
    pub async fn ended(&self) -> EndReason {
        self.shared.ended.cancelled().await;
        self.end_reason()
    }

    /// Waits until its hubs have taken leave: nothing of it runs any more.
    pub async fn closed(&self) -> EndReason {
        self.shared.closed.cancelled().await;
        self.end_reason()
    }

    /// For generated code: asks the client for a result.
    ///
    /// # Errors
    ///
    /// What the client answers; `DEADLINE_EXCEEDED`; `RESOURCE_EXHAUSTED / ASK_QUEUE_FULL`; the reason of the end when the
    /// session ends before the answer.
    pub async fn ask(&self, method: &'static AskContract, body: Bytes) -> Result<Bytes, HubError> {
        let kind = ExchangeKind::ClientResult;
        let exchange = Exchange { kind, is_served: false, method: method.name, session: Some(self.id()) };
        let (began_ms, middleware) = (self.shared.clock.now().mono_ms, &self.shared.middleware);
        let result = match middleware.before(&exchange, &body) {
            Ok(()) => self.ask_client(method, body).instrument(exchange.span()).await,
            Err(refusal) => Err(refusal),
        };
        let took_ms = self.shared.clock.now().mono_ms.saturating_sub(began_ms);
        metrics::exchange(&exchange, &result, took_ms);
        middleware.after(&exchange, &result, took_ms);
        result
    }

    async fn ask_client(&self, method: &'static AskContract, body: Bytes) -> Result<Bytes, HubError> {
        if let Some(end) = self.shared.end.get() {
            return Err(end.into());
        }
        let now_ms = self.shared.clock.now().mono_ms;
        let deadline_ms = if method.deadline_ms > 0 { method.deadline_ms } else { self.shared.default_deadline_ms };
        let until_ms = now_ms + u64::from(deadline_ms);
        let open = |out: &mut Outbox| {
            let (id, answer) = out.asks.open(self.asker, until_ms)?;
            Ok::<_, HubError>((id, answer, out.ask(id, method.id, deadline_ms, body)))
        };
        let (id, answer, sent) = self.shared.out.with(|| now_ms, open)?;
        let _forget = ForgetAsk { session: self, id };
        if let Err(overflow) = sent {
            self.overflowed(overflow, method.name);
        }
        // The driver's timer has a new deadline to look at.
        self.shared.nudge.ring();
        answer.await.unwrap_or_else(|_| Err((&self.end_reason()).into()))
    }

    pub(crate) fn push(&self, push: &EncodedPush) {
        if self.is_ended() || (push.method().delivery == Delivery::Unreliable && self.went_as_datagram(push)) {
            return;
        }
        let clock = &self.shared.clock;
        if let Err(overflow) = self.shared.out.with(|| clock.now().mono_ms, |out| out.push(push)) {
            self.overflowed(overflow, push.method().name);
        }
    }

    /// These pushes to a group it is in cannot be had: told before the group's next one.
    pub(crate) fn tell_gap(&self, group: &str, from: u64, to: u64) {
        if self.is_ended() {
            return;
        }
        let clock = &self.shared.clock;
        if let Err(overflow) = self.shared.out.with(|| clock.now().mono_ms, |out| out.group_gap(group, from, to)) {
            self.overflowed(overflow, "a group's gap");
        }
    }

    /// The same session in the hands of one of its runs.
    pub(crate) fn asking_as(&self, run: RunId) -> Self {
        Self { shared: Arc::clone(&self.shared), asker: Some(run) }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub(crate) fn memberships(&self) -> &Memberships {
        &self.shared.memberships
    }

    pub(crate) fn set_rtt(&self, rtt: Rtt) {
        self.changing().rtt = Some(rtt);
    }

    pub(crate) fn set_principal(&self, principal: Principal) {
        self.changing().principal = principal;
    }

    pub(crate) fn set_worker(&self, worker: WorkerId) {
        self.shared.worker.store(worker.0, Ordering::Relaxed);
    }

    /// See [`ResumeTokens::rotate`].
    pub(crate) fn rotate_token(&self, shown: Option<&[u8]>, randomness: &dyn Randomness) -> Bytes {
        self.changing().tokens.rotate(shown, randomness)
    }

    pub(crate) fn settle_token(&self) {
        self.changing().tokens.settle();
    }

    pub(crate) fn judge_token(&self, token: &[u8]) -> Verdict {
        self.changing().tokens.judge(token)
    }

    /// Whether the client has been given a token to resume by.
    pub(crate) fn can_resume(&self) -> bool {
        self.changing().tokens.can_resume()
    }

    /// Asks the driver for the session; a claim that still waits goes away. A session that ends drops it.
    pub(crate) fn claim(&self, claim: Claim) {
        let mut waiting = self.shared.claim.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: whoever ends the session takes what waits after that.
        if !self.is_ended() {
            *waiting = Some(claim);
            drop(waiting);
            self.shared.nudge.ring();
        }
    }

    pub(crate) fn take_claim(&self) -> Option<Claim> {
        self.shared.claim.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Someone called [`end`](Self::end), or a newer link wants the session, or a question has a new deadline.
    pub(crate) fn poll_nudged(&self, cx: &Context<'_>) -> Poll<()> {
        self.shared.nudge.poll_rung(cx)
    }

    /// The reason that someone asked to end it for.
    pub(crate) fn requested_end(&self) -> Option<EndReason> {
        self.shared.end.get().cloned()
    }

    /// It has ended: out of all groups, nothing reaches it.
    pub(crate) fn mark_ended(&self, reason: &EndReason) {
        // Whoever asked first is in there already.
        let _ = self.shared.end.set(reason.clone());
        drop(self.take_claim());
        self.shared.memberships.leave_all(self);
        self.changing().datagrams = None;
        self.shared.ended.cancel();
    }

    /// Nothing of it runs any more.
    pub(crate) fn mark_closed(&self) {
        self.shared.closed.cancel();
    }

    fn end_reason(&self) -> EndReason {
        let unknown = || EndReason::new(Code::Unavailable, reason::SESSION_ENDED, "the session is over");
        self.shared.end.get().cloned().unwrap_or_else(unknown)
    }

    fn went_as_datagram(&self, push: &EncodedPush) -> bool {
        let channel = self.changing().datagrams.clone();
        let went = channel.zip(push.datagram()).is_some_and(|(channel, datagram)| channel.try_send(datagram));
        metrics::unreliable(went);
        went
    }

    fn overflowed(&self, overflow: Overflow, method: &'static str) {
        if overflow == Overflow::BodyTooLarge {
            tracing::error!(method, session = %self.id(), "a push is larger than a whole outbox; the session ends");
        }
        self.end(overflow.end_reason());
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        // Each change is a single assignment, whole whatever a panic interrupted.
        self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audience for SessionHandle {
    fn deliver(&self, push: &EncodedPush) {
        self.push(push);
    }
}

impl Asked for SessionHandle {
    async fn ask(&self, method: &'static AskContract, body: Bytes) -> Result<Bytes, HubError> {
        Self::ask(self, method, body).await
    }
}

impl std::fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionHandle").field("id", &self.id()).field("is_ended", &self.is_ended()).finish()
    }
}

/// While it lives, what is pushed to the session waits; then it leaves as one message.
#[derive(Debug)]
pub struct Cork {
    session: SessionHandle,
}

impl Drop for Cork {
    fn drop(&mut self) {
        self.session.shared.out.uncork();
    }
}

/// Closes the question when its asker goes before the answer.
struct ForgetAsk<'a> {
    session: &'a SessionHandle,
    id: u64,
}

impl Drop for ForgetAsk<'_> {
    fn drop(&mut self) {
        self.session.shared.out.with(|| 0, |out| out.asks.forget(self.id));
    }
}
