use async_trait::async_trait;
use shallot_proto::wire::RegionEpoch;

use super::StoreError;

/// Which run of a region's shard counts.
#[async_trait]
pub trait RegionStore: Send + Sync {
    /// A shard of this region (key in `regions.csv`) starts: its epoch rises by one and is returned, 1 at the first start. Characters that
    /// an earlier run had are nobody's from now on.
    async fn start_region(&self, region: &str) -> Result<RegionEpoch, StoreError>;

    /// The epoch of the newest start; `None` before the first.
    async fn region_epoch(&self, region: &str) -> Result<Option<RegionEpoch>, StoreError>;
}
