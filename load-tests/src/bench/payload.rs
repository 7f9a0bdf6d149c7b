//! The messages of `hubs/examples/proto`, and the wire ids of its methods.

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

/// A state of [`STATE_BYTES`], encoded.
#[must_use]
pub fn state(sender: u32, number: u32) -> Bytes {
    // A tag and a length of one byte each.
    let mut body = BytesMut::zeroed(STATE_BYTES as usize - 2);
    body[..8].copy_from_slice(&stamp(sender, number));
    Payload { body: body.freeze() }.encode_to_vec().into()
}

/// FNV-1a with 32 bits of the method's full name (Fowler, Noll, Vo), as the contract says.
const fn method_id(name: &str) -> u32 {
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
        assert_eq!(state(u32::MAX, u32::MAX).len(), STATE_BYTES as usize);
    }
}
