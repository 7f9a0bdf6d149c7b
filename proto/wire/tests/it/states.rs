//! States of entities and what becomes of them, for properties.

use proptest::prelude::*;
use shallot_wire::State;

/// A state as servers write it, well inside the world.
pub(crate) fn state() -> impl Strategy<Value = State> {
    let place = (-1_000_000..1_000_000_i32, -1_000_000..1_000_000_i32, any::<i16>());
    (place, any::<u8>(), way(), (0..64_u8, any::<bool>())).prop_map(
        |((x, y, z), facing, (speed, heading), (animation, is_dead))| State {
            x,
            y,
            z,
            facing,
            speed,
            heading,
            animation,
            is_dead,
        },
    )
}

fn way() -> impl Strategy<Value = (u8, u8)> {
    prop_oneof![Just((0, 0)), (1..128_u8, any::<u8>())]
}

/// How a state goes on: each part of it may stay as it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    residual: (i32, i32),
    way: Option<(u8, u8)>,
    facing: Option<u8>,
    looks_ahead: bool,
    rest: Option<(u8, bool)>,
    z: Option<i16>,
}

pub(crate) fn move_of() -> impl Strategy<Value = Move> {
    let residual = prop_oneof![
        3 => Just((0, 0)),
        2 => (-4..4, -4..4),
        1 => (-40..40, -40..40),
        1 => (-300..300, -300..300),
    ];
    let rest = prop::option::weighted(0.2, (0..64_u8, any::<bool>()));
    let z = prop::option::weighted(0.1, any::<i16>());
    let facing = (prop::option::of(any::<u8>()), any::<bool>());
    (residual, prop::option::of(way()), facing, rest, z).prop_map(|(residual, way, (facing, looks_ahead), rest, z)| {
        Move { residual, way, facing, looks_ahead, rest, z }
    })
}

impl Move {
    /// What became of a state so many ticks later.
    pub(crate) fn of(&self, from: &State, ticks: u32) -> State {
        let (x, y) = from.extrapolated(ticks);
        let (speed, heading) = self.way.unwrap_or((from.speed, from.heading));
        let (animation, is_dead) = self.rest.unwrap_or((from.animation, from.is_dead));
        State {
            x: x + self.residual.0,
            y: y + self.residual.1,
            z: self.z.unwrap_or(from.z),
            facing: if self.looks_ahead { heading } else { self.facing.unwrap_or(from.facing) },
            speed,
            heading,
            animation,
            is_dead,
        }
    }
}
