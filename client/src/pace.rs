//! When the client's next tick is due, and which one it is. The client runs ahead of the server, so that its input for a tick is there
//! when the server comes to that tick; each snapshot tells how early inputs arrive, and the client runs a little faster or
//! slower until that is [`BUFFER_TARGET_QUARTERS`].
//!
//! Time is an argument: any monotonic duration, the same one for all calls.

use std::time::Duration;

use shallot_proto::wire::{TICK_MS, Tick};

use crate::limits::{BUFFER_TARGET_QUARTERS, PACE_JUMP_TICKS, PACE_LIMIT_PERMILLE};

/// Length of a tick at the right pace.
const PERIOD: Duration = Duration::from_millis(TICK_MS as u64);
/// Ticks ahead of the server's at the start: half a round trip of 100 ms and the buffer's target.
const FIRST_LEAD: u32 = 3;
/// One quarter tick of error changes the pace by so much.
const PERMILLE_PER_QUARTER: i32 = 10;
/// Share of a new report in the smoothed depth: one eighth.
const SMOOTHING: i32 = 8;
/// A buffer that was reported empty so often in a row is behind by an unknown number of ticks.
const EMPTY_REPORTS: u32 = 10;
/// Then the client's tick is set so many ticks ahead.
const EMPTY_JUMP: u32 = 2;
/// A client that slept longer than so many ticks leaves out what it missed.
const ASLEEP_TICKS: u32 = 5;

/// The client's clock of ticks. Calls: [`Pace::due_at`] tells when to wake, [`Pace::poll`] gives the tick that is due,
/// [`Pace::on_report`] takes what a snapshot told.
#[derive(Clone, Debug)]
pub struct Pace {
    next: Tick,
    next_at: Duration,
    /// Smoothed depth of the server's input buffer, eighths of a quarter tick.
    depth: Option<i32>,
    empty_reports: u32,
}

impl Pace {
    /// Begins at `now`, when the server was at `server_tick` as far as the client knows.
    #[must_use]
    pub fn new(server_tick: Tick, now: Duration) -> Self {
        Self { next: server_tick.plus(FIRST_LEAD), next_at: now, depth: None, empty_reports: 0 }
    }

    /// When the next tick is due.
    #[must_use]
    pub fn due_at(&self) -> Duration {
        self.next_at
    }

    /// The tick that is due at `now`; call until `None`. Ticks follow one another; after a sleep the missed ones are left out, and one
    /// who was far ahead is set back, so that ticks come again (the server takes the first input for each).
    pub fn poll(&mut self, now: Duration) -> Option<Tick> {
        let late = now.checked_sub(self.next_at)?;
        if late > PERIOD * ASLEEP_TICKS {
            let missed = u32::try_from(late.as_nanos() / PERIOD.as_nanos()).unwrap_or(0);
            self.next = self.next.plus(missed);
            self.next_at = now;
        }
        let due = self.next;
        self.next = due.plus(1);
        self.next_at += self.period();
        Some(due)
    }

    /// A snapshot of a tick told how early the newest inputs arrive, in quarter ticks.
    pub fn on_report(&mut self, server_tick: Tick, depth_quarters: u8) {
        if !self.next.is_after(server_tick) {
            // Whatever is sent now is too late: the depth would say so only by staying at 0.
            return self.jump(|_| server_tick.plus(FIRST_LEAD));
        }
        let new = i32::from(depth_quarters) * SMOOTHING;
        let depth = self.depth.map_or(new, |old| old + (new - old) / SMOOTHING);
        self.depth = Some(depth);
        self.empty_reports = if depth_quarters == 0 { self.empty_reports + 1 } else { 0 };
        let ahead = depth / SMOOTHING - BUFFER_TARGET_QUARTERS;
        if self.empty_reports >= EMPTY_REPORTS {
            self.jump(|next| next.plus(EMPTY_JUMP));
        } else if ahead > PACE_JUMP_TICKS * 4 {
            self.jump(|next| next.minus(ahead.unsigned_abs() / 4));
        }
    }

    fn jump(&mut self, to: impl Fn(Tick) -> Tick) {
        self.next = to(self.next);
        self.depth = None;
        self.empty_reports = 0;
    }

    /// The length of a client tick at the present pace.
    fn period(&self) -> Duration {
        let Some(depth) = self.depth else { return PERIOD };
        let short = BUFFER_TARGET_QUARTERS * SMOOTHING - depth;
        let permille = (short * PERMILLE_PER_QUARTER / SMOOTHING).clamp(-PACE_LIMIT_PERMILLE, PACE_LIMIT_PERMILLE);
        PERIOD * u32::try_from(1_000 - permille).unwrap_or(1_000) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_begins_ahead_and_gives_each_tick_once() {
        let mut pace = Pace::new(Tick(100), ms(0));
        assert_eq!(pace.poll(ms(0)), Some(Tick(103)));
        assert_eq!(pace.poll(ms(49)), None);
        assert_eq!(pace.poll(ms(50)), Some(Tick(104)));
        assert_eq!(pace.poll(ms(120)), Some(Tick(105)));
        assert_eq!(pace.due_at(), ms(150), "lateness does not add up");
    }

    #[test]
    fn after_a_sleep_it_leaves_out_what_it_missed() {
        let mut pace = Pace::new(Tick(100), ms(0));
        assert_eq!(pace.poll(ms(0)), Some(Tick(103)));
        assert_eq!(pace.poll(ms(1_050)), Some(Tick(124)));
        assert_eq!(pace.poll(ms(1_050)), None);
    }

    /// A server that starts at tick 100 and whose inputs arrive `delay` later; gives the depth it reports at the end.
    fn settle(delay: Duration, seconds: u64) -> i64 {
        let mut pace = Pace::new(Tick(100), ms(0));
        let mut arrived: Vec<(Duration, Tick)> = Vec::new();
        let mut depth = 0;
        for now in (0..seconds * 1_000).map(ms) {
            while let Some(tick) = pace.poll(now) {
                arrived.push((now + delay, tick));
            }
            if now.as_millis() % 50 == 0 {
                let newest = arrived.iter().filter(|(at, _)| *at <= now).max_by_key(|(_, tick)| tick.0);
                let Some((at, tick)) = newest else { continue };
                let applied_at = i64::from(tick.0 - 100) * 50;
                depth = ((applied_at - at.as_millis() as i64) * 4 / 50).clamp(0, 255);
                let server_tick = Tick(100 + u32::try_from(now.as_millis() / 50).expect("small"));
                pace.on_report(server_tick, u8::try_from(depth).expect("clamped"));
            }
        }
        depth
    }

    #[test]
    fn it_settles_at_the_target_over_short_and_long_lines() {
        for delay in [1, 40, 120, 300] {
            let depth = settle(ms(delay), 30);
            assert!((depth - i64::from(BUFFER_TARGET_QUARTERS)).abs() <= 2, "{delay} ms: {depth} quarters");
        }
    }

    #[test]
    fn one_that_is_behind_the_server_goes_ahead_of_it_at_once() {
        let mut pace = Pace::new(Tick(100), ms(0));
        pace.on_report(Tick(103), 0);
        assert_eq!(pace.poll(ms(0)), Some(Tick(106)));
    }

    #[test]
    fn one_that_is_far_ahead_comes_back_at_once() {
        let mut pace = Pace::new(Tick(100), ms(0));
        pace.on_report(Tick(50), 200);
        assert_eq!(pace.poll(ms(0)), Some(Tick(103 - 48)));
    }
}
