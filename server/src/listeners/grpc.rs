//! gRPC: one server a gateway worker, all on the same port. What tonic leaves open by default is set here; the tests see the
//! limits on the wire.

use std::time::Duration;

use tonic::transport::Server;

use super::allowance::Allowance;
use crate::limits;

/// A tonic server with every limit set. Sockets come to it past TLS and under the guard.
pub(crate) fn builder(allowance: &Allowance) -> Server {
    Server::builder()
        .max_concurrent_streams(limits::STREAMS_PER_CONNECTION)
        .concurrency_limit_per_connection(limits::REQUESTS_PER_CONNECTION)
        .load_shed(true)
        .http2_max_pending_accept_reset_streams(Some(limits::PENDING_ACCEPT_RESETS))
        .http2_max_local_error_reset_streams(Some(limits::LOCAL_ERROR_RESETS))
        .http2_max_header_list_size(limits::HEADER_LIST)
        .max_frame_size(limits::FRAME)
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(allowance.keepalive))
        .http2_keepalive_timeout(Some(allowance.keepalive_timeout))
}

/// How long a call may take; hub links have no end of their own.
pub(crate) fn deadline(path: &str) -> Option<Duration> {
    let service = path.strip_prefix('/').and_then(|path| path.split('/').next()).unwrap_or_default();
    match service {
        "shallot.hub.v1.HubLink" => None,
        "grpc.health.v1.Health" if path.ends_with("/Watch") => None,
        service if service.starts_with("grpc.reflection.") => None,
        "shallot.auth.v1.AuthService" => Some(limits::LOG_IN_DEADLINE),
        "shallot.economy.v1.InventoryService" => Some(limits::SLOW_UNARY_DEADLINE),
        _ => Some(limits::UNARY_DEADLINE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hub_links_have_no_deadline_and_everything_unknown_has_one() {
        assert_eq!(deadline("/shallot.hub.v1.HubLink/Connect"), None);
        assert_eq!(deadline("/shallot.auth.v1.AuthService/LogIn"), Some(limits::LOG_IN_DEADLINE));
        assert_eq!(deadline("/shallot.player.v1.CharacterService/List"), Some(limits::UNARY_DEADLINE));
        assert_eq!(deadline("nonsense"), Some(limits::UNARY_DEADLINE));
    }
}
