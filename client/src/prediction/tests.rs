//! The own body against a server that is only the kernel.

use super::*;
use crate::limits::{CORRECTION_FADE, CORRECTION_SNAP_UNITS};
use shallot_proto::wire::{NetId, Velocity};

const EAST: Input = Input { heading: 0, throttle: 127, facing: 0 };
const NORTH: Input = Input { heading: 64, throttle: 127, facing: 64 };
/// 921 units a tick.
const SPEED: u32 = 450;

fn terrain() -> TerrainIndex {
    TerrainIndex::new(Rect::from_metres(0, 0, 100, 100), &[Rect::from_metres(20, 0, 5, 100)])
}

fn at(metres: i32) -> Position {
    Position { x: metres * 4_096, y: 40_960 }
}

fn east_of(p: Position, units: i32) -> Position {
    Position { x: p.x + units, ..p }
}

/// Client ticks are 50 ms apart; so are these.
fn ms(n: u32) -> Duration {
    Duration::from_millis(u64::from(n))
}

fn begun(at: Position) -> Prediction {
    Prediction::new(terrain(), SPEED, at)
}

fn own(position: Position) -> OwnState {
    OwnState {
        entity: NetId { index: 1, generation: 0 },
        position,
        z: 0,
        velocity: Velocity::ZERO,
        velocity_z: 0,
        facing: 0,
        animation: 0,
        is_dead: false,
        teleports: 0,
    }
}

#[test]
fn a_server_that_does_the_same_corrects_nothing() {
    let (mut ahead, mut server) = (begun(at(10)), begun(at(10)));
    for n in 0..100 {
        ahead.step(ms(n * 50), Tick(104 + n), EAST);
        if n >= 4 {
            // Four ticks later the server comes to the same input.
            let there = server.step(ms(0), Tick(100 + n), EAST);
            let correction = ahead.reconcile(ms(n * 50 + 20), Tick(7 + n), Some(Tick(100 + n)), &own(there));
            assert_eq!(correction, Correction { units: 0, is_snapped: false }, "{n}");
        }
    }
    assert_eq!(ahead.position(), east_of(at(20), -1), "it stands at the block");
}

#[test]
fn an_input_that_the_server_went_past_is_taken_back() {
    let mut ahead = begun(at(10));
    for n in 1..=4 {
        ahead.step(ms(n * 50), Tick(n), EAST);
    }
    ahead.reconcile(ms(210), Tick(11), Some(Tick(1)), &own(east_of(at(10), 921)));
    assert_eq!(ahead.position(), east_of(at(10), 4 * 921));
    // Input 2 was not there; the server stood for another reason, and 3 and 4 are still to come.
    let correction = ahead.reconcile(ms(230), Tick(12), Some(Tick(1)), &own(east_of(at(10), 921)));
    assert_eq!((correction.units, correction.is_snapped), (921, false));
    assert_eq!(ahead.position(), east_of(at(10), 3 * 921));
}

#[test]
fn an_input_that_the_server_repeated_changes_nothing() {
    let mut ahead = begun(at(10));
    for n in 1..=4 {
        ahead.step(ms(n * 50), Tick(n), EAST);
    }
    ahead.reconcile(ms(210), Tick(11), Some(Tick(1)), &own(east_of(at(10), 921)));
    let correction = ahead.reconcile(ms(230), Tick(12), Some(Tick(1)), &own(east_of(at(10), 2 * 921)));
    assert_eq!(correction.units, 0, "1 in the place of 2 went the same way");
}

#[test]
fn before_the_first_input_is_applied_all_are_ahead() {
    let mut ahead = begun(at(10));
    ahead.step(ms(50), Tick(1), EAST);
    ahead.step(ms(100), Tick(2), EAST);
    ahead.reconcile(ms(110), Tick(9), None, &own(at(10)));
    assert_eq!(ahead.position(), east_of(at(10), 2 * 921));
}

#[test]
fn a_tick_that_comes_again_moves_once() {
    let mut ahead = begun(at(10));
    ahead.step(ms(50), Tick(1), EAST);
    ahead.step(ms(100), Tick(2), EAST);
    assert_eq!(ahead.step(ms(150), Tick(1), NORTH), east_of(at(10), 2 * 921));
}

#[test]
fn it_is_drawn_on_its_way() {
    let mut ahead = begun(at(10));
    ahead.step(ms(50), Tick(1), EAST);
    assert_eq!(ahead.drawn(ms(50)), at(10));
    assert_eq!(ahead.drawn(ms(75)), east_of(at(10), 460));
    assert_eq!(ahead.drawn(ms(100)), east_of(at(10), 921));
    assert_eq!(ahead.drawn(ms(400)), east_of(at(10), 921), "and not beyond");
}

#[test]
fn a_small_error_is_smoothed_and_a_large_one_is_not() {
    for (error, is_snapped) in [(1_000, false), (CORRECTION_SNAP_UNITS, false), (CORRECTION_SNAP_UNITS + 1, true)] {
        let mut ahead = begun(at(10));
        ahead.step(ms(50), Tick(1), EAST);
        let there = east_of(at(10), 921 + error);
        let correction = ahead.reconcile(ms(200), Tick(9), Some(Tick(1)), &own(there));
        assert_eq!(correction, Correction { units: error.unsigned_abs(), is_snapped });
        let drawn_at_once = if is_snapped { there } else { east_of(at(10), 921) };
        assert_eq!(ahead.drawn(ms(200)), drawn_at_once);
        let half = ms(200) + CORRECTION_FADE / 2;
        assert!(ahead.drawn(half).x >= there.x - error / 2);
        assert_eq!(ahead.drawn(ms(200) + CORRECTION_FADE), there);
        assert_eq!(ahead.position(), there, "the game decides by what is right");
    }
}

#[test]
fn a_second_correction_goes_on_from_what_is_drawn() {
    let mut ahead = begun(at(10));
    ahead.step(ms(50), Tick(1), Input::default());
    ahead.reconcile(ms(200), Tick(9), Some(Tick(1)), &own(east_of(at(10), 1_000)));
    let halfway = ahead.drawn(ms(250));
    ahead.reconcile(ms(250), Tick(10), Some(Tick(1)), &own(east_of(at(10), 500)));
    assert_eq!(ahead.drawn(ms(250)), halfway);
}

#[test]
fn the_dead_do_not_walk_and_one_who_stands_up_elsewhere_is_not_smoothed() {
    let mut ahead = begun(at(10));
    ahead.reconcile(ms(0), Tick(8), Some(Tick(1)), &OwnState { is_dead: true, ..own(at(9)) });
    assert_eq!(ahead.step(ms(50), Tick(2), EAST), at(9));
    assert_eq!(ahead.step(ms(100), Tick(3), EAST), at(9));
    // The input 3 is still on its way and counts for the one who stands again.
    let correction = ahead.reconcile(ms(110), Tick(9), Some(Tick(2)), &OwnState { teleports: 1, ..own(at(11)) });
    assert!(correction.is_snapped);
    assert_eq!(ahead.position(), east_of(at(11), 921));
    assert_eq!(ahead.drawn(ms(150)), east_of(at(11), 921));
}

#[test]
fn a_silent_server_ends_the_prediction() {
    let mut ahead = Prediction::new(TerrainIndex::new(Rect::WORLD, &[]), SPEED, at(10));
    for n in 0..1_000 {
        ahead.step(ms(n * 50), Tick(n), EAST);
    }
    assert_eq!(ahead.position(), east_of(at(10), 921 * UNACKNOWLEDGED_MAX as i32));
}
