//! What has arrived: every message exactly once and in its sender's order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::payload::sent_at;
use crate::limits::{DELAY_MAX_US, MEMBER_PROBLEMS_TOLD_MAX};

/// The messages of a scenario, numbered by their senders: the first eight bytes are the sender and its number, both big-endian.
/// The server's ticks are of sender 0.
#[must_use]
pub fn stamp(sender: u32, number: u32) -> [u8; 8] {
    (u64::from(sender) << 32 | u64::from(number)).to_be_bytes()
}

/// What members have seen together.
#[derive(Debug)]
pub struct Tally {
    /// Members that are in.
    pub joined: AtomicU64,
    /// Messages that arrived.
    pub delivered: AtomicU64,
    /// Messages that a newer one took the place of.
    pub superseded: AtomicU64,
    /// Messages, or calls, that members sent.
    pub sent: AtomicU64,
    problems: Mutex<(Vec<String>, u64)>,
    /// Microseconds from a member's telling to its hearing.
    delays: Option<Mutex<Histogram<u64>>>,
    start: Instant,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            joined: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            superseded: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            problems: Mutex::default(),
            delays: None,
            start: Instant::now(),
        }
    }
}

impl Tally {
    /// One that takes the time of each message.
    ///
    /// # Errors
    /// Never in fact: the histogram's bounds are constants.
    pub fn with_delays() -> anyhow::Result<Self> {
        let delays = Histogram::new_with_bounds(1, DELAY_MAX_US, 3)?;
        Ok(Self { delays: Some(Mutex::new(delays)), ..Self::default() })
    }

    /// Since it began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The delays since the last such question, in microseconds.
    #[must_use]
    pub fn take_delays(&self) -> Option<Histogram<u64>> {
        let mut delays = self.delays.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = delays.clone();
        delays.reset();
        Some(taken)
    }

    fn delayed(&self, message: &[u8]) {
        if let Some((delays, sent)) = self.delays.as_ref().zip(sent_at(message)) {
            let took = self.now().saturating_sub(sent).as_micros();
            let took = u64::try_from(took).unwrap_or(u64::MAX);
            delays.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(took);
        }
    }

    /// Messages that arrived so far.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Something that must not be.
    pub fn problem(&self, what: String) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.1 += 1;
        if problems.0.len() < MEMBER_PROBLEMS_TOLD_MAX {
            problems.0.push(what);
        }
    }

    /// How many of the problems told have this in them.
    #[must_use]
    pub fn problems_like(&self, what: &str) -> u64 {
        let problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.0.iter().filter(|problem| problem.contains(what)).count() as u64
    }

    /// What must not be and was, in one line.
    #[must_use]
    pub fn problems(&self) -> Option<String> {
        let problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        (problems.1 > 0).then(|| format!("{} problems: {}", problems.1, problems.0.join("; ")))
    }
}

/// What one member has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Number that comes next, by sender.
    next: HashMap<u32, u32>,
    newest_counts: bool,
}

impl Seen {
    /// Of messages that are never dropped; with `newest_counts`, of which a newer one may take the place of an older.
    #[must_use]
    pub fn new(newest_counts: bool) -> Self {
        Self { next: HashMap::new(), newest_counts }
    }

    /// A message has arrived.
    pub fn take(&mut self, message: &[u8], tally: &Tally) {
        let Some(stamp) = message.first_chunk::<8>() else {
            return tally.problem(format!("a message of {} bytes", message.len()));
        };
        let stamp = u64::from_be_bytes(*stamp);
        let (sender, number) = ((stamp >> 32) as u32, stamp as u32);
        let next = self.next.entry(sender).or_default();
        if number < *next {
            tally.problem(format!("number {number} of sender {sender} again, or late: {next} was awaited"));
        } else if number > *next && !self.newest_counts {
            tally.problem(format!("number {number} of sender {sender} while {next} was awaited"));
        }
        tally.superseded.fetch_add(number.saturating_sub(*next).into(), Ordering::Relaxed);
        *next = number.saturating_add(1).max(*next);
        tally.delivered.fetch_add(1, Ordering::Relaxed);
        tally.delayed(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(newest_counts: bool, numbers: &[(u32, u32)]) -> Tally {
        let (tally, mut seen) = (Tally::default(), Seen::new(newest_counts));
        for (sender, number) in numbers {
            seen.take(&stamp(*sender, *number), &tally);
        }
        tally
    }

    #[test]
    fn each_sender_has_an_order_of_its_own() {
        let tally = take(false, &[(0, 0), (7, 0), (0, 1), (7, 1)]);
        assert_eq!((tally.problems(), tally.delivered()), (None, 4));
    }

    #[test]
    fn what_is_lost_doubled_or_late_is_a_problem() {
        for numbers in [&[(0, 0), (0, 2)][..], &[(0, 0), (0, 0)], &[(0, 1), (0, 0)]] {
            assert!(take(false, numbers).problems().is_some(), "{numbers:?}");
        }
    }

    #[test]
    fn where_the_newest_counts_older_ones_may_be_missing_but_none_comes_twice() {
        let tally = take(true, &[(0, 0), (0, 3)]);
        assert_eq!((tally.problems(), tally.superseded.load(Ordering::Relaxed)), (None, 2));
        assert!(take(true, &[(0, 3), (0, 3)]).problems().is_some());
    }

    #[test]
    fn problems_are_told_up_to_a_limit_and_counted() {
        let tally = Tally::default();
        (0..100).for_each(|n| tally.problem(format!("<{n}>")));
        let told = tally.problems().expect("problems");
        assert!(told.starts_with("100 problems") && told.matches('<').count() == MEMBER_PROBLEMS_TOLD_MAX, "{told}");
    }
}
