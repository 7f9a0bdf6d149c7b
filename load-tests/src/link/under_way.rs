//! Packets that are under way and when they arrive.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

/// The earliest leaves first, of equal ones the first that entered.
#[derive(Debug)]
pub(super) struct UnderWay<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    entered: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Duration,
    number: u64,
    packet: T,
}

impl<T> UnderWay<T> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), entered: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(super) fn push(&mut self, at: Duration, packet: T) {
        self.entered += 1;
        self.heap.push(Reverse(Entry { at, number: self.entered, packet }));
    }

    /// When the next one arrives.
    pub(super) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// One that has arrived by `now`.
    pub(super) fn arrived(&mut self, now: Duration) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.packet)
    }
}

impl<T> Entry<T> {
    fn key(&self) -> (Duration, u64) {
        (self.at, self.number)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_leave_by_time_and_equal_ones_as_they_came() {
        let mut under_way = UnderWay::new();
        for (at, packet) in [(3, 'c'), (1, 'a'), (3, 'd'), (2, 'b')] {
            under_way.push(Duration::from_secs(at), packet);
        }
        assert_eq!((under_way.next(), under_way.len()), (Some(Duration::from_secs(1)), 4));
        assert_eq!(under_way.arrived(Duration::ZERO), None);
        let all: String = std::iter::from_fn(|| under_way.arrived(Duration::from_secs(3))).collect();
        assert_eq!(all, "abcd");
    }
}
