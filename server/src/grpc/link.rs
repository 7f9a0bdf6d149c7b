//! `HubLink.Connect`: a client's stream becomes a session of this worker.

use shallot_hubs::{HubServer, Outbound, WorkerId, serve_link};
use shallot_proto::hub::v1::ClientBatch;
use shallot_proto::hub::v1::hub_link_server::HubLink;
use tonic::{Request, Response, Status, Streaming};

use crate::lifecycle::Lifecycle;

/// The hub links of one worker.
pub(crate) struct Links {
    pub(crate) server: HubServer,
    pub(crate) worker: WorkerId,
    pub(crate) lifecycle: Lifecycle,
}

#[tonic::async_trait]
impl HubLink for Links {
    type ConnectStream = Outbound;

    async fn connect(&self, request: Request<Streaming<ClientBatch>>) -> Result<Response<Outbound>, Status> {
        let (outbound, driver) = serve_link(&self.server, self.worker, request.into_inner());
        self.lifecycle.spawn_isolated("hub session", async move {
            let end = driver.await;
            tracing::debug!(%end, "a hub session ended");
        });
        Ok(Response::new(outbound))
    }
}
