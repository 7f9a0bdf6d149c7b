//! A player who talks: a hub session with the chat hub and its receiver, and the world hub to be in a region.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shallot_client::hubs::contracts::social::v1::{
    ChatHubClient, ChatReceiverDispatcher, ChatReceiverHandler, PresenceHubClient, PresenceReceiverDispatcher,
    PresenceReceiverHandler,
};
use shallot_client::hubs::contracts::world::v1::WorldHubClient;
use shallot_client::hubs::{
    AskContext, ClientLink, EndReason, GrpcLink, HubClient, HubClientConfig, HubError, SystemClock, async_trait,
};
use shallot_client::proto::social::v1::{ChatMessage, Invitation, InvitationAnswer, Presence};
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
    heard: mpsc::Receiver<ChatMessage>,
    seen: mpsc::Receiver<Presence>,
    ears: Arc<Ears>,
    _driver: JoinSet<EndReason>,
}

struct Ears {
    heard: mpsc::Sender<ChatMessage>,
    seen: mpsc::Sender<Presence>,
    accepts: AtomicBool,
}

#[async_trait]
impl ChatReceiverHandler for Ears {
    fn on_message(&self, message: ChatMessage) {
        self.heard.try_send(message).unwrap();
    }

    async fn accept_invitation(&self, _: &AskContext, _: Invitation) -> Result<InvitationAnswer, HubError> {
        Ok(InvitationAnswer { accepted: self.accepts.load(Ordering::Relaxed) })
    }
}

impl PresenceReceiverHandler for Ears {
    fn on_presence(&self, presence: Presence) {
        self.seen.try_send(presence).unwrap();
    }
}

impl Talker {
    /// Opens the hub session of an account whose character is selected.
    pub(crate) async fn connect(account: Account) -> Self {
        let link = Arc::new(GrpcLink::new(account.api.channel()));
        Self::connect_over(account, link).await
    }

    /// The same over a link of whatever kind.
    pub(crate) async fn connect_over(account: Account, link: Arc<dyn ClientLink>) -> Self {
        let Account { api, character } = account;
        let (sender, heard) = mpsc::channel(UNREAD);
        let (told, seen) = mpsc::channel(UNREAD);
        let ears = Arc::new(Ears { heard: sender, seen: told, accepts: AtomicBool::new(true) });
        let config = HubClientConfig::new(api.access_token().await.unwrap());
        let builder = HubClient::builder(config, Arc::new(SystemClock::start()));
        let builder = builder.receiver(ChatReceiverDispatcher::new(Arc::clone(&ears)));
        let builder = builder.receiver(PresenceReceiverDispatcher::new(Arc::clone(&ears)));
        let (session, driver) = builder.connect(link).await.unwrap();
        let mut running = JoinSet::new();
        running.spawn(driver);
        session.welcomed().await.unwrap();
        let (chat, world) = (ChatHubClient::new(&session), WorldHubClient::new(&session));
        let presence = PresenceHubClient::new(&session);
        let (name, character) = (character.name, character.id);
        Self { name, character, chat, presence, world, session, heard, seen, ears, _driver: running }
    }

    /// What it answers from here on when it is invited.
    pub(crate) fn accept(&self, accepts: bool) {
        self.ears.accepts.store(accepts, Ordering::Relaxed);
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
