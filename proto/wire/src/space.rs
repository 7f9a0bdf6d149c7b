//! Where things are: positions, rectangles and cells on the world map, in units of 1/4,096 m. `x` grows to the east, `y` to the
//! north.

use crate::limits::{CELL_SHIFT, PLACE_SHIFT, UNITS_PER_METRE, WORLD_HALF, WORLD_HALF_CELLS};

/// A point on the world map, units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// East.
    pub x: i32,
    /// North.
    pub y: i32,
}

/// A way made in one tick, units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Velocity {
    /// East.
    pub x: i32,
    /// North.
    pub y: i32,
}

impl Velocity {
    /// Standing.
    pub const ZERO: Self = Self { x: 0, y: 0 };
}

impl Position {
    /// From centimetres.
    #[must_use]
    pub fn from_cm(x: i64, y: i64) -> Self {
        Self { x: units_from_cm(x), y: units_from_cm(y) }
    }

    /// Square of the distance, in square units. Right within the world; a distance beyond it ends at `i64::MAX`.
    #[must_use]
    pub fn distance_squared(self, other: Self) -> i64 {
        let x = i64::from(self.x) - i64::from(other.x);
        let y = i64::from(self.y) - i64::from(other.y);
        x.saturating_mul(x).saturating_add(y.saturating_mul(y))
    }

    /// Whether `other` is at most `reach` units away; a negative reach reaches nothing.
    #[must_use]
    pub fn is_within(self, reach: i32, other: Self) -> bool {
        reach >= 0 && self.distance_squared(other) <= i64::from(reach) * i64::from(reach)
    }
}

/// Units in so many centimetres: `floor(cm * 4096 / 100)`, cut to what an `i32` holds.
#[must_use]
pub fn units_from_cm(cm: i64) -> i32 {
    let units = cm.saturating_mul(i64::from(UNITS_PER_METRE)).div_euclid(100);
    units.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// Centimetres in so many units, rounded up, so that `cm_from_units(units_from_cm(cm)) == cm`.
#[must_use]
pub fn cm_from_units(units: i32) -> i64 {
    -(i64::from(units) * -100).div_euclid(i64::from(UNITS_PER_METRE))
}

/// Units in so many metres, cut to what an `i32` holds.
#[must_use]
pub fn units_from_metres(metres: i32) -> i32 {
    metres.saturating_mul(UNITS_PER_METRE)
}

/// The points with `min <= p < max` on both axes. One whose `max` is not above its `min` is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rect {
    /// West edge, inside.
    pub min_x: i32,
    /// South edge, inside.
    pub min_y: i32,
    /// East edge, outside.
    pub max_x: i32,
    /// North edge, outside.
    pub max_y: i32,
}

impl Rect {
    /// The whole world map.
    pub const WORLD: Self = Self { min_x: -WORLD_HALF, min_y: -WORLD_HALF, max_x: WORLD_HALF, max_y: WORLD_HALF };

    /// From the corner with the smallest values and the size, all in metres, as master data has it.
    #[must_use]
    pub fn from_metres(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self {
            min_x: units_from_metres(x),
            min_y: units_from_metres(y),
            max_x: units_from_metres(x.saturating_add(width)),
            max_y: units_from_metres(y.saturating_add(height)),
        }
    }

    /// Whether it has no points.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.min_x >= self.max_x || self.min_y >= self.max_y
    }

    /// Whether `p` is one of its points.
    #[must_use]
    pub fn contains(&self, p: Position) -> bool {
        self.min_x <= p.x && p.x < self.max_x && self.min_y <= p.y && p.y < self.max_y
    }

    /// The point of it that is nearest to `p`; its south-west corner when it is empty.
    #[must_use]
    pub fn nearest(&self, p: Position) -> Position {
        Position {
            x: p.x.min(self.max_x.saturating_sub(1)).max(self.min_x),
            y: p.y.min(self.max_y.saturating_sub(1)).max(self.min_y),
        }
    }

    /// The points that both have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            min_x: self.min_x.max(other.min_x),
            min_y: self.min_y.max(other.min_y),
            max_x: self.max_x.min(other.max_x),
            max_y: self.max_y.min(other.max_y),
        }
    }
}

/// A square of 32 m on the world map, counted from the map's middle; -1,024 to 1,023 on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// East.
    pub x: i16,
    /// North.
    pub y: i16,
}

const MAX_PLACE: i32 = (1 << (CELL_SHIFT - PLACE_SHIFT)) - 1;

impl Cell {
    /// The cell a position lies in; for one beyond the world's edge, the last cell before it.
    #[must_use]
    pub fn of(p: Position) -> Self {
        let half = i32::from(WORLD_HALF_CELLS);
        let along = |v: i32| (v >> CELL_SHIFT).clamp(-half, half - 1) as i16;
        Self { x: along(p.x), y: along(p.y) }
    }

    /// South-west corner.
    #[must_use]
    pub fn origin(self) -> Position {
        Position { x: i32::from(self.x) << CELL_SHIFT, y: i32::from(self.y) << CELL_SHIFT }
    }

    /// A place within it in steps of 1/64 m from its origin, 0 to 2,047 on both axes, rounded down. What lies outside the cell
    /// goes to its edge.
    #[must_use]
    pub fn quantize(self, p: Position) -> (u16, u16) {
        let origin = self.origin();
        let along = |v: i32, o: i32| (v.saturating_sub(o) >> PLACE_SHIFT).clamp(0, MAX_PLACE) as u16;
        (along(p.x, origin.x), along(p.y, origin.y))
    }

    /// The middle of the step that [`Cell::quantize`] named: at most 1/128 m from where the entity was.
    #[must_use]
    pub fn position(self, (x, y): (u16, u16)) -> Position {
        let origin = self.origin();
        let along = |step: u16, o: i32| o + (i32::from(step).min(MAX_PLACE) << PLACE_SHIFT) + (1 << (PLACE_SHIFT - 1));
        Position { x: along(x, origin.x), y: along(y, origin.y) }
    }
}
