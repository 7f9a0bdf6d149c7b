//! Pings, round-trip time and clock offset: the same at both ends. Without IO and without a clock.

use std::collections::VecDeque;

use shallot_proto::hub::v1 as wire;

use crate::clock::Now;
use crate::limits::PINGS_REMEMBERED;

/// Round-trip time in milliseconds, since the link opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rtt {
    /// The newest sample.
    pub latest_ms: u32,
    /// Smoothed as in RFC 6298: seven eighths of the old, one of the new.
    pub smoothed_ms: u32,
    /// The least.
    pub min_ms: u32,
    /// Mean deviation, smoothed as in RFC 6298: three quarters of the old, one of the new.
    pub jitter_ms: u32,
}

impl Rtt {
    fn first(sample: u32) -> Self {
        Self { latest_ms: sample, smoothed_ms: sample, min_ms: sample, jitter_ms: sample / 2 }
    }

    fn with(self, sample: u32) -> Self {
        let deviation = self.smoothed_ms.abs_diff(sample);
        Self {
            latest_ms: sample,
            smoothed_ms: mean(self.smoothed_ms, 7, sample),
            min_ms: self.min_ms.min(sample),
            jitter_ms: mean(self.jitter_ms, 3, deviation),
        }
    }
}

/// `old` weighted, `new` once, rounded to the nearest.
fn mean(old: u32, weight: u64, new: u32) -> u32 {
    let total = weight + 1;
    let sum = u64::from(old) * weight + u64::from(new);
    u32::try_from((sum + total / 2) / total).unwrap_or(u32::MAX)
}

/// Sends a ping every interval, takes the answers, knows how long the other end has been silent.
///
/// Any frame counts as a sign of life, and an answer counts however late it comes: nobody is cut for a slow answer.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval_ms: u64,
    next_ping_ms: u64,
    next_n: u32,
    heard_ms: u64,
    /// Number and time of pings that await an answer.
    sent: VecDeque<(u32, u64)>,
    rtt: Option<Rtt>,
    offset_ms: Option<i64>,
}

impl Heartbeat {
    /// The first ping is due at once.
    pub(crate) fn new(now: Now, interval_ms: u64) -> Self {
        Self {
            interval_ms,
            next_ping_ms: now.mono_ms,
            next_n: 1,
            heard_ms: now.mono_ms,
            sent: VecDeque::with_capacity(PINGS_REMEMBERED),
            rtt: None,
            offset_ms: None,
        }
    }

    /// A frame has arrived.
    pub(crate) fn handle_life(&mut self, now: Now) {
        self.heard_ms = now.mono_ms;
    }

    /// An answer; one to a ping that was never sent or is forgotten is ignored.
    pub(crate) fn handle_pong(&mut self, now: Now, pong: &wire::Pong) -> Option<Rtt> {
        let at = self.sent.iter().position(|(n, _)| *n == pong.n)?;
        let (_, sent_ms) = self.sent.remove(at)?;
        let sample = u32::try_from(now.mono_ms.saturating_sub(sent_ms)).unwrap_or(u32::MAX);
        let is_best = self.rtt.is_none_or(|rtt| sample <= rtt.min_ms);
        self.rtt = Some(self.rtt.map_or(Rtt::first(sample), |rtt| rtt.with(sample)));
        if is_best {
            // The shortest trip bounds the error best: half of it each way.
            let there = now.wall_ms.saturating_sub(u64::from(sample) / 2);
            self.offset_ms = i64::try_from(i128::from(pong.answerer_time_ms) - i128::from(there)).ok();
        }
        self.rtt
    }

    /// The ping that is due, if one is.
    pub(crate) fn poll_ping(&mut self, now: Now) -> Option<wire::Ping> {
        if now.mono_ms < self.next_ping_ms {
            return None;
        }
        self.next_ping_ms = now.mono_ms + self.interval_ms;
        let n = self.next_n;
        self.next_n = self.next_n.wrapping_add(1);
        if self.sent.len() == PINGS_REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back((n, now.mono_ms));
        Some(wire::Ping { n, sender_time_ms: now.wall_ms })
    }

    /// The next ping is due at once.
    pub(crate) fn hurry(&mut self, now: Now) {
        self.next_ping_ms = now.mono_ms;
    }

    /// When the next ping is due.
    pub(crate) fn next_ping_ms(&self) -> u64 {
        self.next_ping_ms
    }

    /// Milliseconds since the last frame.
    pub(crate) fn silence_ms(&self, now: Now) -> u64 {
        now.mono_ms.saturating_sub(self.heard_ms)
    }

    /// What to add to our wall clock for the other end's, in milliseconds.
    pub(crate) fn offset_ms(&self) -> Option<i64> {
        self.offset_ms
    }
}

/// The answer to a ping.
pub(crate) fn answer(now: Now, ping: &wire::Ping) -> wire::Pong {
    wire::Pong { n: ping.n, echo_time_ms: ping.sender_time_ms, answerer_time_ms: now.wall_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { mono_ms: ms, wall_ms: 1_000_000 + ms }
    }

    fn pong(n: u32, answerer_time_ms: u64) -> wire::Pong {
        wire::Pong { n, echo_time_ms: 0, answerer_time_ms }
    }

    #[test]
    fn a_late_answer_to_an_older_ping_counts() {
        let mut heartbeat = Heartbeat::new(at(0), 100);
        let first = heartbeat.poll_ping(at(0)).unwrap();
        assert!(heartbeat.poll_ping(at(99)).is_none());
        let second = heartbeat.poll_ping(at(100)).unwrap();
        assert!(heartbeat.handle_pong(at(110), &pong(second.n, 0)).is_some());
        let rtt = heartbeat.handle_pong(at(400), &pong(first.n, 0)).unwrap();
        assert_eq!((rtt.latest_ms, rtt.min_ms), (400, 10));
    }

    #[test]
    fn smooths_as_rfc_6298_says() {
        let mut heartbeat = Heartbeat::new(at(0), 1_000);
        for (start, end) in [(0, 80), (1_000, 1_160)] {
            let ping = heartbeat.poll_ping(at(start)).unwrap();
            assert!(heartbeat.handle_pong(at(end), &pong(ping.n, 0)).is_some());
        }
        // 80 then 160: smoothed (7*80+160)/8 = 90, jitter (3*40+80)/4 = 50.
        let rtt = heartbeat.rtt.unwrap();
        assert_eq!((rtt.smoothed_ms, rtt.jitter_ms, rtt.min_ms), (90, 50, 80));
    }

    #[test]
    fn an_answer_nobody_asked_for_changes_nothing() {
        let mut heartbeat = Heartbeat::new(at(0), 1_000);
        let ping = heartbeat.poll_ping(at(0)).unwrap();
        assert!(heartbeat.handle_pong(at(5), &pong(ping.n + 7, 0)).is_none());
        assert!(heartbeat.handle_pong(at(5), &pong(ping.n, 0)).is_some());
        assert!(heartbeat.handle_pong(at(9), &pong(ping.n, 0)).is_none(), "an answer counts once");
    }

    #[test]
    fn the_offset_is_that_of_the_shortest_trip() {
        let mut heartbeat = Heartbeat::new(at(0), 100);
        let ping = heartbeat.poll_ping(at(0)).unwrap();
        heartbeat.handle_pong(at(20), &pong(ping.n, 1_005_010));
        assert_eq!(heartbeat.offset_ms(), Some(5_000));
        let ping = heartbeat.poll_ping(at(100)).unwrap();
        heartbeat.handle_pong(at(900), &pong(ping.n, 1_005_850));
        assert_eq!(heartbeat.offset_ms(), Some(5_000));
    }

    #[test]
    fn silence_counts_from_the_last_frame() {
        let mut heartbeat = Heartbeat::new(at(0), 100);
        heartbeat.handle_life(at(70));
        assert_eq!(heartbeat.silence_ms(at(100)), 30);
    }
}
