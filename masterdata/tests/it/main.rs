//! The readers and rules of master data, from the outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail by panicking and say what it did not see"
)]

mod content_hash;
mod drops;
mod expectation;
mod folders;
mod no_panic;
mod rules_of_classes;
mod rules_of_drops;
mod rules_of_items;
mod rules_of_monsters;
mod rules_of_the_world;
mod sheets;
mod srd;
mod starter;
mod tables;
