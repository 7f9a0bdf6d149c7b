//! What the use cases need from stores. Adapters stand in `shallot-stores`; reference adapters in memory in `crate::memory`
//! (feature `testing`), with the suites every adapter passes in `crate::contract`.
//!
//! - One method is one whole transaction in domain words. Where the rules of the game decide, they come as a [`Rule`]: the adapter
//!   locks, loads, asks the rule, writes what it says and the idempotency record, commits. No adapter knows a rule.
//! - Absent is `Option`; a lost race is a named variant; a broken store is [`StoreError`].
//! - Every write is guarded: a player's by its session epoch, a shard's by its owner epoch ([`Guard`]).
//!
//! To add a port: the trait in a file under `ports/`, an adapter in `memory/`, a suite in `contract/` that fails without each promise
//! of the trait's documentation, then the real adapters and their name in the server's wiring.

use std::error::Error;

use crate::reason::{INTERNAL, Reason};

mod accounts;
mod audit;
mod characters;
mod documents;
mod regions;

pub use accounts::{
    AccountRecord, AccountStore, Attempt, LockoutDelay, NewAccount, NewSession, Registration, Rehash, Rotation,
    RotationRequest,
};
pub use audit::{CommittedGrant, EconomyAudit, Totals, Violation};
pub use characters::{
    Applied, Arrival, CharacterSave, CharacterStore, CreateError, DeleteError, EnterError, Guard, Keys, NewCharacter,
    Rule, SelectError,
};
pub use documents::DocumentStore;
pub use regions::{Claim, RegionOwner, RegionStore};

/// A store does not do its work. Whether a write happened is not known; with its key it may be repeated.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The driver says so.
    #[error("the store failed while {operation}: {source}")]
    Driver {
        /// What was being done.
        operation: &'static str,
        /// The driver's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A row holds what it must not.
    #[error("corrupt row: {table}.{column} of {id}: {why}")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// The row's key.
        id: String,
        /// What is wrong.
        why: String,
    },
    /// A statement met more or fewer rows than it must.
    #[error("{operation}: {rows} rows were touched, {expected} must be")]
    RowCount {
        /// Which statement.
        operation: &'static str,
        /// How many were.
        rows: u64,
        /// How many must be.
        expected: u64,
    },
}

impl Reason for StoreError {
    fn reason(&self) -> &'static str {
        INTERNAL
    }
}
