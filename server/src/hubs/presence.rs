//! Who is online and where, and telling those who follow. What is true stands in the groups of [`Whereabouts`], which know the
//! characters of every node; this hub reads them, and reads them again when one of them changes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use shallot_hubs::contracts::social::v1::{PresenceHub, PresenceReceiver};
use shallot_hubs::{CallContext, Cluster, ClusterWatch, GroupName, Groups, HubError, SessionHandle};
use shallot_masterdata::MasterData;
use shallot_proto::social::v1::{FollowReply, FollowRequest, LookReply, LookRequest, Presence as Told};
use shallot_proto::wire::{CharacterId, SessionId};
use shallot_services::limits::PRESENCE_CHARACTERS_MAX;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::errors;
use super::whereabouts::{Place, Whereabouts, place_of};

/// The presence hub.
pub(crate) struct Presence {
    whereabouts: Whereabouts,
    data: Arc<ArcSwap<MasterData>>,
    changes: Arc<Changes>,
}

/// What has changed and was not told yet.
#[derive(Default)]
struct Changes {
    /// Sessions of this node that follow a character.
    followers: Groups<CharacterId>,
    /// The character of each session, on all nodes.
    characters: DashMap<SessionId, CharacterId>,
    /// At most as many as are followed.
    untold: Mutex<BTreeSet<CharacterId>>,
    wake: Notify,
}

/// Whom a session follows.
#[derive(Default)]
struct Following(Mutex<Vec<CharacterId>>);

impl Presence {
    /// Listens to the groups from here on; [`run`](Self::run) tells.
    pub(crate) fn watch(cluster: &Cluster, whereabouts: Whereabouts, data: Arc<ArcSwap<MasterData>>) -> Self {
        let changes = Arc::new(Changes::default());
        cluster.watch(Arc::clone(&changes) as _);
        Self { whereabouts, data, changes }
    }

    /// Tells followers what has changed, until the stop.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.changes.wake.notified() => {}
                () = stop.cancelled() => return,
            }
            let untold = std::mem::take(&mut *self.changes.untold());
            for character in untold {
                if let Some(followers) = self.changes.followers.get(&character) {
                    PresenceReceiver::to(&followers).on_presence(&self.of(character));
                }
            }
        }
    }

    fn of(&self, character: CharacterId) -> Told {
        let session = self.whereabouts.session(character);
        let data = self.data.load();
        let region = session.and_then(|session| {
            data.regions
                .iter()
                .find(|region| self.whereabouts.is_in(&region.key, session))
                .map(|region| region.key.clone())
        });
        Told { character_id: character.to_string(), online: session.is_some(), region: region.unwrap_or_default() }
    }
}

impl PresenceHub for Presence {
    async fn on_connect(&self, session: &SessionHandle) {
        session.insert_state(Following::default());
        self.whereabouts.arrived(session).await;
    }

    async fn look(&self, _: &CallContext, request: LookRequest) -> Result<LookReply, HubError> {
        let characters = parse(&request.character_ids)?;
        Ok(LookReply { characters: characters.into_iter().map(|character| self.of(character)).collect() })
    }

    async fn follow(&self, call: &CallContext, request: FollowRequest) -> Result<FollowReply, HubError> {
        let characters = parse(&request.character_ids)?;
        let following = call.session().state::<Following>().ok_or_else(errors::internal)?;
        // First the new, then the reply: a change between the two is told as well.
        for character in &characters {
            self.changes.followers.add(character, call.session());
        }
        let before = std::mem::replace(&mut *lock(&following.0), characters.clone());
        for character in before.iter().filter(|character| !characters.contains(character)) {
            self.changes.followers.remove(character, call.session());
        }
        Ok(FollowReply { characters: characters.into_iter().map(|character| self.of(character)).collect() })
    }
}

impl Changes {
    fn untold(&self) -> MutexGuard<'_, BTreeSet<CharacterId>> {
        lock(&self.untold)
    }

    fn note(&self, character: CharacterId) {
        if self.followers.get(&character).is_some() {
            self.untold().insert(character);
            self.wake.notify_one();
        }
    }
}

impl ClusterWatch for Changes {
    fn membership_changed(&self, group: &GroupName, session: SessionId, is_member: bool) {
        match place_of(group) {
            Some(Place::Character(character)) => {
                if is_member {
                    self.characters.insert(session, character);
                } else {
                    self.characters.remove_if(&session, |_, known| *known == character);
                }
                self.note(character);
            }
            Some(Place::Region) => {
                let character = self.characters.get(&session).map(|character| *character);
                character.into_iter().for_each(|character| self.note(character));
            }
            None => {}
        }
    }
}

fn parse(ids: &[String]) -> Result<Vec<CharacterId>, HubError> {
    if ids.len() > PRESENCE_CHARACTERS_MAX {
        return Err(errors::invalid("TOO_MANY_CHARACTERS_NAMED", "at most 64 characters at once"));
    }
    let invalid = || errors::invalid("CHARACTER_ID_INVALID", "a character's id is a UUID");
    ids.iter().map(|id| id.parse().map_err(|_| invalid())).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // One insertion or assignment, whole whatever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
