//! What a client may not have got yet, kept so that a resume can make up for it: the sequenced frames in a ring, and the newest
//! LATEST values.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use shallot_proto::hub::v1::ServerFrame;

use super::{OutboxDepth, PushKey};

/// Sequenced frames that are not acknowledged, the newest of them. Their numbers have no gap.
#[derive(Debug)]
pub(super) struct Ring {
    max: OutboxDepth,
    bytes: usize,
    /// Each with what it is taken to cost.
    frames: VecDeque<(usize, ServerFrame)>,
    /// Number of the frame that was pushed last.
    last_seq: u64,
}

impl Ring {
    pub(super) fn new(max: OutboxDepth) -> Self {
        Self { max, bytes: 0, frames: VecDeque::new(), last_seq: 0 }
    }

    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.frames.len() < self.max.frames && self.bytes + bytes <= self.max.bytes
    }

    /// Takes the frame after the last; the oldest go for want of room.
    pub(super) fn push(&mut self, bytes: usize, frame: ServerFrame) {
        self.last_seq += 1;
        while !self.has_room(bytes) && self.pop() {}
        if self.has_room(bytes) {
            self.bytes += bytes;
            self.frames.push_back((bytes, frame));
        }
    }

    /// The client has all up to this one.
    pub(super) fn release(&mut self, seq: u64) {
        while self.first_seq() <= seq && self.pop() {}
    }

    /// Whether all that came after this one is here.
    pub(super) fn reaches(&self, seq: u64) -> bool {
        seq <= self.last_seq && self.first_seq() <= seq + 1
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(usize, ServerFrame)> {
        self.frames.iter()
    }

    pub(super) fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
    }

    /// Number of the oldest frame here, or of the next when there is none.
    fn first_seq(&self) -> u64 {
        self.last_seq + 1 - self.frames.len() as u64
    }

    fn pop(&mut self) -> bool {
        let oldest = self.frames.pop_front();
        self.bytes -= oldest.as_ref().map_or(0, |(bytes, _)| *bytes);
        oldest.is_some()
    }
}

/// The newest value of each key that the client is not known to have.
#[derive(Debug)]
pub(super) struct LatestValues {
    max: OutboxDepth,
    bytes: usize,
    values: HashMap<(u32, PushKey), Value>,
    puts: u64,
}

#[derive(Debug)]
struct Value {
    /// The ping that was sent last before the value: the answer to a later one says that the value arrived.
    after_ping: u32,
    put: u64,
    body: Bytes,
}

impl LatestValues {
    pub(super) fn new(max: OutboxDepth) -> Self {
        Self { max, bytes: 0, values: HashMap::new(), puts: 0 }
    }

    /// Keeps a value in the place of the one before; `false` when others went for want of room.
    pub(super) fn put(&mut self, slot: (u32, PushKey), after_ping: u32, body: Bytes) -> bool {
        self.puts += 1;
        self.bytes += cost(&body);
        if let Some(old) = self.values.insert(slot, Value { after_ping, put: self.puts, body }) {
            self.bytes -= cost(&old.body);
        }
        let mut was_kept = true;
        while self.values.len() > self.max.frames || self.bytes > self.max.bytes {
            self.remove_oldest();
            was_kept = false;
        }
        was_kept
    }

    /// The client has answered this ping.
    pub(super) fn release(&mut self, ping: u32) {
        let bytes = &mut self.bytes;
        self.values.retain(|_, value| {
            let stays = value.after_ping >= ping;
            *bytes -= if stays { 0 } else { cost(&value.body) };
            stays
        });
    }

    /// All of them, the oldest first.
    pub(super) fn take(&mut self) -> Vec<((u32, PushKey), Bytes)> {
        self.bytes = 0;
        let mut values: Vec<_> = std::mem::take(&mut self.values).into_iter().collect();
        values.sort_unstable_by_key(|(_, value)| value.put);
        values.into_iter().map(|(slot, value)| (slot, value.body)).collect()
    }

    /// Linear, and only when there is no room.
    fn remove_oldest(&mut self) {
        let oldest = self.values.iter().min_by_key(|(_, value)| value.put).map(|(slot, _)| slot.clone());
        if let Some(value) = oldest.and_then(|slot| self.values.remove(&slot)) {
            self.bytes -= cost(&value.body);
        }
    }
}

fn cost(body: &Bytes) -> usize {
    body.len() + crate::limits::FRAME_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(frames: usize) -> Ring {
        Ring::new(OutboxDepth { frames, bytes: 100 })
    }

    #[test]
    fn the_ring_keeps_the_newest_within_frames_and_bytes() {
        let mut ring = ring(3);
        for _ in 0..5 {
            ring.push(10, ServerFrame::default());
        }
        assert_eq!((ring.frames.len(), ring.first_seq(), ring.last_seq()), (3, 3, 5));
        assert!(ring.reaches(2) && ring.reaches(5));
        assert!(!ring.reaches(1), "frame 2 is gone");
        assert!(!ring.reaches(6), "frame 6 was never sent");
        ring.push(95, ServerFrame::default());
        assert_eq!((ring.frames.len(), ring.bytes), (1, 95));
        ring.push(200, ServerFrame::default());
        assert!(ring.reaches(7) && !ring.reaches(6), "what is larger than the ring is not kept");
    }

    #[test]
    fn what_is_acknowledged_goes() {
        let mut ring = ring(8);
        for _ in 0..5 {
            ring.push(10, ServerFrame::default());
        }
        ring.release(3);
        assert_eq!((ring.first_seq(), ring.bytes), (4, 20));
        ring.release(99);
        assert_eq!((ring.first_seq(), ring.bytes), (6, 0));
        assert!(ring.reaches(5));
    }

    fn key(n: i128) -> (u32, PushKey) {
        (1, PushKey::Number(n))
    }

    #[test]
    fn values_are_kept_by_key_until_a_later_ping_is_answered() {
        let mut values = LatestValues::new(OutboxDepth { frames: 8, bytes: 1_000 });
        for (n, ping, body) in [(1, 4, "old"), (2, 4, "b"), (1, 5, "new")] {
            assert!(values.put(key(n), ping, Bytes::from_static(body.as_bytes())));
        }
        values.release(4);
        assert_eq!(values.values.len(), 2, "the ping before them says nothing of them");
        values.release(5);
        assert_eq!(values.take(), [(key(1), Bytes::from_static(b"new"))]);
        assert_eq!(values.bytes, 0);
    }

    #[test]
    fn without_room_the_oldest_value_goes() {
        let mut values = LatestValues::new(OutboxDepth { frames: 2, bytes: 1_000 });
        assert!(values.put(key(1), 0, Bytes::new()) && values.put(key(2), 0, Bytes::new()));
        assert!(values.put(key(1), 0, Bytes::new()), "a newer value of a key takes no room");
        assert!(!values.put(key(3), 0, Bytes::new()));
        let kept: Vec<_> = values.take().into_iter().map(|(slot, _)| slot).collect();
        assert_eq!(kept, [key(1), key(3)]);
    }
}
