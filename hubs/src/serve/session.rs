//! A session with all that runs of it: moves whole from one link's driver to the next.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use shallot_proto::hub::v1::ClientBatch;
use tokio::sync::OwnedSemaphorePermit;

use super::admission::{Admission, Newcomer, PendingClaim};
use super::run::{Returned, Run, What};
use crate::call::{RunId, Started};
use crate::clock::Now;
use crate::directory::Registration;
use crate::dispatch::{CallContext, HubFuture, served};
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::handle::SessionHandle;
use crate::link::{LinkError, LinkParts};
use crate::metrics;
use crate::outbox::{Outbox, OutboxCell};
use crate::server::Inner;
use crate::session::server::{Action, Admitted, Attached, ServerSession};

/// The machine, what it waits for, and its place among the others.
pub(crate) struct Session {
    server: Arc<Inner>,
    pub(super) core: ServerSession,
    out: Arc<OutboxCell>,
    /// From the login on.
    pub(super) place: Option<Registration>,
    pub(super) running: FuturesUnordered<Run>,
    pub(super) admission: Option<HubFuture<Result<Admission, HubError>>>,
    end: Option<EndReason>,
    /// While it waits for a link.
    wait: Option<WaitingPlace>,
    _closes: ClosesOutbox,
}

/// However a session goes, its client is not left with a stream that says nothing.
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

/// A place among the sessions that wait for a link.
struct WaitingPlace(#[expect(dead_code, reason = "given back when dropped")] OwnedSemaphorePermit);

impl WaitingPlace {
    fn take(server: &Inner) -> Option<Self> {
        let permit = Arc::clone(&server.detached).try_acquire_owned().ok()?;
        ::metrics::gauge!(metrics::SESSIONS_DETACHED).increment(1);
        Some(Self(permit))
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        ::metrics::gauge!(metrics::SESSIONS_DETACHED).decrement(1);
    }
}

impl Session {
    /// For a link on which nothing was said yet.
    pub(super) fn open(server: Arc<Inner>) -> Self {
        let rules = &server.rules;
        let mut outbox = Outbox::new(&rules.limits, rules.resumes);
        let core = ServerSession::open(Arc::clone(rules), server.clock.now(), &mut outbox);
        let out = Arc::new(OutboxCell::new(outbox));
        Self {
            core,
            place: None,
            running: FuturesUnordered::new(),
            admission: None,
            end: None,
            wait: None,
            _closes: ClosesOutbox(Arc::clone(&out)),
            out,
            server,
        }
    }

    pub(super) fn out(&self) -> &Arc<OutboxCell> {
        &self.out
    }

    /// As others see it, from the login on.
    pub(super) fn handle(&self) -> Option<&SessionHandle> {
        self.place.as_ref().map(Registration::session)
    }

    /// Whether it has ended, and only goes on to its last word.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether it lives, and on its link.
    pub(super) fn has_link(&self) -> bool {
        !self.has_ended() && !self.core.is_detached()
    }

    /// Nothing of it runs any more: its place is given back. Its client may still be reading what is left.
    pub(super) fn leave_place(&mut self) -> EndReason {
        self.place = None;
        let unknown = || EndReason::new(Code::Unavailable, reason::SESSION_ENDED, "the session is over");
        self.end.take().unwrap_or_else(unknown)
    }

    /// When the core's time comes, in milliseconds of its clock.
    pub(super) fn due_ms(&self) -> u64 {
        self.out.look(|out| self.core.poll_timeout(out))
    }

    pub(super) fn timeout(&mut self) {
        self.step(ServerSession::handle_timeout);
    }

    /// The next of the link; nothing: the client has closed it.
    pub(super) fn arrived(&mut self, message: Option<Result<ClientBatch, LinkError>>) {
        match message {
            Some(Ok(batch)) => self.step(|core, now, out| core.handle_batch(now, batch, out)),
            Some(Err(LinkError::Lost(message))) => self.lose_link(EndReason::link_lost(message)),
            Some(Err(error)) => self.end(error.end_reason()),
            None => self.end(EndReason::client_left()),
        }
    }

    pub(super) fn end(&mut self, reason: EndReason) {
        self.step(|core, now, out| core.end(now, reason, out));
    }

    /// Does what the core asks for, what concerns a Hello and the link apart.
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Connect { run, hub } => {
                let future = self.handle().and_then(|session| self.server.dispatch.connect(hub, run, session));
                self.start(run, future.map(|future| Run::hook(run, "on_connect", future)));
            }
            Action::Call(started) => self.call(started),
            Action::Disconnect { run, hub, reason } => {
                let future = self.handle().and_then(|session| self.server.dispatch.disconnect(hub, session, reason));
                self.start(run, future.map(|future| Run::hook(run, "on_disconnect", future)));
            }
            Action::Renewed(principal) => self.with_handle(|session| session.set_principal(principal)),
            Action::Rtt(rtt) => {
                metrics::rtt(rtt);
                self.with_handle(|session| session.set_rtt(rtt));
            }
            Action::WelcomeArrived => self.with_handle(SessionHandle::settle_token),
            Action::Heartbeat => self.measure(),
            Action::Ended(reason) => {
                tracing::debug!(session = ?self.handle().map(SessionHandle::id), %reason, "ended");
                self.place.iter().for_each(|place| place.end(&reason));
                self.wait = None;
                self.end = Some(reason);
            }
            Action::Abandon => self.running.clear(),
            Action::Authenticate { .. } | Action::LinkLost(_) => {}
        }
    }

    pub(super) fn renew(&mut self, access_token: String) {
        let server = Arc::clone(&self.server);
        self.admission =
            Some(Box::pin(
                async move { server.authenticator.authenticate(&access_token).await.map(Admission::Renewed) },
            ));
    }

    pub(super) fn newcomer(&self, link: &LinkParts) -> Newcomer {
        Newcomer { link: link.clone(), out: Arc::clone(&self.out) }
    }

    /// A token was verified, or refused. A claim is not for the session to see to: it comes back.
    pub(super) fn admitted(&mut self, result: Result<Admission, HubError>, link: &LinkParts) -> Option<PendingClaim> {
        self.admission = None;
        let mut is_new = false;
        let result = match result {
            Ok(Admission::Claimed(claim)) => return Some(claim),
            Ok(Admission::New(place, admitted)) => {
                self.place = Some(*place);
                is_new = true;
                Ok(admitted)
            }
            Ok(Admission::Renewed(principal)) => Ok(Admitted { principal, channel: None, resume_token: Bytes::new() }),
            Err(refusal) => Err(refusal),
        };
        self.step(|core, now, out| core.handle_authenticated(now, result, out));
        if is_new && self.core.is_ready() {
            self.place.iter().for_each(Registration::go_live);
            self.bind_datagrams(link);
        }
        None
    }

    /// Its link is gone: it waits for another, or ends.
    pub(super) fn lose_link(&mut self, reason: EndReason) {
        let can_wait = self.core.can_detach() && self.handle().is_some_and(SessionHandle::can_resume);
        if can_wait {
            self.detach();
        }
        self.wait_or_end(reason);
    }

    /// Without a link, be it for a moment: the one it had gets nothing more.
    pub(super) fn detach(&mut self) {
        self.out.next_link();
        self.step(ServerSession::detach);
    }

    /// It has no link; without a place among those that wait it ends.
    pub(super) fn wait_or_end(&mut self, reason: EndReason) {
        if self.wait.is_none() && self.core.is_detached() {
            self.wait = WaitingPlace::take(&self.server);
        }
        if self.wait.is_none() {
            self.end(reason);
        }
    }

    /// Whether a client that has all up to this frame can go on with it.
    pub(super) fn can_replay(&self, last_seq: u64) -> bool {
        self.out.look(|out| out.can_replay(last_seq))
    }

    /// Goes on over the link that `fresh` was opened for.
    pub(super) fn attach(&mut self, mut fresh: Self, link: &LinkParts, claim: PendingClaim) {
        let PendingClaim { handle, principal, resume, .. } = claim;
        handle.set_worker(link.worker);
        let admitted = self.server.admitted(&handle, principal, link, Some(&resume.token));
        let opening = fresh.out.move_to(&self.out, self.out.next_link());
        let attached = Attached { admitted, last_seq: resume.last_seq, opening, said: fresh.core.take_said() };
        self.step(|core, now, out| core.attach(now, attached, out));
        self.wait = None;
        self.bind_datagrams(link);
        metrics::resume("resumed");
    }

    /// The link's own datagrams are the session's from here on.
    fn bind_datagrams(&self, link: &LinkParts) {
        if let (Some(session), Some(own)) = (self.handle(), &link.datagrams) {
            session.set_datagrams(Some(Arc::clone(own)));
            own.welcomed(session);
        }
    }

    pub(super) fn returned(&mut self, returned: Returned) {
        let Returned { run, what, result, panicked } = returned;
        let now = self.server.clock.now();
        if let What::Call { method, arrived_ms } = what {
            let waited_ms = now.mono_ms.saturating_sub(arrived_ms);
            let code = result.as_ref().map_or_else(|error| error.code, |_| Code::Ok);
            self.server.dispatch.meters.call(method, code, waited_ms);
            if let Some(session) = self.handle() {
                self.server.dispatch.middleware.after(&served(method, session), &result, waited_ms);
            }
        }
        self.step_at(now, |core, out| core.handle_done(now, run, result, out));
        if panicked {
            let name = what.name();
            tracing::error!(name, "a handler panicked; its session ends");
            self.end(EndReason::new(Code::Internal, reason::PANIC, format!("{name} failed")));
        }
    }

    fn call(&mut self, started: Started) {
        let Some(session) = self.handle() else { return };
        let (run, call) = (started.run, started.call);
        let span = served(call.method, session).span();
        let context = CallContext {
            session: session.asking_as(run),
            id: call.id,
            method: call.method,
            deadline_ms: call.deadline_ms,
            cancel: started.cancel,
        };
        match span.in_scope(|| self.server.dispatch.call(call.hub, context, call.body)) {
            Ok(future) => self.begin(Run::call(run, call.method, call.arrived_ms, future, span)),
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

    fn step(&mut self, step: impl FnOnce(&mut ServerSession, Now, &mut Outbox)) {
        let now = self.server.clock.now();
        self.step_at(now, |core, out| step(core, now, out));
    }

    fn step_at(&mut self, now: Now, step: impl FnOnce(&mut ServerSession, &mut Outbox)) {
        self.out.with(|| now.mono_ms, |out| step(&mut self.core, out));
    }

    fn with_handle(&self, change: impl FnOnce(&SessionHandle)) {
        if let Some(handle) = self.handle() {
            change(handle);
        }
    }

    fn measure(&self) {
        let now = self.server.clock.now();
        let (depth, age_ms, dropped) =
            self.out.with(|| now.mono_ms, |out| (out.depth(), out.age_ms(now.mono_ms), out.take_dropped()));
        metrics::queues(self.core.calls_waiting(), depth, age_ms, dropped);
    }
}
