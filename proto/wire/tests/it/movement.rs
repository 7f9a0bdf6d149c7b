//! The kernel: never through, never into, never out, and the naive walk of one unit at a time.

use proptest::prelude::*;
use shallot_wire::limits::{MAX_SPEED_CM_PER_S, MAX_STEP, UNITS_PER_METRE};
use shallot_wire::{Motion, Position, Rect, Terrain, TerrainIndex, Velocity, step};

const M: i32 = UNITS_PER_METRE;

fn motion() -> impl Strategy<Value = Motion> {
    (any::<u8>(), any::<u8>(), prop_oneof![0..2_000_u32, Just(MAX_SPEED_CM_PER_S), any::<u32>()])
        .prop_map(|(heading, throttle, speed_cm_per_s)| Motion { heading, throttle, speed_cm_per_s })
}

/// Blocks from 1 unit to 30 m in and around [`BOUNDS`].
pub(crate) fn blocks() -> impl Strategy<Value = Vec<Rect>> {
    blocks_around(BOUNDS, 30 * M)
}

fn blocks_around(bounds: Rect, longest: i32) -> impl Strategy<Value = Vec<Rect>> {
    let side = move || prop_oneof![1..longest / 100 + 2, 1..longest];
    let corner = (bounds.min_x - longest..bounds.max_x, bounds.min_y - longest..bounds.max_y);
    let block = (corner, side(), side()).prop_map(|((min_x, min_y), width, height)| Rect {
        min_x,
        min_y,
        max_x: min_x + width,
        max_y: min_y + height,
    });
    prop::collection::vec(block, 0..12)
}

/// A region of 100 m by 80 m that lies across the world's middle: several cells each way.
pub(crate) const BOUNDS: Rect = Rect { min_x: -50 * M, min_y: -40 * M, max_x: 50 * M, max_y: 40 * M };

/// A region so small that every point of a line can be tried.
const SMALL: Rect = Rect { min_x: -60, min_y: -50, max_x: 60, max_y: 50 };

pub(crate) fn inside() -> impl Strategy<Value = Position> {
    inside_of(BOUNDS)
}

fn inside_of(bounds: Rect) -> impl Strategy<Value = Position> {
    (bounds.min_x..bounds.max_x, bounds.min_y..bounds.max_y).prop_map(|(x, y)| Position { x, y })
}

/// The same rule one unit at a time: along x until something is in the way, then along y.
fn walk(from: Position, way: Velocity, terrain: &Terrain<'_>) -> Position {
    let mut at = from;
    for _ in 0..way.x.abs() {
        let next = Position { x: at.x + way.x.signum(), ..at };
        at = if terrain.is_free(next) { next } else { at };
    }
    for _ in 0..way.y.abs() {
        let next = Position { y: at.y + way.y.signum(), ..at };
        at = if terrain.is_free(next) { next } else { at };
    }
    at
}

proptest! {
    #[test]
    fn a_free_start_moves_as_the_naive_walk(blocks in blocks(), from in inside(), motion in motion()) {
        let terrain = Terrain { bounds: BOUNDS, blocks: &blocks };
        prop_assume!(terrain.is_free(from));
        let (to, velocity) = step(from, motion, &terrain);
        prop_assert_eq!(to, walk(from, motion.way(), &terrain));
        prop_assert_eq!(velocity, Velocity { x: to.x - from.x, y: to.y - from.y });
        prop_assert!(terrain.is_free(to));
    }

    #[test]
    fn a_long_walk_stays_free_and_in_bounds(blocks in blocks(), from in inside(), way in prop::collection::vec(motion(), 1..40)) {
        let terrain = Terrain { bounds: BOUNDS, blocks: &blocks };
        prop_assume!(terrain.is_free(from));
        let mut at = from;
        for motion in way {
            at = step(at, motion, &terrain).0;
            prop_assert!(terrain.is_free(at), "{:?}", at);
        }
    }

    #[test]
    fn the_index_answers_as_the_plain_terrain(blocks in blocks(), from in any::<(i32, i32)>(), near in inside(), motion in motion()) {
        let index = TerrainIndex::new(BOUNDS, &blocks);
        let terrain = Terrain { bounds: BOUNDS, blocks: &blocks };
        for start in [near, Position { x: from.0, y: from.1 }] {
            prop_assert_eq!(index.step(start, motion), step(start, motion, &terrain));
            prop_assert_eq!(index.is_free(start), terrain.is_free(start));
        }
    }

    /// Whatever is in the way on one axis, the other axis gets its share.
    #[test]
    fn a_wall_lets_slide(heading in 1..64_u8, throttle in 1..128_u8) {
        let wall = Rect { min_x: 1, min_y: -40 * M, max_x: M, max_y: 40 * M };
        let motion = Motion { heading, throttle, speed_cm_per_s: 800 };
        let from = Position { x: 0, y: 0 };
        let (to, _) = step(from, motion, &Terrain { bounds: BOUNDS, blocks: &[wall] });
        prop_assert_eq!(to, Position { x: 0, y: motion.way().y });
        let corner = Terrain { bounds: Rect { max_x: 1, ..BOUNDS }, blocks: &[] };
        prop_assert_eq!(step(from, motion, &corner).0, to, "the region's edge is a wall too");
    }

    #[test]
    fn a_start_in_a_block_comes_out_the_shortest_straight_way(blocks in blocks_around(SMALL, 50), from in inside_of(SMALL)) {
        let terrain = Terrain { bounds: SMALL, blocks: &blocks };
        let (to, velocity) = step(from, Motion { heading: 0, throttle: 0, speed_cm_per_s: 150 }, &terrain);
        prop_assert_eq!(velocity, Velocity::ZERO, "a push is no velocity");
        let straight = [(-1, 0), (1, 0), (0, -1), (0, 1)];
        let exits = straight.iter().filter_map(|(x, y)| {
            let mut line = (0..).map(|n| Position { x: from.x + x * n, y: from.y + y * n });
            line.find(|p| terrain.is_free(*p) || !SMALL.contains(*p)).filter(|p| SMALL.contains(*p))
        });
        prop_assert_eq!(to, exits.min_by_key(|p| p.distance_squared(from)).unwrap_or(from));
    }

    #[test]
    fn nothing_overflows(from in any::<(i32, i32)>(), bounds in any::<(i32, i32, i32, i32)>(), blocks in prop::collection::vec(any::<(i32, i32, i32, i32)>(), 0..6), motion in motion()) {
        let rect = |(min_x, min_y, max_x, max_y)| Rect { min_x, min_y, max_x, max_y };
        let blocks: Vec<Rect> = blocks.into_iter().map(rect).collect();
        let terrain = Terrain { bounds: rect(bounds), blocks: &blocks };
        let from = Position { x: from.0, y: from.1 };
        let (to, _) = step(from, motion, &terrain);
        prop_assert!(terrain.bounds.is_empty() || terrain.bounds.contains(to));
        prop_assert!(terrain.line_is_clear(from, from) || blocks.iter().any(|b| b.contains(from)));
    }
}

#[test]
fn full_speed_is_the_formula() {
    let way = |heading, speed_cm_per_s| Motion { heading, throttle: 127, speed_cm_per_s }.way();
    assert_eq!(way(0, 152), Velocity { x: 311, y: 0 }); // floor(152 * 4096 / 2000)
    assert_eq!(way(128, 152), Velocity { x: -312, y: 0 }); // floor goes down on the other side too
    assert_eq!(way(64, MAX_SPEED_CM_PER_S), Velocity { x: 0, y: MAX_STEP });
    assert_eq!(way(64, u32::MAX), Velocity { x: 0, y: MAX_STEP });
    assert_eq!(way(192, u32::MAX), Velocity { x: 0, y: -MAX_STEP });
}

#[test]
fn a_wall_of_one_unit_stops_the_fastest() {
    let wall = Rect { min_x: 4_000, min_y: -M, max_x: 4_001, max_y: M };
    let terrain = Terrain { bounds: BOUNDS, blocks: &[wall] };
    let east = Motion { heading: 0, throttle: 127, speed_cm_per_s: MAX_SPEED_CM_PER_S };
    assert_eq!(step(Position { x: 0, y: 0 }, east, &terrain).0, Position { x: 3_999, y: 0 });
    let west = Motion { heading: 128, ..east };
    assert_eq!(step(Position { x: 8_000, y: 0 }, west, &terrain).0, Position { x: 4_001, y: 0 });
}

#[test]
fn where_no_way_leads_out_one_stays() {
    let all = Terrain { bounds: BOUNDS, blocks: &[BOUNDS] };
    let from = Position { x: 7, y: -9 };
    let run = Motion { heading: 3, throttle: 127, speed_cm_per_s: 900 };
    assert_eq!(step(from, run, &all), (from, Velocity::ZERO));
}

#[test]
fn of_equal_ways_out_the_first_counts() {
    let block = Rect { min_x: -2, min_y: -2, max_x: 3, max_y: 3 };
    let stand = Motion { heading: 0, throttle: 0, speed_cm_per_s: 0 };
    let out = |blocks: &[Rect]| step(Position { x: 0, y: 0 }, stand, &Terrain { bounds: BOUNDS, blocks }).0;
    assert_eq!(out(&[block]), Position { x: -3, y: 0 });
    let beside = Rect { min_x: -9, min_y: -9, max_x: -2, max_y: 9 };
    assert_eq!(out(&[block, beside]), Position { x: 3, y: 0 });
}
