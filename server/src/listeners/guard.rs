//! What one connection may do with HTTP/2, judged by the bytes that arrive. No IO, no clock, no allocation: bytes and the time
//! are arguments, payloads are skipped where they lie.
//!
//! The HTTP/2 library answers what breaks the protocol. This ends what keeps to it and still costs more than it gives: floods of
//! cheap frames (streams opened and reset at once, pings, settings, empty data), and connections that keep their place without a
//! request or drip bytes.
//!
//! Calling contract: [`Guard::observe`] for all bytes that arrive, in their order and however they are cut; [`Guard::deadline`]
//! after it, and [`Guard::check_time`] when that time has come. Times are since any one moment and never go back. After an `Err`
//! the connection is to be ended; the guard is of no use any more.

mod frame;
#[cfg(test)]
mod tests;

use std::time::Duration;

use frame::{FrameHeader, Kind};

use super::bucket::{Bucket, Rate};

/// What a client sends before its first frame (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What one connection may do. How many streams are open at once, how large a frame is and the like are the library's to check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuardLimits {
    /// Streams opened.
    pub(crate) streams: Rate,
    /// Streams the client resets.
    pub(crate) resets: Rate,
    /// SETTINGS; each may change the window of every open stream.
    pub(crate) settings: Rate,
    /// DATA without data that ends no stream.
    pub(crate) empty_data: Rate,
    /// Frames that carry nothing of a request: PING, `WINDOW_UPDATE`, PRIORITY, acknowledgements, what is unknown or padded.
    pub(crate) control: Rate,
    /// Frames of all kinds.
    pub(crate) frames: Rate,
    /// From the opening to the first full request: its headers, and its end or its first data.
    pub(crate) first_request: Duration,
    /// From the first byte of a frame, or of a block of headers in several frames, to its last.
    pub(crate) frame: Duration,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misuse {
    /// The first bytes are not HTTP/2.
    NotHttp2,
    StreamFlood,
    ResetFlood,
    SettingsFlood,
    EmptyDataFlood,
    ControlFlood,
    FrameFlood,
    /// The time for the first request is over.
    NoRequest,
    /// The time for a frame or a block of headers is over.
    SlowFrame,
}

impl Misuse {
    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotHttp2 => "not_http2",
            Self::StreamFlood => "stream_flood",
            Self::ResetFlood => "reset_flood",
            Self::SettingsFlood => "settings_flood",
            Self::EmptyDataFlood => "empty_data_flood",
            Self::ControlFlood => "control_flood",
            Self::FrameFlood => "frame_flood",
            Self::NoRequest => "no_request",
            Self::SlowFrame => "slow_frame",
        }
    }
}

/// Where in the stream of bytes the next one falls.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// So much of [`PREFACE`] has come.
    Preface(usize),
    /// So many bytes of a frame's header have come.
    Header([u8; frame::HEADER], usize),
    /// So many bytes of that frame are left.
    Payload(FrameHeader, u32),
}

/// How far the first request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstRequest {
    Awaited,
    /// Its headers are there, its first data is not.
    Begun,
    Full,
}

/// Watches one connection.
#[derive(Debug)]
pub(crate) struct Guard {
    limits: &'static GuardLimits,
    place: Place,
    opened: Duration,
    first_request: FirstRequest,
    /// When the first byte of what is incomplete came: a frame, or a block of headers.
    incomplete_since: Option<Duration>,
    /// Whether the newest block of headers is all there is of its stream.
    block_ends_stream: bool,
    /// The highest stream a client opened.
    newest_stream: u32,
    streams: Bucket,
    resets: Bucket,
    settings: Bucket,
    empty_data: Bucket,
    control: Bucket,
    frames: Bucket,
}

impl Guard {
    /// Of a connection that was opened `now`.
    pub(crate) fn new(limits: &'static GuardLimits, now: Duration) -> Self {
        Self {
            limits,
            place: Place::Preface(0),
            opened: now,
            first_request: FirstRequest::Awaited,
            incomplete_since: None,
            block_ends_stream: false,
            newest_stream: 0,
            streams: Bucket::full(limits.streams, now),
            resets: Bucket::full(limits.resets, now),
            settings: Bucket::full(limits.settings, now),
            empty_data: Bucket::full(limits.empty_data, now),
            control: Bucket::full(limits.control, now),
            frames: Bucket::full(limits.frames, now),
        }
    }

    /// Bytes have come.
    pub(crate) fn observe(&mut self, now: Duration, mut bytes: &[u8]) -> Result<(), Misuse> {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Preface(have) => self.preface(have, bytes)?,
                Place::Header(header, have) => self.header(now, header, have, bytes)?,
                Place::Payload(header, left) => self.payload(header, left, bytes),
            };
        }
        Ok(())
    }

    /// When [`Guard::check_time`] is to be called at the latest, if nothing comes until then.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let request = (self.first_request != FirstRequest::Full).then(|| self.opened + self.limits.first_request);
        let frame = self.incomplete_since.map(|since| since + self.limits.frame);
        request.into_iter().chain(frame).min()
    }

    /// Whether something has taken too long.
    pub(crate) fn check_time(&self, now: Duration) -> Result<(), Misuse> {
        if self.incomplete_since.is_some_and(|since| now >= since + self.limits.frame) {
            return Err(Misuse::SlowFrame);
        }
        if self.first_request != FirstRequest::Full && now >= self.opened + self.limits.first_request {
            return Err(Misuse::NoRequest);
        }
        Ok(())
    }

    fn preface<'a>(&mut self, have: usize, bytes: &'a [u8]) -> Result<&'a [u8], Misuse> {
        let expected = PREFACE.get(have..).unwrap_or_default();
        let (came, rest) = bytes.split_at(bytes.len().min(expected.len()));
        if !expected.starts_with(came) {
            return Err(Misuse::NotHttp2);
        }
        let have = have + came.len();
        self.place = if have == PREFACE.len() { Place::Header([0; frame::HEADER], 0) } else { Place::Preface(have) };
        Ok(rest)
    }

    fn header<'a>(
        &mut self,
        now: Duration,
        mut header: [u8; frame::HEADER],
        have: usize,
        bytes: &'a [u8],
    ) -> Result<&'a [u8], Misuse> {
        self.incomplete_since.get_or_insert(now);
        let (came, rest) = bytes.split_at(bytes.len().min(frame::HEADER - have));
        header.iter_mut().skip(have).zip(came).for_each(|(to, from)| *to = *from);
        let have = have + came.len();
        if have < frame::HEADER {
            self.place = Place::Header(header, have);
            return Ok(rest);
        }
        let header = FrameHeader::parse(header);
        self.count(now, header)?;
        self.place = Place::Payload(header, header.length);
        if header.length == 0 {
            self.end_frame(header);
        }
        Ok(rest)
    }

    fn payload<'a>(&mut self, header: FrameHeader, left: u32, bytes: &'a [u8]) -> &'a [u8] {
        let (came, rest) = bytes.split_at(bytes.len().min(left as usize));
        // At most `left`, so it fits.
        let left = left - came.len() as u32;
        self.place = Place::Payload(header, left);
        if left == 0 {
            self.end_frame(header);
        }
        rest
    }

    /// Draws for a frame whose header has come.
    fn count(&mut self, now: Duration, header: FrameHeader) -> Result<(), Misuse> {
        let drawn = |has_room: bool, misuse| if has_room { Ok(()) } else { Err(misuse) };
        drawn(self.frames.draw(now), Misuse::FrameFlood)?;
        match header.kind {
            Kind::Data if header.is_padded() => drawn(self.control.draw(now), Misuse::ControlFlood),
            Kind::Data if header.length == 0 && !header.ends_stream() => {
                drawn(self.empty_data.draw(now), Misuse::EmptyDataFlood)
            }
            Kind::Data => Ok(()),
            Kind::Headers if header.stream > self.newest_stream => {
                self.newest_stream = header.stream;
                drawn(self.streams.draw(now), Misuse::StreamFlood)
            }
            Kind::Reset => drawn(self.resets.draw(now), Misuse::ResetFlood),
            Kind::Settings if !header.is_ack() => drawn(self.settings.draw(now), Misuse::SettingsFlood),
            Kind::Headers | Kind::Continuation | Kind::Settings | Kind::Other => {
                drawn(self.control.draw(now), Misuse::ControlFlood)
            }
        }
    }

    /// The last byte of a frame has come.
    fn end_frame(&mut self, header: FrameHeader) {
        self.place = Place::Header([0; frame::HEADER], 0);
        let is_headers = matches!(header.kind, Kind::Headers | Kind::Continuation);
        if header.kind == Kind::Headers {
            self.block_ends_stream = header.ends_stream();
        }
        if is_headers && !header.ends_headers() {
            // Only the rest of the block may follow, and its time runs on.
            return;
        }
        self.incomplete_since = None;
        self.first_request = match (self.first_request, header.kind) {
            (FirstRequest::Awaited, _) if is_headers && self.block_ends_stream => FirstRequest::Full,
            (FirstRequest::Awaited, _) if is_headers => FirstRequest::Begun,
            (FirstRequest::Begun, Kind::Data) => FirstRequest::Full,
            (unchanged, _) => unchanged,
        };
    }
}
