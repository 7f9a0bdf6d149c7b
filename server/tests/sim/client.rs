//! A client as a game would have it, on a line of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use shallot_client::inputs::PendingInputs;
use shallot_client::interpolation::Sighting;
use shallot_client::pace::Pace;
use shallot_client::prediction::{Correction, terrain_of};
use shallot_client::snapshots::Applied;
use shallot_client::wire::{NetId, Position};
use shallot_client::{Interpolation, Prediction, Snapshots};

use crate::line::{Line, Quality};
use crate::region::Region;
use crate::walker::Walker;

pub(crate) struct Client {
    /// Which of the region's players.
    pub(crate) n: usize,
    pub(crate) body: Prediction,
    pub(crate) others: Interpolation,
    /// By client tick: where the own body was drawn when the tick was over.
    pub(crate) drawn: BTreeMap<u16, Position>,
    /// All that were needed, with their times.
    pub(crate) corrections: Vec<(Duration, Correction)>,
    up: Line,
    down: Line,
    id: NetId,
    view: Snapshots,
    pace: Pace,
    inputs: PendingInputs,
    walker: Walker,
}

impl Client {
    /// Begins now.
    pub(crate) fn new(region: &Region, n: usize, now_ms: u64, quality: Quality, seed: u64) -> Self {
        let (data, start) = (&region.data, region.truths(n).last().unwrap().position);
        let terrain = terrain_of(data.region(data.start_region()));
        Self {
            n,
            body: Prediction::new(terrain, data.balance.player_speed_cm_per_s, start),
            others: Interpolation::default(),
            drawn: BTreeMap::new(),
            corrections: Vec::new(),
            up: Line::new(quality, seed),
            down: Line::new(quality, !seed),
            id: region.ids[n],
            view: Snapshots::new(region.tick()),
            pace: Pace::new(region.tick(), Duration::from_millis(now_ms)),
            inputs: PendingInputs::default(),
            walker: Walker::new(seed.wrapping_mul(31)),
        }
    }

    /// The server's half of a tick: what it sent.
    pub(crate) fn sent(&mut self, now_ms: u64, snapshot: Option<&[u8]>) {
        snapshot.into_iter().for_each(|snapshot| self.down.send(now_ms, snapshot));
    }

    /// A millisecond: what came is taken in, what is due is done, and what arrives at the server goes there.
    pub(crate) fn advance(&mut self, now_ms: u64, region: &mut Region) {
        let now = Duration::from_millis(now_ms);
        for datagram in self.down.arrived(now_ms) {
            let Applied::Newest(report) = self.view.apply(&datagram).unwrap() else { continue };
            self.pace.on_report(report.tick, report.buffer_depth);
            report.last_input.map(|tick| self.inputs.acknowledge(tick));
            let correction = self.body.reconcile(now, report.tick, report.last_input, &report.own.unwrap());
            if correction.units > 0 {
                self.corrections.push((now, correction));
            }
            self.others.observe(now, report.tick, self.view.entities().map(Sighting::from));
        }
        let mut last = None;
        let mut due = self.pace.due_at();
        while let Some(tick) = self.pace.poll(now) {
            self.drawn.insert(tick.minus(1).low16(), self.body.drawn(due));
            let input = self.walker.next();
            self.inputs.push(tick, input);
            self.body.step(due, tick, input);
            (last, due) = (Some(tick), self.pace.due_at());
        }
        if last.is_some() {
            let looked_at = self.others.moment(now).map_or(self.view.tick(), |at| at.tick);
            let datagram = self.inputs.datagram(self.id, self.view.ack(), looked_at, now_ms as u16).unwrap();
            self.up.send(now_ms, &datagram);
        }
        for datagram in self.up.arrived(now_ms) {
            region.take(now_ms, &datagram);
        }
    }

    /// What is on its way, either way, never arrives.
    pub(crate) fn drop_all(&mut self) {
        self.up.drop_all();
        self.down.drop_all();
    }

    /// Datagrams lost, both ways.
    pub(crate) fn lost(&self) -> u64 {
        self.up.lost + self.down.lost
    }

    /// How far the own body was drawn from where the server had it after the same input, units; for all inputs after the first `skip` that
    /// were applied.
    pub(crate) fn own_errors(&self, region: &Region, skip: usize) -> Vec<u64> {
        let truths = region.by_input(self.n);
        let drawn = self.drawn.iter().skip(skip);
        drawn.filter_map(|(tick, drawn)| Some(distance(*drawn, *truths.get(tick)?))).collect()
    }
}

pub(crate) fn distance(a: Position, b: Position) -> u64 {
    a.distance_squared(b).unsigned_abs().isqrt()
}

/// The value that 99 in 100 do not exceed; `None` of nothing.
pub(crate) fn p99(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    values.get((values.len() * 99).div_ceil(100).checked_sub(1)?).copied()
}
