//! How types of other crates stand in a checkpoint or a journal: each through a plain value. The crates themselves know no
//! codec.

use std::sync::Arc;

use shallot_masterdata::{Abilities, ClassId, ItemTemplateId, MonsterId, RegionIndex, SkillId, Slot};
use shallot_wire::limits::MAX_INPUTS;
use shallot_wire::{
    Ack, CharacterId, GrantId, Input, InputWindow, Inputs, NetId, OwnerEpoch, Position, RegionEpoch, RequestId,
    Sequence, Tick, Velocity,
};
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

/// What one datagram brought: entity; acknowledgement; newest tick, looked-at tick and stamp; the newest input, then the
/// older ones. Its size is fixed but for the inputs, so that writing it takes no memory.
#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(crate) struct Datagram(u32, Option<(u16, u32)>, [u16; 3], Hand, [Option<Hand>; MAX_INPUTS - 1]);
/// A place that things are worn in.
#[derive(Clone, Copy, SchemaRead, SchemaWrite)]
pub(crate) enum Place {
    MainHand,
    TwoHand,
    OffHand,
    Body,
    Head,
    Neck,
    Back,
    Hands,
    Waist,
    Wrist,
    Feet,
    Ring,
    Ammo,
}

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
stands_as!(RequestSchema, RequestId as Bytes16, |id| Bytes16(id.0), |plain| Self(plain.0));
stands_as!(RegionSchema, RegionIndex as Word16, |region| Word16(region.0), |plain| Self(plain.0));
stands_as!(RegionEpochSchema, RegionEpoch as Word64, |epoch| Word64(epoch.0), |plain| Self(plain.0));
stands_as!(GrantSchema, GrantId as Bytes16, |id| Bytes16(id.0), |plain| Self(plain.0));
stands_as!(NetIdSchema, NetId as Word32, |id| Word32(id.to_bits()), |plain| net_id(plain.0));
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
stands_as!(
    WindowSchema,
    InputWindow as Datagram,
    |window| {
        let InputWindow { entity, ack, newest_tick, view_tick, stamp_ms, inputs } = window;
        let mut hands = inputs.as_slice().iter().map(Hand::from);
        let newest = hands.next().unwrap_or(Hand([0; 3]));
        let ack = ack.map(|ack| (ack.newest.0, ack.mask));
        Datagram(
            entity.to_bits(),
            ack,
            [*newest_tick, *view_tick, *stamp_ms],
            newest,
            std::array::from_fn(|_| hands.next()),
        )
    },
    |Datagram(entity, ack, [newest_tick, view_tick, stamp_ms], newest, older)| {
        let newest = Input::from(newest);
        let mut all = [newest; MAX_INPUTS];
        let mut count = 1;
        for hand in older.into_iter().flatten() {
            all[count] = hand.into();
            count += 1;
        }
        Self {
            entity: net_id(entity),
            ack: ack.map(|(newest, mask)| Ack { newest: Sequence(newest), mask }),
            newest_tick,
            view_tick,
            stamp_ms,
            inputs: Inputs::new(&all[..count]).expect("there is a newest one"),
        }
    }
);
stands_as!(
    SlotSchema,
    Slot as Place,
    |slot| match slot {
        Slot::MainHand => Place::MainHand,
        Slot::TwoHand => Place::TwoHand,
        Slot::OffHand => Place::OffHand,
        Slot::Body => Place::Body,
        Slot::Head => Place::Head,
        Slot::Neck => Place::Neck,
        Slot::Back => Place::Back,
        Slot::Hands => Place::Hands,
        Slot::Waist => Place::Waist,
        Slot::Wrist => Place::Wrist,
        Slot::Feet => Place::Feet,
        Slot::Ring => Place::Ring,
        Slot::Ammo => Place::Ammo,
    },
    |place| match place {
        Place::MainHand => Self::MainHand,
        Place::TwoHand => Self::TwoHand,
        Place::OffHand => Self::OffHand,
        Place::Body => Self::Body,
        Place::Head => Self::Head,
        Place::Neck => Self::Neck,
        Place::Back => Self::Back,
        Place::Hands => Self::Hands,
        Place::Waist => Self::Waist,
        Place::Wrist => Self::Wrist,
        Place::Feet => Self::Feet,
        Place::Ring => Self::Ring,
        Place::Ammo => Self::Ammo,
    }
);

/// The entity of a number, whose bits above the 19 used are passed over.
fn net_id(bits: u32) -> NetId {
    NetId { index: (bits >> 3 & 0xFFFF) as u16, generation: (bits & 7) as u8 }
}
