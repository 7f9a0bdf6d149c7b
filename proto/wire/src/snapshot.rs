//! What the server sends each tick: the client's own entity in full precision, and the table of those it sees.
//!
//! Those stand in the places of a table. A snapshot tells some places: who enters one, what became of who stands there, or that it is
//! empty; the others stay as they are. What became of somebody is told against the snapshot's baseline, one that the client has
//! acknowledged: both ends have its table, to the bit. A client takes snapshots in their order and drops those that were
//! overtaken, so the server knows by the acknowledgements what is in the table, and tells again what was lost.

mod coded;
mod delta;
mod places;
mod read;
mod record;
mod state;
mod table;
mod write;

pub use coded::Coded;
pub use delta::{Change, Delta};
pub use places::Places;
pub use read::{Absolute, Changes, Lengths, Records, Snapshot};
pub use record::{EntityKind, Form, Group, OwnState, Record, RecordBytes};
pub use state::{Entry, State};
pub use table::Table;
pub use write::{GroupWriter, SnapshotWriter, changes_bytes};
