//! From a method id to its handler: deny by default, and the few functions that generated code leans on.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::call::{Cancellation, HubIndex, RunId};
use crate::contract::{Access, HubContract, MethodContract};
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::handle::SessionHandle;
use crate::metrics::CallMeters;
use crate::middleware::{Chain, Exchange, ExchangeKind};
use crate::ports::{Principal, RateLimiter, RetryAfterMs};

/// What a handler returns.
pub type HubFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A hub behind its contract. Generated for each hub; users implement the hub's trait.
pub trait HubDispatcher: Send + Sync + 'static {
    /// What the hub says about itself.
    fn contract(&self) -> &'static HubContract;

    /// Runs `on_connect`.
    fn connect(&self, session: SessionHandle) -> HubFuture<()>;

    /// Runs `on_disconnect`.
    fn disconnect(&self, session: SessionHandle, reason: EndReason) -> HubFuture<()>;

    /// Runs the method that the context names; the body is its encoded request, the result its encoded reply.
    fn call(&self, call: CallContext, body: Bytes) -> HubFuture<Result<Bytes, HubError>>;
}

/// What a handler may know of the call it serves.
#[derive(Clone, Debug)]
pub struct CallContext {
    pub(crate) session: SessionHandle,
    pub(crate) id: u64,
    pub(crate) method: &'static MethodContract,
    pub(crate) deadline_ms: u64,
    pub(crate) cancel: Cancellation,
}

impl CallContext {
    /// The session that calls. What is asked of its client through this handle may call the hub back inside this turn.
    #[must_use]
    pub fn session(&self) -> &SessionHandle {
        &self.session
    }

    /// Who calls.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.session.principal()
    }

    /// The call's number within its session.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What is called.
    #[must_use]
    pub fn method(&self) -> &'static MethodContract {
        self.method
    }

    /// When the client gives up, in milliseconds of the server's [`Clock`](crate::Clock).
    #[must_use]
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// Cancelled when the client cancels, the deadline passes or the session ends. The handler itself is never dropped for
    /// these: it looks at the token where it may stop, and nowhere between a commit and its reply.
    #[must_use]
    pub fn cancellation(&self) -> &CancellationToken {
        self.cancel.token()
    }
}

/// Two hubs of a server that cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{first} and {second} have the same wire id {id:#010x}")]
pub struct DuplicateMethod {
    /// The id.
    pub id: u32,
    /// Full name.
    pub first: &'static str,
    /// Full name.
    pub second: &'static str,
}

/// Which hub serves a method.
#[derive(Debug, Default)]
pub(crate) struct MethodTable {
    hubs: usize,
    /// By wire id, rising: a server has some dozens, found by halving sooner than by hashing.
    methods: Vec<(u32, HubIndex, &'static MethodContract)>,
}

impl MethodTable {
    pub(crate) fn of(hubs: &[&'static HubContract]) -> Result<Self, DuplicateMethod> {
        let of_hub = |(index, hub): (usize, &&'static HubContract)| {
            hub.methods.iter().map(move |&method| (method.id, HubIndex(index), method))
        };
        let mut methods: Vec<_> = hubs.iter().enumerate().flat_map(of_hub).collect();
        methods.sort_by_key(|(id, ..)| *id);
        for pair in methods.windows(2) {
            if let &[(id, _, first), (next, _, second)] = pair
                && id == next
            {
                return Err(DuplicateMethod { id, first: first.name, second: second.name });
            }
        }
        Ok(Self { hubs: hubs.len(), methods })
    }

    pub(crate) fn find(&self, id: u32) -> Option<(HubIndex, &'static MethodContract)> {
        let at = self.methods.binary_search_by_key(&id, |(id, ..)| *id).ok()?;
        self.methods.get(at).map(|&(_, hub, method)| (hub, method))
    }

    /// Wire ids of all methods, rising.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.methods.iter().map(|(id, ..)| *id)
    }

    pub(crate) fn hubs(&self) -> usize {
        self.hubs
    }
}

/// The hubs of a server, and the rules in front of them.
pub(crate) struct Dispatch {
    pub(crate) hubs: Vec<Arc<dyn HubDispatcher>>,
    pub(crate) rates: Arc<dyn RateLimiter>,
    pub(crate) meters: CallMeters,
    pub(crate) middleware: Chain,
}

impl Dispatch {
    pub(crate) fn connect(&self, hub: HubIndex, run: RunId, session: &SessionHandle) -> Option<HubFuture<()>> {
        Some(self.hubs.get(hub.0)?.connect(session.asking_as(run)))
    }

    pub(crate) fn disconnect(
        &self,
        hub: HubIndex,
        session: &SessionHandle,
        reason: EndReason,
    ) -> Option<HubFuture<()>> {
        Some(self.hubs.get(hub.0)?.disconnect(session.clone(), reason))
    }

    /// The handler's future, or why the call is refused.
    pub(crate) fn call(
        &self,
        hub: HubIndex,
        call: CallContext,
        body: Bytes,
    ) -> Result<HubFuture<Result<Bytes, HubError>>, HubError> {
        check_access(call.method.access, &call.session)?;
        let limited = |RetryAfterMs(ms)| HubError::rate_limited(ms);
        self.rates.check(&call.principal(), call.method.limit).map_err(limited)?;
        self.middleware.before(&served(call.method, &call.session), &body)?;
        let method = call.method.id;
        self.hubs.get(hub.0).map(|hub| hub.call(call, body)).ok_or_else(|| HubError::unknown_method(method))
    }
}

/// A call as the server sees it.
pub(crate) fn served(method: &MethodContract, session: &SessionHandle) -> Exchange {
    Exchange { kind: ExchangeKind::Call, is_served: true, method: method.name, session: Some(session.id()) }
}

/// Every session was opened with a valid token, so only a character may be missing. What no rule allows is denied.
fn check_access(access: Access, session: &SessionHandle) -> Result<(), HubError> {
    match access {
        Access::Public | Access::Player => Ok(()),
        Access::Character if session.character().is_some() => Ok(()),
        Access::Character => {
            let message = "the session has not selected a character";
            Err(HubError::new(Code::FailedPrecondition, reason::NO_CHARACTER, message))
        }
        Access::Unspecified => Err(HubError::new(Code::PermissionDenied, reason::UNKNOWN_METHOD, "no rule allows it")),
    }
}

/// For generated code: the answer to an id that is none of the hub's.
#[must_use]
pub fn unknown_method() -> HubFuture<Result<Bytes, HubError>> {
    Box::pin(std::future::ready(Err(HubError::unknown_method(0))))
}

/// For generated code: what came in as a request or push.
///
/// # Errors
///
/// `INVALID_ARGUMENT / MALFORMED_REQUEST` when the bytes are not this message.
pub fn request<M: Message + Default>(body: Bytes) -> Result<M, HubError> {
    M::decode(body).map_err(|error| HubError::new(Code::InvalidArgument, reason::MALFORMED_REQUEST, error.to_string()))
}

/// For generated code: what came back as a reply or answer.
///
/// # Errors
///
/// `INTERNAL / MALFORMED_REPLY` when the bytes are not this message.
pub fn reply<M: Message + Default>(body: Bytes) -> Result<M, HubError> {
    M::decode(body).map_err(|error| HubError::new(Code::Internal, reason::MALFORMED_REPLY, error.to_string()))
}

/// For generated code: a message as bytes.
pub fn encode(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}
