//! Bit fields against a naive model of one bit at a time.

use proptest::prelude::*;
use shallot_wire::bits::{BitReader, BitWriter, Full, Truncated};

fn field() -> impl Strategy<Value = (u32, u32)> {
    (any::<u32>(), 0..=32_u32)
}

/// The fields as single bits, then as bytes.
fn naive(fields: &[(u32, u32)]) -> Vec<u8> {
    let bits: Vec<u8> = fields.iter().flat_map(|&(v, w)| (0..w).rev().map(move |i| (v >> i & 1) as u8)).collect();
    bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |sum, (i, bit)| sum | bit << (7 - i))).collect()
}

proptest! {
    #[test]
    fn writes_as_the_naive_model(fields in prop::collection::vec(field(), 0..40)) {
        let mut buffer = [0xAA_u8; 200];
        let mut writer = BitWriter::new(&mut buffer);
        for &(value, width) in &fields {
            writer.put(value, width).unwrap();
        }
        let length = writer.finish();
        prop_assert_eq!(buffer[..length].to_vec(), naive(&fields));
    }

    #[test]
    fn reads_what_was_written(fields in prop::collection::vec(field(), 0..40)) {
        let bytes = naive(&fields);
        let mut reader = BitReader::new(&bytes);
        for &(value, width) in &fields {
            let expected = if width == 32 { value } else { value & ((1 << width) - 1) };
            prop_assert_eq!(reader.take(width), Ok(expected));
        }
    }

    #[test]
    fn what_is_not_there_is_not_read(bytes in prop::collection::vec(any::<u8>(), 0..24), widths in prop::collection::vec((0..=32_u32, prop::bool::weighted(0.1)), 0..40)) {
        let bits: Vec<u32> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| u32::from(byte >> i & 1))).collect();
        let number = |bits: &[u32]| bits.iter().fold(0_u32, |sum, bit| sum << 1 | bit);
        let (mut reader, mut at) = (BitReader::new(&bytes), 0);
        for (width, ends_byte) in widths {
            let field = bits.get(at..at + width as usize);
            prop_assert_eq!(reader.take(width), field.map(number).ok_or(Truncated));
            at += field.map_or(0, <[u32]>::len);
            if ends_byte {
                let end = at.next_multiple_of(8);
                prop_assert_eq!(reader.end_byte(), number(&bits[at..end]));
                at = end;
            }
            prop_assert_eq!((reader.bytes_left(), reader.is_empty()), ((bits.len() - at) / 8, at == bits.len()));
        }
    }

    #[test]
    fn signed_fields_keep_their_sign(value in any::<i32>(), width in 1..=32_u32) {
        let kept = value << (32 - width) >> (32 - width);
        let mut buffer = [0; 4];
        let mut writer = BitWriter::new(&mut buffer);
        writer.put_signed(value, width).unwrap();
        let length = writer.finish();
        prop_assert_eq!(BitReader::new(&buffer[..length]).take_signed(width), Ok(kept));
    }

    #[test]
    fn a_refused_field_changes_nothing(length in 0..6_usize, fields in prop::collection::vec(field(), 0..12)) {
        let mut buffer = vec![0; length];
        let mut written = Vec::new();
        let mut writer = BitWriter::new(&mut buffer);
        for &(value, width) in &fields {
            let bits: u32 = written.iter().map(|(_, w)| w).sum();
            let fits = bits + width <= 8 * length as u32;
            prop_assert_eq!(writer.put(value, width), if fits { Ok(()) } else { Err(Full) });
            if fits {
                written.push((value, width));
            }
        }
        let end = writer.finish();
        prop_assert_eq!(buffer[..end].to_vec(), naive(&written));
    }
}

#[test]
fn reading_past_the_end_is_an_error_and_reads_nothing() {
    let mut reader = BitReader::new(&[0b1010_0101]);
    assert_eq!(reader.take(3), Ok(0b101));
    assert_eq!(reader.take(6), Err(Truncated));
    assert_eq!(reader.take(40), Err(Truncated));
    assert_eq!(reader.take(5), Ok(0b0_0101));
    assert!(reader.is_empty());
    assert_eq!(reader.take(0), Ok(0));
    assert_eq!(reader.take_signed(0), Ok(0));
}

#[test]
fn widths_above_32_count_as_32() {
    let mut buffer = [0; 8];
    let mut writer = BitWriter::new(&mut buffer);
    writer.put(u32::MAX, 99).unwrap();
    assert_eq!(writer.finish(), 4);
    assert_eq!(BitReader::new(&buffer).take_signed(99), Ok(-1));
}
