//! The other nodes: whether they live, and who is in which group there. Without IO and without a clock.
//!
//! A node's roster arrives as numbered changes. Where a number is missing, and for a node that is new, the whole is asked for; what
//! comes meanwhile waits for it.

use std::collections::{BTreeMap, BTreeSet};

use shallot_proto::wire::SessionId;

use super::message::{self, Change, RosterPart};
use super::name::GroupName;
use crate::backplane::NodeId;
use crate::limits::{
    CHANGES_HELD, DEAD_NODE_REMEMBERED_MS, LEASE_MS, MEMBERS_LISTED, MEMBERSHIPS_OF_NODE, NODES, REORDER_MS, REPAIR_MS,
    ROSTER_PARTS,
};

/// What has changed, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PeerEvent {
    /// A node was heard of that was not there.
    Came(NodeId),
    /// Its lease ran out, or it said good-bye.
    Died(NodeId),
    /// It will not come back: it said good-bye, or was away for too long.
    Forgotten(NodeId),
    /// Its first session in a group.
    Joined(NodeId, GroupName),
    /// Its last session in a group has left.
    Left(NodeId, GroupName),
    /// A session there has joined or left this group.
    Changed(GroupName, SessionId, bool),
    /// Its whole roster is here: it is in these groups and no others.
    Synced(NodeId),
    /// Its whole roster is wanted.
    RosterWanted(NodeId),
}

#[derive(Debug, Default)]
struct Peer {
    heard_ms: u64,
    is_dead: bool,
    /// Of the roster here; `None` before the first whole one.
    version: Option<u64>,
    /// The newest that it has told of.
    newest: u64,
    groups: BTreeMap<GroupName, BTreeSet<SessionId>>,
    memberships: usize,
    waiting: BTreeMap<u64, Change>,
    arriving: Option<Arriving>,
    behind_since: Option<u64>,
    asked_ms: Option<u64>,
}

/// A whole roster of which parts have come.
#[derive(Debug)]
struct Arriving {
    version: u64,
    count: u32,
    parts: BTreeMap<u32, RosterPart>,
}

/// All other nodes.
#[derive(Debug, Default)]
pub(super) struct Peers {
    by_id: BTreeMap<NodeId, Peer>,
}

impl Peers {
    /// A parcel of this node has come; `false` when there are too many nodes.
    pub(super) fn heard(&mut self, now_ms: u64, node: &NodeId, events: &mut Vec<PeerEvent>) -> bool {
        if let Some(peer) = self.by_id.get_mut(node) {
            peer.heard_ms = now_ms;
            if std::mem::take(&mut peer.is_dead) {
                events.push(PeerEvent::Came(node.clone()));
            }
            return true;
        }
        if self.by_id.len() >= NODES {
            return false;
        }
        self.by_id.insert(node.clone(), Peer { heard_ms: now_ms, ..Peer::default() });
        events.push(PeerEvent::Came(node.clone()));
        true
    }

    /// The node has told the number of its roster.
    pub(super) fn beat(&mut self, now_ms: u64, node: &NodeId, version: u64) {
        if let Some(peer) = self.by_id.get_mut(node) {
            peer.newest = peer.newest.max(version);
            peer.look_behind(now_ms);
        }
    }

    pub(super) fn change(&mut self, now_ms: u64, node: &NodeId, change: Change, events: &mut Vec<PeerEvent>) {
        let Some(peer) = self.by_id.get_mut(node) else { return };
        peer.newest = peer.newest.max(change.version);
        if peer.version.is_none_or(|version| change.version > version) && peer.waiting.len() < CHANGES_HELD {
            peer.waiting.insert(change.version, change);
        }
        peer.take_waiting(node, events);
        peer.look_behind(now_ms);
    }

    pub(super) fn roster_part(&mut self, now_ms: u64, node: &NodeId, part: RosterPart, events: &mut Vec<PeerEvent>) {
        let Some(peer) = self.by_id.get_mut(node) else { return };
        peer.newest = peer.newest.max(part.version);
        if let Some(whole) = peer.arrived(part) {
            peer.replace(node, &whole, events);
            events.push(PeerEvent::Synced(node.clone()));
            peer.take_waiting(node, events);
        }
        peer.look_behind(now_ms);
    }

    /// The node has stopped in order.
    pub(super) fn good_bye(&mut self, node: &NodeId, events: &mut Vec<PeerEvent>) {
        if let Some(mut peer) = self.by_id.remove(node) {
            peer.die(node, events);
            events.push(PeerEvent::Forgotten(node.clone()));
        }
    }

    /// Leases, and rosters that are behind.
    pub(super) fn tick(&mut self, now_ms: u64, events: &mut Vec<PeerEvent>) {
        let mut over = Vec::new();
        for (node, peer) in &mut self.by_id {
            let silent_ms = now_ms.saturating_sub(peer.heard_ms);
            if silent_ms > LEASE_MS {
                peer.die(node, events);
            }
            if silent_ms > DEAD_NODE_REMEMBERED_MS {
                over.push(node.clone());
            }
            let Some(since) = peer.behind_since.filter(|_| !peer.is_dead) else { continue };
            let is_due = match peer.asked_ms {
                None => peer.version.is_none() || now_ms.saturating_sub(since) >= REORDER_MS,
                Some(asked_ms) => now_ms.saturating_sub(asked_ms) >= 2 * REPAIR_MS,
            };
            if is_due {
                peer.asked_ms = Some(now_ms);
                events.push(PeerEvent::RosterWanted(node.clone()));
            }
        }
        over.iter().for_each(|node| self.good_bye(node, events));
    }

    /// Members on living nodes.
    pub(super) fn count(&self, group: &GroupName) -> usize {
        self.alive().filter_map(|(_, peer)| peer.groups.get(group)).map(BTreeSet::len).sum()
    }

    /// Who they are, at most [`MEMBERS_LISTED`].
    pub(super) fn members(&self, group: &GroupName) -> Vec<SessionId> {
        let sessions = self.alive().filter_map(|(_, peer)| peer.groups.get(group)).flatten().copied();
        sessions.take(MEMBERS_LISTED).collect()
    }

    /// Whether a session of a living node is in the group.
    pub(super) fn contains(&self, group: &GroupName, session: SessionId) -> bool {
        self.node_of(group, session).is_some()
    }

    /// The living node on which a session is in the group.
    pub(super) fn node_of(&self, group: &GroupName, session: SessionId) -> Option<NodeId> {
        let has_it = |peer: &Peer| peer.groups.get(group).is_some_and(|sessions| sessions.contains(&session));
        self.alive().find(|(_, peer)| has_it(peer)).map(|(node, _)| node.clone())
    }

    /// The living nodes.
    pub(super) fn nodes(&self) -> Vec<NodeId> {
        self.alive().map(|(node, _)| node.clone()).collect()
    }

    fn alive(&self) -> impl Iterator<Item = (&NodeId, &Peer)> {
        self.by_id.iter().filter(|(_, peer)| !peer.is_dead)
    }
}

impl Peer {
    fn look_behind(&mut self, now_ms: u64) {
        if self.version.is_some_and(|version| version >= self.newest) {
            (self.behind_since, self.asked_ms) = (None, None);
        } else {
            self.behind_since.get_or_insert(now_ms);
        }
    }

    /// Takes what is next in number.
    fn take_waiting(&mut self, node: &NodeId, events: &mut Vec<PeerEvent>) {
        while let (Some(version), Some(entry)) = (self.version, self.waiting.first_entry()) {
            match entry.key().cmp(&(version + 1)) {
                std::cmp::Ordering::Greater => return,
                std::cmp::Ordering::Less => drop(entry.remove()),
                std::cmp::Ordering::Equal => {
                    let change = entry.remove();
                    self.version = Some(version + 1);
                    let session = message::session_id(&change.session);
                    if let (Some(group), Some(session)) = (message::group_name(change.group), session) {
                        self.apply(node, &group, session, change.is_member, events);
                    }
                }
            }
        }
    }

    fn apply(
        &mut self,
        node: &NodeId,
        group: &GroupName,
        session: SessionId,
        is_member: bool,
        events: &mut Vec<PeerEvent>,
    ) {
        if is_member {
            if self.memberships >= MEMBERSHIPS_OF_NODE {
                return;
            }
            let sessions = self.groups.entry(group.clone()).or_default();
            if sessions.is_empty() {
                events.push(PeerEvent::Joined(node.clone(), group.clone()));
            }
            if !sessions.insert(session) {
                return;
            }
            self.memberships += 1;
        } else {
            let Some(sessions) = self.groups.get_mut(group) else { return };
            if !sessions.remove(&session) {
                return;
            }
            self.memberships -= 1;
            if sessions.is_empty() {
                self.groups.remove(group);
                events.push(PeerEvent::Left(node.clone(), group.clone()));
            }
        }
        events.push(PeerEvent::Changed(group.clone(), session, is_member));
    }

    /// The whole roster, when this was its last part.
    fn arrived(&mut self, part: RosterPart) -> Option<Arriving> {
        if self.version.is_some_and(|version| version >= part.version)
            || part.index >= part.count
            || part.count > ROSTER_PARTS
        {
            return None;
        }
        let fresh = || Arriving { version: part.version, count: part.count, parts: BTreeMap::new() };
        if self.arriving.as_ref().is_none_or(|arriving| arriving.version < part.version) {
            self.arriving = Some(fresh());
        }
        let arriving = self
            .arriving
            .as_mut()
            .filter(|arriving| arriving.version == part.version && arriving.count == part.count)?;
        arriving.parts.insert(part.index, part);
        if arriving.parts.len() < usize::try_from(arriving.count).unwrap_or(usize::MAX) {
            return None;
        }
        self.arriving.take()
    }

    fn replace(&mut self, node: &NodeId, whole: &Arriving, events: &mut Vec<PeerEvent>) {
        self.version = Some(whole.version);
        let mut now: BTreeMap<GroupName, BTreeSet<SessionId>> = BTreeMap::new();
        for index in 0..whole.count {
            for entry in whole.parts.get(&index).map_or(&[][..], |part| &part.entries) {
                if let Some(group) = message::group_name(entry.group.clone()) {
                    now.entry(group).or_default().extend(message::session_ids(&entry.sessions));
                }
            }
        }
        let mut gone = Vec::new();
        for (group, sessions) in &self.groups {
            let stays = |session: &&SessionId| now.get(group).is_some_and(|now| now.contains(*session));
            gone.extend(sessions.iter().filter(|session| !stays(session)).map(|session| (group.clone(), *session)));
        }
        gone.into_iter().for_each(|(group, session)| self.apply(node, &group, session, false, events));
        for (group, sessions) in &now {
            sessions.iter().for_each(|session| self.apply(node, group, *session, true, events));
        }
    }

    /// Its members leave; where its streams stand others remember.
    fn die(&mut self, node: &NodeId, events: &mut Vec<PeerEvent>) {
        if std::mem::replace(&mut self.is_dead, true) {
            return;
        }
        let groups = std::mem::take(&mut self.groups);
        (self.memberships, self.version, self.newest) = (0, None, 0);
        (self.arriving, self.behind_since, self.asked_ms) = (None, None, None);
        self.waiting.clear();
        events.push(PeerEvent::Died(node.clone()));
        for (group, sessions) in groups {
            events.extend(sessions.into_iter().map(|session| PeerEvent::Changed(group.clone(), session, false)));
        }
    }
}
