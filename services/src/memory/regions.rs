use async_trait::async_trait;
use shallot_proto::wire::RegionEpoch;

use super::MemoryStores;
use crate::ports::{RegionStore, StoreError};

#[async_trait]
impl RegionStore for MemoryStores {
    async fn start_region(&self, region: &str) -> Result<RegionEpoch, StoreError> {
        self.transact(|tables| {
            let epoch = tables.regions.entry(region.to_owned()).or_default();
            *epoch = epoch.next();
            for fence in tables.fencing.values_mut().filter(|fence| fence.owner_region.as_deref() == Some(region)) {
                fence.owner_region = None;
                fence.owner_epoch = fence.owner_epoch.next();
            }
            Ok(*epoch)
        })
    }

    async fn region_epoch(&self, region: &str) -> Result<Option<RegionEpoch>, StoreError> {
        self.transact(|tables| Ok(tables.regions.get(region).copied()))
    }
}
