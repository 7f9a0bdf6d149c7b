//! Lines of sight against a line drawn point by point, and through the index.

use proptest::prelude::*;
use shallot_wire::limits::{CELL_SHIFT, MAX_SPEED_CM_PER_S};
use shallot_wire::{Motion, Position, Rect, Terrain, TerrainIndex, Velocity};

use crate::movement::{BOUNDS, blocks, inside};

/// Whether the segment has a point with `min - 1 < p < max`, by clipping with exact fractions: first along x, then along y.
fn naive_crosses(a: Position, b: Position, block: &Rect) -> bool {
    let span = |a: i32, b: i32, low: i64, high: i64| {
        let (a, d) = (i64::from(a), i64::from(b) - i64::from(a));
        match d.signum() {
            0 => (low < a && a < high).then_some(((0, 1), (1, 1), true)),
            1 => Some(((low - a, d), (high - a, d), false)),
            _ => Some(((a - high, -d), (a - low, -d), false)),
        }
    };
    let x = span(a.x, b.x, i64::from(block.min_x) - 1, block.max_x.into());
    let y = span(a.y, b.y, i64::from(block.min_y) - 1, block.max_y.into());
    let (Some((x_from, x_to, x_whole)), Some((y_from, y_to, y_whole))) = (x, y) else { return false };
    let less = |p: (i64, i64), q: (i64, i64)| i128::from(p.0) * i128::from(q.1) < i128::from(q.0) * i128::from(p.1);
    // The open spans of both axes and the closed [0, 1] must share a point; a whole span is [0, 1] itself.
    let meets_unit = |from, to, whole| whole || (less(from, (1, 1)) && less((0, 1), to));
    let overlap = x_whole || y_whole || (less(x_from, y_to) && less(y_from, x_to));
    meets_unit(x_from, x_to, x_whole) && meets_unit(y_from, y_to, y_whole) && overlap
}

proptest! {
    #[test]
    fn lines_are_cut_exactly(a in (-30..30_i32, -30..30_i32), b in (-30..30_i32, -30..30_i32), r in (-20..20_i32, -20..20_i32, 1..15_i32, 1..15_i32)) {
        let (a, b) = (Position { x: a.0, y: a.1 }, Position { x: b.0, y: b.1 });
        let block = Rect { min_x: r.0, min_y: r.1, max_x: r.0 + r.2, max_y: r.1 + r.3 };
        let terrain = Terrain { bounds: BOUNDS, blocks: &[block] };
        prop_assert_eq!(terrain.line_is_clear(a, b), !naive_crosses(a, b, &block));
        prop_assert_eq!(terrain.line_is_clear(a, b), terrain.line_is_clear(b, a));
    }

    #[test]
    fn the_index_sees_as_the_plain_terrain(blocks in blocks(), a in inside(), b in inside()) {
        let index = TerrainIndex::new(BOUNDS, &blocks);
        prop_assert_eq!(index.line_is_clear(a, b), Terrain { bounds: BOUNDS, blocks: &blocks }.line_is_clear(a, b));
    }

    #[test]
    fn wild_terrains_never_panic(bounds in any::<(i32, i32)>(), size in (-5..400_000_i32, -5..400_000_i32), block in any::<(i32, i32, i32, i32)>(), p in any::<(i32, i32)>()) {
        let rect = |(min_x, min_y, max_x, max_y)| Rect { min_x, min_y, max_x, max_y };
        let (x, y) = bounds;
        let index = TerrainIndex::new(rect((x, y, x.saturating_add(size.0), y.saturating_add(size.1))), &[rect(block)]);
        let p = Position { x: p.0, y: p.1 };
        let _ = (index.is_free(p), index.line_is_clear(p, Position::default()));
    }
}

const BLOCK: Rect = Rect { min_x: 10, min_y: 10, max_x: 20, max_y: 20 };

fn is_clear(a: (i32, i32), b: (i32, i32), blocks: &[Rect]) -> bool {
    Terrain { bounds: BOUNDS, blocks }.line_is_clear(Position { x: a.0, y: a.1 }, Position { x: b.0, y: b.1 })
}

#[test]
fn edges_and_corners_are_clear() {
    assert!(is_clear((9, 0), (9, 30), &[BLOCK]), "just west");
    assert!(is_clear((20, 0), (20, 30), &[BLOCK]), "just east");
    assert!(!is_clear((10, 0), (10, 30), &[BLOCK]), "its first column");
    assert!(!is_clear((19, 0), (19, 30), &[BLOCK]), "its last column");
    assert!(is_clear((8, 10), (10, 8), &[BLOCK]), "past a corner");
    assert!(!is_clear((0, 0), (30, 30), &[BLOCK]), "through the middle");
    assert!(is_clear((0, 0), (9, 9), &[BLOCK]), "up to a corner");
    assert!(!is_clear((15, 15), (15, 15), &[BLOCK]), "from within");
}

#[test]
fn blocks_that_touch_leave_no_slit() {
    let beside = Rect { min_x: 20, min_y: 10, max_x: 30, max_y: 20 };
    assert!(!is_clear((19, 0), (20, 30), &[BLOCK, beside]));
    let across = Rect { min_x: 20, min_y: 20, max_x: 30, max_y: 30 };
    assert!(!is_clear((25, 14), (14, 25), &[BLOCK, across]));
    assert!(!is_clear((20, 19), (19, 20), &[BLOCK, across]));
}

#[test]
fn a_block_beyond_a_cell_border_stops_a_step() {
    let border = 1 << CELL_SHIFT;
    let bounds = Rect { min_x: 0, min_y: 0, max_x: 3 * border, max_y: 3 * border };
    let middle = Rect { min_x: border, min_y: border, max_x: 2 * border, max_y: 2 * border };
    let index = TerrainIndex::new(bounds, &[middle]);
    let go = |heading, x, y| {
        index.step(Position { x, y }, Motion { heading, throttle: 127, speed_cm_per_s: MAX_SPEED_CM_PER_S }).1
    };
    let half = border + border / 2;
    assert_eq!(go(0, border - 5, half), Velocity { x: 4, y: 0 });
    assert_eq!(go(64, half, border - 5), Velocity { x: 0, y: 4 });
    assert_eq!(go(128, 2 * border + 4, half), Velocity { x: -4, y: 0 });
    assert_eq!(go(192, half, 2 * border + 4), Velocity { x: 0, y: -4 });
}
