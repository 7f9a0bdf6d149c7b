//! Walking: the kernel's way, edges and blocks.

use shallot_masterdata::Rect;
use shallot_wire::Velocity;

use crate::stage::{Stage, metres, sheet};

const EAST: u8 = 0;
const NORTH_EAST: u8 = 32;
const WEST: u8 = 128;

/// Walks so many ticks in one direction.
fn walk(stage: &mut Stage, n: u8, heading: u8, throttle: u8, ticks: u16) {
    let id = stage.world.characters().find(|(c, _)| *c == crate::stage::character(n)).unwrap().1;
    let first = stage.world.tick().low16();
    for tick in 1..=ticks {
        stage.input(id, first.wrapping_add(tick), heading, throttle);
        stage.step();
    }
}

#[test]
fn full_speed_is_the_balance_s() {
    let mut stage = Stage::new(|_| ());
    stage.enter(1, sheet(metres(100, 100)));
    walk(&mut stage, 1, EAST, 127, 20);
    // 200 cm/s: floor(200 * 4096 / 2000) = 409 units a tick.
    let moved = stage.position(1).x - metres(100, 100).x;
    assert_eq!(moved, 20 * 409);
    assert_eq!(stage.snapshot(1).own.unwrap().velocity, Velocity { x: 409, y: 0 });
}

#[test]
fn the_edge_is_a_wall() {
    let mut stage = Stage::new(|_| ());
    stage.enter(1, sheet(metres(1, 100)));
    walk(&mut stage, 1, WEST, 127, 40);
    assert_eq!(stage.position(1).x, 0);
}

#[test]
fn blocks_slide() {
    let mut stage = Stage::new(|data| data.regions[0].blocks.push(Rect { x: 102, y: 90, width: 2, height: 40 }));
    stage.enter(1, sheet(metres(101, 100)));
    walk(&mut stage, 1, NORTH_EAST, 127, 40);
    let at = stage.position(1);
    assert_eq!(at.x, metres(102, 0).x - 1, "one unit before the block");
    assert!(at.y > metres(0, 102).y, "what is left of the way goes along it");
}

#[test]
fn who_was_saved_in_a_block_or_outside_appears_at_the_entry() {
    let mut stage = Stage::new(|data| data.regions[0].blocks.push(Rect { x: 10, y: 10, width: 2, height: 2 }));
    for (n, at) in [(1, metres(11, 11)), (2, metres(-5, 100)), (3, metres(200, 100))] {
        assert_eq!(stage.enter(n, sheet(at)).position, metres(100, 100));
    }
    assert_eq!(stage.enter(4, sheet(metres(50, 60))).position, metres(50, 60));
}
