//! The client against servers made for the test: no server of ours is needed.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod api;
mod channel;
