//! A shard's sign of life.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the ticks of one region's shard, over its restarts too.
#[derive(Debug)]
pub(crate) struct Pulse {
    region: String,
    ticks: AtomicU64,
}

impl Pulse {
    pub(crate) fn new(region: &str) -> Self {
        Self { region: region.to_owned(), ticks: AtomicU64::new(0) }
    }

    /// Key of the region.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Ticks since the process started.
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Called by the shard at each tick.
    pub(crate) fn beat(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }
}
