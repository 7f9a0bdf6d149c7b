//! What the server sends to a character's player, in one queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shallot_hubs::contracts::social::v1::{ChatReceiverHandler, PresenceReceiverHandler};
use shallot_hubs::contracts::world::v1::WorldReceiverHandler;
use shallot_hubs::{AskContext, GroupGap, HubError};
use shallot_proto::social::v1::{ChatMessage, Invitation, InvitationAnswer, Presence};
use shallot_proto::world::v1::{InputRefused, Reward, SnapshotBytes, Vitals, WorldEvents};
use tokio::sync::{mpsc, oneshot};

use crate::limits::PUSH_QUEUE;

/// What the server sends to a character's player.
#[derive(Debug)]
pub enum WorldPush {
    /// All that happened around the character in one tick.
    Events(WorldEvents),
    /// What is stored for good.
    Reward(Reward),
    /// The character's own body.
    Vitals(Vitals),
    /// A snapshot, where there is no datagram channel.
    Snapshot(SnapshotBytes),
    /// Datagrams that had no effect.
    InputRefused(InputRefused),
    /// What was said.
    Chat(ChatMessage),
    /// Someone asks the character into a chat channel.
    AskedIn(AskedIn),
    /// How it is now with a character that the session follows.
    Presence(Presence),
    /// Pushes of a group were lost between nodes and cannot be had.
    GroupGap(GroupGap),
}

/// An invitation into a chat channel that waits for its answer, for 20 s. Dropped it is declined.
#[derive(Debug)]
pub struct AskedIn {
    /// Into which channel, and by whom.
    pub invitation: Invitation,
    answer: oneshot::Sender<bool>,
}

impl AskedIn {
    /// Comes in, or declines.
    pub fn answer(self, accepted: bool) {
        // Nobody waits any more: the time is over, or the session.
        let _ = self.answer.send(accepted);
    }
}

/// Pushes in the order of their arrival, at most [`PUSH_QUEUE`] waiting. What may be lost ([`WorldPush::Vitals`],
/// [`WorldPush::Snapshot`], [`WorldPush::InputRefused`]) is dropped and counted when the queue is full; when any other finds it
/// full the queue ends behind what waits, so that nothing is missed unnoticed: such a client has to connect again.
#[derive(Debug)]
pub struct WorldPushes {
    waiting: mpsc::Receiver<WorldPush>,
    dropped: Arc<AtomicU64>,
}

impl WorldPushes {
    /// The next push; `None`: the session is over or the queue overflowed. May be dropped while it waits without losing one.
    pub async fn next(&mut self) -> Option<WorldPush> {
        self.waiting.recv().await
    }

    /// The next push if one waits.
    pub fn try_next(&mut self) -> Option<WorldPush> {
        self.waiting.try_recv().ok()
    }

    /// Pushes that were dropped because the queue was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The receivers' end: handlers run inside the session's driver and must not wait.
pub(super) struct PushQueue {
    sender: Mutex<Option<mpsc::Sender<WorldPush>>>,
    dropped: Arc<AtomicU64>,
}

pub(super) fn queue() -> (Arc<PushQueue>, WorldPushes) {
    let (sender, waiting) = mpsc::channel(PUSH_QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = PushQueue { sender: Mutex::new(Some(sender)), dropped: Arc::clone(&dropped) };
    (Arc::new(queue), WorldPushes { waiting, dropped })
}

impl PushQueue {
    fn put(&self, push: WorldPush, may_be_lost: bool) {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = sender.as_ref().is_none_or(|sender| sender.try_send(push).is_err());
        if is_full {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            if !may_be_lost {
                *sender = None;
            }
        }
    }
}

impl WorldReceiverHandler for PushQueue {
    fn on_events(&self, message: WorldEvents) {
        self.put(WorldPush::Events(message), false);
    }

    fn on_reward(&self, message: Reward) {
        self.put(WorldPush::Reward(message), false);
    }

    fn on_vitals(&self, message: Vitals) {
        self.put(WorldPush::Vitals(message), true);
    }

    fn on_snapshot(&self, message: SnapshotBytes) {
        self.put(WorldPush::Snapshot(message), true);
    }

    fn on_input_refused(&self, message: InputRefused) {
        self.put(WorldPush::InputRefused(message), true);
    }
}

impl ChatReceiverHandler for PushQueue {
    fn on_message(&self, message: ChatMessage) {
        self.put(WorldPush::Chat(message), false);
    }

    async fn accept_invitation(&self, _: &AskContext, invitation: Invitation) -> Result<InvitationAnswer, HubError> {
        let (answer, answered) = oneshot::channel();
        self.put(WorldPush::AskedIn(AskedIn { invitation, answer }), true);
        Ok(InvitationAnswer { accepted: answered.await.unwrap_or(false) })
    }

    /// All receivers of a session are told of each gap; one of them is enough here.
    fn on_group_gap(&self, gap: &GroupGap) {
        self.put(WorldPush::GroupGap(gap.clone()), false);
    }
}

impl PresenceReceiverHandler for PushQueue {
    fn on_presence(&self, message: Presence) {
        self.put(WorldPush::Presence(message), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vitals(hp: u32) -> Vitals {
        Vitals { hp, ..Vitals::default() }
    }

    #[tokio::test]
    async fn pushes_keep_their_order() {
        let (sink, mut pushes) = queue();
        sink.on_vitals(vitals(1));
        sink.on_reward(Reward::default());
        assert!(matches!(pushes.next().await, Some(WorldPush::Vitals(Vitals { hp: 1, .. }))));
        assert!(matches!(pushes.next().await, Some(WorldPush::Reward(_))));
        assert!(pushes.try_next().is_none());
    }

    #[tokio::test]
    async fn what_may_be_lost_is_dropped_and_the_rest_goes_on() {
        let (sink, mut pushes) = queue();
        for hp in 0..PUSH_QUEUE as u32 + 3 {
            sink.on_vitals(vitals(hp));
        }
        assert_eq!(pushes.dropped(), 3);
        assert!(matches!(pushes.next().await, Some(WorldPush::Vitals(Vitals { hp: 0, .. }))));
        sink.on_reward(Reward::default());
        let mut last = None;
        while let Some(push) = pushes.try_next() {
            last = Some(push);
        }
        assert!(matches!(last, Some(WorldPush::Reward(_))));
    }

    #[tokio::test]
    async fn a_reward_without_room_ends_the_queue_behind_what_waits() {
        let (sink, mut pushes) = queue();
        for hp in 0..PUSH_QUEUE as u32 {
            sink.on_vitals(vitals(hp));
        }
        sink.on_reward(Reward::default());
        sink.on_vitals(vitals(9_999));
        let mut seen = 0;
        while let Some(push) = pushes.next().await {
            assert!(matches!(push, WorldPush::Vitals(_)));
            seen += 1;
        }
        assert_eq!((seen, pushes.dropped()), (PUSH_QUEUE, 2));
    }
}
