//! A clock that stands until it is moved, and random bytes that repeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::digest::{SHA256, digest};

use crate::clock::{Clock, Entropy, Ids};

/// Where a [`TestClock`] starts, milliseconds since 1970.
pub const TEST_NOW_MS: u64 = 1_800_000_000_000;

/// Stands still until it is told otherwise.
#[derive(Debug)]
pub struct TestClock(AtomicU64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicU64::new(TEST_NOW_MS))
    }
}

impl TestClock {
    /// Goes on by that much.
    pub fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Bytes that look random, the same in each run: SHA-256 of a counter.
#[derive(Debug, Default)]
pub struct TestEntropy(AtomicU64);

impl TestEntropy {
    /// From another point of the sequence.
    #[must_use]
    pub fn starting_at(count: u64) -> Self {
        Self(AtomicU64::new(count))
    }
}

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            for (to, from) in chunk.iter_mut().zip(digest(&SHA256, &count.to_be_bytes()).as_ref()) {
                *to = *from;
            }
        }
    }
}

/// Ids of a clock that nobody moves.
#[must_use]
pub fn test_ids() -> Ids {
    Ids::new(Arc::new(TestClock::default()), Arc::new(TestEntropy::default()))
}
