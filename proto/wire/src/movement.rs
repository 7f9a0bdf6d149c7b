//! The movement kernel: one tick's way in fixed point, the same on the server and in every client.
//!
//! With heading `h`, throttle `t` and a speed of `s` cm/s, a tick's way is, with one floor division for each axis,
//!
//! ```text
//! dx = floor(s * 4096 * t * cos(h) / (100 * 20 * 127 * 32768))
//! dy = floor(s * 4096 * t * sin(h) / (100 * 20 * 127 * 32768))
//! ```
//!
//! made along x first, then along y. Each leg ends one unit before the first block or edge in its way, so what is left of the
//! other leg slides along it, and nothing is jumped over at any speed.

use crate::heading::{ONE, cosine, sine};
use crate::limits::{FULL_THROTTLE, MAX_SPEED_CM_PER_S, UNITS_PER_METRE};
use crate::space::{Position, Rect, Velocity};
use crate::terrain::Terrain;
use crate::tick::TICKS_PER_SECOND;

/// What an entity wants to do in one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Motion {
    /// Where to, in 256 steps from east over north.
    pub heading: u8,
    /// Share of its speed, 0 to 127; more counts as 127.
    pub throttle: u8,
    /// Its full speed, at most [`MAX_SPEED_CM_PER_S`]; more counts as that.
    pub speed_cm_per_s: u32,
}

impl Motion {
    /// The way it makes in one tick where nothing stands in it.
    #[must_use]
    pub fn way(self) -> Velocity {
        let speed = i64::from(self.speed_cm_per_s.min(MAX_SPEED_CM_PER_S));
        let throttle = i64::from(self.throttle.min(FULL_THROTTLE));
        let numerator = speed * i64::from(UNITS_PER_METRE) * throttle;
        let denominator = 100 * i64::from(TICKS_PER_SECOND) * i64::from(FULL_THROTTLE) * i64::from(ONE);
        let along = |part: i32| (numerator * i64::from(part)).div_euclid(denominator) as i32; // at most MAX_STEP
        Velocity { x: along(cosine(self.heading)), y: along(sine(self.heading)) }
    }
}

/// Moves for one tick. Returns where it ends and the way it made.
///
/// A start outside the bounds counts as the nearest point inside. A start inside a block is first pushed out of it, along one
/// axis, the shortest way (of equal ways the first of west, east, south, north); the push is no part of the velocity. Where no
/// such way leads out, it stays.
#[must_use]
pub fn step(from: Position, motion: Motion, terrain: &Terrain<'_>) -> (Position, Velocity) {
    let inside = terrain.bounds.nearest(from);
    let Some(start) = way_out(inside, terrain) else {
        return (inside, Velocity::ZERO);
    };
    let way = motion.way();
    let x = slide_x(start, way.x, terrain);
    let y = slide_y(Position { x, y: start.y }, way.y, terrain);
    (Position { x, y }, Velocity { x: x - start.x, y: y - start.y })
}

/// How far east `p` gets on the way to `p.x + way`.
fn slide_x(p: Position, way: i32, terrain: &Terrain<'_>) -> i32 {
    let target = Position { x: p.x.saturating_add(way), y: p.y };
    let ahead = terrain.blocks.iter().filter(|b| b.min_y <= p.y && p.y < b.max_y && b.min_x < b.max_x);
    let reached = if way > 0 {
        ahead.filter(|b| p.x < b.min_x).map(|b| b.min_x - 1).fold(target.x, i32::min)
    } else {
        ahead.filter(|b| b.max_x <= p.x).map(|b| b.max_x).fold(target.x, i32::max)
    };
    terrain.bounds.nearest(Position { x: reached, y: p.y }).x
}

/// The same along y.
fn slide_y(p: Position, way: i32, terrain: &Terrain<'_>) -> i32 {
    let target = p.y.saturating_add(way);
    let ahead = terrain.blocks.iter().filter(|b| b.min_x <= p.x && p.x < b.max_x && b.min_y < b.max_y);
    let reached = if way > 0 {
        ahead.filter(|b| p.y < b.min_y).map(|b| b.min_y - 1).fold(target, i32::min)
    } else {
        ahead.filter(|b| b.max_y <= p.y).map(|b| b.max_y).fold(target, i32::max)
    };
    terrain.bounds.nearest(Position { x: p.x, y: reached }).y
}

/// The nearest free point west, east, south or north of `p`, itself when it is free; `None` when all four lead to the edge.
fn way_out(p: Position, terrain: &Terrain<'_>) -> Option<Position> {
    if terrain.block_at(p).is_none() {
        return Some(p);
    }
    let exits: [fn(Position, &Rect) -> Option<Position>; 4] = [
        |p, block| Some(Position { x: block.min_x.checked_sub(1)?, y: p.y }),
        |p, block| Some(Position { x: block.max_x, y: p.y }),
        |p, block| Some(Position { x: p.x, y: block.min_y.checked_sub(1)? }),
        |p, block| Some(Position { x: p.x, y: block.max_y }),
    ];
    let free = exits.iter().filter_map(|exit| {
        let mut at = p;
        while let Some(block) = terrain.block_at(at) {
            at = exit(at, block)?; // strictly on in one direction, so this ends
        }
        terrain.bounds.contains(at).then_some(at)
    });
    free.min_by_key(|at| at.distance_squared(p))
}
