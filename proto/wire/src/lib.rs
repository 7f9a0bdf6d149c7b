//! What is packed by hand and shared by server and clients. No dependencies, no IO, no floats; decoders neither panic nor
//! allocate. This crate is what a client in another language ports; `docs/WIRE.md` is the same in words and test vectors.
//!
//! Read [`limits`], then [`space`] and [`heading`], then [`movement`] over [`terrain`]; beside it [`bits`], [`datagram`],
//! [`input`], [`snapshot`] and [`hub_push`], and [`opening`] for the stream that they begin with.
#![deny(clippy::float_arithmetic)]
#![warn(clippy::indexing_slicing)]

pub mod bits;
pub mod datagram;
pub mod heading;
pub mod hub_push;
pub mod ids;
pub mod input;
pub mod limits;
pub mod movement;
pub mod opening;
pub mod snapshot;
pub mod space;
pub mod terrain;
pub mod tick;

pub use bits::Full;
pub use datagram::{Ack, Arrival, DecodeError, Kind, Received, Sequence, SnapshotHeader, TimeEcho};
pub use heading::heading_towards;
pub use hub_push::HubPush;
pub use ids::*;
pub use input::{Input, InputWindow, Inputs};
pub use movement::{Motion, step};
pub use opening::Purpose;
pub use snapshot::{
    Absolute, Change, Coded, Delta, EntityKind, Entry, Form, Group, Lengths, OwnState, Places, Record, RecordBytes,
    Snapshot, SnapshotWriter, State, Table,
};
pub use space::{Cell, Position, Rect, Velocity};
pub use terrain::{Terrain, TerrainIndex};
pub use tick::{TICK_MS, TICKS_PER_SECOND, Tick};
