//! What a crowd came to.

use std::time::Duration;

use serde::Serialize;
use shallot_client::wire::Position;
use shallot_client::wire::limits::MAX_DATAGRAM;

use super::super::arrivals::Sum;
use super::onlooker::Seen;
use crate::cli::CrowdOptions;
use crate::limits::{CROWD_AGE_P99_MS, CROWD_IN_OVER, CROWD_TICK_P99_US};
use crate::metrics_scrape::{Sample, figures};

/// Those who stand this near to the median are in one place, units: half a cell.
const ONE_PLACE: i32 = 16 * 4_096;
/// So many of a hundred must.
const IN_PLACE_PERCENT: u32 = 95;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    clients: u32,
    seconds: u32,
    seed: u64,
    #[serde(flatten)]
    pub(super) arrivals: Sum,
    /// Who stands in one place at the end.
    in_place: u32,
    /// Others in view at the end, median.
    in_view_p50: usize,
    /// Age of the newest state over all clients and their ticks.
    age_ms_p50: u32,
    age_ms_p99: u32,
    /// Snapshots over all clients; those over the link beside them.
    datagrams: u64,
    pushed: u64,
    malformed: u64,
    /// Bytes of the largest snapshot.
    largest: usize,
    /// Snapshots' bytes a second, of the client that got most.
    most_bytes_per_s: u64,
    /// Sessions and channels that did not last, the first few by name.
    lost: u32,
    lost_why: Vec<String>,
    tick_us_p50: Option<f64>,
    tick_us_p99: Option<f64>,
    tick_overruns: Option<u64>,
    /// Ticks that a stalled gateway worker did not take.
    ticks_lost: u64,
    /// Server's.
    pub(super) server_cpu_s: f64,
    #[serde(skip)]
    ages_ms: Vec<u32>,
    #[serde(skip)]
    places: Vec<Position>,
    #[serde(skip)]
    in_view: Vec<usize>,
}

/// Told by name.
const LOST_TOLD_MAX: usize = 5;

impl Outcome {
    pub(super) fn new(options: &CrowdOptions) -> Self {
        Self {
            clients: options.clients,
            seconds: options.seconds,
            seed: options.seed,
            arrivals: Sum::default(),
            in_place: 0,
            in_view_p50: 0,
            age_ms_p50: 0,
            age_ms_p99: 0,
            datagrams: 0,
            pushed: 0,
            malformed: 0,
            largest: 0,
            most_bytes_per_s: 0,
            lost: 0,
            lost_why: Vec::new(),
            tick_us_p50: None,
            tick_us_p99: None,
            tick_overruns: None,
            ticks_lost: 0,
            server_cpu_s: 0.0,
            ages_ms: Vec::new(),
            places: Vec::new(),
            in_view: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, seen: Seen) {
        self.datagrams += seen.datagrams;
        self.pushed += seen.pushed;
        self.malformed += seen.malformed;
        self.largest = self.largest.max(seen.largest);
        let per_second = seen.bytes as f64 / seen.stayed.as_secs_f64().max(1.0);
        self.most_bytes_per_s = self.most_bytes_per_s.max(per_second as u64);
        self.ages_ms.extend(seen.ages_ms);
        self.places.push(seen.at);
        self.in_view.push(seen.in_view);
        if let Some(why) = seen.lost {
            self.lost += 1;
            if self.lost_why.len() < LOST_TOLD_MAX {
                self.lost_why.push(why);
            }
        }
    }

    /// All have been added.
    pub(super) fn close(&mut self, samples: &[Sample]) {
        self.arrivals.close(samples);
        self.ages_ms.sort_unstable();
        (self.age_ms_p50, self.age_ms_p99) = (percentile(&self.ages_ms, 50), percentile(&self.ages_ms, 99));
        self.in_view.sort_unstable();
        self.in_view_p50 = percentile(&self.in_view, 50);
        let middle = |of: fn(&Position) -> i32| {
            let mut all: Vec<i32> = self.places.iter().map(of).collect();
            all.sort_unstable();
            percentile(&all, 50)
        };
        let middle = Position { x: middle(|at| at.x), y: middle(|at| at.y) };
        self.in_place = self.places.iter().filter(|at| at.is_within(ONE_PLACE, middle)).map(|_| 1).sum();
        let ticks = figures(samples);
        (self.tick_us_p50, self.tick_us_p99) = (ticks.tick_us_p50, ticks.tick_us_p99);
        self.tick_overruns = ticks.tick_overruns;
        let lost = samples.iter().filter(|sample| sample.name == "shallot_gateway_ticks_lost_total");
        self.ticks_lost = lost.map(|sample| sample.value.max(0.0) as u64).sum();
    }

    /// One line each; empty when it passed.
    pub(super) fn failures(&self) -> Vec<String> {
        let limit = Duration::from_secs(self.seconds.into()) + CROWD_IN_OVER;
        let mut lines = self.arrivals.failures(limit, 0);
        let mut expect = |is_so: bool, otherwise: String| lines.extend((!is_so).then_some(otherwise));
        expect(
            self.in_place * 100 >= self.clients * IN_PLACE_PERCENT,
            format!("{} of {} stood in one place: that was no crowd", self.in_place, self.clients),
        );
        expect(self.lost == 0, format!("{} did not last: {}", self.lost, self.lost_why.join("; ")));
        expect(self.malformed == 0, format!("{} snapshots could not be read", self.malformed));
        expect(self.largest <= MAX_DATAGRAM, format!("a snapshot of {} bytes", self.largest));
        expect(self.ticks_lost == 0, format!("a gateway worker did not take {} ticks", self.ticks_lost));
        let tick = self.tick_us_p99.unwrap_or(f64::INFINITY);
        expect(tick <= CROWD_TICK_P99_US, format!("ticks of {tick:.0} us p99, {CROWD_TICK_P99_US:.0} are allowed"));
        expect(
            self.age_ms_p99 <= CROWD_AGE_P99_MS,
            format!("state {} ms old at p99, {CROWD_AGE_P99_MS} are allowed", self.age_ms_p99),
        );
        lines
    }

    pub(super) fn to_text(&self) -> String {
        let us = |time: Option<f64>| time.map_or("-".to_owned(), |us| format!("{:.1}", us / 1e3));
        format!(
            "{} clients come into one place within {} s\n{}\n  there        {} in one place at the end, {} others in view (median), {} lost\n  \
             state        {} ms old median, {} ms p99\n  snapshots    {} as datagrams, {} over the link; the largest {} bytes; {} bytes/s at \
             most\n  ticks        {} ms median, {} ms p99, {} late, {} not taken by a gateway\n  server       {:.1} s CPU",
            self.clients,
            self.seconds,
            self.arrivals.to_text(),
            self.in_place,
            self.in_view_p50,
            self.lost,
            self.age_ms_p50,
            self.age_ms_p99,
            self.datagrams,
            self.pushed,
            self.largest,
            self.most_bytes_per_s,
            us(self.tick_us_p50),
            us(self.tick_us_p99),
            self.tick_overruns.unwrap_or_default(),
            self.ticks_lost,
            self.server_cpu_s
        )
    }
}

/// Of sorted values; of none the default.
fn percentile<T: Copy + Default>(sorted: &[T], percent: usize) -> T {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(players: u32, seen: impl Fn(u32) -> Seen) -> Outcome {
        let mut outcome = Outcome::new(&CrowdOptions { clients: players, seconds: 10, seed: 1, report: None });
        (0..players).for_each(|n| outcome.add(seen(n)));
        outcome.close(&[]);
        outcome.tick_us_p99 = Some(1_000.0);
        outcome
    }

    #[test]
    fn a_crowd_that_is_served_passes() {
        let crowd = outcome(100, |n| Seen { largest: MAX_DATAGRAM, ages_ms: vec![n], ..Seen::default() });
        assert_eq!(crowd.failures(), Vec::<String>::new());
        assert_eq!((crowd.in_place, crowd.age_ms_p50, crowd.age_ms_p99), (100, 50, 99));
    }

    #[test]
    fn each_thing_that_goes_wrong_is_a_line() {
        let far = |n: u32| Position { x: if n < 10 { 2 * ONE_PLACE } else { 0 }, y: 0 };
        let crowd = outcome(100, |n| Seen { at: far(n), ..Seen::default() });
        assert!(crowd.failures()[0].contains("no crowd"), "{:?}", crowd.failures());
        let worse = outcome(100, |_| Seen {
            largest: MAX_DATAGRAM + 1,
            ages_ms: vec![CROWD_AGE_P99_MS + 1],
            lost: Some("reset".to_owned()),
            malformed: 1,
            ..Seen::default()
        });
        assert_eq!(worse.failures().len(), 4, "{:?}", worse.failures());
        let mut late = outcome(100, |_| Seen::default());
        late.tick_us_p99 = None;
        assert_eq!(late.failures().len(), 1, "a tick that was not measured: {:?}", late.failures());
    }
}
