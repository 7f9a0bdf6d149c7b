//! Who is in which group on this node, as it is told to the others: each change with a number, and the whole when one asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use shallot_proto::wire::SessionId;

use super::message::{self, Change, Entry, Kind, RosterPart};
use super::name::GroupName;
use super::outgoing::Outgoing;
use crate::backplane::To;
use crate::limits::ROSTER_PART_BYTES;

/// This node's memberships.
#[derive(Debug)]
pub(super) struct Roster {
    own: Mutex<Own>,
    outgoing: Arc<Outgoing>,
}

#[derive(Debug, Default)]
struct Own {
    /// Rises by 1 with each change.
    version: u64,
    groups: BTreeMap<GroupName, BTreeSet<SessionId>>,
}

impl Roster {
    pub(super) fn new(outgoing: Arc<Outgoing>) -> Self {
        Self { own: Mutex::default(), outgoing }
    }

    /// A session has joined or left; the others are told.
    pub(super) fn change(&self, group: &GroupName, session: SessionId, is_member: bool) {
        let mut own = self.lock();
        if !own.change(group, session, is_member) {
            return;
        }
        own.version += 1;
        let (version, group, session) = (own.version, group.to_string(), message::session_bytes(session));
        // Under the lock: the line has the order of the numbers.
        self.outgoing.put(&To::All, message::encode(Kind::Change(Change { version, group, session, is_member })));
    }

    pub(super) fn version(&self) -> u64 {
        self.lock().version
    }

    /// The whole in parts.
    pub(super) fn parts(&self) -> Vec<Bytes> {
        let own = self.lock();
        let mut parts = vec![Vec::new()];
        let mut bytes = 0;
        // A large group is spread over entries of its own name.
        let chunk = ROSTER_PART_BYTES / 16;
        for (group, sessions) in &own.groups {
            let sessions: Vec<SessionId> = sessions.iter().copied().collect();
            for some in sessions.chunks(chunk) {
                let cost = 16 * some.len() + group.as_str().len() + 8;
                if bytes + cost > ROSTER_PART_BYTES && bytes > 0 {
                    parts.push(Vec::new());
                    bytes = 0;
                }
                bytes += cost;
                let entry = Entry { group: group.to_string(), sessions: message::sessions_bytes(some) };
                parts.last_mut().into_iter().for_each(|part| part.push(entry.clone()));
            }
        }
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let version = own.version;
        let encoded =
            |(index, entries)| message::encode(Kind::RosterPart(RosterPart { version, index, count, entries }));
        (0..).zip(parts).map(encoded).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Own> {
        // A number and a map, whole between any two statements.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Own {
    /// `false` when nothing changes.
    fn change(&mut self, group: &GroupName, session: SessionId, is_member: bool) -> bool {
        if is_member {
            return self.groups.entry(group.clone()).or_default().insert(session);
        }
        let Some(sessions) = self.groups.get_mut(group) else { return false };
        let is_removed = sessions.remove(&session);
        if sessions.is_empty() {
            self.groups.remove(group);
        }
        is_removed
    }
}
