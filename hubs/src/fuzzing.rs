//! What must hold whatever bytes come: for the targets in `fuzz/` and, with random bytes, for the tests of this crate. Behind the
//! feature `fuzzing`; nothing of a server uses it.
//!
//! Each function takes the bytes as a tape and panics where a promise is broken. Decoders read them as they are. The two session
//! machines live through them: each byte says what happens next (a message, time that passes, a handler that returns, a link that is
//! cut), and beside the machine a small model keeps the books: who awaits a reply, which runs are out, what was said last.

mod client;
mod framed;
mod server;
mod tape;

use std::fmt::Debug;

use prost::Message;
use shallot_proto::hub::v1 as wire;

pub use client::client_session;
pub use framed::framed;
pub use server::server_session;

/// A message from a client: decodes or is refused, and is the same after another trip.
pub fn client_batch(bytes: &[u8]) {
    round_trip::<wire::ClientBatch>(bytes);
}

/// A message from a server.
pub fn server_batch(bytes: &[u8]) {
    round_trip::<wire::ServerBatch>(bytes);
}

fn round_trip<M: Message + Default + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(message) = M::decode(bytes) else { return };
    let again = message.encode_to_vec();
    assert_eq!(again.len(), message.encoded_len());
    assert_eq!(M::decode(&again[..]).as_ref(), Ok(&message));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

        #[test]
        fn any_life_of_a_server_session(tape in proptest::collection::vec(any::<u8>(), 0..600)) {
            super::server_session(&tape);
        }

        #[test]
        fn any_life_of_a_client_session(tape in proptest::collection::vec(any::<u8>(), 0..600)) {
            super::client_session(&tape);
        }

        #[test]
        fn any_message(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::client_batch(&bytes);
            super::server_batch(&bytes);
            super::framed(&bytes);
        }
    }
}
