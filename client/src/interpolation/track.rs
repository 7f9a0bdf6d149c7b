//! One entity's last states, and what is drawn of them.

use std::collections::VecDeque;

use shallot_proto::wire::{NetId, Position, Tick};

use super::playout::Moment;
use super::{Drawn, Sighting, path};
use crate::fade::Fade;
use crate::limits::STATES_KEPT;

/// A state, and how the entity came to it.
#[derive(Clone, Copy, Debug)]
struct Known {
    state: Sighting,
    /// It did not walk there from the state before.
    is_leap: bool,
}

/// What is known of an entity.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// It is not there before.
    first: Tick,
    /// Newest first; at least one, at most [`STATES_KEPT`].
    states: VecDeque<Known>,
    newest: Sighting,
    /// The newest snapshot that had it in view, and the first after that which had not.
    seen_at: Tick,
    gone_at: Option<Tick>,
    /// In microseconds since `first`.
    fade: Fade,
}

impl Track {
    /// Of an entity that comes into view in the snapshot of `seen_at`.
    pub(super) fn new(state: Sighting, seen_at: Tick) -> Self {
        let mut states = VecDeque::with_capacity(STATES_KEPT);
        states.push_front(Known { state, is_leap: true });
        Self { first: state.tick, states, newest: state, seen_at, gone_at: None, fade: Fade::default() }
    }

    pub(super) fn id(&self) -> NetId {
        self.newest.id
    }

    /// Takes the state in which the snapshot of `seen_at` has it, when `at` is drawn. What is drawn then stays where it is and goes over to
    /// what is right, if it `goes_on`.
    pub(super) fn learn(&mut self, state: Sighting, seen_at: Tick, at: Moment, goes_on: bool) {
        (self.seen_at, self.gone_at) = (seen_at, None);
        if !state.tick.is_after(self.newest.tick) {
            return;
        }
        let is_leap = path::is_leap(&self.newest, &state);
        let before = self.right(at);
        let drawn = before.map(|right| self.faded(right, at));
        self.states.truncate(STATES_KEPT - 1);
        self.states.push_front(Known { state, is_leap });
        self.newest = state;
        let right = self.right(at);
        if right == before && goes_on {
            return;
        }
        let has_leapt = is_leap && at.since(state.tick) >= 0;
        let error = drawn.zip(right).filter(|_| goes_on && !has_leapt);
        let fade = error.and_then(|(drawn, right)| Fade::begin(drawn, right, at.since(self.first)));
        self.fade = fade.unwrap_or_default();
    }

    /// The snapshot of `tick` was taken in, with it or without. Whether anything of it is to be drawn at `at` or later.
    pub(super) fn outlives(&mut self, tick: Tick, at: Moment) -> bool {
        if self.seen_at != tick && self.gone_at.is_none() {
            self.gone_at = Some(tick);
        }
        self.gone_at.is_none_or(|gone| at.since(gone) < 0)
    }

    /// As it is to be drawn; `None` before it came and when it is gone.
    pub(super) fn drawn(&self, at: Moment) -> Option<Drawn> {
        let (a, b) = self.around(at)?;
        let position = self.faded(between(a, b, at), at);
        let facing = b.map_or(a.facing, |b| path::facing(a, &b.state, at));
        Some(Drawn { id: a.id, position, facing, is_dead: a.is_dead })
    }

    /// Where its states have it.
    fn right(&self, at: Moment) -> Option<Position> {
        let (a, b) = self.around(at)?;
        Some(between(a, b, at))
    }

    /// With what is left of an error.
    fn faded(&self, right: Position, at: Moment) -> Position {
        self.fade.apply(right, at.since(self.first))
    }

    /// The newest state that is not after the moment, and the one after that.
    fn around(&self, at: Moment) -> Option<(&Sighting, Option<&Known>)> {
        let is_there = at.since(self.first) >= 0 && self.gone_at.is_none_or(|gone| at.since(gone) < 0);
        if !is_there {
            return None;
        }
        let is_past = |known: &Known| at.since(known.state.tick) >= 0;
        let place = self.states.iter().position(is_past).unwrap_or(self.states.len().saturating_sub(1));
        let after = place.checked_sub(1).and_then(|later| self.states.get(later));
        Some((&self.states.get(place)?.state, after))
    }
}

/// On the way from a state to the one after it, or onward.
fn between(a: &Sighting, b: Option<&Known>, at: Moment) -> Position {
    match b {
        Some(b) if !b.is_leap => path::between(a, &b.state, at),
        _ => path::onward(a, at),
    }
}
