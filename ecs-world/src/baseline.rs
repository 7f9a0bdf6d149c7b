//! What a client was told in its last snapshots, and which of them it has.
//!
//! Only slots and ticks are kept: the state of an entity in a set is the one that the history has of that tick. It is no part of
//! a checkpoint. After a restore a client is told all anew, as after a long silence.

use bevy_ecs::prelude::Component;
use shallot_wire::limits::MAX_SET;
use shallot_wire::{Ack, Sequence, Tick};

use crate::limits::SETS_KEPT;

/// An entity of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Told {
    pub(crate) slot: u16,
    /// Low bits of the tick whose state it was told in.
    tick: u8,
    /// Whether it stood in that state.
    pub(crate) rests: bool,
}

impl Told {
    /// In its state of `tick`.
    pub(crate) fn at(slot: u16, tick: Tick, rests: bool) -> Self {
        Self { slot, tick: (tick.0 & 0xFF) as u8, rests }
    }

    /// Ticks from its state to `now`; more than 255 are not told apart.
    pub(crate) fn age(self, now: Tick) -> u32 {
        u32::from(((now.0 & 0xFF) as u8).wrapping_sub(self.tick))
    }
}

/// A player: the sets of its client's last snapshots.
#[derive(Component, Clone, Debug)]
pub(crate) struct Baselines {
    /// Of which snapshot each kept set is, and of how many entities; by sequence modulo their number.
    kept: [Option<(Sequence, u8)>; SETS_KEPT],
    /// Their entities, [`MAX_SET`] places for each.
    told: Vec<Told>,
    /// The newest that the client has.
    acknowledged: Option<Sequence>,
}

impl Default for Baselines {
    fn default() -> Self {
        Self { kept: [None; SETS_KEPT], told: vec![Told::default(); SETS_KEPT * MAX_SET], acknowledged: None }
    }
}

impl Baselines {
    fn row(sequence: Sequence) -> usize {
        usize::from(sequence.0) % SETS_KEPT
    }

    /// Notes what a client says it has. What it says of snapshots that are not kept has no effect.
    pub(crate) fn acknowledge(&mut self, ack: Ack) {
        let kept = self.kept.iter().flatten().map(|(sequence, _)| *sequence).filter(|sequence| ack.contains(*sequence));
        let newest = kept.reduce(|newest, sequence| if sequence.is_after(newest) { sequence } else { newest });
        let is_news = |sequence: &Sequence| self.acknowledged.is_none_or(|known| sequence.is_after(known));
        if let Some(sequence) = newest.filter(is_news) {
            self.acknowledged = Some(sequence);
        }
    }

    /// The newest set that the client has, with its number; none, when it is not kept any more.
    pub(crate) fn newest(&self) -> Option<(Sequence, &[Told])> {
        let sequence = self.acknowledged?;
        let row = Self::row(sequence);
        let (_, count) = self.kept[row].filter(|(kept, _)| *kept == sequence)?;
        Some((sequence, self.told.get(row * MAX_SET..)?.get(..count.into())?))
    }

    /// Keeps the set of a snapshot; the oldest is forgotten for it. More than [`MAX_SET`] are never told.
    pub(crate) fn keep(&mut self, sequence: Sequence, told: &[Told]) {
        let row = Self::row(sequence);
        let count = told.len().min(MAX_SET);
        self.told[row * MAX_SET..][..count].copy_from_slice(&told[..count]);
        self.kept[row] = Some((sequence, count as u8));
        if self.acknowledged.is_some_and(|known| known != sequence && Self::row(known) == row) {
            self.acknowledged = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(sequences: impl Iterator<Item = u16>) -> Baselines {
        let mut baselines = Baselines::default();
        for n in sequences {
            baselines.keep(Sequence(n), &[Told::at(n % 100, Tick(u32::from(n)), false)]);
        }
        baselines
    }

    fn newest(baselines: &Baselines) -> Option<u16> {
        baselines.newest().map(|(sequence, _)| sequence.0)
    }

    #[test]
    fn the_newest_that_arrived_is_the_baseline() {
        let mut baselines = kept(1..10);
        assert_eq!(newest(&baselines), None);
        baselines.acknowledge(Ack { newest: Sequence(5), mask: 0b10 });
        assert_eq!(baselines.newest(), Some((Sequence(5), &[Told::at(5, Tick(5), false)][..])));
        baselines.acknowledge(Ack { newest: Sequence(4), mask: 0 });
        assert_eq!(newest(&baselines), Some(5), "an answer that was overtaken");
        baselines.acknowledge(Ack { newest: Sequence(900), mask: u32::MAX });
        assert_eq!(newest(&baselines), Some(5), "nothing that was sent");
        baselines.acknowledge(Ack { newest: Sequence(11), mask: 0b100 });
        assert_eq!(newest(&baselines), Some(8), "of what is kept, the newest");
    }

    #[test]
    fn a_baseline_that_is_not_kept_any_more_is_none() {
        let last = SETS_KEPT as u16;
        let mut baselines = kept(1..=last);
        baselines.acknowledge(Ack { newest: Sequence(1), mask: 0 });
        assert_eq!(newest(&baselines), Some(1));
        baselines.keep(Sequence(last + 1), &[]);
        assert_eq!(newest(&baselines), None);
        baselines.acknowledge(Ack { newest: Sequence(1), mask: 0 });
        assert_eq!(newest(&baselines), None);
        baselines.acknowledge(Ack { newest: Sequence(last + 1), mask: 0 });
        assert_eq!(baselines.newest(), Some((Sequence(last + 1), &[][..])), "the set of nobody is one too");
    }

    #[test]
    fn sequences_wrap() {
        let mut baselines = kept(65_530..=65_535);
        (0..4).for_each(|n| baselines.keep(Sequence(n), &[]));
        baselines.acknowledge(Ack { newest: Sequence(65_535), mask: 0 });
        baselines.acknowledge(Ack { newest: Sequence(2), mask: 0 });
        assert_eq!(newest(&baselines), Some(2));
    }

    #[test]
    fn ages_are_of_the_low_bits() {
        assert_eq!(Told::at(1, Tick(0x1FF), true).age(Tick(0x202)), 3);
        assert_eq!(Told::at(1, Tick(u32::MAX), true).age(Tick(1)), 2);
    }
}
