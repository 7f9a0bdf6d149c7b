//! The future of a client session.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::SessionId;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument as _;

use super::outbox::ClientOutbox;
use super::shared::{LinkOutgoing, Shared};
use super::{AccessTokens, AskContext, PushOutcome, ReceiverDispatcher, SessionState, Welcome};
use crate::clock::{Now, Sleep};
use crate::dispatch::HubFuture;
use crate::end::EndReason;
use crate::error::HubError;
use crate::link::{ClientLink, LinkError, LinkStream};
use crate::middleware::{Exchange, ExchangeKind};
use crate::serve::Alarm;
use crate::session::client::{ClientSession, Event};

type Answering = HubFuture<(u64, Result<Bytes, HubError>)>;
/// A client result of a receiver without a contract.
const UNNAMED: &str = "unnamed";

type Dialed = Result<LinkStream<wire::ServerBatch>, EndReason>;

pub(super) struct Driver {
    shared: Arc<Shared>,
    _over: Over,
    core: ClientSession,
    receivers: Vec<Box<dyn ReceiverDispatcher>>,
    answering: FuturesUnordered<Answering>,
    alarm: Alarm,
    link: Arc<dyn ClientLink>,
    tokens: Arc<dyn AccessTokens>,
    /// `None`: there is no link.
    inbound: Option<LinkStream<wire::ServerBatch>>,
    dialing: Option<HubFuture<Dialed>>,
    lost_sessions: u32,
}

/// Ends what is left when the driver goes.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.set_over();
    }
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        core: ClientSession,
        receivers: Vec<Box<dyn ReceiverDispatcher>>,
        link: Arc<dyn ClientLink>,
        tokens: Arc<dyn AccessTokens>,
        inbound: LinkStream<wire::ServerBatch>,
    ) -> Self {
        Self {
            _over: Over(Arc::clone(&shared)),
            shared,
            core,
            receivers,
            answering: FuturesUnordered::new(),
            alarm: Alarm::default(),
            link,
            tokens,
            inbound: Some(inbound),
            dialing: None,
            lost_sessions: 0,
        }
    }

    pub(super) async fn run(mut self) -> EndReason {
        while !self.core.is_closed() {
            let due_ms = self.shared.look(|out| self.core.poll_timeout(out));
            self.alarm.set(&*self.shared.clock, due_ms);
            tokio::select! {
                biased;
                Some((id, result)) = self.answering.next(), if !self.answering.is_empty() => {
                    self.step(|core, _, out| core.handle_answer(id, result, out));
                }
                () = self.alarm.rings() => self.step(ClientSession::handle_timeout),
                message = arrived(&mut self.inbound), if self.inbound.is_some() => self.arrived(message),
                dialed = dialed(&mut self.dialing), if self.dialing.is_some() => self.dialed(dialed),
                () = self.shared.is_leaving.cancelled(), if self.shared.end().is_none() => {
                    self.step(|core, now, out| core.end(now, EndReason::client_left(), out));
                }
                () = self.shared.nudge.notified() => {}
            }
            self.take_datagrams();
            while let Some(event) = self.core.poll_event() {
                self.handle(event);
            }
            if self.core.is_unlinked() {
                self.inbound = None;
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

    fn dialed(&mut self, dialed: Dialed) {
        self.dialing = None;
        let result = dialed.map(|inbound| self.inbound = Some(inbound));
        self.step(|core, now, out| core.handle_dialed(now, result, out));
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Welcome(welcome) => self.welcomed(welcome),
            Event::LinkLost => drop(self.shared.state.send_replace(SessionState::Reconnecting)),
            Event::Dial(hello) => self.dial(hello),
            Event::HangUp => self.dialing = None,
            Event::SessionLost => self.lost_sessions += 1,
            Event::Push { method, body } => self.push(method, &body),
            Event::Ask { id, method, deadline_ms, body } => self.ask(id, method, deadline_ms, &body),
            Event::GroupGap(gap) => self.receivers.iter().for_each(|receiver| receiver.group_gap(&gap)),
            Event::Dropped(count) => {
                self.shared.one_way_refused.fetch_add(count.into(), Ordering::Relaxed);
            }
            Event::Rtt(rtt, offset) => {
                *self.shared.rtt.lock().unwrap_or_else(PoisonError::into_inner) = Some((rtt, offset));
            }
            Event::Ended(reason) => self.shared.set_end(reason),
        }
    }

    /// A fresh token, then the link, whose first frame is the Hello.
    fn dial(&mut self, hello: wire::Hello) {
        let (shared, link, tokens) = (Arc::clone(&self.shared), Arc::clone(&self.link), Arc::clone(&self.tokens));
        self.dialing = Some(Box::pin(async move {
            let access_token = tokens.access_token().await?;
            let number = shared.with(|out| out.begin_link(wire::Hello { access_token, ..hello }));
            link.open(LinkOutgoing::new(shared, number).into()).await.map_err(LinkError::end_reason)
        }));
    }

    fn welcomed(&mut self, welcome: wire::Welcome) {
        let Ok(id) = <[u8; 16]>::try_from(&welcome.session_id[..]) else {
            let error = HubError::malformed_frame("Welcome.session_id has not 16 bytes");
            return self.step(|core, now, out| core.end(now, error.into(), out));
        };
        let welcome = Welcome { session: SessionId(id), resumed: welcome.resumed, channel: welcome.channel };
        self.shared.state.send_replace(SessionState::Live { welcome, lost_sessions: self.lost_sessions });
    }

    /// Pushes that came beside the link. What cannot be read is dropped: a datagram ends nothing.
    fn take_datagrams(&mut self) {
        for (method, body) in self.shared.take_datagrams() {
            if !self.receivers.iter().any(|receiver| receiver.push(method, &body) == Ok(PushOutcome::Taken)) {
                self.shared.unknown_pushes.fetch_add(1, Ordering::Relaxed);
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

    fn ask(&mut self, id: u64, method: u32, deadline_ms: u32, body: &Bytes) {
        let shared = Arc::clone(&self.shared);
        let began_ms = shared.clock.now().mono_ms;
        let mut asks = self.receivers.iter().filter_map(|receiver| receiver.contract()).flat_map(|known| known.asks);
        let name = asks.find(|ask| ask.id == method).map_or(UNNAMED, |ask| ask.name);
        let exchange = Exchange { kind: ExchangeKind::ClientResult, is_served: true, method: name, session: None };
        let cancel = CancellationToken::new();
        let ask = AskContext { id, method, cancel: cancel.clone() };
        let answer = match shared.middleware.before(&exchange, body) {
            Ok(()) => self.receivers.iter().find_map(|receiver| receiver.ask(ask.clone(), body.clone())),
            Err(refusal) => Some(refused(refusal)),
        };
        let answer = answer.unwrap_or_else(|| refused(HubError::unknown_method(method)));
        let until_ms = began_ms + u64::from(deadline_ms);
        let answering = async move {
            // When the driver goes, too.
            let cancel = cancel.drop_guard();
            let result = cancelled_at(shared.clock.sleep_until(until_ms), cancel, answer).await;
            shared.exchanged(&exchange, &result, began_ms);
            (id, result)
        };
        self.answering.push(Box::pin(answering.instrument(exchange.span())));
    }

    fn step(&mut self, step: impl FnOnce(&mut ClientSession, Now, &mut ClientOutbox)) {
        let now = self.shared.clock.now();
        self.shared.with(|out| step(&mut self.core, now, out));
    }
}

fn refused(error: HubError) -> HubFuture<Result<Bytes, HubError>> {
    Box::pin(std::future::ready(Err(error)))
}

/// The answer, whose handler is told when its time is up.
async fn cancelled_at(
    time: Sleep,
    cancel: DropGuard,
    mut answer: HubFuture<Result<Bytes, HubError>>,
) -> Result<Bytes, HubError> {
    tokio::select! {
        biased;
        result = &mut answer => return result,
        () = time => drop(cancel),
    }
    answer.await
}

async fn arrived(inbound: &mut Option<LinkStream<wire::ServerBatch>>) -> Option<Result<wire::ServerBatch, LinkError>> {
    match inbound {
        Some(inbound) => inbound.next().await,
        None => std::future::pending().await,
    }
}

async fn dialed(dialing: &mut Option<HubFuture<Dialed>>) -> Dialed {
    match dialing {
        Some(dialing) => dialing.await,
        None => std::future::pending().await,
    }
}
