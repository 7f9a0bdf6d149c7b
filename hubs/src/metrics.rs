//! Names and units of what the hub runtime measures, through the `metrics` facade on whatever recorder the process has.

use std::sync::OnceLock;

use metrics::{Counter, Histogram, counter, gauge, histogram};

use crate::contract::MethodContract;
use crate::error::{Code, HubError};
use crate::heartbeat::Rtt;
use crate::link::LinkKind;
use crate::middleware::{Exchange, ExchangeKind};
use crate::outbox::OutboxDepth;

/// Gauge: links that are open, welcomed or not. Label `link`: `grpc`, `quic`, `memory`.
pub const LINKS: &str = "shallot_hub_links";
/// Counter: links that were opened. Label `link`.
pub const LINKS_OPENED: &str = "shallot_hub_links_opened_total";
/// Gauge: sessions that are welcomed and have not ended.
pub const SESSIONS: &str = "shallot_hub_sessions";
/// Counter: sessions that ended. Label `reason`.
pub const SESSION_ENDS: &str = "shallot_hub_session_ends_total";
/// Gauge: sessions whose link is lost and that wait for a new one.
pub const SESSIONS_DETACHED: &str = "shallot_hub_sessions_detached";
/// Counter: Hellos with a resume token. Label `result`: `resumed`, `lost` (a new session was opened instead) or `stale` (the token of
/// a link that a newer one has replaced).
pub const RESUMES: &str = "shallot_hub_resumes_total";
/// Counter: calls that returned or were refused. Labels `method` (full name; `unqueued` when refused on arrival) and `result` (gRPC
/// status code).
pub const CALLS: &str = "shallot_hub_calls_total";
/// Histogram: milliseconds from the arrival of a call to its return, waiting included. Label `method`.
pub const CALL_MS: &str = "shallot_hub_call_milliseconds";
/// Counter: client results that a server asked for. Labels `method` and `result` (gRPC status code).
pub const CLIENT_RESULTS: &str = "shallot_hub_client_results_total";
/// Histogram: milliseconds from a question to its answer. Label `method`.
pub const CLIENT_RESULT_MS: &str = "shallot_hub_client_result_milliseconds";
/// Counter: at a client, calls that it made. Labels `method` and `result` (gRPC status code); a one-way call is counted when it is queued.
pub const CLIENT_CALLS: &str = "shallot_hub_client_calls_total";
/// Histogram: at a client, milliseconds from a call to its reply. Label `method`.
pub const CLIENT_CALL_MS: &str = "shallot_hub_client_call_milliseconds";
/// Counter: at a client, questions that it answered. Labels `method` and `result` (gRPC status code).
pub const CLIENT_ANSWERS: &str = "shallot_hub_client_answers_total";
/// Histogram: at a client, milliseconds from a question's arrival to its answer. Label `method`.
pub const CLIENT_ANSWER_MS: &str = "shallot_hub_client_answer_milliseconds";
/// Histogram: calls of a session that wait for their turn, at each heartbeat.
pub const CALL_QUEUE_DEPTH: &str = "shallot_hub_call_queue_depth";
/// Histogram: frames in an outbox, at each heartbeat.
pub const OUTBOX_DEPTH: &str = "shallot_hub_outbox_frames";
/// Histogram: milliseconds that the oldest frame of an outbox has waited, at each heartbeat.
pub const OUTBOX_AGE_MS: &str = "shallot_hub_outbox_age_milliseconds";
/// Counter: UNRELIABLE pushes. Label `way`: `datagram`, or `link` when there was no channel or they did not fit.
pub const UNRELIABLE: &str = "shallot_hub_unreliable_pushes_total";
/// Counter: what was dropped for want of room. Label `class`: `latest` (counted at heartbeats) or `one_way`.
pub const DROPPED: &str = "shallot_hub_dropped_total";
/// Histogram: round-trip time of a session in milliseconds, at each answer to a ping.
pub const RTT_MS: &str = "shallot_hub_rtt_milliseconds";

/// Counts a link for as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenLink(LinkKind);

impl OpenLink {
    pub(crate) fn count(kind: LinkKind) -> Self {
        counter!(LINKS_OPENED, "link" => kind.name()).increment(1);
        gauge!(LINKS, "link" => kind.name()).increment(1);
        Self(kind)
    }
}

impl Drop for OpenLink {
    fn drop(&mut self) {
        gauge!(LINKS, "link" => self.0.name()).decrement(1);
    }
}

pub(crate) fn unreliable(as_datagram: bool) {
    counter!(UNRELIABLE, "way" => if as_datagram { "datagram" } else { "link" }).increment(1);
}

/// Histogram: microseconds from a push to a group to its place in the outboxes of all members of this node.
pub const GROUP_FAN_OUT_US: &str = "shallot_hub_group_fan_out_microseconds";
/// Counter: pushes to groups between nodes. Label `kind`: `sent` and `repaired` by the origin, `received`, `unwanted` (no member here),
/// `unknown` (of a newer version), `malformed` (whole messages).
pub const BACKPLANE_FRAMES: &str = "shallot_backplane_frames_total";
/// Counter: what found no room in a line to the broker; pushes among it are repaired or told.
pub const BACKPLANE_DROPPED: &str = "shallot_backplane_dropped_total";
/// Counter: gaps told to the members of a group, once a group.
pub const GROUP_GAPS: &str = "shallot_group_gaps_total";
/// Gauge: other nodes whose lease holds.
pub const NODES: &str = "shallot_nodes";
/// Counter: nodes whose lease ran out, or that said good-bye.
pub const NODES_GONE: &str = "shallot_nodes_gone_total";
/// Gauge: 1 while the broker is connected.
pub const BACKPLANE_CONNECTED: &str = "shallot_backplane_connected";

pub(crate) fn backplane_frame(kind: &'static str) {
    counter!(BACKPLANE_FRAMES, "kind" => kind).increment(1);
}

pub(crate) fn backplane_dropped() {
    counter!(BACKPLANE_DROPPED).increment(1);
}

pub(crate) fn group_gap() {
    counter!(GROUP_GAPS).increment(1);
}

pub(crate) fn nodes(count: usize) {
    gauge!(NODES).set(as_f64(count as u64));
}

pub(crate) fn node_died() {
    counter!(NODES_GONE).increment(1);
}

pub(crate) fn backplane_connected(is_connected: bool) {
    gauge!(BACKPLANE_CONNECTED).set(if is_connected { 1.0 } else { 0.0 });
}

/// Measures until it is dropped. The machine's clock decides nothing here: the clock port is too coarse for it.
pub(crate) struct FanOut(tokio::time::Instant);

pub(crate) fn fan_out() -> FanOut {
    FanOut(tokio::time::Instant::now())
}

impl Drop for FanOut {
    fn drop(&mut self) {
        histogram!(GROUP_FAN_OUT_US).record(self.0.elapsed().as_secs_f64() * 1e6);
    }
}

/// Counts the calls of each method. A recorder is asked for a method's meters once, at its first call: looking them up costs more
/// than a small call does.
#[derive(Debug, Default)]
pub(crate) struct CallMeters {
    /// By wire id, rising.
    by_id: Vec<(u32, OnceLock<MethodMeters>)>,
}

#[derive(Debug)]
struct MethodMeters {
    ok: Counter,
    took: Histogram,
}

impl CallMeters {
    /// Of these methods, by their wire ids, rising.
    pub(crate) fn of(methods: impl Iterator<Item = u32>) -> Self {
        Self { by_id: methods.map(|id| (id, OnceLock::new())).collect() }
    }

    /// A call has returned or was refused in its turn.
    pub(crate) fn call(&self, method: &'static MethodContract, code: Code, took_ms: u64) {
        let at = self.by_id.binary_search_by_key(&method.id, |(id, _)| *id);
        let Some((_, meters)) = at.ok().and_then(|at| self.by_id.get(at)) else { return };
        let meters = meters.get_or_init(|| MethodMeters {
            ok: calls(method.name, Code::Ok),
            took: histogram!(CALL_MS, "method" => method.name),
        });
        match code {
            Code::Ok => meters.ok.increment(1),
            refusal => calls(method.name, refusal).increment(1),
        }
        meters.took.record(as_f64(took_ms));
    }
}

/// What is not a call at its server: that has its [`CallMeters`].
pub(crate) fn exchange<T>(exchange: &Exchange, result: &Result<T, HubError>, took_ms: u64) {
    let (count, took) = match (exchange.kind, exchange.is_served) {
        (ExchangeKind::Call, true) => (CALLS, CALL_MS),
        (ExchangeKind::Call, false) => (CLIENT_CALLS, CLIENT_CALL_MS),
        (ExchangeKind::ClientResult, true) => (CLIENT_ANSWERS, CLIENT_ANSWER_MS),
        (ExchangeKind::ClientResult, false) => (CLIENT_RESULTS, CLIENT_RESULT_MS),
    };
    let code = result.as_ref().map_or_else(|error| error.code, |_| Code::Ok);
    counter!(count, "method" => exchange.method, "result" => code_name(code)).increment(1);
    histogram!(took, "method" => exchange.method).record(as_f64(took_ms));
}

fn calls(method: &'static str, code: Code) -> Counter {
    counter!(CALLS, "method" => method, "result" => code_name(code))
}

/// A call that was refused on arrival: its method may be none of ours, so it names none.
pub(crate) fn unqueued(code: Code, one_way: bool) {
    counter!(CALLS, "method" => "unqueued", "result" => code_name(code)).increment(1);
    if one_way {
        counter!(DROPPED, "class" => "one_way").increment(1);
    }
}

pub(crate) fn resume(result: &'static str) {
    counter!(RESUMES, "result" => result).increment(1);
}

pub(crate) fn rtt(rtt: Rtt) {
    histogram!(RTT_MS).record(f64::from(rtt.latest_ms));
}

pub(crate) fn queues(calls: usize, outbox: OutboxDepth, age_ms: u64, dropped: u64) {
    histogram!(CALL_QUEUE_DEPTH).record(as_f64(calls as u64));
    histogram!(OUTBOX_DEPTH).record(as_f64(outbox.frames as u64));
    histogram!(OUTBOX_AGE_MS).record(as_f64(age_ms));
    if dropped > 0 {
        counter!(DROPPED, "class" => "latest").increment(dropped);
    }
}

/// Exact below 2^53.
fn as_f64(count: u64) -> f64 {
    count as f64
}

/// As the gRPC specification writes them.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
