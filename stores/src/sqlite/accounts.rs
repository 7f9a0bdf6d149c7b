//! Accounts, devices, sessions and refresh tokens.

use async_trait::async_trait;
use shallot_proto::wire::{AccountId, RequestId, SessionEpoch, SessionId};
use shallot_services::ports::{
    AccountRecord, AccountStore, Attempt, LockoutDelay, NewAccount, NewSession, Registration, Rotation,
    RotationRequest, StoreError,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::SqliteStores;
use super::errors::{expect_one_row, failed};
use super::fields::{Fields, signed};

const REGISTERING: &str = "registering an account";
const READING: &str = "reading an account";
const ATTEMPTING: &str = "counting a log-in attempt";
const OPENING: &str = "opening a session";
const ROTATING: &str = "rotating a refresh token";
const CLOSING: &str = "closing a session";

#[async_trait]
impl AccountStore for SqliteStores {
    async fn register(&self, new: &NewAccount) -> Result<Registration, StoreError> {
        let mut tx = self.write(REGISTERING).await?;
        if let Some(holder) = by_login_name(tx.on(), &new.login_name).await? {
            return Ok(Registration::NameTaken(holder));
        }
        sqlx::query(
            "INSERT INTO accounts (id, login_name, password_hash, request, created_at_ms) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&new.id.0[..])
        .bind(&new.login_name)
        .bind(&new.password_hash)
        .bind(&new.request.0[..])
        .bind(signed(REGISTERING, new.created_at_ms)?)
        .execute(tx.on())
        .await
        .map_err(failed(REGISTERING))?;
        tx.commit().await?;
        Ok(Registration::Made)
    }

    async fn by_login_name(&self, login_name: &str) -> Result<Option<AccountRecord>, StoreError> {
        let mut tx = self.read(READING).await?;
        by_login_name(&mut tx, login_name).await
    }

    async fn by_device(&self, key_hash: [u8; 32]) -> Result<Option<AccountId>, StoreError> {
        let mut tx = self.read(READING).await?;
        by_device(&mut tx, key_hash).await
    }

    async fn register_device(
        &self,
        key_hash: [u8; 32],
        new: AccountId,
        at_ms: u64,
    ) -> Result<(AccountId, bool), StoreError> {
        let mut tx = self.write(REGISTERING).await?;
        if let Some(known) = by_device(tx.on(), key_hash).await? {
            return Ok((known, false));
        }
        sqlx::query("INSERT INTO accounts (id, created_at_ms) VALUES (?, ?)")
            .bind(&new.0[..])
            .bind(signed(REGISTERING, at_ms)?)
            .execute(tx.on())
            .await
            .map_err(failed(REGISTERING))?;
        sqlx::query("INSERT INTO devices (key_hash, account) VALUES (?, ?)")
            .bind(&key_hash[..])
            .bind(&new.0[..])
            .execute(tx.on())
            .await
            .map_err(failed(REGISTERING))?;
        tx.commit().await?;
        Ok((new, true))
    }

    async fn begin_attempt(
        &self,
        account: AccountId,
        now_ms: u64,
        delay: &LockoutDelay,
    ) -> Result<Attempt, StoreError> {
        let mut tx = self.write(ATTEMPTING).await?;
        let row = sqlx::query("SELECT failed_attempts, locked_until_ms FROM accounts WHERE id = ?")
            .bind(&account.0[..])
            .fetch_optional(tx.on())
            .await
            .map_err(failed(ATTEMPTING))?
            .ok_or(StoreError::RowCount { operation: ATTEMPTING, rows: 0, expected: 1 })?;
        let fields = Fields::new(&row, "accounts", &account);
        let locked_until_ms: u64 = fields.integer("locked_until_ms")?;
        if now_ms < locked_until_ms {
            return Ok(Attempt::LockedUntil(locked_until_ms));
        }
        let failures = fields.integer::<u32>("failed_attempts")?.saturating_add(1);
        let counted = sqlx::query("UPDATE accounts SET failed_attempts = ?, locked_until_ms = ? WHERE id = ?")
            .bind(i64::from(failures))
            .bind(signed(ATTEMPTING, now_ms.saturating_add(delay(failures)))?)
            .bind(&account.0[..])
            .execute(tx.on())
            .await
            .map_err(failed(ATTEMPTING))?;
        expect_one_row(ATTEMPTING, &counted)?;
        tx.commit().await?;
        Ok(Attempt::Allowed)
    }

    async fn open_session(&self, new: &NewSession) -> Result<Option<SessionEpoch>, StoreError> {
        let mut tx = self.write(OPENING).await?;
        let Some(epoch) = raise_epoch(tx.on(), new.account, OPENING).await? else { return Ok(None) };
        end_session(tx.on(), new.account, OPENING).await?;
        let forgotten = sqlx::query("UPDATE accounts SET failed_attempts = 0, locked_until_ms = 0 WHERE id = ?")
            .bind(&new.account.0[..])
            .execute(tx.on())
            .await
            .map_err(failed(OPENING))?;
        expect_one_row(OPENING, &forgotten)?;
        if let Some(rehash) = &new.rehash {
            // No row when the password was changed since: the new one stays.
            sqlx::query("UPDATE accounts SET password_hash = ? WHERE id = ? AND password_hash = ?")
                .bind(&rehash.new)
                .bind(&new.account.0[..])
                .bind(&rehash.old)
                .execute(tx.on())
                .await
                .map_err(failed(OPENING))?;
        }
        sqlx::query("INSERT INTO sessions (account, session, epoch, ends_at_ms) VALUES (?, ?, ?, ?)")
            .bind(&new.account.0[..])
            .bind(&new.session.0[..])
            .bind(signed(OPENING, epoch.0)?)
            .bind(signed(OPENING, new.ends_at_ms)?)
            .execute(tx.on())
            .await
            .map_err(failed(OPENING))?;
        add_token(tx.on(), new.session, new.refresh_hash, new.refresh_expires_at_ms).await?;
        tx.commit().await?;
        Ok(Some(epoch))
    }

    async fn rotate(&self, request: &RotationRequest) -> Result<Rotation, StoreError> {
        let mut tx = self.write(ROTATING).await?;
        let Some(shown) = shown_token(tx.on(), request.old_hash).await? else { return Ok(Rotation::Unknown) };
        if shown.used {
            let epoch = raise_epoch(tx.on(), shown.account, ROTATING).await?.ok_or(StoreError::RowCount {
                operation: ROTATING,
                rows: 0,
                expected: 1,
            })?;
            end_session(tx.on(), shown.account, ROTATING).await?;
            tx.commit().await?;
            return Ok(Rotation::Reused { account: shown.account, epoch });
        }
        let is_too_old = request.now_ms >= shown.expires_at_ms.min(shown.ends_at_ms);
        if is_too_old || shown.tokens >= u64::from(request.most_rotations) {
            return Ok(Rotation::Expired);
        }
        let used = sqlx::query("UPDATE refresh_tokens SET used = 1 WHERE hash = ? AND used = 0")
            .bind(&request.old_hash[..])
            .execute(tx.on())
            .await
            .map_err(failed(ROTATING))?;
        expect_one_row(ROTATING, &used)?;
        let refresh_expires_at_ms = request.now_ms.saturating_add(request.sliding_ms).min(shown.ends_at_ms);
        add_token(tx.on(), shown.session, request.new_hash, refresh_expires_at_ms).await?;
        tx.commit().await?;
        Ok(Rotation::Rotated {
            account: shown.account,
            session: shown.session,
            epoch: shown.epoch,
            refresh_expires_at_ms,
        })
    }

    async fn close_session(&self, account: AccountId, session: SessionId) -> Result<Option<SessionEpoch>, StoreError> {
        let mut tx = self.write(CLOSING).await?;
        let live = sqlx::query("SELECT 1 FROM sessions WHERE account = ? AND session = ?")
            .bind(&account.0[..])
            .bind(&session.0[..])
            .fetch_optional(tx.on())
            .await
            .map_err(failed(CLOSING))?;
        if live.is_none() {
            return Ok(None);
        }
        end_session(tx.on(), account, CLOSING).await?;
        let epoch = raise_epoch(tx.on(), account, CLOSING).await?;
        tx.commit().await?;
        Ok(epoch)
    }

    async fn epoch(&self, account: AccountId) -> Result<Option<SessionEpoch>, StoreError> {
        let row = sqlx::query("SELECT session_epoch FROM accounts WHERE id = ?")
            .bind(&account.0[..])
            .fetch_optional(&self.readers)
            .await
            .map_err(failed(READING))?;
        row.map(|row| epoch_of(&row, account)).transpose()
    }
}

/// A refresh token of a live session, with that session.
struct ShownToken {
    account: AccountId,
    session: SessionId,
    epoch: SessionEpoch,
    used: bool,
    expires_at_ms: u64,
    ends_at_ms: u64,
    /// All the session has had, the first included.
    tokens: u64,
}

async fn by_login_name(on: &mut SqliteConnection, login_name: &str) -> Result<Option<AccountRecord>, StoreError> {
    let row = sqlx::query("SELECT id, password_hash, request FROM accounts WHERE login_name = ?")
        .bind(login_name)
        .fetch_optional(on)
        .await
        .map_err(failed(READING))?;
    row.map(|row| {
        let fields = Fields::new(&row, "accounts", &login_name);
        Ok(AccountRecord {
            id: AccountId(fields.bytes("id")?),
            password_hash: fields.value("password_hash")?,
            request: RequestId(fields.bytes("request")?),
        })
    })
    .transpose()
}

async fn by_device(on: &mut SqliteConnection, key_hash: [u8; 32]) -> Result<Option<AccountId>, StoreError> {
    let row = sqlx::query("SELECT account FROM devices WHERE key_hash = ?")
        .bind(&key_hash[..])
        .fetch_optional(on)
        .await
        .map_err(failed(READING))?;
    row.map(|row| Fields::new(&row, "devices", &"a device key").bytes("account").map(AccountId)).transpose()
}

/// One up; `None`: no such account.
async fn raise_epoch(
    on: &mut SqliteConnection,
    account: AccountId,
    operation: &'static str,
) -> Result<Option<SessionEpoch>, StoreError> {
    let row = sqlx::query("UPDATE accounts SET session_epoch = session_epoch + 1 WHERE id = ? RETURNING session_epoch")
        .bind(&account.0[..])
        .fetch_optional(on)
        .await
        .map_err(failed(operation))?;
    row.map(|row| epoch_of(&row, account)).transpose()
}

fn epoch_of(row: &SqliteRow, account: AccountId) -> Result<SessionEpoch, StoreError> {
    Fields::new(row, "accounts", &account).integer("session_epoch").map(SessionEpoch)
}

/// The account's session goes, if there is one, and all its tokens with it.
async fn end_session(on: &mut SqliteConnection, account: AccountId, operation: &'static str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE account = ?")
        .bind(&account.0[..])
        .execute(on)
        .await
        .map(|_| ())
        .map_err(failed(operation))
}

async fn add_token(
    on: &mut SqliteConnection,
    session: SessionId,
    hash: [u8; 32],
    expires_at_ms: u64,
) -> Result<(), StoreError> {
    const ADDING: &str = "adding a refresh token";
    sqlx::query("INSERT INTO refresh_tokens (hash, session, expires_at_ms) VALUES (?, ?, ?)")
        .bind(&hash[..])
        .bind(&session.0[..])
        .bind(signed(ADDING, expires_at_ms)?)
        .execute(on)
        .await
        .map(|_| ())
        .map_err(failed(ADDING))
}

async fn shown_token(on: &mut SqliteConnection, hash: [u8; 32]) -> Result<Option<ShownToken>, StoreError> {
    let row = sqlx::query(
        "SELECT t.used, t.expires_at_ms, s.account, s.session, s.epoch, s.ends_at_ms,
                (SELECT COUNT(*) FROM refresh_tokens o WHERE o.session = t.session) AS tokens
         FROM refresh_tokens t JOIN sessions s ON s.session = t.session WHERE t.hash = ?",
    )
    .bind(&hash[..])
    .fetch_optional(on)
    .await
    .map_err(failed(ROTATING))?;
    let Some(row) = row else { return Ok(None) };
    let account = AccountId(Fields::new(&row, "sessions", &"a refresh token's session").bytes("account")?);
    let session = Fields::new(&row, "sessions", &account);
    let token = Fields::new(&row, "refresh_tokens", &account);
    Ok(Some(ShownToken {
        account,
        session: SessionId(session.bytes("session")?),
        epoch: SessionEpoch(session.integer("epoch")?),
        used: token.flag("used")?,
        expires_at_ms: token.integer("expires_at_ms")?,
        ends_at_ms: session.integer("ends_at_ms")?,
        tokens: token.integer("tokens")?,
    }))
}
