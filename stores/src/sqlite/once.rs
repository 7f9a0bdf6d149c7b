//! Idempotency records: looked up and written in the transaction that has the effect.

use shallot_proto::wire::{AccountId, CharacterId, GrantId, RequestId};
use shallot_services::ports::{Applied, Keys, StoreError};
use shallot_services::request::{Request, RequestError};
use sqlx::SqliteConnection;

use super::errors::failed;
use super::fields::{Fields, signed};
use crate::limits::EXPIRED_PER_WRITE_MAX;

const LOOKING: &str = "looking for an idempotency record";
const KEEPING: &str = "keeping an idempotency record";

/// What is kept of a request.
pub(super) struct Kept {
    digest: [u8; 32],
    pub(super) reply: Vec<u8>,
}

/// The record of a request, while it is kept.
pub(super) async fn kept(
    on: &mut SqliteConnection,
    account: AccountId,
    request: RequestId,
) -> Result<Option<Kept>, StoreError> {
    let row = sqlx::query("SELECT digest, reply FROM requests WHERE account = ? AND id = ?")
        .bind(&account.0[..])
        .bind(&request.0[..])
        .fetch_optional(on)
        .await
        .map_err(failed(LOOKING))?;
    row.map(|row| {
        let fields = Fields::new(&row, "requests", &request);
        Ok(Kept { digest: fields.bytes("digest")?, reply: fields.value("reply")? })
    })
    .transpose()
}

/// The kept reply to a request, if it was answered before. The same id with another digest is [`RequestError::Reused`].
pub(super) async fn answered<E>(
    on: &mut SqliteConnection,
    account: AccountId,
    request: &Request,
) -> Result<Option<Applied>, E>
where
    E: From<StoreError> + From<RequestError>,
{
    match kept(on, account, request.id).await? {
        Some(kept) if kept.digest != request.digest => Err(RequestError::Reused.into()),
        kept => Ok(kept.map(|kept| Applied { reply: kept.reply, replayed: true })),
    }
}

/// The kept reply to a grant, if it was committed before.
pub(super) async fn granted(on: &mut SqliteConnection, grant: GrantId) -> Result<Option<Applied>, StoreError> {
    let row = sqlx::query("SELECT reply FROM grants WHERE id = ?")
        .bind(&grant.0[..])
        .fetch_optional(on)
        .await
        .map_err(failed(LOOKING))?;
    row.map(|row| Ok(Applied { reply: Fields::new(&row, "grants", &grant).value("reply")?, replayed: true }))
        .transpose()
}

/// Keeps the reply under each key.
pub(super) async fn keep(
    on: &mut SqliteConnection,
    account: AccountId,
    character: CharacterId,
    keys: Keys,
    reply: &[u8],
    now_ms: u64,
) -> Result<(), StoreError> {
    if let Some(request) = &keys.request {
        keep_request(on, account, request, reply, now_ms).await?;
    }
    if let Some(grant) = keys.grant {
        sqlx::query("INSERT INTO grants (id, character, reply, at_ms) VALUES (?, ?, ?, ?)")
            .bind(&grant.0[..])
            .bind(&character.0[..])
            .bind(reply)
            .bind(signed(KEEPING, now_ms)?)
            .execute(on)
            .await
            .map_err(failed(KEEPING))?;
    }
    Ok(())
}

/// Each record that comes lets a few go that are no longer kept, oldest first: there is no sweep that could hold the writer for long.
async fn keep_request(
    on: &mut SqliteConnection,
    account: AccountId,
    request: &Request,
    reply: &[u8],
    now_ms: u64,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO requests (account, id, digest, reply) VALUES (?, ?, ?, ?)")
        .bind(&account.0[..])
        .bind(&request.id.0[..])
        .bind(&request.digest[..])
        .bind(reply)
        .execute(&mut *on)
        .await
        .map_err(failed(KEEPING))?;
    sqlx::query(
        "DELETE FROM requests WHERE (account, id) IN (SELECT account, id FROM requests WHERE id < ? ORDER BY id LIMIT ?)",
    )
    .bind(&Request::oldest_kept(now_ms).0[..])
    .bind(EXPIRED_PER_WRITE_MAX)
    .execute(on)
    .await
    .map(|_| ())
    .map_err(failed("letting expired idempotency records go"))
}
