//! What the client sees: snapshots in, the newest state out. No IO, no clock.
//!
//! The tables of the last snapshots are known as the server has them, for later ones go on from any of them (`tables.rs`). In view is
//! who stands in the newest one, and who of a crowd was told lately (`view.rs`).

mod tables;
mod view;

use shallot_proto::wire::datagram::{Ack, Arrival, DecodeError, Received, Sequence, TimeEcho};
use shallot_proto::wire::{EntityKind, Entry, NetId, OwnState, Position, Snapshot, Tick, Velocity};

use crate::limits::{EXTRAPOLATED_TICKS_MAX, TABLES_KEPT};
use tables::Tables;
use view::View;

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
}

impl Entity {
    fn of(entry: &Entry) -> Self {
        let state = &entry.state;
        Self {
            id: entry.entity,
            kind: entry.kind,
            position: state.position(),
            velocity: state.velocity(),
            facing: state.facing,
            animation: state.animation,
            is_dead: state.is_dead,
            tick: entry.tick,
        }
    }

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
    /// It goes on from a snapshot that is not here. It had no effect and is not acknowledged.
    NoBaseline,
    /// A newer one is there already, or it is here itself. It had no effect and is not acknowledged.
    Ignored,
}

/// What became of the snapshots of a stay in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Taken in.
    pub arrived: u64,
    /// Overtaken by a newer one, and so of no use; each time that it comes.
    pub late: u64,
    /// Arrived again.
    pub ignored: u64,
    /// Of no use, since their baseline is not here; they are among the lost.
    pub without_baseline: u64,
    /// Missing in the sequence so far; a late arrival takes one off again.
    pub lost: u64,
}

/// The state of one stay in a region; a new stay begins with a new one.
#[derive(Clone, Debug)]
pub struct Snapshots {
    received: Received,
    tables: Tables,
    /// The changes that the snapshot at hand tells, with room for the next one's.
    told: Vec<(u8, Option<Entry>)>,
    /// Sequence numbers from the first snapshot to the newest, both included.
    expected: u64,
    tick: Tick,
    has_state: bool,
    view: View,
    counters: Counters,
}

impl Snapshots {
    /// Begins near the tick that `Enter` told.
    #[must_use]
    pub fn new(entered_at: Tick) -> Self {
        Self {
            received: Received::default(),
            tables: Tables::default(),
            told: Vec::new(),
            expected: 0,
            tick: entered_at,
            has_state: false,
            view: View::default(),
            counters: Counters::default(),
        }
    }

    /// Takes a datagram in.
    ///
    /// # Errors
    /// When it is no sound snapshot, or contradicts its baseline; it had no effect then.
    pub fn apply(&mut self, datagram: &[u8]) -> Result<Applied, DecodeError> {
        let snapshot = Snapshot::decode(datagram)?;
        let sequence = snapshot.header.sequence;
        match self.received.judge(sequence) {
            Arrival::Newest => {}
            Arrival::Overtaken => {
                self.counters.late += 1;
                self.count_lost();
                return Ok(Applied::Ignored);
            }
            Arrival::Duplicate => {
                self.counters.ignored += 1;
                return Ok(Applied::Ignored);
            }
        }
        let tick = Tick::resolve(snapshot.header.tick, self.tick);
        if !self.take(&snapshot, tick)? {
            self.counters.without_baseline += 1;
            return Ok(Applied::NoBaseline);
        }
        let before = self.received.ack().map(|ack| ack.newest);
        self.received.note(sequence);
        self.counters.arrived += 1;
        self.expected += u64::from(before.map_or(1, |before| sequence.since(before).unsigned_abs()));
        self.count_lost();
        let header = &snapshot.header;
        Ok(Applied::Newest(Report {
            tick,
            last_input: header.last_input.map(|low| Tick::resolve(low, tick)),
            buffer_depth: header.buffer_depth,
            own: snapshot.own,
            time_echo: snapshot.time_echo,
        }))
    }

    /// Brings tables and view up to a snapshot; false: its baseline is not here.
    fn take(&mut self, snapshot: &Snapshot<'_>, tick: Tick) -> Result<bool, DecodeError> {
        let baseline = snapshot.header.baseline;
        if baseline.is_some_and(|baseline| !self.knows(baseline)) {
            return Ok(false);
        }
        let Self { tables, told, view, .. } = self;
        told.clear();
        for place in snapshot.changed(|place| tables.get(place, baseline?), tick) {
            told.push(place?);
        }
        let (sequence, own) = (snapshot.header.sequence, snapshot.own.map(|own| own.entity));
        tables.begin(sequence);
        if baseline.is_none() {
            tables.clear(sequence);
            view.clear_places();
        }
        let mut put = |view: &mut View, place: u8, entry: Option<Entry>| {
            tables.put(place, entry, sequence);
            match entry.filter(|entry| Some(entry.entity) != own) {
                Some(entry) => view.stand(place, Entity::of(&entry)),
                None => view.leave(place),
            }
        };
        told.drain(..).for_each(|(place, entry)| put(view, place, entry));
        for record in snapshot.records() {
            let entry = record.entry(tick);
            match record.place {
                Some(place) => put(view, place, Some(entry)),
                None if Some(entry.entity) != own => view.see_in_crowd(Entity::of(&entry)),
                None => {}
            }
        }
        view.forget_crowd(tick);
        (self.tick, self.has_state) = (tick, true);
        Ok(true)
    }

    /// Whether the table of a snapshot is still known.
    fn knows(&self, sequence: Sequence) -> bool {
        let is_late = |newest: Sequence| usize::from(newest.0.wrapping_sub(sequence.0)) >= TABLES_KEPT;
        self.received.ack().is_some_and(|ack| ack.contains(sequence) && !is_late(ack.newest))
    }

    fn count_lost(&mut self) {
        // One from before the first that arrived is late without having been expected.
        self.counters.lost = self.expected.saturating_sub(self.counters.arrived + self.counters.late);
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
        self.view.entities()
    }

    /// One of them.
    #[must_use]
    pub fn entity(&self, id: NetId) -> Option<&Entity> {
        self.view.entity(id)
    }

    /// What became of the snapshots so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests;
