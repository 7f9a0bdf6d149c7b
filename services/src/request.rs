//! Idempotency: the same request has its effect once, whoever repeats it.
//!
//! A [`Request`] names one value-changing call by the client's own id and the digest of what it asked. A store keeps (account,
//! id, digest, reply) in the transaction that has the effect: the same id and digest again is answered from there, the same id
//! with another digest is refused. What is older than [`REQUEST_KEPT_MS`] by its own time is refused, since its record may be gone.

use ring::digest::{SHA256, digest};
use serde::Serialize;
use shallot_proto::wire::RequestId;

use crate::clock::uuid_v7_time_ms;
use crate::limits::{REQUEST_AHEAD_MAX_MS, REQUEST_KEPT_MS};
use crate::reason::Reason;

/// One value-changing call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The client's name for it.
    pub id: RequestId,
    /// SHA-256 of the operation's name and its arguments.
    pub digest: [u8; 32],
}

/// Why a request id is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not a UUIDv7 in text, or one from the far future.
    #[error("the request id is not a UUIDv7 of now")]
    Invalid,
    /// Older than replies are kept.
    #[error("the request is older than 7 days")]
    Expired,
    /// The id was used for another call.
    #[error("the request id was used for another call")]
    Reused,
}

impl Reason for RequestError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid => "REQUEST_ID_INVALID",
            Self::Expired => "REQUEST_ID_EXPIRED",
            Self::Reused => "REQUEST_ID_REUSED",
        }
    }
}

impl Request {
    /// Reads the client's id and takes the digest of the call.
    ///
    /// # Errors
    /// When the text is no UUIDv7, or its time is not within what is kept.
    pub fn new<B: Serialize + ?Sized>(
        text: &str,
        operation: &'static str,
        body: &B,
        now_ms: u64,
    ) -> Result<Self, RequestError> {
        let id: RequestId = text.parse().map_err(|_| RequestError::Invalid)?;
        let at_ms = uuid_v7_time_ms(id.0).ok_or(RequestError::Invalid)?;
        if at_ms > now_ms.saturating_add(REQUEST_AHEAD_MAX_MS) {
            return Err(RequestError::Invalid);
        }
        if at_ms.saturating_add(REQUEST_KEPT_MS) < now_ms {
            return Err(RequestError::Expired);
        }
        let bytes = serde_json::to_vec(&(operation, body)).map_err(|_| RequestError::Invalid)?;
        let mut sum = [0_u8; 32];
        sum.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        Ok(Self { id, digest: sum })
    }

    /// The smallest id that is still kept at that time: what sorts before it may be deleted.
    #[must_use]
    pub fn oldest_kept(now_ms: u64) -> RequestId {
        let mut id = [0_u8; 16];
        // The first 48 bits of a UUIDv7 are its time; of a u64's eight bytes they are the last six.
        let time = now_ms.saturating_sub(REQUEST_KEPT_MS).to_be_bytes();
        for (to, from) in id.iter_mut().zip(time.iter().skip(2)) {
            *to = *from;
        }
        RequestId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::uuid_v7;

    const NOW: u64 = 1_800_000_000_000;

    fn at(ms: u64) -> String {
        RequestId(uuid_v7(ms, [3; 10])).to_string()
    }

    #[test]
    fn ids_are_judged_by_form_and_age() {
        let read = |text: &str| Request::new(text, "split", &1, NOW);
        assert!(read(&at(NOW)).is_ok());
        assert!(read(&at(NOW - REQUEST_KEPT_MS)).is_ok());
        assert_eq!(read(&at(NOW - REQUEST_KEPT_MS - 1)), Err(RequestError::Expired));
        assert_eq!(read(&at(NOW + REQUEST_AHEAD_MAX_MS + 1)), Err(RequestError::Invalid));
        assert_eq!(read(""), Err(RequestError::Invalid));
        assert_eq!(read("018f3f3e-0000-4000-8000-000000000000"), Err(RequestError::Invalid), "version 4");
    }

    #[test]
    fn the_digest_tells_operations_and_bodies_apart() {
        let text = at(NOW);
        let digest = |operation, body: u32| Request::new(&text, operation, &body, NOW).unwrap().digest;
        assert_eq!(digest("split", 1), digest("split", 1));
        assert_ne!(digest("split", 1), digest("split", 2));
        assert_ne!(digest("split", 1), digest("merge", 1));
    }

    #[test]
    fn what_sorts_before_the_oldest_kept_id_is_expired() {
        let oldest = Request::oldest_kept(NOW);
        assert!(uuid_v7(NOW - REQUEST_KEPT_MS, [0; 10]) >= oldest.0);
        assert!(uuid_v7(NOW - REQUEST_KEPT_MS - 1, [0xFF; 10]) < oldest.0);
    }
}
