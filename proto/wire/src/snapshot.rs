//! What the server sends each tick: the client's own entity in full precision, and the set of those it sees.
//!
//! Both ends have the set of a snapshot, to the bit and in the same order: what is left of its baseline's set, each entity as it
//! was or changed, and behind it those that enter. A baseline is a snapshot that the client has acknowledged.

mod coded;
mod delta;
mod read;
mod record;
mod state;
mod write;

pub use coded::Coded;
pub use delta::{Change, Delta};
pub use read::{Changes, Records, Snapshot};
pub use record::{EntityKind, Form, Group, OwnState, Record, RecordBytes};
pub use state::{Entry, State};
pub use write::{GroupWriter, SnapshotWriter, changes_bytes};
