//! Drives a server session over a link: one future for each.
//!
//! The gateway hands in what it knows of the link and the stream of arriving messages and gets the stream of leaving ones and the session's driver, which it
//! runs on a task of the worker that took the link. Calls run inside the driver; a push from elsewhere wakes the writer alone,
//! once for all that is pushed before it runs.

mod run;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use shallot_proto::hub::v1::{ClientBatch, ServerBatch};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::call::{RunId, Started};
use crate::clock::{Clock, Now, Sleep};
use crate::directory::Registration;
use crate::dispatch::{CallContext, HubFuture};
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::handle::{SessionHandle, SessionParts, WorkerId};
use crate::link::{LinkError, LinkKind, LinkParts};
use crate::metrics::{self, OpenLink};
use crate::outbox::{Outbox, OutboxCell};
use crate::ports::Principal;
use crate::server::{HubServer, Inner};
use crate::session::server::{Action, Admitted, ServerSession};
use run::{Returned, Run, What};

/// The server's side of a session until the very end; tells why it ended. Dropped early it ends the session on the spot, its hubs
/// unheard.
pub type SessionDriver = HubFuture<EndReason>;

/// What the server sends on a link. It ends when the session has; dropping it loses the link.
#[derive(Debug)]
pub struct Outbound {
    out: Arc<OutboxCell>,
    is_gone: CancellationToken,
    _counted: OpenLink,
}

impl Outbound {
    /// Where the frames come from.
    pub(crate) fn home(&self) -> Arc<OutboxCell> {
        Arc::clone(&self.out)
    }
}

impl Stream for Outbound {
    type Item = Result<ServerBatch, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.out.poll_take(cx);
        if matches!(next, Poll::Ready(None)) {
            self.is_gone.cancel();
        }
        next.map(|batch| batch.map(Ok))
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        self.is_gone.cancel();
    }
}

/// Takes a gRPC link in: what to answer the client with, and the future to run.
pub fn serve_link<S, E>(server: &HubServer, worker: WorkerId, inbound: S) -> (Outbound, SessionDriver)
where
    S: Stream<Item = Result<ClientBatch, E>> + Send + 'static,
    E: Into<LinkError> + Send + 'static,
{
    serve(server, LinkParts::new(worker, LinkKind::Grpc), inbound)
}

/// The same for a link of any kind.
pub(crate) fn serve<S, E>(server: &HubServer, link: LinkParts, inbound: S) -> (Outbound, SessionDriver)
where
    S: Stream<Item = Result<ClientBatch, E>> + Send + 'static,
    E: Into<LinkError> + Send + 'static,
{
    let server = Arc::clone(&server.inner);
    let now = server.clock.now();
    let mut outbox = Outbox::new(&server.rules.limits);
    let core = ServerSession::open(Arc::clone(&server.rules), now, &mut outbox);
    let out = Arc::new(OutboxCell::new(outbox));
    let is_gone = CancellationToken::new();
    let outbound = Outbound { out: Arc::clone(&out), is_gone: is_gone.clone(), _counted: link.opened() };
    let driver = Driver {
        core,
        link,
        _closes: ClosesOutbox(Arc::clone(&out)),
        out,
        is_gone,
        place: None,
        running: FuturesUnordered::new(),
        admission: None,
        alarm: Alarm::default(),
        end: None,
        server,
    };
    let tracked = driver.server.drivers.token();
    let driver = Box::pin(async move {
        let _tracked = tracked;
        driver.run(inbound.map(|message| message.map_err(Into::into))).await
    });
    (outbound, driver)
}

struct Driver {
    server: Arc<Inner>,
    link: LinkParts,
    core: ServerSession,
    out: Arc<OutboxCell>,
    /// The writer has finished or was taken away.
    is_gone: CancellationToken,
    /// From the login on.
    place: Option<Registration>,
    running: FuturesUnordered<Run>,
    admission: Option<HubFuture<Result<Admission, HubError>>>,
    alarm: Alarm,
    end: Option<EndReason>,
    _closes: ClosesOutbox,
}

/// However a driver goes, its client is not left with a stream that says nothing.
struct ClosesOutbox(Arc<OutboxCell>);

impl Drop for ClosesOutbox {
    fn drop(&mut self) {
        self.0.with(
            || 0,
            |out| {
                out.clear();
                out.close();
            },
        );
    }
}

/// What became of a good token.
enum Admission {
    New(Registration, Admitted),
    Renewed(Principal),
}

/// What the driver waits for.
enum Event {
    WriterGone,
    Nudge,
    Returned(Returned),
    Admission(Result<Admission, HubError>),
    Time,
    Arrived(Option<Result<ClientBatch, LinkError>>),
}

impl Driver {
    async fn run(mut self, inbound: impl Stream<Item = Result<ClientBatch, LinkError>>) -> EndReason {
        let mut inbound = pin!(inbound.fuse());
        while !self.core.is_closed() {
            // A client that always has a message ready must not keep the worker from the others.
            tokio::task::coop::consume_budget().await;
            let event = self.next_event(inbound.as_mut()).await;
            self.handle(event);
            self.act();
        }
        self.place = None;
        let Self { server, is_gone, end, _closes, .. } = self;
        flush(&*server.clock, &is_gone, server.rules.limits.write_ms).await;
        let unknown = || EndReason::new(Code::Unavailable, reason::SESSION_ENDED, "the session is over");
        end.unwrap_or_else(unknown)
    }

    async fn next_event(
        &mut self,
        mut inbound: Pin<&mut futures_util::stream::Fuse<impl Stream<Item = Result<ClientBatch, LinkError>>>>,
    ) -> Event {
        let due_ms = self.out.look(|out| self.core.poll_timeout(out));
        self.alarm.set(&*self.server.clock, due_ms);
        let place = self.place.as_ref();
        tokio::select! {
            biased;
            () = self.is_gone.cancelled(), if self.end.is_none() => Event::WriterGone,
            () = nudged(place), if place.is_some() => Event::Nudge,
            Some(returned) = self.running.next(), if !self.running.is_empty() => Event::Returned(returned),
            admission = admitted(&mut self.admission), if self.admission.is_some() => Event::Admission(admission),
            () = self.alarm.rings() => Event::Time,
            message = inbound.next(), if !inbound.is_done() => Event::Arrived(message),
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::WriterGone => self.end(EndReason::link_lost("the client took the stream away")),
            Event::Nudge => {
                let requested = self.place.as_ref().and_then(|place| place.session().requested_end());
                requested.into_iter().for_each(|reason| self.end(reason));
            }
            Event::Returned(returned) => self.returned(returned),
            Event::Admission(result) => self.admitted(result),
            Event::Time => self.step(ServerSession::handle_timeout),
            Event::Arrived(Some(Ok(batch))) => self.step(|core, now, out| core.handle_batch(now, batch, out)),
            Event::Arrived(Some(Err(error))) => self.end(error.end_reason()),
            Event::Arrived(None) => self.end(EndReason::client_left()),
        }
    }

    /// Does what the core asks for.
    fn act(&mut self) {
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Authenticate { access_token, is_renewal } => self.authenticate(access_token, is_renewal),
                Action::Connect { run, hub } => {
                    let future =
                        self.place.as_ref().and_then(|place| self.server.dispatch.connect(hub, run, place.session()));
                    self.start(run, future.map(|future| Run::hook(run, "on_connect", future)));
                }
                Action::Call(started) => self.call(started),
                Action::Disconnect { run, hub, reason } => {
                    let future = self
                        .place
                        .as_ref()
                        .and_then(|place| self.server.dispatch.disconnect(hub, place.session(), reason));
                    self.start(run, future.map(|future| Run::hook(run, "on_disconnect", future)));
                }
                Action::Renewed(principal) => self.with_session(|session| session.set_principal(principal)),
                Action::Rtt(rtt) => {
                    metrics::rtt(rtt);
                    self.with_session(|session| session.set_rtt(rtt));
                }
                Action::Heartbeat => self.measure(),
                Action::Ended(reason) => {
                    tracing::debug!(session = ?self.place.as_ref().map(|place| place.session().id()), %reason, "ended");
                    self.place.iter().for_each(|place| place.end(&reason));
                    self.end = Some(reason);
                }
                Action::Abandon => self.running.clear(),
            }
        }
    }

    fn authenticate(&mut self, access_token: String, is_renewal: bool) {
        let server = Arc::clone(&self.server);
        if is_renewal {
            self.admission = Some(Box::pin(async move {
                server.authenticator.authenticate(&access_token).await.map(Admission::Renewed)
            }));
            return;
        }
        let (link, out) = (self.link.clone(), Arc::clone(&self.out));
        self.admission = Some(Box::pin(admit(server, link, out, access_token)));
    }

    fn admitted(&mut self, result: Result<Admission, HubError>) {
        self.admission = None;
        let result = result.map(|admission| match admission {
            Admission::New(place, admitted) => {
                self.place = Some(place);
                admitted
            }
            Admission::Renewed(principal) => Admitted { principal, channel: None },
        });
        self.step(|core, now, out| core.handle_authenticated(now, result, out));
        if self.core.is_ready() {
            self.place.iter().for_each(Registration::go_live);
            self.bind_datagrams();
        }
    }

    /// The link's own datagrams are the session's from here on.
    fn bind_datagrams(&self) {
        if let (Some(place), Some(own)) = (&self.place, &self.link.datagrams) {
            place.session().set_datagrams(Some(Arc::clone(own)));
            own.welcomed(place.session());
        }
    }

    fn call(&mut self, started: Started) {
        let Some(place) = &self.place else { return };
        let (run, call) = (started.run, started.call);
        let context = CallContext {
            session: place.session().asking_as(run),
            id: call.id,
            method: call.method,
            deadline_ms: call.deadline_ms,
            cancel: started.cancel,
        };
        match self.server.dispatch.call(call.hub, context, call.body) {
            Ok(future) => self.begin(Run::call(run, call.method, call.arrived_ms, future)),
            Err(refusal) => self.returned(Returned {
                run,
                what: What::Call { method: call.method, arrived_ms: call.arrived_ms },
                result: Err(refusal),
                panicked: false,
            }),
        }
    }

    /// Most calls are done at once; only those that wait join the others that run.
    fn begin(&mut self, mut call: Run) {
        // Nobody listens to this waker: a call that waits is polled again, by those that run together.
        match Pin::new(&mut call).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(returned) => self.returned(returned),
            Poll::Pending => self.running.push(call),
        }
    }

    /// Starts a hook; one that cannot be found is done at once.
    fn start(&mut self, run: RunId, future: Option<Run>) {
        match future {
            Some(future) => self.running.push(future),
            None => self.step(|core, now, out| core.handle_done(now, run, Ok(Bytes::new()), out)),
        }
    }

    fn returned(&mut self, returned: Returned) {
        let Returned { run, what, result, panicked } = returned;
        if let What::Call { method, arrived_ms } = what {
            let waited_ms = self.server.clock.now().mono_ms.saturating_sub(arrived_ms);
            self.server.dispatch.meters.call(
                method,
                result.as_ref().map_or_else(|error| error.code, |_| Code::Ok),
                waited_ms,
            );
        }
        self.step(|core, now, out| core.handle_done(now, run, result, out));
        if panicked {
            let name = what.name();
            tracing::error!(name, "a handler panicked; its session ends");
            self.end(EndReason::new(Code::Internal, reason::PANIC, format!("{name} failed")));
        }
    }

    fn end(&mut self, reason: EndReason) {
        self.step(|core, now, out| core.end(now, reason, out));
    }

    fn step(&mut self, step: impl FnOnce(&mut ServerSession, Now, &mut Outbox)) {
        let now = self.server.clock.now();
        self.out.with(|| now.mono_ms, |out| step(&mut self.core, now, out));
    }

    fn with_session(&self, change: impl FnOnce(&SessionHandle)) {
        if let Some(place) = &self.place {
            change(place.session());
        }
    }

    fn measure(&self) {
        let now = self.server.clock.now();
        let (depth, age_ms, dropped) =
            self.out.with(|| now.mono_ms, |out| (out.depth(), out.age_ms(now.mono_ms), out.take_dropped()));
        metrics::queues(self.core.calls_waiting(), depth, age_ms, dropped);
    }
}

/// Waits until the client has what is left for it, or has not read it in time.
async fn flush(clock: &dyn Clock, is_gone: &CancellationToken, write_ms: u64) {
    let until_ms = clock.now().mono_ms + write_ms;
    tokio::select! {
        () = is_gone.cancelled() => {}
        () = clock.sleep_until(until_ms) => {}
    }
}

/// Verifies a token and takes the account's place; whoever had it has left when this returns.
async fn admit(
    server: Arc<Inner>,
    link: LinkParts,
    out: Arc<OutboxCell>,
    access_token: String,
) -> Result<Admission, HubError> {
    let principal = server.authenticator.authenticate(&access_token).await?;
    let session = SessionHandle::new(SessionParts {
        principal,
        worker: link.worker,
        out,
        clock: Arc::clone(&server.clock),
        default_deadline_ms: server.rules.limits.default_deadline_ms,
    });
    let (place, replaced) = server.directory.enter(session)?;
    if let Some(old) = replaced {
        old.end(EndReason::replaced());
        old.closed().await;
    }
    if server.is_draining() {
        return Err(HubError::new(Code::Unavailable, reason::DRAINING, "the server is stopping"));
    }
    let has_own = link.datagrams.is_some();
    let channel = if has_own { None } else { server.channels.offer(place.session()) };
    Ok(Admission::New(place, Admitted { principal, channel }))
}

async fn nudged(place: Option<&Registration>) {
    match place {
        Some(place) => place.session().nudged().await,
        None => std::future::pending().await,
    }
}

async fn admitted(admission: &mut Option<HubFuture<Result<Admission, HubError>>>) -> Result<Admission, HubError> {
    match admission {
        Some(admission) => admission.await,
        None => std::future::pending().await,
    }
}

/// One timer: rings at the set time or earlier, never later.
#[derive(Default)]
pub(crate) struct Alarm {
    at_ms: u64,
    sleep: Option<Sleep>,
}

impl Alarm {
    /// Keeps an earlier time, so that a deadline that moves away costs nothing.
    pub(crate) fn set(&mut self, clock: &dyn Clock, due_ms: u64) {
        if due_ms < u64::MAX && (self.sleep.is_none() || due_ms < self.at_ms) {
            self.at_ms = due_ms;
            self.sleep = Some(clock.sleep_until(due_ms));
        }
    }

    pub(crate) async fn rings(&mut self) {
        match &mut self.sleep {
            Some(sleep) => sleep.await,
            None => std::future::pending().await,
        }
        self.sleep = None;
    }
}
