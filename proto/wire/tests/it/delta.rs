//! Changes of one entity: exact, and as short as they are meant to be.

use proptest::prelude::*;
use shallot_wire::{Change, Delta, Position, State};

use crate::states::{move_of, state};

proptest! {
    #[test]
    fn a_delta_leads_to_the_bit_where_it_should(from in state(), ticks in 0..32_u32, way in move_of()) {
        let to = way.of(&from, ticks);
        match Delta::between(&from, ticks, &to) {
            Some(delta) => prop_assert_eq!(delta.apply(&from, ticks), to),
            None => {
                let (x, y) = from.extrapolated(ticks);
                let is_near = |residual: i32| (-256..256).contains(&residual);
                prop_assert!(!is_near(to.x - x) || !is_near(to.y - y), "it was near enough");
            }
        }
    }

    #[test]
    fn a_state_is_a_record_and_back(state in state()) {
        let entity = shallot_wire::NetId { index: 9, generation: 1 };
        let kind = shallot_wire::EntityKind::Monster;
        let (cell, base_height, record) = state.to_record(entity, kind);
        let group = shallot_wire::Group { cell, form: shallot_wire::Form::Entering, base_height };
        prop_assert_eq!(State::of_record(&group, &record), state);
        prop_assert_eq!(State::steps(state.position()), (state.x, state.y));
    }
}

/// Somebody who walks north at 1.5 m/s and looks there.
const WALKING: State =
    State { x: 640, y: -640, z: 0, facing: 64, speed: 19, heading: 64, animation: 1, is_dead: false };

fn bits(from: &State, ticks: u32, to: &State) -> u32 {
    Change::To(Delta::between(from, ticks, to).unwrap()).coded().bits()
}

#[test]
fn extrapolation_rounds_down() {
    // 304 units a tick from the middle of the step.
    assert_eq!(WALKING.extrapolated(0), (640, -640));
    assert_eq!(WALKING.extrapolated(1), (640, -640 + (32 + 304) / 64));
    assert_eq!(WALKING.extrapolated(10), (640, -640 + (32 + 3_040) / 64));
    assert_eq!(State { heading: 192, ..WALKING }.extrapolated(1), (640, -640 - 5), "floor(-272 / 64)");
    assert_eq!(WALKING.extrapolated(500), WALKING.extrapolated(31), "no farther than a state may be old");
}

#[test]
fn usual_changes_are_short() {
    let after = |ticks: u32| {
        let (x, y) = WALKING.extrapolated(ticks);
        State { x, y, ..WALKING }
    };
    assert_eq!(bits(&WALKING, 5, &after(5)), 5, "only the tick is new");
    let drifted = State { x: after(5).x + 1, ..after(5) };
    assert_eq!(bits(&WALKING, 5, &drifted), 11);
    let turned = State { x: after(1).x + 5, y: after(1).y - 5, heading: 0, facing: 0, ..WALKING };
    assert_eq!(bits(&WALKING, 1, &turned), 2 + 12 + 10 + 2 + 1);
    let standing = State { speed: 0, heading: 0, ..after(2) };
    assert_eq!(bits(&WALKING, 2, &standing), 2 + 9 + 1 + 1);
    let all = State { x: 890, y: -890, z: 5, facing: 200, speed: 9, heading: 3, animation: 2, is_dead: true };
    assert_eq!(bits(&WALKING, 0, &all), 3 + 18 + 17 + 11 + 9 + 16);
    assert_eq!(Change::Gone.coded().bits(), 3);
}

#[test]
fn who_is_too_far_off_enters_anew() {
    assert_eq!(Delta::between(&WALKING, 0, &State { x: 640 + 256, ..WALKING }), None);
    assert!(Delta::between(&WALKING, 0, &State { x: 640 - 256, ..WALKING }).is_some());
    let (x, y) = State::steps(Position { x: i32::MAX, y: i32::MIN });
    assert_eq!(Delta::between(&WALKING, 0, &State { x, y, ..WALKING }), None);
}
