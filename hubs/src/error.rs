//! The error that a call, a client result or a whole session ends with, and its stable reasons.

use std::borrow::Cow;

use bytes::Bytes;
use shallot_proto::hub::v1 as wire;
use thiserror::Error;
pub use tonic::Code;

/// Stable, machine-readable reasons that the hub runtime itself gives. Hubs add their own.
pub mod reason {
    /// The first frame is not a Hello.
    pub const HELLO_EXPECTED: &str = "HELLO_EXPECTED";
    /// No Welcome within the time for it.
    pub const HELLO_TIMEOUT: &str = "HELLO_TIMEOUT";
    /// The client was built with contracts that are not served.
    pub const CONTRACT_MISMATCH: &str = "CONTRACT_MISMATCH";
    /// A frame breaks the protocol.
    pub const MALFORMED_FRAME: &str = "MALFORMED_FRAME";
    /// A message is larger than the limit.
    pub const MESSAGE_TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
    /// The body of a call is not the message that its method takes.
    pub const MALFORMED_REQUEST: &str = "MALFORMED_REQUEST";
    /// The body of a reply or answer is not the message that its method returns.
    pub const MALFORMED_REPLY: &str = "MALFORMED_REPLY";
    /// No such method here.
    pub const UNKNOWN_METHOD: &str = "UNKNOWN_METHOD";
    /// The method is for a session that has selected a character.
    pub const NO_CHARACTER: &str = "NO_CHARACTER";
    /// Too many calls wait already.
    pub const CALL_QUEUE_FULL: &str = "CALL_QUEUE_FULL";
    /// Too many questions to this client are open already.
    pub const ASK_QUEUE_FULL: &str = "ASK_QUEUE_FULL";
    /// Too many frames wait on the client for the link.
    pub const OUTBOX_FULL: &str = "OUTBOX_FULL";
    /// The method's rate limit; the detail is a `RetryDetail`.
    pub const RATE_LIMITED: &str = "RATE_LIMITED";
    /// The deadline has passed; the outcome is not known.
    pub const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
    /// The client cancelled the call before it began.
    pub const CANCELLED: &str = "CANCELLED";
    /// The client does not read what it is sent.
    pub const SLOW_CONSUMER: &str = "SLOW_CONSUMER";
    /// A newer login or link of the same account took over.
    pub const SESSION_REPLACED: &str = "SESSION_REPLACED";
    /// The access token ran out and was not renewed.
    pub const TOKEN_EXPIRED: &str = "TOKEN_EXPIRED";
    /// A renewal by the token of another login.
    pub const TOKEN_FOREIGN: &str = "TOKEN_FOREIGN";
    /// The link broke or went silent.
    pub const LINK_LOST: &str = "LINK_LOST";
    /// What a resume would have to replay is not kept any more.
    pub const REPLAY_LOST: &str = "REPLAY_LOST";
    /// The resume token of a link that a newer one has replaced.
    pub const RESUME_STALE: &str = "RESUME_STALE";
    /// A client's session could not be resumed: what it knew of the server is out of date.
    pub const SESSION_LOST: &str = "SESSION_LOST";
    /// The session was lost with the call under way: it may have run, or not.
    pub const CALL_OUTCOME_UNKNOWN: &str = "CALL_OUTCOME_UNKNOWN";
    /// The session was lost before the call was sent: it has not run.
    pub const CALL_NOT_RUN: &str = "CALL_NOT_RUN";
    /// The session goes on over a newer link: why the driver of the older one returned.
    pub const RESUMED: &str = "RESUMED";
    /// The server refused the link before a frame was said.
    pub const LINK_REFUSED: &str = "LINK_REFUSED";
    /// The client closed the link.
    pub const CLIENT_LEFT: &str = "CLIENT_LEFT";
    /// The session is over.
    pub const SESSION_ENDED: &str = "SESSION_ENDED";
    /// Whoever was to be asked has ended its session.
    pub const SESSION_GONE: &str = "SESSION_GONE";
    /// The node of whoever was asked is gone; the outcome is not known.
    pub const NODE_GONE: &str = "NODE_GONE";
    /// The server is stopping.
    pub const DRAINING: &str = "DRAINING";
    /// The session is as old as sessions get: connect again.
    pub const AGE: &str = "AGE";
    /// A handler panicked.
    pub const PANIC: &str = "PANIC";
    /// A push or reply is larger than a whole outbox.
    pub const BODY_TOO_LARGE: &str = "BODY_TOO_LARGE";
}

/// Why a call or client result failed: a gRPC status code, a stable reason for machines, a text for people, and a detail whose
/// meaning the reason gives.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{code:?} / {reason}: {message}")]
pub struct HubError {
    /// gRPC status code.
    pub code: Code,
    /// Stable, `UPPER_SNAKE_CASE`.
    pub reason: Cow<'static, str>,
    /// For people.
    pub message: Cow<'static, str>,
    /// An encoded message or nothing.
    pub detail: Bytes,
}

impl HubError {
    /// Without a detail.
    pub fn new(code: Code, reason: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into(), message: message.into(), detail: Bytes::new() }
    }

    /// The same with a detail.
    #[must_use]
    pub fn with_detail(self, detail: Bytes) -> Self {
        Self { detail, ..self }
    }

    /// `INVALID_ARGUMENT / MALFORMED_FRAME`.
    pub fn malformed_frame(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidArgument, reason::MALFORMED_FRAME, message)
    }

    /// `UNIMPLEMENTED / UNKNOWN_METHOD`.
    #[must_use]
    pub fn unknown_method(method: u32) -> Self {
        Self::new(Code::Unimplemented, reason::UNKNOWN_METHOD, format!("no method {method:#010x} here"))
    }

    /// `DEADLINE_EXCEEDED / DEADLINE_EXCEEDED`.
    #[must_use]
    pub fn deadline_exceeded() -> Self {
        Self::new(
            Code::DeadlineExceeded,
            reason::DEADLINE_EXCEEDED,
            "the deadline has passed; the outcome is not known",
        )
    }

    /// `RESOURCE_EXHAUSTED / RATE_LIMITED` with the milliseconds until the same call would be let through.
    #[must_use]
    pub fn rate_limited(retry_after_ms: u32) -> Self {
        let detail = prost::Message::encode_to_vec(&wire::RetryDetail { retry_after_ms });
        Self::new(Code::ResourceExhausted, reason::RATE_LIMITED, format!("try again in {retry_after_ms} ms"))
            .with_detail(detail.into())
    }
}

impl From<HubError> for wire::Error {
    fn from(error: HubError) -> Self {
        Self {
            code: code_number(error.code),
            reason: error.reason.into_owned(),
            message: error.message.into_owned(),
            detail: error.detail,
        }
    }
}

impl From<wire::Error> for HubError {
    fn from(error: wire::Error) -> Self {
        let code = code_of(error.code);
        Self { code, reason: error.reason.into(), message: error.message.into(), detail: error.detail }
    }
}

/// A status code as it is on the wire.
pub(crate) fn code_number(code: Code) -> u32 {
    code as u32
}

/// The reverse; what no one has heard of is `Unknown`.
pub(crate) fn code_of(number: u32) -> Code {
    i32::try_from(number).map_or(Code::Unknown, Code::from_i32)
}
