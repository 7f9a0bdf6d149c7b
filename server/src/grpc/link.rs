//! `HubLink.Connect`: a client's stream becomes a session of this worker.

use shallot_hubs::{GrpcSession, HubLinkService, HubServer, WorkerId};

use crate::lifecycle::Lifecycle;
use crate::listeners::socket::Peer;
use crate::telemetry;

/// The hub links of one worker.
pub(crate) fn links(server: HubServer, worker: WorkerId, lifecycle: Lifecycle) -> HubLinkService {
    HubLinkService::new(server, worker, move |session| {
        lifecycle.spawn_isolated("hub session", run(session));
    })
}

async fn run(session: GrpcSession) {
    let GrpcSession { driver, extensions, is_taken } = session;
    let end = driver.await;
    tracing::debug!(%end, "a hub session ended");
    // The driver has waited its write time. The HTTP/2 library waits for a window that may never open, and cannot be told to
    // reset one stream: the connection goes.
    if let Some(peer) = extensions.get::<Peer>().filter(|_| !is_taken.is_cancelled()) {
        metrics::counter!(telemetry::CONNECTIONS_ENDED, "reason" => "hub_not_read").increment(1);
        peer.hang_up.hang_up();
    }
}
