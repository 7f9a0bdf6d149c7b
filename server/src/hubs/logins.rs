//! The newest log-in is the only one that counts, on all nodes: earlier sessions end, wherever their links are.
//!
//! A log-in is told to the other nodes over the backplane. What was told while the broker was away is missed; so whenever it is
//! there again, each session here is held against the store, which knows.

use std::sync::{Arc, OnceLock};

use shallot_hubs::{Bytes, Cluster, ClusterWatch, EndReason, HubServer};
use shallot_proto::wire::{AccountId, SessionEpoch};
use shallot_services::auth::{Auth, SessionNotices};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::limits;

/// Tells this node's hub sessions and the other nodes of log-ins here.
#[derive(Default)]
pub(crate) struct SessionEnds {
    over: OnceLock<(HubServer, Cluster)>,
}

impl SessionEnds {
    /// The hub server whose sessions are meant, and the other nodes; both are built after the use cases.
    pub(crate) fn over(&self, hub: &HubServer, cluster: &Cluster) {
        if self.over.set((hub.clone(), cluster.clone())).is_err() {
            tracing::error!("the hub server was set twice");
        }
    }
}

impl SessionNotices for SessionEnds {
    fn superseded(&self, account: AccountId, current: SessionEpoch) {
        if let Some((hub, cluster)) = self.over.get() {
            end_earlier(hub, account, current);
            cluster.notify(Login { account, epoch: current }.to_bytes());
        }
    }
}

fn end_earlier(hub: &HubServer, account: AccountId, current: SessionEpoch) {
    let earlier = hub.directory().by_account(account);
    if let Some(earlier) = earlier.filter(|session| session.principal().epoch < current) {
        earlier.end(EndReason::replaced());
    }
}

/// A log-in as nodes tell it to each other: account, then epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Login {
    account: AccountId,
    epoch: SessionEpoch,
}

impl Login {
    fn to_bytes(self) -> Bytes {
        [&self.account.0[..], &self.epoch.0.to_be_bytes()].concat().into()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (account, epoch) = bytes.split_first_chunk::<16>()?;
        Some(Self { account: AccountId(*account), epoch: SessionEpoch(u64::from_be_bytes(epoch.try_into().ok()?)) })
    }
}

/// What the other nodes make this one do.
#[derive(Debug)]
enum Task {
    Heard(Login),
    LookAtAll,
}

/// Log-ins on other nodes.
pub(crate) struct Logins {
    tasks: Receiver<Task>,
    hub: HubServer,
    auth: Arc<Auth>,
}

impl Logins {
    /// Listens to the other nodes from here on.
    pub(crate) fn watch(cluster: &Cluster, hub: &HubServer, auth: &Arc<Auth>) -> Self {
        let (sender, tasks) = mpsc::channel(limits::LOGINS_HEARD);
        cluster.watch(Arc::new(Ear { tasks: sender }));
        Self { tasks, hub: hub.clone(), auth: Arc::clone(auth) }
    }

    /// Until the stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let task = tokio::select! {
                task = self.tasks.recv() => task,
                () = stop.cancelled() => None,
            };
            match task {
                Some(Task::Heard(login)) => self.heard(login).await,
                Some(Task::LookAtAll) => self.look_at_all().await,
                None => return,
            }
        }
    }

    async fn heard(&self, login: Login) {
        self.auth.heard_of(login.account, login.epoch).await;
        end_earlier(&self.hub, login.account, login.epoch);
    }

    async fn look_at_all(&self) {
        for session in self.hub.directory().sessions() {
            let account = session.principal().account;
            match self.auth.newest_epoch(account).await {
                Ok(Some(newest)) => end_earlier(&self.hub, account, newest),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "whether an account has signed in elsewhere is not known"),
            }
        }
    }
}

struct Ear {
    tasks: Sender<Task>,
}

impl Ear {
    fn tell(&self, task: Task) {
        if self.tasks.try_send(task).is_err() {
            tracing::warn!("log-ins on other nodes come faster than they are heard; tokens and the store still tell");
        }
    }
}

impl ClusterWatch for Ear {
    fn notice(&self, body: &Bytes) {
        if let Some(login) = Login::from_bytes(body) {
            self.tell(Task::Heard(login));
        }
    }

    fn connected(&self) {
        self.tell(Task::LookAtAll);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_back_and_nothing_else_is_one() {
        let login = Login { account: AccountId([7; 16]), epoch: SessionEpoch(3) };
        let bytes = login.to_bytes();
        assert_eq!(Login::from_bytes(&bytes), Some(login));
        for len in 0..bytes.len() {
            assert_eq!(Login::from_bytes(&bytes[..len]), None);
        }
        assert_eq!(Login::from_bytes(&[0; 25]), None);
    }
}
