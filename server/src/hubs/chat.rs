//! The chat hub: to a region, to one character, to a named channel, on all nodes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shallot_hubs::contracts::social::v1::{ChatHub, ChatReceiver};
use shallot_hubs::{CallContext, Cluster, ClusterGroup, Code, GroupName, HubError, SessionHandle};
use shallot_proto::social::v1::chat_message::Where;
use shallot_proto::social::v1::{
    ChatMessage, Invitation, InviteReply, InviteRequest, JoinReply, JoinRequest, LeaveChannelReply,
    LeaveChannelRequest, SayReply, SayRequest, SendReply, SendRequest, Speaker, Whisper, WhisperReply, WhisperRequest,
};
use shallot_services::chat::{check_text, folded_channel, folded_name};
use shallot_services::limits::{CHAT_CHANNELS_MAX, CHAT_CHANNELS_OF_SESSION_MAX};

use super::errors;
use super::whereabouts::{Identity, Whereabouts, identity};
use crate::clock::SystemClock;

/// The chat hub.
pub(crate) struct Chat {
    cluster: Cluster,
    whereabouts: Whereabouts,
    places: Arc<Places>,
}

/// Places in channels that this node's sessions take up.
#[derive(Default)]
struct Places {
    taken: AtomicUsize,
}

/// The channels of one session; they are left when it ends.
struct Channels {
    joined: Mutex<BTreeSet<String>>,
    places: Arc<Places>,
}

impl Chat {
    pub(crate) fn new(cluster: Cluster, whereabouts: Whereabouts) -> Self {
        Self { cluster, whereabouts, places: Arc::default() }
    }
}

impl ChatHub for Chat {
    async fn on_connect(&self, session: &SessionHandle) {
        session.insert_state(Channels { joined: Mutex::default(), places: Arc::clone(&self.places) });
        self.whereabouts.arrived(session).await;
    }

    async fn say(&self, call: &CallContext, request: SayRequest) -> Result<SayReply, HubError> {
        check_text(&request.text).map_err(|error| errors::service(&error))?;
        let speaker = speaking(call)?;
        let region = speaker.region().ok_or_else(errors::not_in_world)?;
        let group = self.whereabouts.region(&region).ok_or_else(errors::internal)?;
        tell(&group, Where::Region(region), &speaker, request.text);
        Ok(SayReply {})
    }

    async fn whisper(&self, call: &CallContext, request: WhisperRequest) -> Result<WhisperReply, HubError> {
        check_text(&request.text).map_err(|error| errors::service(&error))?;
        let speaker = speaking(call)?;
        let listener = self.online(&request.to)?;
        tell(&listener, Where::Whisper(Whisper {}), &speaker, request.text);
        Ok(WhisperReply {})
    }

    async fn join(&self, call: &CallContext, request: JoinRequest) -> Result<JoinReply, HubError> {
        let channel = folded_channel(&request.channel).map_err(|error| errors::service(&error))?;
        let group = group_of(&channel)?;
        channels(call.session())?.take(&channel)?;
        self.cluster.add(&group, call.session());
        let members = self.cluster.group(group).count();
        Ok(JoinReply { members: u32::try_from(members).unwrap_or(u32::MAX) })
    }

    async fn leave(&self, call: &CallContext, request: LeaveChannelRequest) -> Result<LeaveChannelReply, HubError> {
        let channel = folded_channel(&request.channel).map_err(|error| errors::service(&error))?;
        self.cluster.remove(&group_of(&channel)?, call.session());
        channels(call.session())?.give_back(&channel);
        Ok(LeaveChannelReply {})
    }

    async fn send(&self, call: &CallContext, request: SendRequest) -> Result<SendReply, HubError> {
        check_text(&request.text).map_err(|error| errors::service(&error))?;
        let (channel, group) = self.joined(call, &request.channel)?;
        tell(&group, Where::Channel(channel), &*speaking(call)?, request.text);
        Ok(SendReply {})
    }

    async fn invite(&self, call: &CallContext, request: InviteRequest) -> Result<InviteReply, HubError> {
        let (channel, _) = self.joined(call, &request.channel)?;
        let invited = self.online(&request.to)?;
        let session = *invited.members().first().ok_or_else(not_online)?;
        let invitation = Invitation { channel, from: Some(wire(&*speaking(call)?)) };
        let member = self.cluster.member(invited.name(), session);
        let player = ChatReceiver::of(&member);
        tokio::select! {
            answer = player.accept_invitation(&invitation) => Ok(InviteReply { accepted: answer?.accepted }),
            () = call.cancellation().cancelled() => Err(HubError::deadline_exceeded()),
        }
    }
}

impl Chat {
    /// Whoever plays the character of this name.
    fn online(&self, name: &str) -> Result<ClusterGroup, HubError> {
        folded_name(name).map_err(|error| errors::service(&error))?;
        self.whereabouts.name(name).filter(|group| group.count() > 0).ok_or_else(not_online)
    }

    /// A channel that the caller is in, by its folded name.
    fn joined(&self, call: &CallContext, name: &str) -> Result<(String, ClusterGroup), HubError> {
        let channel = folded_channel(name).map_err(|error| errors::service(&error))?;
        if !channels(call.session())?.has(&channel) {
            let message = "the session is not in that channel";
            return Err(HubError::new(Code::FailedPrecondition, "NOT_IN_CHANNEL", message));
        }
        let group = self.cluster.group(group_of(&channel)?);
        Ok((channel, group))
    }
}

impl Channels {
    /// Takes a place; again for a channel it is in already does nothing.
    fn take(&self, channel: &str) -> Result<(), HubError> {
        let mut joined = self.lock();
        if joined.contains(channel) {
            return Ok(());
        }
        if joined.len() >= CHAT_CHANNELS_OF_SESSION_MAX {
            let message = format!("a session is in at most {CHAT_CHANNELS_OF_SESSION_MAX} channels");
            return Err(HubError::new(Code::ResourceExhausted, "TOO_MANY_CHANNELS", message));
        }
        let taken = self.places.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            (taken < CHAT_CHANNELS_MAX).then_some(taken + 1)
        });
        taken
            .map_err(|_| HubError::new(Code::ResourceExhausted, "CHANNELS_FULL", "all places in channels are taken"))?;
        joined.insert(channel.to_owned());
        Ok(())
    }

    fn give_back(&self, channel: &str) {
        if self.lock().remove(channel) {
            self.places.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn has(&self, channel: &str) -> bool {
        self.lock().contains(channel)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        // One insertion or removal, whole whatever panicked.
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        let left = self.lock().len();
        self.places.taken.fetch_sub(left, Ordering::Relaxed);
    }
}

fn tell(group: &ClusterGroup, to: Where, speaker: &Identity, text: String) {
    let sent_at_ms = SystemClock::unix_ms();
    let message = ChatMessage { r#where: Some(to), from: Some(wire(speaker)), text, sent_at_ms };
    ChatReceiver::to(group).on_message(&message);
}

fn speaking(call: &CallContext) -> Result<Arc<Identity>, HubError> {
    identity(call.session()).ok_or_else(errors::internal)
}

fn wire(speaker: &Identity) -> Speaker {
    Speaker { character_id: speaker.character.to_string(), name: speaker.name.clone() }
}

fn channels(session: &SessionHandle) -> Result<Arc<Channels>, HubError> {
    session.state::<Channels>().ok_or_else(errors::internal)
}

fn group_of(channel: &str) -> Result<GroupName, HubError> {
    GroupName::new(format!("channel/{channel}")).map_err(|_| errors::internal())
}

fn not_online() -> HubError {
    HubError::new(Code::NotFound, "NOT_ONLINE", "no character of this name is online")
}
