//! What this node's pushes to groups look like to other nodes: numbered for each group, kept for a while for those who miss one.
//!
//! A group has a stream here from the moment on that another node has members in it. Without one a push costs a look into a map.
//! Readers are the nodes with members, each with the number before its membership began; a dead node stays a reader for a while,
//! so that it learns what it missed when it comes back.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dashmap::DashMap;

use super::message::{self, Head, Heads, Key, Kind, Part as WirePart, Span};
use super::name::GroupName;
use super::outgoing::Outgoing;
use crate::backplane::{NodeId, To};
use crate::contract::Delivery;
use crate::end::EndReason;
use crate::group::Part;
use crate::limits::{HEAD_MS, HEADS_AT_ONCE, RING_BYTES, RING_FRAMES, RING_MS, RINGS_BYTES};
use crate::metrics;
use crate::outbox::EncodedPush;

/// A frame that may be asked for again.
#[derive(Debug)]
struct Kept {
    seq: u64,
    at_ms: u64,
    item: Bytes,
}

#[derive(Debug)]
struct Reader {
    target: To,
    /// The last number before its membership began.
    since: u64,
    /// It was told so.
    is_greeted: bool,
    /// It is dead, maybe for good.
    is_away: bool,
}

#[derive(Debug)]
struct Stream {
    life: u64,
    seq: u64,
    pushed_ms: u64,
    ring: VecDeque<Kept>,
    bytes: usize,
    readers: Vec<Reader>,
}

/// The streams of this node.
#[derive(Debug)]
pub(super) struct Outbound {
    streams: DashMap<GroupName, Arc<Mutex<Stream>>>,
    next_life: AtomicU64,
    ring_bytes: AtomicUsize,
    outgoing: Arc<Outgoing>,
}

impl Outbound {
    pub(super) fn new(outgoing: Arc<Outgoing>) -> Self {
        Self { streams: DashMap::new(), next_life: AtomicU64::new(1), ring_bytes: AtomicUsize::new(0), outgoing }
    }

    /// Sends a push to the other nodes that have members; never waits. Usable from any thread.
    pub(super) fn push(&self, group: &GroupName, now_ms: u64, push: &EncodedPush, part: Part<'_>) {
        let is_numbered = push.method().delivery != Delivery::Unreliable;
        self.send(group, now_ms, is_numbered, || frame(push, part));
    }

    /// Ends the sessions of the members on other nodes.
    pub(super) fn end(&self, group: &GroupName, now_ms: u64, reason: &EndReason) {
        self.send(group, now_ms, true, || message::Frame { end: Some(reason.go_away()), ..message::Frame::default() });
    }

    fn send(&self, group: &GroupName, now_ms: u64, is_numbered: bool, frame: impl FnOnce() -> message::Frame) {
        let Some(stream) = self.stream(group) else { return };
        let mut stream = lock(&stream);
        if stream.readers.is_empty() {
            return;
        }
        if is_numbered {
            stream.seq += 1;
            stream.pushed_ms = now_ms;
        }
        let seq = if is_numbered { stream.seq } else { 0 };
        let frame = message::Frame { group: group.to_string(), life: stream.life, seq, ..frame() };
        let item = message::encode(Kind::Frame(frame));
        let (life, before) = (stream.life, stream.seq.saturating_sub(1));
        for reader in stream.readers.iter_mut().filter(|reader| !reader.is_away) {
            if is_numbered && !reader.is_greeted {
                reader.is_greeted = true;
                debug_assert!(reader.since <= before, "it joined before this push");
                self.outgoing.put(&reader.target, start(group, life, reader.since));
            }
            self.outgoing.put(&reader.target, item.clone());
            metrics::backplane_frame("sent");
        }
        if is_numbered {
            self.keep(&mut stream, Kept { seq, at_ms: now_ms, item });
        }
    }

    /// A node has members in the group from here on.
    pub(super) fn reader_came(&self, group: &GroupName, node: &NodeId) {
        let fresh = || {
            let life = self.next_life.fetch_add(1, Ordering::Relaxed);
            let (ring, readers) = (VecDeque::new(), Vec::new());
            Arc::new(Mutex::new(Stream { life, seq: 0, pushed_ms: 0, ring, bytes: 0, readers }))
        };
        // Under the entry's lock, so that the stream is not freed before its reader is in.
        let entry = self.streams.entry(group.clone()).or_insert_with(fresh);
        let mut stream = lock(&entry);
        let target = To::Node(node.clone());
        let (life, seq) = (stream.life, stream.seq);
        if let Some(reader) = stream.readers.iter_mut().find(|reader| reader.target == target) {
            // Back again: it is told where the stream stands, and asks for what it missed.
            if std::mem::take(&mut reader.is_away) {
                self.outgoing.put(&target, start(group, life, reader.since));
                self.outgoing.put(&target, message::encode(Kind::Heads(Heads { heads: vec![head(group, life, seq)] })));
            }
            return;
        }
        stream.readers.push(Reader { target, since: seq, is_greeted: false, is_away: false });
    }

    /// It has none any more; what it missed is nobody's there.
    pub(super) fn reader_left(&self, group: &GroupName, node: &NodeId) {
        self.with(group, |stream| stream.readers.retain(|reader| !is_of(reader, node)));
    }

    /// A node is dead. Nothing is sent to it until it comes back.
    pub(super) fn away(&self, node: &NodeId) {
        self.each(|stream| {
            stream.readers.iter_mut().filter(|reader| is_of(reader, node)).for_each(|reader| reader.is_away = true);
        });
    }

    /// It is back in all groups that it is in: what it is still away from it has left.
    pub(super) fn synced(&self, node: &NodeId) {
        self.each(|stream| stream.readers.retain(|reader| !(is_of(reader, node) && reader.is_away)));
    }

    /// It will not come back.
    pub(super) fn forget(&self, node: &NodeId) {
        self.each(|stream| stream.readers.retain(|reader| !is_of(reader, node)));
    }

    /// A node misses some frames: those that are kept are sent again, the others are told as lost.
    pub(super) fn wanted(&self, node: &NodeId, now_ms: u64, want: &Span, group: &GroupName) {
        let target = To::Node(node.clone());
        let lost = |from: u64, to: u64| {
            let span = Span { group: group.to_string(), life: want.life, from, to };
            self.outgoing.put(&target, message::encode(Kind::Lost(span)));
        };
        let Some(stream) = self.stream(group) else { return lost(want.from, want.to) };
        let mut stream = lock(&stream);
        if stream.life != want.life {
            return lost(want.from, want.to);
        }
        self.trim(&mut stream, now_ms);
        let mut from = want.from;
        if from == 0 {
            let since = stream.readers.iter().find(|reader| is_of(reader, node)).map_or(want.to, |reader| reader.since);
            self.outgoing.put(&target, start(group, stream.life, since));
            from = since + 1;
        }
        let to = want.to.min(stream.seq);
        let first_kept = stream.ring.front().map_or(stream.seq + 1, |kept| kept.seq);
        if from < first_kept && from <= to {
            lost(from, to.min(first_kept - 1));
        }
        for kept in stream.ring.iter().filter(|kept| (from..=to).contains(&kept.seq)) {
            self.outgoing.put(&target, kept.item.clone());
            metrics::backplane_frame("repaired");
        }
    }

    /// Where the groups stand that were pushed to lately, for a sign of life: by them the loss of a last push shows.
    pub(super) fn heads(&self, now_ms: u64) -> Vec<Bytes> {
        let mut heads = Vec::new();
        self.streams.iter().for_each(|entry| {
            let stream = lock(entry.value());
            if stream.seq > 0 && now_ms.saturating_sub(stream.pushed_ms) <= HEAD_MS {
                heads.push(head(entry.key(), stream.life, stream.seq));
            }
        });
        // Whatever order a map has, the same run sends the same bytes.
        heads.sort_by(|a, b| a.group.cmp(&b.group));
        heads.chunks(HEADS_AT_ONCE).map(|some| message::encode(Kind::Heads(Heads { heads: some.to_vec() }))).collect()
    }

    /// Forgets what is too old, and streams that nobody reads.
    pub(super) fn sweep(&self, now_ms: u64) {
        self.streams.retain(|_, stream| {
            let mut stream = lock(stream);
            self.trim(&mut stream, now_ms);
            !(stream.readers.is_empty() && stream.ring.is_empty())
        });
    }

    fn stream(&self, group: &GroupName) -> Option<Arc<Mutex<Stream>>> {
        self.streams.get(group).map(|stream| Arc::clone(&stream))
    }

    fn each(&self, change: impl Fn(&mut Stream)) {
        self.streams.iter().for_each(|entry| change(&mut lock(entry.value())));
    }

    fn with(&self, group: &GroupName, change: impl FnOnce(&mut Stream)) {
        if let Some(stream) = self.stream(group) {
            change(&mut lock(&stream));
        }
    }

    fn keep(&self, stream: &mut Stream, kept: Kept) {
        let now_ms = kept.at_ms;
        stream.bytes += kept.item.len();
        self.ring_bytes.fetch_add(kept.item.len(), Ordering::Relaxed);
        stream.ring.push_back(kept);
        self.trim(stream, now_ms);
    }

    fn trim(&self, stream: &mut Stream, now_ms: u64) {
        while let Some(oldest) = stream.ring.front() {
            let is_over = stream.ring.len() > RING_FRAMES
                || stream.bytes > RING_BYTES
                || now_ms.saturating_sub(oldest.at_ms) > RING_MS
                || self.ring_bytes.load(Ordering::Relaxed) > RINGS_BYTES;
            let Some(oldest) = is_over.then(|| stream.ring.pop_front()).flatten() else { return };
            stream.bytes -= oldest.item.len();
            self.ring_bytes.fetch_sub(oldest.item.len(), Ordering::Relaxed);
        }
    }
}

fn lock(stream: &Mutex<Stream>) -> MutexGuard<'_, Stream> {
    // Numbers and lists that no reader takes for more than they are, whatever a panic interrupted.
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_of(reader: &Reader, node: &NodeId) -> bool {
    matches!(&reader.target, To::Node(found) if found == node)
}

fn head(group: &GroupName, life: u64, seq: u64) -> Head {
    Head { group: group.to_string(), life, seq }
}

fn start(group: &GroupName, life: u64, since: u64) -> Bytes {
    message::encode(Kind::Start(head(group, life, since)))
}

/// Without its place in a stream.
fn frame(push: &EncodedPush, part: Part<'_>) -> message::Frame {
    let part = match part {
        Part::All => None,
        Part::Except(sessions) => Some(WirePart::Except(message::sessions_bytes(sessions))),
        Part::Only(sessions) => Some(WirePart::Only(message::sessions_bytes(sessions))),
        Part::Single(session) => Some(WirePart::Only(message::session_bytes(session))),
    };
    let (method, body, key) = (push.method().id, push.body().clone(), Key::of(push.key()));
    message::Frame { method, body, key, part, ..message::Frame::default() }
}
