//! QUIC, for datagram channels and hub links: one endpoint a gateway worker, on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    AckFrequencyConfig, Connection, Endpoint, EndpointConfig, Incoming, ServerConfig, TokioRuntime, TransportConfig,
    VarInt,
};
use quinn_proto::HashedConnectionIdGenerator;
use ring::hmac;
use socket2::{Domain, Protocol, Socket, Type};
use tokio_util::task::TaskTracker;

use super::quic_admission::{Admission, Admit, QuicPressure};
use super::quic_window::Windows;
use super::tls::Identity;
use crate::clock::SystemClock;
use crate::gateway::channel;
use crate::gateway::opening::{self, Opened};
use crate::gateway::quic_link::QuicLinks;
use crate::limits;
use crate::telemetry;

/// QUIC close code of a connection that showed no good ticket.
const CLOSE_REFUSED: VarInt = VarInt::from_u32(3);
/// The protocol's name in the TLS handshake.
const ALPN: &[u8] = b"shallot/1";

/// What all workers' endpoints have in common.
pub(crate) fn server_config(identity: &Identity) -> anyhow::Result<ServerConfig> {
    let (chain, key) = identity.der()?;
    let mut tls = rustls::ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate cannot be used")?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // 0-RTT stays off: an early datagram could be replayed.
    tls.max_early_data_size = 0;

    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(limits::QUIC_BIDI_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(limits::QUIC_UNI_STREAMS))
        .stream_receive_window(VarInt::from_u32(limits::QUIC_STREAM_WINDOW))
        .receive_window(VarInt::from_u32(limits::QUIC_STREAM_WINDOW * limits::QUIC_BIDI_STREAMS))
        .send_window(u64::from(limits::QUIC_STREAM_WINDOW * limits::QUIC_BIDI_STREAMS))
        .datagram_send_buffer_size(limits::DATAGRAM_SEND_BUFFER)
        .datagram_receive_buffer_size(Some(limits::DATAGRAM_RECEIVE_BUFFER))
        .max_idle_timeout(Some(limits::QUIC_IDLE.try_into().context("idle time-out")?))
        .keep_alive_interval(Some(limits::QUIC_KEEPALIVE))
        .ack_frequency_config(Some(acknowledgements()))
        .congestion_controller_factory(Arc::new(Windows));

    let mut config =
        ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).context("no QUIC cipher suite")?));
    config
        .transport_config(Arc::new(transport))
        .max_incoming(limits::QUIC_MAX_INCOMING)
        .incoming_buffer_size(limits::QUIC_INCOMING_BUFFER)
        .incoming_buffer_size_total(limits::QUIC_INCOMING_BUFFER_TOTAL);
    Ok(config)
}

/// What clients are asked for: a word of what arrived goes with their next datagram, seldom in a packet of its own.
pub(crate) fn acknowledgements() -> AckFrequencyConfig {
    let mut acknowledgements = AckFrequencyConfig::default();
    acknowledgements
        .ack_eliciting_threshold(VarInt::from_u32(limits::QUIC_ACK_AFTER))
        .max_ack_delay(Some(limits::QUIC_ACK_DELAY));
    acknowledgements
}

/// A UDP socket for one worker: never shared, so that a client whose address changes meets the worker that knows it.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if let Err(error) = socket.set_recv_buffer_size(limits::QUIC_RECEIVE_BUFFER) {
        tracing::debug!(%error, "the buffer of a UDP socket stays as the system makes it");
    }
    // A system gives no more than its own limit allows, and no error.
    let given = socket.recv_buffer_size().unwrap_or_default();
    if given < limits::QUIC_RECEIVE_BUFFER {
        tracing::info!(%address, given, wanted = limits::QUIC_RECEIVE_BUFFER, "a UDP socket keeps less of a burst than it could");
    }
    socket.bind(&address.into()).with_context(|| format!("cannot listen on udp {address}"))?;
    Ok(socket.into())
}

/// What outlives a restart: with the same certificate's key the server knows the connection ids it gave before, and can prove to a client
/// that its connection is gone (stateless reset). Else that would wait for the idle time-out.
pub(crate) fn endpoint_config(identity: &Identity, worker: u16) -> EndpointConfig {
    let reset_key = hmac::Key::new(hmac::HMAC_SHA256, worker_key(identity, worker, "stateless reset").as_ref());
    let mut config = EndpointConfig::new(Arc::new(reset_key));
    let ids = worker_key(identity, worker, "connection ids");
    let ids_key = ids.as_ref().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    config
        .cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids_key)))
        .min_reset_interval(limits::QUIC_RESET_INTERVAL);
    config
}

/// Each worker has keys of its own: the reset that one would prove for a connection id of another could end a live connection there
/// (RFC 9000, 21.11).
fn worker_key(identity: &Identity, worker: u16, purpose: &str) -> hmac::Tag {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, identity.key_pem.as_bytes());
    hmac::sign(&secret, format!("shallot quic {purpose} of worker {worker}").as_bytes())
}

/// Opens the endpoint on the runtime of the caller.
pub(crate) fn endpoint(
    socket: std::net::UdpSocket,
    endpoint: EndpointConfig,
    server: ServerConfig,
) -> std::io::Result<Endpoint> {
    Endpoint::new(endpoint, Some(server), socket, Arc::new(TokioRuntime))
}

/// Accepts connections until the soft stop, then closes them all.
pub(crate) async fn run(endpoint: Endpoint, links: QuicLinks, door: QuicDoor) {
    let links = Arc::new(links);
    let connections = TaskTracker::new();
    let mut admission = Admission::new(door.pressure, door.clock.since_start());
    let pending = Arc::new(AtomicUsize::new(0));
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = links.lifecycle.soft.cancelled() => break,
        };
        let Some(incoming) = incoming else { break };
        let (now, under_way) = (door.clock.since_start(), pending.load(Ordering::Relaxed));
        let admit = admission.knock(now, under_way, incoming.remote_address_validated());
        if let Some(incoming) = admitted(incoming, admit) {
            pending.fetch_add(1, Ordering::Relaxed);
            let (here, pending) = (Arc::clone(&links), Arc::clone(&pending));
            let serving = connections.track_future(async move {
                let connection = handshake(incoming).await;
                pending.fetch_sub(1, Ordering::Relaxed);
                if let Some(connection) = connection {
                    serve(&here, connection).await;
                }
            });
            links.lifecycle.spawn_isolated("quic connection", serving);
        }
    }
    // Sessions say goodbye on their links first; the channels close with them.
    links.worker.drained().await;
    connections.close();
    if tokio::time::timeout(limits::CONNECTION_GRACE, connections.wait()).await.is_err() {
        tracing::debug!("some QUIC connections were still open");
    }
    endpoint.close(VarInt::from_u32(0), b"server stops");
    if tokio::time::timeout(Duration::from_secs(1), endpoint.wait_idle()).await.is_err() {
        tracing::debug!("some QUIC connections did not confirm the close");
    }
}

async fn serve(links: &QuicLinks, connection: Connection) {
    let opened = tokio::time::timeout(limits::TICKET_TIMEOUT, opening::open(&links.worker, &connection)).await;
    match opened {
        Ok(Some(Opened::Channel(session))) => channel::serve(session, connection).await,
        Ok(Some(Opened::HubLink { claims, send, recv })) => links.serve(connection, claims, send, recv).await,
        Ok(None) => connection.close(CLOSE_REFUSED, b"no good ticket"),
        Err(_) => {
            refused("ticket_timeout");
            connection.close(CLOSE_REFUSED, b"no ticket in time");
        }
    }
}

/// What the endpoint's admission goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuicDoor {
    pub(crate) pressure: QuicPressure,
    pub(crate) clock: SystemClock,
}

/// Does what was decided; gives back whom to let in.
fn admitted(incoming: Incoming, admit: Admit) -> Option<Incoming> {
    match admit {
        Admit::Enter => return Some(incoming),
        Admit::Prove => {
            refused("quic_retry");
            if let Err(error) = incoming.retry() {
                tracing::debug!(%error, "no Retry");
            }
        }
        Admit::Ignore => {
            refused("quic_ignored");
            incoming.ignore();
        }
    }
    None
}

async fn handshake(incoming: Incoming) -> Option<Connection> {
    let peer = incoming.remote_address();
    let connecting = incoming.accept().inspect_err(|error| tracing::debug!(%peer, %error, "no handshake")).ok()?;
    match tokio::time::timeout(limits::TLS_HANDSHAKE, connecting).await {
        Ok(Ok(connection)) => Some(connection),
        Ok(Err(error)) => {
            refused("quic_failed");
            tracing::debug!(%peer, %error, "the handshake failed");
            None
        }
        Err(_) => {
            refused("quic_timeout");
            None
        }
    }
}

fn refused(reason: &'static str) {
    metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => reason).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_outlive_a_restart_and_are_no_other_workers() {
        let identity = |key: &str| Identity { certificate_pem: String::new(), key_pem: key.to_owned() };
        let key = |pem: &str, worker, purpose| worker_key(&identity(pem), worker, purpose).as_ref().to_vec();
        let first = key("a", 0, "stateless reset");
        assert_eq!(first, key("a", 0, "stateless reset"));
        assert_ne!(first, key("a", 1, "stateless reset"));
        assert_ne!(first, key("a", 0, "connection ids"));
        assert_ne!(first, key("b", 0, "stateless reset"));
    }

    #[test]
    fn a_socket_keeps_at_least_what_any_does() {
        let size = |socket: std::net::UdpSocket| Socket::from(socket).recv_buffer_size().unwrap();
        let any = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let ours = size(bind(([127, 0, 0, 1], 0).into()).unwrap());
        assert!(ours >= size(any).min(limits::QUIC_RECEIVE_BUFFER), "{ours}");
    }
}
