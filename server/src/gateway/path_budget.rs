//! What a client's path carries: how many bytes a snapshot may have, and whether the next one goes out at all. Lowered while much is
//! lost or a queue stands in the path, raised again step by step; a few percent of random loss change nothing. No IO, no clock: time passes
//! by [`PathBudget::observe`], once in [`PATH_SAMPLE`].

mod hole;

use std::time::Duration;

use quinn::ConnectionStats;
use shallot_proto::wire::TICK_MS;
use shallot_proto::wire::limits::MAX_DATAGRAM;

use crate::limits::{
    BUDGET_FLOOR, COLLAPSE_PERMILLE, HEAVY_LOSS_PERMILLE, HOLE_SAMPLES_FIRST, PATH_SAMPLE, RATE_FLOOR, SNAPSHOT_MOST,
    STANDING_QUEUE, STUCK_SAMPLES,
};
use crate::listeners::quic_window::RoundTrips;
use hole::Hole;

/// What is known of a path at one moment. Counters run from the connection's beginning.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PathSample {
    /// Packets that came from the client.
    pub(crate) received: u64,
    /// Packets given up as lost.
    pub(crate) lost: Packets,
    /// Packets acknowledged; since it counts the path's, a new path begins at 0.
    pub(crate) acknowledged: Packets,
    /// Shortest round trip of the last moments.
    pub(crate) round_trip: Option<Duration>,
}

/// Packets that ask for an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packets {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl Packets {
    /// One more.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }

    fn since(self, then: Self) -> Self {
        Self { count: self.count.saturating_sub(then.count), bytes: self.bytes.saturating_sub(then.bytes) }
    }
}

impl PathSample {
    /// Of what QUIC tells; without our own controller no queue is seen.
    pub(crate) fn of(stats: &ConnectionStats, trips: Option<RoundTrips>) -> Self {
        Self {
            received: stats.udp_rx.datagrams,
            lost: Packets { count: stats.path.lost_packets, bytes: stats.path.lost_bytes },
            acknowledged: trips.map_or(Packets::default(), |trips| trips.acknowledged),
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
    /// Snapshots that are left out so that a queue can drain, and samples after which it has; not each tick need have a snapshot.
    skip: u64,
    draining: u32,
    /// Largest snapshot sent since the last lowering or raising.
    largest: usize,
    hole: Option<Hole>,
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
    /// Samples in which snapshots went out and the client was heard, since anything was acknowledged: then QUIC counts nothing as lost.
    silent: u32,
    /// Samples in a row in which nothing was acknowledged, whatever went out.
    unanswered: u32,
    /// Samples, this one among them, in which losses say nothing.
    excused: u32,
    /// Samples in a row in which nothing came from the client.
    unheard: u32,
    /// Samples in a row with heavy loss.
    heavy: u32,
    /// Samples in a row with a standing queue at the least budget.
    stuck: u32,
}

/// Losses of about the last `N` samples' worth of packets, a snapshot a tick: where fewer go, more samples count. Bytes are what counts: small
/// packets that pass say nothing of large ones that do not.
#[derive(Clone, Copy, Debug, Default)]
struct Loss<const N: u64> {
    /// Thousandths of packets whose fate is known.
    known: u64,
    /// Thousandths of their bytes.
    bytes: u64,
    /// Those of them that were lost.
    lost: u64,
}

impl<const N: u64> Loss<N> {
    fn add(&mut self, acknowledged: Packets, lost: Packets) {
        let all = N * SAMPLE_PACKETS;
        let weight = (acknowledged.count + lost.count).clamp(1, SAMPLE_PACKETS);
        let decayed = |sum: u64, more: u64| sum * (all - weight) / all + more * 1_000;
        self.known = decayed(self.known, acknowledged.count + lost.count);
        self.bytes = decayed(self.bytes, acknowledged.bytes + lost.bytes);
        self.lost = decayed(self.lost, lost.bytes);
    }

    /// Parts per thousand; `None` of fewer than so many packets.
    fn permille(&self, packets: u64) -> Option<u64> {
        (self.known >= packets * 1_000 && self.bytes > 0).then(|| self.lost * 1_000 / self.bytes)
    }
}

/// Packets of a sample, with a snapshot in each tick.
const SAMPLE_PACKETS: u64 = PATH_SAMPLE.as_millis() as u64 / TICK_MS as u64;
/// Packets out of which a collapse is told, and lasting loss.
const FEW_PACKETS: u64 = 8;
const MANY_PACKETS: u64 = 24;
/// Samples until losses show what a change did: a round trip and the time in which quinn gives packets up.
const SETTLE_SAMPLES: u32 = 4;
/// Samples without an acknowledgement in a row: beyond the round trip of any path that one can play over.
const SILENT_SAMPLES: u32 = 4;
/// After so many of them losses are counted late.
const LATE_SAMPLES: u32 = 2;
/// Samples until they are all counted: QUIC tells by a second answer what the first did not.
const EXCUSED_SAMPLES: u32 = 2;
/// Samples in a row in which a client was not heard: it is away, and may come back.
const AWAY_SAMPLES: u32 = 4;
/// What an acknowledgement may wait at the client for its next datagram, which is no queue: the best that a path was seen to do may have been without it.
const ACK_WAIT: Duration = Duration::from_millis(TICK_MS as u64);
/// Samples from one snapshot to the next for a client that is away: its answer is what tells QUIC what was lost. Until the idle time-out they
/// must not fill the window, for then nothing goes but QUIC's own probes, which come seconds apart by then.
const AWAY_SPACING: u32 = 2;
const _: () = {
    use crate::limits::{QUIC_AROUND, QUIC_IDLE, WINDOW_CEILING};
    let at_first = (AWAY_SAMPLES + 1) as u128 * PATH_SAMPLE.as_millis() / TICK_MS as u128;
    let later = QUIC_IDLE.as_millis() / (AWAY_SPACING as u128 * PATH_SAMPLE.as_millis());
    assert!((at_first + later) * ((MAX_DATAGRAM + QUIC_AROUND) as u128) < WINDOW_CEILING as u128);
};
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
            bytes: SNAPSHOT_MOST,
            // The shard may not have been told yet what its first one may have.
            saved: MAX_DATAGRAM,
            skip: 0,
            draining: 0,
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
            excused: 0,
            unheard: 0,
            heavy: 0,
            stuck: 0,
        }
    }

    /// What a snapshot should have at most, so that it passes whatever is known of the path.
    pub(crate) fn snapshot_bytes(&self) -> usize {
        self.bytes.min(self.hole_limit().unwrap_or(SNAPSHOT_MOST)).max(BUDGET_FLOOR)
    }

    /// A snapshot of so many bytes is to go out; asked once for each.
    pub(crate) fn pass(&mut self, size: usize) -> Pass {
        self.saved = self.saved.min(MAX_DATAGRAM) + self.bytes;
        if self.skip > 0 {
            self.skip -= 1;
            return Pass::Skip;
        }
        let waits = size > self.saved || self.is_away() && !self.may_go_to_who_is_away();
        let hole = self.hole.as_ref().filter(|hole| hole.stops(size));
        if hole.is_some_and(|hole| !hole.may_be_tried() || waits) {
            return Pass::TooLarge;
        }
        if waits {
            return Pass::Skip;
        }
        if let Some(hole) = &mut self.hole {
            hole.sends(size);
        }
        self.saved -= size;
        self.is_sending = true;
        self.largest = self.largest.max(size);
        Pass::Go
    }

    fn is_away(&self) -> bool {
        self.unheard >= AWAY_SAMPLES
    }

    fn may_go_to_who_is_away(&self) -> bool {
        !self.is_sending && self.unheard.is_multiple_of(AWAY_SPACING)
    }

    /// What is larger does not get through, as far as is known.
    fn hole_limit(&self) -> Option<usize> {
        self.hole.filter(Hole::is_shut).map(|hole| hole.limit)
    }

    /// A sample period is over. Says why the budget was lowered, if it was.
    pub(crate) fn observe(&mut self, sample: PathSample) -> Option<Lowered> {
        if sample.acknowledged.count < self.last.acknowledged.count {
            // The client has moved: a path that nothing is known of.
            let known = PathSample { acknowledged: Packets::default(), ..self.last };
            *self = Self { last: known, ..Self::new() };
        }
        self.draining = self.draining.saturating_sub(1);
        if self.draining == 0 {
            self.skip = 0;
        }
        let acknowledged = sample.acknowledged.since(self.last.acknowledged);
        let lost = sample.lost.since(self.last.lost);
        let was_heard = sample.received > self.last.received;
        self.last = sample;
        self.unheard = if was_heard { 0 } else { self.unheard.saturating_add(1) };
        let is_answered = acknowledged.count > 0;
        let was_sending = std::mem::take(&mut self.is_sending);
        // Of a client that is not heard either nothing can be said: it is away, or its whole line is.
        self.silent = if is_answered { 0 } else { self.silent + u32::from(was_sending && was_heard) };
        let was_unanswered = self.unanswered;
        self.unanswered = if is_answered { 0 } else { was_unanswered + 1 };
        // What is counted after a silence was lost before it.
        self.excused = if was_unanswered >= LATE_SAMPLES { EXCUSED_SAMPLES } else { self.excused.saturating_sub(1) };
        let lost = if self.excused > 0 { Packets::default() } else { lost };
        self.hole = self.hole.and_then(Hole::older);
        let on_trial = self.hole.filter(|hole| hole.is_on_trial() && was_heard);
        self.hole = on_trial.map(|hole| hole.judged(acknowledged, lost)).or(self.hole);
        let queue = sample.round_trip.filter(|_| is_answered).map_or(Duration::ZERO, |trip| self.queue(trip));
        if self.settling > 0 {
            self.settling -= 1;
            return None;
        }
        if on_trial.is_some() {
            // What it costs was known before. Of its end losses are still to come.
            self.silent = 0;
            if let Some(limit) = self.hole_limit() {
                self.bytes = self.bytes.min(limit.max(RATE_FLOOR));
                self.settling = SETTLE_SAMPLES;
            }
            return None;
        }
        self.recent.add(acknowledged, lost);
        self.lasting.add(acknowledged, lost);
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
        let queue = trip.saturating_sub(base + ACK_WAIT);
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
            let length = self.hole.map_or(HOLE_SAMPLES_FIRST, |hole| hole.length * 2);
            self.hole = Some(Hole::new(limit, length));
        }
        if why == Lowered::Queue {
            let drains = queue.min(DRAIN_AT_MOST).as_millis() as u64;
            self.skip = drains / u64::from(TICK_MS);
            self.draining = drains.div_ceil(PATH_SAMPLE.as_millis() as u64) as u32;
        }
        (self.saved, self.largest) = (0, 0);
        (self.good, self.heavy, self.silent) = (0, 0, 0);
        (self.recent, self.lasting) = (Loss::default(), Loss::default());
    }

    fn raise(&mut self, queue: Duration) {
        // Between calm and a fault it stays where it is.
        self.good = if queue > STANDING_QUEUE / 2 { 0 } else { self.good + 1 };
        if self.good >= GOOD_SAMPLES {
            let most = self.hole_limit().unwrap_or(SNAPSHOT_MOST);
            self.bytes = (self.bytes + STEP_BYTES).min(most).max(self.bytes);
            (self.good, self.largest) = (0, 0);
        }
    }
}

#[cfg(test)]
mod simulated_path;
#[cfg(test)]
mod tests;
