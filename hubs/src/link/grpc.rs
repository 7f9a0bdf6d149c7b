//! The link over one gRPC bidi stream: the service of a server's worker, and a client's end.
//!
//! The service is written by hand, because tonic's generated one has buffers of 8 KiB for each stream and direction, and takes a
//! fresh message for each flush. Here buffers are small, and the frames of a written message go back to their outbox.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use futures_core::Stream;
use futures_util::TryStreamExt as _;
use futures_util::future::{self, BoxFuture, FutureExt as _};
use http_body_util::BodyExt as _;
use prost::Message as _;
use shallot_proto::hub::v1::hub_link_client::HubLinkClient;
use shallot_proto::hub::v1::hub_link_server::SERVICE_NAME;
use shallot_proto::hub::v1::{ClientBatch, ServerBatch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::body::Body;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{Body as HttpBody, Service, StdError, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::Channel;
use tonic::{Extensions, Request, Response, Status, Streaming};

use super::{ClientLink, LinkError, LinkStream, Outgoing};
use crate::handle::WorkerId;
use crate::limits::{CLIENT_BATCH_BYTES, GRPC_BUFFER_BYTES, GRPC_YIELD_BYTES, SERVER_BATCH_BYTES};
use crate::outbox::OutboxCell;
use crate::serve::{Outbound, SessionDriver, serve_link};
use crate::server::HubServer;

/// The method of the service.
const CONNECT: &str = "/shallot.hub.v1.HubLink/Connect";

/// The gRPC service `HubLink` of one worker. Cheap to clone.
#[derive(Clone)]
pub struct HubLinkService {
    server: HubServer,
    worker: WorkerId,
    run: Arc<dyn Fn(GrpcSession) + Send + Sync>,
}

/// A link that was taken in, for a task of its worker.
pub struct GrpcSession {
    /// The server's side of it.
    pub driver: SessionDriver,
    /// What the layers before the service said of the request.
    pub extensions: Extensions,
    /// Cancelled when all that the session sends is taken, or its stream was given up.
    pub is_taken: CancellationToken,
}

impl HubLinkService {
    /// Takes links in for this worker; `run` is handed each of them.
    pub fn new(server: HubServer, worker: WorkerId, run: impl Fn(GrpcSession) + Send + Sync + 'static) -> Self {
        Self { server, worker, run: Arc::new(run) }
    }
}

impl NamedService for HubLinkService {
    const NAME: &'static str = SERVICE_NAME;
}

impl<B> Service<http::Request<B>> for HubLinkService
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if request.uri().path() != CONNECT {
            return future::ready(Ok(Status::unimplemented("HubLink has no such method").into_http())).boxed();
        }
        let service = self.clone();
        let broke = Broke::default();
        let seen = broke.clone();
        let mut request = request.map(|body| body.map_err(move |error| seen.by(error)));
        request.extensions_mut().insert(broke);
        async move {
            let mut grpc = Grpc::new(BatchCodec).max_decoding_message_size(CLIENT_BATCH_BYTES);
            Ok(grpc.streaming(service, request).await)
        }
        .boxed()
    }
}

impl StreamingService<ClientBatch> for HubLinkService {
    type Response = Leaving;
    type ResponseStream = LeavingStream;
    type Future = future::Ready<Result<Response<LeavingStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<ClientBatch>>) -> Self::Future {
        let (_, mut extensions, messages) = request.into_parts();
        let arriving = Arriving { messages, broke: extensions.remove().unwrap_or_default() };
        let (outbound, driver) = serve_link(&self.server, self.worker, arriving);
        let is_taken = CancellationToken::new();
        let leaving = LeavingStream { outbound, told: Some(is_taken.clone().drop_guard()) };
        (self.run)(GrpcSession { driver, extensions, is_taken });
        future::ready(Ok(Response::new(leaving)))
    }
}

impl std::fmt::Debug for HubLinkService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubLinkService").field("worker", &self.worker).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for GrpcSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrpcSession").field("is_taken", &self.is_taken).finish_non_exhaustive()
    }
}

/// Whether the request's body has ended with an error. tonic gives a stream that the client has reset, or a proxy whose client is
/// gone, as one that has ended; but that client has not left.
#[derive(Clone, Debug, Default)]
struct Broke(Arc<AtomicBool>);

impl Broke {
    fn by<E>(&self, error: E) -> E {
        self.0.store(true, Ordering::Relaxed);
        error
    }

    /// Once.
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// What a client sends on its link.
struct Arriving {
    messages: Streaming<ClientBatch>,
    broke: Broke,
}

impl Stream for Arriving {
    type Item = Result<ClientBatch, LinkError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = ready!(Pin::new(&mut self.messages).poll_next(cx));
        if message.is_none() && self.broke.take() {
            return Poll::Ready(Some(Err(LinkError::Lost("the client reset the stream".to_owned()))));
        }
        Poll::Ready(message.map(|message| message.map_err(LinkError::from)))
    }
}

/// A message on its way out, and where its frames came from.
#[derive(Debug)]
pub struct Leaving {
    batch: ServerBatch,
    home: Arc<OutboxCell>,
}

/// What a session sends on its link.
#[derive(Debug)]
pub struct LeavingStream {
    outbound: Outbound,
    /// Tells of its end, or that it was given up.
    told: Option<DropGuard>,
}

impl Stream for LeavingStream {
    type Item = Result<Leaving, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.outbound).poll_next(cx));
        if next.is_none() {
            self.told = None;
        }
        Poll::Ready(next.map(|batch| Ok(Leaving { batch: batch?, home: self.outbound.home() })))
    }
}

/// Protobuf with small buffers.
#[derive(Debug)]
struct BatchCodec;

fn small_buffers() -> BufferSettings {
    BufferSettings::new(GRPC_BUFFER_BYTES, GRPC_YIELD_BYTES)
}

impl Codec for BatchCodec {
    type Encode = Leaving;
    type Decode = ClientBatch;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for BatchCodec {
    type Item = Leaving;
    type Error = Status;

    fn encode(&mut self, leaving: Leaving, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let encoded = leaving.batch.encode(buffer);
        leaving.home.reuse(leaving.batch.frames);
        encoded.map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        small_buffers()
    }
}

impl Decoder for BatchCodec {
    type Item = ClientBatch;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<ClientBatch>, Status> {
        // By its code and the lack of a source a link knows it for a malformed message.
        ClientBatch::decode(buffer).map(Some).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        small_buffers()
    }
}

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
