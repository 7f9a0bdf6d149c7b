//! How each entity was to be seen in the last ticks: what changes are worked out from, and where things were.
//!
//! It follows from the ticks gone by, but is no state: a world that was restored has none, and begins to keep it anew.

use shallot_wire::{EntityKind, NetId, Position, State, Tick};

use crate::limits::{HISTORY_TICKS, SLOTS};

/// One entity as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) id: NetId,
    pub(crate) kind: EntityKind,
    /// In full.
    pub(crate) position: Position,
    pub(crate) facing: u8,
    /// As the wire has it, 0 to 127.
    pub(crate) speed: u8,
    /// 0 without a speed.
    pub(crate) heading: u8,
    pub(crate) is_dead: bool,
}

impl Spot {
    /// As both ends have it, to the bit.
    pub(crate) fn state(&self) -> State {
        let (x, y) = State::steps(self.position);
        let Self { facing, speed, heading, is_dead, .. } = *self;
        State { x, y, z: 0, facing, speed, heading, animation: 0, is_dead }
    }
}

/// A row of slots for each of the last [`HISTORY_TICKS`] ticks.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// Row by row.
    spots: Vec<Option<Spot>>,
    /// What each row is of.
    ticks: [Option<Tick>; HISTORY_TICKS],
}

impl History {
    /// Of nothing.
    pub(crate) fn new() -> Self {
        Self { spots: vec![None; HISTORY_TICKS * SLOTS], ticks: [None; HISTORY_TICKS] }
    }

    fn row(tick: Tick) -> usize {
        tick.0 as usize % HISTORY_TICKS
    }

    /// Begins a tick; the oldest is forgotten for it.
    pub(crate) fn begin(&mut self, tick: Tick) {
        let row = Self::row(tick);
        self.ticks[row] = Some(tick);
        self.spots[row * SLOTS..(row + 1) * SLOTS].fill(None);
    }

    /// Notes who is in a slot; the tick must have begun.
    pub(crate) fn note(&mut self, tick: Tick, spot: Spot) {
        let slot = usize::from(spot.id.index);
        if slot < SLOTS {
            self.spots[Self::row(tick) * SLOTS + slot] = Some(spot);
        }
    }

    /// Who was in a slot; nobody, when the tick is not kept.
    pub(crate) fn at(&self, tick: Tick, slot: u16) -> Option<&Spot> {
        let (row, slot) = (Self::row(tick), usize::from(slot));
        if self.ticks[row] != Some(tick) || slot >= SLOTS {
            return None;
        }
        self.spots[row * SLOTS + slot].as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ticks_are_kept() {
        let mut history = History::new();
        let spot = |generation: u8| Spot {
            id: NetId { index: 7, generation },
            kind: EntityKind::Drop,
            position: Position::default(),
            facing: 0,
            speed: 0,
            heading: 0,
            is_dead: false,
        };
        let first = Tick(u32::MAX - 5);
        assert_eq!(history.at(first, 7), None);
        for n in 0..HISTORY_TICKS as u32 {
            history.begin(first.plus(n));
            history.note(first.plus(n), spot((n % 8) as u8));
        }
        for n in 0..HISTORY_TICKS as u32 {
            assert_eq!(history.at(first.plus(n), 7), Some(&spot((n % 8) as u8)));
        }
        history.begin(first.plus(HISTORY_TICKS as u32));
        assert_eq!(history.at(first, 7), None, "its row is another tick's");
        assert_eq!(history.at(first.plus(HISTORY_TICKS as u32), 7), None, "nobody is there yet");
        history.note(first.plus(1), Spot { id: NetId { index: u16::MAX, generation: 0 }, ..spot(0) });
        assert_eq!(history.at(first.plus(1), u16::MAX), None, "no such slot");
    }
}
