//! What waits for a session's link: bounded, by delivery class, taken as one message.
//!
//! All frames stand in one line in the order they came. RELIABLE pushes, replies and questions carry a rising sequence number and
//! are never dropped: when they do not fit, the outbox overflows and the session ends. A LATEST push takes the place of the value
//! with its key that still waits; when there is no room, the values that wait longest are dropped, and counted. Pings, pongs and
//! the count of refused one-way calls stand in slots of their own, each bounded by itself.
//!
//! What the client may not have got is kept beside the line ([`kept`]). Without a link there is no line: sequenced frames stand in
//! the ring alone, which overflows when it is full, and LATEST values wait by their keys. A new link begins with what the ring has
//! after the last frame that arrived.

mod cell;
mod kept;

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::HubPush;
use wire::server_frame::Frame;

use crate::ask::AskTable;
use crate::contract::{Delivery, PushContract};
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use kept::{LatestValues, Ring};

pub(crate) use cell::{OutboxCell, Taken};

use crate::limits::{FRAME_OVERHEAD_BYTES, PONGS_WAITING, SPARE_FRAMES, SessionLimits};

/// Tells one LATEST value of a method from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum PushKey {
    /// The method is the key.
    #[default]
    Method,
    /// An integer field.
    Number(i128),
    /// A field of text or bytes.
    Bytes(Bytes),
}

impl PushKey {
    /// A field of text or bytes.
    pub fn of(field: impl AsRef<[u8]>) -> Self {
        Self::Bytes(Bytes::copy_from_slice(field.as_ref()))
    }
}

/// A push, encoded once; all receivers share its bytes, those who get it as a datagram too.
#[derive(Clone, Debug)]
pub struct EncodedPush {
    method: &'static PushContract,
    key: PushKey,
    body: Bytes,
    /// UNRELIABLE: the whole datagram, of which `body` is a part.
    datagram: Option<Bytes>,
}

impl EncodedPush {
    /// Encodes the message.
    pub fn new(method: &'static PushContract, message: &impl prost::Message) -> Self {
        Self::of_body(method, message.encode_to_vec())
    }

    /// One that was encoded elsewhere.
    pub(crate) fn encoded(method: &'static PushContract, key: PushKey, body: Bytes) -> Self {
        Self::of_body(method, body.into()).keyed(key)
    }

    fn of_body(method: &'static PushContract, body: Vec<u8>) -> Self {
        if method.delivery != Delivery::Unreliable {
            return Self { method, key: PushKey::Method, body: body.into(), datagram: None };
        }
        let header = HubPush::header(method.id);
        let datagram = Bytes::from([&header[..], &body].concat());
        Self { method, key: PushKey::Method, body: datagram.slice(header.len()..), datagram: Some(datagram) }
    }

    /// The same with a key.
    #[must_use]
    pub fn keyed(self, key: PushKey) -> Self {
        Self { key, ..self }
    }

    /// What is pushed.
    #[must_use]
    pub fn method(&self) -> &'static PushContract {
        self.method
    }

    /// What tells it from other values of the method.
    #[must_use]
    pub fn key(&self) -> &PushKey {
        &self.key
    }

    /// The encoded message.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The push as a datagram, when it may go as one.
    #[must_use]
    pub fn datagram(&self) -> Option<&Bytes> {
        self.datagram.as_ref()
    }
}

/// What waits in an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OutboxDepth {
    /// Frames.
    pub frames: usize,
    /// Bytes, [`FRAME_OVERHEAD_BYTES`] for each frame included.
    pub bytes: usize,
}

/// A frame that may not be dropped found no room: the session must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// The client does not read.
    Full,
    /// There is no link, and what the next one would have to replay is more than is kept.
    Ring,
    /// The frame would not fit into an empty outbox either.
    BodyTooLarge,
}

impl Overflow {
    /// How the session ends for it.
    pub(crate) fn end_reason(self) -> EndReason {
        match self {
            Self::Full => EndReason::slow_consumer(),
            Self::Ring => EndReason::replay_lost(),
            Self::BodyTooLarge => {
                EndReason::new(Code::Internal, reason::BODY_TOO_LARGE, "a frame is larger than an outbox")
            }
        }
    }
}

/// See the module's doc. Without IO and without a clock.
#[derive(Debug)]
pub(crate) struct Outbox {
    max: OutboxDepth,
    depth: OutboxDepth,
    frames: Vec<wire::ServerFrame>,
    /// Place of each LATEST value in `frames`.
    latest: HashMap<(u32, PushKey), usize>,
    ping: Option<wire::Ping>,
    pongs: Vec<wire::Pong>,
    one_way_refused: u32,
    go_away: Option<wire::GoAway>,
    /// There is no link.
    is_detached: bool,
    /// Sequenced frames that are not acknowledged, those in `frames` too.
    ring: Ring,
    /// LATEST values that went out and may not have arrived; without a link all of them.
    values: LatestValues,
    /// What a new link begins with, ahead of `frames`: each with its cost, and bounded by the ring.
    replay: VecDeque<(usize, wire::ServerFrame)>,
    /// The ping that went out last on this link.
    last_ping: u32,
    /// When the oldest of what waits came, in milliseconds of the session's clock.
    waiting_since: Option<u64>,
    corks: u32,
    closed: bool,
    /// LATEST values dropped for want of room, since it was last asked.
    dropped: u64,
    /// Questions that await their answer.
    pub(crate) asks: AskTable,
}

impl Outbox {
    /// `keeps` what a resume needs, or not.
    pub(crate) fn new(limits: &SessionLimits, keeps: bool) -> Self {
        let max = OutboxDepth { frames: limits.outbox_frames, bytes: limits.outbox_bytes };
        let kept = |max| if keeps { max } else { OutboxDepth::default() };
        Self {
            max,
            is_detached: false,
            ring: Ring::new(kept(OutboxDepth { frames: limits.ring_frames, bytes: limits.ring_bytes })),
            values: LatestValues::new(kept(max)),
            replay: VecDeque::new(),
            last_ping: 0,
            depth: OutboxDepth::default(),
            frames: Vec::new(),
            latest: HashMap::new(),
            ping: None,
            pongs: Vec::new(),
            one_way_refused: 0,
            go_away: None,
            waiting_since: None,
            corks: 0,
            closed: false,
            dropped: 0,
            asks: AskTable::new(limits.asks),
        }
    }

    /// A push by its class; UNRELIABLE goes as LATEST here.
    pub(crate) fn push(&mut self, push: &EncodedPush) -> Result<(), Overflow> {
        let (method, body) = (push.method.id, push.body.clone());
        if push.method.delivery == Delivery::Reliable {
            return self.sequenced(push.body.len(), |seq| Frame::Push(wire::Push { seq, method, body }));
        }
        self.latest(method, push.key.clone(), body);
        Ok(())
    }

    /// The reply to a call. One that is larger than a whole outbox becomes an error.
    pub(crate) fn reply(&mut self, id: u64, result: Result<Bytes, HubError>) -> Result<(), Overflow> {
        let (len, result) = match result {
            Ok(body) if body.len() + FRAME_OVERHEAD_BYTES > self.max.bytes => {
                let error = HubError::new(Code::Internal, reason::BODY_TOO_LARGE, "the reply is larger than an outbox");
                (error_len(&error), refused(error))
            }
            Ok(body) => (body.len(), wire::reply::Result::Body(body)),
            Err(error) => (error_len(&error), refused(error)),
        };
        self.sequenced(len, |seq| Frame::Reply(wire::Reply { seq, id, result: Some(result) }))
    }

    /// A question to the client.
    pub(crate) fn ask(&mut self, id: u64, method: u32, deadline_ms: u32, body: Bytes) -> Result<(), Overflow> {
        self.sequenced(body.len(), |seq| Frame::Ask(wire::Ask { seq, id, method, deadline_ms, body }))
    }

    /// Pushes of a group that cannot be had.
    pub(crate) fn group_gap(&mut self, group: &str, from: u64, to: u64) -> Result<(), Overflow> {
        self.sequenced(group.len() + FRAME_OVERHEAD_BYTES, |seq| {
            Frame::GroupGap(wire::GroupGap { seq, group: group.to_owned(), from, to })
        })
    }

    /// Opening and Welcome: once each, ahead of all that is bounded.
    pub(crate) fn opening(&mut self, frame: Frame) {
        self.frames.push(wire::ServerFrame { frame: Some(frame) });
    }

    pub(crate) fn ping(&mut self, ping: wire::Ping) {
        self.ping = Some(ping);
    }

    /// A client that pings without reading gets no more than [`PONGS_WAITING`] answers.
    pub(crate) fn pong(&mut self, pong: wire::Pong) {
        if self.pongs.len() < PONGS_WAITING {
            self.pongs.push(pong);
        }
    }

    pub(crate) fn one_way_refused(&mut self) {
        self.one_way_refused = self.one_way_refused.saturating_add(1);
    }

    /// Tells the client that the session ends; replies may still follow until [`Outbox::close`].
    pub(crate) fn go_away(&mut self, frame: wire::GoAway) {
        self.go_away = Some(frame);
    }

    /// After what waits the stream ends.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.corks = 0;
    }

    /// Forgets what waits, `GoAway` apart.
    pub(crate) fn clear(&mut self) {
        self.frames = Vec::new();
        self.latest = HashMap::new();
        self.pongs = Vec::new();
        self.ping = None;
        self.one_way_refused = 0;
        self.depth = OutboxDepth::default();
        self.replay = VecDeque::new();
        self.ring.clear();
        drop(self.values.take());
    }

    /// The client has all sequenced frames up to this one.
    pub(crate) fn acknowledged(&mut self, seq: u64) {
        self.ring.release(seq);
    }

    /// The client has answered this ping: it has what went out before.
    pub(crate) fn pinged(&mut self, ping: u32) {
        self.values.release(ping);
    }

    /// The link is lost: from here on everything is kept for the next.
    pub(crate) fn detach(&mut self) {
        self.is_detached = true;
        self.keep_latest();
        self.frames = Vec::new();
        self.replay = VecDeque::new();
        self.ping = None;
        self.pongs = Vec::new();
        self.depth = OutboxDepth::default();
        self.waiting_since = None;
    }

    /// Whether a client that has all up to this frame can be brought up to date.
    pub(crate) fn can_replay(&self, last_seq: u64) -> bool {
        self.ring.reaches(last_seq)
    }

    /// There is a new link: it begins with these frames, then come the sequenced ones that the client has not, then the LATEST
    /// values.
    pub(crate) fn attach(&mut self, first: impl IntoIterator<Item = wire::ServerFrame>, last_seq: u64) {
        self.is_detached = false;
        self.last_ping = 0;
        self.waiting_since = None;
        self.ring.release(last_seq);
        self.replay = first.into_iter().map(|frame| (0, frame)).chain(self.ring.iter().cloned()).collect();
        for ((method, key), body) in self.values.take() {
            self.latest(method, key, body);
        }
    }

    /// All that waits as one message; nothing while corked.
    pub(crate) fn take(&mut self) -> Option<wire::ServerBatch> {
        if self.corks > 0 || self.is_empty() {
            return None;
        }
        let mut frames = self.take_replay();
        if !self.replay.is_empty() {
            return Some(wire::ServerBatch { frames });
        }
        self.keep_latest();
        if frames.is_empty() {
            frames = std::mem::take(&mut self.frames);
        } else {
            frames.append(&mut self.frames);
        }
        let mut add = |frame| frames.push(wire::ServerFrame { frame: Some(frame) });
        self.pongs.drain(..).for_each(|pong| add(Frame::Pong(pong)));
        if let Some(ping) = self.ping.take() {
            self.last_ping = ping.n;
            add(Frame::Ping(ping));
        }
        if self.one_way_refused > 0 {
            add(Frame::Dropped(wire::Dropped { count: std::mem::take(&mut self.one_way_refused) }));
        }
        if let Some(go_away) = self.go_away.take() {
            add(Frame::GoAway(go_away.into()));
        }
        self.depth = OutboxDepth::default();
        self.waiting_since = None;
        Some(wire::ServerBatch { frames })
    }

    /// Takes the room of a message that was written, so that the next one needs none of its own. A large one is not kept.
    pub(crate) fn reuse(&mut self, mut frames: Vec<wire::ServerFrame>) {
        frames.clear();
        if self.frames.capacity() == 0 && frames.capacity() <= SPARE_FRAMES {
            self.frames = frames;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
            && self.replay.is_empty()
            && self.pongs.is_empty()
            && self.ping.is_none()
            && self.one_way_refused == 0
            && self.go_away.is_none()
    }

    /// Whether nothing will come any more.
    pub(crate) fn is_finished(&self) -> bool {
        self.closed && self.is_empty()
    }

    pub(crate) fn depth(&self) -> OutboxDepth {
        self.depth
    }

    /// Milliseconds that the oldest frame has waited.
    pub(crate) fn age_ms(&self, mono_ms: u64) -> u64 {
        self.waiting_since.map_or(0, |since| mono_ms.saturating_sub(since))
    }

    /// The newest sequence number given out.
    pub(crate) fn last_seq(&self) -> u64 {
        self.ring.last_seq()
    }

    /// LATEST values dropped for want of room since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn sequenced(&mut self, len: usize, frame: impl FnOnce(u64) -> Frame) -> Result<(), Overflow> {
        let bytes = len + FRAME_OVERHEAD_BYTES;
        if bytes > self.max.bytes {
            return Err(Overflow::BodyTooLarge);
        }
        if self.is_detached && !self.ring.has_room(bytes) {
            return Err(Overflow::Ring);
        }
        while !self.is_detached && !self.has_room(bytes) {
            if !self.drop_oldest_latest() {
                return Err(Overflow::Full);
            }
        }
        let frame = wire::ServerFrame { frame: Some(frame(self.last_seq() + 1)) };
        if !self.is_detached {
            self.append(bytes, frame.clone());
        }
        self.ring.push(bytes, frame);
        Ok(())
    }

    /// As much of what is replayed as one message may hold.
    fn take_replay(&mut self) -> Vec<wire::ServerFrame> {
        let (mut frames, mut room) = (Vec::new(), self.max.bytes);
        while let Some((bytes, frame)) = self.replay.pop_front_if(|(bytes, _)| *bytes <= room) {
            room -= bytes;
            frames.push(frame);
        }
        frames
    }

    /// The LATEST values in the line are on their way out of it.
    fn keep_latest(&mut self) {
        let Self { latest, frames, values, last_ping, .. } = self;
        latest.drain().for_each(|(slot, at)| {
            if let Some(Frame::Push(push)) = frames.get(at).and_then(|frame| frame.frame.as_ref()) {
                values.put(slot, *last_ping, push.body.clone());
            }
        });
    }

    fn latest(&mut self, method: u32, key: PushKey, body: Bytes) {
        let slot = (method, key);
        if self.is_detached {
            self.dropped += u64::from(!self.values.put(slot, 0, body));
            return;
        }
        if let Some(&at) = self.latest.get(&slot) {
            if self.replace(at, &body) {
                return;
            }
            self.remove_at(at);
        }
        let bytes = body.len() + FRAME_OVERHEAD_BYTES;
        while !self.has_room(bytes) {
            if bytes > self.max.bytes || !self.drop_oldest_latest() {
                self.dropped += 1;
                return;
            }
        }
        self.latest.insert(slot, self.frames.len());
        let frame = Some(Frame::Push(wire::Push { seq: 0, method, body }));
        self.append(bytes, wire::ServerFrame { frame });
    }

    /// Puts a newer value where the old one waits; `false` when it is too large for that.
    fn replace(&mut self, at: usize, body: &Bytes) -> bool {
        let Some(Frame::Push(push)) = self.frames.get_mut(at).and_then(|f| f.frame.as_mut()) else {
            return false;
        };
        let bytes = self.depth.bytes - push.body.len() + body.len();
        if bytes > self.max.bytes {
            return false;
        }
        push.body = body.clone();
        self.depth.bytes = bytes;
        true
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.depth.frames < self.max.frames && self.depth.bytes + bytes <= self.max.bytes
    }

    fn append(&mut self, bytes: usize, frame: wire::ServerFrame) {
        self.frames.push(frame);
        self.depth.frames += 1;
        self.depth.bytes += bytes;
    }

    fn drop_oldest_latest(&mut self) -> bool {
        let Some(&at) = self.latest.values().min() else { return false };
        self.remove_at(at);
        self.dropped += 1;
        true
    }

    /// Takes a LATEST value out of the line. Linear, and only when the outbox is full.
    fn remove_at(&mut self, at: usize) {
        if let Some(Frame::Push(push)) = self.frames.remove(at).frame {
            self.depth.frames -= 1;
            self.depth.bytes -= push.body.len() + FRAME_OVERHEAD_BYTES;
        }
        self.latest.retain(|_, place| {
            let stays = *place != at;
            *place -= usize::from(*place > at);
            stays
        });
    }
}

fn refused(error: HubError) -> wire::reply::Result {
    wire::reply::Result::Error(Box::new(error.into()))
}

/// What an error costs as a body.
fn error_len(error: &HubError) -> usize {
    error.reason.len() + error.message.len() + error.detail.len()
}

impl Outbox {
    /// Whether the writer has something to do.
    fn is_ready(&self) -> bool {
        self.closed || (self.corks == 0 && !self.is_empty())
    }
}

#[cfg(test)]
mod tests;
