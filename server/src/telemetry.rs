//! Logs and metrics: set up once, flushed at the end. The names of all metrics of this crate stand here, with their units.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::telemetry::{LogFormat, Telemetry};

/// Counter by `task`: sessions and the like that panicked and were ended.
pub(crate) const TASK_PANICS: &str = "shallot_task_panics_total";
/// Histogram by `region`, seconds: from the start of a tick to its outputs handed on.
pub(crate) const TICK_SECONDS: &str = "shallot_tick_seconds";
/// Histogram by `region` and `phase`, seconds: its parts, one after the other.
pub(crate) const TICK_PHASE_SECONDS: &str = "shallot_tick_phase_seconds";
/// Counter by `region`: ticks that began after their deadline by a whole period.
pub(crate) const TICK_OVERRUNS: &str = "shallot_tick_overruns_total";
/// Gauge by `region`.
pub(crate) const PLAYERS: &str = "shallot_players";
/// Gauge by `region`.
pub(crate) const MONSTERS: &str = "shallot_monsters";
/// Gauge by `region`: what lies on the ground.
pub(crate) const DROPS: &str = "shallot_drops";
/// Counter by `region`: times a shard was restarted from its checkpoint.
pub(crate) const SHARD_RESTARTS: &str = "shallot_shard_restarts_total";
/// Counter by `region`: bytes written to journals.
pub(crate) const JOURNAL_BYTES: &str = "shallot_journal_bytes_total";
/// Counter by `region` and `reason`: journals with a gap after them, since the writer was `behind`, or a write `failed`.
pub(crate) const JOURNAL_INTERRUPTED: &str = "shallot_journal_interrupted_total";
/// Counter by `region`: commands refused since the shard's mailbox was full.
pub(crate) const MAILBOX_FULL: &str = "shallot_shard_mailbox_full_total";
/// Counter by `worker`: ticks whose outputs a stalled gateway worker did not take.
pub(crate) const TICKS_LOST: &str = "shallot_gateway_ticks_lost_total";
/// Counter by `outcome`: grants committed, refused, failed.
pub(crate) const GRANTS: &str = "shallot_grants_total";
/// Counter by `reason`: datagrams of clients that had no effect.
pub(crate) const DATAGRAMS_REFUSED: &str = "shallot_datagrams_refused_total";
/// Counter by `way`: snapshots given to QUIC as a `datagram`, or pushed on the hub `link` of a client without datagrams.
pub(crate) const SNAPSHOTS_SENT: &str = "shallot_snapshots_sent_total";
/// Counter, bytes: their payload.
pub(crate) const SNAPSHOT_BYTES: &str = "shallot_snapshot_bytes_total";
/// Counter: snapshots not sent since the path was full or carried nothing of their size.
pub(crate) const SNAPSHOTS_LEFT_OUT: &str = "shallot_snapshots_left_out_total";
/// Counter by `reason`: times the bytes of a client's snapshots were lowered, for `loss`, a `queue`, or a `collapse`.
pub(crate) const PATH_BUDGETS_LOWERED: &str = "shallot_path_budgets_lowered_total";
/// Histogram by `worker`, seconds: from a tick's outputs handed on to the last of its datagrams given to QUIC.
pub(crate) const SPREAD_SECONDS: &str = "shallot_gateway_spread_seconds";
/// Gauge by `link`: sessions with datagrams, whose link is on `grpc` or on the same `quic` connection.
pub(crate) const CHANNELS: &str = "shallot_channels";
/// Counter by `reason`: connections refused before they cost anything.
pub(crate) const CONNECTIONS_REFUSED: &str = "shallot_connections_refused_total";
/// Counter by `reason`: connections ended by the guard for what they did.
pub(crate) const CONNECTIONS_ENDED: &str = "shallot_connections_ended_total";
/// Counter by `point`: faults made on purpose that fired.
pub(crate) const FAULTS_FIRED: &str = "shallot_faults_fired_total";

/// Bucket edges of the times of ticks and their parts, seconds; the period is 0.05.
const TICK_BUCKETS: [f64; 20] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.001_5, 0.002, 0.003, 0.004, 0.005, 0.006_25, 0.007_5, 0.01, 0.012_5, 0.015,
    0.02, 0.025, 0.03, 0.04, 0.05, 0.1,
];

/// Bucket edges of the time in which a tick's datagrams go out, seconds; it should end at 0.01.
const SPREAD_BUCKETS: [f64; 11] = [0.000_1, 0.000_5, 0.001, 0.002, 0.004, 0.006, 0.008, 0.010, 0.012, 0.02, 0.05];

/// Starts the logs. Called once, before anything that logs.
pub(crate) fn init_logs(config: &Telemetry) -> anyhow::Result<()> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&config.log)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    }
    .map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))
}

/// Starts the metrics recorder; the handle renders what /metrics shows.
pub(crate) fn init_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(TICK_SECONDS.to_owned()), &TICK_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(TICK_PHASE_SECONDS.to_owned()), &TICK_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(SPREAD_SECONDS.to_owned()), &SPREAD_BUCKETS)?
        .install_recorder()?;
    Ok(handle)
}
