//! Style as a test: who may know whom, and habits that no lint can see.
#![expect(clippy::unwrap_used, reason = "a test that cannot read the tree has failed")]

mod edges;
mod files;
mod lints;

use std::path::PathBuf;

/// The workspace's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
