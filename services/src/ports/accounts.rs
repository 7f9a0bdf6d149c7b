use async_trait::async_trait;
use shallot_proto::wire::{AccountId, RequestId, SessionEpoch, SessionId};

use super::StoreError;

/// An account that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// UUIDv7.
    pub id: AccountId,
    /// Lower case.
    pub login_name: String,
    /// In PHC form, parameters and salt inside.
    pub password_hash: String,
    /// The request that makes it.
    pub request: RequestId,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
}

/// How a registration ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The account is there.
    Made,
    /// The name belongs to this account.
    NameTaken(AccountRecord),
}

/// An account that signs in by password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// UUIDv7.
    pub id: AccountId,
    /// In PHC form.
    pub password_hash: String,
    /// The request that made it.
    pub request: RequestId,
}

/// Whether a password may be tried now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It may, and counts as failed until a session is opened.
    Allowed,
    /// Not before this time, milliseconds since 1970.
    LockedUntil(u64),
}

/// Milliseconds without a further attempt after so many failed ones.
pub type LockoutDelay = dyn Fn(u32) -> u64 + Send + Sync;

/// A session that is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Whose.
    pub account: AccountId,
    /// UUIDv7.
    pub session: SessionId,
    /// SHA-256 of its first refresh token.
    pub refresh_hash: [u8; 32],
    /// Milliseconds since 1970.
    pub refresh_expires_at_ms: u64,
    /// No refresh beyond this time.
    pub ends_at_ms: u64,
    /// A better hash of the same password.
    pub rehash: Option<Rehash>,
}

/// Replaces a password hash, when it still is the one that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehash {
    /// The one that was checked.
    pub old: String,
    /// The same password under today's parameters.
    pub new: String,
}

/// A refresh token that is to be traded for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationRequest {
    /// SHA-256 of the token shown.
    pub old_hash: [u8; 32],
    /// SHA-256 of the token to come.
    pub new_hash: [u8; 32],
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// Life of the new one, within that of the session, milliseconds.
    pub sliding_ms: u64,
    /// Tokens of one session at most.
    pub most_rotations: u32,
}

/// How a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The new token counts, the old one never again.
    Rotated {
        /// Whose.
        account: AccountId,
        /// Which session.
        session: SessionId,
        /// As at its log-in.
        epoch: SessionEpoch,
        /// Of the new token.
        refresh_expires_at_ms: u64,
    },
    /// The token was used before: the session and all its tokens are ended by this call.
    Reused {
        /// Whose.
        account: AccountId,
        /// Raised: access tokens of the session count no more.
        epoch: SessionEpoch,
    },
    /// Too old, or the session has had all its tokens.
    Expired,
    /// No live session has or had this token.
    Unknown,
}

/// Accounts, their one live session, and their lock-out.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Makes an account, or says who has the name.
    async fn register(&self, new: &NewAccount) -> Result<Registration, StoreError>;

    /// The account of a login name in lower case.
    async fn by_login_name(&self, login_name: &str) -> Result<Option<AccountRecord>, StoreError>;

    /// The account of a device, by the SHA-256 of its key.
    async fn by_device(&self, key_hash: [u8; 32]) -> Result<Option<AccountId>, StoreError>;

    /// Makes the account `new` for a device that is not known, and says whose it is now and whether it was made.
    async fn register_device(
        &self,
        key_hash: [u8; 32],
        new: AccountId,
        at_ms: u64,
    ) -> Result<(AccountId, bool), StoreError>;

    /// Counts a failed attempt before the password is checked, so that a hundred at once are one; refuses while the account is
    /// locked. The delay is that of the failures in a row, this one included. Survives restarts.
    async fn begin_attempt(&self, account: AccountId, now_ms: u64, delay: &LockoutDelay)
    -> Result<Attempt, StoreError>;

    /// Opens the account's session: its epoch rises by one, an earlier session ends with its tokens, failed attempts are
    /// forgotten. `None`: no such account.
    async fn open_session(&self, new: &NewSession) -> Result<Option<SessionEpoch>, StoreError>;

    /// Trades a refresh token.
    async fn rotate(&self, request: &RotationRequest) -> Result<Rotation, StoreError>;

    /// Ends that session with its tokens and raises the epoch, which is returned. `None`: it is not the account's live one.
    async fn close_session(&self, account: AccountId, session: SessionId) -> Result<Option<SessionEpoch>, StoreError>;

    /// The account's epoch. `None`: no such account.
    async fn epoch(&self, account: AccountId) -> Result<Option<SessionEpoch>, StoreError>;
}
