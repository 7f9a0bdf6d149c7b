//! Region epochs, and which server of a cluster has a region.

use async_trait::async_trait;
use shallot_proto::wire::RegionEpoch;
use shallot_services::ports::{Claim, RegionOwner, RegionStore, StoreError};
use sqlx::SqliteConnection;

use super::SqliteStores;
use super::errors::failed;
use super::fields::{Fields, signed};

const STARTING: &str = "starting a region";
const CLAIMING: &str = "claiming a region";
const READING_OWNER: &str = "reading a region's owner";
const RENEWING: &str = "renewing the claim on regions";

#[async_trait]
impl RegionStore for SqliteStores {
    async fn start_region(&self, region: &str) -> Result<RegionEpoch, StoreError> {
        let mut tx = self.write(STARTING).await?;
        let epoch = start(tx.on(), region).await?;
        tx.commit().await?;
        Ok(epoch)
    }

    async fn claim_region(
        &self,
        region: &str,
        owner: &RegionOwner,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<Claim, StoreError> {
        let mut tx = self.write(CLAIMING).await?;
        // Under the write lock: of two servers that ask at once one is the second.
        if let Some(theirs) = region_owner(tx.on(), region, now_ms).await?.filter(|theirs| theirs.node != owner.node) {
            return Ok(Claim::Theirs(theirs));
        }
        let epoch = start(tx.on(), region).await?;
        sqlx::query("UPDATE regions SET owner_node = ?, owner_address = ?, owned_until_ms = ? WHERE key = ?")
            .bind(&owner.node)
            .bind(&owner.address)
            .bind(signed(CLAIMING, until_ms)?)
            .bind(region)
            .execute(tx.on())
            .await
            .map_err(failed(CLAIMING))?;
        tx.commit().await?;
        Ok(Claim::Ours(epoch))
    }

    async fn renew_regions(&self, node: &str, until_ms: u64) -> Result<u64, StoreError> {
        let mut tx = self.write(RENEWING).await?;
        let renewed = sqlx::query("UPDATE regions SET owned_until_ms = ? WHERE owner_node = ?")
            .bind(signed(RENEWING, until_ms)?)
            .bind(node)
            .execute(tx.on())
            .await
            .map_err(failed(RENEWING))?;
        tx.commit().await?;
        Ok(renewed.rows_affected())
    }

    async fn region_owner(&self, region: &str, now_ms: u64) -> Result<Option<RegionOwner>, StoreError> {
        let mut tx = self.read(READING_OWNER).await?;
        region_owner(&mut tx, region, now_ms).await
    }

    async fn region_epoch(&self, region: &str) -> Result<Option<RegionEpoch>, StoreError> {
        let mut tx = self.read("reading a region's epoch").await?;
        region_epoch(&mut tx, region).await
    }
}

async fn start(on: &mut SqliteConnection, region: &str) -> Result<RegionEpoch, StoreError> {
    let row = sqlx::query(
        "INSERT INTO regions (key, epoch) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET epoch = epoch + 1 RETURNING epoch",
    )
    .bind(region)
    .fetch_one(&mut *on)
    .await
    .map_err(failed(STARTING))?;
    let epoch = RegionEpoch(Fields::new(&row, "regions", &region).integer("epoch")?);
    // As when a character leaves: who becomes nobody's gets a newer epoch.
    sqlx::query("UPDATE fencing SET owner_region = NULL, owner_epoch = owner_epoch + 1 WHERE owner_region = ?")
        .bind(region)
        .execute(on)
        .await
        .map_err(failed(STARTING))?;
    Ok(epoch)
}

/// Whose the region is at that time.
async fn region_owner(on: &mut SqliteConnection, region: &str, now_ms: u64) -> Result<Option<RegionOwner>, StoreError> {
    let row = sqlx::query(
        "SELECT owner_node, owner_address FROM regions WHERE key = ? AND owner_node IS NOT NULL AND owned_until_ms > ?",
    )
    .bind(region)
    .bind(signed(READING_OWNER, now_ms)?)
    .fetch_optional(on)
    .await
    .map_err(failed(READING_OWNER))?;
    row.map(|row| {
        let fields = Fields::new(&row, "regions", &region);
        Ok(RegionOwner { node: fields.value("owner_node")?, address: fields.value("owner_address")? })
    })
    .transpose()
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
