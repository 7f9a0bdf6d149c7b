//! The guard of every write: one row per character says which session selected it and which shard owns it.
//!
//! All that is asked here holds until the transaction ends, since it has the write lock. `SessionReplaced` stands for itself in each
//! operation's own error, so these functions answer in plain values.

use shallot_proto::wire::{AccountId, CharacterId, OwnerEpoch};
use shallot_services::character::Caller;
use shallot_services::ports::StoreError;
use sqlx::SqliteConnection;

use super::errors::{expect_one_row, failed};
use super::fields::{Fields, signed};

const GUARDING: &str = "checking a fencing row";
const FENCING: &str = "writing a fencing row";

/// Whether no newer log-in of the account is known. Deleted characters' rows count too: epochs never fall.
pub(super) async fn is_newest(on: &mut SqliteConnection, caller: Caller) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT COALESCE(MAX(session_epoch), 0) AS session_epoch FROM fencing WHERE account = ?")
        .bind(&caller.account.0[..])
        .fetch_one(on)
        .await
        .map_err(failed(GUARDING))?;
    let newest: u64 = Fields::new(&row, "fencing", &caller.account).integer("session_epoch")?;
    Ok(newest <= caller.epoch.0)
}

/// The one character that this session has selected.
pub(super) async fn selected(on: &mut SqliteConnection, caller: Caller) -> Result<Option<CharacterId>, StoreError> {
    let row = sqlx::query("SELECT character FROM fencing WHERE account = ? AND session_epoch = ? AND selected = 1")
        .bind(&caller.account.0[..])
        .bind(signed(GUARDING, caller.epoch.0)?)
        .fetch_optional(on)
        .await
        .map_err(failed(GUARDING))?;
    row.map(|row| Fields::new(&row, "fencing", &caller.account).bytes("character").map(CharacterId)).transpose()
}

/// The account of a character that a shard owns under that epoch; `None`: the shard has lost it.
pub(super) async fn owned(
    on: &mut SqliteConnection,
    character: CharacterId,
    epoch: OwnerEpoch,
) -> Result<Option<AccountId>, StoreError> {
    let row =
        sqlx::query("SELECT account FROM fencing WHERE character = ? AND owner_epoch = ? AND owner_region IS NOT NULL")
            .bind(&character.0[..])
            .bind(signed(GUARDING, epoch.0)?)
            .fetch_optional(on)
            .await
            .map_err(failed(GUARDING))?;
    row.map(|row| Fields::new(&row, "fencing", &character).bytes("account").map(AccountId)).transpose()
}

/// The row of a new character, nobody's and not selected.
pub(super) async fn begin(on: &mut SqliteConnection, caller: Caller, character: CharacterId) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO fencing (character, account, session_epoch) VALUES (?, ?, ?)")
        .bind(&character.0[..])
        .bind(&caller.account.0[..])
        .bind(signed(FENCING, caller.epoch.0)?)
        .execute(on)
        .await
        .map(|_| ())
        .map_err(failed(FENCING))
}

/// The session has this character from now on, and no other.
pub(super) async fn select(
    on: &mut SqliteConnection,
    caller: Caller,
    character: CharacterId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE fencing SET selected = 0 WHERE account = ? AND selected = 1 AND character <> ?")
        .bind(&caller.account.0[..])
        .bind(&character.0[..])
        .execute(&mut *on)
        .await
        .map_err(failed(FENCING))?;
    let selected =
        sqlx::query("UPDATE fencing SET selected = 1, session_epoch = ? WHERE character = ? AND account = ?")
            .bind(signed(FENCING, caller.epoch.0)?)
            .bind(&character.0[..])
            .bind(&caller.account.0[..])
            .execute(on)
            .await
            .map_err(failed(FENCING))?;
    expect_one_row(FENCING, &selected)
}

/// A shard of this region (`None`: nobody) owns the character from now on; what an earlier owner writes is refused.
pub(super) async fn give(
    on: &mut SqliteConnection,
    character: CharacterId,
    region: Option<&str>,
) -> Result<OwnerEpoch, StoreError> {
    let row = sqlx::query(
        "UPDATE fencing SET owner_region = ?, owner_epoch = owner_epoch + 1 WHERE character = ? RETURNING owner_epoch",
    )
    .bind(region)
    .bind(&character.0[..])
    .fetch_optional(on)
    .await
    .map_err(failed(FENCING))?
    .ok_or(StoreError::RowCount { operation: FENCING, rows: 0, expected: 1 })?;
    Fields::new(&row, "fencing", &character).integer("owner_epoch").map(OwnerEpoch)
}

/// The character is gone: nobody has it selected. Its row and epochs stay.
pub(super) async fn end(on: &mut SqliteConnection, character: CharacterId) -> Result<(), StoreError> {
    let ended = sqlx::query("UPDATE fencing SET selected = 0 WHERE character = ?")
        .bind(&character.0[..])
        .execute(on)
        .await
        .map_err(failed(FENCING))?;
    expect_one_row(FENCING, &ended)
}
