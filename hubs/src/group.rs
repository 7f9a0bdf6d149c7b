//! Groups: who is reached together.
//!
//! A push to a group is encoded once and all members share its bytes. A membership ends with the session or with
//! [`Groups::remove`]; a group without members is freed. Usable from any thread, the tick's too: nothing waits.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use bytes::Bytes;
use dashmap::DashMap;
use shallot_proto::wire::SessionId;

use crate::contract::AskContract;
use crate::end::EndReason;
use crate::error::HubError;
use crate::handle::SessionHandle;
use crate::metrics;
use crate::outbox::EncodedPush;

/// Whom a receiver proxy speaks to.
pub trait Audience: Send + Sync {
    /// Puts the push into each one's outbox; never waits.
    fn deliver(&self, push: &EncodedPush);
}

/// Who can be asked for a client result.
pub trait Asked: Send + Sync {
    /// Asks, and waits for the answer.
    fn ask(&self, method: &'static AskContract, body: Bytes) -> impl Future<Output = Result<Bytes, HubError>> + Send;
}

/// Is told each membership that begins or ends, under the group's lock.
pub(crate) trait Watch<K>: Send + Sync {
    fn changed(&self, group: &K, session: SessionId, is_member: bool);
}

/// A directory of groups by keys of one type. Cheap to clone.
pub struct Groups<K> {
    by_key: Arc<DashMap<K, Group>>,
    watch: Option<Arc<dyn Watch<K>>>,
}

impl<K> Clone for Groups<K> {
    fn clone(&self) -> Self {
        Self { by_key: Arc::clone(&self.by_key), watch: self.watch.clone() }
    }
}

impl<K: Eq + Hash> std::fmt::Debug for Groups<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groups").field("len", &self.by_key.len()).finish()
    }
}

impl<K: Eq + Hash> Default for Groups<K> {
    fn default() -> Self {
        Self { by_key: Arc::new(DashMap::new()), watch: None }
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Groups<K> {
    /// Without any group.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with someone who is told of each membership.
    pub(crate) fn watched(watch: Arc<dyn Watch<K>>) -> Self {
        Self { watch: Some(watch), ..Self::default() }
    }

    /// Makes the session a member; `false` when it has ended. The group begins with its first member.
    pub fn add(&self, key: &K, session: &SessionHandle) -> bool {
        let home = || Home { by_key: Arc::downgrade(&self.by_key), key: key.clone(), watch: self.watch.clone() };
        let (group, is_added) = {
            // Under the entry's lock, so that the group is not freed before its member is in.
            let entry = self.by_key.entry(key.clone()).or_insert_with(|| Group::new(home()));
            let is_added = session.memberships().join(&entry, session);
            (entry.clone(), is_added)
        };
        if !is_added {
            group.free_if_empty();
        }
        is_added
    }

    /// Ends a membership; nothing when there is none.
    pub fn remove(&self, key: &K, session: &SessionHandle) {
        if let Some(group) = self.get(key) {
            group.remove(session);
        }
    }

    /// The group of this key while it has members.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Group> {
        self.by_key.get(key).map(|group| group.clone())
    }

    /// How many groups have members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether no group has any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

/// The members of a key. A handle that is kept past the last member reaches nobody.
#[derive(Clone)]
pub struct Group {
    inner: Arc<Inner>,
}

struct Inner {
    members: RwLock<Members>,
    home: Box<dyn Place>,
}

#[derive(Default)]
struct Members {
    list: Vec<SessionHandle>,
    place: HashMap<SessionId, usize>,
}

impl Group {
    fn new(home: impl Place + 'static) -> Self {
        Self { inner: Arc::new(Inner { members: RwLock::default(), home: Box::new(home) }) }
    }

    /// Everyone.
    #[must_use]
    pub fn all(&self) -> GroupPart<'_> {
        self.part(Part::All)
    }

    /// Everyone but these.
    #[must_use]
    pub fn except<'a>(&'a self, sessions: &'a [SessionId]) -> GroupPart<'a> {
        self.part(Part::Except(sessions))
    }

    /// Those of these that are members.
    #[must_use]
    pub fn only<'a>(&'a self, sessions: &'a [SessionId]) -> GroupPart<'a> {
        self.part(Part::Only(sessions))
    }

    /// This one, if it is a member.
    #[must_use]
    pub fn single(&self, session: SessionId) -> GroupPart<'_> {
        self.part(Part::Single(session))
    }

    /// How many members.
    #[must_use]
    pub fn count(&self) -> usize {
        self.read().list.len()
    }

    /// Who they are.
    #[must_use]
    pub fn members(&self) -> Vec<SessionId> {
        self.read().list.iter().map(SessionHandle::id).collect()
    }

    /// Whether this session is one.
    #[must_use]
    pub fn contains(&self, session: SessionId) -> bool {
        self.read().place.contains_key(&session)
    }

    /// This member's session.
    #[must_use]
    pub fn find(&self, session: SessionId) -> Option<SessionHandle> {
        self.read().get(session).cloned()
    }

    /// Ends a membership; nothing when there is none.
    pub fn remove(&self, session: &SessionHandle) {
        session.memberships().leave(self, session);
        self.free_if_empty();
    }

    /// Ends the sessions of all members: their clients and hubs are told.
    pub fn end(&self, reason: &EndReason) {
        self.read().list.iter().for_each(|member| member.end(reason.clone()));
    }

    fn part<'a>(&'a self, part: Part<'a>) -> GroupPart<'a> {
        GroupPart { group: self, part }
    }

    fn free_if_empty(&self) {
        let is_empty = self.read().list.is_empty();
        if is_empty {
            self.inner.home.free_if_empty(self);
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    // Members are whole between any two of their methods, whatever a panic interrupted.
    fn read(&self) -> RwLockReadGuard<'_, Members> {
        self.inner.members.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Members> {
        self.inner.members.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audience for Group {
    fn deliver(&self, push: &EncodedPush) {
        self.all().deliver(push);
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("count", &self.count()).finish()
    }
}

/// Some members of a group.
#[derive(Clone, Copy, Debug)]
pub struct GroupPart<'a> {
    group: &'a Group,
    part: Part<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'a> {
    All,
    Except(&'a [SessionId]),
    Only(&'a [SessionId]),
    Single(SessionId),
}

/// From so many ids on a set is quicker than looking through them for each member.
const SET_FROM: usize = 8;

impl Audience for GroupPart<'_> {
    fn deliver(&self, push: &EncodedPush) {
        self.group.deliver_to(self.part, push);
    }
}

impl Group {
    fn join(&self, session: &SessionHandle) {
        let mut members = self.write();
        if members.add(session) {
            self.inner.home.changed(session.id(), true);
        }
    }

    fn part_with(&self, session: &SessionHandle) {
        let mut members = self.write();
        if members.remove(session) {
            self.inner.home.changed(session.id(), false);
        }
    }

    /// Tells each member which pushes of another node cannot be had.
    pub(crate) fn tell_gap(&self, group: &str, from: u64, to: u64) {
        self.read().list.iter().for_each(|member| member.tell_gap(group, from, to));
    }

    pub(crate) fn deliver_to(&self, part: Part<'_>, push: &EncodedPush) {
        let _timed = metrics::fan_out();
        let members = self.read();
        match part {
            Part::All => members.list.iter().for_each(|member| member.push(push)),
            Part::Except(ids) if ids.len() < SET_FROM => {
                members.list.iter().filter(|member| !ids.contains(&member.id())).for_each(|member| member.push(push));
            }
            Part::Except(ids) => {
                let ids: HashSet<&SessionId> = ids.iter().collect();
                members.list.iter().filter(|member| !ids.contains(&member.id())).for_each(|member| member.push(push));
            }
            Part::Only(ids) => ids.iter().filter_map(|id| members.get(*id)).for_each(|member| member.push(push)),
            Part::Single(id) => members.get(id).into_iter().for_each(|member| member.push(push)),
        }
    }
}

impl Members {
    fn get(&self, id: SessionId) -> Option<&SessionHandle> {
        self.list.get(*self.place.get(&id)?)
    }

    /// A newer session of the same id takes the place of the older: then `false`.
    fn add(&mut self, session: &SessionHandle) -> bool {
        if let Some(member) = self.place.get(&session.id()).and_then(|at| self.list.get_mut(*at)) {
            *member = session.clone();
            return false;
        }
        self.place.insert(session.id(), self.list.len());
        self.list.push(session.clone());
        true
    }

    /// `false` when it was none.
    fn remove(&mut self, session: &SessionHandle) -> bool {
        let id = session.id();
        let Some(&at) = self.place.get(&id) else { return false };
        if !self.list.get(at).is_some_and(|member| member.is_same(session)) {
            return false;
        }
        self.place.remove(&id);
        self.list.swap_remove(at);
        if let Some(moved) = self.list.get(at) {
            self.place.insert(moved.id(), at);
        }
        true
    }
}

/// A directory that a group stands in, whatever its keys are.
trait Place: Send + Sync {
    fn free_if_empty(&self, group: &Group);

    /// A membership has begun or ended.
    fn changed(&self, session: SessionId, is_member: bool);
}

struct Home<K> {
    by_key: Weak<DashMap<K, Group>>,
    key: K,
    watch: Option<Arc<dyn Watch<K>>>,
}

impl<K: Eq + Hash + Send + Sync> Place for Home<K> {
    fn changed(&self, session: SessionId, is_member: bool) {
        if let Some(watch) = &self.watch {
            watch.changed(&self.key, session, is_member);
        }
    }

    fn free_if_empty(&self, group: &Group) {
        if let Some(by_key) = self.by_key.upgrade() {
            by_key.remove_if(&self.key, |_, found| found.is_same(group) && found.read().list.is_empty());
        }
    }
}

/// The groups a session is in. Locks are taken in one order: a directory's entry, a session's memberships, a group's members.
#[derive(Default)]
pub(crate) struct Memberships {
    joined: Mutex<Joined>,
}

#[derive(Default)]
struct Joined {
    is_over: bool,
    groups: Vec<Weak<Inner>>,
}

impl Memberships {
    /// `false` when the session is in no group any more, for good.
    fn join(&self, group: &Group, session: &SessionHandle) -> bool {
        let mut joined = self.lock();
        if joined.is_over {
            return false;
        }
        let weak = Arc::downgrade(&group.inner);
        if !joined.groups.iter().any(|known| known.ptr_eq(&weak)) {
            joined.groups.push(weak);
        }
        group.join(session);
        true
    }

    fn leave(&self, group: &Group, session: &SessionHandle) {
        let weak = Arc::downgrade(&group.inner);
        let mut joined = self.lock();
        joined.groups.retain(|known| !known.ptr_eq(&weak));
        group.part_with(session);
    }

    /// The session has ended.
    pub(crate) fn leave_all(&self, session: &SessionHandle) {
        let groups = {
            let mut joined = self.lock();
            joined.is_over = true;
            std::mem::take(&mut joined.groups)
        };
        for group in groups.iter().filter_map(Weak::upgrade).map(|inner| Group { inner }) {
            group.part_with(session);
            group.free_if_empty();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Joined> {
        // A list of references, whole whatever a panic interrupted.
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
