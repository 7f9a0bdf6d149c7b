//! The QUIC datagram channel: opened with a ticket beside a hub link on gRPC, or that of a [`QuicLink`](crate::QuicLink). It carries inputs up and snapshots down. What is
//! lost stays lost; what is late is the reader's business ([`crate::snapshots`]).

mod congestion;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{AckFrequencyConfig, ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig, VarInt};
use shallot_hubs::HubClient;
use shallot_proto::wire::Purpose;

use crate::limits::{
    ACK_AFTER, ACK_DELAY, CHANNEL_IDLE, CHANNEL_KEEP_ALIVE, CONNECT_TIME_LIMIT, DATAGRAM_MAX, DATAGRAM_RECEIVE_BUFFER,
    DATAGRAM_SEND_BUFFER, TICKET_MAX,
};
use crate::trust::{Trust, TrustError};

/// The protocol's name in the TLS handshake.
pub const ALPN: &[u8] = b"shallot/1";

/// Why a channel could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not `host:port`, or a host without an address.
    #[error("\"{0}\" is no channel address")]
    BadAddress(String),
    /// No ticket, or a longer one than any server makes.
    #[error("a ticket has 1 to {TICKET_MAX} bytes, this one {0}")]
    BadTicket(usize),
    /// The trust cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The TLS settings have no cipher that QUIC starts with.
    #[error("TLS settings without a first cipher suite")]
    NoInitialCipher,
    /// No UDP socket.
    #[error("no UDP socket: {0}")]
    Socket(#[from] std::io::Error),
    /// The address or name was refused before anything was sent.
    #[error("connecting: {0}")]
    Connect(#[from] quinn::ConnectError),
    /// The connection was not made, or was lost before the ticket was accepted.
    #[error("connection: {0}")]
    Connection(#[from] quinn::ConnectionError),
    /// The stream broke while the ticket was sent.
    #[error("sending the ticket: {0}")]
    Ticket(#[from] quinn::WriteError),
    /// The stream broke before the answer came.
    #[error("reading the answer to the ticket: {0}")]
    Answer(#[from] quinn::ReadExactError),
    /// The server refused the ticket.
    #[error("the server refused the ticket: {0}")]
    Refused(Refusal),
    /// Nothing within the time limit.
    #[error("no channel within {CONNECT_TIME_LIMIT:?}")]
    TimedOut,
}

/// Why a server refuses a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 1: not a ticket.
    #[error("malformed")]
    Malformed,
    /// 2: older than 30 s.
    #[error("expired")]
    Expired,
    /// 3: used before, or made by another server.
    #[error("unknown or used")]
    UnknownOrUsed,
    /// 4: the session it is for has ended.
    #[error("its session is gone")]
    SessionGone,
    /// A code that this client does not know.
    #[error("code {0}")]
    Other(u8),
}

impl Refusal {
    /// Of the answer's byte; `None` is accepted.
    fn from_answer(answer: u8) -> Option<Self> {
        match answer {
            0 => None,
            1 => Some(Self::Malformed),
            2 => Some(Self::Expired),
            3 => Some(Self::UnknownOrUsed),
            4 => Some(Self::SessionGone),
            other => Some(Self::Other(other)),
        }
    }
}

/// Why a datagram was not handed to the socket. Nothing is ever known of those that were.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Larger than the path carries.
    #[error("a datagram of {0} bytes is too large")]
    TooLarge(usize),
    /// The channel is lost; see [`DatagramChannel::receive`] for why.
    #[error("the channel is lost")]
    Lost,
}

/// What went over the channel so far, in UDP payload: QUIC's own share is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that arrived.
    pub bytes_down: u64,
    /// Bytes that were sent.
    pub bytes_up: u64,
    /// Round trip time as QUIC sees it.
    pub rtt: Duration,
}

/// An open channel: a QUIC connection of its own, or that of a hub link. Dropping the former closes it.
#[derive(Debug)]
pub struct DatagramChannel {
    connected: Connected,
    /// The session whose receivers take the pushes among the datagrams.
    session: Option<HubClient>,
    /// Held for the life of a channel of its own: dropping it would tell the server so.
    stream: Option<(SendStream, RecvStream)>,
}

/// A QUIC connection with a UDP socket of its own, closed when the last of its clones and streams goes.
#[derive(Clone, Debug)]
pub(crate) struct Connected {
    connection: Connection,
    endpoint: Endpoint,
}

impl Connected {
    /// Connects to `address` (`host:port`; an empty host means `link_host`) and shows the ticket.
    pub(crate) async fn open(
        address: &str,
        link_host: &str,
        ticket: &[u8],
        purpose: Purpose,
        trust: &Trust,
    ) -> Result<(Self, SendStream, RecvStream), OpenError> {
        let header = purpose.header(ticket.len()).ok_or(OpenError::BadTicket(ticket.len()))?;
        let (host, port) =
            split_address(address, link_host).ok_or_else(|| OpenError::BadAddress(address.to_owned()))?;
        let config = client_config(trust)?;
        let opening = async {
            let mut found = tokio::net::lookup_host((host, port)).await?;
            let target = found.next().ok_or_else(|| OpenError::BadAddress(address.to_owned()))?;
            let endpoint = Endpoint::client(any_address(target))?;
            let connection = endpoint.connect_with(config, target, host)?.await?;
            let (send, receive) = show_ticket(&connection, &[&header[..], ticket].concat()).await?;
            Ok((Self { connection, endpoint }, send, receive))
        };
        tokio::time::timeout(CONNECT_TIME_LIMIT, opening).await.unwrap_or(Err(OpenError::TimedOut))
    }
}

impl DatagramChannel {
    /// Opens a channel to `address` (`host:port`; an empty host means `link_host`, the host of the hub link) with a ticket.
    ///
    /// # Errors
    /// See [`OpenError`]. After [`OpenError::Refused`] the ticket is worth nothing; a new one comes with the next `Welcome`.
    pub async fn open(address: &str, link_host: &str, ticket: &[u8], trust: &Trust) -> Result<Self, OpenError> {
        let (connected, send, receive) = Connected::open(address, link_host, ticket, Purpose::Channel, trust).await?;
        Ok(Self { connected, session: None, stream: Some((send, receive)) })
    }

    /// The datagrams of a hub link's connection.
    pub(crate) fn of_a_link(connected: Connected) -> Self {
        Self { connected, session: None, stream: None }
    }

    /// The same; UNRELIABLE pushes that arrive go to the receivers of this session.
    #[must_use]
    pub fn with_session(self, session: HubClient) -> Self {
        Self { session: Some(session), ..self }
    }

    /// Hands a datagram to the socket and never waits: when the buffer is full the oldest one in it is dropped.
    ///
    /// # Errors
    /// When it is too large or the channel is lost.
    pub fn send(&self, datagram: Bytes) -> Result<(), SendError> {
        let length = datagram.len();
        if length > DATAGRAM_MAX {
            return Err(SendError::TooLarge(length));
        }
        self.connected.connection.send_datagram(datagram).map_err(|error| match error {
            quinn::SendDatagramError::TooLarge => SendError::TooLarge(length),
            _ => SendError::Lost,
        })
    }

    /// The next datagram that is no push of the session. May be dropped while it waits without losing one.
    ///
    /// # Errors
    /// When the channel is lost: it stays so.
    pub async fn receive(&self) -> Result<Bytes, quinn::ConnectionError> {
        loop {
            let datagram = self.connected.connection.read_datagram().await?;
            if !self.session.as_ref().is_some_and(|session| session.take_datagram(&datagram)) {
                return Ok(datagram);
            }
        }
    }

    /// What went over it so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let stats = self.connected.connection.stats();
        Traffic { bytes_down: stats.udp_rx.bytes, bytes_up: stats.udp_tx.bytes, rtt: self.connected.connection.rtt() }
    }

    /// Closes it and tells the server, if the line still carries that. A link's own connection closes with the link instead.
    pub async fn close(self) {
        if self.stream.is_none() {
            return;
        }
        self.connected.connection.close(VarInt::from_u32(0), b"bye");
        // A lost line would never become idle.
        let _ = tokio::time::timeout(Duration::from_millis(500), self.connected.endpoint.wait_idle()).await;
    }
}

async fn show_ticket(connection: &Connection, opening: &[u8]) -> Result<(SendStream, RecvStream), OpenError> {
    let (mut send, mut receive) = connection.open_bi().await?;
    send.write_all(opening).await?;
    let mut answer = [0_u8; 1];
    receive.read_exact(&mut answer).await?;
    match Refusal::from_answer(answer[0]) {
        None => Ok((send, receive)),
        Some(refusal) => Err(OpenError::Refused(refusal)),
    }
}

fn client_config(trust: &Trust) -> Result<ClientConfig, OpenError> {
    let tls = QuicClientConfig::try_from(trust.tls_config(ALPN)?).map_err(|_| OpenError::NoInitialCipher)?;
    let mut config = ClientConfig::new(Arc::new(tls));
    config.transport_config(Arc::new(transport_config()));
    Ok(config)
}

fn transport_config() -> TransportConfig {
    let mut acknowledgements = AckFrequencyConfig::default();
    acknowledgements.ack_eliciting_threshold(VarInt::from_u32(ACK_AFTER)).max_ack_delay(Some(ACK_DELAY));
    let mut transport = TransportConfig::default();
    transport
        .datagram_send_buffer_size(DATAGRAM_SEND_BUFFER)
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BUFFER))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .keep_alive_interval(Some(CHANNEL_KEEP_ALIVE))
        .max_idle_timeout(quinn::IdleTimeout::try_from(CHANNEL_IDLE).ok())
        .ack_frequency_config(Some(acknowledgements))
        .congestion_controller_factory(Arc::new(congestion::SmallWindows));
    transport
}

fn split_address<'a>(address: &'a str, link_host: &'a str) -> Option<(&'a str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let host = if host.is_empty() { link_host } else { host };
    Some((host, port.parse().ok().filter(|port| *port != 0)?)).filter(|_| !host.is_empty())
}

fn any_address(target: SocketAddr) -> SocketAddr {
    if target.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_host_is_the_links() {
        assert_eq!(split_address(":40003", "play.example"), Some(("play.example", 40_003)));
        assert_eq!(split_address("10.0.0.1:7", "play.example"), Some(("10.0.0.1", 7)));
        assert_eq!(split_address("[::1]:7", "play.example"), Some(("::1", 7)));
    }

    #[test]
    fn what_is_no_address_is_none() {
        for address in ["", "host", "host:", "host:0", "host:99999", "host:x"] {
            assert_eq!(split_address(address, "play.example"), None, "{address:?}");
        }
        assert_eq!(split_address(":1", ""), None);
    }

    #[test]
    fn answers_have_their_meaning() {
        assert_eq!(Refusal::from_answer(0), None);
        assert_eq!(Refusal::from_answer(2), Some(Refusal::Expired));
        assert_eq!(Refusal::from_answer(9), Some(Refusal::Other(9)));
    }
}
