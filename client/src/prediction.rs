//! The own body before the server confirms it: inputs move it at once by the kernel that the server uses too, and each snapshot sets
//! it right. No IO, no clock.

use std::collections::VecDeque;

use shallot_masterdata::Region;
use shallot_proto::wire::input::Input;
use shallot_proto::wire::{Motion, OwnState, Position, Rect, TerrainIndex, Tick};

use crate::limits::UNACKNOWLEDGED_MAX;

/// The edge and the blocks of a region.
#[must_use]
pub fn terrain_of(region: &Region) -> TerrainIndex {
    let rect = |rect: shallot_masterdata::Rect| Rect::from_metres(rect.x, rect.y, rect.width, rect.height);
    let blocks: Vec<Rect> = region.blocks.iter().copied().map(rect).collect();
    TerrainIndex::new(rect(region.area), &blocks)
}

/// How far a prediction was off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// From where the body was thought to be to where it is, for drawing: it is to be smoothed over, unless `is_teleport`.
    pub from: Position,
    /// Where it is.
    pub to: Position,
    /// It was put there without having walked.
    pub is_teleport: bool,
}

/// The own body, ahead of the server.
#[derive(Clone, Debug)]
pub struct Prediction {
    terrain: TerrainIndex,
    speed_cm_per_s: u32,
    position: Position,
    /// Oldest first.
    unconfirmed: VecDeque<(Tick, Input)>,
    teleports: Option<u8>,
    is_dead: bool,
}

impl Prediction {
    /// Begins where `Enter` put the body.
    #[must_use]
    pub fn new(terrain: TerrainIndex, speed_cm_per_s: u32, position: Position) -> Self {
        Self { terrain, speed_cm_per_s, position, unconfirmed: VecDeque::new(), teleports: None, is_dead: false }
    }

    /// Where the body is, as far as the client knows.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Moves it by the input of a tick. At most [`UNACKNOWLEDGED_MAX`] inputs wait for the server: a longer silence predicts
    /// nothing any more.
    pub fn step(&mut self, tick: Tick, input: Input) -> Position {
        if !self.is_dead && self.unconfirmed.len() < UNACKNOWLEDGED_MAX {
            self.unconfirmed.push_back((tick, input));
            self.position = self.moved(self.position, input);
        }
        self.position
    }

    fn moved(&self, from: Position, input: Input) -> Position {
        let motion = Motion { heading: input.heading, throttle: input.throttle, speed_cm_per_s: self.speed_cm_per_s };
        self.terrain.step(from, motion).0
    }

    /// Takes what the server says of the body, which is its state after the input of the client's tick `last_input`, and repeats the
    /// inputs after that one from there. An input that came too late at the server is among the earlier ones: it never moved
    /// the body. `None`: the server applied none yet, or the body stands for want of inputs.
    pub fn reconcile(&mut self, own: &OwnState, last_input: Option<Tick>) -> Correction {
        self.is_dead = own.is_dead;
        if own.is_dead {
            self.unconfirmed.clear();
        }
        let is_over = |tick: Tick| last_input.is_some_and(|last| !tick.is_after(last));
        while self.unconfirmed.front().is_some_and(|(tick, _)| is_over(*tick)) {
            self.unconfirmed.pop_front();
        }
        let from = self.position;
        self.position = self.unconfirmed.iter().fold(own.position, |position, (_, input)| self.moved(position, *input));
        let is_teleport = self.teleports.replace(own.teleports).is_some_and(|before| before != own.teleports);
        Correction { from, to: self.position, is_teleport }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shallot_proto::wire::{NetId, Velocity};

    const EAST: Input = Input { heading: 0, throttle: 127, facing: 0 };
    const SPEED: u32 = 450;

    fn terrain() -> TerrainIndex {
        TerrainIndex::new(Rect::from_metres(0, 0, 100, 100), &[Rect::from_metres(20, 0, 5, 100)])
    }

    fn at(metres: i32) -> Position {
        Position { x: metres * 4_096, y: 40_960 }
    }

    fn own(position: Position) -> OwnState {
        OwnState {
            entity: NetId { index: 1, generation: 0 },
            position,
            z: 0,
            velocity: Velocity::ZERO,
            velocity_z: 0,
            facing: 0,
            animation: 0,
            is_dead: false,
            teleports: 0,
        }
    }

    #[test]
    fn a_server_that_does_the_same_corrects_nothing() {
        let mut ahead = Prediction::new(terrain(), SPEED, at(10));
        let mut server = at(10);
        for n in 0..100_u32 {
            ahead.step(Tick(100 + n + 4), EAST);
            if n >= 4 {
                // Four ticks later the server comes to the same input; 450 cm/s is 921 units a tick.
                server = Prediction::new(terrain(), SPEED, server).step(Tick(0), EAST);
                let correction = ahead.reconcile(&own(server), Some(Tick(100 + n)));
                assert_eq!(correction.from, correction.to, "{n}");
            }
        }
        assert_eq!(ahead.position(), Position { x: 20 * 4_096 - 1, y: 40_960 }, "it stands at the block");
    }

    #[test]
    fn an_input_that_the_server_missed_is_taken_back() {
        let mut ahead = Prediction::new(terrain(), SPEED, at(10));
        for n in 1..=3 {
            ahead.step(Tick(n), EAST);
        }
        let correction = ahead.reconcile(&own(at(10)), Some(Tick(2)));
        let one_step = Position { x: at(10).x + 921, y: at(10).y };
        assert_eq!((correction.to, ahead.position()), (one_step, one_step));
        assert!(!correction.is_teleport);
    }

    #[test]
    fn before_the_first_input_is_applied_all_are_ahead() {
        let mut ahead = Prediction::new(terrain(), SPEED, at(10));
        ahead.step(Tick(1), EAST);
        ahead.step(Tick(2), EAST);
        assert_eq!(ahead.reconcile(&own(at(10)), None).to, Position { x: at(10).x + 2 * 921, y: at(10).y });
    }

    #[test]
    fn the_dead_do_not_walk_and_one_who_stands_up_elsewhere_is_not_smoothed() {
        let mut ahead = Prediction::new(terrain(), SPEED, at(10));
        ahead.reconcile(&OwnState { is_dead: true, ..own(at(9)) }, Some(Tick(1)));
        assert_eq!(ahead.step(Tick(2), EAST), at(9));
        let correction = ahead.reconcile(&OwnState { teleports: 1, ..own(at(50)) }, Some(Tick(3)));
        assert!(correction.is_teleport && correction.to == at(50));
        assert_ne!(ahead.step(Tick(4), EAST), at(50));
    }

    #[test]
    fn a_silent_server_ends_the_prediction() {
        let mut ahead = Prediction::new(TerrainIndex::new(Rect::WORLD, &[]), SPEED, at(10));
        for n in 0..1_000 {
            ahead.step(Tick(n), EAST);
        }
        assert_eq!(ahead.position().x, at(10).x + 921 * UNACKNOWLEDGED_MAX as i32);
    }
}
