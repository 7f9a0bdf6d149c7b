//! Groups that span nodes: one name, members anywhere.
//!
//! A node serves its own members directly, with or without a broker. A push goes to the other nodes that have members, numbered for
//! each group and origin: the receiver puts the numbers in order, asks the origin for one that is missing, and tells its members by
//! a `GroupGap` what cannot be had, before the group's next push. Who is a member where is told to all nodes; a node that gives no
//! sign of life for [`LEASE_MS`](crate::limits::LEASE_MS) is dead, and its members leave.
//!
//! | File | Job |
//! | --- | --- |
//! | `message` | what nodes say to each other |
//! | `outgoing` | what waits for the broker |
//! | `roster`, `peers` | who is in which group: here, and on the other nodes |
//! | `outbound`, `inbound` | numbered pushes: kept and repeated by the origin, put in order by the receiver |
//! | `asks` | questions to clients of other nodes |
//! | `node`, `drive` | the parts put together; the connection |

mod asks;
mod drive;
mod inbound;
mod message;
mod name;
mod node;
mod outbound;
mod outgoing;
mod peers;
mod roster;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use shallot_proto::wire::SessionId;
use tokio_util::sync::CancellationToken;

use crate::backplane::{Backplane, NodeId, To};
use crate::clock::Clock;
use crate::contract::{AskContract, HubContract, PushContract};
use crate::end::EndReason;
use crate::error::HubError;
use crate::group::{Asked, Audience, Part};
use crate::handle::SessionHandle;
use crate::limits::SessionLimits;
use crate::outbox::EncodedPush;
use message::{Ask, Kind, Notice};
use node::Node;

pub use name::{GroupName, NameTooLong};

/// Is told what happens in the cluster. Called under locks and on any thread: it may note what it is told, and wake someone.
pub trait ClusterWatch: Send + Sync + 'static {
    /// A session has joined or left this group, on whatever node.
    fn membership_changed(&self, group: &GroupName, session: SessionId, is_member: bool) {
        let _ = (group, session, is_member);
    }

    /// Another node has told this ([`Cluster::notify`]).
    fn notice(&self, body: &Bytes) {
        let _ = body;
    }

    /// The broker is there, or there again: notices that were told before may be missing.
    fn connected(&self) {}
}

/// This node's part of the cluster. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    node: Arc<Node>,
}

/// What other nodes may push to clients here, and ask them.
#[derive(Debug, Default)]
struct Contracts {
    pushes: HashMap<u32, &'static PushContract>,
    asks: HashMap<u32, &'static AskContract>,
}

impl Contracts {
    fn push(&self, method: u32) -> Option<&'static PushContract> {
        self.pushes.get(&method).copied()
    }

    fn ask(&self, method: u32) -> Option<&'static AskContract> {
        self.asks.get(&method).copied()
    }
}

impl Cluster {
    /// A node that is alone until [`run`](Self::run).
    #[must_use]
    pub fn new(id: NodeId, clock: Arc<dyn Clock>) -> Self {
        Self { node: Arc::new(Node::new(id, clock)) }
    }

    /// Joins the other nodes over this backplane, until the stop; then tells them good-bye.
    pub async fn run(&self, backplane: Arc<dyn Backplane>, stop: CancellationToken) {
        drive::run(&self.node, &*backplane, &stop).await;
    }

    /// This node.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node.id
    }

    /// The other nodes that live.
    #[must_use]
    pub fn others(&self) -> Vec<NodeId> {
        self.node.peers().nodes()
    }

    /// Makes the session a member; `false` when it has ended.
    pub fn add(&self, group: &GroupName, session: &SessionHandle) -> bool {
        self.node.local.add(group, session)
    }

    /// Ends a membership; nothing when there is none.
    pub fn remove(&self, group: &GroupName, session: &SessionHandle) {
        self.node.local.remove(group, session);
    }

    /// The group of this name, with or without members.
    #[must_use]
    pub fn group(&self, name: GroupName) -> ClusterGroup {
        ClusterGroup { cluster: self.clone(), name }
    }

    /// A member of a group on whatever node, to be asked.
    #[must_use]
    pub fn member(&self, group: &GroupName, session: SessionId) -> ClusterMember {
        ClusterMember { cluster: self.clone(), group: group.clone(), session }
    }

    /// Tells all other nodes; those that are not connected miss it.
    pub fn notify(&self, body: Bytes) {
        self.node.outgoing.put(&To::All, message::encode(Kind::Notice(Notice { body })));
    }

    /// From here on `watch` is told too.
    pub fn watch(&self, watch: Arc<dyn ClusterWatch>) {
        self.node.home().add(watch);
    }

    /// The hubs whose receivers other nodes may reach here; the first call counts.
    pub(crate) fn serve(&self, hubs: &[&'static HubContract]) {
        let receivers = hubs.iter().map(|hub| hub.receiver);
        let pushes = receivers.clone().flat_map(|receiver| receiver.pushes.iter().map(|push| (push.id, *push)));
        let asks = receivers.flat_map(|receiver| receiver.asks.iter().map(|ask| (ask.id, *ask)));
        // A second server over the same cluster reaches the same contracts.
        let _ = self.node.contracts.set(Contracts { pushes: pushes.collect(), asks: asks.collect() });
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("node", &self.node.id).finish_non_exhaustive()
    }
}

/// A group that spans nodes.
#[derive(Clone, Debug)]
pub struct ClusterGroup {
    cluster: Cluster,
    name: GroupName,
}

impl ClusterGroup {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &GroupName {
        &self.name
    }

    /// How many members, on all living nodes, as far as they have told.
    #[must_use]
    pub fn count(&self) -> usize {
        let here = &self.cluster.node;
        here.local.get(&self.name).map_or(0, |group| group.count()) + here.peers().count(&self.name)
    }

    /// Who they are; of other nodes at most [`MEMBERS_LISTED`](crate::limits::MEMBERS_LISTED).
    #[must_use]
    pub fn members(&self) -> Vec<SessionId> {
        let here = &self.cluster.node;
        let mut members = here.local.get(&self.name).map_or_else(Vec::new, |group| group.members());
        members.extend(here.peers().members(&self.name));
        members
    }

    /// Whether this session is one.
    #[must_use]
    pub fn contains(&self, session: SessionId) -> bool {
        let here = &self.cluster.node;
        here.local.get(&self.name).is_some_and(|group| group.contains(session))
            || here.peers().contains(&self.name, session)
    }

    /// Everyone but these.
    #[must_use]
    pub fn except<'a>(&'a self, sessions: &'a [SessionId]) -> ClusterGroupPart<'a> {
        ClusterGroupPart { group: self, part: Part::Except(sessions) }
    }

    /// Those of these that are members.
    #[must_use]
    pub fn only<'a>(&'a self, sessions: &'a [SessionId]) -> ClusterGroupPart<'a> {
        ClusterGroupPart { group: self, part: Part::Only(sessions) }
    }

    /// This one, if it is a member.
    #[must_use]
    pub fn single(&self, session: SessionId) -> ClusterGroupPart<'_> {
        ClusterGroupPart { group: self, part: Part::Single(session) }
    }

    /// Ends the sessions of all members, on whatever node: their clients and hubs are told. Other nodes hear of it as of a push.
    pub fn end(&self, reason: &EndReason) {
        let here = &self.cluster.node;
        if let Some(group) = here.local.get(&self.name) {
            group.end(reason);
        }
        here.outbound.end(&self.name, here.now_ms(), reason);
    }

    fn deliver_to(&self, part: Part<'_>, push: &EncodedPush) {
        let here = &self.cluster.node;
        if let Some(group) = here.local.get(&self.name) {
            group.deliver_to(part, push);
        }
        here.outbound.push(&self.name, here.now_ms(), push, part);
    }
}

impl Audience for ClusterGroup {
    fn deliver(&self, push: &EncodedPush) {
        self.deliver_to(Part::All, push);
    }
}

/// Some members of a group that spans nodes.
#[derive(Clone, Copy, Debug)]
pub struct ClusterGroupPart<'a> {
    group: &'a ClusterGroup,
    part: Part<'a>,
}

impl Audience for ClusterGroupPart<'_> {
    fn deliver(&self, push: &EncodedPush) {
        self.group.deliver_to(self.part, push);
    }
}

/// A member on whatever node.
#[derive(Clone, Debug)]
pub struct ClusterMember {
    cluster: Cluster,
    group: GroupName,
    session: SessionId,
}

impl Asked for ClusterMember {
    /// Asks the member's client. On another node a call from inside its answer waits its own turn there.
    ///
    /// # Errors
    /// As [`SessionHandle::ask`]; `UNAVAILABLE` with `SESSION_GONE` when it is no member any more, with `NODE_GONE` when its node
    /// died before the answer.
    async fn ask(&self, method: &'static AskContract, body: Bytes) -> Result<Bytes, HubError> {
        let here = &self.cluster.node;
        if let Some(here) = here.local.get(&self.group).and_then(|group| group.find(self.session)) {
            return here.ask(method, body).await;
        }
        let node = here.peers().node_of(&self.group, self.session).ok_or_else(node::session_gone)?;
        let now_ms = here.now_ms();
        let deadline_ms =
            if method.deadline_ms > 0 { method.deadline_ms } else { SessionLimits::DEFAULT.default_deadline_ms };
        let ask = |id| {
            let (group, session) = (self.group.to_string(), message::session_bytes(self.session));
            Ask { id, group, session, method: method.id, body }
        };
        let (id, item, answer) = here.abroad.open(now_ms, &node, ask)?;
        let _forget = ForgetAsk { node: here, id };
        here.outgoing.put(&To::Node(node), item);
        tokio::select! {
            answer = answer => answer.unwrap_or_else(|_| Err(node::session_gone())),
            () = here.clock.sleep_until(now_ms + u64::from(deadline_ms)) => Err(HubError::deadline_exceeded()),
        }
    }
}

/// Closes a question when its asker goes.
struct ForgetAsk<'a> {
    node: &'a Node,
    id: u64,
}

impl Drop for ForgetAsk<'_> {
    fn drop(&mut self) {
        self.node.abroad.forget(self.id);
    }
}
