//! A hub link on QUIC: the frames on the first stream, the session's datagrams on the same connection, so that a client that has
//! signed in and selected its character lives on QUIC alone.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use quinn::{RecvStream, SendStream, VarInt};
use shallot_hubs::link::{LinkStream, Outgoing};
use shallot_hubs::{ClientLink, HubError, LinkError, async_trait, open_framed};
use shallot_proto::hub::v1::ServerBatch;
use shallot_proto::wire::Purpose;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::Code;

use crate::api::{Api, ApiError};
use crate::channel::{Connected, DatagramChannel, OpenError};
use crate::trust::Trust;

/// QUIC code of a stream that the client takes away before its end.
const GONE: VarInt = VarInt::from_u32(0);

/// Opens hub links on QUIC connections of their own, each with a fresh ticket out of `CharacterService.Select`.
#[derive(Debug)]
pub struct QuicLink {
    api: Api,
    character: String,
    trust: Trust,
    newest: Mutex<Option<Connected>>,
}

impl QuicLink {
    /// For the signed-in account, with this character as the selected one.
    #[must_use]
    pub fn new(api: Api, character_id: &str, trust: Trust) -> Self {
        Self { api, character: character_id.to_owned(), trust, newest: Mutex::default() }
    }

    /// The datagrams of the newest link's connection: the session's from its Welcome on. `None` before the first link.
    #[must_use]
    pub fn datagrams(&self) -> Option<DatagramChannel> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().map(|connected| DatagramChannel::of_a_link(connected.clone()))
    }

    async fn connect(&self) -> Result<(Connected, SendStream, RecvStream), LinkError> {
        let selected = self.api.characters().select(&self.character).await.map_err(refused)?;
        let nowhere = || HubError::new(Code::Unavailable, "NO_QUIC", "the server offers no QUIC connection");
        let offer = selected.channel.ok_or_else(|| LinkError::Refused(nowhere()))?;
        let opened =
            Connected::open(&offer.address, self.api.host(), &offer.ticket, Purpose::HubLink, &self.trust).await;
        opened.map_err(not_opened)
    }
}

#[async_trait]
impl ClientLink for QuicLink {
    async fn open(&self, outgoing: Outgoing) -> Result<LinkStream<ServerBatch>, LinkError> {
        let (connected, send, recv) = self.connect().await?;
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(connected.clone());
        let writer = Writer { send, is_finished: false };
        Ok(open_framed(outgoing, Reader { recv, _connected: connected }, writer))
    }
}

fn refused(error: ApiError) -> LinkError {
    match error.code {
        Code::Unavailable | Code::DeadlineExceeded | Code::Unknown => LinkError::Lost(error.to_string()),
        code => LinkError::Refused(HubError::new(code, error.reason, error.message)),
    }
}

fn not_opened(error: OpenError) -> LinkError {
    match error {
        OpenError::Trust(_) | OpenError::NoInitialCipher | OpenError::BadAddress(_) => {
            LinkError::Refused(HubError::new(Code::FailedPrecondition, "QUIC_UNUSABLE", error.to_string()))
        }
        // A ticket is good once and for 30 s: the next try brings a new one.
        other => LinkError::Lost(other.to_string()),
    }
}

/// What arrives. Holds the connection until the link's end was read.
struct Reader {
    recv: RecvStream,
    _connected: Connected,
}

impl AsyncRead for Reader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.recv), cx, buf)
    }
}

/// What is sent. Dropped before its end the stream is reset: a client that was cut off has not left.
struct Writer {
    send: SendStream,
    is_finished: bool,
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.send), cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.send), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_finished = true;
        AsyncWrite::poll_shutdown(Pin::new(&mut self.send), cx)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_finished {
            // Closed already: then the server knows.
            let _ = self.send.reset(GONE);
        }
    }
}
