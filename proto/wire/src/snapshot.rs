//! What the server sends each tick: the client's own entity in full precision, and what it sees in groups by cell.

mod read;
mod record;
mod write;

pub use read::{Records, Snapshot};
pub use record::{EntityKind, Group, OwnState, PackedRecord, Record, Ring};
pub use write::{GroupWriter, SnapshotWriter};
