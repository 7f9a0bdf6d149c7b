//! An entity of a table as both ends have it, to the bit, and where it is a while later.

use crate::heading::velocity_of;
use crate::ids::NetId;
use crate::limits::{CELL_SHIFT, MAX_STATE_AGE, PLACE_SHIFT};
use crate::snapshot::{EntityKind, Group, Record};
use crate::space::{Cell, Position, Velocity};
use crate::tick::Tick;

/// Steps of a place in one cell, as a power of two.
const CELL_STEPS_SHIFT: u32 = CELL_SHIFT - PLACE_SHIFT;
/// Steps of a record's height in one step of its group's, as a power of two: 16 m in 1/16 m.
const BASE_HEIGHT_SHIFT: u32 = 8;

/// What changes of an entity, quantized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct State {
    /// East, steps of 1/64 m from the middle of the world map.
    pub x: i32,
    /// North, the same.
    pub y: i32,
    /// Height, steps of 1/16 m from the world's zero.
    pub z: i16,
    /// Where it looks, in 256 steps.
    pub facing: u8,
    /// See [`crate::heading::quantize_velocity`], 0 to 127.
    pub speed: u8,
    /// Where it moves, in 256 steps; 0 without a speed.
    pub heading: u8,
    /// What it is seen to do, 0 to 63.
    pub animation: u8,
    /// Whether it is dead.
    pub is_dead: bool,
}

impl State {
    /// The steps of 1/64 m that a position lies in.
    #[must_use]
    pub fn steps(position: Position) -> (i32, i32) {
        (position.x >> PLACE_SHIFT, position.y >> PLACE_SHIFT)
    }

    /// As an absolute record tells it.
    #[must_use]
    pub fn of_record(group: &Group, record: &Record) -> Self {
        let along = |cell: i16, step: u16| (i32::from(cell) << CELL_STEPS_SHIFT) + i32::from(step);
        let z = (i32::from(group.base_height) << BASE_HEIGHT_SHIFT) + i32::from(record.z);
        Self {
            x: along(group.cell.x, record.place.0),
            y: along(group.cell.y, record.place.1),
            z: z.min(i16::MAX.into()) as i16,
            facing: record.facing,
            speed: record.speed,
            heading: record.heading,
            animation: record.animation,
            is_dead: record.is_dead,
        }
    }

    /// As an absolute record of its cell, with the height that the group's must have.
    #[must_use]
    pub fn to_record(&self, entity: NetId, kind: EntityKind) -> (Cell, i8, Record) {
        let cell = Cell::of(self.position());
        let record = Record {
            entity,
            place: cell.quantize(self.position()),
            z: (self.z & ((1 << BASE_HEIGHT_SHIFT) - 1)).unsigned_abs(),
            facing: self.facing,
            speed: self.speed,
            heading: self.heading,
            animation: self.animation,
            kind,
            is_dead: self.is_dead,
        };
        (cell, (self.z >> BASE_HEIGHT_SHIFT) as i8, record)
    }

    /// Its way in a tick, units.
    #[must_use]
    pub fn velocity(&self) -> Velocity {
        velocity_of(self.speed, self.heading)
    }

    /// The middle of its step: at most 1/128 m from where the entity was.
    #[must_use]
    pub fn position(&self) -> Position {
        let along = |steps: i32| (steps.wrapping_shl(PLACE_SHIFT)).wrapping_add(1 << (PLACE_SHIFT - 1));
        Position { x: along(self.x), y: along(self.y) }
    }

    /// The steps it is thought to be in so many ticks later, at most [`MAX_STATE_AGE`]: the middle of its step goes on at its
    /// velocity, `step + floor((32 + velocity * ticks) / 64)` along each axis.
    #[must_use]
    pub fn extrapolated(&self, ticks: u32) -> (i32, i32) {
        let ticks = ticks.min(MAX_STATE_AGE) as i32;
        let velocity = self.velocity();
        let along = |step: i32, way: i32| step.wrapping_add(((1 << (PLACE_SHIFT - 1)) + way * ticks) >> PLACE_SHIFT);
        (along(self.x, velocity.x), along(self.y, velocity.y))
    }
}

/// An entity of a table: its state, and of which tick that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub entity: NetId,
    /// What.
    pub kind: EntityKind,
    /// When it was in this state.
    pub tick: Tick,
    /// The state.
    pub state: State,
}

impl Entry {
    /// One that is told by a record in a snapshot of `tick`.
    #[must_use]
    pub fn of_record(group: &Group, record: &Record, tick: Tick) -> Self {
        Self { entity: record.entity, kind: record.kind, tick, state: State::of_record(group, record) }
    }

    /// Ticks from its state to `tick`; `None` when that is not 0 to [`MAX_STATE_AGE`].
    #[must_use]
    pub fn age(&self, tick: Tick) -> Option<u32> {
        u32::try_from(tick.since(self.tick)).ok().filter(|age| *age <= MAX_STATE_AGE)
    }
}
