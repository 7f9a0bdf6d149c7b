use std::collections::BTreeMap;

use async_trait::async_trait;
use shallot_proto::wire::{CharacterId, GrantId};

use super::StoreError;

/// A row that breaks an invariant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// `I1` to `I4`, as in the economy's design.
    pub invariant: &'static str,
    /// The row: a posting, wallet, item or template.
    pub subject: String,
    /// What is wrong, with the numbers.
    pub what: String,
}

/// Sums over the whole store.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many.
    pub accounts: u64,
    /// How many.
    pub characters: u64,
    /// Levels of all characters.
    pub levels: u64,
    /// Experience of all characters.
    pub xp: u64,
    /// Copper pieces in all wallets.
    pub coins: i64,
    /// Grants committed.
    pub grants: u64,
    /// Units of live items, by template.
    pub items: BTreeMap<String, u64>,
    /// Units that ever came into the world, by mint rule.
    pub minted: BTreeMap<String, u64>,
}

/// A grant as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedGrant {
    /// Which.
    pub id: GrantId,
    /// Whose.
    pub character: CharacterId,
    /// What was answered: see [`crate::grants::GrantReply`].
    pub reply: Vec<u8>,
}

/// Proves that nothing was created, lost or doubled.
#[async_trait]
pub trait EconomyAudit: Send + Sync {
    /// Every break of I1 (postings sum to zero), I2 (a balance is the sum of its entries, and not negative), I3 (one place per
    /// live item) and I4 (live = minted - destroyed; the owner is the log's last), sorted. Empty: all is well.
    async fn violations(&self) -> Result<Vec<Violation>, StoreError>;

    /// At most `limit` committed grants after that id, by id.
    async fn grants(&self, after: Option<GrantId>, limit: u32) -> Result<Vec<CommittedGrant>, StoreError>;

    /// The sums.
    async fn totals(&self) -> Result<Totals, StoreError>;
}
