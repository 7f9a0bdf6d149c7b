//! How old the newest state is that a client has. A server's clock cannot be read; but ticks are 50 ms apart, so a snapshot that came
//! with the least delay so far tells when each tick was. Ages are therefore beyond that least delay, which itself is unknown:
//! about half a round trip.
//!
//! Time is an argument: any monotonic duration, the same one for all calls.

use std::time::Duration;

use shallot_proto::wire::{TICK_MS, Tick};

/// The least delay is that of the last one or two windows: a server that dilates or was paused is believed again after it.
const WINDOW: Duration = Duration::from_secs(30);

/// Follows the arrivals of one region's snapshots.
#[derive(Clone, Debug)]
pub struct StateAge {
    base: Tick,
    newest: Tick,
    /// Least difference of arrival and tick time, microseconds: in the last whole window, and in the present one.
    previous: Option<i64>,
    present: i64,
    window_end: Duration,
}

impl StateAge {
    /// Begins with the first snapshot, of `tick`, that came at `now`.
    #[must_use]
    pub fn new(tick: Tick, now: Duration) -> Self {
        Self { base: tick, newest: tick, previous: None, present: micros(now), window_end: now + WINDOW }
    }

    /// A snapshot of `tick` came at `now`; late ones count for nothing.
    pub fn arrived(&mut self, tick: Tick, now: Duration) {
        let offset = micros(now) - self.tick_time(tick);
        if now >= self.window_end {
            self.previous = Some(self.present);
            self.present = offset;
            self.window_end = now + WINDOW;
        }
        self.present = self.present.min(offset);
        if tick.is_after(self.newest) {
            self.newest = tick;
        }
    }

    /// Age of the newest state at `now`.
    #[must_use]
    pub fn age(&self, now: Duration) -> Duration {
        let least = self.previous.map_or(self.present, |previous| previous.min(self.present));
        let age = micros(now) - least - self.tick_time(self.newest);
        Duration::from_micros(u64::try_from(age).unwrap_or(0))
    }

    /// Microseconds from the base to a tick by the server's clock.
    fn tick_time(&self, tick: Tick) -> i64 {
        i64::from(tick.since(self.base)) * i64::from(TICK_MS) * 1_000
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_age_grows_until_the_next_snapshot() {
        let mut age = StateAge::new(Tick(10), ms(1_000));
        assert_eq!(age.age(ms(1_000)), ms(0));
        assert_eq!(age.age(ms(1_030)), ms(30));
        age.arrived(Tick(11), ms(1_055));
        assert_eq!(age.age(ms(1_055)), ms(5));
    }

    #[test]
    fn a_faster_snapshot_shows_that_the_earlier_ones_were_late() {
        let mut age = StateAge::new(Tick(10), ms(1_040));
        age.arrived(Tick(11), ms(1_050));
        assert_eq!(age.age(ms(1_050)), ms(0));
        age.arrived(Tick(12), ms(1_140));
        assert_eq!(age.age(ms(1_140)), ms(40));
    }

    #[test]
    fn a_late_or_repeated_snapshot_is_not_the_newest() {
        let mut age = StateAge::new(Tick(10), ms(1_000));
        age.arrived(Tick(12), ms(1_100));
        age.arrived(Tick(11), ms(1_101));
        assert_eq!(age.age(ms(1_120)), ms(20));
    }

    #[test]
    fn a_server_that_slowed_down_is_believed_after_two_windows() {
        let mut age = StateAge::new(Tick(0), ms(0));
        for n in 1..2_000_u32 {
            age.arrived(Tick(n), ms(u64::from(n) * 50 + if n > 100 { 500 } else { 0 }));
        }
        assert!(age.age(ms(1_999 * 50 + 500)) < ms(10));
    }
}
