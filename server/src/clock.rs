//! The only place that reads the machine's clocks and its randomness.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The machine's clocks. Cheap to copy; all copies of one value share their start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock adapter")]
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the process started; never goes back.
    pub(crate) fn since_start(&self) -> Duration {
        self.start.elapsed()
    }

    /// Milliseconds since 1970.
    #[expect(clippy::disallowed_methods, reason = "this is the clock adapter")]
    pub(crate) fn unix_ms() -> u64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The wall clock of the use cases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock;

impl shallot_services::clock::Clock for WallClock {
    fn now_ms(&self) -> u64 {
        SystemClock::unix_ms()
    }
}

/// The system's random bytes.
pub(crate) struct SystemEntropy {
    random: ring::rand::SystemRandom,
}

impl SystemEntropy {
    pub(crate) fn new() -> Self {
        Self { random: ring::rand::SystemRandom::new() }
    }
}

impl shallot_services::clock::Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        use ring::rand::SecureRandom as _;
        self.random.fill(bytes).expect("an operating system without randomness cannot run this server");
    }
}
