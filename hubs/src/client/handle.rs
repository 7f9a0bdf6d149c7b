//! A client's session as its users see it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use shallot_proto::wire::HubPush;
use tokio::sync::watch;
use tracing::Instrument as _;

use super::outbox::OutgoingCall;
use super::shared::Shared;
use super::{AskContext, SessionState, Welcome};
use crate::contract::MethodContract;
use crate::end::EndReason;
use crate::error::HubError;
use crate::heartbeat::Rtt;
use crate::limits::SessionLimits;
use crate::middleware::{Exchange, ExchangeKind};

/// A client's session. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct HubClient {
    shared: Arc<Shared>,
}

impl HubClient {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Waits for the Welcome; while the client comes back, for that of the new link.
    ///
    /// # Errors
    ///
    /// Why the server did not take the session.
    pub async fn welcomed(&self) -> Result<Welcome, EndReason> {
        let mut state = self.shared.state.subscribe();
        let is_settled = |state: &SessionState| matches!(state, SessionState::Live { .. } | SessionState::Ended(_));
        match state.wait_for(is_settled).await.as_deref() {
            Ok(SessionState::Live { welcome, .. }) => Ok(welcome.clone()),
            _ => Err(self.shared.end_reason()),
        }
    }

    /// Where the session stands, now and as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.shared.state.subscribe()
    }

    /// Waits for the end: the server's `GoAway`, a session that could not be resumed, or [`leave`](Self::leave). Replies that were
    /// under way may still arrive.
    pub async fn ended(&self) -> EndReason {
        self.shared.ended.cancelled().await;
        self.shared.end_reason()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.shared.end().is_some()
    }

    /// Renews the access token before the old one runs out.
    pub fn renew(&self, access_token: String) {
        self.shared.set_access_token(access_token.clone());
        self.shared.with(|out| out.renew(access_token));
    }

    /// Closes the link once what waits is sent.
    pub fn leave(&self) {
        self.shared.is_leaving.cancel();
    }

    /// Round-trip time; `None` before the first answer to a ping.
    #[must_use]
    pub fn rtt(&self) -> Option<Rtt> {
        self.shared.rtt().map(|(rtt, _)| rtt)
    }

    /// What to add to the own wall clock for the server's, in milliseconds.
    #[must_use]
    pub fn server_time_offset_ms(&self) -> Option<i64> {
        self.shared.rtt().and_then(|(_, offset)| offset)
    }

    /// Pushes that no receiver knew, since the session began.
    #[must_use]
    pub fn unknown_pushes(&self) -> u64 {
        self.shared.unknown_pushes.load(Ordering::Relaxed)
    }

    /// One-way calls that the server refused, since the session began.
    #[must_use]
    pub fn one_way_refused(&self) -> u64 {
        self.shared.one_way_refused.load(Ordering::Relaxed)
    }

    /// Takes a datagram of the session's channel in, when it is a push: its receiver gets it as any other. Like every datagram it may
    /// have been lost, doubled or overtaken. `false`: it is none, and somebody else's.
    pub fn take_datagram(&self, datagram: &Bytes) -> bool {
        let Ok(push) = HubPush::decode(datagram) else { return false };
        self.shared.put_datagram(push.method, datagram.slice_ref(push.body));
        true
    }

    /// For generated stubs.
    #[must_use]
    pub fn caller(&self) -> HubCaller {
        HubCaller { client: self.clone(), within: None, deadline_ms: 0 }
    }
}

impl std::fmt::Debug for HubClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubClient").field("end", &self.shared.end()).finish_non_exhaustive()
    }
}

/// Makes calls in one way: with these deadlines, inside this question.
#[derive(Clone, Debug)]
pub struct HubCaller {
    client: HubClient,
    within: Option<u64>,
    deadline_ms: u32,
}

impl HubCaller {
    /// Inside the handler of this question.
    #[must_use]
    pub fn within(self, ask: &AskContext) -> Self {
        Self { within: Some(ask.id), ..self }
    }

    /// With a deadline for each call, in milliseconds; 0: the method's own.
    #[must_use]
    pub fn with_deadline_ms(self, deadline_ms: u32) -> Self {
        Self { deadline_ms, ..self }
    }

    /// Calls and awaits the reply, over a lost link too. Dropped before it comes, the call is cancelled.
    ///
    /// # Errors
    ///
    /// What the server answers, and what this end knows without it: a full outbox, a message too large, a deadline, the end of
    /// the session; `CALL_OUTCOME_UNKNOWN` or `CALL_NOT_RUN` when the session was lost.
    pub async fn call(&self, method: &'static MethodContract, body: Bytes) -> Result<Bytes, HubError> {
        let (exchange, began_ms) = self.begin(method);
        let result = match self.client.shared.middleware.before(&exchange, &body) {
            Ok(()) => self.call_server(method, body).instrument(exchange.span()).await,
            Err(refusal) => Err(refusal),
        };
        self.client.shared.exchanged(&exchange, &result, began_ms);
        result
    }

    async fn call_server(&self, method: &'static MethodContract, body: Bytes) -> Result<Bytes, HubError> {
        let shared = &self.client.shared;
        let call = self.outgoing(method, body);
        let (id, reply) = shared.with(|out| out.call(call))?;
        let _cancel = CancelCall { shared, id };
        // The driver's timer has a new deadline to look at.
        shared.nudge.notify_one();
        reply.await.unwrap_or_else(|_| Err((&shared.end_reason()).into()))
    }

    /// Sends a one-way call, when there is no link as soon as there is one again.
    ///
    /// # Errors
    ///
    /// It was not queued: a full outbox, a message too large, the end of the session.
    pub fn send(&self, method: &'static MethodContract, body: Bytes) -> Result<(), HubError> {
        let (exchange, began_ms) = self.begin(method);
        let shared = &self.client.shared;
        let queued = exchange.span().in_scope(|| {
            shared.middleware.before(&exchange, &body)?;
            let call = self.outgoing(method, body);
            shared.with(|out| out.send(call).map(|()| out.wants_ping()))
        });
        if queued == Ok(true) {
            shared.nudge.notify_one();
        }
        let result = queued.map(|_| Bytes::new());
        self.client.shared.exchanged(&exchange, &result, began_ms);
        result.map(drop)
    }

    fn begin(&self, method: &'static MethodContract) -> (Exchange, u64) {
        let exchange = Exchange { kind: ExchangeKind::Call, is_served: false, method: method.name, session: None };
        (exchange, self.client.shared.clock.now().mono_ms)
    }

    fn outgoing(&self, method: &'static MethodContract, body: Bytes) -> OutgoingCall {
        let wanted = [self.deadline_ms, method.deadline_ms, SessionLimits::DEFAULT.default_deadline_ms];
        let local_ms = wanted.into_iter().find(|ms| *ms > 0).unwrap_or_default();
        OutgoingCall {
            method,
            deadline_ms: self.deadline_ms,
            until_ms: self.client.shared.clock.now().mono_ms + u64::from(local_ms),
            within: self.within,
            body,
        }
    }
}

/// Cancels the call when its caller goes before the reply.
struct CancelCall<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for CancelCall<'_> {
    fn drop(&mut self) {
        self.shared.with(|out| out.cancel(self.id));
    }
}
