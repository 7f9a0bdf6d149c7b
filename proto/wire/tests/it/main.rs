//! The wire as others meet it: properties against naive models, and the test vectors of `docs/WIRE.md`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod acks;
mod bits;
mod delta;
mod directions;
mod golden;
mod input;
mod movement;
mod snapshot;
mod space;
mod states;
mod tables;
mod terrain;
