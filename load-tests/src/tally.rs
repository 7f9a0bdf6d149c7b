//! The sums over all bots while they play. Counters are atomics; what needs more is behind short locks that no await holds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

use crate::limits::ERROR_KINDS_MAX;
use crate::sightings::Sightings;

/// Longest age that is told apart, microseconds.
const AGE_MAX_US: u64 = 60_000_000;

/// A sum that many tasks add to.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The sum so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ages of the newest state: of the whole run, and since the last line of progress.
#[derive(Debug)]
struct Ages {
    all: Histogram<u64>,
    recent: Histogram<u64>,
}

/// Everything that is counted. Field names are those of the report where both have it.
#[derive(Debug)]
pub struct Tally {
    /// Bots that signed in.
    pub logins: Count,
    /// Bots that moved at least a metre.
    pub bots_moved: Count,
    /// Input datagrams.
    pub inputs_sent: Count,
    /// Inputs that a snapshot acknowledged.
    pub inputs_acknowledged: Count,
    /// Snapshots that counted.
    pub snapshots: Count,
    /// Snapshots that never came.
    pub datagrams_lost: Count,
    /// UDP payload down.
    pub bytes_down: Count,
    /// UDP payload up.
    pub bytes_up: Count,
    /// Milliseconds that all bots together spent with an open channel.
    pub channel_ms: Count,
    /// Deaths of bots.
    pub deaths: Count,
    /// Experience told.
    pub xp: Count,
    /// Copper pieces told.
    pub coins: Count,
    /// Units picked up.
    pub items_looted: Count,
    /// Levels gained.
    pub level_ups: Count,
    /// Bots whose store was compared.
    pub stores_compared: Count,
    /// Bots whose store differs.
    pub stores_differing: Count,
    online: AtomicU64,
    online_peak: AtomicU64,
    errors: Mutex<BTreeMap<String, u64>>,
    refusals: Mutex<BTreeMap<String, u64>>,
    examples: Mutex<Vec<String>>,
    looted: Mutex<BTreeMap<String, u64>>,
    sightings: Mutex<Sightings>,
    ages: Mutex<Ages>,
}

/// Percentiles of the age of the newest state, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AgeMs {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Examples of errors that are kept for people.
const EXAMPLES_MAX: usize = 12;

impl Default for Tally {
    fn default() -> Self {
        // Three digits from 1 us to a minute; such bounds are never refused.
        let ages = || Histogram::new_with_bounds(1, AGE_MAX_US, 3).expect("1 and 60,000,000 are valid bounds");
        Self {
            logins: Count::default(),
            bots_moved: Count::default(),
            inputs_sent: Count::default(),
            inputs_acknowledged: Count::default(),
            snapshots: Count::default(),
            datagrams_lost: Count::default(),
            bytes_down: Count::default(),
            bytes_up: Count::default(),
            channel_ms: Count::default(),
            deaths: Count::default(),
            xp: Count::default(),
            coins: Count::default(),
            items_looted: Count::default(),
            level_ups: Count::default(),
            stores_compared: Count::default(),
            stores_differing: Count::default(),
            online: AtomicU64::new(0),
            online_peak: AtomicU64::new(0),
            errors: Mutex::default(),
            refusals: Mutex::default(),
            examples: Mutex::default(),
            looted: Mutex::default(),
            sightings: Mutex::default(),
            ages: Mutex::new(Ages { all: ages(), recent: ages() }),
        }
    }
}

impl Tally {
    /// A bot is in a region from now on.
    pub fn came_in(&self) {
        let online = self.online.fetch_add(1, Ordering::Relaxed) + 1;
        self.online_peak.fetch_max(online, Ordering::Relaxed);
    }

    /// And no more.
    pub fn went_out(&self) {
        self.online.fetch_sub(1, Ordering::Relaxed);
    }

    /// Bots in a region now.
    #[must_use]
    pub fn online(&self) -> u64 {
        self.online.load(Ordering::Relaxed)
    }

    /// Most bots in a region at the same time.
    #[must_use]
    pub fn online_peak(&self) -> u64 {
        self.online_peak.load(Ordering::Relaxed)
    }

    /// Something went wrong: counted by kind, and kept as an example for people.
    pub fn error(&self, kind: &str, detail: &str) {
        count(&mut lock(&self.errors), kind);
        let mut examples = lock(&self.examples);
        if examples.len() < EXAMPLES_MAX {
            examples.push(format!("{kind}: {detail}"));
        }
    }

    /// The server refused something that belongs to play.
    pub fn refusal(&self, reason: &str) {
        count(&mut lock(&self.refusals), reason);
    }

    /// Snapshots that one bot misses by now; `told` is what it missed when it last said so. One that comes late is missed no more.
    pub fn missing(&self, told: &mut u64, now: u64) {
        self.datagrams_lost.0.fetch_add(now.wrapping_sub(*told), Ordering::Relaxed);
        *told = now;
    }

    /// Units of an item came into a bag.
    pub fn looted(&self, template: &str, quantity: u32) {
        *lock(&self.looted).entry(template.to_owned()).or_default() += u64::from(quantity);
        self.items_looted.add(u64::from(quantity));
    }

    /// An age of the newest state at a client tick, microseconds.
    pub fn age_us(&self, us: u64) {
        let mut ages = lock(&self.ages);
        ages.all.saturating_record(us.clamp(1, AGE_MAX_US));
        ages.recent.saturating_record(us.clamp(1, AGE_MAX_US));
    }

    /// Ages of the whole run.
    #[must_use]
    pub fn ages(&self) -> AgeMs {
        percentiles(&lock(&self.ages).all)
    }

    /// Ages since the last call.
    pub fn recent_ages(&self) -> AgeMs {
        let mut ages = lock(&self.ages);
        let recent = percentiles(&ages.recent);
        ages.recent.reset();
        recent
    }

    /// What all bots saw; hold it for a moment only.
    pub fn sightings(&self) -> MutexGuard<'_, Sightings> {
        lock(&self.sightings)
    }

    /// Errors by kind.
    #[must_use]
    pub fn errors(&self) -> BTreeMap<String, u64> {
        lock(&self.errors).clone()
    }

    /// Refusals by reason.
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<String, u64> {
        lock(&self.refusals).clone()
    }

    /// The first errors in words.
    #[must_use]
    pub fn examples(&self) -> Vec<String> {
        lock(&self.examples).clone()
    }

    /// Units picked up by key in items.csv.
    #[must_use]
    pub fn looted_units(&self) -> BTreeMap<String, u64> {
        lock(&self.looted).clone()
    }
}

/// Counts stay right after a panic elsewhere: each lock guards one whole step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(kinds: &mut BTreeMap<String, u64>, kind: &str) {
    let known = kinds.contains_key(kind) || kinds.len() < ERROR_KINDS_MAX;
    *kinds.entry(if known { kind } else { "other" }.to_owned()).or_default() += 1;
}

fn percentiles(ages: &Histogram<u64>) -> AgeMs {
    let ms = |quantile: f64| ages.value_at_quantile(quantile) as f64 / 1_000.0;
    if ages.is_empty() { AgeMs::default() } else { AgeMs { p50: ms(0.5), p99: ms(0.99) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_stays_when_bots_leave() {
        let tally = Tally::default();
        tally.came_in();
        tally.came_in();
        tally.went_out();
        assert_eq!((tally.online(), tally.online_peak()), (1, 2));
    }

    #[test]
    fn ages_are_percentiles_in_milliseconds() {
        let tally = Tally::default();
        assert_eq!(tally.ages(), AgeMs::default());
        for ms in 1..=100_u64 {
            tally.age_us(ms * 1_000);
        }
        let ages = tally.ages();
        assert!((ages.p50 - 50.0).abs() < 0.5 && (ages.p99 - 99.0).abs() < 0.5, "{ages:?}");
        assert_eq!(tally.recent_ages(), ages);
        assert_eq!(tally.recent_ages(), AgeMs::default());
        assert_eq!(tally.ages(), ages);
    }

    #[test]
    fn kinds_of_errors_are_bounded() {
        let tally = Tally::default();
        for kind in 0..1_000 {
            tally.error(&format!("kind {kind}"), "");
        }
        let errors = tally.errors();
        assert_eq!(errors.len(), ERROR_KINDS_MAX + 1);
        assert_eq!(errors.values().sum::<u64>(), 1_000);
        assert_eq!(tally.examples().len(), EXAMPLES_MAX);
    }
}
