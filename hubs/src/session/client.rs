//! The client's side of a session.

mod reconnecting;

use std::collections::VecDeque;

use bytes::Bytes;
use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Out;
use wire::server_frame::Frame as In;

use crate::client::OnSessionLost;
use crate::client::backoff::Backoff;
use crate::client::outbox::ClientOutbox;
use crate::clock::Now;
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::heartbeat::{self, Heartbeat, Rtt};
use crate::limits::{ACK_DELAY_MS, ACK_EVERY_FRAMES, CLIENT_CLOSE_MS, CLIENT_SILENT_HEARTBEATS, CLIENT_WELCOME_MS};

/// What the driver has to do.
#[derive(Debug)]
pub(crate) enum Event {
    /// The server takes the session, or takes it up again.
    Welcome(wire::Welcome),
    /// The link is lost; the next comes of itself.
    LinkLost,
    /// Open another link, and begin it with this Hello and a fresh access token; then [`ClientSession::handle_dialed`].
    Dial(wire::Hello),
    /// That took too long: give it up.
    HangUp,
    /// The server has no such session any more; the one that is welcomed next is another.
    SessionLost,
    /// Hand a push to its receiver.
    Push { method: u32, body: Bytes },
    /// Ask a receiver, then [`ClientSession::handle_answer`].
    /// The server gives it up after so many milliseconds.
    Ask { id: u64, method: u32, deadline_ms: u32, body: Bytes },
    /// One-way calls that the server refused.
    Dropped(u32),
    /// Pushes to a group that cannot be had.
    GroupGap(wire::GroupGap),
    /// There is a new sample; the offset of the server's clock with it.
    Rtt(Rtt, Option<i64>),
    /// The session is over; replies to running calls may still come until the link closes.
    Ended(EndReason),
}

/// What a session begins with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) hello: wire::Hello,
    pub(crate) on_lost: OnSessionLost,
    pub(crate) jitter_seed: u64,
}

#[derive(Debug)]
enum Phase {
    /// Hello is on its way.
    Opening,
    Ready,
    /// The link is lost: when to try another.
    Waiting {
        until_ms: u64,
    },
    /// A link is being opened, and its Welcome awaited: until when.
    Dialing {
        until_ms: u64,
        is_open: bool,
    },
    /// Over, while the link is still open: until when it may stay so.
    Closing(EndReason, u64),
    Closed,
}

/// The client's side of a session, from Hello to the end, over as many links as that takes.
///
/// `handle_*` tells what happened, [`poll_event`](Self::poll_event) says what came of it, [`poll_timeout`](Self::poll_timeout) when
/// to call [`handle_timeout`](Self::handle_timeout).
#[derive(Debug)]
pub(crate) struct ClientSession {
    phase: Phase,
    heartbeat: Heartbeat,
    silence_ms: u64,
    welcome_until_ms: u64,
    /// What each Hello says beside the tokens.
    hello: wire::Hello,
    /// Of the newest Welcome; empty: the session cannot be resumed.
    resume_token: Bytes,
    on_lost: OnSessionLost,
    backoff: Backoff,
    /// When the session is given up, while there is no link.
    give_up_ms: u64,
    last_seq: u64,
    unacknowledged: u32,
    ack_due_ms: Option<u64>,
    events: VecDeque<Event>,
}

impl ClientSession {
    /// Says Hello.
    pub(crate) fn open(now: Now, opening: Opening, out: &mut ClientOutbox) -> Self {
        let Opening { hello, on_lost, jitter_seed } = opening;
        out.control(Out::Hello(hello.clone().into()));
        Self {
            phase: Phase::Opening,
            heartbeat: Heartbeat::new(now, CLIENT_WELCOME_MS),
            silence_ms: CLIENT_WELCOME_MS,
            welcome_until_ms: now.mono_ms + CLIENT_WELCOME_MS,
            hello: wire::Hello { access_token: String::new(), ..hello },
            resume_token: Bytes::new(),
            on_lost,
            backoff: Backoff::new(jitter_seed),
            give_up_ms: u64::MAX,
            last_seq: 0,
            unacknowledged: 0,
            ack_due_ms: None,
            events: VecDeque::new(),
        }
    }

    /// A message has arrived.
    pub(crate) fn handle_batch(&mut self, now: Now, batch: wire::ServerBatch, out: &mut ClientOutbox) {
        self.heartbeat.handle_life(now);
        // A frame of a kind that is newer than this client is left out: additive change must not break it.
        for frame in batch.frames.into_iter().filter_map(|frame| frame.frame) {
            if let Err(error) = self.handle_frame(now, frame, out) {
                return self.end(now, error.into(), out);
            }
        }
        if self.unacknowledged >= ACK_EVERY_FRAMES {
            self.acknowledge(out);
        }
    }

    /// A receiver has answered the server's question.
    pub(crate) fn handle_answer(&mut self, id: u64, result: Result<Bytes, HubError>, out: &mut ClientOutbox) {
        if !matches!(self.phase, Phase::Closed) {
            out.answer(id, result);
        }
    }

    /// The link gives no more messages.
    pub(crate) fn handle_link_closed(&mut self, now: Now, reason: EndReason, out: &mut ClientOutbox) {
        if reason.reason == reason::LINK_LOST && self.can_resume() {
            return self.lose_link(now, reason, out);
        }
        self.end(now, reason, out);
        self.phase = Phase::Closed;
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Now, out: &mut ClientOutbox) {
        out.expire(now.mono_ms);
        match &self.phase {
            Phase::Opening if now.mono_ms >= self.welcome_until_ms => {
                let message = "no Welcome within the time for it";
                self.end(now, EndReason::new(Code::DeadlineExceeded, reason::HELLO_TIMEOUT, message), out);
            }
            Phase::Ready if self.heartbeat.silence_ms(now) >= self.silence_ms => {
                self.handle_link_closed(now, EndReason::link_lost("nothing was heard of the server"), out);
            }
            Phase::Ready => {
                if self.ack_due_ms.is_some_and(|due| due <= now.mono_ms) {
                    self.acknowledge(out);
                }
                if out.wants_ping() {
                    self.heartbeat.hurry(now);
                }
                if let Some(ping) = self.heartbeat.poll_ping(now) {
                    out.ping(ping);
                }
            }
            Phase::Waiting { until_ms } if now.mono_ms >= *until_ms => self.dial(now),
            Phase::Dialing { until_ms, .. } if now.mono_ms >= *until_ms => {
                self.events.push_back(Event::HangUp);
                self.lose_link(now, EndReason::link_lost("no link came about in time"), out);
            }
            Phase::Closing(reason, until_ms) if now.mono_ms >= *until_ms => {
                let reason = reason.clone();
                self.handle_link_closed(now, reason, out);
            }
            _ => {}
        }
    }

    /// Ends the session from this end, or for what arrived; the first reason counts. No call is answered any more.
    pub(crate) fn end(&mut self, now: Now, reason: EndReason, out: &mut ClientOutbox) {
        let has_link = !matches!(self.phase, Phase::Waiting { .. } | Phase::Dialing { is_open: false, .. });
        self.handle_go_away(now, reason, out);
        if let Phase::Closing(reason, _) = &self.phase {
            out.fail_all(&HubError::from(reason));
            if !has_link {
                self.events.push_back(Event::HangUp);
                self.phase = Phase::Closed;
            }
        }
    }

    /// The server ends the session: no new calls; those under way may still be answered until the link closes.
    fn handle_go_away(&mut self, now: Now, reason: EndReason, out: &mut ClientOutbox) {
        if matches!(self.phase, Phase::Closing(..) | Phase::Closed) {
            return;
        }
        out.close(&HubError::from(&reason));
        self.events.push_back(Event::Ended(reason.clone()));
        self.phase = Phase::Closing(reason, now.mono_ms + CLIENT_CLOSE_MS);
    }

    /// What came of it.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due at the latest.
    pub(crate) fn poll_timeout(&self, out: &ClientOutbox) -> u64 {
        let own = match &self.phase {
            Phase::Opening => self.welcome_until_ms,
            Phase::Ready if out.wants_ping() => 0,
            Phase::Ready => self.heartbeat.next_ping_ms().min(self.ack_due_ms.unwrap_or(u64::MAX)),
            Phase::Waiting { until_ms } | Phase::Dialing { until_ms, .. } => *until_ms,
            Phase::Closing(_, until_ms) => *until_ms,
            Phase::Closed => u64::MAX,
        };
        own.min(out.next_deadline_ms().unwrap_or(u64::MAX))
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    fn handle_frame(&mut self, now: Now, frame: In, out: &mut ClientOutbox) -> Result<(), HubError> {
        match frame {
            In::Open(open) => self.opened(now, &open),
            In::Welcome(welcome) => self.welcomed(now, *welcome, out),
            In::Reply(reply) => {
                if self.is_next(now, reply.seq)? {
                    out.complete(reply.id, reply_result(reply.result));
                }
            }
            In::Push(push) => {
                if push.seq == 0 || self.is_next(now, push.seq)? {
                    self.events.push_back(Event::Push { method: push.method, body: push.body });
                }
            }
            In::Ask(ask) => {
                if self.is_next(now, ask.seq)? {
                    let wire::Ask { id, method, deadline_ms, body, .. } = ask;
                    self.events.push_back(Event::Ask { id, method, deadline_ms, body });
                }
            }
            In::Dropped(dropped) => self.events.push_back(Event::Dropped(dropped.count)),
            In::GroupGap(gap) => {
                if self.is_next(now, gap.seq)? {
                    self.events.push_back(Event::GroupGap(gap));
                }
            }
            In::Ping(ping) => out.pong(heartbeat::answer(now, &ping)),
            In::Pong(pong) => {
                out.pinged(pong.n);
                if let Some(rtt) = self.heartbeat.handle_pong(now, &pong) {
                    self.events.push_back(Event::Rtt(rtt, self.heartbeat.offset_ms()));
                }
            }
            In::GoAway(go_away) if matches!(self.phase, Phase::Dialing { .. }) => {
                self.handle_dialed(now, Err((*go_away).into()), out);
            }
            In::GoAway(go_away) => self.handle_go_away(now, (*go_away).into(), out),
        }
        Ok(())
    }

    fn opened(&mut self, now: Now, open: &wire::Open) {
        if open.heartbeat_ms > 0 {
            self.heartbeat = Heartbeat::new(now, open.heartbeat_ms.into());
            self.silence_ms = u64::from(open.heartbeat_ms) * CLIENT_SILENT_HEARTBEATS;
        }
    }

    fn welcomed(&mut self, now: Now, welcome: wire::Welcome, out: &mut ClientOutbox) {
        match self.phase {
            Phase::Opening => self.ready(welcome),
            Phase::Dialing { is_open: true, .. } => self.welcomed_again(now, welcome, out),
            _ => {}
        }
    }

    fn ready(&mut self, welcome: wire::Welcome) {
        self.resume_token = welcome.resume_token.clone();
        self.phase = Phase::Ready;
        self.events.push_back(Event::Welcome(welcome));
    }

    /// Whether a sequenced frame is new. One that came before is not taken twice; one that is missing cannot be made up for.
    fn is_next(&mut self, now: Now, seq: u64) -> Result<bool, HubError> {
        if seq <= self.last_seq {
            return Ok(false);
        }
        if seq != self.last_seq + 1 {
            let message = format!("frame {seq} after frame {}", self.last_seq);
            return Err(HubError::malformed_frame(message));
        }
        self.last_seq = seq;
        self.unacknowledged += 1;
        self.ack_due_ms.get_or_insert(now.mono_ms + ACK_DELAY_MS);
        Ok(true)
    }

    fn acknowledge(&mut self, out: &mut ClientOutbox) {
        out.acknowledge(self.last_seq);
        self.unacknowledged = 0;
        self.ack_due_ms = None;
    }
}

fn reply_result(result: Option<wire::reply::Result>) -> Result<Bytes, HubError> {
    match result {
        Some(wire::reply::Result::Body(body)) => Ok(body),
        Some(wire::reply::Result::Error(error)) => Err((*error).into()),
        None => Err(HubError::new(Code::Internal, reason::MALFORMED_REPLY, "a reply with neither body nor error")),
    }
}
