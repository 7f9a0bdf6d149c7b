//! What a client sends: its newest inputs, what it received, and what it was looking at.

use crate::bits::{BitReader, BitWriter, Full};
use crate::datagram::{Ack, DecodeError, Kind, Sequence, if_flagged, read_u16};
use crate::ids::NetId;
use crate::limits::{FULL_THROTTLE, INPUT_BYTES, INPUT_HEADER_BYTES, MAX_INPUTS};

/// What a player's hand does in one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Input {
    /// Where to, in 256 steps from east over north.
    pub heading: u8,
    /// Share of full speed, 0 (stands) to 127; more is written as 127.
    pub throttle: u8,
    /// Where the body looks, in 256 steps.
    pub facing: u8,
}

/// Inputs of 1 to 8 consecutive ticks, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    all: [Input; MAX_INPUTS],
    count: usize,
}

impl Inputs {
    /// The newest ones of `newest_first`, at most 8; `None` when it is empty.
    #[must_use]
    pub fn new(newest_first: &[Input]) -> Option<Self> {
        let count = newest_first.len().min(MAX_INPUTS);
        if count == 0 {
            return None;
        }
        let mut all = [Input::default(); MAX_INPUTS];
        for (to, from) in all.iter_mut().zip(newest_first) {
            *to = *from;
        }
        Some(Self { all, count })
    }

    /// Newest first.
    #[must_use]
    pub fn as_slice(&self) -> &[Input] {
        self.all.get(..self.count).unwrap_or(&self.all)
    }
}

impl PartialEq for Inputs {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Inputs {}

/// One input datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputWindow {
    /// The entity that the client believes to control. Input for another one has no effect.
    pub entity: NetId,
    /// Which snapshots arrived; `None` before the first.
    pub ack: Option<Ack>,
    /// Low 16 bits of the client's tick that the newest input is for.
    pub newest_tick: u16,
    /// Low 16 bits of the server's tick that the player was looking at.
    pub view_tick: u16,
    /// The client's clock, milliseconds modulo 65,536; comes back in a time echo.
    pub stamp_ms: u16,
    /// What the player did.
    pub inputs: Inputs,
}

impl InputWindow {
    /// Each input with the low 16 bits of its tick, newest first.
    pub fn by_tick(&self) -> impl Iterator<Item = (u16, Input)> {
        let tick = |age: u16| self.newest_tick.wrapping_sub(age);
        (0..).zip(self.inputs.as_slice()).map(move |(age, input)| (tick(age), *input))
    }

    /// Writes the datagram and returns its length, at most [`crate::limits::MAX_INPUT_DATAGRAM`].
    ///
    /// # Errors
    /// [`Full`] when `buffer` is shorter than that length.
    pub fn encode(&self, buffer: &mut [u8]) -> Result<usize, Full> {
        let inputs = self.inputs.as_slice();
        let (newest, mask) = self.ack.map_or((0, 0), |ack| (ack.newest.0, ack.mask));
        let mut writer = BitWriter::new(buffer);
        Kind::Input.write(&mut writer)?;
        writer.put(self.entity.to_bits(), 19)?;
        writer.put(u32::from(self.ack.is_some()), 1)?;
        writer.put(0, 1)?;
        writer.put(inputs.len() as u32 - 1, 3)?;
        writer.put(u32::from(newest), 16)?;
        writer.put(mask, 32)?;
        writer.put(u32::from(self.newest_tick), 16)?;
        writer.put(u32::from(self.view_tick), 16)?;
        writer.put(u32::from(self.stamp_ms), 16)?;
        for input in inputs {
            writer.put(u32::from(input.heading), 8)?;
            writer.put(u32::from(input.throttle.min(FULL_THROTTLE)), 8)?;
            writer.put(u32::from(input.facing), 8)?;
        }
        Ok(writer.finish())
    }

    /// Reads a whole datagram.
    ///
    /// # Errors
    /// [`DecodeError`]; it is read to its last byte or not at all.
    pub fn decode(datagram: &[u8]) -> Result<Self, DecodeError> {
        match Kind::of(datagram)? {
            Kind::Input => {}
            other => return Err(DecodeError::WrongKind(other)),
        }
        let mut reader = BitReader::new(datagram);
        reader.take(8)?;
        let entity = NetId::from_bits(reader.take(19)?).ok_or(DecodeError::ReservedBits)?;
        let has_ack = reader.take(1)? == 1;
        if reader.take(1)? != 0 {
            return Err(DecodeError::ReservedBits);
        }
        let count = reader.take(3)? as usize + 1;
        let length = INPUT_HEADER_BYTES + count * INPUT_BYTES;
        if datagram.len() > length {
            return Err(DecodeError::TrailingBytes(datagram.len() - length));
        }
        let ack = if_flagged(has_ack, (read_u16(&mut reader)?, reader.take(32)?))?;
        let newest_tick = read_u16(&mut reader)?;
        let view_tick = read_u16(&mut reader)?;
        let stamp_ms = read_u16(&mut reader)?;
        let mut all = [Input::default(); MAX_INPUTS];
        for input in all.iter_mut().take(count) {
            *input = read_input(&mut reader)?;
        }
        Ok(Self {
            entity,
            ack: ack.map(|(newest, mask)| Ack { newest: Sequence(newest), mask }),
            newest_tick,
            view_tick,
            stamp_ms,
            inputs: Inputs { all, count },
        })
    }
}

fn read_input(reader: &mut BitReader<'_>) -> Result<Input, DecodeError> {
    let heading = reader.take(8)? as u8;
    let throttle = reader.take(8)? as u8;
    let facing = reader.take(8)? as u8;
    if throttle > FULL_THROTTLE {
        return Err(DecodeError::ReservedBits);
    }
    Ok(Input { heading, throttle, facing })
}
