//! What a client's handles, its driver and its links share.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use shallot_proto::hub::v1 as wire;
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::outbox::ClientOutbox;
use super::{AccessTokens, SessionState};
use crate::clock::Clock;
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::heartbeat::Rtt;
use crate::limits::CLIENT_DATAGRAMS_WAITING;
use crate::link::Outgoing;
use crate::metrics;
use crate::middleware::{Chain, Exchange};

pub(super) struct Shared {
    out: Mutex<Out>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) middleware: Chain,
    /// Pushes that came as datagrams and wait for the driver.
    datagrams: Mutex<VecDeque<(u32, Bytes)>>,
    /// Wakes the driver.
    pub(super) nudge: Notify,
    pub(super) is_leaving: CancellationToken,
    pub(super) state: watch::Sender<SessionState>,
    end: OnceLock<EndReason>,
    pub(super) ended: CancellationToken,
    /// Nothing is sent any more: links that were given up may close.
    is_over: CancellationToken,
    pub(super) rtt: Mutex<Option<(Rtt, Option<i64>)>>,
    /// The newest.
    access_token: Mutex<String>,
    pub(super) unknown_pushes: AtomicU64,
    pub(super) one_way_refused: AtomicU64,
}

#[derive(Default)]
struct Out {
    outbox: ClientOutbox,
    /// Of the link that may take.
    writer: Option<Waker>,
}

/// What a link gets.
enum Taken {
    Batch(wire::ClientBatch),
    /// Nothing more will come.
    Finished,
    /// A newer link takes in its place.
    Replaced,
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>, access_token: String, middleware: Chain) -> Self {
        Self {
            out: Mutex::default(),
            clock,
            middleware,
            datagrams: Mutex::default(),
            nudge: Notify::new(),
            is_leaving: CancellationToken::new(),
            state: watch::Sender::new(SessionState::Opening),
            end: OnceLock::new(),
            ended: CancellationToken::new(),
            is_over: CancellationToken::new(),
            rtt: Mutex::default(),
            access_token: Mutex::new(access_token),
            unknown_pushes: AtomicU64::new(0),
            one_way_refused: AtomicU64::new(0),
        }
    }

    /// Changes the outbox and wakes the writer if there is something for it now that was not before.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut ClientOutbox) -> R) -> R {
        let mut out = self.lock();
        let was_idle = out.outbox.is_empty() && !out.outbox.is_finished();
        let link = out.outbox.link();
        let result = change(&mut out.outbox);
        let wakes = was_idle && (!out.outbox.is_empty() || out.outbox.is_finished());
        // A link that may take no more has to learn it.
        let writer = if wakes || out.outbox.link() != link { out.writer.take() } else { None };
        drop(out);
        writer.into_iter().for_each(Waker::wake);
        result
    }

    /// Looks without changing.
    pub(super) fn look<R>(&self, look: impl FnOnce(&ClientOutbox) -> R) -> R {
        look(&self.lock().outbox)
    }

    fn poll_take(&self, link: u32, cx: &Context<'_>) -> Poll<Taken> {
        let mut out = self.lock();
        if out.outbox.link() != link {
            return Poll::Ready(Taken::Replaced);
        }
        match out.outbox.take() {
            Some(batch) => Poll::Ready(Taken::Batch(batch)),
            None if out.outbox.is_finished() => Poll::Ready(Taken::Finished),
            None => {
                out.writer = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(super) fn end(&self) -> Option<&EndReason> {
        self.end.get()
    }

    pub(super) fn end_reason(&self) -> EndReason {
        let unknown = || EndReason::new(Code::Unavailable, reason::SESSION_ENDED, "the session is over");
        self.end.get().cloned().unwrap_or_else(unknown)
    }

    pub(super) fn set_end(&self, reason: EndReason) {
        // The first reason counts.
        let _ = self.end.set(reason);
        self.state.send_replace(SessionState::Ended(self.end_reason()));
        self.ended.cancel();
    }

    /// However the driver ends, dropped before it ran too, nobody is left waiting.
    pub(super) fn set_over(&self) {
        self.set_end(EndReason::client_left());
        let error = HubError::from(&self.end_reason());
        self.with(|out| out.fail_all(&error));
        self.is_over.cancel();
    }

    pub(super) fn rtt(&self) -> Option<(Rtt, Option<i64>)> {
        *self.rtt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_access_token(&self, access_token: String) {
        *self.access_token.lock().unwrap_or_else(PoisonError::into_inner) = access_token;
    }

    /// A call or client result is over at this end.
    pub(super) fn exchanged(&self, exchange: &Exchange, result: &Result<Bytes, HubError>, began_ms: u64) {
        let took_ms = self.clock.now().mono_ms.saturating_sub(began_ms);
        metrics::exchange(exchange, result, took_ms);
        self.middleware.after(exchange, result, took_ms);
    }

    /// A push has come as a datagram. What waits for the driver is bounded: the oldest go.
    pub(super) fn put_datagram(&self, method: u32, body: Bytes) {
        let mut waiting = self.datagrams.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == CLIENT_DATAGRAMS_WAITING {
            waiting.pop_front();
        }
        waiting.push_back((method, body));
        drop(waiting);
        self.nudge.notify_one();
    }

    pub(super) fn take_datagrams(&self) -> VecDeque<(u32, Bytes)> {
        std::mem::take(&mut *self.datagrams.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        // An outbox is whole between any two of its methods, whatever a panic interrupted.
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For a client without a provider of its own.
#[async_trait]
impl AccessTokens for Shared {
    async fn access_token(&self) -> Result<String, HubError> {
        Ok(self.access_token.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// What one link sends. A link that was given up must not end as one that says goodbye: the server would end the session that
/// goes on over another.
pub(super) struct LinkOutgoing {
    shared: Arc<Shared>,
    link: u32,
    is_over: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl LinkOutgoing {
    pub(super) fn new(shared: Arc<Shared>, link: u32) -> Self {
        let is_over = Box::pin(shared.is_over.clone().cancelled_owned());
        Self { shared, link, is_over }
    }
}

impl From<LinkOutgoing> for Outgoing {
    fn from(outgoing: LinkOutgoing) -> Self {
        Self::new(outgoing)
    }
}

impl Stream for LinkOutgoing {
    type Item = wire::ClientBatch;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<wire::ClientBatch>> {
        match std::task::ready!(self.shared.poll_take(self.link, cx)) {
            Taken::Batch(batch) => Poll::Ready(Some(batch)),
            Taken::Finished => Poll::Ready(None),
            Taken::Replaced => self.is_over.as_mut().poll(cx).map(|()| None),
        }
    }
}
