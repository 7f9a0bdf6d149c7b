//! What a client's path carries: how many bytes a snapshot may have, and whether the next one goes out at all. Lowered while much is
//! lost or a queue stands in the path, raised again step by step; a few percent of random loss change nothing. No IO, no clock: time passes
//! by [`PathBudget::observe`], once in [`PATH_SAMPLE`](crate::limits::PATH_SAMPLE).

use std::time::Duration;

use quinn::PathStats;
use shallot_proto::wire::TICK_MS;
use shallot_proto::wire::limits::MAX_DATAGRAM;

use crate::limits::{
    BUDGET_FLOOR, COLLAPSE_PERMILLE, HEAVY_LOSS_PERMILLE, HOLE_SAMPLES, RATE_FLOOR, STANDING_QUEUE, STUCK_SAMPLES,
};
use crate::listeners::quic_window::RoundTrips;

/// What is known of a path at one moment. Counters run from the connection's beginning.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PathSample {
    /// Packets sent.
    pub(crate) sent: u64,
    /// Packets given up as lost.
    pub(crate) lost: u64,
    /// Packets acknowledged; since it counts the path's, a new path begins at 0.
    pub(crate) acknowledged: u64,
    /// Shortest round trip of the last moments.
    pub(crate) round_trip: Option<Duration>,
}

impl PathSample {
    /// Of what QUIC tells; without our own controller no queue is seen.
    pub(crate) fn of(path: &PathStats, trips: Option<RoundTrips>) -> Self {
        Self {
            sent: path.sent_packets,
            lost: path.lost_packets,
            acknowledged: trips.map_or(0, |trips| trips.acknowledged),
            round_trip: trips.and_then(|trips| trips.shortest()),
        }
    }
}

/// Why a budget was lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lowered {
    /// Nearly nothing arrives: the path carries only smaller datagrams, or is flooded.
    Collapse,
    /// Much is lost for seconds.
    Loss,
    /// A queue stands in the path.
    Queue,
}

impl Lowered {
    /// As metrics name it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Collapse => "collapse",
            Self::Loss => "loss",
            Self::Queue => "queue",
        }
    }
}

/// What to do with a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Send it.
    Go,
    /// Leave it out: the next one is newer.
    Skip,
    /// A datagram of this size does not get through.
    TooLarge,
}

/// The budget of one path.
#[derive(Clone, Debug)]
pub(crate) struct PathBudget {
    /// For each snapshot, from [`RATE_FLOOR`]; below [`BUDGET_FLOOR`] a snapshot is as large as that, and fewer go.
    bytes: usize,
    /// Left over from snapshots that were smaller or left out.
    saved: usize,
    /// Snapshots that are left out so that a queue can drain.
    skip: u64,
    /// Largest snapshot sent since the last lowering or raising.
    largest: usize,
    /// Above it nothing gets through, for so many samples more.
    hole: Option<(usize, u32)>,
    last: PathSample,
    recent: Loss<4>,
    lasting: Loss<8>,
    /// The path's own round trip, without a queue.
    base: Option<Duration>,
    /// Samples until what was done last shows in them.
    settling: u32,
    /// Samples in a row without a fault.
    good: u32,
    /// Whether a snapshot went out since the last sample.
    is_sending: bool,
    /// Samples in a row in which snapshots went out and nothing was acknowledged: then QUIC does not count them as lost.
    silent: u32,
    /// Samples in a row in which nothing was acknowledged, whatever went out.
    unanswered: u32,
    /// Samples in a row with heavy loss.
    heavy: u32,
    /// Samples in a row with a standing queue at the least budget.
    stuck: u32,
}

/// Losses of about the last `N` samples.
#[derive(Clone, Copy, Debug, Default)]
struct Loss<const N: u64> {
    /// Thousandths of packets.
    sent: u64,
    lost: u64,
}

impl<const N: u64> Loss<N> {
    fn add(&mut self, sent: u64, lost: u64) {
        self.sent = self.sent * (N - 1) / N + sent * 1_000;
        self.lost = self.lost * (N - 1) / N + lost * 1_000;
    }

    /// Parts per thousand; `None` of fewer than so many packets.
    fn permille(&self, packets: u64) -> Option<u64> {
        (self.sent >= packets * 1_000).then(|| self.lost * 1_000 / self.sent)
    }
}

/// Packets out of which a collapse is told, and lasting loss.
const FEW_PACKETS: u64 = 12;
const MANY_PACKETS: u64 = 32;
/// Samples until losses show what a change did: a round trip and the time in which quinn gives packets up.
const SETTLE_SAMPLES: u32 = 4;
/// Samples without an acknowledgement in a row: beyond the round trip of any path that one can play over.
const SILENT_SAMPLES: u32 = 4;
/// After so many of them losses are counted late.
const LATE_SAMPLES: u32 = 2;
/// Samples of heavy loss in a row: by then a collapse has shown that it is one.
const HEAVY_SAMPLES: u32 = 4;
/// Samples without a fault from one step up to the next.
const GOOD_SAMPLES: u32 = 4;
/// One step up.
const STEP_BYTES: usize = 32;
/// A queue is given so long to drain at once.
const DRAIN_AT_MOST: Duration = Duration::from_secs(1);

impl PathBudget {
    /// Of a path that nothing is known of.
    pub(crate) fn new() -> Self {
        Self {
            bytes: MAX_DATAGRAM,
            saved: 0,
            skip: 0,
            largest: 0,
            hole: None,
            last: PathSample::default(),
            recent: Loss::default(),
            lasting: Loss::default(),
            base: None,
            settling: 0,
            good: 0,
            is_sending: false,
            silent: 0,
            unanswered: 0,
            heavy: 0,
            stuck: 0,
        }
    }

    /// A snapshot of so many bytes is to go out; asked once for each.
    pub(crate) fn pass(&mut self, size: usize) -> Pass {
        self.saved = self.saved.min(MAX_DATAGRAM) + self.bytes;
        if self.skip > 0 {
            self.skip -= 1;
            return Pass::Skip;
        }
        if self.hole.is_some_and(|(limit, _)| size > limit) {
            return Pass::TooLarge;
        }
        if size > self.saved {
            return Pass::Skip;
        }
        self.saved -= size;
        self.is_sending = true;
        self.largest = self.largest.max(size);
        Pass::Go
    }

    /// A sample period is over. Says why the budget was lowered, if it was.
    pub(crate) fn observe(&mut self, sample: PathSample) -> Option<Lowered> {
        let acknowledged = sample.acknowledged != self.last.acknowledged;
        if sample.acknowledged < self.last.acknowledged {
            // The client has moved: a path that nothing is known of.
            self.base = None;
        }
        let since = |now: u64, then: u64| now.saturating_sub(then);
        let (sent, lost) = (since(sample.sent, self.last.sent), since(sample.lost, self.last.lost));
        self.last = sample;
        self.silent = match (acknowledged, std::mem::take(&mut self.is_sending)) {
            (true, _) => 0,
            (false, true) => self.silent + 1,
            (false, false) => self.silent,
        };
        let was_unanswered = self.unanswered;
        self.unanswered = if acknowledged { 0 } else { was_unanswered + 1 };
        self.hole = self.hole.and_then(|(limit, left)| Some((limit, left.checked_sub(1)?)));
        let queue = sample.round_trip.filter(|_| acknowledged).map_or(Duration::ZERO, |trip| self.queue(trip));
        if self.settling > 0 {
            self.settling -= 1;
            return None;
        }
        // What is counted after a silence was lost before it.
        let lost = if was_unanswered >= LATE_SAMPLES { 0 } else { lost };
        self.recent.add(sent, lost);
        self.lasting.add(sent, lost);
        let lowered = self.fault(queue);
        match lowered {
            Some(why) => self.lower(why, queue),
            None => self.raise(queue),
        }
        lowered
    }

    /// How long a packet waits in the path, as this round trip says.
    fn queue(&mut self, trip: Duration) -> Duration {
        let base = self.base.map_or(trip, |base| base.min(trip));
        let queue = trip.saturating_sub(base);
        let is_stuck = self.bytes == RATE_FLOOR && queue > STANDING_QUEUE;
        self.stuck = if is_stuck { self.stuck + 1 } else { 0 };
        if self.stuck >= STUCK_SAMPLES {
            // So little of ours cannot stand in a queue: the path is a longer one now, or others fill it.
            self.base = Some(trip);
            self.stuck = 0;
            return Duration::ZERO;
        }
        self.base = Some(base);
        queue
    }

    fn fault(&mut self, queue: Duration) -> Option<Lowered> {
        let is_heavy = self.lasting.permille(MANY_PACKETS).is_some_and(|loss| loss >= HEAVY_LOSS_PERMILLE);
        self.heavy = if is_heavy { self.heavy + 1 } else { 0 };
        let is_collapsing = self.recent.permille(FEW_PACKETS).is_some_and(|loss| loss >= COLLAPSE_PERMILLE);
        if is_collapsing || self.silent >= SILENT_SAMPLES {
            Some(Lowered::Collapse)
        } else if queue > STANDING_QUEUE {
            Some(Lowered::Queue)
        } else if self.heavy >= HEAVY_SAMPLES {
            Some(Lowered::Loss)
        } else {
            None
        }
    }

    fn lower(&mut self, why: Lowered, queue: Duration) {
        // What a budget allows and nobody used says nothing about the path.
        let used = if self.largest == 0 { self.bytes } else { self.bytes.min(self.largest) };
        let part = if why == Lowered::Collapse { used / 2 } else { used * 3 / 4 };
        self.bytes = part.max(RATE_FLOOR).min(self.bytes);
        self.settling = SETTLE_SAMPLES;
        if why == Lowered::Collapse {
            // Half way back at most, so that it is not tried again and again at the cost of a second each. When not even the least passes,
            // nothing does.
            let limit = if used <= BUDGET_FLOOR { 0 } else { ((used + self.bytes) / 2).max(BUDGET_FLOOR) };
            self.hole = Some((limit, HOLE_SAMPLES));
        }
        if why == Lowered::Queue {
            let drains = queue.min(DRAIN_AT_MOST);
            self.skip = u64::try_from(drains.as_millis()).unwrap_or(u64::MAX) / u64::from(TICK_MS);
        }
        (self.saved, self.largest) = (0, 0);
        (self.good, self.heavy, self.silent) = (0, 0, 0);
        (self.recent, self.lasting) = (Loss::default(), Loss::default());
    }

    fn raise(&mut self, queue: Duration) {
        // Between calm and a fault it stays where it is.
        self.good = if queue > STANDING_QUEUE / 2 { 0 } else { self.good + 1 };
        if self.good >= GOOD_SAMPLES {
            let most = self.hole.map_or(MAX_DATAGRAM, |(limit, _)| limit);
            self.bytes = (self.bytes + STEP_BYTES).min(most).max(self.bytes);
            (self.good, self.largest) = (0, 0);
        }
    }
}

#[cfg(test)]
mod simulated_path;
#[cfg(test)]
mod tests;
