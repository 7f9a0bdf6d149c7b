//! The datagram channel against a QUIC endpoint with a certificate of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, ServerConfig};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use shallot_client::channel::{ALPN, DatagramChannel, OpenError, Refusal, SendError};
use shallot_client::hubs::link::{LinkStream, Outgoing};
use shallot_client::hubs::{
    ClientLink, HubClient, HubClientConfig, HubError, LinkError, PushOutcome, ReceiverDispatcher, SystemClock,
    async_trait,
};
use shallot_client::proto::hub::v1::ServerBatch;
use shallot_client::wire::HubPush;
use shallot_client::{Trust, limits};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

struct Server {
    endpoint: Endpoint,
    pem: Vec<u8>,
    pin: [u8; 32],
}

impl Server {
    fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let der = made.cert.der().clone();
        let pin = ring::digest::digest(&ring::digest::SHA256, der.as_ref()).as_ref().try_into().unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![der], key)
            .unwrap();
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
        let endpoint = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
        Self { endpoint, pem: made.cert.pem().into_bytes(), pin }
    }

    /// An address as a `Welcome` has it: without a host.
    fn address(&self) -> String {
        format!(":{}", self.endpoint.local_addr().unwrap().port())
    }

    /// Takes one connection and answers its ticket; gives the ticket and the open connection.
    async fn answer(&self, code: u8) -> Option<(Vec<u8>, Connection)> {
        let connection = self.endpoint.accept().await?.await.ok()?;
        let (mut send, mut receive) = connection.accept_bi().await.ok()?;
        let mut length = [0; 2];
        receive.read_exact(&mut length).await.ok()?;
        let mut ticket = vec![0; usize::from(u16::from_be_bytes(length))];
        receive.read_exact(&mut ticket).await.ok()?;
        send.write_all(&[code]).await.ok()?;
        Some((ticket, connection))
    }
}

async fn open(server: &Server, trust: &Trust) -> Result<DatagramChannel, OpenError> {
    DatagramChannel::open(&server.address(), "127.0.0.1", b"a ticket", trust).await
}

#[tokio::test]
async fn a_ticket_opens_it_and_datagrams_go_both_ways() {
    let server = Server::start();
    let (channel, answered) = tokio::join!(open(&server, &Trust::Development), server.answer(0));
    let (channel, (ticket, connection)) = (channel.unwrap(), answered.unwrap());
    assert_eq!(ticket, b"a ticket");

    channel.send(Bytes::from_static(b"up")).unwrap();
    assert_eq!(within(connection.read_datagram()).await.unwrap(), "up");
    connection.send_datagram(Bytes::from_static(b"down")).unwrap();
    assert_eq!(within(channel.receive()).await.unwrap(), "down");

    let traffic = channel.traffic();
    assert!(traffic.bytes_down > 1_000 && traffic.bytes_up > 1_000, "the handshake counts: {traffic:?}");
    channel.close().await;
    assert!(matches!(within(connection.closed()).await, quinn::ConnectionError::ApplicationClosed(_)));
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("within ten seconds")
}

/// A link on which nothing is ever said.
struct Silent;

#[async_trait]
impl ClientLink for Silent {
    async fn open(&self, _: Outgoing) -> Result<LinkStream<ServerBatch>, LinkError> {
        Ok(Box::pin(tokio_stream::pending()))
    }
}

/// Takes pushes of method 7.
struct Seven(mpsc::Sender<Bytes>);

impl ReceiverDispatcher for Seven {
    fn push(&self, method: u32, body: &Bytes) -> Result<PushOutcome, HubError> {
        if method != 7 {
            return Ok(PushOutcome::Unknown);
        }
        self.0.try_send(body.clone()).unwrap();
        Ok(PushOutcome::Taken)
    }
}

#[tokio::test]
async fn pushes_among_the_datagrams_reach_the_sessions_receivers() {
    let server = Server::start();
    let (channel, answered) = tokio::join!(open(&server, &Trust::Development), server.answer(0));
    let (channel, (_, connection)) = (channel.unwrap(), answered.unwrap());
    let (sender, mut taken) = mpsc::channel(8);
    let config = HubClientConfig::new("token".to_owned());
    let builder = HubClient::builder(config, Arc::new(SystemClock::start())).receiver(Seven(sender));
    let (session, driver) = builder.connect(Arc::new(Silent)).await.unwrap();
    let mut drivers = JoinSet::new();
    drivers.spawn(driver);
    let channel = channel.with_session(session.clone());
    for (method, body) in [(7, "a push"), (8, "of another receiver"), (7, "one more")] {
        let push = [&HubPush::header(method)[..], body.as_bytes()].concat();
        connection.send_datagram(push.into()).unwrap();
    }
    connection.send_datagram(Bytes::from_static(b"no push")).unwrap();
    assert_eq!(within(channel.receive()).await.unwrap(), "no push", "what is none is the reader's");
    assert_eq!(within(taken.recv()).await.unwrap(), "a push");
    assert_eq!(within(taken.recv()).await.unwrap(), "one more");
    assert_eq!(session.unknown_pushes(), 1);
}

#[tokio::test]
async fn a_refused_ticket_says_why() {
    let server = Server::start();
    let (channel, _held) = tokio::join!(open(&server, &Trust::Development), server.answer(3));
    assert!(matches!(channel, Err(OpenError::Refused(Refusal::UnknownOrUsed))), "{channel:?}");
}

#[tokio::test]
async fn only_the_trusted_certificate_is_accepted() {
    let server = Server::start();
    for trust in [Trust::Pinned(server.pin), Trust::Roots(server.pem.clone())] {
        let (channel, _held) = tokio::join!(open(&server, &trust), server.answer(0));
        assert!(channel.is_ok(), "{trust:?}: {channel:?}");
    }
    let other = Server::start();
    for trust in [Trust::Pinned([0; 32]), Trust::Pinned(other.pin), Trust::Roots(other.pem.clone())] {
        let (channel, held) = tokio::join!(open(&server, &trust), server.answer(0));
        assert!(matches!(channel, Err(OpenError::Connection(_))), "{channel:?}");
        assert!(held.is_none());
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_sent() {
    let open = |address: &'static str, ticket: Vec<u8>| async move {
        DatagramChannel::open(address, "127.0.0.1", &ticket, &Trust::Development).await
    };
    assert!(matches!(open(":1", Vec::new()).await, Err(OpenError::BadTicket(0))));
    assert!(matches!(open(":1", vec![0; limits::TICKET_MAX + 1]).await, Err(OpenError::BadTicket(_))));
    assert!(matches!(open("nowhere", vec![1]).await, Err(OpenError::BadAddress(_))));
}

#[tokio::test]
async fn a_datagram_that_is_too_large_is_not_sent() {
    let server = Server::start();
    let (channel, answered) = tokio::join!(open(&server, &Trust::Development), server.answer(0));
    let (channel, _held) = (channel.unwrap(), answered.unwrap());
    let large = Bytes::from(vec![0; limits::DATAGRAM_MAX + 1]);
    assert!(matches!(channel.send(large), Err(SendError::TooLarge(_))));
}

#[tokio::test]
async fn a_lost_channel_says_so() {
    let server = Server::start();
    let (channel, answered) = tokio::join!(open(&server, &Trust::Development), server.answer(0));
    let (channel, (_, connection)) = (channel.unwrap(), answered.unwrap());
    connection.close(0_u32.into(), b"kicked");
    assert!(within(channel.receive()).await.is_err());
    assert!(matches!(channel.send(Bytes::from_static(b"x")), Err(SendError::Lost)));
}
