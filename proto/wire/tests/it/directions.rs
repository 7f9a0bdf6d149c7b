//! The integer tables against floating point.

use std::f64::consts::TAU;

use proptest::prelude::*;
use shallot_wire::heading::{HALFWAY_TANGENT, ONE, QUARTER_SINE, cosine, quantize_velocity, sine, velocity_of};
use shallot_wire::{Position, Velocity, heading_towards};

#[test]
fn the_sine_table_is_its_formula() {
    for (i, value) in QUARTER_SINE.iter().enumerate() {
        assert_eq!(f64::from(*value), (32_768.0 * (TAU * i as f64 / 256.0).sin()).round(), "entry {i}");
    }
    for heading in 0..=255_u8 {
        let angle = TAU * f64::from(heading) / 256.0;
        assert!((f64::from(sine(heading)) - 32_768.0 * angle.sin()).abs() <= 0.5, "sine of {heading}");
        assert!((f64::from(cosine(heading)) - 32_768.0 * angle.cos()).abs() <= 0.5, "cosine of {heading}");
    }
}

#[test]
fn the_tangent_table_is_its_formula() {
    for (k, value) in HALFWAY_TANGENT.iter().enumerate() {
        assert_eq!(f64::from(*value), (32_768.0 * (TAU * (k as f64 + 0.5) / 256.0).tan()).round(), "entry {k}");
    }
}

/// Steps of 1/256 turn between a heading and the true direction.
fn error(heading: u8, x: f64, y: f64) -> f64 {
    let off = f64::from(heading) - y.atan2(x) / TAU * 256.0;
    (off - (off / 256.0).round() * 256.0).abs()
}

proptest! {
    #[test]
    fn the_nearest_heading_is_found(from in any::<(i32, i32)>(), to in any::<(i32, i32)>()) {
        prop_assume!(from != to);
        let heading = heading_towards(Position { x: from.0, y: from.1 }, Position { x: to.0, y: to.1 });
        let (x, y) = (f64::from(to.0) - f64::from(from.0), f64::from(to.1) - f64::from(from.1));
        prop_assert!(error(heading, x, y) <= 0.501, "{} for {}, {}", heading, x, y);
    }

    #[test]
    fn near_targets_are_no_worse(x in -20..20_i32, y in -20..20_i32) {
        prop_assume!((x, y) != (0, 0));
        let heading = heading_towards(Position { x: 0, y: 0 }, Position { x, y });
        prop_assert!(error(heading, x.into(), y.into()) <= 0.501, "{} for {}, {}", heading, x, y);
    }

    #[test]
    fn a_record_tells_the_velocity_within_its_steps(x in -1_400..1_400_i32, y in -1_400..1_400_i32) {
        let (speed, heading) = quantize_velocity(Velocity { x, y });
        let told = velocity_of(speed, heading);
        let off = f64::from(told.x - x).hypot(f64::from(told.y - y));
        // Half a step of speed, half a step of heading at that speed, and rounding down on both axes.
        let bound = 8.0 + f64::from(x).hypot(f64::from(y)) * TAU / 512.0 * 1.01 + 2.5;
        prop_assert!(off <= bound, "{} units off, {} allowed", off, bound);
    }
}

#[test]
fn the_four_winds() {
    let towards = |x, y| heading_towards(Position { x: 5, y: 5 }, Position { x: 5 + x, y: 5 + y });
    assert_eq!([towards(9, 0), towards(0, 9), towards(-9, 0), towards(0, -9)], [0, 64, 128, 192]);
    assert_eq!([towards(9, 9), towards(-9, 9), towards(-9, -9), towards(9, -9)], [32, 96, 160, 224]);
    assert_eq!(towards(0, 0), 0);
    assert_eq!([sine(64), cosine(64), sine(192), cosine(128)], [ONE, 0, -ONE, -ONE]);
}

#[test]
fn wild_velocities_are_cut() {
    assert_eq!(quantize_velocity(Velocity { x: i32::MIN, y: i32::MIN }), (127, 160));
    assert_eq!(quantize_velocity(Velocity::ZERO), (0, 0));
    assert_eq!(velocity_of(255, 128), Velocity { x: -4_080, y: 0 });
}
