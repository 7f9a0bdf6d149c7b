//! Where everybody truly was: each player's own snapshots say it exactly, and all players of a run are in this process.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use shallot_client::interpolation::Moment;
use shallot_client::wire::{NetId, OwnState, Position, TICK_MS, Tick};

/// Ticks that are remembered: what is drawn lies half a second back at most.
const KEPT: usize = 64;
/// Length of a tick, microseconds.
const TICK_US: i64 = TICK_MS as i64 * 1_000;

/// One player's way.
#[derive(Clone, Debug)]
struct Way {
    at: [Option<(Tick, Position)>; KEPT],
    newest: Option<Tick>,
    /// As told last.
    teleports: u8,
}

/// All players' ways, by their numbers.
#[derive(Debug)]
pub(super) struct Truth {
    ids: Vec<OnceLock<NetId>>,
    ways: Vec<Mutex<Way>>,
}

impl Truth {
    /// Of so many.
    #[must_use]
    pub(super) fn new(players: usize) -> Self {
        let way = || Mutex::new(Way { at: [None; KEPT], newest: None, teleports: 0 });
        Self { ids: (0..players).map(|_| OnceLock::new()).collect(), ways: (0..players).map(|_| way()).collect() }
    }

    /// A player is in; the first word holds.
    pub(super) fn came_in(&self, player: usize, id: NetId) {
        if let Some(there) = self.ids.get(player) {
            let _ = there.set(id);
        }
    }

    /// Where a player was at a tick, as the server told it, and so where it was a tick before: it need not have a snapshot of each.
    pub(super) fn tell(&self, player: usize, tick: Tick, own: &OwnState) {
        let Some(mut way) = self.way(player) else { return };
        if own.teleports == way.teleports {
            let (at, came) = (own.position, own.velocity);
            let before = Position { x: at.x.wrapping_sub(came.x), y: at.y.wrapping_sub(came.y) };
            way.put(tick.minus(1), before);
        }
        way.teleports = own.teleports;
        way.put(tick, own.position);
        if way.newest.is_none_or(|newest| tick.is_after(newest)) {
            way.newest = Some(tick);
        }
    }

    /// Those who are in.
    pub(super) fn players(&self) -> impl Iterator<Item = (usize, NetId)> + '_ {
        self.ids.iter().enumerate().filter_map(|(player, id)| Some((player, *id.get()?)))
    }

    /// Where a player was at a moment, on the straight way from a tick to the next; `None`: one of the two was not told, or is long gone.
    #[must_use]
    pub(super) fn at(&self, player: usize, moment: Moment) -> Option<Position> {
        let way = self.way(player)?;
        let from = way.told(moment.tick)?;
        if moment.us == 0 {
            return Some(from);
        }
        let to = way.told(moment.tick.plus(1))?;
        let between = |a: i32, b: i32| {
            let part = i64::from(b.wrapping_sub(a)) * i64::from(moment.us) / TICK_US;
            a.wrapping_add(i32::try_from(part).unwrap_or(0))
        };
        Some(Position { x: between(from.x, to.x), y: between(from.y, to.y) })
    }

    /// Where a player was when it was last told.
    #[must_use]
    pub(super) fn last(&self, player: usize) -> Option<Position> {
        let way = self.way(player)?;
        way.told(way.newest?)
    }

    /// Each lock guards one whole step.
    fn way(&self, player: usize) -> Option<MutexGuard<'_, Way>> {
        self.ways.get(player).map(|way| way.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Way {
    fn put(&mut self, tick: Tick, position: Position) {
        if let Some(row) = self.at.get_mut(row(tick)) {
            *row = Some((tick, position));
        }
    }

    fn told(&self, tick: Tick) -> Option<Position> {
        self.at.get(row(tick))?.filter(|(told, _)| *told == tick).map(|(_, position)| position)
    }
}

fn row(tick: Tick) -> usize {
    tick.0 as usize % KEPT
}

#[cfg(test)]
mod tests {
    use shallot_client::wire::Velocity;

    use super::*;

    const fn at(x: i32) -> Position {
        Position { x, y: -x }
    }

    /// Who stands at `at(x)` and came from `at(x - way)`.
    fn own(x: i32, way: i32, teleports: u8) -> OwnState {
        OwnState {
            entity: NetId::from_bits(9).expect("an id"),
            position: at(x),
            z: 0,
            velocity: Velocity { x: way, y: -way },
            velocity_z: 0,
            facing: 0,
            animation: 0,
            is_dead: false,
            teleports,
        }
    }

    #[test]
    fn between_two_ticks_it_is_between_two_places() {
        let truth = Truth::new(2);
        truth.tell(0, Tick(100), &own(1_000, 300, 0));
        truth.tell(0, Tick(101), &own(2_000, 1_000, 0));
        assert_eq!(truth.at(0, Moment { tick: Tick(100), us: 0 }), Some(at(1_000)));
        assert_eq!(truth.at(0, Moment { tick: Tick(100), us: 12_500 }), Some(at(1_250)));
        assert_eq!(truth.at(0, Moment { tick: Tick(101), us: 1 }), None, "the next was not told yet");
        assert_eq!((truth.last(0), truth.last(1), truth.last(2)), (Some(at(2_000)), None, None));
    }

    #[test]
    fn what_was_lost_or_is_long_gone_is_not_known() {
        let truth = Truth::new(1);
        for tick in 0..200 {
            truth.tell(0, Tick(tick), &own(tick as i32, 1, 0));
        }
        assert_eq!(truth.at(0, Moment { tick: Tick(199), us: 0 }), Some(at(199)));
        assert_eq!(truth.at(0, Moment { tick: Tick(200 - 1 - KEPT as u32), us: 0 }), None);
        truth.tell(0, Tick(150), &own(7, 0, 0));
        assert_eq!(truth.last(0), Some(at(199)), "an older one is not the last");
    }

    #[test]
    fn who_is_told_each_other_tick_was_somewhere_in_between() {
        let truth = Truth::new(1);
        truth.tell(0, Tick(100), &own(1_000, 300, 0));
        truth.tell(0, Tick(102), &own(1_500, 200, 0));
        let half = |tick| truth.at(0, Moment { tick: Tick(tick), us: 25_000 });
        assert_eq!([99, 100, 101].map(half), [850, 1_150, 1_400].map(|x| Some(at(x))));
        truth.tell(0, Tick(104), &own(9_000, 0, 1));
        assert_eq!([102, 103].map(half), [None; 2], "it was put there");
    }

    #[test]
    fn those_who_are_in_are_known_by_number() {
        let truth = Truth::new(3);
        let id = NetId::from_bits(9).expect("an id");
        truth.came_in(1, id);
        truth.came_in(5, id);
        assert_eq!(truth.players().collect::<Vec<_>>(), [(1, id)]);
    }
}
