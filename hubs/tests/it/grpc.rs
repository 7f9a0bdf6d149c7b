//! The same over real gRPC on loopback: what tonic makes of limits and of bytes that are no message.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use shallot_hubs::limits::CLIENT_BATCH_BYTES;
use shallot_hubs::{GrpcLink, HubClient, HubClientConfig, HubServer, Outbound, WorkerId, serve_link};
use shallot_proto::hub::v1 as wire;
use shallot_proto::hub::v1::hub_link_server::{HubLink, HubLinkServer};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, Streaming};
use wire::server_frame::Frame as Down;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::TestHubClient;
use crate::messages::text;
use crate::raw::hello;
use crate::rig::{Rig, in_time, token};

struct Gateway {
    server: HubServer,
}

#[tonic::async_trait]
impl HubLink for Gateway {
    type ConnectStream = Outbound;

    async fn connect(&self, request: Request<Streaming<wire::ClientBatch>>) -> Result<Response<Outbound>, Status> {
        let (outbound, driver) = serve_link(&self.server, WorkerId(0), request.into_inner());
        tokio::spawn(driver);
        Ok(Response::new(outbound))
    }
}

/// A gateway on a free port, and a channel to it.
async fn gateway(rig: &Rig) -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service =
        HubLinkServer::new(Gateway { server: rig.server.clone() }).max_decoding_message_size(CLIENT_BATCH_BYTES);
    let serving = Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(serving);
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn a_session_over_grpc() {
    let mut rig = Rig::new();
    let link = GrpcLink::new(gateway(&rig).await);
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let (client, driver) = HubClient::builder(config, Arc::new(rig.clock.clone())).connect(&link).await.unwrap();
    let driver = tokio::spawn(driver);
    in_time(client.welcomed()).await.unwrap();
    for n in 0..100 {
        let n = n.to_string();
        assert_eq!(in_time(TestHubClient::new(&client).echo(&text(&n))).await.unwrap(), text(&n));
    }
    client.leave();
    assert_eq!(in_time(driver).await.unwrap().reason, "CLIENT_LEFT");
    in_time(async { while !rig.event().await.starts_with("left 1 CLIENT_LEFT") {} }).await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_lost_link() {
    let mut rig = Rig::new();
    let channel = gateway(&rig).await;
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let builder = HubClient::builder(config, Arc::new(rig.clock.clone()));
    let (client, driver) = builder.connect(&GrpcLink::new(channel)).await.unwrap();
    let driver = tokio::spawn(driver);
    in_time(client.welcomed()).await.unwrap();
    driver.abort();
    let left = in_time(async {
        loop {
            let event = rig.event().await;
            if event.starts_with("left") {
                return event;
            }
        }
    });
    assert!(["left 1 LINK_LOST", "left 1 CLIENT_LEFT"].contains(&&*left.await));
}

/// Sends messages of a type of its own over the link's path; how the server ends it.
async fn ends_with<M: prost::Message + Default + Clone + 'static>(
    rig: &Rig,
    first: wire::ClientBatch,
    then: M,
) -> wire::GoAway {
    use prost::Message as _;
    let channel = gateway(rig).await;
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<M, wire::ServerBatch>::default();
    let first = M::decode(&*first.encode_to_vec()).unwrap();
    let messages = stream::iter([first, then]).chain(stream::pending());
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/shallot.hub.v1.HubLink/Connect");
    let request = Request::new(messages);
    let mut answers: Pin<Box<Streaming<wire::ServerBatch>>> =
        Box::pin(grpc.streaming(request, path, codec).await.unwrap().into_inner());
    loop {
        let batch = in_time(answers.next()).await.expect("a GoAway comes first").expect("the stream ends well");
        for frame in batch.frames {
            if let Some(Down::GoAway(go_away)) = frame.frame {
                return go_away;
            }
        }
    }
}

/// A message whose first field is bytes, as frames are, but whatever is put there.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Anything {
    #[prost(bytes = "vec", repeated, tag = "1")]
    frames: Vec<Vec<u8>>,
}

fn hello_batch() -> wire::ClientBatch {
    wire::ClientBatch { frames: vec![wire::ClientFrame { frame: Some(hello(&token(1))) }] }
}

#[tokio::test]
async fn an_oversized_message_is_told_as_such() {
    let rig = Rig::new();
    let oversized = Anything { frames: vec![vec![0; CLIENT_BATCH_BYTES + 1]] };
    let go_away = ends_with(&rig, hello_batch(), oversized).await;
    assert_eq!((go_away.code, &*go_away.reason), (8, "MESSAGE_TOO_LARGE"));
}

#[tokio::test]
async fn bytes_that_are_no_message_are_told_as_such() {
    let rig = Rig::new();
    let garbage = Anything { frames: vec![vec![0xff; 20]] };
    let go_away = ends_with(&rig, hello_batch(), garbage).await;
    assert_eq!((go_away.code, &*go_away.reason), (3, "MALFORMED_FRAME"));
}
