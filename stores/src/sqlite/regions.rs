//! Region epochs.

use async_trait::async_trait;
use shallot_proto::wire::RegionEpoch;
use shallot_services::ports::{RegionStore, StoreError};
use sqlx::SqliteConnection;

use super::SqliteStores;
use super::errors::failed;
use super::fields::Fields;

const STARTING: &str = "starting a region";

#[async_trait]
impl RegionStore for SqliteStores {
    async fn start_region(&self, region: &str) -> Result<RegionEpoch, StoreError> {
        let mut tx = self.write(STARTING).await?;
        let row = sqlx::query(
            "INSERT INTO regions (key, epoch) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET epoch = epoch + 1 RETURNING epoch",
        )
        .bind(region)
        .fetch_one(tx.on())
        .await
        .map_err(failed(STARTING))?;
        let epoch = RegionEpoch(Fields::new(&row, "regions", &region).integer("epoch")?);
        // As when a character leaves: who becomes nobody's gets a newer epoch.
        sqlx::query("UPDATE fencing SET owner_region = NULL, owner_epoch = owner_epoch + 1 WHERE owner_region = ?")
            .bind(region)
            .execute(tx.on())
            .await
            .map_err(failed(STARTING))?;
        tx.commit().await?;
        Ok(epoch)
    }

    async fn region_epoch(&self, region: &str) -> Result<Option<RegionEpoch>, StoreError> {
        let mut tx = self.read("reading a region's epoch").await?;
        region_epoch(&mut tx, region).await
    }
}

/// The epoch of the region's newest start.
pub(super) async fn region_epoch(on: &mut SqliteConnection, region: &str) -> Result<Option<RegionEpoch>, StoreError> {
    let row = sqlx::query("SELECT epoch FROM regions WHERE key = ?")
        .bind(region)
        .fetch_optional(on)
        .await
        .map_err(failed("reading a region's epoch"))?;
    row.map(|row| Fields::new(&row, "regions", &region).integer("epoch").map(RegionEpoch)).transpose()
}
