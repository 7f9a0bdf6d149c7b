//! Reference adapters in memory: what the ports promise, in the plainest form. For tests; nothing is kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use shallot_proto::wire::{AccountId, CharacterId, GrantId, ItemId, OwnerEpoch, RegionEpoch, RequestId, SessionEpoch};

use crate::character::CharacterRecord;
use crate::holdings::ItemEvent;
use crate::item::ItemRecord;
use crate::ledger::Posting;
use crate::ports::{RegionOwner, StoreError};

mod accounts;
mod audit;
mod characters;
mod documents;
mod holdings;
mod regions;
mod stand_ins;

pub use stand_ins::{TEST_NOW_MS, TestClock, TestEntropy, test_ids};

/// All ports over one set of tables.
#[derive(Debug, Default)]
pub struct MemoryStores {
    tables: Mutex<Tables>,
}

impl MemoryStores {
    /// Runs one transaction: all that `work` does counts, or, when it fails, nothing.
    fn transact<T, E>(&self, work: impl FnOnce(&mut Tables) -> Result<T, E>) -> Result<T, E> {
        let mut committed = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let mut draft = committed.clone();
        let result = work(&mut draft)?;
        *committed = draft;
        Ok(result)
    }
}

/// What a database would hold.
#[derive(Clone, Debug, Default)]
struct Tables {
    accounts: BTreeMap<AccountId, accounts::Account>,
    devices: BTreeMap<[u8; 32], AccountId>,
    regions: BTreeMap<String, RegionEpoch>,
    /// By region, with the end of its time.
    region_owners: BTreeMap<String, (RegionOwner, u64)>,
    documents: BTreeMap<(String, String), String>,
    characters: BTreeMap<CharacterId, CharacterRecord>,
    folded_names: BTreeMap<String, CharacterId>,
    /// Outlives its character, since epochs never fall.
    fencing: BTreeMap<CharacterId, Fence>,
    items: BTreeMap<ItemId, (CharacterId, ItemRecord)>,
    item_log: Vec<ItemEvent>,
    postings: Vec<Posting>,
    requests: BTreeMap<(AccountId, RequestId), Kept>,
    grants: BTreeMap<GrantId, (CharacterId, Vec<u8>)>,
}

/// A character's fencing row.
#[derive(Clone, Debug)]
struct Fence {
    account: AccountId,
    /// Of the session that made or last selected it.
    session_epoch: SessionEpoch,
    is_selected: bool,
    owner_epoch: OwnerEpoch,
    /// Whose living shard owns it.
    owner_region: Option<String>,
}

/// An idempotency record.
#[derive(Clone, Debug)]
struct Kept {
    digest: [u8; 32],
    reply: Vec<u8>,
}

/// What a database would answer to a statement that breaks one of its constraints.
fn broken(operation: &'static str, why: &'static str) -> StoreError {
    StoreError::Driver { operation, source: why.into() }
}
