//! One player's session at the gateway: where its character is, its datagram channel, and its questions to the shard.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quinn::Connection;
use shallot_hubs::SessionHandle;
use shallot_hubs::contracts::world::v1::WorldReceiver;
use shallot_proto::wire::limits::MAX_DATAGRAM;
use shallot_proto::wire::{CharacterId, InputWindow, NetId, OwnerEpoch};
use shallot_proto::world::v1::{InputRefused, Reward, SnapshotBytes};
use shallot_services::character::Caller;
use shallot_world::{Command, Refusal, Reply};

use super::datagram_path::{Channel, Sent};
use super::datagrams::Pushes;
use super::worker::Worker;
use crate::limits;
use crate::shard::link::ShardLink;
use crate::telemetry;

/// One player's session.
pub(crate) struct PlayerSession {
    pub(crate) handle: SessionHandle,
    /// Brings it what shards say: the one it began on, also when its link has come back to another. So no tick of a shard, which
    /// all workers see, is missed or seen twice by a session that moves.
    pub(crate) worker: Arc<Worker>,
    place: Mutex<Option<Place>>,
    channel: Mutex<Option<Channel>>,
    /// The snapshot budget that the shard was told, bytes; 0: none.
    told_budget: AtomicUsize,
    refused: [AtomicU64; Refused::ALL.len()],
    rewards: Mutex<VecDeque<Reward>>,
}

/// The world's side of a hub session; `None` before its hub was connected.
pub(crate) fn player(handle: &SessionHandle) -> Option<Arc<PlayerSession>> {
    handle.state::<Arc<PlayerSession>>().map(|session| Arc::clone(session.as_ref()))
}

/// Where a session's character is.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) character: CharacterId,
    pub(crate) owner_epoch: OwnerEpoch,
    pub(crate) entity: NetId,
    pub(crate) shard: Arc<dyn ShardLink>,
}

/// Why a datagram had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It cannot be read.
    Malformed,
    /// Its entity is not the session's.
    ForeignEntity,
    /// There were too many.
    Rate,
}

impl Refused {
    const ALL: [Self; 3] = [Self::Malformed, Self::ForeignEntity, Self::Rate];

    fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "MALFORMED_DATAGRAM",
            Self::ForeignEntity => "FOREIGN_ENTITY",
            Self::Rate => "DATAGRAM_RATE",
        }
    }
}

/// Why a question to the shard was not answered with a yes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The shard has more to do than it can.
    #[error("the region is too busy")]
    Busy,
    /// No answer in time; whether it happened is not known.
    #[error("the region did not answer in time")]
    TimedOut,
}

/// A snapshot budget that no path has.
const UNTOLD: usize = 0;

/// Rewards that a pick-up's reply may still ask for.
const REWARDS_KEPT: usize = 32;

impl PlayerSession {
    pub(crate) fn new(handle: SessionHandle, worker: Arc<Worker>) -> Self {
        Self {
            handle,
            worker,
            place: Mutex::default(),
            channel: Mutex::default(),
            told_budget: AtomicUsize::new(UNTOLD),
            refused: Default::default(),
            rewards: Mutex::default(),
        }
    }

    /// As whom the session's calls reach the use cases.
    pub(crate) fn caller(&self) -> Caller {
        let principal = self.handle.principal();
        Caller { account: principal.account, session: principal.session, epoch: principal.epoch }
    }

    /// Where its character is.
    pub(crate) fn place(&self) -> Option<Place> {
        lock(&self.place).clone()
    }

    pub(crate) fn set_place(&self, place: Option<Place>) {
        *lock(&self.place) = place;
        // What was told before was of another stay, or came too early for this one.
        self.told_budget.store(UNTOLD, Ordering::Relaxed);
        self.tell_budget_of_channel();
    }

    /// Asks the shard, and waits for its answer.
    pub(crate) async fn ask(
        &self,
        shard: &dyn ShardLink,
        limit: Duration,
        command: impl FnOnce(u64) -> Command,
    ) -> Result<Reply, AskError> {
        let question = self.worker.questions.open();
        shard.try_send(command(question.correlation())).map_err(|_| AskError::Busy)?;
        match tokio::time::timeout(limit, question.answer()).await {
            Ok(Some(result)) => Ok(result?),
            Ok(None) | Err(_) => Err(AskError::TimedOut),
        }
    }

    /// The datagram channel is open. An earlier one is closed: a session has one.
    pub(crate) fn open_channel(&self, channel: Channel) {
        self.handle.set_datagrams(Some(Arc::new(Pushes(channel.connection.clone()))));
        if let Some(old) = lock(&self.channel).replace(channel) {
            old.close(2, "replaced by a newer channel");
        }
        self.tell_budget_of_channel();
    }

    /// That channel is gone.
    pub(crate) fn close_channel(&self, connection: &Connection) {
        let mut channel = lock(&self.channel);
        if channel.as_ref().is_some_and(|open| open.is(connection)) {
            *channel = None;
            self.handle.set_datagrams(None);
        }
    }

    /// The session is over: its channel too.
    pub(crate) fn drop_channel(&self, reason: &str) {
        if let Some(open) = lock(&self.channel).take() {
            open.close(1, reason);
        }
    }

    /// The input window of a datagram, or of a call with the same bytes. A full mailbox drops it: the next one repeats what it said.
    pub(crate) fn take_input(&self, datagram: &[u8]) {
        let Ok(window) = InputWindow::decode(datagram) else {
            self.refuse_datagram(Refused::Malformed);
            return;
        };
        // Between two regions there is nobody to move; what was on its way then is no fault.
        let Some(place) = self.place() else { return };
        if window.entity != place.entity {
            self.refuse_datagram(Refused::ForeignEntity);
            return;
        }
        if place.shard.try_send(Command::Input { window, held_ms: 0 }).is_err() {
            tracing::trace!("the shard's mailbox is full; an input was dropped");
        }
    }

    /// Whether its snapshots go in datagrams now.
    pub(crate) fn has_channel(&self) -> bool {
        lock(&self.channel).is_some()
    }

    /// Sends a snapshot: in a datagram when the path has room for it, or where there is no channel or it does not fit, as the newest value
    /// of a push.
    pub(crate) fn send_snapshot(&self, datagram: Bytes) {
        let bytes = datagram.len();
        let sent = lock(&self.channel).as_mut().map(|channel| channel.send(&datagram));
        let meters = &self.worker.meters;
        match sent {
            Some(Sent::Datagram) => meters.snapshots.increment(1),
            Some(Sent::LeftOut) => return meters.left_out_snapshots.increment(1),
            Some(Sent::Lost) => return,
            None | Some(Sent::TooLarge) => {
                if sent.is_none() {
                    self.tell_budget(MAX_DATAGRAM); // the link carries all
                }
                WorldReceiver::to(&self.handle).on_snapshot(&SnapshotBytes { datagram });
                meters.pushed_snapshots.increment(1);
            }
        }
        meters.snapshot_bytes.increment(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// A moment has passed on this connection's path.
    pub(crate) fn observe_path(&self, connection: &Connection) {
        let (lowered, bytes) = {
            let mut channel = lock(&self.channel);
            let Some(open) = channel.as_mut().filter(|open| open.is(connection)) else { return };
            (open.observe(), open.snapshot_bytes())
        };
        self.tell_budget(bytes);
        if let Some(why) = lowered {
            metrics::counter!(telemetry::PATH_BUDGETS_LOWERED, "reason" => why.reason()).increment(1);
        }
    }

    /// Snapshots are to fit what carries them from the first one on, but for the one of the tick of entry; without a channel the link does.
    fn tell_budget_of_channel(&self) {
        let bytes = lock(&self.channel).as_ref().map(Channel::snapshot_bytes);
        if let Some(bytes) = bytes {
            self.tell_budget(bytes);
        }
    }

    /// Tells the shard what the client's snapshots may have, when that is news. A full mailbox is tried again at the next look.
    fn tell_budget(&self, bytes: usize) {
        if self.told_budget.load(Ordering::Relaxed) == bytes {
            return;
        }
        let Some(Place { character, owner_epoch, shard, .. }) = self.place() else { return };
        let told = u16::try_from(bytes).unwrap_or(u16::MAX);
        if shard.try_send(Command::SnapshotBudget { character, owner_epoch, bytes: told }).is_ok() {
            self.told_budget.store(bytes, Ordering::Relaxed);
        }
    }

    /// A datagram of the client had no effect: counted, and told.
    pub(crate) fn refuse_datagram(&self, why: Refused) {
        metrics::counter!(telemetry::DATAGRAMS_REFUSED, "reason" => why.reason()).increment(1);
        if let Some(count) = self.refused.get(why as usize) {
            let count = count.fetch_add(1, Ordering::Relaxed) + 1;
            let told = InputRefused { reason: why.reason().to_owned(), count };
            WorldReceiver::to(&self.handle).on_input_refused(&told);
        }
    }

    /// Tells the client what was stored for it.
    pub(crate) fn reward(&self, reward: Reward) {
        WorldReceiver::to(&self.handle).on_reward(&reward);
        let mut rewards = lock(&self.rewards);
        if rewards.len() >= REWARDS_KEPT {
            rewards.pop_front();
        }
        rewards.push_back(reward);
    }

    /// A reward that was told lately, by its grant.
    pub(crate) fn told_reward(&self, grant_id: &str) -> Option<Reward> {
        lock(&self.rewards).iter().find(|reward| reward.grant_id == grant_id).cloned()
    }
}

/// Commands of a leave must arrive: a full mailbox is tried again.
pub(crate) const LEAVE_RETRY: Duration = Duration::from_millis(20);

impl PlayerSession {
    /// Takes the character out of its region, waiting until its last save is stored. Nothing to do when it is in none.
    pub(crate) async fn leave(self: &Arc<Self>) -> Result<(), AskError> {
        let Some(place) = self.place() else { return Ok(()) };
        let left = tokio::time::timeout(limits::LEAVE_ANSWER, async {
            loop {
                let Place { character, owner_epoch, .. } = place;
                let leave = |correlation| Command::Leave { character, owner_epoch, correlation };
                match self.ask(place.shard.as_ref(), limits::LEAVE_ANSWER, leave).await {
                    Err(AskError::Busy) => tokio::time::sleep(LEAVE_RETRY).await,
                    other => return other,
                }
            }
        });
        let result = left.await.unwrap_or(Err(AskError::TimedOut));
        // Whatever came of it, the session has no hold on that body any more.
        self.set_place(None);
        self.worker.players.leave(place.character, self);
        match result {
            // Fenced: a newer session has taken the body over.
            Ok(_) | Err(AskError::Refused(Refusal::NotInWorld | Refusal::Fenced)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one assignment or push, whole whatever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
