//! The suites every adapter of a port must pass: the promises of the ports' documentation, and the use cases on top of them.
//!
//! An adapter's tests call [`all`] once for each fresh store, and [`before_restart`] and [`after_restart`] around closing and opening.
//! A suite panics at the first broken promise. Suites name their players differently, so they may share a store.

use std::fmt::Debug;
use std::sync::Arc;

use crate::ports::{AccountStore, CharacterStore, DocumentStore, EconomyAudit, RegionStore};
use crate::reason::Reason;

mod accounts;
mod characters;
mod documents;
mod fixture;
mod grants;
mod inventory;
mod random;
mod regions;
mod restart;
mod world;

pub use fixture::{Player, Stage};
pub use random::random_operations;
pub use restart::{Witness, after_restart, before_restart};

/// One store's ports.
#[derive(Clone)]
pub struct Adapters {
    /// Accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// Characters.
    pub characters: Arc<dyn CharacterStore>,
    /// Regions.
    pub regions: Arc<dyn RegionStore>,
    /// Documents.
    pub documents: Arc<dyn DocumentStore>,
    /// The audit.
    pub audit: Arc<dyn EconomyAudit>,
}

impl Adapters {
    /// Of a store that has them all.
    #[must_use]
    pub fn of<S>(stores: &Arc<S>) -> Self
    where
        S: AccountStore + CharacterStore + RegionStore + DocumentStore + EconomyAudit + 'static,
    {
        Self {
            accounts: Arc::clone(stores) as _,
            characters: Arc::clone(stores) as _,
            regions: Arc::clone(stores) as _,
            documents: Arc::clone(stores) as _,
            audit: Arc::clone(stores) as _,
        }
    }
}

/// Every suite, on a store that is empty.
pub async fn all(adapters: &Adapters) {
    accounts::all(adapters).await;
    characters::all(adapters).await;
    world::all(adapters).await;
    inventory::all(adapters).await;
    grants::all(adapters).await;
    regions::all(adapters).await;
    documents::all(adapters).await;
    for seed in 0..8 {
        random_operations(adapters, seed, 60).await;
    }
}

/// `OK`, or why not.
fn reason_of<T: Debug, E: Reason>(result: &Result<T, E>) -> &'static str {
    match result {
        Ok(_) => "OK",
        Err(error) => error.reason(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;
    use crate::memory::MemoryStores;

    #[tokio::test]
    async fn the_reference_adapters_pass() {
        all(&Adapters::of(&Arc::new(MemoryStores::default()))).await;
    }

    #[tokio::test]
    async fn the_restart_suite_passes_where_nothing_restarts() {
        let adapters = Adapters::of(&Arc::new(MemoryStores::default()));
        let witness = before_restart(&adapters).await;
        after_restart(&adapters, witness).await;
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn no_sequence_of_operations_makes_or_loses_anything(seed in any::<u32>()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let adapters = Adapters::of(&Arc::new(MemoryStores::default()));
            runtime.block_on(random_operations(&adapters, seed, 80));
        }
    }
}
