//! The client's half: a handle to call through, and the future that drives its session.
//!
//! [`HubClient`] is what generated stubs call through; the [`ClientDriver`] must run on a task of its own. Pushes go to the
//! receivers that were named when the session was opened, in order, from inside the driver.

pub(crate) mod outbox;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesUnordered};
use futures_util::task::AtomicWaker;
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::SessionId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Now};
use crate::contract::MethodContract;
use crate::dispatch::HubFuture;
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::heartbeat::Rtt;
use crate::limits::SessionLimits;
use crate::link::{ClientLink, LinkError, LinkStream, Outgoing};
use crate::serve::Alarm;
use crate::session::client::{ClientSession, Event};
use outbox::{ClientOutbox, OutgoingCall};

/// What a client says in its Hello.
#[derive(Clone, Debug)]
pub struct HubClientConfig {
    /// From signing in.
    pub access_token: String,
    /// BLAKE3 of the hub contracts it was built with.
    pub contract: [u8; 32],
    /// Name and version, for people; at most 64 bytes.
    pub build: String,
}

impl HubClientConfig {
    /// With this crate's own contracts.
    #[must_use]
    pub fn new(access_token: String) -> Self {
        let build = concat!("shallot-rust ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { access_token, contract: crate::contracts::CONTRACT_HASH, build }
    }
}

/// Runs a client session until its link closes; tells why it ended. Dropped early it closes the link.
pub type ClientDriver = HubFuture<EndReason>;

/// A receiver behind its contract. Generated for each; users implement the receiver's handler trait.
pub trait ReceiverDispatcher: Send + Sync + 'static {
    /// Hands a push to its method.
    ///
    /// # Errors
    ///
    /// Bytes that are not the method's message: the session ends.
    fn push(&self, method: u32, body: &Bytes) -> Result<PushOutcome, HubError>;

    /// Pushes to a group that the session is in were lost between nodes; every receiver is told, before the group's next push.
    fn group_gap(&self, gap: &wire::GroupGap) {
        let _ = gap;
    }

    /// The answer to a question; `None` when the method is none of the receiver's.
    fn ask(&self, ask: AskContext, body: Bytes) -> Option<HubFuture<Result<Bytes, HubError>>> {
        let _ = (ask, body);
        None
    }
}

/// Whether a receiver knows a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// It was handed on.
    Taken,
    /// It is another receiver's, or newer than this client.
    Unknown,
}

/// The server's question that a receiver is answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskContext {
    id: u64,
    method: u32,
}

impl AskContext {
    /// Wire id of the method.
    #[must_use]
    pub fn method(&self) -> u32 {
        self.method
    }
}

/// What the server said in its Welcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The session's id.
    pub session: SessionId,
    /// Where a datagram channel opens, if there is one.
    pub channel: Option<wire::Channel>,
}

/// A client's session. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct HubClient {
    shared: Arc<Shared>,
}

struct Shared {
    out: Mutex<ClientOutbox>,
    /// Takes what waits to the link.
    writer: AtomicWaker,
    clock: Arc<dyn Clock>,
    /// Wakes the driver.
    nudge: Notify,
    is_leaving: CancellationToken,
    welcome: OnceLock<Welcome>,
    /// Welcomed or ended.
    settled: CancellationToken,
    end: OnceLock<EndReason>,
    ended: CancellationToken,
    rtt: Mutex<Option<(Rtt, Option<i64>)>>,
    unknown_pushes: AtomicU64,
    one_way_refused: AtomicU64,
}

/// A client session in the making.
pub struct HubClientBuilder {
    config: HubClientConfig,
    clock: Arc<dyn Clock>,
    receivers: Vec<Box<dyn ReceiverDispatcher>>,
}

impl HubClientBuilder {
    /// Adds a receiver: its generated dispatcher in front of its handler.
    #[must_use]
    pub fn receiver(mut self, receiver: impl ReceiverDispatcher) -> Self {
        self.receivers.push(Box::new(receiver));
        self
    }

    /// Opens the link and says Hello. Calls may be made at once; they are taken up after the Welcome.
    ///
    /// # Errors
    ///
    /// The link cannot be opened.
    pub async fn connect(self, link: &dyn ClientLink) -> Result<(HubClient, ClientDriver), LinkError> {
        let shared = Arc::new(Shared::new(self.clock));
        let hello = wire::Hello {
            access_token: self.config.access_token,
            contract_hash: Bytes::copy_from_slice(&self.config.contract),
            build: self.config.build,
            resume_token: None,
            last_seq: None,
        };
        let now = shared.clock.now();
        let core = shared.with(|out| ClientSession::open(now, hello, out));
        let inbound = link.open(outgoing(Arc::clone(&shared))).await?;
        let driver = Driver {
            shared: Arc::clone(&shared),
            _over: Over(Arc::clone(&shared)),
            core,
            receivers: self.receivers,
            answering: FuturesUnordered::new(),
            alarm: Alarm::default(),
        };
        Ok((HubClient { shared }, Box::pin(driver.run(inbound))))
    }
}

impl std::fmt::Debug for HubClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubClientBuilder").field("receivers", &self.receivers.len()).finish_non_exhaustive()
    }
}

impl HubClient {
    /// Begins to open a session.
    pub fn builder(config: HubClientConfig, clock: Arc<dyn Clock>) -> HubClientBuilder {
        HubClientBuilder { config, clock, receivers: Vec::new() }
    }

    /// Waits for the Welcome.
    ///
    /// # Errors
    ///
    /// Why the server did not take the session.
    pub async fn welcomed(&self) -> Result<Welcome, EndReason> {
        self.shared.settled.cancelled().await;
        self.shared.welcome.get().cloned().ok_or_else(|| self.shared.end_reason())
    }

    /// Waits for the end: the server's `GoAway`, a lost link, or [`leave`](Self::leave). Replies that were under way may still
    /// arrive.
    pub async fn ended(&self) -> EndReason {
        self.shared.ended.cancelled().await;
        self.shared.end_reason()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.shared.end.get().is_some()
    }

    /// Renews the access token before the old one runs out.
    pub fn renew(&self, access_token: String) {
        self.shared.with(|out| out.control(wire::client_frame::Frame::Auth(wire::Auth { access_token })));
    }

    /// Closes the link once what waits is sent.
    pub fn leave(&self) {
        self.shared.is_leaving.cancel();
    }

    /// Round-trip time; `None` before the first answer to a ping.
    #[must_use]
    pub fn rtt(&self) -> Option<Rtt> {
        self.shared.rtt().map(|(rtt, _)| rtt)
    }

    /// What to add to the own wall clock for the server's, in milliseconds.
    #[must_use]
    pub fn server_time_offset_ms(&self) -> Option<i64> {
        self.shared.rtt().and_then(|(_, offset)| offset)
    }

    /// Pushes that no receiver knew, since the session began.
    #[must_use]
    pub fn unknown_pushes(&self) -> u64 {
        self.shared.unknown_pushes.load(Ordering::Relaxed)
    }

    /// One-way calls that the server refused, since the session began.
    #[must_use]
    pub fn one_way_refused(&self) -> u64 {
        self.shared.one_way_refused.load(Ordering::Relaxed)
    }

    /// For generated stubs.
    #[must_use]
    pub fn caller(&self) -> HubCaller {
        HubCaller { client: self.clone(), within: None, deadline_ms: 0 }
    }
}

impl std::fmt::Debug for HubClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubClient").field("end", &self.shared.end.get()).finish_non_exhaustive()
    }
}

/// Makes calls in one way: with these deadlines, inside this question.
#[derive(Clone, Debug)]
pub struct HubCaller {
    client: HubClient,
    within: Option<u64>,
    deadline_ms: u32,
}

impl HubCaller {
    /// Inside the handler of this question.
    #[must_use]
    pub fn within(self, ask: &AskContext) -> Self {
        Self { within: Some(ask.id), ..self }
    }

    /// With a deadline for each call, in milliseconds; 0: the method's own.
    #[must_use]
    pub fn with_deadline_ms(self, deadline_ms: u32) -> Self {
        Self { deadline_ms, ..self }
    }

    /// Calls and awaits the reply. Dropped before it comes, the call is cancelled.
    ///
    /// # Errors
    ///
    /// What the server answers, and what this end knows without it: a full outbox, a message too large, a deadline, the end of
    /// the session.
    pub async fn call(&self, method: &'static MethodContract, body: Bytes) -> Result<Bytes, HubError> {
        let shared = &self.client.shared;
        let call = self.outgoing(method, body);
        let (id, reply) = shared.with(|out| out.call(call))?;
        let _cancel = CancelCall { shared, id };
        // The driver's timer has a new deadline to look at.
        shared.nudge.notify_one();
        reply.await.unwrap_or_else(|_| Err((&shared.end_reason()).into()))
    }

    /// Sends a one-way call.
    ///
    /// # Errors
    ///
    /// It was not queued: a full outbox, a message too large, the end of the session.
    pub fn send(&self, method: &'static MethodContract, body: Bytes) -> Result<(), HubError> {
        let call = self.outgoing(method, body);
        self.client.shared.with(|out| out.send(call))
    }

    fn outgoing(&self, method: &'static MethodContract, body: Bytes) -> OutgoingCall {
        let wanted = [self.deadline_ms, method.deadline_ms, SessionLimits::DEFAULT.default_deadline_ms];
        let local_ms = wanted.into_iter().find(|ms| *ms > 0).unwrap_or_default();
        OutgoingCall {
            method,
            deadline_ms: self.deadline_ms,
            until_ms: self.client.shared.clock.now().mono_ms + u64::from(local_ms),
            within: self.within,
            body,
        }
    }
}

/// Cancels the call when its caller goes before the reply.
struct CancelCall<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for CancelCall<'_> {
    fn drop(&mut self) {
        self.shared.with(|out| out.cancel(self.id));
    }
}

impl Shared {
    fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            out: Mutex::default(),
            writer: AtomicWaker::new(),
            clock,
            nudge: Notify::new(),
            is_leaving: CancellationToken::new(),
            welcome: OnceLock::new(),
            settled: CancellationToken::new(),
            end: OnceLock::new(),
            ended: CancellationToken::new(),
            rtt: Mutex::default(),
            unknown_pushes: AtomicU64::new(0),
            one_way_refused: AtomicU64::new(0),
        }
    }

    /// Changes the outbox and wakes the writer if there is something for it now that was not before.
    fn with<R>(&self, change: impl FnOnce(&mut ClientOutbox) -> R) -> R {
        let mut out = self.lock();
        let was_idle = out.is_empty() && !out.is_finished();
        let result = change(&mut out);
        let wakes = was_idle && (!out.is_empty() || out.is_finished());
        drop(out);
        if wakes {
            self.writer.wake();
        }
        result
    }

    fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<wire::ClientBatch>> {
        self.writer.register(cx.waker());
        let mut out = self.lock();
        match out.take() {
            Some(batch) => Poll::Ready(Some(batch)),
            None if out.is_finished() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn end_reason(&self) -> EndReason {
        let unknown = || EndReason::new(Code::Unavailable, reason::SESSION_ENDED, "the session is over");
        self.end.get().cloned().unwrap_or_else(unknown)
    }

    fn set_end(&self, reason: EndReason) {
        // The first reason counts.
        let _ = self.end.set(reason);
        self.settled.cancel();
        self.ended.cancel();
    }

    fn rtt(&self) -> Option<(Rtt, Option<i64>)> {
        *self.rtt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, ClientOutbox> {
        // An outbox is whole between any two of its methods, whatever a panic interrupted.
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outgoing(shared: Arc<Shared>) -> Outgoing {
    Outgoing::new(stream::poll_fn(move |cx| shared.poll_take(cx)))
}

type Answering = HubFuture<(u64, Result<Bytes, HubError>)>;

struct Driver {
    shared: Arc<Shared>,
    /// However the driver ends, dropped before it ran too, nobody is left waiting.
    _over: Over,
    core: ClientSession,
    receivers: Vec<Box<dyn ReceiverDispatcher>>,
    answering: FuturesUnordered<Answering>,
    alarm: Alarm,
}

impl Driver {
    async fn run(mut self, mut inbound: LinkStream<wire::ServerBatch>) -> EndReason {
        while !self.core.is_closed() {
            let due_ms = self.core.poll_timeout(&self.shared.lock());
            self.alarm.set(&*self.shared.clock, due_ms);
            tokio::select! {
                biased;
                Some((id, result)) = self.answering.next(), if !self.answering.is_empty() => {
                    self.step(|core, _, out| core.handle_answer(id, result, out));
                }
                () = self.alarm.rings() => self.step(ClientSession::handle_timeout),
                message = inbound.next() => self.arrived(message),
                () = self.shared.is_leaving.cancelled(), if self.shared.end.get().is_none() => {
                    self.step(|core, now, out| core.end(now, EndReason::client_left(), out));
                }
                () = self.shared.nudge.notified() => {}
            }
            while let Some(event) = self.core.poll_event() {
                self.handle(event);
            }
        }
        self.shared.end_reason()
    }

    fn arrived(&mut self, message: Option<Result<wire::ServerBatch, LinkError>>) {
        match message {
            Some(Ok(batch)) => self.step(|core, now, out| core.handle_batch(now, batch, out)),
            Some(Err(error)) => self.step(|core, now, out| core.handle_link_closed(now, error.end_reason(), out)),
            None => {
                let closed = EndReason::link_lost("the server closed the link");
                self.step(|core, now, out| core.handle_link_closed(now, closed, out));
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Welcome(welcome) => self.welcomed(welcome),
            Event::Push { method, body } => self.push(method, &body),
            Event::Ask { id, method, body } => self.ask(AskContext { id, method }, &body),
            Event::Dropped(count) => {
                self.shared.one_way_refused.fetch_add(count.into(), Ordering::Relaxed);
            }
            Event::GroupGap(gap) => self.receivers.iter().for_each(|receiver| receiver.group_gap(&gap)),
            Event::Rtt(rtt, offset) => {
                *self.shared.rtt.lock().unwrap_or_else(PoisonError::into_inner) = Some((rtt, offset));
            }
            Event::Ended(reason) => self.shared.set_end(reason),
        }
    }

    fn welcomed(&mut self, welcome: wire::Welcome) {
        match <[u8; 16]>::try_from(&welcome.session_id[..]) {
            Ok(id) => {
                // A session is welcomed once.
                let _ = self.shared.welcome.set(Welcome { session: SessionId(id), channel: welcome.channel });
                self.shared.settled.cancel();
            }
            Err(_) => {
                let error = HubError::malformed_frame("Welcome.session_id has not 16 bytes");
                self.step(|core, now, out| core.end(now, error.into(), out));
            }
        }
    }

    fn push(&mut self, method: u32, body: &Bytes) {
        for receiver in &self.receivers {
            match receiver.push(method, body) {
                Ok(PushOutcome::Taken) => return,
                Ok(PushOutcome::Unknown) => {}
                Err(error) => return self.step(|core, now, out| core.end(now, error.into(), out)),
            }
        }
        self.shared.unknown_pushes.fetch_add(1, Ordering::Relaxed);
    }

    fn ask(&mut self, ask: AskContext, body: &Bytes) {
        let answer = self.receivers.iter().find_map(|receiver| receiver.ask(ask, body.clone()));
        let unknown = || Box::pin(std::future::ready(Err(HubError::unknown_method(ask.method)))) as HubFuture<_>;
        let answer = answer.unwrap_or_else(unknown);
        self.answering.push(Box::pin(async move { (ask.id, answer.await) }));
    }

    fn step(&mut self, step: impl FnOnce(&mut ClientSession, Now, &mut ClientOutbox)) {
        let now = self.shared.clock.now();
        self.shared.with(|out| step(&mut self.core, now, out));
    }
}

/// Ends what is left when the driver goes.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.set_end(EndReason::client_left());
        let error = HubError::from(&self.0.end_reason());
        self.0.with(|out| out.fail_all(&error));
    }
}
