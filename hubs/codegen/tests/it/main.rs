//! What comes out of small contracts, and which contracts are refused.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod code;
mod evolution;
mod ids;
mod planted;
mod refused;
mod released;
