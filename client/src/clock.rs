//! The only place that reads the clock and draws random bytes. Logic takes both as arguments.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ring::rand::SecureRandom;
use shallot_proto::wire::RequestId;

/// Monotonic time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the client's one reading of the monotonic clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall time, milliseconds since 1970; 0 on a machine whose clock stands before that.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the client's one reading of the wall clock")]
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

/// Random bytes from the operating system, fit for keys.
///
/// # Errors
/// When it has none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A name for one value-changing request. Make it, keep it, then send: the same request may be sent again under the same name and
/// has one effect.
///
/// # Errors
/// When the operating system has no random bytes.
pub fn new_request_id() -> Result<RequestId, NoRandomness> {
    Ok(request_id(wall_ms(), random()?))
}

fn request_id(wall_ms: u64, random: [u8; 10]) -> RequestId {
    RequestId(uuid::Builder::from_unix_timestamp_millis(wall_ms, &random).into_uuid().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_uuid_v7_and_sort_by_time() {
        let early = request_id(1_700_000_000_000, [0xff; 10]);
        let late = request_id(1_700_000_000_001, [0; 10]);
        assert!(early < late);
        let text = early.to_string();
        assert_eq!(text.get(14..15), Some("7"), "{text}");
    }

    #[test]
    fn two_requests_have_two_names() {
        assert_ne!(new_request_id(), new_request_id());
    }
}
