//! The journal of a world: what it began from, and the commands of each tick. Stepping a world through it gives the same
//! state again, in another process and on another day; marks with the digest of the state say whether it did.
//!
//! # The bytes
//!
//! Sixteen bytes of beginning ([`MAGIC`], then the versions of this layout and of checkpoints, 4 bytes each), then
//! records until the end. A record is the length of its payload and the CRC-32C of it, 4 bytes each, then the payload: a
//! [`Record`] in the bincode format with integers of variable length. All is little endian.
//!
//! The first record is the [`Opening`] with a checkpoint; then comes a tick after the other, between them marks; last an
//! [`End`]. A journal without one was cut off: a crash, a full disk. Whatever is whole of it counts.
//!
//! # Who does what
//!
//! [`begin`], [`tick`], [`mark`] and [`end`] append to a buffer of the caller's, who writes it somewhere; a buffer with
//! room in it costs [`tick`] and [`mark`] no allocation. A checkpoint leaves out what is no state, so a world that begins a
//! journal forgets that as well. [`JournalReader`] takes the bytes in pieces and gives records,
//! [`Replay`] steps a world through them. Nothing here does IO.

mod read;
mod replay;
mod write;

use shallot_masterdata::RegionIndex;
use shallot_wire::{RegionEpoch, Tick};
use wincode::config::{Config, Configuration};
use wincode::{SchemaRead, SchemaWrite};

use crate::checkpoint;
use crate::command::Command;
use crate::limits::{CHECKPOINT_BYTES, COMMANDS_PER_TICK, JOURNAL_RECORD_BYTES};
use crate::schema::{RegionEpochSchema, RegionSchema, TickSchema};

pub use read::{JournalReader, ReadError};
pub use replay::{Replay, ReplayError, Seen};
pub use write::{begin, end, mark, tick};

/// The first bytes of every journal.
pub const MAGIC: [u8; 8] = *b"shallotJ";
/// The layout's version: one more with each change of a record or a command.
pub const VERSION: u32 = 2;
/// The version of the checkpoints in it.
pub const STATE_VERSION: u32 = checkpoint::VERSION;

/// Bytes before the first record.
const BEGINNING: usize = MAGIC.len() + 8;
/// Bytes before a record's payload.
const FRAME: usize = 8;
/// The checksum of payloads.
const CHECKSUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// What a journal is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Opening {
    /// Content hash of the master data.
    pub data_hash: [u8; 32],
    /// Row of the region.
    #[wincode(with = "RegionSchema")]
    pub region: RegionIndex,
    /// Which start of the region's shard.
    #[wincode(with = "RegionEpochSchema")]
    pub region_epoch: RegionEpoch,
    /// Of all the world's chance.
    pub seed: u64,
    /// The tick before the first one.
    #[wincode(with = "TickSchema")]
    pub tick: Tick,
}

/// Why a journal ends where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum End {
    /// The shard stopped in order.
    Stopped,
    /// The file was full; the next one goes on from here.
    Full,
    /// The shard panicked. What it did in the last tick is unknown: it may have panicked in it.
    Panicked,
    /// Ticks could not be written in time. They are missing before the next journal.
    Interrupted,
}

/// One record. `Commands` is a slice where it is written, a `Vec` where it is read.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum Record<'a, Commands> {
    /// What it is of, and the world's checkpoint at that tick.
    Opening(Opening, &'a [u8]),
    /// What one tick took, in order.
    Tick(#[wincode(with = "TickSchema")] Tick, Commands),
    /// The digest of the state after a tick.
    Mark(#[wincode(with = "TickSchema")] Tick, u64),
    /// Nothing comes after it.
    End(End),
}

/// A record that was read.
pub type ReadRecord<'a> = Record<'a, Vec<Command>>;

fn config() -> impl Config {
    Configuration::default()
        .with_varint_encoding()
        .with_preallocation_size_limit::<CHECKPOINT_BYTES>()
        .with_deserialization_size_limit::<JOURNAL_RECORD_BYTES>()
}

const _: () = assert!(COMMANDS_PER_TICK * size_of::<Command>() <= CHECKPOINT_BYTES, "a full tick must be readable");
