//! What was verified before, and which epochs count: both bounded.

use moka::future::Cache;
use moka::ops::compute::Op;
use ring::digest::{SHA256, digest};
use shallot_proto::wire::{AccountId, SessionEpoch};

use super::tokens::Principal;
use crate::limits::{KNOWN_EPOCHS_MAX, VERIFIED_TOKENS_MAX};

/// Tokens whose signature was checked, by their SHA-256: EdDSA costs five times the rest of a call.
pub(crate) struct Verified(Cache<[u8; 32], Principal>);

impl Verified {
    pub(crate) fn new() -> Self {
        Self(Cache::new(VERIFIED_TOKENS_MAX))
    }

    pub(crate) async fn get(&self, hash: &[u8; 32]) -> Option<Principal> {
        self.0.get(hash).await
    }

    pub(crate) async fn remember(&self, hash: [u8; 32], principal: Principal) {
        self.0.insert(hash, principal).await;
    }

    pub(crate) async fn forget(&self, hash: &[u8; 32]) {
        self.0.invalidate(hash).await;
    }
}

/// The newest epoch of accounts, as far as this process has seen. Only ever rises.
pub(crate) struct Epochs(Cache<AccountId, SessionEpoch>);

impl Epochs {
    pub(crate) fn new() -> Self {
        Self(Cache::new(KNOWN_EPOCHS_MAX))
    }

    pub(crate) async fn get(&self, account: AccountId) -> Option<SessionEpoch> {
        self.0.get(&account).await
    }

    /// The newest of `seen` and what was known. A log-in on the way and a read of the store may come in any order.
    pub(crate) async fn raise(&self, account: AccountId, seen: SessionEpoch) -> SessionEpoch {
        let newest = |known: Option<moka::Entry<AccountId, SessionEpoch>>| {
            let op = match known {
                Some(known) if known.value() >= &seen => Op::Nop,
                _ => Op::Put(seen),
            };
            std::future::ready(op)
        };
        let result = self.0.entry(account).and_compute_with(newest).await;
        result.into_entry().map_or(seen, |entry| entry.into_value())
    }
}

/// SHA-256, the form in which tokens and keys are remembered.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0_u8; 32];
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    hash
}
