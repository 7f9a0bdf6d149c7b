//! The future of one link.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_core::Stream;
use futures_util::stream::Fuse;
use futures_util::{FutureExt as _, StreamExt as _};
use shallot_proto::hub::v1::ClientBatch;
use tokio::sync::oneshot;

use super::admission::{self, Admission, Claim, PendingClaim};
use super::alarm::Alarm;
use super::run::Returned;
use super::session::Session;
use crate::directory::Registration;
use crate::dispatch::HubFuture;
use crate::end::EndReason;
use crate::error::HubError;
use crate::link::{LinkError, LinkParts};
use crate::server::Inner;
use crate::session::server::Action;

/// What a driver has beside its session.
pub(super) struct Driver {
    server: Arc<Inner>,
    link: LinkParts,
    /// Ends when the writer has finished or was taken away.
    writer: oneshot::Receiver<Infallible>,
    alarm: Alarm,
    /// The session that this link's client wants to take up.
    claim: Option<PendingClaim>,
    /// The session is this link's; else it has none.
    is_linked: bool,
}

/// What the driver waits for.
enum Event {
    WriterGone,
    Nudge,
    Returned(Returned),
    Admission(Result<Admission, HubError>),
    Claimed(Result<Box<Session>, oneshot::error::RecvError>),
    Time,
    Arrived(Option<Result<ClientBatch, LinkError>>),
}

impl Driver {
    pub(super) fn new(server: Arc<Inner>, link: LinkParts, writer: oneshot::Receiver<Infallible>) -> Self {
        Self { server, link, writer, alarm: Alarm::default(), claim: None, is_linked: true }
    }

    /// Until the session has ended or was handed to a newer link.
    pub(super) async fn run<S>(mut self, mut session: Box<Session>, inbound: S) -> EndReason
    where
        S: Stream<Item = Result<ClientBatch, LinkError>>,
    {
        let mut inbound = pin!(Some(inbound.fuse()));
        loop {
            // A client that always has a message ready must not keep the worker from the others.
            tokio::task::coop::consume_budget().await;
            match self.next_event(&mut session, inbound.as_mut()).await {
                Event::WriterGone => self.writer_gone(&mut session, inbound.as_mut()),
                Event::Nudge => {
                    if let Some(claim) = self.nudged(&mut session) {
                        inbound.set(None);
                        self.unlink(&session);
                        match claim.taker.send(session) {
                            Ok(()) => return EndReason::resumed(),
                            // The newer link is gone as well.
                            Err(back) => session = back,
                        }
                        session.wait_or_end(EndReason::link_lost("the client took the stream away"));
                    }
                }
                Event::Returned(returned) => session.returned(returned),
                Event::Admission(result) => self.claim = session.admitted(result, &self.link),
                Event::Claimed(result) => session = self.claimed(session, result),
                Event::Time => session.timeout(),
                Event::Arrived(message) => session.arrived(message),
            }
            self.act(&mut session);
            if session.core.is_closed() {
                let Some(late) = self.late_claim() else { break };
                session = late;
                inbound.set(None);
                self.is_linked = false;
                self.act(&mut session);
            }
            if session.core.is_detached() && self.is_linked {
                inbound.set(None);
                self.unlink(&session);
            }
        }
        let end = session.leave_place();
        if self.is_linked {
            flush(&self.server, &mut self.writer).await;
        }
        end
    }

    async fn next_event<S>(&mut self, session: &mut Session, inbound: Pin<&mut Option<Fuse<S>>>) -> Event
    where
        S: Stream<Item = Result<ClientBatch, LinkError>>,
    {
        self.alarm.set(&*self.server.clock, session.due_ms());
        let listens = !session.has_ended() && self.is_linked;
        let inbound = inbound.as_pin_mut().filter(|inbound| !inbound.is_done() && !session.core.is_resuming());
        let Session { place, running, admission, .. } = session;
        tokio::select! {
            biased;
            () = gone(&mut self.writer), if listens => Event::WriterGone,
            () = nudged(place.as_ref()), if place.is_some() => Event::Nudge,
            Some(returned) = running.next(), if !running.is_empty() => Event::Returned(returned),
            result = admitted(admission), if admission.is_some() => Event::Admission(result),
            claimed = claimed(&mut self.claim), if self.claim.is_some() => Event::Claimed(claimed),
            () = self.alarm.rings() => Event::Time,
            message = arrived(inbound) => Event::Arrived(message),
        }
    }

    /// The session has no link any more, nor the datagrams that went with it. A channel of its own lives on.
    fn unlink(&mut self, session: &Session) {
        self.is_linked = false;
        if let (Some(handle), Some(_)) = (session.handle(), &self.link.datagrams) {
            handle.set_datagrams(None);
        }
    }

    fn act(&mut self, session: &mut Session) {
        while let Some(action) = session.core.poll_action() {
            match action {
                Action::Authenticate { access_token, is_renewal: true, .. } => session.renew(access_token),
                Action::Authenticate { access_token, resume, is_renewal: false } => {
                    let newcomer = session.newcomer(&self.link);
                    let admission = admission::admit(Arc::clone(&self.server), newcomer, access_token, resume);
                    session.admission = Some(Box::pin(admission));
                }
                Action::LinkLost(reason) => session.lose_link(reason),
                action => session.act(action),
            }
        }
    }

    /// What had arrived before the writer went still counts, and so does a client's goodbye.
    fn writer_gone<S>(&mut self, session: &mut Session, mut inbound: Pin<&mut Option<Fuse<S>>>)
    where
        S: Stream<Item = Result<ClientBatch, LinkError>>,
    {
        while let Some(mut inbound) = inbound.as_mut().as_pin_mut()
            && session.has_link()
            && !session.core.is_resuming()
            && let Some(message) = inbound.next().now_or_never()
        {
            session.arrived(message);
            self.act(session);
        }
        if session.has_link() {
            session.lose_link(EndReason::link_lost("the client took the stream away"));
        }
    }

    /// Someone wants the session to end, or a newer link wants it: the claim, when it is to be fulfilled.
    fn nudged(&mut self, session: &mut Session) -> Option<Claim> {
        let handle = session.handle()?.clone();
        if let Some(reason) = handle.requested_end() {
            session.end(reason);
            return None;
        }
        let claim = handle.take_claim()?;
        if !session.can_replay(claim.last_seq) {
            // The claim breaks when it is known that the session has ended.
            session.end(EndReason::replay_lost());
            self.act(session);
            return None;
        }
        session.detach();
        session.core.is_detached().then_some(claim)
    }

    /// The session that was claimed, or a refusal: then the link gets one of its own, if anything.
    fn claimed(
        &mut self,
        mut fresh: Box<Session>,
        result: Result<Box<Session>, oneshot::error::RecvError>,
    ) -> Box<Session> {
        let Some(claim) = self.claim.take() else { return fresh };
        match result {
            Ok(mut session) => {
                session.attach(*fresh, &self.link, claim);
                session
            }
            Err(_) => {
                let PendingClaim { handle, principal, .. } = claim;
                let newcomer = fresh.newcomer(&self.link);
                let admission = admission::claim_failed(Arc::clone(&self.server), newcomer, handle, principal);
                fresh.admission = Some(Box::pin(admission));
                fresh
            }
        }
    }

    /// The link has ended while it waited for a session. One that is on its way must not be lost: it goes on waiting here.
    fn late_claim(&mut self) -> Option<Box<Session>> {
        let mut claim = self.claim.take()?;
        claim.session.close();
        let mut session = claim.session.try_recv().ok()?;
        session.wait_or_end(EndReason::link_lost("the client took the stream away"));
        Some(session)
    }
}

/// Waits until the client has what is left for it, or has not read it in time.
async fn flush(server: &Inner, writer: &mut oneshot::Receiver<Infallible>) {
    let until_ms = server.clock.now().mono_ms + server.rules.limits.write_ms;
    tokio::select! {
        () = gone(writer) => {}
        () = server.clock.sleep_until(until_ms) => {}
    }
}

/// At once when it is gone already.
async fn gone(writer: &mut oneshot::Receiver<Infallible>) {
    if !writer.is_terminated() {
        let Err(_) = writer.await;
    }
}

async fn nudged(place: Option<&Registration>) {
    match place {
        Some(place) => poll_fn(|cx| place.session().poll_nudged(cx)).await,
        None => pending().await,
    }
}

async fn arrived<S: Stream>(inbound: Option<Pin<&mut Fuse<S>>>) -> Option<S::Item> {
    match inbound {
        Some(mut inbound) => inbound.next().await,
        None => pending().await,
    }
}

async fn admitted(admission: &mut Option<HubFuture<Result<Admission, HubError>>>) -> Result<Admission, HubError> {
    match admission {
        Some(admission) => admission.await,
        None => pending().await,
    }
}

async fn claimed(claim: &mut Option<PendingClaim>) -> Result<Box<Session>, oneshot::error::RecvError> {
    match claim {
        Some(claim) => (&mut claim.session).await,
        None => pending().await,
    }
}
