//! PORT: a link, the frames of one session in and out.
//!
//! A server is handed the stream of what comes in and hands back the stream of what goes out ([`serve_link`](crate::serve_link)),
//! as tonic has it. A client opens a link through [`ClientLink`]. [`memory`] is a link without a network, [`grpc`] the one over
//! gRPC, [`framed`] what any byte stream needs to be one.

pub mod framed;
pub mod grpc;
pub mod memory;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use shallot_proto::hub::v1::{ClientBatch, ServerBatch};
use thiserror::Error;
use tonic::{Code, Status};

use crate::end::EndReason;
use crate::error::{HubError, reason};
use crate::handle::{SessionHandle, WorkerId};
use crate::metrics::OpenLink;

/// Why a link gives no more messages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// What arrived is not the message expected.
    #[error("malformed message: {0}")]
    Malformed(String),
    /// What arrived is larger than the limit.
    #[error("message too large: {0}")]
    TooLarge(String),
    /// The other end refused the link.
    #[error("refused: {0}")]
    Refused(HubError),
    /// The connection broke, or never came about.
    #[error("link lost: {0}")]
    Lost(String),
}

impl LinkError {
    /// How a session ends for it.
    #[must_use]
    pub fn end_reason(self) -> EndReason {
        match self {
            Self::Malformed(message) => HubError::malformed_frame(message).into(),
            Self::TooLarge(message) => EndReason::new(Code::ResourceExhausted, reason::MESSAGE_TOO_LARGE, message),
            Self::Refused(error) => error.into(),
            Self::Lost(message) => EndReason::link_lost(message),
        }
    }
}

impl From<std::io::Error> for LinkError {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

impl From<Status> for LinkError {
    /// tonic tells a message it cannot decode by `INTERNAL` without a source, one over the limit by `OUT_OF_RANGE`, a broken
    /// connection by an error with a source.
    fn from(status: Status) -> Self {
        let has_source = std::error::Error::source(&status).is_some();
        let message = status.message().to_owned();
        match status.code() {
            Code::OutOfRange => Self::TooLarge(message),
            Code::Internal if !has_source => Self::Malformed(message),
            _ if has_source => Self::Lost(message),
            Code::Unknown | Code::Cancelled | Code::Unavailable => Self::Lost(message),
            code => Self::Refused(HubError::new(code, reason::LINK_REFUSED, message)),
        }
    }
}

/// What arrives on a link.
pub type LinkStream<T> = Pin<Box<dyn Stream<Item = Result<T, LinkError>> + Send>>;

/// What a client sends: the link takes from it while it can send. Ends when the client leaves.
pub struct Outgoing(Pin<Box<dyn Stream<Item = ClientBatch> + Send>>);

impl Outgoing {
    /// From any stream.
    pub fn new(messages: impl Stream<Item = ClientBatch> + Send + 'static) -> Self {
        Self(Box::pin(messages))
    }
}

impl Stream for Outgoing {
    type Item = ClientBatch;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ClientBatch>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outgoing")
    }
}

/// Opens links to a server.
#[async_trait]
pub trait ClientLink: Send + Sync + 'static {
    /// Opens one: what it sends is taken from `outgoing`, what arrives comes out. Dropping that closes the link.
    ///
    /// # Errors
    ///
    /// The server cannot be reached or refuses.
    async fn open(&self, outgoing: Outgoing) -> Result<LinkStream<ServerBatch>, LinkError>;
}

/// What carries a link: the label `link` of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A gRPC bidi stream.
    Grpc,
    /// A bidi stream of a QUIC connection.
    Quic,
    /// Within the process.
    Memory,
}

impl LinkKind {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Quic => "quic",
            Self::Memory => "memory",
        }
    }
}

/// A link as the gateway knows it that takes it in.
#[derive(Clone)]
pub struct LinkParts {
    /// The worker that took it in.
    pub worker: WorkerId,
    /// What carries it.
    pub kind: LinkKind,
    /// Datagrams of the same connection: the session's from its Welcome on, so that no other channel is offered.
    pub datagrams: Option<Arc<dyn DatagramChannel>>,
}

impl LinkParts {
    /// A link without datagrams of its own.
    #[must_use]
    pub fn new(worker: WorkerId, kind: LinkKind) -> Self {
        Self { worker, kind, datagrams: None }
    }

    /// The same with the datagrams of its connection.
    #[must_use]
    pub fn with_datagrams(self, datagrams: Arc<dyn DatagramChannel>) -> Self {
        Self { datagrams: Some(datagrams), ..self }
    }

    pub(crate) fn opened(&self) -> OpenLink {
        OpenLink::count(self.kind)
    }
}

impl std::fmt::Debug for LinkParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = f.debug_struct("LinkParts");
        parts.field("worker", &self.worker).field("kind", &self.kind);
        parts.field("has_datagrams", &self.datagrams.is_some()).finish()
    }
}

/// Datagrams to one client: of a channel beside its link, or of the link's own connection.
pub trait DatagramChannel: Send + Sync + 'static {
    /// Sends a push, packed as a datagram, without waiting. `false` when it does not fit or cannot be sent now: then it goes as LATEST
    /// over the link.
    fn try_send(&self, datagram: &Bytes) -> bool;

    /// The link that these datagrams belong to was welcomed as this session; its hubs hear of it after that.
    fn welcomed(&self, session: &SessionHandle) {
        let _ = session;
    }
}
