//! The live sessions of a server, by id and by account: one for each account.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use shallot_proto::wire::{AccountId, SessionId};

use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::handle::SessionHandle;
use crate::ports::Principal;
use crate::resume::Verdict;

/// The live sessions. An account has one: a newer login, or a newer link of the same login, ends the older.
#[derive(Debug, Default)]
pub struct Directory {
    by_id: DashMap<SessionId, SessionHandle>,
    /// From before the Welcome until its hubs have taken leave.
    by_account: DashMap<AccountId, SessionHandle>,
}

impl Directory {
    /// The session with this id while it lives.
    #[must_use]
    pub fn get(&self, id: SessionId) -> Option<SessionHandle> {
        self.by_id.get(&id).map(|session| session.clone())
    }

    /// The account's session while it lives.
    #[must_use]
    pub fn by_account(&self, account: AccountId) -> Option<SessionHandle> {
        let session = self.by_account.get(&account)?.clone();
        self.get(session.id()).filter(|live| live.is_same(&session))
    }

    /// How many live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether none lives.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All that live, as of some moment while it looked.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionHandle> {
        self.by_id.iter().map(|session| session.clone()).collect()
    }

    /// Ends the session with this id; `false` when there is none.
    pub fn end_session(&self, id: SessionId, reason: EndReason) -> bool {
        self.get(id).inspect(|session| session.end(reason)).is_some()
    }

    /// Ends the account's session, one that is being welcomed too; `false` when there is none.
    pub fn end_account(&self, account: AccountId, reason: EndReason) -> bool {
        let session = self.by_account.get(&account).map(|session| session.clone());
        session.inspect(|session| session.end(reason)).is_some()
    }

    /// The live session that this token is of, and what the token is to it; `None`: it is none's that could be resumed.
    pub(crate) fn resumable(&self, principal: &Principal, token: &[u8]) -> Option<(SessionHandle, Verdict)> {
        let session = self.by_account(principal.account)?;
        let own = session.principal();
        if session.is_ended() || own.session != principal.session || own.epoch != principal.epoch {
            return None;
        }
        let verdict = session.judge_token(token);
        (verdict != Verdict::Foreign).then_some((session, verdict))
    }

    /// Takes the account's place; what stood there is to be ended first. Refused when a newer login stands there.
    pub(crate) fn enter(
        self: &Arc<Self>,
        session: SessionHandle,
    ) -> Result<(Registration, Option<SessionHandle>), HubError> {
        let principal = session.principal();
        let replaced = match self.by_account.entry(principal.account) {
            Entry::Vacant(place) => {
                place.insert(session.clone());
                None
            }
            Entry::Occupied(place) if place.get().principal().epoch > principal.epoch => {
                let message = "the account has signed in anew";
                return Err(HubError::new(Code::Unauthenticated, reason::SESSION_REPLACED, message));
            }
            Entry::Occupied(mut place) => Some(place.insert(session.clone())),
        };
        Ok((Registration { directory: Arc::clone(self), session }, replaced))
    }
}

/// A session's place in the directory, given back when dropped: however its driver ends.
#[derive(Debug)]
pub(crate) struct Registration {
    directory: Arc<Directory>,
    session: SessionHandle,
}

impl Registration {
    pub(crate) fn session(&self) -> &SessionHandle {
        &self.session
    }

    /// It is welcomed: from here on others find it.
    pub(crate) fn go_live(&self) {
        metrics::gauge!(crate::metrics::SESSIONS).increment(1);
        self.directory.by_id.insert(self.session.id(), self.session.clone());
    }

    /// It has ended: nobody finds it any more. Its account's place it keeps while its hubs take leave.
    pub(crate) fn end(&self, reason: &EndReason) {
        let is_it = |_: &SessionId, found: &SessionHandle| found.is_same(&self.session);
        if self.directory.by_id.remove_if(&self.session.id(), is_it).is_some() {
            metrics::gauge!(crate::metrics::SESSIONS).decrement(1);
            metrics::counter!(crate::metrics::SESSION_ENDS, "reason" => reason.reason.clone()).increment(1);
        }
        self.session.mark_ended(reason);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.end(&EndReason::new(Code::Unavailable, reason::SESSION_ENDED, "the session was given up"));
        let account = self.session.principal().account;
        self.directory.by_account.remove_if(&account, |_, found| found.is_same(&self.session));
        self.session.mark_closed();
    }
}
