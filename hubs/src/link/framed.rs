//! The link over any byte stream, each message behind its length as a varint: a stream of a QUIC connection, a pipe in a test.
//!
//! A message that is longer than its reader allows ends the link before it is read. What QUIC and its streams are stays with the
//! callers; here are `AsyncRead` and `AsyncWrite`.

use std::io;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt as _;
use prost::Message;
use shallot_proto::hub::v1::{ClientBatch, ServerBatch};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_util::codec::{Decoder, FramedRead};

use super::{LinkError, LinkParts, LinkStream, Outgoing};
use crate::clock::Clock;
use crate::dispatch::HubFuture;
use crate::limits::{CLIENT_BATCH_BYTES, FRAMED_BUFFER_BYTES, FRAMED_STALL_MS, SERVER_BATCH_BYTES};
use crate::serve::{Outbound, SessionDriver, serve};
use crate::server::HubServer;

/// Bytes that a length may take: up to 2^28 - 1, far above every limit.
const LENGTH_BYTES: usize = 4;

/// Takes a link in on a pair of byte streams: the future that writes, and the session's driver, each for a task of the worker. The
/// writer is done when the link is: all is written and its stream shut down, or the stream broke, or the client took nothing for
/// [`FRAMED_STALL_MS`]. Dropped early it loses the link.
pub fn serve_framed<R, W>(server: &HubServer, link: LinkParts, reader: R, writer: W) -> (HubFuture<()>, SessionDriver)
where
    R: AsyncRead + Send + 'static,
    W: AsyncWrite + Send + 'static,
{
    let (outbound, driver) = serve(server, link, messages::<ClientBatch, R>(reader, CLIENT_BATCH_BYTES));
    let writing = write_outbound(Arc::clone(&server.inner.clock), outbound, writer);
    (Box::pin(writing), driver)
}

/// A client's link on a pair of byte streams. Dropping it drops both.
pub fn open_framed<R, W>(outgoing: Outgoing, reader: R, writer: W) -> LinkStream<ServerBatch>
where
    R: AsyncRead + Send + 'static,
    W: AsyncWrite + Send + 'static,
{
    Box::pin(ClientEnd {
        arriving: Box::pin(messages(reader, SERVER_BATCH_BYTES)),
        writing: Some(Box::pin(write_outgoing(outgoing, writer))),
    })
}

/// A client's end: it writes while somebody waits for what arrives.
struct ClientEnd {
    arriving: LinkStream<ServerBatch>,
    writing: Option<HubFuture<()>>,
}

impl Stream for ClientEnd {
    type Item = Result<ServerBatch, LinkError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.writing.as_mut().is_some_and(|writing| writing.as_mut().poll(cx).is_ready()) {
            self.writing = None;
        }
        self.arriving.as_mut().poll_next(cx)
    }
}

async fn write_outbound(clock: Arc<dyn Clock>, mut outbound: Outbound, writer: impl AsyncWrite) {
    let mut writer = pin!(writer);
    let mut buffer = BytesMut::new();
    let written = async {
        while let Some(Ok(message)) = outbound.next().await {
            let stalled = clock.sleep_until(clock.now().mono_ms + FRAMED_STALL_MS);
            tokio::select! {
                written = write(writer.as_mut(), &mut buffer, &message) => written?,
                () = stalled => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        writer.shutdown().await
    };
    if let Err(error) = written.await {
        tracing::debug!(%error, "a link takes no more");
    }
}

async fn write_outgoing(mut outgoing: Outgoing, writer: impl AsyncWrite) {
    let mut writer = pin!(writer);
    let mut buffer = BytesMut::new();
    let written = async {
        while let Some(message) = outgoing.next().await {
            write(writer.as_mut(), &mut buffer, &message).await?;
        }
        writer.shutdown().await
    };
    // Whoever reads hears of a broken link too.
    let _: io::Result<()> = written.await;
}

/// Writes one message behind its length.
async fn write(mut writer: Pin<&mut impl AsyncWrite>, buffer: &mut BytesMut, message: &impl Message) -> io::Result<()> {
    message.encode_length_delimited(buffer)?;
    writer.write_all(buffer).await?;
    writer.flush().await?;
    if buffer.capacity() > FRAMED_BUFFER_BYTES {
        // One large message must not cost an idle session its memory for good.
        *buffer = BytesMut::with_capacity(FRAMED_BUFFER_BYTES);
    }
    buffer.clear();
    Ok(())
}

/// The messages on a byte stream, none longer than `limit` bytes.
fn messages<M: Message + Default, R: AsyncRead>(reader: R, limit: usize) -> impl Stream<Item = Result<M, LinkError>> {
    FramedRead::with_capacity(reader, LengthDelimited::<M>::new(limit), FRAMED_BUFFER_BYTES)
}

/// Takes messages out of what was read so far.
pub(crate) struct LengthDelimited<M> {
    limit: usize,
    of: PhantomData<fn() -> M>,
}

impl<M> LengthDelimited<M> {
    /// Messages of at most so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, of: PhantomData }
    }
}

impl<M: Message + Default> Decoder for LengthDelimited<M> {
    type Item = M;
    type Error = LinkError;

    fn decode(&mut self, read: &mut BytesMut) -> Result<Option<M>, LinkError> {
        let Some((length, before)) = length(read)? else { return Ok(None) };
        if length > self.limit {
            return Err(LinkError::TooLarge(format!("{length} bytes, the limit is {}", self.limit)));
        }
        let whole = before + length;
        if read.len() < whole {
            read.reserve(whole - read.len());
            return Ok(None);
        }
        read.advance(before);
        let message = M::decode(read.split_to(length).freeze());
        message.map(Some).map_err(|error| LinkError::Malformed(error.to_string()))
    }

    fn decode_eof(&mut self, read: &mut BytesMut) -> Result<Option<M>, LinkError> {
        match self.decode(read)? {
            None if !read.is_empty() => Err(LinkError::Malformed("the stream ends inside a message".to_owned())),
            message => Ok(message),
        }
    }
}

/// The length of the next message and the bytes that say it; `None` while they are not all there.
fn length(read: &[u8]) -> Result<Option<(usize, usize)>, LinkError> {
    let mut length = 0;
    for (at, byte) in read.iter().take(LENGTH_BYTES).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((length, at + 1)));
        }
    }
    if read.len() < LENGTH_BYTES {
        return Ok(None);
    }
    Err(LinkError::TooLarge(format!("a length of more than {LENGTH_BYTES} bytes")))
}

#[cfg(test)]
mod tests;
