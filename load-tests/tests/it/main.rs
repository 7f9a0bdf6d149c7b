//! The binary as a user meets it.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod bench;
mod command_line;
mod faults;
mod line;
mod tun;
mod walker;
