//! What stands around each call and each client result, at both ends.
//!
//! Some of it is always there: the token of the session, the method's rule and rate (server, calls), a span and metrics (both ends, both
//! kinds). [`Middleware`] adds to it: validation, limits of one's own, records.

use std::sync::Arc;

use bytes::Bytes;
use shallot_proto::wire::SessionId;
use tracing::Span;

use crate::error::HubError;

/// Who asks whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeKind {
    /// A client calls a hub.
    Call,
    /// A server asks a client.
    ClientResult,
}

/// One call or client result, as one end sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Who asks whom.
    pub kind: ExchangeKind,
    /// This end answers; else it asks.
    pub is_served: bool,
    /// `shallot.world.v1.WorldHub/Enter`
    pub method: &'static str,
    /// On a server, the session of the client. A client has but one.
    pub session: Option<SessionId>,
}

/// Stands around every call and every client result of its end. It must not wait: it runs between two frames of a session, and on
/// whatever thread asks.
pub trait Middleware: Send + Sync + 'static {
    /// Before a handler runs, or before the frame leaves.
    ///
    /// # Errors
    ///
    /// The exchange is refused with this; whoever asks gets it as the answer.
    fn before(&self, exchange: &Exchange, request: &Bytes) -> Result<(), HubError> {
        let _ = (exchange, request);
        Ok(())
    }

    /// After it, refused or not; a one-way call that a client makes is over when it is queued.
    fn after(&self, exchange: &Exchange, result: &Result<Bytes, HubError>, took_ms: u64) {
        let _ = (exchange, result, took_ms);
    }
}

/// The middleware of one end, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct Chain(Vec<Arc<dyn Middleware>>);

impl Chain {
    pub(crate) fn add(&mut self, layer: Arc<dyn Middleware>) {
        self.0.push(layer);
    }

    /// The first refusal counts.
    pub(crate) fn before(&self, exchange: &Exchange, request: &Bytes) -> Result<(), HubError> {
        self.0.iter().try_for_each(|layer| layer.before(exchange, request))
    }

    /// The innermost first.
    pub(crate) fn after(&self, exchange: &Exchange, result: &Result<Bytes, HubError>, took_ms: u64) {
        self.0.iter().rev().for_each(|layer| layer.after(exchange, result, took_ms));
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Chain").field(&self.0.len()).finish()
    }
}

impl Exchange {
    /// The span that the exchange runs in at this end; costs next to nothing where nobody listens at this level.
    pub(crate) fn span(&self) -> Span {
        let Self { is_served, method, session, .. } = *self;
        let session = session.map(tracing::field::display);
        match self.kind {
            ExchangeKind::Call => tracing::debug_span!("hub_call", method, is_served, session),
            ExchangeKind::ClientResult => tracing::debug_span!("client_result", method, is_served, session),
        }
    }
}
