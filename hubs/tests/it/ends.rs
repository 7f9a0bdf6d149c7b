//! The client's end of each kind of link, on which messages are made by hand; and each kind as a client opens it.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::StreamExt as _;
use prost::Message as _;
use shallot_hubs::link::memory::RawEnd;
use shallot_hubs::link::{LinkStream, Outgoing};
use shallot_hubs::{
    Bytes, ClientLink, EndReason, GrpcLink, HubLinkService, HubServer, LinkError, LinkKind, LinkParts, WorkerId,
    async_trait, open_framed, serve_framed,
};
use shallot_proto::hub::v1 as wire;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic::transport::{Channel, Server};
use tonic::{Request, Status, Streaming};

use crate::rig::{Rig, in_time};

/// What carries a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Memory,
    /// As on a stream of a QUIC connection.
    Framed,
    /// Real HTTP/2 on loopback.
    Grpc,
}

impl Over {
    pub const ALL: [Self; 3] = [Self::Memory, Self::Framed, Self::Grpc];

    /// As a proper client opens it.
    pub async fn link(self, rig: &Rig) -> Arc<dyn ClientLink> {
        match self {
            Self::Memory => Arc::new(rig.link()),
            Self::Framed => Arc::new(FramedLink { server: rig.server.clone() }),
            Self::Grpc => Arc::new(GrpcLink::new(gateway(rig).await.0)),
        }
    }
}

/// Bytes on their way on a framed link.
const PIPE: usize = 4 * 1024;
const WORKER: WorkerId = WorkerId(3);

/// One end.
pub enum End {
    Memory(RawEnd),
    Framed(DuplexStream),
    Grpc { up: mpsc::Sender<Bytes>, down: Box<Streaming<wire::ServerBatch>> },
}

impl End {
    /// Opens a link; the task drives the server's side.
    pub async fn open(rig: &Rig, over: Over) -> (Self, JoinHandle<EndReason>) {
        match over {
            Over::Memory => Self::in_memory(rig),
            Over::Framed => Self::framed(rig, LinkParts::new(WORKER, LinkKind::Quic)),
            Over::Grpc => {
                let (channel, mut drivers) = gateway(rig).await;
                let mut grpc = tonic::client::Grpc::new(channel);
                grpc.ready().await.unwrap();
                let (up, messages) = mpsc::channel(64);
                let path = tonic::codegen::http::uri::PathAndQuery::from_static("/shallot.hub.v1.HubLink/Connect");
                let request = Request::new(ReceiverStream::new(messages));
                let down = grpc.streaming(request, path, RawCodec).await.unwrap().into_inner();
                (Self::Grpc { up, down: Box::new(down) }, in_time(drivers.recv()).await.unwrap())
            }
        }
    }

    pub fn in_memory(rig: &Rig) -> (Self, JoinHandle<EndReason>) {
        Self::in_memory_on(rig, WORKER)
    }

    pub fn in_memory_on(rig: &Rig, worker: WorkerId) -> (Self, JoinHandle<EndReason>) {
        let (end, driver) = RawEnd::open(&rig.server, worker);
        (Self::Memory(end), tokio::spawn(driver))
    }

    pub fn framed(rig: &Rig, parts: LinkParts) -> (Self, JoinHandle<EndReason>) {
        let (end, _, driver) = framed(&rig.server, parts);
        (Self::Framed(end), driver)
    }

    /// Cuts a link in memory off without a goodbye.
    pub fn cut(&mut self) {
        match self {
            Self::Memory(end) => end.cut(),
            Self::Framed(_) | Self::Grpc { .. } => panic!("only a link in memory can be cut"),
        }
    }

    /// Ends what is sent, and reads on until the server closes where dropping the other half would be a reset.
    pub fn close(self) {
        if let Self::Grpc { mut down, .. } = self {
            tokio::spawn(async move { while down.next().await.is_some() {} });
        }
    }

    /// Sends one message as it is; `false`: the server takes no more.
    pub async fn send_bytes(&mut self, message: &[u8]) -> bool {
        match self {
            Self::Memory(end) => end.send_bytes(Bytes::copy_from_slice(message)).await.is_ok(),
            Self::Framed(stream) => {
                let mut bytes = Vec::new();
                prost::encode_length_delimiter(message.len(), &mut bytes).unwrap();
                bytes.extend_from_slice(message);
                stream.write_all(&bytes).await.is_ok()
            }
            Self::Grpc { up, .. } => up.send(Bytes::copy_from_slice(message)).await.is_ok(),
        }
    }

    /// The next message; `None` when the server has closed.
    pub async fn receive(&mut self) -> Option<wire::ServerBatch> {
        match self {
            Self::Memory(end) => end.receive().await,
            Self::Framed(stream) => read_message(stream).await,
            Self::Grpc { down, .. } => down.next().await.and_then(Result::ok),
        }
    }
}

/// By hand, so that it is not the code under test.
async fn read_message(stream: &mut DuplexStream) -> Option<wire::ServerBatch> {
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = stream.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await.unwrap();
    Some(wire::ServerBatch::decode(&message[..]).unwrap())
}

/// A framed link: the client's end, the server's writer and its driver.
pub fn framed(server: &HubServer, parts: LinkParts) -> (DuplexStream, JoinHandle<()>, JoinHandle<EndReason>) {
    let (here, there) = duplex(PIPE);
    let (reader, writer) = tokio::io::split(there);
    let (writing, driver) = serve_framed(server, parts, reader, writer);
    (here, tokio::spawn(writing), tokio::spawn(driver))
}

struct FramedLink {
    server: HubServer,
}

#[async_trait]
impl ClientLink for FramedLink {
    async fn open(&self, outgoing: Outgoing) -> Result<LinkStream<wire::ServerBatch>, LinkError> {
        let (here, _, _) = framed(&self.server, LinkParts::new(WORKER, LinkKind::Quic));
        let (reader, writer) = tokio::io::split(here);
        Ok(open_framed(outgoing, reader, writer))
    }
}

/// A channel to a gateway, and the drivers of its sessions.
async fn gateway(rig: &Rig) -> (Channel, mpsc::Receiver<JoinHandle<EndReason>>) {
    let (address, opened) = listen(rig).await;
    (Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap(), opened)
}

/// A gateway on a free port, and the drivers of its sessions.
pub async fn listen(rig: &Rig) -> (SocketAddr, mpsc::Receiver<JoinHandle<EndReason>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (drivers, opened) = mpsc::channel(16);
    let links = HubLinkService::new(rig.server.clone(), WORKER, move |session| {
        // Full when nobody wants to know.
        drop(drivers.try_send(tokio::spawn(session.driver)));
    });
    tokio::spawn(Server::builder().add_service(links).serve_with_incoming(TcpListenerStream::new(listener)));
    (address, opened)
}

/// Sends bytes as they are.
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = wire::ServerBatch;
    type Encoder = Verbatim;
    type Decoder = tonic_prost::ProstDecoder<wire::ServerBatch>;

    fn encoder(&mut self) -> Verbatim {
        Verbatim
    }

    fn decoder(&mut self) -> Self::Decoder {
        tonic_prost::ProstCodec::<wire::ServerBatch, wire::ServerBatch>::default().decoder()
    }
}

struct Verbatim;

impl Encoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put(to, item);
        Ok(())
    }
}
