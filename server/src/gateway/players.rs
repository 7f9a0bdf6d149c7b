//! Who is here: the directory of player sessions, shared by all gateway workers and the shards' desks.

use std::sync::Arc;

use dashmap::DashMap;
use shallot_proto::wire::{CharacterId, SessionId};

use super::session::PlayerSession;

/// The directory. An entry lives as long as its session, or its stay in a region.
#[derive(Default)]
pub(crate) struct Players {
    by_session: DashMap<SessionId, Arc<PlayerSession>>,
    by_character: DashMap<CharacterId, Arc<PlayerSession>>,
}

impl Players {
    /// A session has come. One with the same id that is still on its way out keeps its characters, and nothing else.
    pub(crate) fn come(&self, session: &Arc<PlayerSession>) {
        self.by_session.insert(session.handle.id(), Arc::clone(session));
    }

    /// A session is gone.
    pub(crate) fn go(&self, session: &Arc<PlayerSession>) {
        self.by_session.remove_if(&session.handle.id(), |_, known| Arc::ptr_eq(known, session));
    }

    /// A character is (about to be) in a region, in the hands of this session.
    pub(crate) fn enter(&self, character: CharacterId, session: &Arc<PlayerSession>) {
        self.by_character.insert(character, Arc::clone(session));
    }

    /// A character has left, unless another session has taken it over.
    pub(crate) fn leave(&self, character: CharacterId, session: &Arc<PlayerSession>) {
        self.by_character.remove_if(&character, |_, known| Arc::ptr_eq(known, session));
    }

    pub(crate) fn session(&self, id: SessionId) -> Option<Arc<PlayerSession>> {
        self.by_session.get(&id).map(|entry| Arc::clone(entry.value()))
    }

    /// In whose hands a character is.
    pub(crate) fn of_character(&self, character: CharacterId) -> Option<Arc<PlayerSession>> {
        self.by_character.get(&character).map(|entry| Arc::clone(entry.value()))
    }

    /// All sessions there are now.
    pub(crate) fn all(&self) -> Vec<Arc<PlayerSession>> {
        self.by_session.iter().map(|entry| Arc::clone(entry.value())).collect()
    }
}
