//! Why a session ended, as its hubs are told it and as the client reads it in a `GoAway`.

use std::borrow::Cow;

use shallot_proto::hub::v1 as wire;
use tonic::Code;

use crate::error::{HubError, code_number, code_of, reason};

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndReason {
    /// gRPC status code; `Ok` when the client left.
    pub code: Code,
    /// Stable, `UPPER_SNAKE_CASE`.
    pub reason: Cow<'static, str>,
    /// For people.
    pub message: Cow<'static, str>,
    /// Milliseconds that the client should wait before it connects again.
    pub retry_after_ms: u32,
    /// "host:port" that serves the session.
    pub redirect: Option<String>,
    /// Running calls may finish and are answered first. Else they are cancelled.
    pub lets_calls_finish: bool,
}

impl EndReason {
    /// At once, without a retry time.
    pub fn new(code: Code, reason: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            retry_after_ms: 0,
            redirect: None,
            lets_calls_finish: false,
        }
    }

    /// A newer login or link of the account took over.
    #[must_use]
    pub fn replaced() -> Self {
        Self::new(Code::Unauthenticated, reason::SESSION_REPLACED, "the account has signed in anew")
    }

    /// The server stops; the client may come again after that time.
    #[must_use]
    pub fn draining(retry_after_ms: u32) -> Self {
        let drain = Self::new(Code::Unavailable, reason::DRAINING, "the server is stopping");
        Self { retry_after_ms, lets_calls_finish: true, ..drain }
    }

    /// The link broke or went silent.
    pub fn link_lost(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unavailable, reason::LINK_LOST, message)
    }

    /// The client closed its link.
    #[must_use]
    pub fn client_left() -> Self {
        Self::new(Code::Ok, reason::CLIENT_LEFT, "the client closed the link")
    }

    /// A resume cannot make up for what was lost.
    pub(crate) fn replay_lost() -> Self {
        Self::new(Code::DataLoss, reason::REPLAY_LOST, "what a resume would have to replay is not kept any more")
    }

    /// For a client: the server has no such session any more.
    pub(crate) fn session_lost() -> Self {
        Self::new(Code::Unavailable, reason::SESSION_LOST, "the session could not be resumed")
    }

    /// The session has gone over to a newer link.
    pub(crate) fn resumed() -> Self {
        Self::new(Code::Ok, reason::RESUMED, "the session goes on over a newer link")
    }

    pub(crate) fn slow_consumer() -> Self {
        Self::new(Code::ResourceExhausted, reason::SLOW_CONSUMER, "the client does not read what it is sent")
    }

    pub(crate) fn too_old() -> Self {
        let age = Self::new(Code::Unavailable, reason::AGE, "the session is as old as sessions get");
        Self { lets_calls_finish: true, ..age }
    }

    pub(crate) fn token_expired() -> Self {
        Self::new(Code::Unauthenticated, reason::TOKEN_EXPIRED, "the access token ran out and was not renewed")
    }

    /// Whether the client still listens, so that a `GoAway` makes sense.
    pub(crate) fn is_told(&self) -> bool {
        !matches!(&*self.reason, reason::LINK_LOST | reason::CLIENT_LEFT)
    }

    pub(crate) fn go_away(&self) -> wire::GoAway {
        wire::GoAway {
            code: code_number(self.code),
            reason: self.reason.clone().into_owned(),
            retry_after_ms: self.retry_after_ms,
            redirect: self.redirect.clone(),
            message: self.message.clone().into_owned(),
        }
    }
}

impl From<HubError> for EndReason {
    fn from(error: HubError) -> Self {
        Self::new(error.code, error.reason, error.message)
    }
}

impl From<wire::GoAway> for EndReason {
    fn from(frame: wire::GoAway) -> Self {
        Self {
            retry_after_ms: frame.retry_after_ms,
            redirect: frame.redirect,
            ..Self::new(code_of(frame.code), frame.reason, frame.message)
        }
    }
}

/// What a call gets that was open when the session ended.
impl From<&EndReason> for HubError {
    fn from(end: &EndReason) -> Self {
        let code = if end.code == Code::Ok { Code::Unavailable } else { end.code };
        Self::new(code, end.reason.clone(), end.message.clone())
    }
}

impl std::fmt::Display for EndReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} / {}: {}", self.code, self.reason, self.message)
    }
}
