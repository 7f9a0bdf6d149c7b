//! Units, distances and cells.

use proptest::prelude::*;
use shallot_wire::limits::WORLD_HALF;
use shallot_wire::space::{cm_from_units, units_from_cm, units_from_metres};
use shallot_wire::{Cell, Position, Rect};

proptest! {
    #[test]
    fn centimetres_survive_the_way_to_units_and_back(cm in -50_000_000..50_000_000_i64) {
        prop_assert_eq!(cm_from_units(units_from_cm(cm)), cm);
    }

    #[test]
    fn a_place_in_a_cell_is_at_most_half_a_step_off(x in -WORLD_HALF..WORLD_HALF, y in -WORLD_HALF..WORLD_HALF) {
        let p = Position { x, y };
        let cell = Cell::of(p);
        let back = cell.position(cell.quantize(p));
        prop_assert!((back.x - x).abs() <= 32 && (back.y - y).abs() <= 32, "{:?} became {:?}", p, back);
        prop_assert_eq!(Cell::of(back), cell);
    }

    #[test]
    fn beyond_the_world_the_last_cell_counts(x in any::<i32>(), y in any::<i32>()) {
        let cell = Cell::of(Position { x, y });
        prop_assert_eq!(Cell::of(Rect::WORLD.nearest(Position { x, y })), cell);
        let drawn = cell.position(cell.quantize(Position { x, y }));
        prop_assert!(Rect::WORLD.contains(drawn), "{:?}", drawn);
    }

    #[test]
    fn distances_never_overflow(a in any::<(i32, i32)>(), b in any::<(i32, i32)>()) {
        let (a, b) = (Position { x: a.0, y: a.1 }, Position { x: b.0, y: b.1 });
        let exact = (i128::from(a.x) - i128::from(b.x)).pow(2) + (i128::from(a.y) - i128::from(b.y)).pow(2);
        prop_assert_eq!(i128::from(a.distance_squared(b)), exact.min(i64::MAX.into()));
    }
}

#[test]
fn units_are_cut_to_what_fits() {
    assert_eq!(units_from_cm(100), 4_096);
    assert_eq!(units_from_cm(1), 40);
    assert_eq!(units_from_cm(-1), -41);
    assert_eq!(units_from_cm(i64::MAX), i32::MAX);
    assert_eq!(units_from_cm(i64::MIN), i32::MIN);
    assert_eq!(units_from_metres(1_000_000), i32::MAX);
    assert_eq!(units_from_metres(-1_000_000), i32::MIN);
    assert_eq!(cm_from_units(i32::MIN), -52_428_800);
}

#[test]
fn cells_west_of_the_middle_are_negative() {
    assert_eq!(Cell::of(Position { x: -1, y: 0 }), Cell { x: -1, y: 0 });
    assert_eq!(Cell { x: -1, y: 0 }.quantize(Position { x: -1, y: 0 }), (2_047, 0));
    assert_eq!(Cell { x: -1, y: 2 }.origin(), Position { x: -131_072, y: 262_144 });
}

#[test]
fn reach_includes_its_end() {
    let here = Position { x: 0, y: 0 };
    assert!(here.is_within(5, Position { x: 3, y: -4 }));
    assert!(!here.is_within(4, Position { x: 3, y: -4 }));
    assert!(!here.is_within(-5, here));
}
