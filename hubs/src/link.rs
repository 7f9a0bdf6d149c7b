//! PORT: a link, the frames of one session in and out.
//!
//! A server is handed the stream of what comes in and hands back the stream of what goes out ([`serve_link`](crate::serve_link)),
//! as tonic has it. A client opens a link through [`ClientLink`]. [`memory`] is a link without a network, [`grpc`] the one over
//! gRPC.

pub mod grpc;
pub mod memory;

use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use shallot_proto::hub::v1::{ClientBatch, ServerBatch};
use thiserror::Error;
use tonic::{Code, Status};

use crate::end::EndReason;
use crate::error::{HubError, reason};

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

/// Datagrams to one client, beside its link.
pub trait DatagramChannel: Send + Sync + 'static {
    /// Sends a push without waiting. `false` when it does not fit or cannot be sent now: then it goes as LATEST over the link.
    fn try_send(&self, method: u32, body: &Bytes) -> bool;
}
