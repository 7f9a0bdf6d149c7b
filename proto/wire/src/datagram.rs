//! What all datagrams share: the kind byte, sequence numbers and their acknowledgement, the header of a snapshot.

use crate::bits::{BitReader, BitWriter, Full, Truncated};
use crate::limits::ACK_WINDOW;

/// The layout's version, the low half of each datagram's first byte.
pub const VERSION: u8 = 1;

/// What a datagram is, the high half of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Server to client: [`crate::snapshot`].
    Snapshot,
    /// Client to server: [`crate::input`].
    Input,
    /// Server to client: [`crate::hub_push`].
    HubPush,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Snapshot => 1,
            Self::Input => 2,
            Self::HubPush => 3,
        }
    }

    /// Tells what a datagram is by its first byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] for no byte at all, [`DecodeError::UnknownKind`], [`DecodeError::UnknownVersion`].
    pub fn of(datagram: &[u8]) -> Result<Self, DecodeError> {
        let &first = datagram.first().ok_or(DecodeError::Truncated)?;
        let kind = [Self::Snapshot, Self::Input, Self::HubPush].into_iter().find(|kind| kind.code() == first >> 4);
        let kind = kind.ok_or(DecodeError::UnknownKind(first >> 4))?;
        if first & 0xF != VERSION {
            return Err(DecodeError::UnknownVersion(first & 0xF));
        }
        Ok(kind)
    }

    /// What a datagram of this kind begins with.
    pub(crate) const fn first_byte(self) -> u8 {
        self.code() << 4 | VERSION
    }

    pub(crate) fn write(self, writer: &mut BitWriter<'_>) -> Result<(), Full> {
        writer.put(u32::from(self.first_byte()), 8)
    }
}

/// Why a datagram is refused. It had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It ends before its parts do.
    Truncated,
    /// So many bytes follow its last part.
    TrailingBytes(usize),
    /// It is longer than [`crate::limits::MAX_DATAGRAM`].
    TooLong(usize),
    /// No datagram of this kind exists.
    UnknownKind(u8),
    /// It is of another kind than it was read as.
    WrongKind(Kind),
    /// Another version of the layout.
    UnknownVersion(u8),
    /// A group's records have a form that this version does not have.
    UnknownForm(u8),
    /// A bit that must be zero is not.
    ReservedBits,
    /// A table has [`crate::limits::PLACES`] places.
    NoSuchPlace(u8),
    /// It changes who is in this place, where nobody is by the baseline that it is read against.
    NobodyThere(u8),
    /// It goes on from a state that is later than itself, or older than [`crate::limits::MAX_STATE_AGE`] ticks.
    StateAge(i32),
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Truncated => f.write_str("the datagram ends too early"),
            Self::TrailingBytes(n) => write!(f, "{n} bytes follow the datagram's last part"),
            Self::TooLong(n) => write!(f, "{n} bytes are more than a datagram may have"),
            Self::UnknownKind(kind) => write!(f, "no datagram is of kind {kind}"),
            Self::WrongKind(kind) => write!(f, "a datagram of kind {kind:?} does not belong here"),
            Self::UnknownVersion(version) => write!(f, "layout version {version} is not known"),
            Self::UnknownForm(form) => write!(f, "record form {form} is not known"),
            Self::ReservedBits => f.write_str("a bit that must be zero is not"),
            Self::NoSuchPlace(place) => write!(f, "no table has a place {place}"),
            Self::NobodyThere(place) => write!(f, "it changes who is in place {place}, where the baseline has nobody"),
            Self::StateAge(ticks) => write!(f, "it goes on from a state that is {ticks} ticks old"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl From<Truncated> for DecodeError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// Number of a snapshot, one more for each that is sent to a client. Wraps; compared by distance, so there is no `Ord`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Sequence(pub u16);

impl Sequence {
    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// How many come from `earlier` to `self`; negative when `self` is the earlier one.
    #[must_use]
    pub fn since(self, earlier: Self) -> i16 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// Whether `self` comes after `other`.
    #[must_use]
    pub fn is_after(self, other: Self) -> bool {
        self.since(other) > 0
    }
}

/// Which snapshots arrived: the newest, and of the 32 before it bit i (from the lowest) for the one i + 1 earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The newest that arrived.
    pub newest: Sequence,
    /// Those before it.
    pub mask: u32,
}

impl Ack {
    /// Whether it says that `sequence` arrived.
    #[must_use]
    pub fn contains(self, sequence: Sequence) -> bool {
        match self.newest.0.wrapping_sub(sequence.0) {
            0 => true,
            age if age < ACK_WINDOW => self.mask >> (age - 1) & 1 == 1,
            _ => false,
        }
    }

    /// All that it says arrived, newest first.
    pub fn sequences(self) -> impl Iterator<Item = Sequence> {
        (0..ACK_WINDOW).map(move |age| Sequence(self.newest.0.wrapping_sub(age))).filter(move |s| self.contains(*s))
    }
}

/// What a snapshot is to the one who receives it, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The newest so far.
    Newest,
    /// A newer one is here. It is dropped and never acknowledged: the server counts on snapshots being taken in their order.
    Overtaken,
    /// It is here already.
    Duplicate,
}

/// The client's side of acknowledgement: what it received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    ack: Option<Ack>,
}

impl Received {
    /// What this arrival would be, without noting it.
    #[must_use]
    pub fn judge(&self, sequence: Sequence) -> Arrival {
        match self.ack {
            None => Arrival::Newest,
            Some(ack) if sequence.is_after(ack.newest) => Arrival::Newest,
            Some(ack) if ack.contains(sequence) => Arrival::Duplicate,
            Some(_) => Arrival::Overtaken,
        }
    }

    /// Notes an arrival. What is [`Arrival::Newest`] becomes acknowledged by it; the others change nothing.
    pub fn note(&mut self, sequence: Sequence) -> Arrival {
        let arrival = self.judge(sequence);
        if arrival == Arrival::Newest {
            let mask = self.ack.map_or(0, |before| {
                let shift = u32::from(sequence.since(before.newest).unsigned_abs());
                let newest_as_bit = 1_u32.checked_shl(shift - 1).unwrap_or(0);
                before.mask.checked_shl(shift).unwrap_or(0) | newest_as_bit
            });
            self.ack = Some(Ack { newest: sequence, mask });
        }
        arrival
    }

    /// What to tell the server; `None` before the first arrival.
    #[must_use]
    pub fn ack(&self) -> Option<Ack> {
        self.ack
    }
}

/// The first 11 bytes of a snapshot, without what tells which parts follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// Low 16 bits of the tick it shows.
    pub tick: u16,
    /// Its own number.
    pub sequence: Sequence,
    /// The snapshot whose table its changes go on from. `None`: all places are empty before it.
    pub baseline: Option<Sequence>,
    /// Low 16 bits of the client's tick whose input was applied last; `None` before the first.
    pub last_input: Option<u16>,
    /// Inputs that wait at the server, quarter ticks; 255 is that or more.
    pub buffer_depth: u8,
}

/// Which parts follow the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Parts {
    pub(crate) time_echo: bool,
    pub(crate) own: bool,
}

const HAS_BASELINE: u32 = 1;
const HAS_TIME_ECHO: u32 = 1 << 1;
const HAS_OWN_STATE: u32 = 1 << 2;
const HAS_LAST_INPUT: u32 = 1 << 3;
const KNOWN_FLAGS: u32 = HAS_BASELINE | HAS_TIME_ECHO | HAS_OWN_STATE | HAS_LAST_INPUT;

impl SnapshotHeader {
    pub(crate) fn write(&self, parts: Parts, writer: &mut BitWriter<'_>) -> Result<(), Full> {
        let flag = |is_set: bool, bit: u32| if is_set { bit } else { 0 };
        Kind::Snapshot.write(writer)?;
        writer.put(u32::from(self.tick), 16)?;
        writer.put(u32::from(self.sequence.0), 16)?;
        writer.put(u32::from(self.baseline.unwrap_or_default().0), 16)?;
        writer.put(u32::from(self.last_input.unwrap_or_default()), 16)?;
        writer.put(u32::from(self.buffer_depth), 8)?;
        let flags = flag(self.baseline.is_some(), HAS_BASELINE)
            | flag(parts.time_echo, HAS_TIME_ECHO)
            | flag(parts.own, HAS_OWN_STATE)
            | flag(self.last_input.is_some(), HAS_LAST_INPUT);
        writer.put(flags, 8)
    }

    /// Reads what follows the kind byte.
    pub(crate) fn read(reader: &mut BitReader<'_>) -> Result<(Self, Parts), DecodeError> {
        let tick = read_u16(reader)?;
        let sequence = Sequence(read_u16(reader)?);
        let baseline = read_u16(reader)?;
        let last_input = read_u16(reader)?;
        let buffer_depth = reader.take(8)? as u8;
        let flags = reader.take(8)?;
        if flags & !KNOWN_FLAGS != 0 {
            return Err(DecodeError::ReservedBits);
        }
        let header = Self {
            tick,
            sequence,
            baseline: if_flagged(flags & HAS_BASELINE != 0, baseline)?.map(Sequence),
            last_input: if_flagged(flags & HAS_LAST_INPUT != 0, last_input)?,
            buffer_depth,
        };
        let parts = Parts { time_echo: flags & HAS_TIME_ECHO != 0, own: flags & HAS_OWN_STATE != 0 };
        Ok((header, parts))
    }
}

/// A field that counts only with its flag, and is zero without it.
pub(crate) fn if_flagged<T: Default + PartialEq>(is_set: bool, value: T) -> Result<Option<T>, DecodeError> {
    match is_set {
        true => Ok(Some(value)),
        false if value == T::default() => Ok(None),
        false => Err(DecodeError::ReservedBits),
    }
}

pub(crate) fn read_u16(reader: &mut BitReader<'_>) -> Result<u16, DecodeError> {
    Ok(reader.take(16)? as u16)
}

/// Answers the client's newest time stamp, so that it knows the round trip without the server's waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeEcho {
    /// [`crate::input::InputWindow::stamp_ms`] of the newest input datagram.
    pub client_stamp_ms: u16,
    /// Milliseconds that the server held it; 65,535 is that or longer.
    pub hold_ms: u16,
}

impl TimeEcho {
    pub(crate) fn write(self, writer: &mut BitWriter<'_>) -> Result<(), Full> {
        writer.put(u32::from(self.client_stamp_ms), 16)?;
        writer.put(u32::from(self.hold_ms), 16)
    }

    pub(crate) fn read(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { client_stamp_ms: read_u16(reader)?, hold_ms: read_u16(reader)? })
    }
}
