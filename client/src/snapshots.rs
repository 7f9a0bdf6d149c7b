//! What the client sees: snapshots in, the newest state out. No IO, no clock.
//!
//! A complete snapshot names all there is to see, so what it does not name is gone. An incomplete one says nothing about the rest
//! (it goes on as it did, or there was no room): that stays for [`STALE_AFTER_TICKS`] more.

use std::collections::BTreeMap;

use shallot_proto::wire::datagram::{Ack, Arrival, DecodeError, Received, TimeEcho};
use shallot_proto::wire::heading::velocity_of;
use shallot_proto::wire::{EntityKind, Group, NetId, OwnState, Position, Record, Snapshot, Tick, Velocity};

use crate::limits::{ENTITIES_MAX, EXTRAPOLATED_TICKS_MAX, STALE_AFTER_TICKS};

/// An entity as last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Which.
    pub id: NetId,
    /// What.
    pub kind: EntityKind,
    /// Where, to 1/128 m.
    pub position: Position,
    /// Its way in a tick.
    pub velocity: Velocity,
    /// Where it looks, in 256 steps.
    pub facing: u8,
    /// What it is seen to do, 0 to 63.
    pub animation: u8,
    /// Whether it is dead.
    pub is_dead: bool,
    /// The tick at which it was so.
    pub tick: Tick,
    /// The newest snapshot that named it.
    named_at: Tick,
}

impl Entity {
    /// Where it is at `tick` if it went on as it did, without regard to walls; for at most [`EXTRAPOLATED_TICKS_MAX`].
    #[must_use]
    pub fn position_at(&self, tick: Tick) -> Position {
        let ticks = tick.since(self.tick).clamp(0, EXTRAPOLATED_TICKS_MAX);
        let along = |from: i32, way: i32| from.saturating_add(way.saturating_mul(ticks));
        Position { x: along(self.position.x, self.velocity.x), y: along(self.position.y, self.velocity.y) }
    }
}

/// What a snapshot says beside the entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The tick it shows.
    pub tick: Tick,
    /// The client's tick whose input was applied last.
    pub last_input: Option<Tick>,
    /// Inputs that wait at the server, quarter ticks.
    pub buffer_depth: u8,
    /// The client's own entity.
    pub own: Option<OwnState>,
    /// Comes now and then, for the round-trip time.
    pub time_echo: Option<TimeEcho>,
}

/// How a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is the state now.
    Newest(Report),
    /// A newer one is there already; it was acknowledged and changed nothing.
    Late,
    /// It was here before, or is older than an acknowledgement can tell.
    Ignored,
}

/// What became of the snapshots of a stay in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Arrived for the first time, late ones included.
    pub arrived: u64,
    /// Of these: overtaken by a newer one.
    pub late: u64,
    /// Arrived again, or too late to count.
    pub ignored: u64,
    /// Missing in the sequence so far; a late arrival takes one off again.
    pub lost: u64,
}

/// The state of one stay in a region; a new stay begins with a new one.
#[derive(Clone, Debug)]
pub struct Snapshots {
    received: Received,
    /// Sequence numbers from the first snapshot to the newest, both included.
    expected: u64,
    tick: Tick,
    has_state: bool,
    /// By index: a new generation is another entity in its place.
    entities: BTreeMap<u16, Entity>,
    counters: Counters,
}

impl Snapshots {
    /// Begins near the tick that `Enter` told.
    #[must_use]
    pub fn new(entered_at: Tick) -> Self {
        Self {
            received: Received::default(),
            expected: 0,
            tick: entered_at,
            has_state: false,
            entities: BTreeMap::new(),
            counters: Counters::default(),
        }
    }

    /// Takes a datagram in.
    ///
    /// # Errors
    /// When it is no sound snapshot; it had no effect then.
    pub fn apply(&mut self, datagram: &[u8]) -> Result<Applied, DecodeError> {
        let snapshot = Snapshot::decode(datagram)?;
        let before = self.received.ack().map(|ack| ack.newest);
        match self.received.note(snapshot.header.sequence) {
            Arrival::Newest => {
                let ahead = before.map_or(1, |before| snapshot.header.sequence.since(before).unsigned_abs());
                self.expected += u64::from(ahead);
                self.counters.arrived += 1;
                self.count_lost();
                Ok(Applied::Newest(self.take(&snapshot)))
            }
            Arrival::Late => {
                self.counters.arrived += 1;
                self.counters.late += 1;
                self.count_lost();
                Ok(Applied::Late)
            }
            Arrival::Duplicate | Arrival::TooOld => {
                self.counters.ignored += 1;
                Ok(Applied::Ignored)
            }
        }
    }

    fn count_lost(&mut self) {
        // One from before the first that arrived is late without having been expected.
        self.counters.lost = self.expected.saturating_sub(self.counters.arrived);
    }

    fn take(&mut self, snapshot: &Snapshot<'_>) -> Report {
        let header = &snapshot.header;
        let tick = Tick::resolve(header.tick, self.tick);
        (self.tick, self.has_state) = (tick, true);
        let own = snapshot.own.map(|own| own.entity);
        for (group, record) in snapshot.records() {
            let is_known = self.entities.contains_key(&record.entity.index);
            if Some(record.entity) != own && (is_known || self.entities.len() < ENTITIES_MAX) {
                self.entities.insert(record.entity.index, entity_of(&group, &record, tick));
            }
        }
        let keep = if snapshot.is_complete { 0 } else { STALE_AFTER_TICKS };
        self.entities.retain(|_, entity| tick.since(entity.named_at) <= keep);
        Report {
            tick,
            last_input: header.last_input.map(|low| Tick::resolve(low, tick)),
            buffer_depth: header.buffer_depth,
            own: snapshot.own,
            time_echo: snapshot.time_echo,
        }
    }

    /// What to acknowledge with the next input.
    #[must_use]
    pub fn ack(&self) -> Option<Ack> {
        self.received.ack()
    }

    /// The tick of the newest state; the one of `Enter` before the first.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// Whether any state arrived.
    #[must_use]
    pub fn has_state(&self) -> bool {
        self.has_state
    }

    /// Everything in view but the own entity, by id.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    /// One of them.
    #[must_use]
    pub fn entity(&self, id: NetId) -> Option<&Entity> {
        self.entities.get(&id.index).filter(|entity| entity.id == id)
    }

    /// What became of the snapshots so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

fn entity_of(group: &Group, record: &Record, tick: Tick) -> Entity {
    Entity {
        id: record.entity,
        kind: record.kind,
        position: group.cell.position(record.place),
        velocity: velocity_of(record.speed, record.heading),
        facing: record.facing,
        animation: record.animation,
        is_dead: record.is_dead,
        tick: tick.minus(u32::from(record.age)),
        named_at: tick,
    }
}

#[cfg(test)]
mod tests;
