//! Where characters are found: the groups that their sessions are in, on all nodes.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use shallot_hubs::{Cluster, ClusterGroup, GroupName, SessionHandle};
use shallot_masterdata::MasterData;
use shallot_proto::wire::{CharacterId, SessionId};
use shallot_services::character::Caller;
use shallot_services::characters::Characters;
use shallot_services::names;
use tokio::sync::OnceCell;

use crate::store_runtime::StoreRuntime;

/// What a session is found by; one for each selected character.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) character: CharacterId,
    /// As the player wrote it.
    pub(crate) name: String,
    /// Key of the region the character is in.
    region: Mutex<Option<String>>,
}

impl Identity {
    pub(crate) fn region(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        // One assignment, whole whatever panicked.
        self.region.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The groups of selected characters: one a character, one a name, one a region.
#[derive(Clone)]
pub(crate) struct Whereabouts {
    pub(crate) cluster: Cluster,
    pub(crate) characters: Arc<Characters>,
    pub(crate) data: Arc<ArcSwap<MasterData>>,
    pub(crate) stores: StoreRuntime,
}

/// Whether the character that a session had selected before it opened its link is known.
#[derive(Default)]
struct Arrival(OnceCell<()>);

impl Whereabouts {
    /// For each hub's `on_connect`: a client may have selected its character before it opened the link. All hubs wait for one look into
    /// the store, so that none refuses a first call for want of a character.
    pub(crate) async fn arrived(&self, session: &SessionHandle) {
        // All `on_connect`s of a session run in one task: nothing comes between these two.
        if session.state::<Arrival>().is_none() {
            session.insert_state(Arrival::default());
        }
        let Some(arrival) = session.state::<Arrival>() else { return };
        arrival.0.get_or_init(|| self.look_up(session)).await;
    }

    async fn look_up(&self, session: &SessionHandle) {
        let principal = session.principal();
        let caller = Caller { account: principal.account, session: principal.session, epoch: principal.epoch };
        let (characters, data) = (Arc::clone(&self.characters), self.data.load_full());
        let found = self.stores.run(async move { characters.selected(caller, &data).await }).await;
        if let Ok(Ok(view)) = found {
            self.selected(session, view.record.id, &view.record.name);
        }
    }

    /// The session has selected this character: others find it by it from here on.
    pub(crate) fn selected(&self, session: &SessionHandle, character: CharacterId, name: &str) {
        if let Some(before) = identity(session) {
            if before.character == character {
                session.set_character(Some(character));
                return;
            }
            self.left(session);
            for group in [group_of_character(before.character), group_of_name(&before.name)].into_iter().flatten() {
                self.cluster.remove(&group, session);
            }
        }
        let identity = Identity { character, name: name.to_owned(), region: Mutex::default() };
        session.insert_state(Arc::new(identity));
        session.set_character(Some(character));
        for group in [group_of_character(character), group_of_name(name)].into_iter().flatten() {
            self.cluster.add(&group, session);
        }
    }

    /// Its character is in this region.
    pub(crate) fn entered(&self, session: &SessionHandle, region: &str) {
        self.left(session);
        if let (Some(identity), Some(group)) = (identity(session), group_of_region(region)) {
            *identity.lock() = Some(region.to_owned());
            self.cluster.add(&group, session);
        }
    }

    /// Its character is in no region any more.
    pub(crate) fn left(&self, session: &SessionHandle) {
        let region = identity(session).and_then(|identity| identity.lock().take());
        if let Some(group) = region.as_deref().and_then(group_of_region) {
            self.cluster.remove(&group, session);
        }
    }

    /// All whose characters are in a region.
    pub(crate) fn region(&self, region: &str) -> Option<ClusterGroup> {
        group_of_region(region).map(|group| self.cluster.group(group))
    }

    /// The session that plays this character, on whatever node.
    pub(crate) fn session(&self, character: CharacterId) -> Option<SessionId> {
        group_of_character(character).and_then(|group| self.cluster.group(group).members().first().copied())
    }

    /// Whether that session's character is in a region.
    pub(crate) fn is_in(&self, region: &str, session: SessionId) -> bool {
        group_of_region(region).is_some_and(|group| self.cluster.group(group).contains(session))
    }

    /// Whoever plays the character of this name.
    pub(crate) fn name(&self, name: &str) -> Option<ClusterGroup> {
        group_of_name(name).map(|group| self.cluster.group(group))
    }
}

/// What the session is found by; `None` before it has selected a character.
pub(crate) fn identity(session: &SessionHandle) -> Option<Arc<Identity>> {
    session.state::<Arc<Identity>>().map(|identity| Arc::clone(identity.as_ref()))
}

/// What a group of these says of its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// They play this character.
    Character(CharacterId),
    /// Their characters are in a region.
    Region,
}

/// What it is for members to be in this group, as far as it says where somebody is.
pub(crate) fn place_of(group: &GroupName) -> Option<Place> {
    match group.as_str().split_once('/')? {
        ("character", id) => id.parse().ok().map(Place::Character),
        ("region", _) => Some(Place::Region),
        _ => None,
    }
}

fn group_of_character(character: CharacterId) -> Option<GroupName> {
    named("character", character)
}

fn group_of_name(name: &str) -> Option<GroupName> {
    named("name", names::fold(name))
}

fn group_of_region(region: &str) -> Option<GroupName> {
    named("region", region)
}

/// Names that come this far are short; one that is not has no group, and a log line.
fn named(kind: &str, key: impl Display) -> Option<GroupName> {
    GroupName::new(format!("{kind}/{key}")).inspect_err(|error| tracing::error!(kind, %error, "no group")).ok()
}
