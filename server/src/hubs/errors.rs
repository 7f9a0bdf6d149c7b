//! Refusals as hub errors: code, stable reason, detail.

use prost::Message as _;
use shallot_hubs::{Code, HubError};
use shallot_proto::world::v1::CooldownDetail;
use shallot_services::reason::Reason;
use shallot_world::Refusal;

use crate::gateway::session::AskError;

/// What a client is told when its shard did not do it.
pub(crate) fn ask(error: &AskError) -> HubError {
    match error {
        AskError::Refused(refusal) => refused(*refusal),
        AskError::Busy => HubError::new(Code::ResourceExhausted, "REGION_BUSY", error.to_string()),
        AskError::TimedOut => HubError::new(Code::DeadlineExceeded, "REGION_SILENT", error.to_string()),
    }
}

fn refused(refusal: Refusal) -> HubError {
    let code = match refusal {
        Refusal::RegionFull | Refusal::Busy => Code::ResourceExhausted,
        Refusal::StoreFailed => Code::Internal,
        Refusal::Fenced => Code::Aborted,
        _ => Code::FailedPrecondition,
    };
    let error = HubError::new(code, refusal.reason(), refusal.to_string());
    match refusal {
        Refusal::OnCooldown { ticks_left } => error.with_detail(CooldownDetail { ticks_left }.encode_to_vec().into()),
        _ => error,
    }
}

/// What a client is told when a use case said no.
pub(crate) fn service(error: &(impl Reason + std::error::Error)) -> HubError {
    let reason = error.reason();
    if reason == shallot_services::reason::INTERNAL {
        tracing::error!(%error, "a hub call failed");
        return internal();
    }
    HubError::new(code_of(reason), reason, error.to_string())
}

/// A failure of ours. The cause is in the log.
pub(crate) fn internal() -> HubError {
    HubError::new(Code::Internal, "INTERNAL", "the server failed; the call had no effect that was confirmed")
}

/// The request itself is wrong.
pub(crate) fn invalid(reason: &'static str, message: &'static str) -> HubError {
    HubError::new(Code::InvalidArgument, reason, message)
}

/// The character is in no region.
pub(crate) fn not_in_world() -> HubError {
    HubError::new(Code::FailedPrecondition, "NOT_IN_WORLD", "the character is in no region")
}

/// The gRPC status code of a stable reason; one table for hubs and unary calls.
pub(crate) fn code_of(reason: &str) -> Code {
    match reason {
        "SESSION_REPLACED" | "TOKEN_EXPIRED" | "TOKEN_INVALID" | "WRONG_CREDENTIALS" | "REFRESH_REUSED" => {
            Code::Unauthenticated
        }
        "LOCKED_OUT" | "OVERLOADED" | "RATE_LIMITED" | "GRANT_RATE" | "TOO_MANY_CHARACTERS" | "BUSY" => {
            Code::ResourceExhausted
        }
        "TEXT_EMPTY" | "TEXT_TOO_LONG" => Code::InvalidArgument,
        "LOGIN_NAME_TAKEN" | "NAME_TAKEN" => Code::AlreadyExists,
        "UNKNOWN_CHARACTER" | "UNKNOWN_ITEM" | "UNKNOWN_REGION" => Code::NotFound,
        "FENCED" | "STALE_REGION" => Code::Aborted,
        reason
            if reason.ends_with("_INVALID") || reason.starts_with("REQUEST_ID_") || reason.starts_with("UNKNOWN_") =>
        {
            Code::InvalidArgument
        }
        _ => Code::FailedPrecondition,
    }
}
