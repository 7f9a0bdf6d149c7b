//! The nine bytes before each HTTP/2 frame (RFC 9113, section 4.1).

/// Bytes of a frame's header.
pub(super) const HEADER: usize = 9;

/// Flag of DATA and HEADERS.
const END_STREAM: u8 = 0x1;
/// Flag of SETTINGS and PING.
const ACK: u8 = 0x1;
/// Flag of HEADERS and CONTINUATION.
const END_HEADERS: u8 = 0x4;
/// Flag of DATA and HEADERS.
const PADDED: u8 = 0x8;

/// What a frame is, as far as the guard tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Reset,
    Settings,
    Continuation,
    /// PRIORITY, `PUSH_PROMISE`, PING, GOAWAY, `WINDOW_UPDATE`, and what nobody knows.
    Other,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) kind: Kind,
    flags: u8,
    pub(super) stream: u32,
    /// Bytes of payload.
    pub(super) length: u32,
}

impl FrameHeader {
    /// Any nine bytes are a header.
    pub(super) fn parse(bytes: [u8; HEADER]) -> Self {
        let [l2, l1, l0, kind, flags, s3, s2, s1, s0] = bytes;
        let kind = match kind {
            0x0 => Kind::Data,
            0x1 => Kind::Headers,
            0x3 => Kind::Reset,
            0x4 => Kind::Settings,
            0x9 => Kind::Continuation,
            _ => Kind::Other,
        };
        let length = u32::from_be_bytes([0, l2, l1, l0]);
        // The highest bit is reserved and means nothing.
        let stream = u32::from_be_bytes([s3 & 0x7F, s2, s1, s0]);
        Self { kind, flags, stream, length }
    }

    pub(super) fn ends_stream(self) -> bool {
        self.flags & END_STREAM != 0
    }

    pub(super) fn is_ack(self) -> bool {
        self.flags & ACK != 0
    }

    pub(super) fn ends_headers(self) -> bool {
        self.flags & END_HEADERS != 0
    }

    pub(super) fn is_padded(self) -> bool {
        self.flags & PADDED != 0
    }
}
