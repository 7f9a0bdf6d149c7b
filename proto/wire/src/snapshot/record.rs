//! The parts of a snapshot behind its header.

use crate::bits::{BitReader, BitWriter, Full};
use crate::datagram::DecodeError;
use crate::ids::NetId;
use crate::limits::{MAX_GROUP_RECORDS, PLACE_BYTES, RECORD_BYTES};
use crate::space::{Cell, Position, Velocity};

/// The client's own entity, for its prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnState {
    /// Which entity it is.
    pub entity: NetId,
    /// Where it is.
    pub position: Position,
    /// Height, units.
    pub z: i32,
    /// Its way in the tick shown, units per tick. An `i16` on the wire: more is cut to that.
    pub velocity: Velocity,
    /// Its way upwards, units per tick.
    pub velocity_z: i16,
    /// Where it looks, in 256 steps.
    pub facing: u8,
    /// What it is seen to do, 0 to 63; the low 6 bits are written.
    pub animation: u8,
    /// Whether it is dead.
    pub is_dead: bool,
    /// One more (it wraps) each time it is put somewhere without having walked there: do not smooth over it.
    pub teleports: u8,
}

impl OwnState {
    pub(crate) fn write(&self, writer: &mut BitWriter<'_>) -> Result<(), Full> {
        let short = |v: i32| v.clamp(i32::from(i16::MIN), i32::from(i16::MAX));
        writer.put(self.entity.to_bits(), 24)?;
        writer.put_signed(self.position.x, 32)?;
        writer.put_signed(self.position.y, 32)?;
        writer.put_signed(self.z, 32)?;
        writer.put_signed(short(self.velocity.x), 16)?;
        writer.put_signed(short(self.velocity.y), 16)?;
        writer.put_signed(i32::from(self.velocity_z), 16)?;
        writer.put(u32::from(self.facing), 8)?;
        writer.put(u32::from(self.animation), 6)?;
        writer.put(u32::from(self.is_dead), 2)?;
        writer.put(u32::from(self.teleports), 8)
    }

    pub(crate) fn read(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        let entity = NetId::from_bits(reader.take(24)?).ok_or(DecodeError::ReservedBits)?;
        let position = Position { x: reader.take_signed(32)?, y: reader.take_signed(32)? };
        let z = reader.take_signed(32)?;
        let velocity = Velocity { x: reader.take_signed(16)?, y: reader.take_signed(16)? };
        let velocity_z = reader.take_signed(16)? as i16;
        let facing = reader.take(8)? as u8;
        let animation = reader.take(6)? as u8;
        let state = reader.take(2)?;
        if state > 1 {
            return Err(DecodeError::ReservedBits);
        }
        let teleports = reader.take(8)? as u8;
        Ok(Self { entity, position, z, velocity, velocity_z, facing, animation, is_dead: state == 1, teleports })
    }
}

/// What the records of a group are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Each takes a place of the table, whoever was there before.
    Entering,
    /// In a crowd: each is of an entity outside the table. It counts for [`crate::limits::CROWD_TICKS`], whatever later
    /// snapshots name.
    Crowd,
}

impl Form {
    /// Bytes of each record, with what stands before it.
    #[must_use]
    pub const fn record_bytes(self) -> usize {
        match self {
            Self::Entering => PLACE_BYTES + RECORD_BYTES,
            Self::Crowd => RECORD_BYTES,
        }
    }

    const fn code(self) -> u32 {
        match self {
            Self::Entering => 0,
            Self::Crowd => 1,
        }
    }

    const fn of(code: u32) -> Result<Self, DecodeError> {
        match code {
            0 => Ok(Self::Entering),
            1 => Ok(Self::Crowd),
            other => Err(DecodeError::UnknownForm(other as u8)),
        }
    }
}

/// What the records of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where they are.
    pub cell: Cell,
    /// What they are for.
    pub form: Form,
    /// The height that records count from, steps of 16 m from the world's zero.
    pub base_height: i8,
}

/// Which byte of a group's header ends with the count: form in its upper 2 bits, count - 1 in the lower 6.
const COUNT_BYTE: usize = 3;

impl Group {
    /// Writes the group's header; `count` is 1 to 64.
    pub(crate) fn write(&self, count: usize, writer: &mut BitWriter<'_>) -> Result<(), Full> {
        writer.put_signed(i32::from(self.cell.x), 11)?;
        writer.put_signed(i32::from(self.cell.y), 11)?;
        writer.put(0, 2)?;
        writer.put(self.form.code(), 2)?;
        writer.put(count.clamp(1, MAX_GROUP_RECORDS) as u32 - 1, 6)?;
        writer.put_signed(i32::from(self.base_height), 8)
    }

    /// Changes the count in a header that was written; 1 to 64.
    pub(crate) fn write_count(&self, count: usize, header: &mut [u8]) {
        if let Some(byte) = header.get_mut(COUNT_BYTE) {
            *byte = (self.form.code() << 6 | (count.clamp(1, MAX_GROUP_RECORDS) as u32 - 1)) as u8;
        }
    }

    /// Reads the group's header and how many records follow.
    pub(crate) fn read(reader: &mut BitReader<'_>) -> Result<(Self, usize), DecodeError> {
        let cell = Cell { x: reader.take_signed(11)? as i16, y: reader.take_signed(11)? as i16 };
        if reader.take(2)? != 0 {
            return Err(DecodeError::ReservedBits);
        }
        let form = Form::of(reader.take(2)?)?;
        let count = reader.take(6)? as usize + 1;
        Ok((Self { cell, form, base_height: reader.take_signed(8)? as i8 }, count))
    }
}

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum EntityKind {
    /// A player's character.
    Player,
    /// A monster.
    Monster,
    /// Something that lies on the ground.
    Drop,
    /// Anything else.
    #[default]
    Other,
}

impl EntityKind {
    const fn code(self) -> u32 {
        match self {
            Self::Player => 0,
            Self::Monster => 1,
            Self::Drop => 2,
            Self::Other => 3,
        }
    }

    const fn of(code: u32) -> Self {
        match code & 3 {
            0 => Self::Player,
            1 => Self::Monster,
            2 => Self::Drop,
            _ => Self::Other,
        }
    }
}

/// An entity in full at the snapshot's tick: the first record of it is its appearance. Values above a field's range are cut to
/// its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which entity.
    pub entity: NetId,
    /// Its place in the group's cell, see [`Cell::quantize`]: 0 to 2,047 on both axes.
    pub place: (u16, u16),
    /// Height above the group's base, steps of 1/16 m, 0 to 1,023.
    pub z: u16,
    /// Where it looks, in 256 steps.
    pub facing: u8,
    /// See [`crate::heading::quantize_velocity`], 0 to 127.
    pub speed: u8,
    /// Where it moves, in 256 steps; written as 0 without a speed.
    pub heading: u8,
    /// What it is seen to do, 0 to 63.
    pub animation: u8,
    /// What it is.
    pub kind: EntityKind,
    /// Whether it is dead.
    pub is_dead: bool,
}

/// A record as it stands in a snapshot: the same for all who are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RecordBytes(pub(super) [u8; RECORD_BYTES]);

impl Record {
    /// As it stands in a snapshot.
    #[must_use]
    pub fn to_bytes(&self) -> RecordBytes {
        let heading = if self.speed == 0 { 0 } else { self.heading };
        let fields = [
            (self.entity.to_bits(), 19),
            (u32::from(self.place.0), 11),
            (u32::from(self.place.1), 11),
            (u32::from(self.z), 10),
            (u32::from(self.facing), 8),
            (u32::from(self.speed), 7),
            (u32::from(heading), 8),
            (u32::from(self.animation), 6),
            (u32::from(self.is_dead) << 2 | self.kind.code(), 4),
            (0, 4),
        ];
        let whole = fields
            .into_iter()
            .fold(0_u128, |whole, (value, width)| whole << width | u128::from(value) & ((1 << width) - 1));
        let mut bytes = [0; RECORD_BYTES];
        bytes.copy_from_slice(whole.to_be_bytes().split_at(size_of::<u128>() - RECORD_BYTES).1);
        RecordBytes(bytes)
    }

    pub(crate) fn read(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        let parts = [(reader.take(32)?, 32), (reader.take(32)?, 32), (reader.take(24)?, 24)];
        let whole = parts.into_iter().fold(0_u128, |whole, (part, width)| whole << width | u128::from(part));
        let mut left = 8 * RECORD_BYTES as u32;
        let mut field = |width: u32| {
            left -= width;
            (whole >> left) as u32 & ((1 << width) - 1)
        };
        let entity = NetId::from_bits(field(19)).ok_or(DecodeError::ReservedBits)?;
        let place = (field(11) as u16, field(11) as u16);
        let z = field(10) as u16;
        let facing = field(8) as u8;
        let speed = field(7) as u8;
        let heading = field(8) as u8;
        let animation = field(6) as u8;
        let flags = field(8);
        if flags & 0b1000_1111 != 0 || speed == 0 && heading != 0 {
            return Err(DecodeError::ReservedBits);
        }
        let flags = flags >> 4;
        let kind = EntityKind::of(flags);
        Ok(Self { entity, place, z, facing, speed, heading, animation, kind, is_dead: flags & 0b100 != 0 })
    }
}
