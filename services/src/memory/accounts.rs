use async_trait::async_trait;
use shallot_proto::wire::{AccountId, SessionEpoch, SessionId};
use std::collections::BTreeMap;

use super::{MemoryStores, Tables, broken};
use crate::ports::{
    AccountRecord, AccountStore, Attempt, LockoutDelay, NewAccount, NewSession, Registration, Rotation,
    RotationRequest, StoreError,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// `None`: signs in by device.
    login: Option<(String, AccountRecord)>,
    epoch: SessionEpoch,
    session: Option<Session>,
    failed_attempts: u32,
    locked_until_ms: u64,
}

#[derive(Clone, Debug)]
struct Session {
    id: SessionId,
    epoch: SessionEpoch,
    ends_at_ms: u64,
    /// All it has had, by hash.
    tokens: BTreeMap<[u8; 32], Token>,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    is_used: bool,
    expires_at_ms: u64,
}

impl Account {
    fn raise_epoch(&mut self) -> SessionEpoch {
        self.epoch = self.epoch.next();
        self.epoch
    }
}

fn by_login_name(tables: &Tables, login_name: &str) -> Option<AccountRecord> {
    let logins = tables.accounts.values().filter_map(|account| account.login.as_ref());
    logins.into_iter().find(|(name, _)| name == login_name).map(|(_, record)| record.clone())
}

#[async_trait]
impl AccountStore for MemoryStores {
    async fn register(&self, new: &NewAccount) -> Result<Registration, StoreError> {
        self.transact(|tables| {
            if let Some(holder) = by_login_name(tables, &new.login_name) {
                return Ok(Registration::NameTaken(holder));
            }
            let record = AccountRecord { id: new.id, password_hash: new.password_hash.clone(), request: new.request };
            let account = Account { login: Some((new.login_name.clone(), record)), ..Account::default() };
            tables.accounts.insert(new.id, account);
            Ok(Registration::Made)
        })
    }

    async fn by_login_name(&self, login_name: &str) -> Result<Option<AccountRecord>, StoreError> {
        self.transact(|tables| Ok(by_login_name(tables, login_name)))
    }

    async fn by_device(&self, key_hash: [u8; 32]) -> Result<Option<AccountId>, StoreError> {
        self.transact(|tables| Ok(tables.devices.get(&key_hash).copied()))
    }

    async fn register_device(
        &self,
        key_hash: [u8; 32],
        new: AccountId,
        _at_ms: u64,
    ) -> Result<(AccountId, bool), StoreError> {
        self.transact(|tables| {
            if let Some(known) = tables.devices.get(&key_hash) {
                return Ok((*known, false));
            }
            tables.accounts.insert(new, Account::default());
            tables.devices.insert(key_hash, new);
            Ok((new, true))
        })
    }

    async fn begin_attempt(
        &self,
        account: AccountId,
        now_ms: u64,
        delay: &LockoutDelay,
    ) -> Result<Attempt, StoreError> {
        self.transact(|tables| {
            let account =
                tables.accounts.get_mut(&account).ok_or_else(|| broken("counting an attempt", "no account"))?;
            if now_ms < account.locked_until_ms {
                return Ok(Attempt::LockedUntil(account.locked_until_ms));
            }
            account.failed_attempts = account.failed_attempts.saturating_add(1);
            account.locked_until_ms = now_ms.saturating_add(delay(account.failed_attempts));
            Ok(Attempt::Allowed)
        })
    }

    async fn open_session(&self, new: &NewSession) -> Result<Option<SessionEpoch>, StoreError> {
        self.transact(|tables| {
            let Some(account) = tables.accounts.get_mut(&new.account) else { return Ok(None) };
            let epoch = account.raise_epoch();
            account.failed_attempts = 0;
            account.locked_until_ms = 0;
            if let (Some(rehash), Some((_, record))) = (&new.rehash, &mut account.login)
                && record.password_hash == rehash.old
            {
                record.password_hash.clone_from(&rehash.new);
            }
            let token = Token { is_used: false, expires_at_ms: new.refresh_expires_at_ms };
            let tokens = BTreeMap::from([(new.refresh_hash, token)]);
            account.session = Some(Session { id: new.session, epoch, ends_at_ms: new.ends_at_ms, tokens });
            Ok(Some(epoch))
        })
    }

    async fn rotate(&self, request: &RotationRequest) -> Result<Rotation, StoreError> {
        self.transact(|tables| {
            let has_token = |account: &Account| {
                account.session.as_ref().is_some_and(|session| session.tokens.contains_key(&request.old_hash))
            };
            let Some((id, account)) = tables.accounts.iter_mut().find(|(_, account)| has_token(account)) else {
                return Ok(Rotation::Unknown);
            };
            let Some(session) = &mut account.session else { return Ok(Rotation::Unknown) };
            let (had, ends_at_ms) = (session.tokens.len(), session.ends_at_ms);
            let Some(token) = session.tokens.get_mut(&request.old_hash) else { return Ok(Rotation::Unknown) };
            if token.is_used {
                account.session = None;
                return Ok(Rotation::Reused { account: *id, epoch: account.raise_epoch() });
            }
            let is_too_old = request.now_ms >= token.expires_at_ms.min(ends_at_ms);
            if is_too_old || had as u64 >= u64::from(request.most_rotations) {
                return Ok(Rotation::Expired);
            }
            token.is_used = true;
            let refresh_expires_at_ms = request.now_ms.saturating_add(request.sliding_ms).min(ends_at_ms);
            session.tokens.insert(request.new_hash, Token { is_used: false, expires_at_ms: refresh_expires_at_ms });
            let (session, epoch) = (session.id, session.epoch);
            Ok(Rotation::Rotated { account: *id, session, epoch, refresh_expires_at_ms })
        })
    }

    async fn close_session(&self, account: AccountId, session: SessionId) -> Result<Option<SessionEpoch>, StoreError> {
        self.transact(|tables| {
            let Some(account) = tables.accounts.get_mut(&account) else { return Ok(None) };
            if account.session.as_ref().map(|live| live.id) != Some(session) {
                return Ok(None);
            }
            account.session = None;
            Ok(Some(account.raise_epoch()))
        })
    }

    async fn epoch(&self, account: AccountId) -> Result<Option<SessionEpoch>, StoreError> {
        self.transact(|tables| Ok(tables.accounts.get(&account).map(|account| account.epoch)))
    }
}
