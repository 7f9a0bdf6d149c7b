//! What the hub runtime promises, a module for each promise: over the memory link with a clock that the tests move; what concerns
//! the link, over each kind of it.
#![expect(
    clippy::disallowed_methods,
    reason = "tests have no lifecycle to spawn through; the runtime of each joins its tasks"
)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(unreachable_pub, reason = "generated contracts are public for whoever includes them")]

mod access;
mod bounded;
mod broken;
mod client;
mod cluster;
mod comeback;
mod cuts;
mod cuttable;
mod deadlines;
mod delivery;
mod ending;
mod ends;
mod groups;
mod grpc;
mod handler;
mod heartbeat;
mod hello;
mod hub;
mod links;
mod malformed;
mod messages;
mod middleware;
mod never_behind;
mod nodes;
mod raw;
mod released;
mod resume;
mod rig;
mod tokens;
mod turns;

/// Generated from `tests/proto`.
#[expect(dead_code, reason = "the tests use one method of each kind, the generator writes all")]
mod contracts {
    include!(concat!(env!("OUT_DIR"), "/test_hubs.rs"));
}
