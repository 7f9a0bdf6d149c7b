//! A game loop's share: at each tick one message to every room.

use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message as _;

use super::Server;
use super::messages::bench::v1::Payload;

/// What to do.
pub(crate) struct Ticks {
    /// Ticks a second.
    pub(crate) hz: u32,
    /// Rooms 0 and on get a message each.
    pub(crate) rooms: u32,
    /// Length of the encoded message.
    pub(crate) bytes: usize,
    /// A newer message may take the place of an older.
    pub(crate) newest_counts: bool,
    /// Number of the first.
    pub(crate) first: u32,
    /// How many.
    pub(crate) count: u32,
}

impl Ticks {
    /// Runs them on this thread; ends a period after the last.
    #[expect(clippy::disallowed_methods, reason = "the benchmark's own loop reads the clock")]
    pub(crate) fn run(&self, server: &dyn Server) {
        let period = Duration::from_secs(1) / self.hz.max(1);
        let mut next = Instant::now() + period;
        for tick in self.first..self.first.saturating_add(self.count) {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            next += period;
            let body = body(self.bytes, tick);
            (0..self.rooms).for_each(|room| server.push(room, &body, self.newest_counts));
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// What goes into a [`Payload`] so that it is `encoded` bytes long: the tick's number, then zeros.
fn body(encoded: usize, tick: u32) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u64(tick.into());
    let overhead = (1..=6).find(|overhead| length(encoded.saturating_sub(*overhead)) == encoded).unwrap_or_default();
    body.resize(encoded.saturating_sub(overhead).max(8), 0);
    body.freeze()
}

/// Length of an encoded [`Payload`] with so many bytes.
fn length(bytes: usize) -> usize {
    Payload { body: Bytes::from(vec![0; bytes]) }.encoded_len()
}
