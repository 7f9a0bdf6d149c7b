//! HTTP/2 on a bare socket, frame by frame: what no honest library would send, and what the server answers byte for byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::player::PATIENCE;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

pub(crate) const NO_FLAGS: u8 = 0;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Error codes (RFC 9113, section 7).
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// A unary method that is open to all.
pub(crate) const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// A frame that came.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Of `RST_STREAM` its error, of GOAWAY too.
    pub(crate) fn error(&self) -> Option<u32> {
        let at = match self.kind {
            RST_STREAM => 0,
            GOAWAY => 4,
            _ => return None,
        };
        Some(u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap()))
    }

    /// Of SETTINGS the value under a number.
    pub(crate) fn setting(&self, number: u16) -> Option<u32> {
        let found = self.payload.chunks(6).find(|setting| setting[..2] == number.to_be_bytes())?;
        Some(u32::from_be_bytes(found[2..].try_into().unwrap()))
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// HEADERS of a gRPC call, in HPACK without any compression; its body may follow.
pub(crate) fn call(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &call_block(path))
}

/// The block of headers in it.
pub(crate) fn call_block(path: &str) -> Vec<u8> {
    // :method POST and :scheme http stand in the static table; :path, :authority and content-type are names in it.
    let mut block = vec![0x83, 0x86];
    let mut literal = |name: &[u8], value: &str| {
        block.extend(name);
        block.push(u8::try_from(value.len()).unwrap());
        block.extend(value.as_bytes());
    };
    literal(&[0x04], path);
    literal(&[0x01], "localhost");
    literal(&[0x0F, 0x10], "application/grpc");
    literal(&[0x00, 2, b't', b'e'], "trailers");
    block
}

/// One connection.
pub(crate) struct Wire {
    pub(crate) read: WireRead,
    pub(crate) write: OwnedWriteHalf,
}

pub(crate) struct WireRead {
    socket: OwnedReadHalf,
    buffer: Vec<u8>,
}

impl Wire {
    /// A connection on which nothing was said yet.
    pub(crate) async fn silent(server: SocketAddr) -> Self {
        let socket = TcpStream::connect(server).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (socket, write) = socket.into_split();
        Self { read: WireRead { socket, buffer: Vec::new() }, write }
    }

    /// A connection that was opened with these settings.
    pub(crate) async fn open(server: SocketAddr, settings: &[u8]) -> Self {
        let mut wire = Self::silent(server).await;
        let opening = [PREFACE, &frame(SETTINGS, NO_FLAGS, 0, settings), &frame(SETTINGS, ACK, 0, &[])].concat();
        assert!(wire.send(&opening).await);
        wire
    }

    /// Writes; false when the server has closed.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        tokio::time::timeout(PATIENCE, self.write.write_all(bytes)).await.unwrap().is_ok()
    }

    /// A call without a message, complete.
    pub(crate) async fn ask(&mut self, stream: u32) {
        let whole = [call(stream, HEALTH), frame(DATA, END_STREAM, stream, &[0; 5])].concat();
        assert!(self.send(&whole).await);
        let ended = |frame: &Frame| frame.stream == stream && frame.kind == HEADERS && frame.flags & END_STREAM != 0;
        self.read.until(ended).await.unwrap();
    }

    /// Waits until the server has read what was sent: it answers a PING after it.
    pub(crate) async fn heard(&mut self) -> bool {
        self.send(&frame(PING, NO_FLAGS, 0, b"shallot!")).await
            && self.read.until(|frame| frame.kind == PING && frame.flags == ACK).await.is_some()
    }
}

impl WireRead {
    /// The next frame; `None` when the server has closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            let came = tokio::time::timeout(PATIENCE, self.socket.read_buf(&mut self.buffer)).await.unwrap();
            if !came.is_ok_and(|bytes| bytes > 0) {
                return None;
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let (head, rest) = self.buffer.split_at_checked(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = rest.get(..length)?.to_vec();
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
        let frame = Frame { kind: head[3], flags: head[4], stream, payload };
        self.buffer.drain(..9 + length);
        Some(frame)
    }

    /// The next frame of that kind, the others passed over.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// Reads to the end of the connection; the error the server said goodbye with, if it said any.
    pub(crate) async fn goodbye(&mut self) -> Option<u32> {
        let mut goodbye = None;
        while let Some(frame) = self.next().await {
            if frame.kind == GOAWAY {
                goodbye = frame.error();
            }
        }
        goodbye
    }
}
