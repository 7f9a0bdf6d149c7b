//! The real simulation and the real client without sockets or clock, on lines with delay, jitter and loss by a seed: what players see of
//! themselves and of others, against where everybody was.
#![expect(clippy::unwrap_used, reason = "a test that cannot play has failed")]

mod chance;
mod client;
mod kernel;
mod line;
mod others;
mod own_body;
mod region;
mod walker;
