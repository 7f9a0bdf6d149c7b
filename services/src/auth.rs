//! Accounts and sessions: register, log in by password or device, refresh, log out, and who an access token speaks for.
//!
//! The newest log-in is the only one that counts: it raises the account's session epoch, and whatever carries an older one is refused,
//! in this process at once, elsewhere by the fencing rows. A refresh keeps session and epoch. A refresh token that is shown twice ends
//! its session, since one of the two was stolen.

use std::sync::Arc;

use shallot_proto::wire::{AccountId, SessionEpoch, SessionId};

use crate::character::Caller;
use crate::clock::Ids;
use crate::limits::{
    ACCESS_TOKEN_MAX, ACCESS_TTL_MS, DEVICE_KEY_LEN, PASSWORD_MAX, PASSWORD_MIN, REFRESH_ABSOLUTE_MS,
    REFRESH_ROTATIONS_MAX, REFRESH_SLIDING_MS, REFRESH_TOKEN_LEN, SECOND_MS,
};
use crate::ports::{
    AccountRecord, AccountStore, Attempt, NewAccount, NewSession, Registration, Rehash, Rotation, RotationRequest,
    StoreError,
};
use crate::request::{Request, RequestError};

mod credentials;
mod errors;
pub mod lockout;
mod password;
mod tokens;
mod verified;

pub use errors::{AuthSetupError, LogInError, LogOutError, RefreshError, RegisterError, VerifyError};
pub use password::{BadPasswordCost, PasswordCost};
pub use tokens::{BadTokenKeys, Principal, TokenKeys};

use password::Passwords;
use tokens::Tokens;
#[cfg(any(test, feature = "testing"))]
pub(crate) use verified::sha256 as sha256_of;
use verified::{Epochs, Verified, sha256};

/// How sessions are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthConfig {
    /// `iss` of access tokens.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// Life of an access token, milliseconds.
    pub access_ttl_ms: u64,
    /// Life of an unused refresh token, milliseconds.
    pub refresh_sliding_ms: u64,
    /// Life of a session from its log-in, milliseconds.
    pub refresh_absolute_ms: u64,
    /// What a password hash costs.
    pub password: PasswordCost,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            issuer: "shallot".to_owned(),
            audience: "shallot-game".to_owned(),
            access_ttl_ms: ACCESS_TTL_MS,
            refresh_sliding_ms: REFRESH_SLIDING_MS,
            refresh_absolute_ms: REFRESH_ABSOLUTE_MS,
            password: PasswordCost::default(),
        }
    }
}

/// Is told when an account's sessions with an epoch below `current` are over, so that their hub links end. Called after the store
/// has committed; must not block.
pub trait SessionNotices: Send + Sync {
    /// Sessions below `current` count no more.
    fn superseded(&self, account: AccountId, current: SessionEpoch);
}

/// Nobody is told.
impl SessionNotices for () {
    fn superseded(&self, _account: AccountId, _current: SessionEpoch) {}
}

/// A session was opened or refreshed.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub session: SessionId,
    /// JWT.
    pub access_token: String,
    /// Milliseconds since 1970.
    pub access_expires_at_ms: u64,
    /// 64 hexadecimal digits; works once.
    pub refresh_token: String,
    /// Milliseconds since 1970.
    pub refresh_expires_at_ms: u64,
    /// Rises at each log-in.
    pub epoch: SessionEpoch,
    /// Whether this call made the account.
    pub created: bool,
}

impl std::fmt::Debug for SignedIn {
    /// Without the tokens: this may be logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { account, session, epoch, created, .. } = self;
        f.debug_struct("SignedIn")
            .field("account", account)
            .field("session", session)
            .field("epoch", epoch)
            .field("created", created)
            .finish_non_exhaustive()
    }
}

impl Principal {
    /// As a caller of use cases.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { account: self.account, session: self.session, epoch: self.epoch }
    }
}

/// The use cases. Rate limits are the doors' to check before they call ([`crate::rates`]), since both doors share one bucket.
pub struct Auth {
    config: AuthConfig,
    accounts: Arc<dyn AccountStore>,
    ids: Ids,
    passwords: Passwords,
    tokens: Tokens,
    verified: Verified,
    epochs: Epochs,
    notices: Arc<dyn SessionNotices>,
}

impl Auth {
    /// Hashes one dummy password, so it takes as long as one.
    ///
    /// # Errors
    /// When the keys or the password cost are not usable.
    pub fn new(
        config: AuthConfig,
        keys: &TokenKeys,
        accounts: Arc<dyn AccountStore>,
        ids: Ids,
        notices: Arc<dyn SessionNotices>,
    ) -> Result<Self, AuthSetupError> {
        let passwords = Passwords::new(config.password, &ids)?;
        let tokens = Tokens::new(keys, &config.issuer, &config.audience)?;
        Ok(Self { config, accounts, ids, passwords, tokens, verified: Verified::new(), epochs: Epochs::new(), notices })
    }

    /// Public keys of access tokens by `kid`, for publishing.
    #[must_use]
    pub fn public_keys(&self) -> &std::collections::BTreeMap<String, [u8; 32]> {
        self.tokens.public_keys()
    }

    /// Makes an account and signs it in. The same request with the same password signs in to the account it made: tokens are not
    /// stored, so they are new ones.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register(
        &self,
        request_id: &str,
        login_name: &str,
        password: &str,
    ) -> Result<SignedIn, RegisterError> {
        let login_name = credentials::login_name(login_name).ok_or(RegisterError::LoginNameInvalid)?;
        if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&password.len()) {
            return Err(RegisterError::PasswordInvalid);
        }
        let now_ms = self.ids.now_ms();
        let request = Request::new(request_id, "register", &login_name, now_ms)?;
        if let Some(taken) = self.accounts.by_login_name(&login_name).await? {
            return self.register_again(&request, taken, password).await;
        }
        let permit = self.passwords.permit().await?;
        let hashing = self.passwords.hash(permit, password.to_owned(), self.ids.random());
        let password_hash = hashing.await.map_err(broken_hashing)?;
        let id = AccountId(self.ids.uuid_v7());
        let new = NewAccount { id, login_name, password_hash, request: request.id, created_at_ms: now_ms };
        match self.accounts.register(&new).await? {
            Registration::Made => Ok(self.open_session(id, None, true).await?),
            Registration::NameTaken(taken) => self.register_again(&request, taken, password).await,
        }
    }

    /// Signs in by password. Unknown account and wrong password are told alike and take as long.
    ///
    /// # Errors
    /// See [`LogInError`].
    pub async fn log_in(&self, login_name: &str, password: &str) -> Result<SignedIn, LogInError> {
        let login_name = credentials::login_name(login_name).ok_or(LogInError::WrongCredentials)?;
        if password.len() > PASSWORD_MAX {
            return Err(LogInError::WrongCredentials);
        }
        let permit = self.passwords.permit().await?;
        let account = self.accounts.by_login_name(&login_name).await?;
        if let Some(account) = &account {
            let now_ms = self.ids.now_ms();
            if let Attempt::LockedUntil(at_ms) =
                self.accounts.begin_attempt(account.id, now_ms, &lockout::delay_ms).await?
            {
                return Err(LogInError::LockedOut { retry_after_ms: at_ms.saturating_sub(now_ms).max(1) });
            }
        }
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let checking = self.passwords.check(permit, hash, password.to_owned(), self.ids.random());
        let checked = checking.await.map_err(broken_hashing)?;
        let account = account.filter(|_| checked.matches).ok_or(LogInError::WrongCredentials)?;
        let rehash = checked.better.map(|new| Rehash { old: account.password_hash, new });
        Ok(self.open_session(account.id, rehash, false).await?)
    }

    /// Signs in by the key a device made, 32 bytes; with `create`, an unknown key makes an account.
    ///
    /// # Errors
    /// See [`LogInError`].
    pub async fn log_in_device(&self, device_key: &[u8], create: bool) -> Result<SignedIn, LogInError> {
        if device_key.len() != DEVICE_KEY_LEN {
            return Err(LogInError::DeviceKeyInvalid);
        }
        let hash = sha256(device_key);
        let (account, created) = match self.accounts.by_device(hash).await? {
            Some(account) => (account, false),
            None if create => {
                self.accounts.register_device(hash, AccountId(self.ids.uuid_v7()), self.ids.now_ms()).await?
            }
            None => return Err(LogInError::WrongCredentials),
        };
        Ok(self.open_session(account, None, created).await?)
    }

    /// Trades a refresh token for new tokens of the same session.
    ///
    /// # Errors
    /// See [`RefreshError`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn, RefreshError> {
        let old = credentials::refresh_token(refresh_token).ok_or(RefreshError::TokenInvalid)?;
        let new: [u8; REFRESH_TOKEN_LEN] = self.ids.random();
        let request = RotationRequest {
            old_hash: sha256(&old),
            new_hash: sha256(&new),
            now_ms: self.ids.now_ms(),
            sliding_ms: self.config.refresh_sliding_ms,
            most_rotations: REFRESH_ROTATIONS_MAX,
        };
        match self.accounts.rotate(&request).await? {
            Rotation::Rotated { account, session, epoch, refresh_expires_at_ms } => {
                let refresh = (credentials::hex(&new), refresh_expires_at_ms);
                Ok(self.signed_in(account, session, epoch, refresh, false)?)
            }
            Rotation::Reused { account, epoch } => {
                tracing::warn!(%account, "a refresh token was used twice: its session is ended");
                self.supersede(account, epoch).await;
                Err(RefreshError::Reused)
            }
            Rotation::Expired => Err(RefreshError::TokenExpired),
            Rotation::Unknown => Err(RefreshError::TokenInvalid),
        }
    }

    /// Ends the caller's session with its tokens.
    ///
    /// # Errors
    /// See [`LogOutError`].
    pub async fn log_out(&self, caller: Caller) -> Result<(), LogOutError> {
        let closed = self.accounts.close_session(caller.account, caller.session).await?;
        let epoch = closed.ok_or(LogOutError::SessionReplaced)?;
        self.supersede(caller.account, epoch).await;
        Ok(())
    }

    /// Who an access token speaks for, when it is ours, in time, and of the account's newest session.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub async fn verify(&self, access_token: &str) -> Result<Principal, VerifyError> {
        if access_token.len() > ACCESS_TOKEN_MAX {
            return Err(VerifyError::TokenInvalid);
        }
        let hash = sha256(access_token.as_bytes());
        let known = self.verified.get(&hash).await;
        let principal = match known {
            Some(principal) => principal,
            None => self.tokens.read(access_token)?,
        };
        let result = self.check_counts(&principal).await;
        match (&result, known) {
            (Ok(()), None) => self.verified.remember(hash, principal).await,
            (Err(_), Some(_)) => self.verified.forget(&hash).await,
            _ => {}
        }
        result.map(|()| principal)
    }

    /// Another node says that the account has signed in with this epoch: earlier tokens count no more here either.
    pub async fn heard_of(&self, account: AccountId, epoch: SessionEpoch) {
        self.epochs.raise(account, epoch).await;
    }

    /// The epoch of the account's newest log-in, as the store has it; `None`: no such account.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn newest_epoch(&self, account: AccountId) -> Result<Option<SessionEpoch>, StoreError> {
        match self.accounts.epoch(account).await? {
            Some(stored) => Ok(Some(self.epochs.raise(account, stored).await)),
            None => Ok(None),
        }
    }

    async fn check_counts(&self, principal: &Principal) -> Result<(), VerifyError> {
        if principal.expires_at_ms <= self.ids.now_ms() {
            return Err(VerifyError::TokenExpired);
        }
        let account = principal.account;
        let current = match self.epochs.get(account).await {
            Some(epoch) if epoch >= principal.epoch => epoch,
            // Not seen yet, or a log-in on another node: the store knows.
            _ => {
                let stored = self.accounts.epoch(account).await?.ok_or(VerifyError::TokenInvalid)?;
                self.epochs.raise(account, stored).await
            }
        };
        match principal.epoch.cmp(&current) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Less => Err(VerifyError::SessionReplaced),
            std::cmp::Ordering::Greater => Err(VerifyError::TokenInvalid),
        }
    }

    async fn register_again(
        &self,
        request: &Request,
        taken: AccountRecord,
        password: &str,
    ) -> Result<SignedIn, RegisterError> {
        if taken.request != request.id {
            return Err(RegisterError::LoginNameTaken);
        }
        let permit = self.passwords.permit().await?;
        let checking = self.passwords.check(permit, Some(taken.password_hash), password.to_owned(), self.ids.random());
        if !checking.await.map_err(broken_hashing)?.matches {
            return Err(RequestError::Reused.into());
        }
        Ok(self.open_session(taken.id, None, true).await?)
    }

    async fn open_session(
        &self,
        account: AccountId,
        rehash: Option<Rehash>,
        created: bool,
    ) -> Result<SignedIn, StoreError> {
        let now_ms = self.ids.now_ms();
        let refresh: [u8; REFRESH_TOKEN_LEN] = self.ids.random();
        let ends_at_ms = now_ms.saturating_add(self.config.refresh_absolute_ms);
        let refresh_expires_at_ms = now_ms.saturating_add(self.config.refresh_sliding_ms).min(ends_at_ms);
        let session = SessionId(self.ids.uuid_v7());
        let new =
            NewSession { account, session, refresh_hash: sha256(&refresh), refresh_expires_at_ms, ends_at_ms, rehash };
        let opened = self.accounts.open_session(&new).await?;
        let epoch = opened.ok_or(StoreError::RowCount { operation: "opening a session", rows: 0, expected: 1 })?;
        self.supersede(account, epoch).await;
        self.signed_in(account, session, epoch, (credentials::hex(&refresh), refresh_expires_at_ms), created)
    }

    async fn supersede(&self, account: AccountId, current: SessionEpoch) {
        self.epochs.raise(account, current).await;
        self.notices.superseded(account, current);
    }

    fn signed_in(
        &self,
        account: AccountId,
        session: SessionId,
        epoch: SessionEpoch,
        (refresh_token, refresh_expires_at_ms): (String, u64),
        created: bool,
    ) -> Result<SignedIn, StoreError> {
        let now_ms = self.ids.now_ms();
        // Whole seconds, as the token carries them.
        let access_expires_at_ms = now_ms.saturating_add(self.config.access_ttl_ms) / SECOND_MS * SECOND_MS;
        let principal = Principal { account, session, epoch, expires_at_ms: access_expires_at_ms };
        let signed = self.tokens.sign(&principal, self.ids.uuid_v7(), now_ms);
        let access_token = signed
            .map_err(|error| StoreError::Driver { operation: "signing an access token", source: Box::new(error) })?;
        Ok(SignedIn {
            account,
            session,
            access_token,
            access_expires_at_ms,
            refresh_token,
            refresh_expires_at_ms,
            epoch,
            created,
        })
    }
}

fn broken_hashing(why: String) -> StoreError {
    StoreError::Driver { operation: "hashing a password", source: why.into() }
}
