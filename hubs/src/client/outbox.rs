//! What a client session sends: one line for the link there is, and what must reach the session over whatever links it takes.
//! Without IO and without a clock.

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message as _;
use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame;

use super::calls::{Calls, Cancelled, Reply};
use crate::contract::MethodContract;
use crate::error::{Code, HubError, reason};
use crate::limits::{
    CLIENT_ANSWERS_KEPT, CLIENT_BATCH_BYTES, CLIENT_BATCH_FRAMES, CLIENT_CALLS_PENDING, CLIENT_CONFIRM_EVERY,
    CLIENT_ONE_WAY_KEPT, CLIENT_OUTBOX_FRAMES, FRAME_OVERHEAD_BYTES, PONGS_WAITING,
};

/// A call as the stub makes it.
pub(crate) struct OutgoingCall {
    pub(crate) method: &'static MethodContract,
    /// Milliseconds from now; 0: the contract's own, which the server knows.
    pub(crate) deadline_ms: u32,
    /// When this end gives up, by its own clock.
    pub(crate) until_ms: u64,
    pub(crate) within: Option<u64>,
    pub(crate) body: Bytes,
}

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct ClientOutbox {
    /// What is said goes out; else it is kept until a link stands again.
    is_linked: bool,
    /// Counts the links. Only the newest may take.
    link: u32,
    frames: VecDeque<wire::ClientFrame>,
    ping: Option<wire::Ping>,
    pongs: Vec<wire::Pong>,
    ack: Option<u64>,
    calls: Calls,
    /// Answers that may not have arrived, each with the ping that was sent last before it.
    answers: VecDeque<(u32, wire::Answer)>,
    /// The ping that was sent last on this link.
    last_ping: u32,
    /// One-way calls and answers since.
    since_ping: usize,
    /// Why nothing is taken any more.
    closed: Option<HubError>,
}

impl Default for ClientOutbox {
    fn default() -> Self {
        Self {
            is_linked: true,
            link: 0,
            frames: VecDeque::new(),
            ping: None,
            pongs: Vec::new(),
            ack: None,
            calls: Calls::default(),
            answers: VecDeque::new(),
            last_ping: 0,
            since_ping: 0,
            closed: None,
        }
    }
}

impl ClientOutbox {
    /// Queues a call; its id and what to await.
    pub(crate) fn call(&mut self, call: OutgoingCall) -> Result<(u64, Reply), HubError> {
        if self.calls.pending() >= CLIENT_CALLS_PENDING {
            return Err(full("too many calls await their reply already"));
        }
        let until_ms = call.until_ms;
        let call = self.queue(call, false)?;
        Ok((call.id, self.calls.open(call, until_ms)))
    }

    /// Queues a call that is not answered.
    pub(crate) fn send(&mut self, call: OutgoingCall) -> Result<(), HubError> {
        if self.calls.one_way() >= CLIENT_ONE_WAY_KEPT {
            return Err(full("too many one-way calls are not known to have arrived"));
        }
        let call = self.queue(call, true)?;
        self.calls.keep_one_way(call, self.last_ping);
        self.since_ping += 1;
        Ok(())
    }

    /// A reply has come.
    pub(crate) fn complete(&mut self, id: u64, result: Result<Bytes, HubError>) {
        self.calls.complete(id, result);
    }

    /// Nobody awaits the call any more: the server is told, unless it has answered.
    pub(crate) fn cancel(&mut self, id: u64) {
        if self.calls.cancel(id) == Cancelled::Tell && self.closed.is_none() && self.is_linked {
            self.control(Frame::Cancel(wire::Cancel { id }));
        }
    }

    /// Gives up what is past its deadline.
    pub(crate) fn expire(&mut self, mono_ms: u64) {
        self.calls.expire(mono_ms);
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        self.calls.next_deadline_ms()
    }

    /// The server has answered this ping: what was sent before it has arrived.
    pub(crate) fn pinged(&mut self, ping: u32) {
        self.calls.pinged(ping);
        while self.answers.pop_front_if(|(after_ping, _)| *after_ping < ping).is_some() {}
    }

    /// Whether there is much of which it is not known that it arrived.
    pub(crate) fn wants_ping(&self) -> bool {
        self.is_linked && self.since_ping >= CLIENT_CONFIRM_EVERY && self.ping.is_none()
    }

    /// The link is lost. What counts is kept for the next.
    pub(crate) fn lose_link(&mut self) {
        self.is_linked = false;
        self.link += 1;
        self.frames.clear();
        self.ping = None;
        self.pongs.clear();
        self.ack = None;
    }

    /// The next link begins with this Hello; its number.
    pub(crate) fn begin_link(&mut self, hello: wire::Hello) -> u32 {
        self.lose_link();
        self.control(Frame::Hello(hello.into()));
        self.link
    }

    /// The session goes on over the new link, and has all calls up to this one.
    pub(crate) fn resume(&mut self, last_call_id: u64, mono_ms: u64) {
        self.is_linked = true;
        (self.last_ping, self.since_ping) = (0, 0);
        self.answers.iter_mut().for_each(|(after_ping, _)| *after_ping = 0);
        let (calls, cancelled) = self.calls.resend(last_call_id, mono_ms);
        cancelled.into_iter().for_each(|id| self.control(Frame::Cancel(wire::Cancel { id })));
        calls.into_iter().for_each(|call| self.control(Frame::Call(call)));
        for (_, answer) in self.answers.clone() {
            self.control(Frame::Answer(answer));
        }
    }

    /// The session is lost with all that was under way.
    pub(crate) fn lose_session(&mut self) {
        self.calls.lose_all();
        self.answers.clear();
    }

    /// After [`lose_session`](Self::lose_session): another session begins.
    pub(crate) fn start_anew(&mut self) {
        self.is_linked = true;
        (self.last_ping, self.since_ping) = (0, 0);
    }

    /// Renews the access token. Without a link the next Hello has a newer one.
    pub(crate) fn renew(&mut self, access_token: String) {
        if self.is_linked {
            self.control(Frame::Auth(wire::Auth { access_token }));
        }
    }

    /// What the session itself says: Hello, Auth, Cancel. As many as there are calls, at most.
    pub(crate) fn control(&mut self, frame: Frame) {
        self.frames.push_back(wire::ClientFrame { frame: Some(frame) });
    }

    /// The answer to the server's question; there are no more of them than the server has questions open.
    pub(crate) fn answer(&mut self, id: u64, result: Result<Bytes, HubError>) {
        let too_large = |body: &Bytes| body.len() + FRAME_OVERHEAD_BYTES > CLIENT_BATCH_BYTES;
        let result = match result {
            Ok(body) if too_large(&body) => Err(too_large_error(body.len())),
            result => result,
        };
        let result = match result {
            Ok(body) => wire::answer::Result::Body(body),
            Err(error) => wire::answer::Result::Error(Box::new(error.into())),
        };
        let answer = wire::Answer { id, result: Some(result) };
        if self.is_linked {
            self.control(Frame::Answer(answer.clone()));
        }
        if self.answers.len() == CLIENT_ANSWERS_KEPT {
            self.answers.pop_front();
        }
        self.answers.push_back((self.last_ping, answer));
        self.since_ping += 1;
    }

    pub(crate) fn ping(&mut self, ping: wire::Ping) {
        self.ping = Some(ping);
    }

    pub(crate) fn pong(&mut self, pong: wire::Pong) {
        if self.pongs.len() < PONGS_WAITING {
            self.pongs.push(pong);
        }
    }

    pub(crate) fn acknowledge(&mut self, seq: u64) {
        self.ack = Some(seq);
    }

    /// Nothing is taken any more; what waits is still sent.
    pub(crate) fn close(&mut self, error: &HubError) {
        self.closed.get_or_insert_with(|| error.clone());
    }

    /// No reply will come any more.
    pub(crate) fn fail_all(&mut self, error: &HubError) {
        self.close(error);
        self.calls.fail_all(error);
    }

    /// What waits, as much of it as one message may hold.
    pub(crate) fn take(&mut self) -> Option<wire::ClientBatch> {
        self.queue_slots();
        let mut batch = wire::ClientBatch::default();
        let mut bytes = 0;
        while let Some(frame) = self.frames.front() {
            bytes += frame_len(frame);
            let is_full = batch.frames.len() == CLIENT_BATCH_FRAMES || bytes > CLIENT_BATCH_BYTES;
            if is_full && !batch.frames.is_empty() {
                break;
            }
            if let Some(Frame::Call(call)) = &frame.frame {
                self.calls.sent(call.id);
            }
            batch.frames.extend(self.frames.pop_front());
        }
        (!batch.frames.is_empty()).then_some(batch)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.pongs.is_empty() && self.ping.is_none() && self.ack.is_none()
    }

    /// Whether nothing more will be sent. While a reply is under way the link stays open at this end.
    pub(crate) fn is_finished(&self) -> bool {
        self.closed.is_some() && self.is_empty() && !self.calls.is_awaited()
    }

    /// Number of the link that may take.
    pub(crate) fn link(&self) -> u32 {
        self.link
    }

    fn queue_slots(&mut self) {
        if let Some(ping) = &self.ping {
            (self.last_ping, self.since_ping) = (ping.n, 0);
        }
        let pongs = self.pongs.drain(..).map(Frame::Pong);
        let ping = self.ping.take().map(Frame::Ping);
        let ack = self.ack.take().map(|seq| Frame::Ack(wire::Ack { seq }));
        let slots = pongs.chain(ping).chain(ack).map(|frame| wire::ClientFrame { frame: Some(frame) });
        self.frames.extend(slots);
    }

    fn queue(&mut self, call: OutgoingCall, one_way: bool) -> Result<wire::Call, HubError> {
        if let Some(error) = &self.closed {
            return Err(error.clone());
        }
        if self.frames.len() >= CLIENT_OUTBOX_FRAMES {
            return Err(full("too many frames wait for the link"));
        }
        let call = wire::Call {
            id: self.calls.next_id(),
            method: call.method.id,
            deadline_ms: call.deadline_ms,
            one_way,
            within: call.within,
            body: call.body,
        };
        let frame = wire::ClientFrame { frame: Some(Frame::Call(call.clone())) };
        let len = frame_len(&frame);
        if len + DEADLINE_BYTES > CLIENT_BATCH_BYTES {
            return Err(too_large_error(len));
        }
        if self.is_linked {
            self.frames.push_back(frame);
        }
        Ok(call)
    }
}

/// Bytes by which a call may grow when it is sent again: what is left of its deadline, as tag and number.
const DEADLINE_BYTES: usize = 6;

/// Bytes of a frame within a batch: its own and those of tag and length.
fn frame_len(frame: &wire::ClientFrame) -> usize {
    let len = frame.encoded_len();
    1 + prost::length_delimiter_len(len) + len
}

fn full(message: &'static str) -> HubError {
    HubError::new(Code::ResourceExhausted, reason::OUTBOX_FULL, message)
}

fn too_large_error(len: usize) -> HubError {
    let message = format!("{len} bytes, a message may have {CLIENT_BATCH_BYTES}");
    HubError::new(Code::ResourceExhausted, reason::MESSAGE_TOO_LARGE, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Access, LimitClass};

    static METHOD: MethodContract = MethodContract {
        id: 7,
        name: "t.H/M",
        access: Access::Public,
        limit: LimitClass::Play,
        one_way: false,
        concurrent: false,
        deadline_ms: 0,
    };

    fn call(len: usize) -> OutgoingCall {
        OutgoingCall { method: &METHOD, deadline_ms: 0, until_ms: 100, within: None, body: vec![0; len].into() }
    }

    #[test]
    fn messages_stay_within_frames_and_bytes() {
        let mut outbox = ClientOutbox::default();
        let mut sent = 0;
        for len in [0, 10, 1_000, 3_000, 4_000].into_iter().cycle().take(200) {
            outbox.call(call(len)).unwrap();
            sent += 1;
        }
        let mut ids = Vec::new();
        while let Some(batch) = outbox.take() {
            assert!(batch.frames.len() <= CLIENT_BATCH_FRAMES && batch.encoded_len() <= CLIENT_BATCH_BYTES);
            ids.extend(batch.frames.iter().filter_map(|frame| match &frame.frame {
                Some(Frame::Call(call)) => Some(call.id),
                _ => None,
            }));
        }
        assert_eq!(ids, (1..=sent).collect::<Vec<u64>>());
    }

    #[test]
    fn a_call_larger_than_a_message_is_refused_here() {
        let mut outbox = ClientOutbox::default();
        assert_eq!(outbox.call(call(CLIENT_BATCH_BYTES)).unwrap_err().reason, reason::MESSAGE_TOO_LARGE);
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_full_outbox_refuses() {
        let mut outbox = ClientOutbox::default();
        let results: Vec<_> = (0..=CLIENT_CALLS_PENDING).map(|_| outbox.call(call(0))).collect();
        assert!(results.iter().take(CLIENT_CALLS_PENDING).all(Result::is_ok));
        assert_eq!(results.last().unwrap().as_ref().unwrap_err().reason, reason::OUTBOX_FULL);
    }

    #[test]
    fn a_call_that_nobody_awaits_is_cancelled_once() {
        let mut outbox = ClientOutbox::default();
        let (id, _reply) = outbox.call(call(0)).unwrap();
        outbox.cancel(id);
        outbox.cancel(id);
        outbox.complete(id, Ok(Bytes::new()));
        assert_eq!(outbox.take().unwrap().frames.len(), 2);
    }

    #[test]
    fn replies_and_deadlines_reach_their_callers() {
        let mut outbox = ClientOutbox::default();
        let (first, mut first_reply) = outbox.call(call(0)).unwrap();
        let (_, mut second_reply) = outbox.call(OutgoingCall { until_ms: 50, ..call(0) }).unwrap();
        assert_eq!(outbox.next_deadline_ms(), Some(50));
        outbox.expire(50);
        outbox.complete(first, Ok(Bytes::from_static(b"x")));
        assert_eq!(first_reply.try_recv().unwrap(), Ok(Bytes::from_static(b"x")));
        assert_eq!(second_reply.try_recv().unwrap(), Err(HubError::deadline_exceeded()));
    }
}
