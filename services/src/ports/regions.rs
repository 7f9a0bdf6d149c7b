use async_trait::async_trait;
use shallot_proto::wire::RegionEpoch;

use super::StoreError;

/// A server of a cluster, as the owner of regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionOwner {
    /// Its name, another one for each server.
    pub node: String,
    /// "host:port" of its gRPC.
    pub address: String,
}

/// What came of asking for a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It belongs to the asker, and starts anew under this epoch.
    Ours(RegionEpoch),
    /// Another server has it.
    Theirs(RegionOwner),
}

/// Which run of a region's shard counts, and which server runs it.
#[async_trait]
pub trait RegionStore: Send + Sync {
    /// A shard of this region (key in `regions.csv`) starts: its epoch rises by one and is returned, 1 at the first start. Characters that
    /// an earlier run had are nobody's from now on.
    async fn start_region(&self, region: &str) -> Result<RegionEpoch, StoreError>;

    /// Takes the region until that time, and starts it as [`start_region`](Self::start_region) does; or says whose it is. It is free when nobody
    /// has claimed it, when its owner's time is over, and for a server of its owner's name: that is an earlier run.
    async fn claim_region(
        &self,
        region: &str,
        owner: &RegionOwner,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<Claim, StoreError>;

    /// The server of this name keeps its regions until that time; how many they are.
    async fn renew_regions(&self, node: &str, until_ms: u64) -> Result<u64, StoreError>;

    /// Whose the region is at that time; `None`: nobody's.
    async fn region_owner(&self, region: &str, now_ms: u64) -> Result<Option<RegionOwner>, StoreError>;

    /// The epoch of the newest start; `None` before the first.
    async fn region_epoch(&self, region: &str) -> Result<Option<RegionEpoch>, StoreError>;
}
