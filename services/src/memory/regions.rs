use async_trait::async_trait;
use shallot_proto::wire::RegionEpoch;

use super::{MemoryStores, Tables};
use crate::ports::{Claim, RegionOwner, RegionStore, StoreError};

#[async_trait]
impl RegionStore for MemoryStores {
    async fn start_region(&self, region: &str) -> Result<RegionEpoch, StoreError> {
        self.transact(|tables| Ok(start(tables, region)))
    }

    async fn claim_region(
        &self,
        region: &str,
        owner: &RegionOwner,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<Claim, StoreError> {
        self.transact(|tables| {
            if let Some((theirs, until)) = tables.region_owners.get(region)
                && *until > now_ms
                && theirs.node != owner.node
            {
                return Ok(Claim::Theirs(theirs.clone()));
            }
            tables.region_owners.insert(region.to_owned(), (owner.clone(), until_ms));
            Ok(Claim::Ours(start(tables, region)))
        })
    }

    async fn renew_regions(&self, node: &str, until_ms: u64) -> Result<u64, StoreError> {
        self.transact(|tables| {
            let mut renewed = 0;
            for (_, until) in tables.region_owners.values_mut().filter(|(owner, _)| owner.node == node) {
                *until = until_ms;
                renewed += 1;
            }
            Ok(renewed)
        })
    }

    async fn region_owner(&self, region: &str, now_ms: u64) -> Result<Option<RegionOwner>, StoreError> {
        self.transact(|tables| {
            let owned = tables.region_owners.get(region).filter(|(_, until)| *until > now_ms);
            Ok(owned.map(|(owner, _)| owner.clone()))
        })
    }

    async fn region_epoch(&self, region: &str) -> Result<Option<RegionEpoch>, StoreError> {
        self.transact(|tables| Ok(tables.regions.get(region).copied()))
    }
}

fn start(tables: &mut Tables, region: &str) -> RegionEpoch {
    let epoch = tables.regions.entry(region.to_owned()).or_default();
    *epoch = epoch.next();
    let epoch = *epoch;
    for fence in tables.fencing.values_mut().filter(|fence| fence.owner_region.as_deref() == Some(region)) {
        fence.owner_region = None;
        fence.owner_epoch = fence.owner_epoch.next();
    }
    epoch
}
