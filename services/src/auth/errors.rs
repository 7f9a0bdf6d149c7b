//! What each operation on accounts may answer beside success.

use super::password::{BadPasswordCost, Busy};
use super::tokens::{BadToken, BadTokenKeys};
use crate::limits::SECOND_MS;
use crate::ports::StoreError;
use crate::reason::{INTERNAL, Reason};
use crate::request::RequestError;

/// When a caller may come back after `OVERLOADED`.
const OVERLOADED_RETRY_MS: u64 = SECOND_MS;

/// The use cases cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthSetupError {
    /// See [`BadTokenKeys`].
    #[error(transparent)]
    Keys(#[from] BadTokenKeys),
    /// See [`BadPasswordCost`].
    #[error(transparent)]
    Cost(#[from] BadPasswordCost),
}

/// No account was made.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Not 3 to 32 of a-z, 0-9, `_`, `-`, `.`.
    #[error("a login name is 3 to 32 of a-z, 0-9, '_', '-', '.'")]
    LoginNameInvalid,
    /// Not 8 to 256 bytes.
    #[error("a password has 8 to 256 bytes")]
    PasswordInvalid,
    /// Somebody has that name.
    #[error("the login name is taken")]
    LoginNameTaken,
    /// The request id is not taken.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Too many password checks wait.
    #[error("too many log-ins at once")]
    Overloaded,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Busy> for RegisterError {
    fn from(_: Busy) -> Self {
        Self::Overloaded
    }
}

impl Reason for RegisterError {
    fn reason(&self) -> &'static str {
        match self {
            Self::LoginNameInvalid => "LOGIN_NAME_INVALID",
            Self::PasswordInvalid => "PASSWORD_INVALID",
            Self::LoginNameTaken => "LOGIN_NAME_TAKEN",
            Self::Request(error) => error.reason(),
            Self::Overloaded => "OVERLOADED",
            Self::Store(_) => INTERNAL,
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        matches!(self, Self::Overloaded).then_some(OVERLOADED_RETRY_MS)
    }
}

/// Nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// Unknown account or device, or wrong password: not told apart.
    #[error("wrong credentials")]
    WrongCredentials,
    /// Not 32 bytes.
    #[error("a device key has 32 bytes")]
    DeviceKeyInvalid,
    /// Too many failed attempts.
    #[error("locked after failed log-ins for {retry_after_ms} ms")]
    LockedOut {
        /// Until the next attempt is looked at.
        retry_after_ms: u64,
    },
    /// Too many password checks wait.
    #[error("too many log-ins at once")]
    Overloaded,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Busy> for LogInError {
    fn from(_: Busy) -> Self {
        Self::Overloaded
    }
}

impl Reason for LogInError {
    fn reason(&self) -> &'static str {
        match self {
            Self::WrongCredentials => "WRONG_CREDENTIALS",
            Self::DeviceKeyInvalid => "DEVICE_KEY_INVALID",
            Self::LockedOut { .. } => "LOCKED_OUT",
            Self::Overloaded => "OVERLOADED",
            Self::Store(_) => INTERNAL,
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::LockedOut { retry_after_ms } => Some(*retry_after_ms),
            Self::Overloaded => Some(OVERLOADED_RETRY_MS),
            _ => None,
        }
    }
}

/// No new tokens.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token worked before: its session is ended.
    #[error("the refresh token was used before; its session is ended")]
    Reused,
    /// Too old.
    #[error("the refresh token has expired")]
    TokenExpired,
    /// Of no live session.
    #[error("no such refresh token")]
    TokenInvalid,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reason for RefreshError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Reused => "REFRESH_REUSED",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::Store(_) => INTERNAL,
        }
    }
}

/// Nothing was ended.
#[derive(Debug, thiserror::Error)]
pub enum LogOutError {
    /// A newer log-in counts; the caller's session is over already.
    #[error("a newer log-in replaced this session")]
    SessionReplaced,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reason for LogOutError {
    fn reason(&self) -> &'static str {
        match self {
            Self::SessionReplaced => "SESSION_REPLACED",
            Self::Store(_) => INTERNAL,
        }
    }
}

/// An access token speaks for nobody.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Not ours, or changed.
    #[error("the access token is not valid")]
    TokenInvalid,
    /// Too old.
    #[error("the access token has expired")]
    TokenExpired,
    /// A newer log-in of the account counts, or the session was ended.
    #[error("a newer log-in replaced this session")]
    SessionReplaced,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BadToken> for VerifyError {
    fn from(_: BadToken) -> Self {
        Self::TokenInvalid
    }
}

impl Reason for VerifyError {
    fn reason(&self) -> &'static str {
        match self {
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::SessionReplaced => "SESSION_REPLACED",
            Self::Store(_) => INTERNAL,
        }
    }
}
