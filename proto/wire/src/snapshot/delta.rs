//! How an entity of a table has changed, in few bits: its place as what is left of the extrapolated one, all else only when it is
//! another.

use crate::bits::{BitReader, Truncated};
use crate::snapshot::State;
use crate::snapshot::coded::{Coded, MAX_CHANGE_BITS};

/// A class of residuals.
struct Class {
    /// What tells it, and in how many bits.
    code: (u32, u32),
    /// Bits of a residual along each axis.
    bits: u32,
}

/// None, within 6 cm, within 50 cm, within 4 m.
const CLASSES: [Class; 4] = [
    Class { code: (0b00, 2), bits: 0 },
    Class { code: (0b01, 2), bits: 3 },
    Class { code: (0b10, 2), bits: 6 },
    Class { code: (0b110, 3), bits: 9 },
];
/// In the place of a class: nobody is there any more.
const GONE: (u32, u32) = (0b111, 3);

const SPEED_BITS: u32 = 7;
const HEADING_BITS: u32 = 8;
const TURN_BITS: u32 = 5;
const FACING_BITS: u32 = 8;
const ANIMATION_BITS: u32 = 6;
const HEIGHT_BITS: u32 = 16;

/// The longest: the largest residual, all else another.
const _: () = assert!(
    3 + 2 * CLASSES[3].bits + 2 + SPEED_BITS + HEADING_BITS + 3 + FACING_BITS + 3 + ANIMATION_BITS + HEIGHT_BITS
        == MAX_CHANGE_BITS
);

/// What became of who stood in a place of the baseline's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It stands there no more.
    Gone,
    /// It is in the state of the snapshot's tick.
    To(Delta),
}

/// From a state to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    /// From the extrapolated steps to the new ones.
    residual: (i16, i16),
    /// The speed if that is another, and the heading.
    velocity: Option<(Option<u8>, u8)>,
    facing: Facing,
    rest: Option<Rest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Facing {
    /// As it was.
    Same,
    /// Where it moves.
    AsHeading,
    /// Turned by -16 to 15.
    Turned(i8),
    /// Anywhere.
    At(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rest {
    animation: u8,
    is_dead: bool,
    z: Option<i16>,
}

/// The least class that holds a residual.
fn class_of((x, y): (i16, i16)) -> Option<&'static Class> {
    CLASSES.iter().find(|class| {
        let half = 1 << class.bits >> 1;
        let range = -half..half.max(1); // no bits hold the zero
        range.contains(&i32::from(x)) && range.contains(&i32::from(y))
    })
}

impl Change {
    /// As it stands in a snapshot.
    #[must_use]
    pub fn coded(&self) -> Coded {
        match self {
            Self::Gone => Coded::GONE,
            Self::To(delta) => delta.coded(),
        }
    }

    pub(crate) fn read(reader: &mut BitReader<'_>) -> Result<Self, Truncated> {
        let class = match reader.take(2)? {
            0b11 if reader.take(1)? == 1 => return Ok(Self::Gone),
            class => class,
        };
        let bits = CLASSES.get(class as usize).map_or(0, |class| class.bits);
        Delta::read(bits, reader).map(Self::To)
    }
}

impl Delta {
    /// What leads from a state to another so many ticks later; `None` when that is too far from where it was thought to be: then
    /// the entity goes and enters anew.
    #[must_use]
    pub fn between(from: &State, ticks: u32, to: &State) -> Option<Self> {
        let (x, y) = from.extrapolated(ticks);
        let residual = (i16::try_from(to.x.wrapping_sub(x)).ok()?, i16::try_from(to.y.wrapping_sub(y)).ok()?);
        class_of(residual)?;
        let is_same_way = (from.speed, from.heading) == (to.speed, to.heading);
        let turn = to.facing.wrapping_sub(from.facing).cast_signed();
        let facing = match turn {
            0 => Facing::Same,
            _ if to.facing == to.heading => Facing::AsHeading,
            -16..16 => Facing::Turned(turn),
            _ => Facing::At(to.facing),
        };
        let is_same_rest = (from.animation, from.is_dead, from.z) == (to.animation, to.is_dead, to.z);
        let z = (from.z != to.z).then_some(to.z);
        Some(Self {
            residual,
            velocity: (!is_same_way).then_some(((from.speed != to.speed).then_some(to.speed), to.heading)),
            facing,
            rest: (!is_same_rest).then_some(Rest { animation: to.animation, is_dead: to.is_dead, z }),
        })
    }

    /// The state it leads to, so many ticks after `from`.
    #[must_use]
    pub fn apply(&self, from: &State, ticks: u32) -> State {
        let (x, y) = from.extrapolated(ticks);
        let (speed, heading) = self.velocity.unwrap_or((None, from.heading));
        let facing = match self.facing {
            Facing::Same => from.facing,
            Facing::AsHeading => heading,
            Facing::Turned(turn) => from.facing.wrapping_add_signed(turn),
            Facing::At(facing) => facing,
        };
        let rest = self.rest.unwrap_or(Rest { animation: from.animation, is_dead: from.is_dead, z: None });
        State {
            x: x.wrapping_add(self.residual.0.into()),
            y: y.wrapping_add(self.residual.1.into()),
            z: rest.z.unwrap_or(from.z),
            facing,
            speed: speed.unwrap_or(from.speed),
            heading,
            animation: rest.animation,
            is_dead: rest.is_dead,
        }
    }

    fn coded(&self) -> Coded {
        let (code, bits) = class_of(self.residual).map_or((GONE, 0), |class| (class.code, class.bits));
        let (x, y) = (i32::from(self.residual.0), i32::from(self.residual.1));
        let mut coded = Coded::NOTHING.then(code.0, code.1).then_signed(x, bits).then_signed(y, bits);
        coded = match self.velocity {
            None => coded.then(0, 1),
            Some((None, heading)) => coded.then(0b10, 2).then(heading.into(), HEADING_BITS),
            Some((Some(0), _)) => coded.then(0b11, 2).then(0, SPEED_BITS),
            Some((Some(speed), heading)) => {
                coded.then(0b11, 2).then(speed.into(), SPEED_BITS).then(heading.into(), HEADING_BITS)
            }
        };
        coded = match self.facing {
            Facing::Same => coded.then(0, 1),
            Facing::AsHeading => coded.then(0b10, 2),
            Facing::Turned(turn) => coded.then(0b110, 3).then_signed(turn.into(), TURN_BITS),
            Facing::At(facing) => coded.then(0b111, 3).then(facing.into(), FACING_BITS),
        };
        let Some(rest) = self.rest else { return coded.then(0, 1) };
        coded = coded.then(1, 1).then(rest.animation.into(), ANIMATION_BITS).then(rest.is_dead.into(), 1);
        match rest.z {
            None => coded.then(0, 1),
            Some(z) => coded.then(1, 1).then_signed(z.into(), HEIGHT_BITS),
        }
    }

    /// Reads what follows the class's code.
    fn read(residual_bits: u32, reader: &mut BitReader<'_>) -> Result<Self, Truncated> {
        let residual = (reader.take_signed(residual_bits)? as i16, reader.take_signed(residual_bits)? as i16);
        let velocity = if reader.take(1)? == 1 {
            let speed = if reader.take(1)? == 1 { Some(reader.take(SPEED_BITS)? as u8) } else { None };
            let heading = if speed == Some(0) { 0 } else { reader.take(HEADING_BITS)? as u8 };
            Some((speed, heading))
        } else {
            None
        };
        let facing = if reader.take(1)? == 0 {
            Facing::Same
        } else if reader.take(1)? == 0 {
            Facing::AsHeading
        } else if reader.take(1)? == 0 {
            Facing::Turned(reader.take_signed(TURN_BITS)? as i8)
        } else {
            Facing::At(reader.take(FACING_BITS)? as u8)
        };
        let rest = if reader.take(1)? == 1 {
            let animation = reader.take(ANIMATION_BITS)? as u8;
            let is_dead = reader.take(1)? == 1;
            let z = if reader.take(1)? == 1 { Some(reader.take_signed(HEIGHT_BITS)? as i16) } else { None };
            Some(Rest { animation, is_dead, z })
        } else {
            None
        };
        Ok(Self { residual, velocity, facing, rest })
    }
}

impl Coded {
    /// Nobody is there any more.
    pub const GONE: Self = Self::NOTHING.then(GONE.0, GONE.1);
}
