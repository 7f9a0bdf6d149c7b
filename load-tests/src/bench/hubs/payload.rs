//! The messages of `hubs/examples/proto`, and the wire ids of its methods.

use std::time::Duration;

use prost::Message as _;
use prost::bytes::{Bytes, BytesMut};

use super::scenario::STATE_BYTES;
use super::seen::stamp;

/// Wire id of `BenchHub/Join`.
pub const JOIN: u32 = method_id("shallot.bench.v1.BenchHub/Join");
/// Wire id of `BenchHub/Echo`.
pub const ECHO: u32 = method_id("shallot.bench.v1.BenchHub/Echo");
/// Wire id of `BenchHub/Tell`.
pub const TELL: u32 = method_id("shallot.bench.v1.BenchHub/Tell");

/// Argument of `Join`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Room {
    /// Its number.
    #[prost(uint32, tag = "1")]
    pub room: u32,
}

/// Argument of everything else.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Payload {
    /// Begins with a stamp.
    #[prost(bytes = "bytes", tag = "1")]
    pub body: Bytes,
}

/// A state of [`STATE_BYTES`], encoded: its stamp, and when it was sent.
#[must_use]
pub fn state(sender: u32, number: u32, at: Duration) -> Bytes {
    // A tag and a length of one byte each.
    let mut body = BytesMut::zeroed(STATE_BYTES as usize - 2);
    body[..8].copy_from_slice(&stamp(sender, number));
    body[8..16].copy_from_slice(&micros(at).to_be_bytes());
    Payload { body: body.freeze() }.encode_to_vec().into()
}

/// When a state was sent; `None`: it is none, or it does not say.
#[must_use]
pub fn sent_at(body: &[u8]) -> Option<Duration> {
    let at = u64::from_be_bytes(*body.get(8..)?.first_chunk()?);
    (at > 0).then(|| Duration::from_micros(at))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// FNV-1a with 32 bits of the method's full name (Fowler, Noll, Vo), as the contract says.
pub(crate) const fn method_id(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash: u32 = 0x811c_9dc5;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_published_test_vector() {
        assert_eq!(method_id(""), 0x811c_9dc5);
        assert_eq!(method_id("foobar"), 0xbf9c_f968);
    }

    #[test]
    fn a_state_is_as_long_as_it_says() {
        let at = Duration::from_micros(7);
        let state = state(u32::MAX, u32::MAX, at);
        assert_eq!(state.len(), STATE_BYTES as usize);
        assert_eq!(sent_at(&Payload::decode(state).expect("a payload").body), Some(at));
        assert_eq!(sent_at(&[0; 62]), None);
    }
}
