//! What a client session sends and what it awaits: calls in order, their replies by id. Without IO and without a clock.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use prost::Message as _;
use shallot_proto::hub::v1 as wire;
use tokio::sync::oneshot;
use wire::client_frame::Frame;

use crate::contract::MethodContract;
use crate::error::{Code, HubError, reason};
use crate::limits::{
    CLIENT_BATCH_BYTES, CLIENT_BATCH_FRAMES, CLIENT_CALLS_PENDING, CLIENT_OUTBOX_FRAMES, FRAME_OVERHEAD_BYTES,
    PONGS_WAITING,
};

/// What a caller awaits.
pub(crate) type Reply = oneshot::Receiver<Result<Bytes, HubError>>;

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

#[derive(Debug)]
struct Pending {
    until_ms: u64,
    reply: oneshot::Sender<Result<Bytes, HubError>>,
}

/// See the module's doc.
#[derive(Debug, Default)]
pub(crate) struct ClientOutbox {
    frames: VecDeque<wire::ClientFrame>,
    ping: Option<wire::Ping>,
    pongs: Vec<wire::Pong>,
    ack: Option<u64>,
    last_call_id: u64,
    pending: HashMap<u64, Pending>,
    /// Why nothing is taken any more.
    closed: Option<HubError>,
}

impl ClientOutbox {
    /// Queues a call; its id and what to await.
    pub(crate) fn call(&mut self, call: OutgoingCall) -> Result<(u64, Reply), HubError> {
        if self.pending.len() >= CLIENT_CALLS_PENDING {
            return Err(full("too many calls await their reply already"));
        }
        let until_ms = call.until_ms;
        let id = self.queue(call, false)?;
        let (reply, awaited) = oneshot::channel();
        self.pending.insert(id, Pending { until_ms, reply });
        Ok((id, awaited))
    }

    /// Queues a call that is not answered.
    pub(crate) fn send(&mut self, call: OutgoingCall) -> Result<(), HubError> {
        self.queue(call, true).map(drop)
    }

    /// A reply has come; one that nobody awaits any more is forgotten.
    pub(crate) fn complete(&mut self, id: u64, result: Result<Bytes, HubError>) {
        if let Some(pending) = self.pending.remove(&id) {
            // The caller may have gone between.
            let _ = pending.reply.send(result);
        }
    }

    /// Nobody awaits the call any more: the server is told, unless it has answered.
    pub(crate) fn cancel(&mut self, id: u64) {
        if self.pending.remove(&id).is_some() && self.closed.is_none() {
            self.control(Frame::Cancel(wire::Cancel { id }));
        }
    }

    /// Gives up what is past its deadline; the server has the same deadline and needs no telling.
    pub(crate) fn expire(&mut self, mono_ms: u64) {
        let expired = self.pending.extract_if(|_, pending| pending.until_ms <= mono_ms);
        expired.for_each(|(_, pending)| drop(pending.reply.send(Err(HubError::deadline_exceeded()))));
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        self.pending.values().map(|pending| pending.until_ms).min()
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
            Err(error) => wire::answer::Result::Error(error.into()),
        };
        self.control(Frame::Answer(wire::Answer { id, result: Some(result) }));
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
        self.pending.drain().for_each(|(_, pending)| drop(pending.reply.send(Err(error.clone()))));
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
            batch.frames.extend(self.frames.pop_front());
        }
        (!batch.frames.is_empty()).then_some(batch)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.pongs.is_empty() && self.ping.is_none() && self.ack.is_none()
    }

    /// Whether nothing more will be sent. While a reply is under way the link stays open at this end.
    pub(crate) fn is_finished(&self) -> bool {
        self.closed.is_some() && self.is_empty() && self.pending.is_empty()
    }

    fn queue_slots(&mut self) {
        let pongs = self.pongs.drain(..).map(Frame::Pong);
        let ping = self.ping.take().map(Frame::Ping);
        let ack = self.ack.take().map(|seq| Frame::Ack(wire::Ack { seq }));
        let slots = pongs.chain(ping).chain(ack).map(|frame| wire::ClientFrame { frame: Some(frame) });
        self.frames.extend(slots);
    }

    fn queue(&mut self, call: OutgoingCall, one_way: bool) -> Result<u64, HubError> {
        if let Some(error) = &self.closed {
            return Err(error.clone());
        }
        if self.frames.len() >= CLIENT_OUTBOX_FRAMES {
            return Err(full("too many frames wait for the link"));
        }
        let id = self.last_call_id + 1;
        let frame = wire::ClientFrame {
            frame: Some(Frame::Call(wire::Call {
                id,
                method: call.method.id,
                deadline_ms: call.deadline_ms,
                one_way,
                within: call.within,
                body: call.body,
            })),
        };
        let len = frame_len(&frame);
        if len > CLIENT_BATCH_BYTES {
            return Err(too_large_error(len));
        }
        self.last_call_id = id;
        self.frames.push_back(frame);
        Ok(id)
    }
}

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
