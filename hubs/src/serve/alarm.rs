//! One timer.

use crate::clock::{Clock, Sleep};

/// Rings at the set time or earlier, never later.
#[derive(Default)]
pub(crate) struct Alarm {
    at_ms: u64,
    sleep: Option<Sleep>,
}

impl Alarm {
    /// Keeps an earlier time, so that a deadline that moves away costs nothing.
    pub(crate) fn set(&mut self, clock: &dyn Clock, due_ms: u64) {
        if due_ms < u64::MAX && (self.sleep.is_none() || due_ms < self.at_ms) {
            self.at_ms = due_ms;
            self.sleep = Some(clock.sleep_until(due_ms));
        }
    }

    pub(crate) async fn rings(&mut self) {
        match &mut self.sleep {
            Some(sleep) => sleep.await,
            None => std::future::pending().await,
        }
        self.sleep = None;
    }
}
