//! The server's side of a session.

mod ending;
mod resuming;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::SessionId;
use wire::client_frame::Frame as In;
use wire::server_frame::Frame as Out;

use crate::call::{Arrived, CallTable, CancelOutcome, Finished, HubIndex, QueueFull, RunId, Started};
use crate::clock::Now;
use crate::dispatch::MethodTable;
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::heartbeat::{self, Heartbeat, Rtt};
use crate::limits::{ACCESS_TOKEN_BYTES, BUILD_BYTES, CLIENT_BATCH_FRAMES, RESUME_TOKEN_BYTES, SessionLimits};
use crate::outbox::Outbox;
use crate::ports::Principal;
use crate::resume::Resume;
use ending::Ending;

/// What all sessions of a server share.
#[derive(Debug)]
pub(crate) struct SessionRules {
    pub(crate) limits: SessionLimits,
    /// BLAKE3 of the contracts this server was built with.
    pub(crate) contract: [u8; 32],
    /// Of older contracts that it serves as well.
    pub(crate) released: Vec<[u8; 32]>,
    /// Name and version of this server, for people.
    pub(crate) build: String,
    pub(crate) methods: MethodTable,
    /// Whether lost links are waited for.
    pub(crate) resumes: bool,
}

/// What the driver has to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Verify this token, then [`ServerSession::handle_authenticated`].
    /// A session that is not welcomed yet may want to take up another instead: then [`ServerSession::attach`] that one.
    Authenticate { access_token: String, resume: Option<Resume>, is_renewal: bool },
    /// Run `on_connect`, then [`ServerSession::handle_done`].
    Connect { run: RunId, hub: HubIndex },
    /// Run the call, then [`ServerSession::handle_done`].
    Call(Started),
    /// Run `on_disconnect`, then [`ServerSession::handle_done`].
    Disconnect { run: RunId, hub: HubIndex, reason: EndReason },
    /// The token was renewed.
    Renewed(Principal),
    /// There is a new sample.
    Rtt(Rtt),
    /// The client has the Welcome of this link.
    WelcomeArrived,
    /// The link went silent: [`ServerSession::detach`] or [`ServerSession::end`] it.
    LinkLost(EndReason),
    /// A heartbeat is due: a time to measure.
    Heartbeat,
    /// The session has ended; nothing may be pushed any more.
    Ended(EndReason),
    /// Drop all that runs: it had its time.
    Abandon,
}

/// What the driver knows when a token is good and the session's place is taken.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) principal: Principal,
    pub(crate) channel: Option<wire::Channel>,
    /// Empty: it cannot be resumed.
    pub(crate) resume_token: Bytes,
}

/// What a session goes on with over a new link.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) admitted: Admitted,
    /// The newest sequenced frame that the client has.
    pub(crate) last_seq: u64,
    /// What the new link was to send before the session came to it.
    pub(crate) opening: Vec<wire::ServerFrame>,
    /// What the client said on it after its Hello.
    pub(crate) said: Vec<Option<In>>,
}

#[derive(Debug)]
enum Phase {
    /// Nothing came yet.
    Hello,
    /// The token is being verified; calls wait in their queue.
    Authenticating,
    /// Welcomed.
    Ready,
    /// The same without a link, until when it waits for one.
    Detached { until_ms: u64 },
    /// The client is told; running calls finish and are answered.
    Draining { reason: EndReason, until_ms: u64 },
    /// Nothing goes in or out; calls return, hubs take leave.
    Ending(Ending),
    /// Over.
    Closed,
}

/// The server's side of a session, from the opening of its link to the last `on_disconnect`.
///
/// * `handle_*` tells what happened; frames for the client go into the outbox that is passed in.
/// * [`poll_action`](Self::poll_action) says what to do; call it until it returns `None` after each `handle_*`.
/// * [`poll_timeout`](Self::poll_timeout) says when to call [`handle_timeout`](Self::handle_timeout); it may change with every call.
/// * [`detach`](Self::detach) takes its link away, [`attach`](Self::attach) gives it another.
/// * [`end`](Self::end) ends it; [`is_closed`](Self::is_closed) tells when nothing is left to do.
#[derive(Debug)]
pub(crate) struct ServerSession {
    rules: Arc<SessionRules>,
    phase: Phase,
    principal: Option<Principal>,
    calls: CallTable,
    last_call_id: u64,
    /// The newest call that came over this link. One that has come over an earlier link too is not taken twice.
    link_call_id: u64,
    heartbeat: Heartbeat,
    welcome_has_arrived: bool,
    hello_until_ms: u64,
    token_until_ms: u64,
    age_until_ms: u64,
    is_authenticating: bool,
    /// The newest token that came while another was being verified.
    next_token: Option<String>,
    /// What the client wants to take up, until it is decided.
    resume: Option<Resume>,
    /// What it said meanwhile, in the message of its Hello.
    said: Vec<Option<In>>,
    actions: VecDeque<Action>,
}

impl ServerSession {
    /// Opens: the first frame goes out before anything is read.
    pub(crate) fn open(rules: Arc<SessionRules>, now: Now, out: &mut Outbox) -> Self {
        let limits = rules.limits;
        out.opening(Out::Open(wire::Open {
            server_time_ms: now.wall_ms,
            contract_hash: Bytes::copy_from_slice(&rules.contract),
            heartbeat_ms: limits.heartbeat_ms,
        }));
        Self {
            calls: CallTable::new(rules.methods.hubs(), &limits),
            phase: Phase::Hello,
            principal: None,
            last_call_id: 0,
            link_call_id: 0,
            welcome_has_arrived: false,
            heartbeat: Heartbeat::new(now, limits.heartbeat_ms.into()),
            hello_until_ms: now.mono_ms + limits.hello_ms,
            token_until_ms: u64::MAX,
            age_until_ms: u64::MAX,
            is_authenticating: false,
            next_token: None,
            resume: None,
            said: Vec::new(),
            actions: VecDeque::new(),
            rules,
        }
    }

    /// A message has arrived.
    pub(crate) fn handle_batch(&mut self, now: Now, batch: wire::ClientBatch, out: &mut Outbox) {
        if batch.frames.len() > CLIENT_BATCH_FRAMES {
            let message = format!("{} frames in one message, {CLIENT_BATCH_FRAMES} are allowed", batch.frames.len());
            return self.end(now, HubError::malformed_frame(message).into(), out);
        }
        self.heartbeat.handle_life(now);
        self.handle_frames(now, batch.frames.into_iter().map(|frame| frame.frame), out);
    }

    /// The driver has verified a token, or its issuer refused it.
    pub(crate) fn handle_authenticated(&mut self, now: Now, result: Result<Admitted, HubError>, out: &mut Outbox) {
        self.is_authenticating = false;
        let outcome = match (&self.phase, result) {
            (Phase::Ending(_) | Phase::Closed, _) => return,
            (_, Err(error)) => Err(error),
            (Phase::Hello | Phase::Authenticating, Ok(admitted)) => {
                self.resume = None;
                self.welcome(now, admitted, out);
                let said = std::mem::take(&mut self.said);
                self.handle_frames(now, said, out);
                Ok(())
            }
            (Phase::Ready | Phase::Detached { .. } | Phase::Draining { .. }, Ok(admitted)) => {
                self.renew(now, admitted.principal)
            }
        };
        match outcome {
            Ok(()) => self.authenticate_next(),
            Err(error) => self.end(now, error.into(), out),
        }
    }

    /// A run has returned.
    pub(crate) fn handle_done(&mut self, now: Now, run: RunId, result: Result<Bytes, HubError>, out: &mut Outbox) {
        if let Finished::AnswerDue(id) = self.calls.finish(run) {
            self.answer(now, id, result, out);
        }
        self.advance_ending(now, out);
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Now, out: &mut Outbox) {
        for id in self.calls.expire(now.mono_ms) {
            self.answer(now, id, Err(HubError::deadline_exceeded()), out);
        }
        out.asks.expire(now.mono_ms);
        match self.phase {
            Phase::Hello | Phase::Authenticating => {
                if now.mono_ms >= self.hello_until_ms {
                    let message = "no Welcome within the time for it";
                    self.end(now, EndReason::new(Code::DeadlineExceeded, reason::HELLO_TIMEOUT, message), out);
                }
            }
            Phase::Ready => self.check_life(now, out),
            Phase::Detached { until_ms } => self.check_wait(now, until_ms, out),
            Phase::Draining { .. } | Phase::Ending(_) => self.advance_ending(now, out),
            Phase::Closed => {}
        }
    }

    /// What to do next.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        match self.phase {
            Phase::Ready | Phase::Detached { .. } | Phase::Draining { .. } => self.calls.poll_start().map(Action::Call),
            _ => None,
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due at the latest, in milliseconds of the session's clock.
    pub(crate) fn poll_timeout(&self, out: &Outbox) -> u64 {
        let own = match &self.phase {
            Phase::Hello | Phase::Authenticating => self.hello_until_ms,
            Phase::Ready => self.heartbeat.next_ping_ms().min(self.token_until_ms).min(self.age_until_ms),
            Phase::Detached { until_ms } => (*until_ms).min(self.token_until_ms).min(self.age_until_ms),
            Phase::Draining { until_ms, .. } => *until_ms,
            Phase::Ending(ending) => ending.until_ms(),
            Phase::Closed => u64::MAX,
        };
        let calls = self.calls.next_deadline_ms().unwrap_or(u64::MAX);
        let asks = out.asks.next_deadline_ms().unwrap_or(u64::MAX);
        own.min(calls).min(asks)
    }

    /// Calls that wait for their turn.
    pub(crate) fn calls_waiting(&self) -> usize {
        self.calls.waiting()
    }

    /// Whether it is welcomed and lives.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Whether it is to be decided if the client takes up another session: nothing more is to be read until then.
    pub(crate) fn is_resuming(&self) -> bool {
        self.resume.is_some()
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    fn handle_frames(&mut self, now: Now, frames: impl IntoIterator<Item = Option<In>>, out: &mut Outbox) {
        for frame in frames {
            if self.is_resuming() {
                self.said.push(frame);
            } else if let Err(error) = self.handle_frame(now, frame, out) {
                return self.end(now, error.into(), out);
            }
        }
    }

    fn handle_frame(&mut self, now: Now, frame: Option<In>, out: &mut Outbox) -> Result<(), HubError> {
        let Some(frame) = frame else {
            return Err(HubError::malformed_frame("a frame without content"));
        };
        match (&self.phase, frame) {
            (Phase::Ending(_) | Phase::Closed, _) => Ok(()),
            (Phase::Hello, In::Hello(hello)) => self.hello(*hello),
            (Phase::Hello, _) => {
                let message = "the first frame is not a Hello";
                Err(HubError::new(Code::FailedPrecondition, reason::HELLO_EXPECTED, message))
            }
            (_, In::Hello(_)) => Err(HubError::malformed_frame("a second Hello")),
            (_, In::Call(call)) => self.call(now, call, out),
            (_, In::Cancel(cancel)) => {
                self.cancel(now, cancel.id, out);
                Ok(())
            }
            (_, In::Answer(answer)) => handle_answer(answer, out),
            (_, In::Auth(auth)) => self.auth(auth.access_token),
            (_, In::Ping(ping)) => {
                out.pong(heartbeat::answer(now, &ping));
                Ok(())
            }
            (_, In::Pong(pong)) => {
                self.pong(now, &pong, out);
                Ok(())
            }
            (_, In::Ack(ack)) if ack.seq <= out.last_seq() => {
                out.acknowledged(ack.seq);
                Ok(())
            }
            (_, In::Ack(ack)) => Err(HubError::malformed_frame(format!("Ack of {}, which was never sent", ack.seq))),
        }
    }

    fn hello(&mut self, hello: wire::Hello) -> Result<(), HubError> {
        if hello.build.len() > BUILD_BYTES {
            return Err(HubError::malformed_frame(format!("Hello.build is longer than {BUILD_BYTES} bytes")));
        }
        let served = std::iter::once(&self.rules.contract).chain(&self.rules.released);
        if !served.clone().any(|hash| hash[..] == hello.contract_hash[..]) {
            let served: Vec<String> = served.map(|hash| hex(hash)).collect();
            let message = format!(
                "the client ({}) was built with the hub contracts {}; this server ({}) serves {}",
                hello.build.escape_debug(),
                hex(&hello.contract_hash),
                self.rules.build,
                served.join(", "),
            );
            return Err(HubError::new(Code::FailedPrecondition, reason::CONTRACT_MISMATCH, message));
        }
        let resume = hello.resume_token.filter(|token| !token.is_empty());
        self.resume = match resume {
            Some(token) if token.len() > RESUME_TOKEN_BYTES => {
                let message = format!("a resume token longer than {RESUME_TOKEN_BYTES} bytes");
                return Err(HubError::malformed_frame(message));
            }
            Some(token) => Some(Resume { token, last_seq: hello.last_seq.unwrap_or_default() }),
            None => None,
        };
        self.phase = Phase::Authenticating;
        self.auth(hello.access_token)
    }

    fn auth(&mut self, access_token: String) -> Result<(), HubError> {
        if access_token.len() > ACCESS_TOKEN_BYTES {
            let message = format!("an access token longer than {ACCESS_TOKEN_BYTES} bytes");
            return Err(HubError::malformed_frame(message));
        }
        self.next_token = Some(access_token);
        self.authenticate_next();
        Ok(())
    }

    /// One token is verified at a time; of those that come meanwhile only the newest counts.
    fn authenticate_next(&mut self) {
        if self.is_authenticating {
            return;
        }
        if let Some(access_token) = self.next_token.take() {
            self.is_authenticating = true;
            let (resume, is_renewal) = (self.resume.clone(), self.principal.is_some());
            self.actions.push_back(Action::Authenticate { access_token, resume, is_renewal });
        }
    }

    fn welcome(&mut self, now: Now, admitted: Admitted, out: &mut Outbox) {
        let principal = admitted.principal;
        let limits = &self.rules.limits;
        out.opening(Out::Welcome(self.welcome_frame(admitted, false).into()));
        self.principal = Some(principal);
        self.token_until_ms = expiry(now, &principal);
        self.age_until_ms = now.mono_ms + age_ms(limits.age_ms, &principal.session);
        self.heartbeat = Heartbeat::new(now, limits.heartbeat_ms.into());
        self.phase = Phase::Ready;
        for hub in (0..self.rules.methods.hubs()).map(HubIndex) {
            let run = self.calls.begin(hub);
            self.actions.push_back(Action::Connect { run, hub });
        }
        self.ping(now, out);
    }

    fn welcome_frame(&self, admitted: Admitted, resumed: bool) -> wire::Welcome {
        wire::Welcome {
            session_id: Bytes::copy_from_slice(&admitted.principal.session.0),
            resume_token: admitted.resume_token,
            resumed,
            last_call_id: self.last_call_id,
            channel: admitted.channel,
        }
    }

    fn renew(&mut self, now: Now, renewed: Principal) -> Result<(), HubError> {
        if self.principal.is_some_and(|own| own.account != renewed.account || own.epoch != renewed.epoch) {
            let message = "the token is that of another login";
            return Err(HubError::new(Code::Unauthenticated, reason::TOKEN_FOREIGN, message));
        }
        self.token_until_ms = expiry(now, &renewed);
        self.principal = Some(renewed);
        self.actions.push_back(Action::Renewed(renewed));
        Ok(())
    }

    fn call(&mut self, now: Now, call: wire::Call, out: &mut Outbox) -> Result<(), HubError> {
        if call.id <= self.link_call_id {
            let message = format!("call {} after call {}: ids rise", call.id, self.link_call_id);
            return Err(HubError::malformed_frame(message));
        }
        self.link_call_id = call.id;
        if call.id <= self.last_call_id {
            // It came over an earlier link: it still runs, or its reply is among what was replayed.
            return Ok(());
        }
        self.last_call_id = call.id;
        let (id, one_way) = (call.id, call.one_way);
        let refusal = match self.admit(now, call, out) {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        crate::metrics::unqueued(refusal.code, one_way);
        if one_way {
            out.one_way_refused();
        } else {
            self.answer(now, id, Err(refusal), out);
        }
        Ok(())
    }

    fn admit(&mut self, now: Now, call: wire::Call, out: &Outbox) -> Result<(), HubError> {
        if let Phase::Draining { reason, .. } = &self.phase {
            return Err(reason.into());
        }
        let (hub, method) =
            self.rules.methods.find(call.method).ok_or_else(|| HubError::unknown_method(call.method))?;
        let limits = &self.rules.limits;
        let wanted = [call.deadline_ms, method.deadline_ms, limits.default_deadline_ms];
        let deadline = wanted.into_iter().find(|ms| *ms > 0).unwrap_or_default().min(limits.longest_deadline_ms);
        let arrived = Arrived {
            id: call.id,
            hub,
            method,
            one_way: call.one_way,
            deadline_ms: now.mono_ms + u64::from(deadline),
            arrived_ms: now.mono_ms,
            within: call.within.and_then(|ask| Some((ask, out.asks.asker(ask)?))),
            body: call.body,
        };
        self.calls.admit(arrived).map_err(|QueueFull| {
            let message = format!("{} calls wait already", self.rules.limits.call_queue);
            HubError::new(Code::ResourceExhausted, reason::CALL_QUEUE_FULL, message)
        })
    }

    fn cancel(&mut self, now: Now, id: u64, out: &mut Outbox) {
        if self.calls.cancel(id) == CancelOutcome::Withdrawn(true) {
            let error = HubError::new(Code::Cancelled, reason::CANCELLED, "cancelled before it began");
            self.answer(now, id, Err(error), out);
        }
    }

    fn answer(&mut self, now: Now, id: u64, result: Result<Bytes, HubError>, out: &mut Outbox) {
        let is_over = matches!(self.phase, Phase::Ending(_) | Phase::Closed);
        if !is_over && let Err(overflow) = out.reply(id, result) {
            self.end(now, overflow.end_reason(), out);
        }
    }

    fn pong(&mut self, now: Now, pong: &wire::Pong, out: &mut Outbox) {
        let Some(rtt) = self.heartbeat.handle_pong(now, pong) else { return };
        out.pinged(pong.n);
        self.actions.push_back(Action::Rtt(rtt));
        // The first ping of a link goes out behind its Welcome.
        if !std::mem::replace(&mut self.welcome_has_arrived, true) {
            self.actions.push_back(Action::WelcomeArrived);
        }
    }

    /// Heartbeat, silence, a client that does not read, token, age.
    fn check_life(&mut self, now: Now, out: &mut Outbox) {
        let limits = &self.rules.limits;
        let silence_ms = self.heartbeat.silence_ms(now);
        if silence_ms >= limits.silence_ms {
            self.actions
                .push_back(Action::LinkLost(EndReason::link_lost(format!("nothing was heard for {silence_ms} ms"))));
        } else if out.age_ms(now.mono_ms) > limits.write_ms {
            self.end(now, EndReason::slow_consumer(), out);
        } else if !self.check_age(now, out) {
            self.ping(now, out);
        }
    }

    /// Whether token or age have ended it.
    fn check_age(&mut self, now: Now, out: &mut Outbox) -> bool {
        let end = if now.mono_ms >= self.token_until_ms {
            EndReason::token_expired()
        } else if now.mono_ms >= self.age_until_ms {
            EndReason::too_old()
        } else {
            return false;
        };
        self.end(now, end, out);
        true
    }

    fn ping(&mut self, now: Now, out: &mut Outbox) {
        if let Some(ping) = self.heartbeat.poll_ping(now) {
            self.actions.push_back(Action::Heartbeat);
            out.ping(ping);
        }
    }
}

fn handle_answer(answer: wire::Answer, out: &mut Outbox) -> Result<(), HubError> {
    let result = match answer.result {
        Some(wire::answer::Result::Body(body)) => Ok(body),
        Some(wire::answer::Result::Error(error)) => Err((*error).into()),
        None => return Err(HubError::malformed_frame("an Answer with neither body nor error")),
    };
    out.asks.answer(answer.id, result);
    Ok(())
}

/// By the monotonic clock, so that a jump of the other ends nobody's session.
fn expiry(now: Now, principal: &Principal) -> u64 {
    now.mono_ms.saturating_add(principal.expires_at_ms.saturating_sub(now.wall_ms))
}

/// The age give or take a tenth, by the session's id: a wave of logins does not come back as a wave.
fn age_ms(mean_ms: u64, session: &SessionId) -> u64 {
    mean_ms - mean_ms / 10 + spread(session, mean_ms / 5)
}

/// A number below `range` that is always the same for a session and even over many.
pub(crate) fn spread(session: &SessionId, range: u64) -> u64 {
    // FNV-1a with 64 bits (Fowler, Noll, Vo).
    let hash = session
        .0
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    if range == 0 { 0 } else { hash % range }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect()
}
