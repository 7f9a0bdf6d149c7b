//! `HubLink.Connect`: a client's stream becomes a session of this worker.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use shallot_hubs::{HubServer, Outbound, WorkerId, serve_link};
use shallot_proto::hub::v1::hub_link_server::HubLink;
use shallot_proto::hub::v1::{ClientBatch, ServerBatch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Response, Status, Streaming};

use crate::lifecycle::Lifecycle;
use crate::listeners::socket::Peer;
use crate::telemetry;

/// The hub links of one worker.
pub(crate) struct Links {
    pub(crate) server: HubServer,
    pub(crate) worker: WorkerId,
    pub(crate) lifecycle: Lifecycle,
}

#[tonic::async_trait]
impl HubLink for Links {
    type ConnectStream = Taken;

    async fn connect(&self, request: Request<Streaming<ClientBatch>>) -> Result<Response<Taken>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        let (outbound, driver) = serve_link(&self.server, self.worker, request.into_inner());
        let is_taken = CancellationToken::new();
        let outbound = Taken { outbound, told: Some(is_taken.clone().drop_guard()) };
        self.lifecycle.spawn_isolated("hub session", async move {
            let end = driver.await;
            tracing::debug!(%end, "a hub session ended");
            // The driver has waited its write time. The HTTP/2 library waits for a window that may never open, and cannot be
            // told to reset one stream: the connection goes.
            if let Some(peer) = peer.filter(|_| !is_taken.is_cancelled()) {
                metrics::counter!(telemetry::CONNECTIONS_ENDED, "reason" => "hub_not_read").increment(1);
                peer.hang_up.hang_up();
            }
        });
        Ok(Response::new(outbound))
    }
}

/// What a session sends, and whether all of it was taken.
pub(crate) struct Taken {
    outbound: Outbound,
    /// Tells it when dropped: at the end, or when the stream is given up.
    told: Option<DropGuard>,
}

impl Stream for Taken {
    type Item = Result<ServerBatch, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = Pin::new(&mut this.outbound).poll_next(cx);
        if matches!(next, Poll::Ready(None)) {
            this.told = None;
        }
        next
    }
}
