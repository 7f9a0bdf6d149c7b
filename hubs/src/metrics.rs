//! Names and units of what the hub runtime measures, through the `metrics` facade on whatever recorder the process has.

use metrics::{counter, gauge, histogram};

use crate::error::Code;
use crate::heartbeat::Rtt;
use crate::link::LinkKind;
use crate::outbox::OutboxDepth;

/// Gauge: links that are open, welcomed or not. Label `link`: `grpc`, `quic`, `memory`.
pub const LINKS: &str = "shallot_hub_links";
/// Counter: links that were opened. Label `link`.
pub const LINKS_OPENED: &str = "shallot_hub_links_opened_total";
/// Gauge: sessions that are welcomed and have not ended.
pub const SESSIONS: &str = "shallot_hub_sessions";
/// Counter: sessions that ended. Label `reason`.
pub const SESSION_ENDS: &str = "shallot_hub_session_ends_total";
/// Counter: calls that returned or were refused. Labels `method` (full name; `unqueued` when refused on arrival) and `result` (gRPC
/// status code).
pub const CALLS: &str = "shallot_hub_calls_total";
/// Histogram: milliseconds from the arrival of a call to its return, waiting included. Label `method`.
pub const CALL_MS: &str = "shallot_hub_call_milliseconds";
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

pub(crate) fn call(method: &'static str, code: Code, took_ms: u64) {
    counter!(CALLS, "method" => method, "result" => code_name(code)).increment(1);
    histogram!(CALL_MS, "method" => method).record(as_f64(took_ms));
}

/// A call that was refused on arrival: its method may be none of ours, so it names none.
pub(crate) fn unqueued(code: Code, one_way: bool) {
    counter!(CALLS, "method" => "unqueued", "result" => code_name(code)).increment(1);
    if one_way {
        counter!(DROPPED, "class" => "one_way").increment(1);
    }
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
