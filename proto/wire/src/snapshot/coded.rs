//! A change in the bits that stand for it, so that it is worked out once and written to many.

use crate::bits::{BitWriter, Full};

/// Bits that the longest change has.
pub(super) const MAX_CHANGE_BITS: u32 = 74;
/// Bits that there is room for.
const ROOM: u32 = u64::BITS + u16::BITS;

/// What became of who stands in a place, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coded {
    /// The first 64, the most significant first; behind the last one zeros.
    head: [u32; 2],
    /// The others, the same way.
    tail: u16,
    length: u8,
}

impl Coded {
    /// No bits yet.
    pub(super) const NOTHING: Self = Self { head: [0; 2], tail: 0, length: 0 };

    /// How many bits it takes behind the mask.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.length as u32
    }

    /// With the low `width` bits of `value`, at most 32, behind it; there must be room.
    pub(super) const fn then(self, value: u32, width: u32) -> Self {
        let [first, second] = self.head;
        let whole = (first as u128) << 48 | (second as u128) << 16 | self.tail as u128;
        let more = value as u128 & ((1 << width) - 1);
        let whole = whole | more << (ROOM - self.length as u32 - width);
        Self {
            head: [(whole >> 48) as u32, (whole >> 16) as u32],
            tail: whole as u16,
            length: self.length + width as u8,
        }
    }

    /// The same of a two's complement.
    pub(super) const fn then_signed(self, value: i32, width: u32) -> Self {
        self.then(value.cast_unsigned(), width)
    }

    pub(super) fn write(self, writer: &mut BitWriter<'_>) -> Result<(), Full> {
        let mut left = self.bits();
        for part in [self.head[0], self.head[1], u32::from(self.tail) << 16] {
            if left <= u32::BITS {
                return writer.put((u64::from(part) >> (u32::BITS - left)) as u32, left);
            }
            writer.put(part, u32::BITS)?;
            left -= u32::BITS;
        }
        Ok(())
    }
}

const _: () = assert!(MAX_CHANGE_BITS <= ROOM, "every change fits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_one_behind_the_other() {
        let fields = [(0b101, 3), (0xDEAD_BEEF, 32), (0, 1), (0x1FF, 9), (0x5A5A_5A5A, 29)];
        for count in 0..=fields.len() {
            let coded =
                fields.iter().take(count).fold(Coded::NOTHING, |coded, (value, width)| coded.then(*value, *width));
            let (mut ours, mut theirs) = ([0; 12], [0; 12]);
            let mut writer = BitWriter::new(&mut ours);
            writer.put(1, 2).unwrap();
            coded.write(&mut writer).unwrap();
            let ours_length = writer.finish();
            let mut writer = BitWriter::new(&mut theirs);
            writer.put(1, 2).unwrap();
            fields.iter().take(count).for_each(|(value, width)| writer.put(*value, *width).unwrap());
            assert_eq!((ours_length, ours), (writer.finish(), theirs), "{count} fields");
            assert_eq!(coded.bits(), fields.iter().take(count).map(|(_, width)| width).sum());
        }
    }
}
