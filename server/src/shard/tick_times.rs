//! How long a tick takes, whole and by part.

use std::time::Duration;

use shallot_world::Phase;

use crate::clock::SystemClock;
use crate::telemetry;

/// Where a region's tick times go.
pub(crate) struct TickTimes {
    whole: metrics::Histogram,
    mailbox: metrics::Histogram,
    intake: metrics::Histogram,
    simulation: metrics::Histogram,
    replication: metrics::Histogram,
    hand_on: metrics::Histogram,
}

/// A part of a shard's tick.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// Commands out of the mailbox, and into the journal.
    Mailbox,
    /// Within the world.
    World(Phase),
    /// Outputs to gateways and the desk, and a checkpoint now and then.
    HandOn,
}

impl TickTimes {
    pub(crate) fn new(region: &str) -> Self {
        let part = |phase: &'static str| metrics::histogram!(telemetry::TICK_PHASE_SECONDS, "region" => region.to_owned(), "phase" => phase);
        Self {
            whole: metrics::histogram!(telemetry::TICK_SECONDS, "region" => region.to_owned()),
            mailbox: part("mailbox"),
            intake: part("intake"),
            simulation: part("simulation"),
            replication: part("replication"),
            hand_on: part("hand_on"),
        }
    }

    /// A tick begins.
    pub(crate) fn begin(&self, clock: SystemClock) -> Stopwatch<'_> {
        let now = clock.since_start();
        Stopwatch { times: self, clock, began: now, lap: now }
    }

    fn of(&self, part: Part) -> &metrics::Histogram {
        match part {
            Part::Mailbox => &self.mailbox,
            Part::World(Phase::Intake) => &self.intake,
            Part::World(Phase::Simulation) => &self.simulation,
            Part::World(Phase::Replication) => &self.replication,
            Part::HandOn => &self.hand_on,
        }
    }
}

/// Of one tick.
pub(crate) struct Stopwatch<'a> {
    times: &'a TickTimes,
    clock: SystemClock,
    began: Duration,
    lap: Duration,
}

impl Stopwatch<'_> {
    /// A part is over; the next begins.
    pub(crate) fn ended(&mut self, part: Part) {
        let now = self.clock.since_start();
        self.times.of(part).record(now.saturating_sub(self.lap));
        self.lap = now;
    }

    /// The tick is over.
    pub(crate) fn stop(self) {
        self.times.whole.record(self.lap.saturating_sub(self.began));
    }
}
