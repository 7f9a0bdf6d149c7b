//! The own body before the server confirms it: inputs move it at once by the kernel that the server uses too, and each snapshot sets
//! it right. No IO, no clock; time is an argument: any monotonic duration, the same one for all calls.
//!
//! Where the client has the region's blocks ([`terrain_of`]), it predicts them. Where it has none, it walks through a block until the next
//! snapshot says that it did not: the correction is as large as a round trip's way.

mod progress;

use std::collections::VecDeque;
use std::time::Duration;

use shallot_masterdata::Region;
use shallot_proto::wire::input::Input;
use shallot_proto::wire::{Motion, OwnState, Position, Rect, TICK_MS, TerrainIndex, Tick};

use crate::fade::{Fade, micros, on_the_way};
use crate::limits::UNACKNOWLEDGED_MAX;
use progress::Progress;

/// Length of a tick, microseconds.
const TICK_US: i64 = TICK_MS as i64 * 1_000;

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
    /// From where the body was thought to be to where it is, units of 1/4,096 m, rounded down.
    pub units: u32,
    /// It is drawn at its place at once: it was put there, or is farther away than
    /// [`CORRECTION_SNAP_UNITS`](crate::limits::CORRECTION_SNAP_UNITS). Otherwise the error is smoothed over.
    pub is_snapped: bool,
}

/// The own body, ahead of the server.
///
/// - [`Prediction::step`] with each client tick and its input;
/// - [`Prediction::reconcile`] with each newest snapshot;
/// - [`Prediction::drawn`] with each frame, [`Prediction::position`] for what the game decides by.
#[derive(Clone, Debug)]
pub struct Prediction {
    terrain: TerrainIndex,
    speed_cm_per_s: u32,
    /// Where the newest input's way begins, and where it ends.
    before: Position,
    position: Position,
    stepped_at: Duration,
    newest: Option<Tick>,
    /// Oldest first.
    unconfirmed: VecDeque<(Tick, Input)>,
    progress: Progress,
    teleports: Option<u8>,
    is_dead: bool,
    /// In microseconds of the caller's clock.
    fade: Fade,
}

impl Prediction {
    /// Begins where `Enter` put the body.
    #[must_use]
    pub fn new(terrain: TerrainIndex, speed_cm_per_s: u32, position: Position) -> Self {
        Self {
            terrain,
            speed_cm_per_s,
            before: position,
            position,
            stepped_at: Duration::ZERO,
            newest: None,
            unconfirmed: VecDeque::new(),
            progress: Progress::default(),
            teleports: None,
            is_dead: false,
            fade: Fade::default(),
        }
    }

    /// Where the body is at the end of the newest client tick, as far as the client knows.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Where to draw it at `now`: on its way through the newest client tick, with what is left of a correction.
    #[must_use]
    pub fn drawn(&self, now: Duration) -> Position {
        self.fade.apply(self.on_its_way(now), micros(now))
    }

    fn on_its_way(&self, now: Duration) -> Position {
        on_the_way(self.before, self.position, micros(now.saturating_sub(self.stepped_at)), TICK_US)
    }

    /// Moves it by the input of a tick that began at `at` (the [`due_at`](crate::pace::Pace::due_at) from before the
    /// [`poll`](crate::pace::Pace::poll) that gave it). The first input for a tick counts, as at the server. At most
    /// [`UNACKNOWLEDGED_MAX`] inputs wait for the server: a longer silence predicts nothing any more.
    pub fn step(&mut self, at: Duration, tick: Tick, input: Input) -> Position {
        if self.newest.is_some_and(|newest| !tick.is_after(newest)) {
            return self.position;
        }
        // From where it is drawn: a tick at another pace than the server's is not quite over, or has been for a while.
        (self.before, self.stepped_at, self.newest) = (self.on_its_way(at), at, Some(tick));
        if self.unconfirmed.len() < UNACKNOWLEDGED_MAX {
            self.unconfirmed.push_back((tick, input));
            self.position = self.moved(self.position, input);
        }
        self.position
    }

    fn moved(&self, from: Position, input: Input) -> Position {
        if self.is_dead {
            return from;
        }
        let motion = Motion { heading: input.heading, throttle: input.throttle, speed_cm_per_s: self.speed_cm_per_s };
        self.terrain.step(from, motion).0
    }

    /// Takes what the snapshot of the server's `tick` says of the body: its state when the server had applied the input of the client's
    /// tick `last_input` and perhaps gone past some that were missing. Those after that are repeated from there. `None`: the server applied
    /// none yet.
    pub fn reconcile(&mut self, now: Duration, tick: Tick, last_input: Option<Tick>, own: &OwnState) -> Correction {
        let drawn = self.drawn(now);
        if let Some(past) = last_input.map(|last| self.progress.past(tick, last)) {
            while self.unconfirmed.front().is_some_and(|(tick, _)| !tick.is_after(past)) {
                self.unconfirmed.pop_front();
            }
        }
        self.is_dead = own.is_dead;
        let is_teleport = self.teleports.replace(own.teleports).is_some_and(|before| before != own.teleports);
        let thought = self.position;
        let (mut before, mut position) = (own.position, own.position);
        for (_, input) in &self.unconfirmed {
            (before, position) = (position, self.moved(position, *input));
        }
        if position == thought && !is_teleport {
            return Correction { units: 0, is_snapped: false };
        }
        (self.before, self.position, self.fade) = (before, position, Fade::default());
        let fade = Fade::begin(drawn, self.drawn(now), micros(now)).filter(|_| !is_teleport);
        self.fade = fade.unwrap_or_default();
        let units = thought.distance_squared(position).unsigned_abs().isqrt();
        Correction { units: u32::try_from(units).unwrap_or(u32::MAX), is_snapped: fade.is_none() }
    }
}

#[cfg(test)]
mod tests;
