//! What larger datagrams fall into: believed for a while, then tried.

use super::Packets;
use crate::limits::HOLE_SAMPLES_LAST;

/// Snapshots that say whether a hole is still there, when their fate is known.
const TRIALS: u64 = 3;
/// Samples in which it must be: two seconds, also for a path of which nothing is heard.
const TRIAL_SAMPLES: u32 = 8;

/// Above a size nothing gets through. That is believed for a short while, and for twice as long each time that it shows again. Then some few
/// are tried, while the others go on as before: one who has a way round it must not notice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    pub(super) limit: usize,
    /// Samples that it is kept from.
    pub(super) length: u32,
    /// Samples since it showed.
    age: u32,
    trial: Trial,
}

/// What a hole is tried with: one snapshot in each sample.
#[derive(Clone, Copy, Debug, Default)]
struct Trial {
    /// Whether one went out since the last sample.
    is_out: bool,
    tried: Packets,
    /// Bytes of smaller ones that went out since the first was tried.
    beside: u64,
    /// Bytes since then, of whatever packets.
    acknowledged: u64,
    lost: u64,
    samples: u32,
    /// They arrived.
    has_passed: bool,
}

impl Hole {
    pub(super) fn new(limit: usize, length: u32) -> Self {
        Self { limit, length: length.min(HOLE_SAMPLES_LAST), age: 0, trial: Trial::default() }
    }

    /// Whether it is in the way of a snapshot of so many bytes.
    pub(super) fn stops(&self, bytes: usize) -> bool {
        bytes > self.limit && !self.trial.has_passed
    }

    /// Whether one that it is in the way of may be tried.
    pub(super) fn may_be_tried(&self) -> bool {
        !self.is_shut() && !self.trial.is_out
    }

    pub(super) fn is_shut(&self) -> bool {
        self.age < self.length
    }

    pub(super) fn is_on_trial(&self) -> bool {
        self.trial.tried.count > 0 && !self.trial.has_passed
    }

    /// A snapshot of so many bytes goes out.
    pub(super) fn sends(&mut self, bytes: usize) {
        if self.stops(bytes) {
            self.trial.is_out = true;
            self.trial.tried.add(bytes as u64);
        } else if self.is_on_trial() {
            self.trial.beside += bytes as u64;
        }
    }

    /// One sample later; forgotten when it did not show for [`HOLE_SAMPLES_LAST`] after its end, in which a budget has risen that far again.
    pub(super) fn older(self) -> Option<Self> {
        (self.age < self.length + HOLE_SAMPLES_LAST).then_some(Self { age: self.age + 1, ..self })
    }

    /// One sample of a trial later.
    pub(super) fn judged(mut self, acknowledged: Packets, lost: Packets) -> Self {
        if self.trial.fails(acknowledged, lost) { Self::new(self.limit, self.length * 2) } else { self }
    }
}

impl Trial {
    fn fails(&mut self, acknowledged: Packets, lost: Packets) -> bool {
        self.is_out = false;
        self.samples += 1;
        self.acknowledged += acknowledged.bytes;
        self.lost += lost.bytes;
        let is_enough = self.tried.count >= TRIALS;
        if is_enough && self.lost * 2 > self.tried.bytes {
            return true;
        }
        // Two of three, even if all the smaller ones arrived: a single loss says nothing.
        self.has_passed = is_enough && self.acknowledged * 3 >= self.beside * 3 + self.tried.bytes * 2;
        !self.has_passed && self.samples >= TRIAL_SAMPLES
    }
}
