//! What a unary call may fail with, as a game reads it.

use std::time::Duration;

use tonic::{Code, Status};

/// The server refused a call, or it could not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} ({code:?}): {message}", if .reason.is_empty() { "NO_REASON" } else { .reason })]
pub struct ApiError {
    /// The gRPC status code.
    pub code: Code,
    /// Stable, for machines: `WRONG_CREDENTIALS`, `BAG_FULL`, ... Empty when no server answered.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Not before this time is over will the same call do better.
    pub retry_after: Option<Duration>,
}

/// Metadata key of the stable reason.
pub const REASON_KEY: &str = "shallot-reason";
/// Metadata key of the retry time, milliseconds in decimal.
pub const RETRY_AFTER_KEY: &str = "shallot-retry-after-ms";

impl ApiError {
    /// An error of the client itself, before anything was sent.
    pub(crate) fn local(code: Code, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), retry_after: None }
    }

    /// Whether the outcome is unknown, so that the same request may be sent again under its request id.
    #[must_use]
    pub fn outcome_is_unknown(&self) -> bool {
        matches!(self.code, Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown)
    }
}

impl From<Status> for ApiError {
    fn from(status: Status) -> Self {
        let text = |key: &str| status.metadata().get(key).and_then(|value| value.to_str().ok());
        Self {
            code: status.code(),
            reason: text(REASON_KEY).unwrap_or_default().to_owned(),
            retry_after: text(RETRY_AFTER_KEY).and_then(|ms| ms.parse().ok()).map(Duration::from_millis),
            message: status.message().to_owned(),
        }
    }
}

impl From<crate::clock::NoRandomness> for ApiError {
    fn from(error: crate::clock::NoRandomness) -> Self {
        Self::local(Code::Internal, "NO_RANDOMNESS", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_and_retry_time_come_out_of_the_metadata() {
        let mut status = Status::resource_exhausted("too many attempts");
        status.metadata_mut().insert(REASON_KEY, "LOCKED_OUT".parse().expect("value"));
        status.metadata_mut().insert(RETRY_AFTER_KEY, "1500".parse().expect("value"));
        let error = ApiError::from(status);
        assert_eq!((error.code, error.reason.as_str()), (Code::ResourceExhausted, "LOCKED_OUT"));
        assert_eq!(error.retry_after, Some(Duration::from_millis(1_500)));
        assert_eq!(error.to_string(), "LOCKED_OUT (ResourceExhausted): too many attempts");
        assert!(!error.outcome_is_unknown());
    }

    #[test]
    fn a_server_that_cannot_be_reached_has_no_reason() {
        let error = ApiError::from(Status::unavailable("connection refused"));
        assert_eq!((error.reason.as_str(), error.retry_after), ("", None));
        assert!(error.outcome_is_unknown());
    }

    #[test]
    fn a_broken_retry_time_is_none() {
        let mut status = Status::resource_exhausted("");
        status.metadata_mut().insert(RETRY_AFTER_KEY, "soon".parse().expect("value"));
        assert_eq!(ApiError::from(status).retry_after, None);
    }
}
