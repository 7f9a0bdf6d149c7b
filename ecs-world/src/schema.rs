//! How types of other crates stand in a checkpoint: each through a plain value. The crates themselves know no codec.

use std::sync::Arc;

use shallot_masterdata::{Abilities, ClassId, ItemTemplateId, MonsterId, SkillId};
use shallot_wire::{CharacterId, GrantId, Input, NetId, OwnerEpoch, Position, Tick, Velocity};
use wincode::adapter::FromInto;
use wincode::{SchemaRead, SchemaWrite};

/// Two bytes: rows of tables.
#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(crate) struct Word16(u16);
/// Four bytes: ticks, entities.
#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(crate) struct Word32(u32);
/// Eight bytes: epochs.
#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(crate) struct Word64(u64);
/// Sixteen bytes: ids.
#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(crate) struct Bytes16([u8; 16]);
/// The six scores.
#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(crate) struct Scores([u8; 6]);
/// A player's input of one tick.
#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(crate) struct Hand([u8; 3]);
/// Text that many hold.
#[derive(Clone, SchemaRead, SchemaWrite)]
pub(crate) struct Text(String);
/// Two coordinates.
#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(crate) struct Pair(i32, i32);

/// A macro, since a trait cannot be implemented for a list of types by a function.
macro_rules! stands_as {
    ($name:ident, $type:ty as $plain:ident, $to:expr, $back:expr) => {
        pub(crate) type $name = FromInto<$plain, $type>;

        impl From<&$type> for $plain {
            fn from(value: &$type) -> Self {
                let to: fn(&$type) -> $plain = $to;
                to(value)
            }
        }

        impl From<$plain> for $type {
            fn from(plain: $plain) -> Self {
                let back: fn($plain) -> $type = $back;
                back(plain)
            }
        }
    };
}

stands_as!(ItemSchema, ItemTemplateId as Word16, |id| Word16(id.0), |plain| Self(plain.0));
stands_as!(MonsterSchema, MonsterId as Word16, |id| Word16(id.0), |plain| Self(plain.0));
stands_as!(SkillSchema, SkillId as Word16, |id| Word16(id.0), |plain| Self(plain.0));
stands_as!(ClassSchema, ClassId as Word16, |id| Word16(id.0), |plain| Self(plain.0));
stands_as!(TickSchema, Tick as Word32, |tick| Word32(tick.0), |plain| Self(plain.0));
stands_as!(OwnerEpochSchema, OwnerEpoch as Word64, |epoch| Word64(epoch.0), |plain| Self(plain.0));
stands_as!(CharacterSchema, CharacterId as Bytes16, |id| Bytes16(id.0), |plain| Self(plain.0));
stands_as!(GrantSchema, GrantId as Bytes16, |id| Bytes16(id.0), |plain| Self(plain.0));
stands_as!(NetIdSchema, NetId as Word32, |id| Word32(id.to_bits()), |plain| Self {
    index: (plain.0 >> 3 & 0xFFFF) as u16,
    generation: (plain.0 & 7) as u8,
});
stands_as!(
    AbilitiesSchema,
    Abilities as Scores,
    |abilities| {
        let Abilities { str, dex, con, int, wis, cha } = *abilities;
        Scores([str, dex, con, int, wis, cha])
    },
    |plain| {
        let [str, dex, con, int, wis, cha] = plain.0;
        Self { str, dex, con, int, wis, cha }
    }
);
stands_as!(PositionSchema, Position as Pair, |position| Pair(position.x, position.y), |plain| Self {
    x: plain.0,
    y: plain.1,
});
stands_as!(VelocitySchema, Velocity as Pair, |velocity| Pair(velocity.x, velocity.y), |plain| Self {
    x: plain.0,
    y: plain.1,
});
stands_as!(TextSchema, Arc<str> as Text, |text| Text(text.to_string()), |plain| plain.0.into());
stands_as!(InputSchema, Input as Hand, |input| Hand([input.heading, input.throttle, input.facing]), |plain| {
    let [heading, throttle, facing] = plain.0;
    Self { heading, throttle, facing }
});
