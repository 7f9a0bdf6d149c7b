//! A refusal as a gRPC status: code, words for people, and in the trailers a stable reason for machines and a retry time.

use std::time::Duration;

use shallot_services::reason::{INTERNAL, Reason};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::hubs::errors::code_of;

/// Trailer with the stable machine reason.
const REASON: &str = "shallot-reason";
/// Trailer with milliseconds until a retry makes sense.
const RETRY_AFTER: &str = "shallot-retry-after-ms";

/// A refusal.
pub(crate) fn refusal(code: Code, reason: &str, message: impl Into<String>) -> Status {
    with(code, reason, message.into(), None)
}

/// A refusal of what may be asked again after a while.
pub(crate) fn refusal_until(code: Code, reason: &str, message: &str, retry_after: Duration) -> Status {
    with(code, reason, message.to_owned(), Some(retry_after))
}

/// What a client is told of a failure that is ours. The cause is in the log.
pub(crate) fn internal() -> Status {
    refusal(Code::Internal, "INTERNAL", "the server failed; the call had no effect that was confirmed")
}

/// What a client is told when a use case said no.
pub(crate) fn service(error: &(impl Reason + std::error::Error)) -> Status {
    let reason = error.reason();
    if reason == INTERNAL {
        tracing::error!(%error, "a call failed");
        return internal();
    }
    let retry_after = error.retry_after_ms().map(Duration::from_millis);
    with(code_of(reason), reason, error.to_string(), retry_after)
}

fn with(code: Code, reason: &str, message: String, retry_after: Option<Duration>) -> Status {
    let mut trailers = MetadataMap::new();
    if let Ok(value) = MetadataValue::try_from(reason) {
        trailers.insert(REASON, value);
    }
    if let Some(after) = retry_after {
        let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX).max(1);
        trailers.insert(RETRY_AFTER, MetadataValue::from(ms));
    }
    Status::with_metadata(code, message, trailers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trailers_carry_reason_and_retry_time() {
        let after = Some(Duration::from_millis(1_500));
        let status = with(Code::ResourceExhausted, "LOCKED_OUT", "later".to_owned(), after);
        assert_eq!(status.metadata().get(REASON).unwrap(), "LOCKED_OUT");
        assert_eq!(status.metadata().get(RETRY_AFTER).unwrap(), "1500");
        assert!(refusal(Code::NotFound, "X", "x").metadata().get(RETRY_AFTER).is_none());
    }
}
