//! This server's claim on its regions, where several servers share a store.

use std::sync::Arc;

use shallot_services::ports::{Claim, RegionOwner, RegionStore, StoreError};
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::lifecycle::Lifecycle;
use crate::limits;

/// The claim of one server.
#[derive(Clone)]
pub(crate) struct RegionLease {
    regions: Arc<dyn RegionStore>,
    owner: RegionOwner,
}

impl RegionLease {
    pub(crate) fn new(regions: Arc<dyn RegionStore>, owner: RegionOwner) -> Self {
        Self { regions, owner }
    }

    /// Takes a region, or says who has it.
    pub(crate) async fn claim(&self, region: &str) -> Result<Claim, StoreError> {
        let now_ms = SystemClock::unix_ms();
        self.regions.claim_region(region, &self.owner, now_ms, until_ms(now_ms)).await
    }

    /// Keeps `count` regions until the stop. One that another server has taken means that this one was gone for too long: it stops.
    pub(crate) async fn keep(self, count: u64, lifecycle: Lifecycle, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(limits::REGION_RENEW) => {}
                () = stop.cancelled() => return,
            }
            match self.regions.renew_regions(&self.owner.node, until_ms(SystemClock::unix_ms())).await {
                Ok(renewed) if renewed >= count => {}
                Ok(renewed) => {
                    tracing::error!(renewed, count, "another server has taken regions of this one");
                    return lifecycle.crash("region lease");
                }
                // The store decides each write: nothing is stored twice while the claim is in doubt.
                Err(error) => tracing::warn!(%error, "the claim on the regions was not renewed"),
            }
        }
    }

    /// Gives all of them up, after their last save.
    pub(crate) async fn release(&self) {
        if let Err(error) = self.regions.renew_regions(&self.owner.node, 0).await {
            tracing::warn!(%error, "the claim on the regions ends by itself");
        }
    }
}

fn until_ms(now_ms: u64) -> u64 {
    now_ms.saturating_add(u64::try_from(limits::REGION_LEASE.as_millis()).unwrap_or(u64::MAX))
}
