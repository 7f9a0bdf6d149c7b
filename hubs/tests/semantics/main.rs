//! The contract read aloud: the fourteen lines of docs/HUBS.md "What holds", a test for each, clause by clause.
//!
//! `tests/it` looks closer at each clause. Here a line is one test, so that a runtime that breaks one line (`tests/broken/NN.patch`)
//! fails one test: `scripts/broken` checks that it does.
#![expect(
    clippy::disallowed_methods,
    reason = "tests have no lifecycle to spawn through; the runtime of each joins its tasks"
)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(unreachable_pub, reason = "generated contracts are public for whoever includes them")]

mod around;
mod calls;
mod ending;
mod groups;
mod lost_links;
mod queues;

#[path = "../it/cluster.rs"]
mod cluster;
#[path = "../it/cuttable.rs"]
#[expect(dead_code, reason = "a link that stays down is for the other binary")]
mod cuttable;
#[path = "../it/ends.rs"]
#[expect(dead_code, reason = "the other binary opens links of each kind, this one links in memory")]
mod ends;
#[path = "../it/handler.rs"]
mod handler;
#[path = "../it/hub.rs"]
mod hub;
#[path = "../it/messages.rs"]
mod messages;
#[path = "../it/raw.rs"]
#[expect(dead_code, reason = "the other binary opens links of each kind, this one links in memory")]
mod raw;
#[path = "../it/rig.rs"]
mod rig;

/// Generated from `tests/proto`.
#[expect(dead_code, reason = "the tests use one method of each kind, the generator writes all")]
mod contracts {
    include!(concat!(env!("OUT_DIR"), "/test_hubs.rs"));
}
