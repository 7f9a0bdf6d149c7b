//! A gateway worker: its sessions' share of each tick, and the questions they have put to shards.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use shallot_hubs::Cork;
use shallot_hubs::contracts::world::v1::WorldReceiver;
use shallot_proto::wire::{CharacterId, SessionId};
use shallot_proto::world::v1::{Reward, WorldEvents};
use shallot_world::{Refusal, Reply};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::players::Players;
use super::session::PlayerSession;
use super::spread::Spreading;
use super::tickets::Tickets;
use crate::clock::SystemClock;
use crate::hubs::translate;
use crate::shard::fan_out::TickDelivery;
use crate::telemetry;

/// What comes to a worker from shards and desks.
pub(crate) enum Delivery {
    /// One tick of one shard.
    Tick(Arc<TickDelivery>),
    /// A grant is stored: tell it.
    Rewarded(CharacterId, Box<Reward>),
    /// A character's last save is stored: answer the question with this number.
    Left(u64),
}

/// One gateway worker. Lives on its thread's runtime; others only hold it.
pub(crate) struct Worker {
    pub(crate) id: u16,
    pub(crate) tickets: Tickets,
    /// Port of its datagram channel.
    pub(crate) quic_port: u16,
    pub(crate) questions: Questions,
    pub(crate) players: Arc<Players>,
    pub(crate) meters: Meters,
    clock: SystemClock,
    drained: CancellationToken,
}

/// Counters of the send path, looked up once.
pub(crate) struct Meters {
    pub(crate) snapshots: metrics::Counter,
    /// Without a datagram channel.
    pub(crate) pushed_snapshots: metrics::Counter,
    /// Whose path had no room for them.
    pub(crate) left_out_snapshots: metrics::Counter,
    pub(crate) snapshot_bytes: metrics::Counter,
    spread: metrics::Histogram,
}

/// A datagram that waits for its slice, and whose it is.
type Outgoing = (Arc<PlayerSession>, Bytes);

impl Worker {
    pub(crate) fn new(id: u16, quic_port: u16, players: Arc<Players>, clock: SystemClock) -> anyhow::Result<Self> {
        Ok(Self {
            id,
            tickets: Tickets::new()?,
            quic_port,
            questions: Questions::new(id),
            players,
            meters: Meters {
                snapshots: metrics::counter!(telemetry::SNAPSHOTS_SENT, "way" => "datagram"),
                pushed_snapshots: metrics::counter!(telemetry::SNAPSHOTS_SENT, "way" => "link"),
                left_out_snapshots: metrics::counter!(telemetry::SNAPSHOTS_LEFT_OUT),
                snapshot_bytes: metrics::counter!(telemetry::SNAPSHOT_BYTES),
                spread: metrics::histogram!(telemetry::SPREAD_SECONDS, "worker" => id.to_string()),
            },
            clock,
            drained: CancellationToken::new(),
        })
    }

    /// All sessions have said goodbye.
    pub(crate) fn set_drained(&self) {
        self.drained.cancel();
    }

    /// Waits for that.
    pub(crate) async fn drained(&self) {
        self.drained.cancelled().await;
    }

    /// Hands on what comes, until every sender is gone or the hard stop.
    pub(crate) async fn run(&self, mut inbox: mpsc::Receiver<Delivery>, hard: &CancellationToken) {
        let mut spreading = Spreading::new();
        loop {
            let wait = spreading.next().map(|next| next.saturating_sub(self.clock.since_start()));
            tokio::select! {
                delivery = inbox.recv() => match delivery {
                    Some(delivery) => self.take(delivery, &mut spreading),
                    None => return spreading.send_all(send),
                },
                () = tokio::time::sleep(wait.unwrap_or(Duration::MAX)), if wait.is_some() => {}
                () = hard.cancelled() => return,
            }
            spreading.send_due(self.clock.since_start(), send);
            for handed_on in spreading.whole() {
                self.meters.spread.record(self.clock.since_start().saturating_sub(handed_on));
            }
        }
    }

    fn take(&self, delivery: Delivery, spreading: &mut Spreading<Outgoing>) {
        match delivery {
            Delivery::Tick(tick) => self.deliver(&tick, spreading),
            Delivery::Rewarded(character, reward) => {
                if let Some(session) = self.mine(character) {
                    session.reward(*reward);
                }
            }
            Delivery::Left(correlation) => self.questions.settle(correlation, Ok(Reply::Left)),
        }
    }

    /// The session of a character, when it began on this worker.
    fn mine(&self, character: CharacterId) -> Option<Arc<PlayerSession>> {
        self.players.of_character(character).filter(|session| session.worker.id == self.id)
    }

    /// A session whose link has come back to another worker gets this tick as one message too.
    fn cork(&self, session: &PlayerSession, corks: &mut HashMap<SessionId, Cork>) {
        if session.handle.worker().0 != self.id {
            corks.entry(session.handle.id()).or_insert_with(|| session.handle.cork());
        }
    }

    /// A tick's share of this worker. Replies go first: a client learns its entity before it sees it. Between two awaits all that
    /// is pushed to a session leaves as one message. Datagrams are spread.
    fn deliver(&self, tick: &TickDelivery, spreading: &mut Spreading<Outgoing>) {
        let Some(data) = &tick.data else { return };
        let mut corks = HashMap::new();
        for answer in &tick.replies {
            self.questions.settle(answer.correlation, answer.result.clone());
        }
        for events in tick.events.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((character, _)) = events.first() else { continue };
            let Some(session) = self.mine(*character) else { continue };
            self.cork(&session, &mut corks);
            let events = events.iter().map(|(_, event)| translate::event(event, data)).collect();
            WorldReceiver::to(&session.handle).on_events(&WorldEvents { tick: tick.tick.0, events });
        }
        for (character, vitals) in &tick.vitals {
            if let Some(session) = self.mine(*character) {
                self.cork(&session, &mut corks);
                WorldReceiver::to(&session.handle).on_vitals(&translate::vitals(vitals));
            }
        }
        let owed = tick.snapshots.iter().filter_map(|snapshot| {
            let session = self.mine(snapshot.character)?;
            let datagram = tick.datagram(snapshot)?;
            if session.has_channel() {
                return Some((session, datagram));
            }
            self.cork(&session, &mut corks);
            session.send_snapshot(datagram);
            None
        });
        spreading.begin(tick.region, tick.handed_on, owed, send);
    }
}

fn send((session, datagram): Outgoing) {
    session.send_snapshot(datagram);
}

/// Questions to shards that await their answer. The number of a question says whose it is, so that of all workers that see an
/// answer exactly one takes it.
pub(crate) struct Questions {
    worker: u16,
    next: AtomicU64,
    open: Mutex<HashMap<u64, oneshot::Sender<Result<Reply, Refusal>>>>,
}

/// Bits of a correlation that count questions; above them stands the worker.
const COUNT_BITS: u32 = 48;

impl Questions {
    fn new(worker: u16) -> Self {
        Self { worker, next: AtomicU64::new(1), open: Mutex::default() }
    }

    /// Opens a question. As many are open as calls run, which the hub runtime bounds for each session.
    pub(crate) fn open(&self) -> Question<'_> {
        let count = self.next.fetch_add(1, Ordering::Relaxed) & ((1 << COUNT_BITS) - 1);
        let correlation = u64::from(self.worker) << COUNT_BITS | count;
        let (sender, answer) = oneshot::channel();
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(correlation, sender);
        Question { questions: self, correlation, answer }
    }

    fn settle(&self, correlation: u64, result: Result<Reply, Refusal>) {
        if correlation >> COUNT_BITS != u64::from(self.worker) {
            return;
        }
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&correlation);
        // Nobody waits any more when the asker's time was up; what happened is told by events too.
        if let Some(sender) = open {
            drop(sender.send(result));
        }
    }
}

/// An open question; dropping it forgets it.
pub(crate) struct Question<'a> {
    questions: &'a Questions,
    correlation: u64,
    answer: oneshot::Receiver<Result<Reply, Refusal>>,
}

impl Question<'_> {
    /// Its number.
    pub(crate) fn correlation(&self) -> u64 {
        self.correlation
    }

    /// Waits for the answer; `None` when it can never come.
    pub(crate) async fn answer(mut self) -> Option<Result<Reply, Refusal>> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.questions.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.correlation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_reaches_the_worker_that_asked_and_only_it() {
        let (here, there) = (Questions::new(1), Questions::new(2));
        let question = here.open();
        let correlation = question.correlation();
        there.settle(correlation, Ok(Reply::Attacking));
        here.settle(correlation, Ok(Reply::Left));
        assert_eq!(question.answer().await, Some(Ok(Reply::Left)));
        assert!(here.open.lock().unwrap().is_empty());
    }

    #[test]
    fn a_question_that_is_given_up_is_forgotten() {
        let questions = Questions::new(0);
        drop(questions.open());
        assert!(questions.open.lock().unwrap().is_empty());
    }
}
