//! Questions to clients of other nodes, at both ends. A question is repeated until its answer comes, and asked of the client once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::message::{self, Answer, AnswerResult, Kind};
use crate::backplane::{NodeId, To};
use crate::error::{Code, HubError, reason};
use crate::limits::{ASK_AGAIN_MS, ASKS_ABROAD, ASKS_FROM_ABROAD};

/// What the asker awaits.
pub(super) type Awaited = oneshot::Receiver<Result<Bytes, HubError>>;

/// Questions of this node that are open.
#[derive(Debug, Default)]
pub(super) struct Abroad {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last_id: u64,
    by_id: BTreeMap<u64, Question>,
}

#[derive(Debug)]
struct Question {
    node: NodeId,
    item: Bytes,
    sent_ms: u64,
    answer: oneshot::Sender<Result<Bytes, HubError>>,
}

impl Abroad {
    /// Opens a question: its number, what to send, what to await.
    pub(super) fn open(
        &self,
        now_ms: u64,
        node: &NodeId,
        ask: impl FnOnce(u64) -> message::Ask,
    ) -> Result<(u64, Bytes, Awaited), HubError> {
        let mut open = self.lock();
        if open.by_id.len() >= ASKS_ABROAD {
            let message = "too many questions to other nodes are open already";
            return Err(HubError::new(Code::ResourceExhausted, reason::ASK_QUEUE_FULL, message));
        }
        open.last_id += 1;
        let id = open.last_id;
        let item = message::encode(Kind::Ask(ask(id)));
        let (answer, awaited) = oneshot::channel();
        open.by_id.insert(id, Question { node: node.clone(), item: item.clone(), sent_ms: now_ms, answer });
        Ok((id, item, awaited))
    }

    /// Nobody waits for it any more.
    pub(super) fn forget(&self, id: u64) {
        self.lock().by_id.remove(&id);
    }

    /// That node has answered; nothing when the question was another's or is closed.
    pub(super) fn answered(&self, node: &NodeId, answer: Answer) {
        let mut open = self.lock();
        if open.by_id.get(&answer.id).is_some_and(|question| question.node == *node)
            && let Some(question) = open.by_id.remove(&answer.id)
        {
            let result = match answer.result {
                Some(AnswerResult::Body(body)) => Ok(Bytes::copy_from_slice(&body)),
                Some(AnswerResult::Error(error)) => Err(error.into()),
                None => {
                    Err(HubError::new(Code::Internal, reason::MALFORMED_REPLY, "an answer with neither body nor error"))
                }
            };
            // The asker may have gone: then nobody wants it.
            let _ = question.answer.send(result);
        }
    }

    /// The node is gone, with the answers it owed.
    pub(super) fn node_died(&self, node: &NodeId) {
        let mut open = self.lock();
        let of_node = |question: &Question| question.node == *node;
        let ids: Vec<u64> = open.by_id.iter().filter(|(_, question)| of_node(question)).map(|(id, _)| *id).collect();
        for question in ids.iter().filter_map(|id| open.by_id.remove(id)) {
            let message = format!("node {node} is gone; the outcome is not known");
            let _ = question.answer.send(Err(HubError::new(Code::Unavailable, reason::NODE_GONE, message)));
        }
    }

    /// What is to be sent again.
    pub(super) fn due(&self, now_ms: u64) -> Vec<(To, Bytes)> {
        let mut open = self.lock();
        let due = open.by_id.values_mut().filter(|question| now_ms.saturating_sub(question.sent_ms) >= ASK_AGAIN_MS);
        due.map(|question| {
            question.sent_ms = now_ms;
            (To::Node(question.node.clone()), question.item.clone())
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // A number and a map, whole between any two statements.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question of another node.
pub(super) type AskKey = (NodeId, u64);

/// Questions of other nodes, from their arrival until nobody can repeat them any more.
#[derive(Debug, Default)]
pub(super) struct FromAbroad {
    by_key: Mutex<BTreeMap<AskKey, Served>>,
}

#[derive(Debug)]
struct Served {
    until_ms: u64,
    answer: Option<Bytes>,
}

/// What to do with a question.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// It is new.
    Serve,
    /// It is being asked.
    Wait,
    /// It was answered: this item again.
    Repeat(Bytes),
    /// There are too many.
    Refuse,
}

impl FromAbroad {
    /// A question has come, maybe again.
    pub(super) fn arrived(&self, key: &AskKey, until_ms: u64) -> Verdict {
        let mut by_key = self.lock();
        match by_key.get(key) {
            Some(Served { answer: Some(item), .. }) => Verdict::Repeat(item.clone()),
            Some(Served { answer: None, .. }) => Verdict::Wait,
            None if by_key.len() >= ASKS_FROM_ABROAD => Verdict::Refuse,
            None => {
                by_key.insert(key.clone(), Served { until_ms, answer: None });
                Verdict::Serve
            }
        }
    }

    /// The client has answered: the item to send.
    pub(super) fn done(&self, key: &AskKey, result: Result<Bytes, HubError>) -> Bytes {
        let item = answer(key.1, result);
        if let Some(served) = self.lock().get_mut(key) {
            served.answer = Some(item.clone());
        }
        item
    }

    /// Forgets what nobody repeats any more.
    pub(super) fn sweep(&self, now_ms: u64) {
        self.lock().retain(|_, served| served.answer.is_none() || served.until_ms > now_ms);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AskKey, Served>> {
        // A map of whole entries, whatever a panic interrupted.
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer as an item.
pub(super) fn answer(id: u64, result: Result<Bytes, HubError>) -> Bytes {
    let result = match result {
        Ok(body) => AnswerResult::Body(body),
        Err(error) => AnswerResult::Error(error.into()),
    };
    message::encode(Kind::Answer(Answer { id, result: Some(result) }))
}
