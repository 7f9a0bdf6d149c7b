//! How far behind the world a player sees the others, so that a shot is judged against what the shooter saw.
//!
//! A client draws the others a while ago: what it is told has travelled, and is drawn later still so that it runs smoothly. With each
//! input it says which tick it looked at. That is believed as far as the server's own estimate of the round trip allows, and
//! never beyond [`REWIND_TICKS`]. The world is not wound back: a shot is judged against the history of its target alone.

use bevy_ecs::prelude::Component;
use shallot_wire::{NetId, Position, Tick};
use wincode::{SchemaRead, SchemaWrite};

use crate::limits::{DRAWN_LATE_TICKS, OUTLOOK_TICKS, REWIND_TICKS, TRIP_TICKS};
use crate::scene::Scene;
use crate::schema::TickSchema;

/// A player: what it sees of the others, and since when.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Default, SchemaRead, SchemaWrite)]
pub(crate) struct Outlook {
    /// Ticks from the one that it looked at to the one in which its newest input said so; as it is believed, which changes slowly.
    pub(crate) behind: Option<u8>,
    /// When that changed last.
    #[wincode(with = "TickSchema")]
    pub(crate) changed: Tick,
    /// The shortest round trips, ticks, of this stretch of [`TRIP_TICKS`] and of the one before it.
    pub(crate) trips: [Option<u8>; 2],
    /// The first tick of this stretch.
    #[wincode(with = "TickSchema")]
    pub(crate) began: Tick,
}

impl Outlook {
    /// Takes the tick that an input says the player looked at (low 16 bits). One that has not come is the present one. What a client draws
    /// runs little faster or slower than the world, so what it says is followed by one tick in [`OUTLOOK_TICKS`]: nobody
    /// chooses anew for each shot what he has seen.
    pub(crate) fn look_at(&mut self, view_tick: u16, now: Tick) {
        let says = now.low16().wrapping_sub(view_tick).cast_signed().clamp(0, REWIND_TICKS as i16) as u8;
        let Some(behind) = self.behind else {
            (self.behind, self.changed) = (Some(says), now);
            return;
        };
        if says != behind && now.since(self.changed) >= OUTLOOK_TICKS {
            let step = if says > behind { behind.saturating_add(1) } else { behind.saturating_sub(1) };
            (self.behind, self.changed) = (Some(step), now);
        }
    }

    /// Takes how long ago the newest snapshot was sent that the client says it has, ticks.
    pub(crate) fn answered(&mut self, trip: u32, now: Tick) {
        let trip = u8::try_from(trip).unwrap_or(u8::MAX);
        if now.since(self.began) >= TRIP_TICKS {
            (self.trips, self.began) = ([None, self.trips[0]], now);
        }
        self.trips[0] = Some(self.trips[0].map_or(trip, |least| least.min(trip)));
    }

    /// Ticks that its shots are judged back. Nothing while no snapshot was ever acknowledged.
    ///
    /// Example: of 7 ticks that it says it is behind, with a round trip of 1 it is believed 4.
    pub(crate) fn rewind(&self) -> u32 {
        let trip = self.trips.into_iter().flatten().min();
        let believed = trip.map_or(0, |trip| u32::from(trip) + DRAWN_LATE_TICKS);
        u32::from(self.behind.unwrap_or(0)).min(believed).min(REWIND_TICKS)
    }

    /// Where the player saw somebody who is at `position` now. Who was not there yet is judged where it is.
    pub(crate) fn saw(&self, scene: &Scene, id: NetId, position: Position, now: Tick) -> Position {
        let then = match self.rewind() {
            0 => None,
            ticks => scene.history.at(now.minus(ticks), id.index).filter(|spot| spot.id == id),
        };
        then.map_or(position, |spot| spot.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Tick = Tick(70_000);

    fn behind(ticks: u32) -> Outlook {
        let mut outlook = Outlook::default();
        outlook.look_at(NOW.minus(ticks).low16(), NOW);
        outlook
    }

    #[test]
    fn it_is_believed_as_far_as_the_round_trip_allows_and_a_quarter_of_a_second_at_most() {
        for (says, trip, believed) in [(0, 2, 0), (3, 2, 3), (5, 2, 5), (7, 1, 4), (7, 2, 5), (90, 60, 5), (4, 0, 3)] {
            let mut outlook = behind(says);
            outlook.answered(trip, NOW);
            assert_eq!(outlook.rewind(), believed, "{says} behind, {trip} there and back");
        }
    }

    #[test]
    fn who_has_answered_nothing_or_looks_ahead_is_judged_by_the_present() {
        assert_eq!(behind(4).rewind(), 0);
        let mut outlook = Outlook::default();
        outlook.answered(3, NOW);
        outlook.look_at(NOW.plus(3).low16(), NOW);
        assert_eq!(outlook.rewind(), 0);
        let mut outlook = behind(400);
        outlook.answered(3, NOW);
        assert_eq!(outlook.rewind(), 5);
    }

    #[test]
    fn what_it_says_is_followed_slowly() {
        let mut outlook = behind(2);
        outlook.answered(3, NOW);
        let mut believed = Vec::new();
        for n in 1..=50 {
            let now = NOW.plus(n);
            outlook.look_at(now.minus(if n <= 30 { 60 } else { 0 }).low16(), now);
            believed.push(outlook.rewind());
        }
        assert_eq!([8, 9, 18, 19, 28, 29, 38, 39, 48, 49].map(|n| believed[n]), [2, 3, 3, 4, 4, 5, 5, 4, 4, 3]);
    }

    #[test]
    fn the_shortest_trip_of_the_last_seconds_counts() {
        let mut outlook = behind(9);
        let mut at = |tick: Tick, trip: u32| {
            outlook.answered(trip, tick);
            outlook.trips.into_iter().flatten().min()
        };
        let stretch = TRIP_TICKS.unsigned_abs();
        assert_eq!(at(NOW, 9), Some(9));
        assert_eq!(at(NOW.plus(3), 2), Some(2));
        assert_eq!(at(NOW.plus(4), 9), Some(2), "one that is late says nothing");
        assert_eq!(at(NOW.plus(stretch), 9), Some(2), "of the stretch before");
        assert_eq!(at(NOW.plus(2 * stretch), 9), Some(9), "a longer way by now");
    }
}
