//! What a run of a scene came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ages::{Ages, Quantiles};
use super::page::{Span, Times};
use super::player::Seen;
use super::scenes::Scene;
use super::watch::Sights;
use crate::process::HostTime;

/// Parts of a tick, in order, as the metrics page names them.
pub(super) const PHASES: [&str; 5] = ["mailbox", "intake", "simulation", "replication", "hand_on"];
/// Losses of sessions that are told one by one.
const LOST_TOLD_MAX: usize = 5;

/// All of it. `None` is what the scene has not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Of the scene.
    pub(super) name: String,
    pub(super) players: u32,
    pub(super) monsters: u32,
    /// Time that was measured.
    pub(super) seconds: f64,
    /// Snapshots sent.
    pub(super) client_ticks: u64,
    /// Players that could not stay, and why, the first few.
    pub(super) lost: u32,
    pub(super) lost_why: Vec<String>,
    /// Snapshots that could not be read.
    pub(super) malformed: u64,
    /// Whole ticks, their parts, and how many began a period late.
    pub(super) tick: Times,
    pub(super) phases: BTreeMap<String, Times>,
    pub(super) overruns: u64,
    /// Server CPU for a snapshot with all that goes with it, which is a client-tick where no crowd takes turns, microseconds: who sees what
    /// and the datagrams of it; the region's thread in all; the gateway's threads; all else.
    pub(super) replication_us: f64,
    pub(super) shard_us: f64,
    pub(super) gateway_us: f64,
    pub(super) rest_us: f64,
    /// CPU of server and of this process, cores.
    pub(super) server_cores: f64,
    pub(super) bots_cores: f64,
    /// Percent of the machine's time that its host gave to others; where it tells.
    pub(super) stolen_percent: Option<f64>,
    /// UDP payload a client and second, down and up, of those with a channel.
    pub(super) bytes_down: f64,
    pub(super) bytes_up: f64,
    /// UDP payload down a tick, bytes: on the average over the time, of the client that had most.
    pub(super) tick_bytes_most: Option<f64>,
    /// Bytes of snapshots, on the average and the largest.
    pub(super) snapshot_bytes: f64,
    pub(super) snapshot_largest: usize,
    /// Bytes of a player's datagram, on the average.
    pub(super) input_bytes: f64,
    /// What plain QUIC cost a server a client-tick right before and right after, microseconds.
    pub(super) plain_quic_us: Option<[f64; 2]>,
    /// Bytes of a change with its share of the mask, and of a record without its group.
    pub(super) change_bytes: Option<f64>,
    pub(super) record_bytes: Option<f64>,
    /// Others in view, on the average.
    pub(super) in_view: f64,
    /// From where others were drawn to where they were, near, mid and far, 99th percentile, centimetres.
    pub(super) drawn_cm_p99: [Option<f64>; 3],
    /// The longest that somebody within 32 m was not drawn.
    pub(super) missing_ms: Option<u64>,
    /// Age of the newest state, the line's delay with it: with datagrams, and down the gRPC stream.
    pub(super) age_datagrams: Option<Quantiles>,
    pub(super) age_stream: Option<Quantiles>,
    /// The youngest it can be.
    pub(super) age_floor: Option<Quantiles>,
}

/// CPU time of the server's threads by name, and of this process, microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Cpu {
    /// By the first word of the name.
    pub(super) threads: BTreeMap<String, u64>,
    /// Of this process.
    pub(super) own: u64,
    /// Of the machine, where the system tells it.
    pub(super) host: Option<HostTime>,
}

impl Cpu {
    fn since(&self, before: &Self, name: &str) -> f64 {
        let of = |cpu: &Self| cpu.threads.get(name).copied().unwrap_or(0);
        of(self).saturating_sub(of(before)) as f64
    }

    fn all(&self) -> u64 {
        self.threads.values().sum()
    }
}

impl Measured {
    /// With what the server says and the system says of it.
    #[must_use]
    pub(super) fn new(scene: &Scene, seconds: f64, span: &Span<'_>, (before, after): (&Cpu, &Cpu)) -> Self {
        let client_ticks = span.counted("shallot_snapshots_sent_total");
        let phase = |name: &str| span.times("shallot_tick_phase_seconds", Some(("phase", name)));
        let phases: BTreeMap<String, Times> = PHASES.iter().map(|name| ((*name).to_owned(), phase(name))).collect();
        let spent = |times: &Times| times.mean_us * times.count as f64;
        let in_all: f64 = phases.values().map(spent).sum();
        let share = phases.get("replication").map_or(0.0, spent) / in_all.max(1.0);
        let (shard, gateway) = (after.since(before, "shard"), after.since(before, "gateway"));
        let all = after.all().saturating_sub(before.all()) as f64;
        let each = |us: f64| us / (client_ticks as f64).max(1.0);
        Self {
            name: scene.name.to_owned(),
            players: scene.players,
            monsters: scene.land.monsters,
            seconds,
            client_ticks,
            tick: span.times("shallot_tick_seconds", None),
            phases,
            overruns: span.counted("shallot_tick_overruns_total"),
            // A preemption hits each part by its length: the parts' shares of the time are those of the CPU.
            replication_us: each(shard * share),
            shard_us: each(shard),
            gateway_us: each(gateway),
            rest_us: each(all - shard - gateway),
            server_cores: all / 1e6 / seconds.max(0.001),
            bots_cores: after.own.saturating_sub(before.own) as f64 / 1e6 / seconds.max(0.001),
            stolen_percent: after.host.zip(before.host).map(|(after, before)| after.stolen_percent_since(before)),
            snapshot_bytes: each(span.counted("shallot_snapshot_bytes_total") as f64),
            ..Self::default()
        }
    }

    /// With what its players saw: of each, whether it had a channel.
    #[must_use]
    pub(super) fn seen(mut self, scene: &Scene, players: Vec<(bool, Seen)>) -> Self {
        let (mut datagrams, mut stream) = (Ages::default(), Ages::default());
        let (mut sights, mut down, mut up, mut channel_s) = (Sights::default(), 0, 0, 0.0);
        let (mut input_bytes, mut inputs) = (0, 0);
        let ticks_a_second = self.tick.count as f64 / self.seconds.max(0.001);
        for (has_channel, seen) in players {
            if has_channel { &mut datagrams } else { &mut stream }.add(&seen.ages);
            if has_channel {
                channel_s += seen.seconds;
                let ticks = seen.seconds * ticks_a_second;
                let tick_bytes = (ticks > 0.0).then(|| seen.traffic.0 as f64 / ticks);
                self.tick_bytes_most = tick_bytes.into_iter().chain(self.tick_bytes_most).reduce(f64::max);
                (down, up) = (down + seen.traffic.0, up + seen.traffic.1);
            }
            seen.sights.iter().for_each(|more| sights.add(more));
            self.snapshot_largest = self.snapshot_largest.max(seen.largest);
            (input_bytes, inputs) = (input_bytes + seen.inputs.0, inputs + seen.inputs.1);
            self.malformed += seen.malformed;
            if let Some(why) = seen.lost {
                self.lose(why);
            }
        }
        (self.bytes_down, self.bytes_up) = (down as f64 / channel_s.max(0.001), up as f64 / channel_s.max(0.001));
        self.input_bytes = input_bytes as f64 / (inputs as f64).max(1.0);
        let each = |(bytes, count): (u64, u64)| (count > 0).then(|| bytes as f64 / count as f64);
        (self.change_bytes, self.record_bytes) = (each(sights.changes), each(sights.records));
        self.in_view = sights.in_view as f64 / (sights.frames as f64).max(1.0);
        self.drawn_cm_p99 = sights
            .errors
            .each_ref()
            .map(|errors| (!errors.is_empty()).then(|| errors.value_at_quantile(0.99) as f64 / 10.0));
        self.missing_ms = (sights.frames > 0).then_some(sights.missing_ms);
        let (loss, delay_ms) = scene
            .line
            .map_or((0.0, 0.0), |line| (f64::from(line.loss_percent) / 100.0, line.delay.as_secs_f64() * 1e3));
        self.age_datagrams = datagrams.quantiles(delay_ms);
        self.age_stream = stream.quantiles(delay_ms);
        self.age_floor = Some(super::ages::floor(loss, delay_ms));
        self
    }

    /// Plain QUIC's cost, of both the mean.
    #[must_use]
    pub(super) fn plain_quic_us(&self) -> Option<f64> {
        self.plain_quic_us.map(|[before, after]| f64::midpoint(before, after))
    }

    /// A player was lost.
    pub(super) fn lose(&mut self, why: String) {
        self.lost += 1;
        if self.lost_why.len() < LOST_TOLD_MAX {
            self.lost_why.push(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_of_the_time_in_which_each_client_was_measured() {
        let scene = super::super::scenes::all(None).into_iter().next().expect("a scene");
        let ticked = Measured { seconds: 10.0, tick: Times { count: 200, ..Times::default() }, ..Measured::default() };
        let seen = |down, seconds| (true, Seen { traffic: (down, 500), seconds, ..Seen::default() });
        // One learned late that it was to begin.
        let measured = ticked.seen(&scene, vec![seen(10_000, 10.0), seen(6_000, 5.0), (false, Seen::default())]);
        assert_eq!((measured.bytes_down.round(), measured.tick_bytes_most), (1_067.0, Some(60.0)));
        let nobody = Measured::default().seen(&scene, vec![(true, Seen::default())]);
        assert_eq!((nobody.bytes_down, nobody.tick_bytes_most), (0.0, None));
    }
}
