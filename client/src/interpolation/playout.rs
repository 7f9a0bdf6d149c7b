//! What time of the server's is drawn: a clock that runs behind the arrivals of snapshots, smoothly.

use std::time::Duration;

use shallot_proto::wire::{TICK_MS, Tick};

use crate::fade::micros;
use crate::limits::{DRAW_CLOCK_JUMP, DRAW_CLOCK_PERMILLE, DRAW_DELAY_MAX, DRAW_DELAY_MIN};

/// Length of a tick, microseconds.
pub(super) const TICK_US: i64 = TICK_MS as i64 * 1_000;
/// Arrivals that the delay follows: 3.2 s.
const WINDOW: usize = 64;
/// So many of 16 waits for the next snapshot are to be covered; what is beyond is extrapolated.
const COVERED_OF_16: usize = 15;
/// An arrival far from the usual one is passed over, but for so many in a row: 0.5 s.
const STRANGERS: u32 = 10;

/// A point of the server's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The tick that was last.
    pub tick: Tick,
    /// Microseconds since it, less than a tick's 50,000.
    pub us: u32,
}

impl Moment {
    /// So many microseconds after a tick.
    fn after(tick: Tick, us: i64) -> Self {
        let ticks = us.div_euclid(TICK_US) as u32; // ticks wrap
        Self { tick: tick.plus(ticks), us: us.rem_euclid(TICK_US) as u32 }
    }

    /// Microseconds from a tick to it; negative when the tick is later.
    pub(super) fn since(self, tick: Tick) -> i64 {
        i64::from(self.tick.since(tick)) * TICK_US + i64::from(self.us)
    }
}

/// The newest values of something, microseconds.
#[derive(Clone, Debug)]
struct Recent {
    values: [i64; WINDOW],
    count: usize,
    next: usize,
}

impl Recent {
    fn of(value: i64) -> Self {
        Self { values: [value; WINDOW], count: 1, next: 1 }
    }

    fn push(&mut self, value: i64) {
        if let Some(place) = self.values.get_mut(self.next) {
            *place = value;
        }
        self.next = (self.next + 1) % WINDOW;
        self.count = (self.count + 1).min(WINDOW);
    }

    /// The least value that so many of 16 do not exceed.
    fn quantile(&self, of_16: usize) -> i64 {
        let mut values = self.values;
        let Some(values) = values.get_mut(..self.count) else { return 0 };
        let rank = (values.len() * of_16).div_ceil(16).saturating_sub(1);
        *values.select_nth_unstable(rank).1
    }
}

/// The clock, on the caller's time in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Playout {
    base: Tick,
    newest: Tick,
    /// From a tick's time to the arrival of its snapshot, the base's time taken as 0.
    arrivals: Recent,
    /// From a tick's time to the arrival of the next snapshot: what would have to be the delay to have that in time.
    waits: Recent,
    strangers: u32,
    delay: i64,
    /// At `set_at` it showed `view` after the base, and goes on at 1,000 + `permille` thousandths.
    set_at: i64,
    view: i64,
    permille: i64,
}

impl Playout {
    /// Begins with the first snapshot.
    pub(super) fn new(tick: Tick, now: i64) -> Self {
        let delay = micros(DRAW_DELAY_MIN);
        Self {
            base: tick,
            newest: tick,
            arrivals: Recent::of(now),
            waits: Recent::of(now + TICK_US),
            strangers: 0,
            delay,
            set_at: now,
            view: -delay,
            permille: 0,
        }
    }

    /// Takes the arrival of the newest snapshot. False: it jumps, and what is drawn with it.
    pub(super) fn arrived(&mut self, tick: Tick, now: i64) -> bool {
        if !tick.is_after(self.newest) {
            return self.follow(now);
        }
        let late = now - i64::from(tick.since(self.base)) * TICK_US;
        let wait = now - i64::from(self.newest.since(self.base)) * TICK_US;
        self.newest = tick;
        let is_strange = (late - self.arrivals.quantile(8)).abs() > micros(DRAW_CLOCK_JUMP);
        self.strangers = if is_strange { self.strangers + 1 } else { 0 };
        if self.strangers >= STRANGERS {
            (self.arrivals, self.waits, self.strangers) = (Recent::of(late), Recent::of(late + TICK_US), 0);
        } else if !is_strange {
            self.arrivals.push(late);
            self.waits.push(wait);
        }
        self.follow(now)
    }

    /// Sets delay and pace by the arrivals.
    fn follow(&mut self, now: i64) -> bool {
        let usual = self.arrivals.quantile(8);
        let wanted = self.waits.quantile(COVERED_OF_16) - usual;
        self.delay = wanted.clamp(micros(DRAW_DELAY_MIN), micros(DRAW_DELAY_MAX));
        let target = now - usual - self.delay;
        let error = target - self.view(now);
        let goes_on = error.abs() <= micros(DRAW_CLOCK_JUMP);
        self.view = if goes_on { self.view(now) } else { target };
        self.set_at = now;
        // What is missing is to be made up for within a second.
        self.permille = if goes_on { (error / 1_000).clamp(-DRAW_CLOCK_PERMILLE, DRAW_CLOCK_PERMILLE) } else { 0 };
        goes_on
    }

    fn view(&self, now: i64) -> i64 {
        let since = now.saturating_sub(self.set_at).max(0);
        self.view + since + since / 1_000 * self.permille
    }

    /// What it shows.
    pub(super) fn moment(&self, now: i64) -> Moment {
        Moment::after(self.base, self.view(now))
    }

    /// Behind the usual arrival.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_micros(self.delay.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Tick = Tick(u32::MAX - 20);

    /// The arrivals, microseconds after their tick by the server's clock; how far what is drawn is behind the server after each that is the
    /// newest.
    fn play(late: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let late = late.into_iter().enumerate();
        let mut arrivals: Vec<(i64, u32)> = late.map(|(n, late)| (n as i64 * TICK_US + late, n as u32)).collect();
        arrivals.sort_unstable();
        let mut playout = None::<Playout>;
        let mut shown = None::<i64>;
        let mut behind = Vec::new();
        for (now, n) in arrivals {
            let tick = FIRST.plus(n);
            let playout = playout.get_or_insert_with(|| Playout::new(tick, now));
            if playout.newest.is_after(tick) {
                continue;
            }
            let goes_on = playout.arrived(tick, now);
            let view = playout.moment(now).since(FIRST);
            assert!(!goes_on || shown.is_none_or(|shown| view >= shown), "it goes back");
            shown = Some(view);
            behind.push(now - view);
        }
        behind
    }

    /// The last of them is so, but for a millisecond that is not paced.
    fn assert_ends(behind: &[i64], at: i64) {
        assert!(behind.last().is_some_and(|last| (last - at).abs() <= 1_000), "{:?}", behind.last());
    }

    const LEAST: i64 = DRAW_DELAY_MIN.as_micros() as i64;

    #[test]
    fn on_a_steady_line_it_is_the_least_delay() {
        let behind = play([30_000; 200]);
        assert!(behind.iter().all(|behind| *behind == 30_000 + LEAST), "{behind:?}");
    }

    #[test]
    fn jitter_makes_the_delay_longer_and_never_too_long() {
        let mixed = |n: u32| i64::from(n.wrapping_mul(2_654_435_761) >> 8);
        let last = |most: i64| play((0..400).map(|n| 20_000 + mixed(n) % most)).last().copied().expect("many");
        let (calm, rough, wild) = (last(10_000), last(150_000), last(400_000));
        assert!((20_000 + LEAST..30_000 + LEAST).contains(&calm), "{calm}");
        assert!(rough > calm + 30_000 && wild > rough + 30_000, "{rough}, {wild}");
        assert!(wild < 20_000 + 400_000 / 2 + micros(DRAW_DELAY_MAX), "{wild}");
    }

    #[test]
    fn a_line_that_becomes_longer_is_followed_without_a_jump() {
        let behind = play((0..400).map(|n| if n < 100 { 20_000 } else { 120_000 }));
        assert_ends(&behind, 120_000 + LEAST);
        let steps = behind.iter().zip(behind.iter().skip(1)).map(|(a, b)| (b - a).abs());
        assert!(steps.max() <= Some(150_000 * DRAW_CLOCK_PERMILLE / 1_000), "{behind:?}");
    }

    #[test]
    fn a_server_that_stood_is_believed_after_a_while() {
        let stood = play((0..200).map(|n| if n < 100 { 20_000 } else { 3_020_000 }));
        assert_ends(&stood, 3_020_000 + LEAST);
        let burst = play((0..200).map(|n| if (100..105).contains(&n) { 800_000 } else { 20_000 }));
        assert_ends(&burst, 20_000 + LEAST);
    }

    #[test]
    fn a_moment_has_its_tick_across_the_wrap() {
        let moment = Moment::after(Tick(u32::MAX), 2 * TICK_US + 7);
        assert_eq!(moment, Moment { tick: Tick(1), us: 7 });
        assert_eq!(moment.since(Tick(u32::MAX)), 2 * TICK_US + 7);
        assert_eq!(Moment::after(Tick(5), -1), Moment { tick: Tick(4), us: 49_999 });
    }
}
