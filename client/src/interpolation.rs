//! Where to draw the others: a little behind the newest state, so that there is mostly a state on either side of what is drawn. No IO, no
//! clock; time is an argument: any monotonic duration, the same one for all calls.
//!
//! The delay follows the arrivals of snapshots ([`DRAW_DELAY_MIN`] to [`DRAW_DELAY_MAX`] behind the usual one). Between two states an
//! entity takes the way that both tell of; after its newest one it goes on as it did for at most
//! [`EXTRAPOLATED_TICKS_MAX`](crate::limits::EXTRAPOLATED_TICKS_MAX) ticks, and then stands. When a newer state says otherwise, the error is
//! smoothed over.

mod path;
mod playout;
mod track;

use std::time::Duration;

use shallot_proto::wire::{NetId, Position, Tick, Velocity};

pub use playout::Moment;

use crate::fade::micros;
use crate::limits::ENTITIES_MAX;
#[cfg(doc)]
use crate::limits::{DRAW_DELAY_MAX, DRAW_DELAY_MIN};
use crate::snapshots::Entity;
use playout::Playout;
use track::Track;

/// The newest state of an entity: all that drawing it needs to know of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which.
    pub id: NetId,
    /// When it was so.
    pub tick: Tick,
    /// Where.
    pub position: Position,
    /// Its way in a tick.
    pub velocity: Velocity,
    /// Where it looks, in 256 steps.
    pub facing: u8,
    /// Whether it is dead.
    pub is_dead: bool,
}

impl From<&Entity> for Sighting {
    fn from(entity: &Entity) -> Self {
        Self {
            id: entity.id,
            tick: entity.tick,
            position: entity.position,
            velocity: entity.velocity,
            facing: entity.facing,
            is_dead: entity.is_dead,
        }
    }
}

/// An entity as it is to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Which.
    pub id: NetId,
    /// Where.
    pub position: Position,
    /// Where it looks, in 256 steps.
    pub facing: u8,
    /// Whether it lies there dead.
    pub is_dead: bool,
}

/// What is drawn of others in one stay in a region; a new stay begins with a new one.
///
/// - [`Interpolation::observe`] with each newest snapshot;
/// - with each frame [`Interpolation::moment`], and for it [`Interpolation::drawn`] or [`Interpolation::all`]: these take no memory.
#[derive(Clone, Debug, Default)]
pub struct Interpolation {
    playout: Option<Playout>,
    /// In the order of their indexes: a new generation is another entity in its place.
    tracks: Vec<Track>,
}

impl Interpolation {
    /// Takes the snapshot of `tick` that came at `now` and was the newest, with the newest state of all that is in view. Who is not in
    /// view any more is drawn until the tick of this snapshot.
    pub fn observe(&mut self, now: Duration, tick: Tick, seen: impl IntoIterator<Item = Sighting>) {
        let now = micros(now);
        let playout = self.playout.get_or_insert_with(|| Playout::new(tick, now));
        let goes_on = playout.arrived(tick, now);
        let at = playout.moment(now);
        // Behind the last one: those in view come by id, and most of them were here before.
        let mut next = 0;
        for sighting in seen {
            let is_next = self.tracks.get(next).is_some_and(|track| track.id().index == sighting.id.index);
            let place = if is_next { Ok(next) } else { self.search(sighting.id) };
            match place {
                Ok(place) => match self.tracks.get_mut(place) {
                    Some(track) if track.id() == sighting.id => track.learn(sighting, tick, at, goes_on),
                    Some(track) => *track = Track::new(sighting, tick),
                    None => {}
                },
                Err(_) if self.tracks.len() >= ENTITIES_MAX => continue,
                Err(place) => self.tracks.insert(place, Track::new(sighting, tick)),
            }
            next = place.unwrap_or_else(|place| place) + 1;
        }
        self.tracks.retain_mut(|track| track.outlives(tick, at));
    }

    /// Where the entity with an index is among them, or where it would be.
    fn search(&self, id: NetId) -> Result<usize, usize> {
        self.tracks.binary_search_by_key(&id.index, |track| track.id().index)
    }

    /// What time of the server's is drawn at `now`; `None` before the first snapshot. The tick of it is what an input datagram says that the
    /// player looks at. It never goes back but when the line or the server begins anew.
    #[must_use]
    pub fn moment(&self, now: Duration) -> Option<Moment> {
        self.playout.as_ref().map(|playout| playout.moment(micros(now)))
    }

    /// How far behind the usual arrival it is drawn.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.playout.as_ref().map(Playout::delay).unwrap_or_default()
    }

    /// One entity at a moment, if it is there then.
    #[must_use]
    pub fn drawn(&self, id: NetId, at: Moment) -> Option<Drawn> {
        self.tracks.get(self.search(id).ok()?).filter(|track| track.id() == id)?.drawn(at)
    }

    /// All entities that are there at a moment, by id.
    pub fn all(&self, at: Moment) -> impl Iterator<Item = Drawn> + '_ {
        self.tracks.iter().filter_map(move |track| track.drawn(at))
    }
}

#[cfg(test)]
mod tests;
