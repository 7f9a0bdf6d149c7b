//! A player who talks: a hub session as a game has it, whose pushes are sorted while the test does other things.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shallot_client::hubs::HubClient;
use shallot_client::hubs::contracts::social::v1::{ChatHubClient, PresenceHubClient};
use shallot_client::hubs::contracts::world::v1::WorldHubClient;
use shallot_client::proto::social::v1::{ChatMessage, Presence};
use shallot_client::{Trust, WorldLink, WorldLinkBuilder, WorldPush, WorldPushes};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::player::{Account, PATIENCE};

/// Messages that a test may leave unread.
const UNREAD: usize = 256;

pub(crate) struct Talker {
    pub(crate) name: String,
    pub(crate) character: String,
    pub(crate) chat: ChatHubClient,
    pub(crate) presence: PresenceHubClient,
    pub(crate) world: WorldHubClient,
    pub(crate) session: HubClient,
    _link: WorldLink,
    heard: mpsc::Receiver<ChatMessage>,
    seen: mpsc::Receiver<Presence>,
    accepts: Arc<AtomicBool>,
    _sorting: JoinSet<()>,
}

struct Sorting {
    heard: mpsc::Sender<ChatMessage>,
    seen: mpsc::Sender<Presence>,
    accepts: Arc<AtomicBool>,
}

impl Sorting {
    async fn run(self, mut pushes: WorldPushes) {
        while let Some(push) = pushes.next().await {
            match push {
                WorldPush::Chat(message) => self.heard.try_send(message).unwrap(),
                WorldPush::Presence(presence) => self.seen.try_send(presence).unwrap(),
                WorldPush::AskedIn(asked) => asked.answer(self.accepts.load(Ordering::Relaxed)),
                _ => {}
            }
        }
    }
}

impl Talker {
    /// Opens the hub session of an account whose character is selected.
    pub(crate) async fn connect(account: Account) -> Self {
        let builder = WorldLinkBuilder::over_grpc(account.api.clone());
        Self::connect_by(account, builder).await
    }

    /// The same on QUIC.
    pub(crate) async fn connect_on_quic(account: Account) -> Self {
        let builder = WorldLinkBuilder::over_quic(account.api.clone(), &account.character.id, Trust::Development);
        Self::connect_by(account, builder).await
    }

    async fn connect_by(account: Account, builder: WorldLinkBuilder) -> Self {
        let (name, character) = (account.character.name, account.character.id);
        let (link, pushes) = builder.open().await.unwrap();
        let ((hear, heard), (see, seen)) = (mpsc::channel(UNREAD), mpsc::channel(UNREAD));
        let accepts = Arc::new(AtomicBool::new(true));
        let mut sorting = JoinSet::new();
        sorting.spawn(Sorting { heard: hear, seen: see, accepts: Arc::clone(&accepts) }.run(pushes));
        let (chat, presence, world) = (link.chat(), link.presence(), link.world().clone());
        let session = link.session().clone();
        Self { name, character, chat, presence, world, session, _link: link, heard, seen, accepts, _sorting: sorting }
    }

    /// What it answers from here on when it is invited.
    pub(crate) fn accept(&self, accepts: bool) {
        self.accepts.store(accepts, Ordering::Relaxed);
    }

    /// The next message it hears.
    pub(crate) async fn hears(&mut self) -> ChatMessage {
        tokio::time::timeout(PATIENCE, self.heard.recv()).await.expect("nothing was heard").unwrap()
    }

    /// Reads what it is told of others until one of them is like that.
    pub(crate) async fn sees(&mut self, what: impl Fn(&Presence) -> bool) {
        let seen = async {
            while let Some(presence) = self.seen.recv().await {
                if what(&presence) {
                    return;
                }
            }
            panic!("the session ended");
        };
        tokio::time::timeout(PATIENCE, seen).await.expect("it was not seen");
    }

    /// Whether it has heard all there was.
    pub(crate) fn has_heard_all(&mut self) -> bool {
        self.heard.try_recv().is_err()
    }
}
