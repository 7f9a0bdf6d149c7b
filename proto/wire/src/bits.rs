//! Bounded bit reader and writer over a caller's bytes: the most significant bit first, so whole bytes are big-endian. Neither
//! panics nor allocates.

/// The buffer has no room for what should be written. What was there stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no room left in the buffer")
    }
}

impl core::error::Error for Full {}

/// The bytes end before what should be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated;

impl core::fmt::Display for Truncated {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the bytes end too early")
    }
}

impl core::error::Error for Truncated {}

/// Widest field, bits.
const MAX_WIDTH: u32 = 32;

/// Low `width` bits set.
fn mask(width: u32) -> u64 {
    (1 << width) - 1
}

/// Writes fields one after the other into a buffer. What stands behind them there may change.
#[derive(Debug)]
pub struct BitWriter<'a> {
    buffer: &'a mut [u8],
    /// Whole bytes written.
    bytes: usize,
    /// Bits that do not fill a byte yet, right-aligned; those above them are spent.
    pending: u64,
    pending_bits: u32,
}

impl<'a> BitWriter<'a> {
    /// Writes from the buffer's start.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, bytes: 0, pending: 0, pending_bits: 0 }
    }

    /// Appends the low `width` bits of `value`; a width above 32 counts as 32.
    ///
    /// # Errors
    /// [`Full`], and nothing was written.
    pub fn put(&mut self, value: u32, width: u32) -> Result<(), Full> {
        let width = width.min(MAX_WIDTH);
        let bits = self.pending_bits + width;
        let whole = (bits / 8) as usize;
        let room = self.buffer.get_mut(self.bytes..).ok_or(Full)?;
        if room.len() < bits.div_ceil(8) as usize {
            return Err(Full);
        }
        self.pending = self.pending << width | u64::from(value) & mask(width);
        self.pending_bits = bits % 8;
        // Left-aligned: the bytes that are full, and one that is written again when it is.
        let bytes = (self.pending << (u64::BITS - bits.max(1))).to_be_bytes();
        match room.first_chunk_mut() {
            Some(room) => *room = bytes,
            None => room.iter_mut().zip(bytes).take(whole).for_each(|(to, byte)| *to = byte),
        }
        self.bytes += whole;
        Ok(())
    }

    /// Appends the low `width` bits of the two's complement of `value`.
    ///
    /// # Errors
    /// [`Full`], and nothing was written.
    pub fn put_signed(&mut self, value: i32, width: u32) -> Result<(), Full> {
        self.put(value.cast_unsigned(), width)
    }

    /// Fills the last byte with zeros and returns how many bytes were written in all.
    #[must_use]
    pub fn finish(self) -> usize {
        if self.pending_bits == 0 {
            return self.bytes;
        }
        if let Some(byte) = self.buffer.get_mut(self.bytes) {
            *byte = (self.pending << (8 - self.pending_bits) & 0xFF) as u8;
        }
        self.bytes + 1
    }
}

/// Reads fields one after the other.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    /// From the byte at hand on.
    rest: &'a [u8],
    /// Bits of that byte that were read, 0 to 7.
    read: u32,
}

impl<'a> BitReader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, read: 0 }
    }

    /// Whether all bits were read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes of which nothing was read.
    #[must_use]
    pub fn bytes_left(&self) -> usize {
        self.rest.len() - usize::from(self.read > 0)
    }

    /// Reads to the end of the byte at hand, if it was begun; the value of the bits that were left of it.
    pub fn end_byte(&mut self) -> u32 {
        match self.rest.split_first() {
            Some((byte, rest)) if self.read > 0 => {
                let left = u32::from(*byte) & (0xFF >> self.read);
                *self = Self::new(rest);
                left
            }
            _ => 0,
        }
    }

    /// The next `width` bits as an unsigned number; a width above 32 counts as 32.
    ///
    /// # Errors
    /// [`Truncated`], and nothing was read.
    #[inline]
    pub fn take(&mut self, width: u32) -> Result<u32, Truncated> {
        let width = width.min(MAX_WIDTH);
        let bits = self.read + width;
        // At once, when so many bytes are left: the longest field and what was read before it are shorter.
        let window = match self.rest.first_chunk() {
            Some(head) => u64::from_be_bytes(*head),
            None => self.last_bytes(bits)?,
        };
        let value = window << self.read >> 1 >> (u64::BITS - 1 - width); // in two steps: no width shifts all out
        self.rest = self.rest.get((bits / 8) as usize..).ok_or(Truncated)?;
        self.read = bits % 8;
        Ok(value as u32)
    }

    /// What is left, with zeros behind it; there must be so many bits.
    fn last_bytes(&self, bits: u32) -> Result<u64, Truncated> {
        let mut last = [0; size_of::<u64>()];
        let there = last.get_mut(..self.rest.len()).filter(|there| there.len() >= bits.div_ceil(8) as usize);
        there.ok_or(Truncated)?.copy_from_slice(self.rest);
        Ok(u64::from_be_bytes(last))
    }

    /// The next `width` bits as a two's complement number.
    ///
    /// # Errors
    /// [`Truncated`], and nothing was read.
    pub fn take_signed(&mut self, width: u32) -> Result<i32, Truncated> {
        let unused = MAX_WIDTH - width.min(MAX_WIDTH);
        let value = self.take(width)?;
        Ok(value.checked_shl(unused).unwrap_or(0).cast_signed() >> unused.min(MAX_WIDTH - 1))
    }
}
