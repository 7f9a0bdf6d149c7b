//! What the client sees: snapshots in, the newest state out. No IO, no clock.
//!
//! The sets of the last snapshots are kept as the server has them, for later ones go on from any of them. In view is who is in the newest
//! one, each in the newest state that any of them told; and who of a crowd was told lately.

use std::collections::BTreeMap;

use shallot_proto::wire::datagram::{Ack, Arrival, DecodeError, Received, Sequence, TimeEcho};
use shallot_proto::wire::limits::CROWD_TICKS;
use shallot_proto::wire::{EntityKind, Entry, Form, NetId, OwnState, Position, Snapshot, Tick, Velocity};

use crate::limits::{ENTITIES_MAX, EXTRAPOLATED_TICKS_MAX, SETS_KEPT};

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
    /// The newest snapshot whose set has it; `None`: it is one of a crowd.
    named_by: Option<Sequence>,
}

impl Entity {
    fn of(entry: &Entry, named_by: Option<Sequence>) -> Self {
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
            named_by,
        }
    }

    /// Takes a state over that is newer than its own.
    fn learn(&mut self, entry: &Entry) {
        if entry.tick.is_after(self.tick) {
            *self = Self::of(entry, self.named_by);
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
    /// A newer one is there already. It is acknowledged, and what it knows better of an entity in view counts.
    Late,
    /// It goes on from a snapshot that is not here. It had no effect and is not acknowledged.
    NoBaseline,
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
    /// Of no use, since their baseline is not here; they are among the lost.
    pub without_baseline: u64,
    /// Missing in the sequence so far; a late arrival takes one off again.
    pub lost: u64,
}

/// The set of one snapshot, as both ends have it.
#[derive(Clone, Debug)]
struct Set {
    sequence: Sequence,
    entries: Vec<Entry>,
}

/// The state of one stay in a region; a new stay begins with a new one.
#[derive(Clone, Debug)]
pub struct Snapshots {
    received: Received,
    /// By sequence modulo their number.
    sets: Vec<Option<Set>>,
    /// For the next set; its memory is that of a set which is not kept any more.
    spare: Vec<Entry>,
    /// Sequence numbers from the first snapshot to the newest, both included.
    expected: u64,
    tick: Tick,
    has_state: bool,
    own: Option<NetId>,
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
            sets: vec![None; SETS_KEPT],
            spare: Vec::new(),
            expected: 0,
            tick: entered_at,
            has_state: false,
            own: None,
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
        let sequence = snapshot.header.sequence;
        if matches!(self.received.judge(sequence), Arrival::Duplicate | Arrival::TooOld) {
            self.counters.ignored += 1;
            return Ok(Applied::Ignored);
        }
        let tick = Tick::resolve(snapshot.header.tick, self.tick);
        if !self.keep_set(&snapshot, tick)? {
            self.counters.without_baseline += 1;
            return Ok(Applied::NoBaseline);
        }
        let before = self.received.ack().map(|ack| ack.newest);
        let is_newest = self.received.note(sequence) == Arrival::Newest;
        self.counters.arrived += 1;
        if is_newest {
            self.expected += u64::from(before.map_or(1, |before| sequence.since(before).unsigned_abs()));
        } else {
            self.counters.late += 1;
        }
        self.count_lost();
        self.see(&snapshot, tick, is_newest);
        if !is_newest {
            return Ok(Applied::Late);
        }
        let header = &snapshot.header;
        Ok(Applied::Newest(Report {
            tick,
            last_input: header.last_input.map(|low| Tick::resolve(low, tick)),
            buffer_depth: header.buffer_depth,
            own: snapshot.own,
            time_echo: snapshot.time_echo,
        }))
    }

    fn set(&self, sequence: Sequence) -> Option<&Set> {
        self.sets.get(usize::from(sequence.0) % SETS_KEPT)?.as_ref().filter(|set| set.sequence == sequence)
    }

    /// Works out the snapshot's set and keeps it; false: its baseline is not here.
    fn keep_set(&mut self, snapshot: &Snapshot<'_>, tick: Tick) -> Result<bool, DecodeError> {
        let mut entries = std::mem::take(&mut self.spare);
        entries.clear();
        let baseline = match snapshot.header.baseline {
            None => &[],
            Some(sequence) => match self.set(sequence) {
                Some(set) => set.entries.as_slice(),
                None => return Ok(false),
            },
        };
        entries.extend(snapshot.set(baseline, tick)?);
        let sequence = snapshot.header.sequence;
        if let Some(place) = self.sets.get_mut(usize::from(sequence.0) % SETS_KEPT) {
            self.spare = place.replace(Set { sequence, entries }).map(|old| old.entries).unwrap_or_default();
        }
        Ok(true)
    }

    /// Brings the view up to a snapshot whose set was kept.
    fn see(&mut self, snapshot: &Snapshot<'_>, tick: Tick, is_newest: bool) {
        let sequence = snapshot.header.sequence;
        if is_newest {
            (self.tick, self.has_state) = (tick, true);
            self.own = snapshot.own.map(|own| own.entity);
        }
        let Self { sets, entities, own, tick: now, .. } = self;
        let set = sets.get(usize::from(sequence.0) % SETS_KEPT).into_iter().flatten();
        for entry in set.flat_map(|set| &set.entries).filter(|entry| Some(entry.entity) != *own) {
            let in_view = entities.get_mut(&entry.entity.index).filter(|entity| entity.id == entry.entity);
            match in_view {
                Some(entity) => {
                    entity.learn(entry);
                    entity.named_by = if is_newest { Some(sequence) } else { entity.named_by };
                }
                None if is_newest => drop(entities.insert(entry.entity.index, Entity::of(entry, Some(sequence)))),
                None => {}
            }
        }
        let is_in_set = |entity: &Entity| entity.named_by == Some(sequence) || !is_newest && entity.named_by.is_some();
        for (group, record) in snapshot.records().filter(|(group, _)| group.form == Form::Crowd) {
            let (entry, is_full) = (Entry::of_record(&group, &record, tick), entities.len() >= ENTITIES_MAX);
            match entities.get_mut(&record.entity.index) {
                Some(entity) if entity.id == record.entity => {
                    entity.learn(&entry);
                    entity.named_by = entity.named_by.filter(|_| is_in_set(entity));
                }
                Some(entity) if is_in_set(entity) || !tick.is_after(entity.tick) => {}
                None if is_full => {}
                _ if Some(record.entity) == *own => {}
                _ => drop(entities.insert(record.entity.index, Entity::of(&entry, None))),
            }
        }
        if is_newest {
            entities.retain(|_, entity| match entity.named_by {
                Some(named_by) => named_by == sequence,
                None => now.since(entity.tick) <= CROWD_TICKS as i32,
            });
        }
    }

    fn count_lost(&mut self) {
        // One from before the first that arrived is late without having been expected.
        self.counters.lost = self.expected.saturating_sub(self.counters.arrived);
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

#[cfg(test)]
mod tests;
