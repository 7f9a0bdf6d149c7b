//! Every size and maximum on the wire and in the movement kernel, with the relations between them.

/// Bytes of payload in a datagram, either way: what passes every usual path without being cut up.
pub const MAX_DATAGRAM: usize = 1_150;

/// Bytes of a snapshot's header.
pub const SNAPSHOT_HEADER_BYTES: usize = 11;
/// Bytes of a time echo.
pub const TIME_ECHO_BYTES: usize = 4;
/// Bytes of the part about the client's own entity.
pub const OWN_STATE_BYTES: usize = 24;
/// Bytes before the records of a group.
pub const GROUP_HEADER_BYTES: usize = 5;
/// Bytes of an absolute record.
pub const RECORD_BYTES: usize = 11;
/// Bytes before an absolute record that tell its place, where it has one.
pub const PLACE_BYTES: usize = 1;
/// Records in a group.
pub const MAX_GROUP_RECORDS: usize = 64;
/// Places of a client's table, 0 to 254: a place and a count of places are one byte each.
pub const PLACES: usize = 255;
/// Snapshots from a baseline to the one that goes on from it, at most: whoever keeps the tables of so many has it.
pub const MAX_BASELINE_AGE: u16 = 31;
/// Bytes before the bit mask of the changes against a baseline.
pub const CHANGES_HEADER_BYTES: usize = 1;
/// Ticks from a state in a baseline's table to the tick of the snapshot that changes it. Whoever keeps the states of so many ticks
/// and the present one can tell all that a baseline says.
pub const MAX_STATE_AGE: u32 = 31;
/// Ticks after which a stateless record counts no more: 2 s.
pub const CROWD_TICKS: u32 = 40;
/// Records in a datagram that has no other part.
pub const MAX_RECORDS: usize = (MAX_DATAGRAM - SNAPSHOT_HEADER_BYTES - GROUP_HEADER_BYTES) / RECORD_BYTES;

/// Bytes of an input datagram before its inputs.
pub const INPUT_HEADER_BYTES: usize = 16;
/// Bytes of one input.
pub const INPUT_BYTES: usize = 3;
/// Inputs in a datagram: the newest and up to seven before it.
pub const MAX_INPUTS: usize = 8;
/// Bytes of the longest input datagram.
pub const MAX_INPUT_DATAGRAM: usize = INPUT_HEADER_BYTES + MAX_INPUTS * INPUT_BYTES;
/// Bytes of a hub push before its body.
pub const HUB_PUSH_HEADER_BYTES: usize = 5;
/// Bytes of a connect ticket: its length is one byte.
pub const MAX_TICKET: usize = 255;
/// Bytes on a QUIC stream before the ticket.
pub const OPENING_HEADER_BYTES: usize = 2;
/// The throttle that means full speed.
pub const FULL_THROTTLE: u8 = 127;

/// Sequences that an acknowledgement can name: the newest and those in its mask.
pub const ACK_WINDOW: u16 = 1 + 32;

/// Units in a metre: positions are in 1/4,096 m.
pub const UNITS_PER_METRE: i32 = 4_096;
/// The world map reaches from minus this to plus this, in units, the upper end excluded: 32,768 m each way.
pub const WORLD_HALF: i32 = 1 << 27;
/// Side of a cell, as a power of two in units: 32 m.
pub const CELL_SHIFT: u32 = 17;
/// Cells from the middle of the world map to its edge.
pub const WORLD_HALF_CELLS: i16 = 1 << 10;

/// The fastest that anything moves, centimetres per second. Faster is cut to it.
pub const MAX_SPEED_CM_PER_S: u32 = 4_000;
/// The longest way in one tick, units.
pub const MAX_STEP: i32 = 8_192;
/// One step of a record's speed, units per tick (7.8 cm/s).
pub const RECORD_SPEED_UNITS: i32 = 16;
/// The highest speed a record can say; it means that or faster.
pub const MAX_RECORD_SPEED: u8 = 127;
/// One step of a record's place, as a power of two in units: 1/64 m.
pub const PLACE_SHIFT: u32 = 6;

const _: () = {
    use crate::tick::TICKS_PER_SECOND;
    assert!(
        SNAPSHOT_HEADER_BYTES + TIME_ECHO_BYTES + OWN_STATE_BYTES + GROUP_HEADER_BYTES + RECORD_BYTES <= MAX_DATAGRAM
    );
    assert!(MAX_INPUT_DATAGRAM <= MAX_DATAGRAM);
    assert!(1 << (31 - CELL_SHIFT) >= WORLD_HALF_CELLS as i32 && (WORLD_HALF_CELLS as i32) << CELL_SHIFT == WORLD_HALF);
    assert!(MAX_STEP as u32 * TICKS_PER_SECOND * 100 == MAX_SPEED_CM_PER_S * UNITS_PER_METRE as u32);
    assert!(MAX_STEP <= i16::MAX as i32, "a step fits the own state's velocity");
    assert!(MAX_STATE_AGE as u16 + 1 < ACK_WINDOW, "what an acknowledgement names is younger than its states may be");
    assert!(MAX_BASELINE_AGE < ACK_WINDOW, "an acknowledgement tells of all that came after a baseline");
    assert!(PLACES <= u8::MAX as usize && PLACE_SHIFT < CELL_SHIFT);
    assert!(MAX_STEP < 1 << CELL_SHIFT, "one step reaches the neighbouring cell at most");
};
