//! The link over one gRPC bidi stream.

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use shallot_proto::hub::v1::ServerBatch;
use shallot_proto::hub::v1::hub_link_client::HubLinkClient;
use tonic::transport::Channel;

use super::{ClientLink, LinkError, LinkStream, Outgoing};
use crate::limits::SERVER_BATCH_BYTES;

/// Opens hub links on a gRPC channel. Many may share one; HTTP/2 keeps them apart.
#[derive(Clone, Debug)]
pub struct GrpcLink {
    client: HubLinkClient<Channel>,
}

impl GrpcLink {
    /// On this channel, which may still be connecting.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { client: HubLinkClient::new(channel).max_decoding_message_size(SERVER_BATCH_BYTES) }
    }
}

#[async_trait]
impl ClientLink for GrpcLink {
    async fn open(&self, outgoing: Outgoing) -> Result<LinkStream<ServerBatch>, LinkError> {
        let arriving = self.client.clone().connect(outgoing).await?.into_inner();
        Ok(Box::pin(arriving.map_err(LinkError::from)))
    }
}
