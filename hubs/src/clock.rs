//! PORT: time. Sessions never read a clock of their own.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A moment, by two clocks at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Now {
    /// Milliseconds since some moment before the process began; never goes back. All deadlines are in it.
    pub mono_ms: u64,
    /// Milliseconds since 1970; may jump. Only for what is told to others: server time, expiry of tokens.
    pub wall_ms: u64,
}

/// A sleep that a [`Clock`] hands out.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time for sessions.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Now;

    /// Ends when [`Now::mono_ms`] has reached this value; at once when it has already.
    fn sleep_until(&self, mono_ms: u64) -> Sleep;
}

/// The clock of the operating system, its sleeps on tokio's timer.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: tokio::time::Instant,
}

impl SystemClock {
    /// Counts from now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: tokio::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the clock for everyone else")]
    fn now(&self) -> Now {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Now { mono_ms: whole_ms(self.start.elapsed()), wall_ms: whole_ms(wall) }
    }

    fn sleep_until(&self, mono_ms: u64) -> Sleep {
        Box::pin(tokio::time::sleep_until(self.start + Duration::from_millis(mono_ms)))
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
