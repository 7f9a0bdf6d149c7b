//! Groups that span nodes: one name, members anywhere.

mod name;

use std::sync::Arc;

use bytes::Bytes;
use shallot_proto::wire::SessionId;

use crate::contract::AskContract;
use crate::error::{Code, HubError, reason};
use crate::group::{Asked, Audience, Groups, Part};
use crate::handle::SessionHandle;
use crate::outbox::EncodedPush;

pub use name::{GroupName, NameTooLong};

/// The node's groups that span nodes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    local: Groups<GroupName>,
}

impl Cluster {
    /// Of a node that has no others.
    #[must_use]
    pub fn alone() -> Self {
        Self::default()
    }

    /// Makes the session a member; `false` when it has ended.
    pub fn add(&self, group: &GroupName, session: &SessionHandle) -> bool {
        self.inner.local.add(group, session)
    }

    /// Ends a membership; nothing when there is none.
    pub fn remove(&self, group: &GroupName, session: &SessionHandle) {
        self.inner.local.remove(group, session);
    }

    /// The group of this name, with or without members.
    #[must_use]
    pub fn group(&self, name: GroupName) -> ClusterGroup {
        ClusterGroup { cluster: self.clone(), name }
    }

    /// A member of whatever group on whatever node, to be asked.
    #[must_use]
    pub fn member(&self, group: &GroupName, session: SessionId) -> ClusterMember {
        ClusterMember { cluster: self.clone(), group: group.clone(), session }
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

    /// How many members, on all nodes.
    #[must_use]
    pub fn count(&self) -> usize {
        self.cluster.inner.local.get(&self.name).map_or(0, |group| group.count())
    }

    /// Who they are, on all nodes.
    #[must_use]
    pub fn members(&self) -> Vec<SessionId> {
        self.cluster.inner.local.get(&self.name).map_or_else(Vec::new, |group| group.members())
    }
}

impl Audience for ClusterGroup {
    fn deliver(&self, push: &EncodedPush) {
        if let Some(group) = self.cluster.inner.local.get(&self.name) {
            group.deliver_to(Part::All, push);
        }
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
    async fn ask(&self, method: &'static AskContract, body: Bytes) -> Result<Bytes, HubError> {
        let group = self.cluster.inner.local.get(&self.group);
        match group.and_then(|group| group.find(self.session)) {
            Some(session) => session.ask(method, body).await,
            None => Err(HubError::new(Code::Unavailable, reason::SESSION_GONE, "the session is gone")),
        }
    }
}
