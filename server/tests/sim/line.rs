//! A line for datagrams, one way.

use std::collections::BTreeMap;

use crate::chance::Chance;

/// What a line does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quality {
    /// One way, at least.
    pub(crate) delay_ms: u64,
    /// Up to so much more, each datagram by itself: they overtake one another.
    pub(crate) jitter_ms: u64,
    pub(crate) loss_permille: u64,
}

pub(crate) struct Line {
    quality: Quality,
    chance: Chance,
    /// By the time of arrival, and in the order sent.
    flying: BTreeMap<(u64, u64), Vec<u8>>,
    sent: u64,
    pub(crate) lost: u64,
}

impl Line {
    pub(crate) fn new(quality: Quality, seed: u64) -> Self {
        Self { quality, chance: Chance::new(seed), flying: BTreeMap::new(), sent: 0, lost: 0 }
    }

    pub(crate) fn send(&mut self, now_ms: u64, datagram: &[u8]) {
        self.sent += 1;
        let at = now_ms + self.quality.delay_ms + self.chance.below(self.quality.jitter_ms + 1);
        if self.chance.hits(self.quality.loss_permille) {
            self.lost += 1;
        } else {
            self.flying.insert((at, self.sent), datagram.to_vec());
        }
    }

    pub(crate) fn drop_all(&mut self) {
        self.lost += self.flying.len() as u64;
        self.flying.clear();
    }

    /// What has arrived since the last call.
    pub(crate) fn arrived(&mut self, now_ms: u64) -> impl Iterator<Item = Vec<u8>> + use<> {
        let later = self.flying.split_off(&(now_ms + 1, 0));
        std::mem::replace(&mut self.flying, later).into_values()
    }
}
