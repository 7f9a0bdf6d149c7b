//! The life of a server session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::{AccountId, SessionEpoch, SessionId};
use tokio::sync::oneshot::error::TryRecvError;
use wire::client_frame::Frame as In;
use wire::server_frame::Frame as Out;

use super::tape::Tape;
use crate::ask::Answer;
use crate::call::RunId;
use crate::clock::Now;
use crate::contract::{Access, Delivery, HubContract, LimitClass, MethodContract, PushContract, ReceiverContract};
use crate::dispatch::MethodTable;
use crate::end::EndReason;
use crate::error::{Code, HubError};
use crate::limits::{LATE_CALLS, SERVER_BATCH_BYTES, SessionLimits};
use crate::link::LinkError;
use crate::outbox::{EncodedPush, Outbox, PushKey};
use crate::ports::Principal;
use crate::session::server::{Action, Admitted, Attached, ServerSession, SessionRules};

const fn method(id: u32, concurrent: bool) -> MethodContract {
    MethodContract {
        id,
        name: "fuzzing",
        access: Access::Player,
        limit: LimitClass::Play,
        one_way: false,
        concurrent,
        deadline_ms: if id == 2 { 300 } else { 0 },
    }
}

static RECEIVER: ReceiverContract = ReceiverContract { name: "receiver", pushes: &[], asks: &[] };
static FIRST: HubContract = HubContract {
    name: "first",
    methods: &[&method(1, false), &method(2, false), &method(3, true)],
    receiver: &RECEIVER,
};
static SECOND: HubContract = HubContract { name: "second", methods: &[&method(4, false)], receiver: &RECEIVER };

static PUSHES: [PushContract; 3] = [
    PushContract { id: 11, name: "reliable", delivery: Delivery::Reliable },
    PushContract { id: 12, name: "latest", delivery: Delivery::Latest },
    PushContract { id: 13, name: "unreliable", delivery: Delivery::Unreliable },
];

/// Small, so that a short tape meets them.
const LIMITS: SessionLimits = SessionLimits {
    call_queue: 3,
    concurrent_calls: 2,
    asks: 2,
    outbox_frames: 12,
    outbox_bytes: 1_024,
    ring_frames: 14,
    ring_bytes: 1_200,
    resume_grace_ms: 2_000,
    longest_deadline_ms: 30_000,
    ..SessionLimits::DEFAULT
};

/// Calls that wait at once: those of the queue, and those that came late over a new link.
const MOST_WAITING: usize = LIMITS.call_queue + LATE_CALLS;

/// Steps in which a session whose link is gone must be over: what runs and each hub get their time, and some.
const STEPS_TO_CLOSE: usize = 16;

/// Things that may be due at one moment, each with a waking of its own: silence, a token's end, a session's age.
const DUE_AT_ONCE: u32 = 3;

/// Lives through the tape.
pub fn server_session(bytes: &[u8]) {
    let mut life = Life::begin();
    let mut tape = Tape::new(bytes);
    while !tape.is_over() && !life.core.is_closed() {
        life.step(&mut tape);
    }
    life.finish();
}

/// A run that the machine has let out.
#[derive(Clone, Copy, Debug)]
struct Run {
    hub: usize,
    /// It has its hub's turn to itself.
    has_turn: bool,
}

struct Life {
    core: ServerSession,
    out: Outbox,
    now: Now,
    runs: BTreeMap<RunId, Run>,
    /// The last call id that was said.
    said: u64,
    /// Calls whose reply may come.
    owed: BTreeSet<u64>,
    /// Those whose reply was taken, by its number: a client that has lost its link may not have it.
    answered: BTreeMap<u64, u64>,
    /// All up to this one has surely arrived.
    acknowledged: u64,
    /// The newest call of each hub that had its turn.
    begun: [u64; 2],
    connected: BTreeSet<usize>,
    disconnected: BTreeSet<usize>,
    was_abandoned: bool,
    is_authenticating: bool,
    asks: Vec<(u64, Answer)>,
    last_seq: u64,
    has_link: bool,
    is_opened: bool,
    is_welcomed: bool,
    is_told_to_go: bool,
    end: Option<EndReason>,
}

impl Life {
    fn begin() -> Self {
        let methods = MethodTable::of(&[&FIRST, &SECOND]).unwrap_or_default();
        let rules = SessionRules {
            limits: LIMITS,
            contract: [1; 32],
            released: vec![[2; 32]],
            build: String::new(),
            methods,
            resumes: true,
        };
        let now = Now { mono_ms: 1_000, wall_ms: 1_000_000 };
        let mut out = Outbox::new(&LIMITS, true);
        Self {
            core: ServerSession::open(Arc::new(rules), now, &mut out),
            out,
            now,
            runs: BTreeMap::new(),
            said: 0,
            owed: BTreeSet::new(),
            answered: BTreeMap::new(),
            acknowledged: 0,
            begun: [0; 2],
            connected: BTreeSet::new(),
            disconnected: BTreeSet::new(),
            was_abandoned: false,
            is_authenticating: false,
            asks: Vec::new(),
            last_seq: 0,
            has_link: true,
            is_opened: false,
            is_welcomed: false,
            is_told_to_go: false,
            end: None,
        }
    }

    fn step(&mut self, tape: &mut Tape<'_>) {
        match tape.byte() % 32 {
            0..=10 if self.core.is_detached() => self.come_back(tape),
            27..=29 if self.core.is_detached() => {}
            0..=9 => self.message(tape),
            10 => self.noise(tape),
            11..=13 => self.pass(u64::from(tape.byte()) * 20),
            14 => self.pass(u64::from(tape.byte()) * 200),
            15..=18 => self.give_back(tape),
            19 | 20 => self.authenticate(tape),
            21..=23 => self.push(tape),
            24 | 25 => self.ask(tape),
            26 => self.forget(tape),
            27..=29 => self.take(),
            30 => self.kick(tape),
            _ => self.cut(EndReason::link_lost("cut")),
        }
        self.act();
    }

    fn cut(&mut self, reason: EndReason) {
        self.has_link = false;
        if self.core.can_detach() {
            self.core.detach(self.now, &mut self.out);
        } else {
            self.core.end(self.now, reason, &mut self.out);
        }
    }

    /// A new link takes the session up. Some of what was taken from the outbox has not arrived.
    fn come_back(&mut self, tape: &mut Tape<'_>) {
        let in_doubt = usize::try_from(self.last_seq - self.acknowledged).unwrap_or(usize::MAX);
        let arrived = self.acknowledged + tape.below(in_doubt + 1) as u64;
        if !self.out.can_replay(arrived) {
            assert!(self.out.last_seq() > arrived, "where nothing is missed there is nothing to be had");
            return self.core.end(self.now, EndReason::replay_lost(), &mut self.out);
        }
        self.owed.extend(self.answered.split_off(&(arrived + 1)).into_values());
        (self.last_seq, self.acknowledged) = (arrived, arrived);
        (self.has_link, self.is_opened) = (true, false);
        self.said = self.said.saturating_sub(tape.below(4) as u64);
        let open = wire::ServerFrame { frame: Some(Out::Open(wire::Open::default())) };
        let admitted = Admitted { principal: self.principal(7, tape), channel: None, resume_token: Bytes::new() };
        let attached = Attached { admitted, last_seq: arrived, opening: vec![open], said: Vec::new() };
        self.core.attach(self.now, attached, &mut self.out);
        assert!(!self.core.is_detached());
    }

    fn message(&mut self, tape: &mut Tape<'_>) {
        let many = if tape.one_in(32) { 65 } else { 1 + tape.below(3) };
        let frames = (0..many).map(|_| wire::ClientFrame { frame: self.frame(tape) }).collect();
        self.core.handle_batch(self.now, wire::ClientBatch { frames }, &mut self.out);
    }

    fn frame(&mut self, tape: &mut Tape<'_>) -> Option<In> {
        // A proper client first, so that most tapes get past the door.
        if !self.is_welcomed && self.said == 0 && !self.is_authenticating && !tape.one_in(8) {
            return Some(In::Hello(hello(tape).into()));
        }
        Some(match tape.byte() % 24 {
            0..=9 => In::Call(self.call(tape)),
            10..=12 => In::Cancel(wire::Cancel { id: tape.near(self.said) }),
            13 | 14 => In::Answer(answer(tape)),
            15 => In::Auth(wire::Auth { access_token: tape.text(12) }),
            16 => In::Ping(wire::Ping { n: u32::from(tape.byte()), sender_time_ms: tape.near(0) }),
            17 | 18 => {
                let n = u32::from(tape.byte() % 8);
                In::Pong(wire::Pong { n, echo_time_ms: tape.near(0), answerer_time_ms: tape.near(1_000_000) })
            }
            19..=21 => {
                let seq = tape.near(self.last_seq).min(tape.near(self.last_seq));
                self.acknowledged = self.acknowledged.max(seq.min(self.last_seq));
                In::Ack(wire::Ack { seq })
            }
            22 if tape.one_in(8) => In::Hello(hello(tape).into()),
            23 if tape.one_in(16) => return None,
            _ => In::Ack(wire::Ack { seq: 0 }),
        })
    }

    fn call(&mut self, tape: &mut Tape<'_>) -> wire::Call {
        let one_way = tape.one_in(4);
        let id = tape.near(self.said.wrapping_add(1));
        let within = tape.one_in(3).then(|| self.asks.last().map_or(1, |(id, _)| *id));
        self.said = id;
        if !one_way {
            self.may_be_owed(id);
        }
        let deadline_ms = if tape.one_in(3) { u32::from(tape.byte()) * 10 } else { 0 };
        wire::Call { id, method: u32::from(tape.byte() % 6), deadline_ms, one_way, within, body: tape.body(64) }
    }

    /// One that comes again over a new link has no second reply.
    fn may_be_owed(&mut self, id: u64) {
        if !self.answered.values().any(|answered| *answered == id) {
            self.owed.insert(id);
        }
    }

    /// What a link makes of bytes that nobody has put in order.
    fn noise(&mut self, tape: &mut Tape<'_>) {
        let bytes = tape.bytes(64);
        match wire::ClientBatch::decode(bytes) {
            Ok(batch) => {
                for frame in &batch.frames {
                    if let Some(In::Call(call)) = &frame.frame {
                        self.said = call.id;
                        if !call.one_way {
                            self.may_be_owed(call.id);
                        }
                    }
                    if let Some(In::Ack(ack)) = &frame.frame {
                        self.acknowledged = self.acknowledged.max(ack.seq.min(self.last_seq));
                    }
                }
                self.core.handle_batch(self.now, batch, &mut self.out);
            }
            Err(error) => {
                let end = LinkError::Malformed(error.to_string()).end_reason();
                self.core.end(self.now, end, &mut self.out);
            }
        }
    }

    /// Time passes; the machine is woken when it asked to be.
    fn pass(&mut self, ms: u64) {
        let target = self.now.mono_ms + ms;
        let mut again = 0;
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
            again = if next > at { 0 } else { again + 1 };
            assert!(again < DUE_AT_ONCE, "woken at {at} again and again it wants to be woken at {next}");
        }
    }

    fn give_back(&mut self, tape: &mut Tape<'_>) {
        let at = tape.below(self.runs.len());
        let Some(run) = self.runs.keys().nth(at).copied() else { return };
        self.runs.remove(&run);
        self.core.handle_done(self.now, run, tape.result(LIMITS.outbox_bytes + 1), &mut self.out);
    }

    fn authenticate(&mut self, tape: &mut Tape<'_>) {
        if !std::mem::take(&mut self.is_authenticating) {
            return;
        }
        let account = if tape.one_in(16) { 8 } else { 7 };
        let result = if tape.one_in(16) {
            Err(HubError::new(Code::Unauthenticated, "TOKEN_INVALID", "no"))
        } else {
            Ok(Admitted { principal: self.principal(account, tape), channel: None, resume_token: Bytes::new() })
        };
        self.core.handle_authenticated(self.now, result, &mut self.out);
    }

    fn principal(&self, account: u8, tape: &mut Tape<'_>) -> Principal {
        Principal {
            account: AccountId([account; 16]),
            session: SessionId([7; 16]),
            epoch: SessionEpoch(1),
            expires_at_ms: self.now.wall_ms + u64::from(tape.byte()) * 1_000,
        }
    }

    fn push(&mut self, tape: &mut Tape<'_>) {
        if self.end.is_some() || !self.is_welcomed {
            return;
        }
        let Some(contract) = PUSHES.get(tape.below(PUSHES.len())) else { return };
        let key = PushKey::Number(i128::from(tape.byte() % 4));
        let body = wire::Auth { access_token: "x".repeat(tape.body(700).len()) };
        if let Err(overflow) = self.out.push(&EncodedPush::new(contract, &body).keyed(key)) {
            self.core.end(self.now, overflow.end_reason(), &mut self.out);
        }
    }

    fn ask(&mut self, tape: &mut Tape<'_>) {
        if self.end.is_some() || !self.is_welcomed {
            return;
        }
        let asker = self.runs.keys().nth(tape.below(self.runs.len() + 1)).copied();
        let until_ms = self.now.mono_ms + 1 + u64::from(tape.byte()) * 10;
        let Ok((id, awaited)) = self.out.asks.open(asker, until_ms) else { return };
        self.asks.push((id, awaited));
        if let Err(overflow) = self.out.ask(id, 21, 10, tape.body(64)) {
            self.core.end(self.now, overflow.end_reason(), &mut self.out);
        }
    }

    fn forget(&mut self, tape: &mut Tape<'_>) {
        let at = tape.below(self.asks.len());
        if at < self.asks.len() {
            let (id, _) = self.asks.swap_remove(at);
            self.out.asks.forget(id);
        }
    }

    fn kick(&mut self, tape: &mut Tape<'_>) {
        let end = match tape.byte() % 16 {
            0 => EndReason::draining(1_000),
            1 => EndReason::replaced(),
            2 => EndReason::slow_consumer(),
            3 => EndReason::client_left(),
            _ => return,
        };
        self.core.end(self.now, end, &mut self.out);
    }

    /// Does what the machine says, as a driver would.
    fn act(&mut self) {
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Authenticate { is_renewal, .. } => {
                    assert!(!std::mem::replace(&mut self.is_authenticating, true), "two tokens at once");
                    assert_eq!(is_renewal, self.is_welcomed);
                }
                Action::Connect { run, hub } => {
                    self.is_welcomed = true;
                    assert!(self.connected.insert(hub.0), "connected twice");
                    self.begin_run(run, Run { hub: hub.0, has_turn: true });
                }
                Action::Call(started) => {
                    assert!(self.is_welcomed && !self.core.is_closed());
                    let (call, hub) = (&started.call, started.call.hub.0);
                    let has_turn = !call.method.concurrent && call.within.is_none();
                    if has_turn {
                        let last = std::mem::replace(&mut self.begun[hub], call.id);
                        assert!(last < call.id, "call {} began after {last}", call.id);
                    }
                    self.begin_run(started.run, Run { hub, has_turn });
                }
                Action::Disconnect { run, hub, .. } => {
                    assert!(self.end.is_some() && self.connected.contains(&hub.0));
                    assert!(self.disconnected.insert(hub.0), "told twice");
                    assert!(self.runs.values().all(|run| run.hub != hub.0), "its calls still run");
                    self.begin_run(run, Run { hub: hub.0, has_turn: true });
                }
                Action::Ended(reason) => {
                    assert!(self.end.replace(reason).is_none(), "ended twice");
                }
                Action::Abandon => {
                    self.was_abandoned = true;
                    self.runs.clear();
                }
                Action::LinkLost(reason) => self.cut(reason),
                Action::Renewed(_) | Action::Rtt(_) | Action::WelcomeArrived | Action::Heartbeat => {}
            }
        }
        let depth = self.out.depth();
        assert!(depth.frames <= LIMITS.outbox_frames && depth.bytes <= LIMITS.outbox_bytes, "{depth:?}");
        assert!(self.core.calls_waiting() <= MOST_WAITING);
        assert!(self.end.is_some() || !self.core.is_closed());
    }

    fn begin_run(&mut self, run: RunId, what: Run) {
        let in_turn = |run: &&Run| run.has_turn && run.hub == what.hub;
        assert!(!what.has_turn || !self.runs.values().any(|run| in_turn(&run)), "two at once in one turn");
        assert!(self.runs.insert(run, what).is_none(), "a run began twice");
        let most = LIMITS.concurrent_calls + 2 * (1 + LIMITS.asks) + MOST_WAITING;
        assert!(self.runs.len() <= most, "{} runs", self.runs.len());
    }

    /// The link takes what waits, or nobody does.
    fn take(&mut self) {
        let Some(batch) = self.out.take() else { return };
        if !self.has_link {
            return;
        }
        assert!(batch.encoded_len() <= SERVER_BATCH_BYTES);
        assert!(!batch.frames.is_empty());
        for frame in batch.frames.into_iter().filter_map(|frame| frame.frame) {
            self.told(&frame);
        }
    }

    fn told(&mut self, frame: &Out) {
        // A client that never read is told to go with nothing before it.
        let may_be_first = matches!(frame, Out::Open(_) | Out::GoAway(_));
        assert!(self.is_opened || may_be_first, "{frame:?} before Open");
        assert!(!self.is_opened || !matches!(frame, Out::Open(_)), "a second Open");
        self.is_opened = true;
        let seq = match frame {
            Out::Reply(reply) => {
                assert!(self.owed.remove(&reply.id), "call {} has its reply already, or wants none", reply.id);
                assert!(reply.result.is_some());
                self.answered.insert(reply.seq, reply.id);
                reply.seq
            }
            Out::Push(push) => {
                assert_eq!(push.seq > 0, push.method == 11, "the class says whether it has a number");
                push.seq
            }
            Out::Ask(ask) => ask.seq,
            _ => 0,
        };
        if seq > 0 {
            assert_eq!(seq, self.last_seq + 1, "the sequence has no gaps");
            self.last_seq = seq;
        }
        let may_follow = matches!(frame, Out::Reply(_) | Out::Ping(_) | Out::Pong(_) | Out::Dropped(_));
        assert!(!self.is_told_to_go || may_follow, "{frame:?} after GoAway");
        self.is_told_to_go |= matches!(frame, Out::GoAway(_));
    }

    /// The link is cut: the session comes to its end, whatever its handlers do.
    fn finish(mut self) {
        self.core.end(self.now, EndReason::link_lost("cut"), &mut self.out);
        self.act();
        for _ in 0..STEPS_TO_CLOSE {
            let wait = self.core.poll_timeout(&self.out).saturating_sub(self.now.mono_ms);
            if self.core.is_closed() {
                break;
            }
            self.pass(wait);
        }
        assert!(self.core.is_closed(), "it never closes");
        assert!(self.was_abandoned || self.disconnected == self.connected, "a hub was not told");
        // A replay may be more than one message.
        while !self.out.is_empty() {
            self.take();
        }
        for (id, mut awaited) in self.asks {
            assert_ne!(awaited.try_recv(), Err(TryRecvError::Empty), "question {id} is left hanging");
        }
        let late = wire::ClientBatch { frames: vec![wire::ClientFrame { frame: Some(In::Ack(wire::Ack { seq: 0 })) }] };
        self.core.handle_batch(self.now, late, &mut self.out);
        self.core.handle_timeout(self.now, &mut self.out);
        assert!(self.core.poll_action().is_none() && self.out.is_finished(), "it stirs after its end");
    }
}

fn hello(tape: &mut Tape<'_>) -> wire::Hello {
    let hash = if tape.one_in(16) { tape.byte() } else { 1 + tape.byte() % 2 };
    wire::Hello {
        access_token: if tape.one_in(16) { "x".repeat(3_000) } else { tape.text(12) },
        contract_hash: Bytes::from(vec![hash; 32]),
        build: if tape.one_in(16) { "x".repeat(65) } else { String::new() },
        resume_token: tape.one_in(8).then(|| tape.bytes(40)),
        last_seq: tape.one_in(8).then(|| tape.near(0)),
    }
}

fn answer(tape: &mut Tape<'_>) -> wire::Answer {
    let result = match tape.byte() % 16 {
        0 => None,
        1..=3 => Some(wire::answer::Result::Error(tape.error().into())),
        _ => Some(wire::answer::Result::Body(tape.body(64))),
    };
    wire::Answer { id: u64::from(tape.byte() % 8), result }
}
