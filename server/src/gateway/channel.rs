//! A client's datagram channel, beside a hub link on gRPC.

use std::sync::Arc;

use quinn::{Connection, VarInt};
use shallot_hubs::LinkKind;

use super::datagram_path::Channel;
use super::datagrams;
use super::session::PlayerSession;
use crate::telemetry;

/// Serves an accepted connection until it or its session ends.
pub(crate) async fn serve(session: Arc<PlayerSession>, connection: Connection) {
    metrics::gauge!(telemetry::CHANNELS, "link" => LinkKind::Grpc.name()).increment(1.0);
    session.open_channel(Channel::beside_a_link(connection.clone()));
    tokio::select! {
        () = datagrams::read(&connection, || Some(Arc::clone(&session))) => {}
        _ = session.handle.ended() => {}
    }
    session.close_channel(&connection);
    connection.close(VarInt::from_u32(1), b"the session is over");
    metrics::gauge!(telemetry::CHANNELS, "link" => LinkKind::Grpc.name()).decrement(1.0);
}
