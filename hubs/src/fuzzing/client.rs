//! The life of a client session.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;
use shallot_proto::hub::v1 as wire;
use tokio::sync::oneshot::error::TryRecvError;
use wire::client_frame::Frame as Out;
use wire::server_frame::Frame as In;

use super::tape::Tape;
use crate::client::OnSessionLost;
use crate::client::calls::Reply;
use crate::client::outbox::{ClientOutbox, OutgoingCall};
use crate::clock::Now;
use crate::contract::{Access, LimitClass, MethodContract};
use crate::end::EndReason;
use crate::limits::{CLIENT_BATCH_BYTES, CLIENT_BATCH_FRAMES, CLIENT_CALLS_PENDING};
use crate::link::LinkError;
use crate::session::client::{ClientSession, Event, Opening};

static METHOD: MethodContract = MethodContract {
    id: 1,
    name: "fuzzing",
    access: Access::Player,
    limit: LimitClass::Play,
    one_way: false,
    concurrent: false,
    deadline_ms: 0,
};

/// A push that says its own number, so that one handed on twice or out of order is seen.
const NUMBERED: u32 = 0x5af1_0001;

/// Lives through the tape.
pub fn client_session(bytes: &[u8]) {
    let mut life = Life::begin();
    let mut tape = Tape::new(bytes);
    while !tape.is_over() && !life.core.is_closed() {
        life.step(&mut tape);
    }
    life.finish();
}

struct Life {
    core: ClientSession,
    out: ClientOutbox,
    now: Now,
    calls: BTreeMap<u64, Reply>,
    /// Everything that was called, and not one-way.
    called: BTreeSet<u64>,
    /// Questions that the driver is answering.
    asked: Vec<u64>,
    answered: BTreeMap<u64, u32>,
    said_hello: bool,
    last_call: u64,
    /// The newest frame of the server's sequence that was said.
    said_seq: u64,
    last_ack: u64,
    /// The newest numbered push that reached a receiver.
    handed_on: u64,
    is_welcomed: bool,
    is_ended: bool,
}

impl Life {
    fn begin() -> Self {
        let now = Now { mono_ms: 1_000, wall_ms: 1_000_000 };
        let mut out = ClientOutbox::default();
        let opening = Opening { hello: wire::Hello::default(), on_lost: OnSessionLost::End, jitter_seed: 1 };
        Self {
            core: ClientSession::open(now, opening, &mut out),
            out,
            now,
            calls: BTreeMap::new(),
            called: BTreeSet::new(),
            asked: Vec::new(),
            answered: BTreeMap::new(),
            said_hello: false,
            last_call: 0,
            said_seq: 0,
            last_ack: 0,
            handed_on: 0,
            is_welcomed: false,
            is_ended: false,
        }
    }

    fn step(&mut self, tape: &mut Tape<'_>) {
        match tape.byte() % 32 {
            0..=9 => self.message(tape),
            10 => self.noise(tape),
            11..=13 => self.pass(u64::from(tape.byte()) * 20),
            14 => self.pass(u64::from(tape.byte()) * 200),
            15..=19 => self.call(tape),
            20 => self.send(tape),
            21 | 22 => self.give_up(tape),
            23 | 24 => self.answer(tape),
            25..=28 => self.take(),
            29 => self.out.control(Out::Auth(wire::Auth { access_token: tape.text(12) })),
            30 if tape.one_in(8) => self.core.end(self.now, EndReason::client_left(), &mut self.out),
            31 if tape.one_in(8) => {
                self.core.handle_link_closed(self.now, EndReason::link_lost("cut"), &mut self.out);
            }
            _ => {}
        }
        self.act();
    }

    fn message(&mut self, tape: &mut Tape<'_>) {
        let frames = (0..=tape.below(4)).map(|_| wire::ServerFrame { frame: self.frame(tape) }).collect();
        self.core.handle_batch(self.now, wire::ServerBatch { frames }, &mut self.out);
    }

    fn seq(&mut self, tape: &mut Tape<'_>) -> u64 {
        let seq = if tape.one_in(8) { tape.near(self.said_seq) } else { self.said_seq + 1 };
        // What comes after a gap is not taken.
        if seq == self.said_seq + 1 {
            self.said_seq = seq;
        }
        seq
    }

    fn frame(&mut self, tape: &mut Tape<'_>) -> Option<In> {
        if !self.is_welcomed && tape.one_in(2) {
            let session_id = tape.bytes(17);
            return Some(In::Welcome(wire::Welcome { session_id, ..wire::Welcome::default() }.into()));
        }
        Some(match tape.byte() % 24 {
            0..=6 => {
                let (seq, result) = (self.seq(tape), reply(tape));
                In::Reply(wire::Reply { seq, id: tape.near(self.last_call), result })
            }
            7..=9 => {
                let seq = self.seq(tape);
                In::Push(wire::Push { seq, method: NUMBERED, body: Bytes::copy_from_slice(&seq.to_be_bytes()) })
            }
            10 => In::Push(wire::Push { seq: 0, method: 2, body: tape.body(64) }),
            11..=13 => {
                let (seq, id) = (self.seq(tape), u64::from(tape.byte()));
                In::Ask(wire::Ask { seq, id, method: 3, deadline_ms: 10, body: tape.body(64) })
            }
            14 => In::Dropped(wire::Dropped { count: u32::from(tape.byte()) }),
            15 => {
                let (seq, group) = (self.seq(tape), tape.text(8));
                In::GroupGap(wire::GroupGap { seq, group, from: tape.near(1), to: tape.near(2) })
            }
            16 | 17 => In::Ping(wire::Ping { n: u32::from(tape.byte()), sender_time_ms: tape.near(0) }),
            18 | 19 => {
                let n = u32::from(tape.byte() % 8);
                In::Pong(wire::Pong { n, echo_time_ms: tape.near(0), answerer_time_ms: tape.near(1_000_000) })
            }
            20 => In::Open(wire::Open {
                heartbeat_ms: u32::try_from(tape.near(5_000)).unwrap_or(u32::MAX),
                ..wire::Open::default()
            }),
            21 if tape.one_in(8) => {
                In::GoAway(wire::GoAway { code: u32::from(tape.byte() % 32), ..wire::GoAway::default() }.into())
            }
            22 => In::Welcome(Box::default()),
            _ => return None,
        })
    }

    fn noise(&mut self, tape: &mut Tape<'_>) {
        match wire::ServerBatch::decode(tape.bytes(64)) {
            Ok(mut batch) => {
                batch.frames.retain(|frame| !matches!(&frame.frame, Some(In::Push(push)) if push.method == NUMBERED));
                let seqs = batch.frames.iter().filter_map(|frame| match &frame.frame {
                    Some(In::Reply(reply)) => Some(reply.seq),
                    Some(In::Push(push)) => Some(push.seq),
                    Some(In::Ask(ask)) => Some(ask.seq),
                    Some(In::GroupGap(gap)) => Some(gap.seq),
                    _ => None,
                });
                self.said_seq = seqs.fold(self.said_seq, |said, seq| if seq == said + 1 { seq } else { said });
                self.core.handle_batch(self.now, batch, &mut self.out);
            }
            Err(error) => {
                let end = LinkError::Malformed(error.to_string()).end_reason();
                self.core.handle_link_closed(self.now, end, &mut self.out);
            }
        }
    }

    fn pass(&mut self, ms: u64) {
        let target = self.now.mono_ms + ms;
        loop {
            let due = self.core.poll_timeout(&self.out);
            let at = due.clamp(self.now.mono_ms, target);
            self.now.wall_ms += at - self.now.mono_ms;
            self.now.mono_ms = at;
            if due > target {
                return;
            }
            self.core.handle_timeout(self.now, &mut self.out);
            self.act();
            let next = self.core.poll_timeout(&self.out);
            assert!(next > at, "woken at {at} it wants to be woken at {next} again");
        }
    }

    fn outgoing(&self, tape: &mut Tape<'_>) -> OutgoingCall {
        let large = CLIENT_BATCH_BYTES - 40 + usize::from(tape.byte() % 64);
        OutgoingCall {
            method: &METHOD,
            deadline_ms: 0,
            until_ms: self.now.mono_ms + 1 + u64::from(tape.byte()) * 20,
            within: tape.one_in(4).then(|| u64::from(tape.byte())),
            body: tape.body(large),
        }
    }

    fn call(&mut self, tape: &mut Tape<'_>) {
        let call = self.outgoing(tape);
        if let Ok((id, reply)) = self.out.call(call) {
            assert!(!self.is_ended, "a call was taken after the end");
            assert!(self.called.insert(id), "an id was given twice");
            self.calls.insert(id, reply);
        }
    }

    fn send(&mut self, tape: &mut Tape<'_>) {
        let call = self.outgoing(tape);
        // A refusal is an answer too.
        let _ = self.out.send(call);
    }

    /// A caller goes without waiting for its reply.
    fn give_up(&mut self, tape: &mut Tape<'_>) {
        let at = tape.below(self.calls.len());
        if let Some(id) = self.calls.keys().nth(at).copied() {
            self.calls.remove(&id);
            self.out.cancel(id);
        }
    }

    fn answer(&mut self, tape: &mut Tape<'_>) {
        if let Some(id) = self.asked.pop() {
            self.core.handle_answer(id, tape.result(CLIENT_BATCH_BYTES), &mut self.out);
            *self.answered.entry(id).or_default() += 1;
        }
    }

    /// Does what the machine says, as a driver would.
    fn act(&mut self) {
        while let Some(event) = self.core.poll_event() {
            match event {
                Event::Welcome(_) => assert!(!std::mem::replace(&mut self.is_welcomed, true), "welcomed twice"),
                Event::Ask { id, .. } => self.asked.push(id),
                Event::Ended(_) => assert!(!std::mem::replace(&mut self.is_ended, true), "ended twice"),
                Event::Push { method: NUMBERED, body } => {
                    let seq = body.as_ref().try_into().map_or(0, u64::from_be_bytes);
                    assert!(seq == 0 || seq > self.handed_on, "push {seq} after {}", self.handed_on);
                    self.handed_on = self.handed_on.max(seq);
                }
                Event::Push { .. } | Event::Dropped(_) | Event::GroupGap(_) | Event::Rtt(..) => {}
                // A server that gives no resume token is not come back to.
                Event::LinkLost | Event::Dial(_) | Event::HangUp | Event::SessionLost => {
                    assert!(!self.is_welcomed && self.is_ended, "{event:?}");
                }
            }
        }
        self.calls.retain(|_, reply| reply.try_recv() == Err(TryRecvError::Empty));
        assert!(self.calls.len() <= CLIENT_CALLS_PENDING);
    }

    /// The link takes what waits.
    fn take(&mut self) {
        let Some(batch) = self.out.take() else { return };
        assert!(batch.frames.len() <= CLIENT_BATCH_FRAMES);
        assert!(batch.encoded_len() <= CLIENT_BATCH_BYTES, "{} bytes", batch.encoded_len());
        for frame in batch.frames.into_iter().filter_map(|frame| frame.frame) {
            self.said(&frame);
        }
    }

    fn said(&mut self, frame: &Out) {
        assert_eq!(
            std::mem::replace(&mut self.said_hello, true),
            !matches!(frame, Out::Hello(_)),
            "Hello is first, once"
        );
        match frame {
            Out::Call(call) => {
                assert!(call.id > self.last_call, "call ids rise");
                self.last_call = call.id;
            }
            Out::Cancel(cancel) => assert!(self.called.contains(&cancel.id), "a cancel of nothing"),
            Out::Answer(answer) => {
                let left = self.answered.get_mut(&answer.id).filter(|left| **left > 0);
                assert!(left.is_some(), "an answer that nobody gave");
                left.into_iter().for_each(|left| *left -= 1);
            }
            Out::Ack(ack) => {
                assert!(ack.seq >= self.last_ack && ack.seq <= self.said_seq, "an Ack of what never came");
                self.last_ack = ack.seq;
            }
            _ => {}
        }
    }

    /// The link is cut: nobody is left waiting.
    fn finish(mut self) {
        self.core.handle_link_closed(self.now, EndReason::link_lost("cut"), &mut self.out);
        self.act();
        assert!(self.core.is_closed() && self.is_ended);
        assert!(self.calls.is_empty(), "calls are left without an outcome: {:?}", self.calls.keys());
        while !self.out.is_empty() {
            self.take();
        }
    }
}

fn reply(tape: &mut Tape<'_>) -> Option<wire::reply::Result> {
    match tape.byte() % 16 {
        0 => None,
        1..=3 => Some(wire::reply::Result::Error(tape.error().into())),
        _ => Some(wire::reply::Result::Body(tape.body(64))),
    }
}
