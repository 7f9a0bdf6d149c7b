//! The calls of a client: what awaits its reply, and what may not have arrived. Without IO and without a clock.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use shallot_proto::hub::v1 as wire;
use tokio::sync::oneshot;

use crate::error::{Code, HubError, reason};

/// What a caller awaits.
pub(crate) type Reply = oneshot::Receiver<Result<Bytes, HubError>>;

/// Calls by their ids, which rise over all links of a session.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    last_id: u64,
    /// The newest that a link has taken.
    sent_id: u64,
    pending: BTreeMap<u64, Pending>,
    one_way: VecDeque<OneWay>,
}

#[derive(Debug)]
struct Pending {
    until_ms: u64,
    /// `None`: the caller has gone, and the server is told.
    reply: Option<oneshot::Sender<Result<Bytes, HubError>>>,
    call: wire::Call,
}

#[derive(Debug)]
struct OneWay {
    /// The ping that was sent last before it.
    after_ping: u32,
    call: wire::Call,
}

/// What became of a cancel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// The server is to be told.
    Tell,
    /// It is not to be told: it has answered, or never heard of the call.
    Silent,
}

impl Calls {
    /// The id of the next call.
    pub(super) fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn one_way(&self) -> usize {
        self.one_way.len()
    }

    /// Whether a caller awaits a reply.
    pub(super) fn is_awaited(&self) -> bool {
        self.pending.values().any(|pending| pending.reply.is_some())
    }

    /// A call that is to be answered.
    pub(super) fn open(&mut self, call: wire::Call, until_ms: u64) -> Reply {
        let (reply, awaited) = oneshot::channel();
        self.last_id = call.id;
        self.pending.insert(call.id, Pending { until_ms, reply: Some(reply), call });
        awaited
    }

    /// One that is not.
    pub(super) fn keep_one_way(&mut self, call: wire::Call, after_ping: u32) {
        self.last_id = call.id;
        self.one_way.push_back(OneWay { after_ping, call });
    }

    /// A link has taken it.
    pub(super) fn sent(&mut self, id: u64) {
        self.sent_id = self.sent_id.max(id);
    }

    /// A reply has come; one that nobody awaits any more is forgotten. Whatever was sent before the call has arrived too.
    pub(super) fn complete(&mut self, id: u64, result: Result<Bytes, HubError>) {
        if let Some(reply) = self.pending.remove(&id).and_then(|pending| pending.reply) {
            // The caller may have gone between.
            let _ = reply.send(result);
        }
        while self.one_way.pop_front_if(|kept| kept.call.id < id).is_some() {}
    }

    /// The server has answered this ping: what was sent before it has arrived.
    pub(super) fn pinged(&mut self, ping: u32) {
        while self.one_way.pop_front_if(|kept| kept.after_ping < ping).is_some() {}
    }

    /// Nobody awaits the call any more. Until its reply comes it is remembered, so that a resume can tell the server again.
    pub(super) fn cancel(&mut self, id: u64) -> Cancelled {
        match self.pending.get_mut(&id).and_then(|pending| pending.reply.take()) {
            Some(_) => Cancelled::Tell,
            None => Cancelled::Silent,
        }
    }

    /// Gives up what is past its deadline; the server has the same deadline and needs no telling.
    pub(super) fn expire(&mut self, mono_ms: u64) {
        let expired = self.pending.extract_if(.., |_, pending| pending.until_ms <= mono_ms);
        let replies = expired.filter_map(|(_, pending)| pending.reply);
        replies.for_each(|reply| drop(reply.send(Err(HubError::deadline_exceeded()))));
    }

    pub(super) fn next_deadline_ms(&self) -> Option<u64> {
        self.pending.values().map(|pending| pending.until_ms).min()
    }

    /// The session goes on over a new link and has all calls up to this one: those to send again, by rising id, with what is left
    /// of their deadlines, and the ids of those to cancel again.
    pub(super) fn resend(&mut self, last_call_id: u64, mono_ms: u64) -> (Vec<wire::Call>, Vec<u64>) {
        while self.one_way.pop_front_if(|kept| kept.call.id <= last_call_id).is_some() {}
        self.pending.retain(|id, pending| *id <= last_call_id || pending.reply.is_some());
        self.one_way.iter_mut().for_each(|kept| kept.after_ping = 0);
        let one_way = self.one_way.iter().map(|kept| kept.call.clone());
        let awaited = self.pending.range(last_call_id + 1..).map(|(_, pending)| {
            let left_ms = u32::try_from(pending.until_ms.saturating_sub(mono_ms)).unwrap_or(u32::MAX);
            wire::Call { deadline_ms: left_ms.max(1), ..pending.call.clone() }
        });
        let mut calls: Vec<_> = one_way.chain(awaited).collect();
        calls.sort_unstable_by_key(|call| call.id);
        let is_cancelled = |(_, pending): &(&u64, &Pending)| pending.reply.is_none();
        let cancelled = self.pending.range(..=last_call_id).filter(is_cancelled).map(|(id, _)| *id).collect();
        (calls, cancelled)
    }

    /// The session is lost: of each call it is told whether it may have run.
    pub(super) fn lose_all(&mut self) {
        let sent_id = self.sent_id;
        self.one_way.clear();
        for (id, pending) in std::mem::take(&mut self.pending) {
            let error = if id <= sent_id { outcome_unknown() } else { not_run() };
            pending.reply.into_iter().for_each(|reply| drop(reply.send(Err(error.clone()))));
        }
    }

    /// No reply will come any more.
    pub(super) fn fail_all(&mut self, error: &HubError) {
        self.one_way.clear();
        let replies = std::mem::take(&mut self.pending).into_values().filter_map(|pending| pending.reply);
        replies.for_each(|reply| drop(reply.send(Err(error.clone()))));
    }
}

fn outcome_unknown() -> HubError {
    let message = "the session was lost while the call was under way: it may have run";
    HubError::new(Code::Unknown, reason::CALL_OUTCOME_UNKNOWN, message)
}

fn not_run() -> HubError {
    let message = "the session was lost before the call was sent: it has not run";
    HubError::new(Code::Unavailable, reason::CALL_NOT_RUN, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: u64) -> wire::Call {
        wire::Call { id, ..wire::Call::default() }
    }

    /// Calls 1 to 4, of which 2 and 4 are one-way.
    fn four() -> (Calls, Reply, Reply) {
        let mut calls = Calls::default();
        let first = calls.open(call(1), 1_000);
        calls.keep_one_way(call(2), 0);
        let third = calls.open(call(3), 1_000);
        calls.keep_one_way(call(4), 5);
        (calls, first, third)
    }

    fn ids(calls: &[wire::Call]) -> Vec<u64> {
        calls.iter().map(|call| call.id).collect()
    }

    #[test]
    fn what_did_not_reach_the_session_is_sent_again_in_order() {
        let (mut calls, _first, _third) = four();
        let (again, cancelled) = calls.resend(1, 600);
        assert_eq!((ids(&again), cancelled), (vec![2, 3, 4], vec![]));
        assert_eq!(again[1].deadline_ms, 400, "the deadline goes on");
    }

    #[test]
    fn a_call_that_nobody_awaits_is_cancelled_again_or_never_sent() {
        let (mut calls, _first, _third) = four();
        assert_eq!((calls.cancel(1), calls.cancel(1)), (Cancelled::Tell, Cancelled::Silent));
        assert_eq!(calls.cancel(3), Cancelled::Tell);
        let (again, cancelled) = calls.resend(2, 0);
        assert_eq!((ids(&again), cancelled), (vec![4], vec![1]));
        assert_eq!(calls.pending(), 1, "what never reached the session is forgotten");
    }

    #[test]
    fn one_way_calls_are_let_go_of_when_they_have_arrived() {
        let (mut calls, ..) = four();
        calls.pinged(5);
        assert_eq!(calls.one_way(), 1, "the ping before the second says nothing of it");
        calls.complete(5, Ok(Bytes::new()));
        assert_eq!(calls.one_way(), 0, "a reply to a later call does");
    }

    #[test]
    fn when_the_session_is_lost_each_call_is_told_whether_it_may_have_run() {
        let (mut calls, mut first, mut third) = four();
        calls.sent(2);
        calls.lose_all();
        assert_eq!(first.try_recv().unwrap().unwrap_err().reason, reason::CALL_OUTCOME_UNKNOWN);
        assert_eq!(third.try_recv().unwrap().unwrap_err().reason, reason::CALL_NOT_RUN);
        assert_eq!((calls.pending(), calls.one_way()), (0, 0));
    }
}
