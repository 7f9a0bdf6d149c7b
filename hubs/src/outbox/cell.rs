//! An outbox between those who push, on any thread, and the link that writes: one link at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use shallot_proto::hub::v1 as wire;

use super::Outbox;

/// An outbox, and whoever writes what it holds.
#[derive(Debug)]
pub(crate) struct OutboxCell {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    outbox: Outbox,
    /// Counts the links. Only the newest may take.
    link: u32,
    writer: Option<Waker>,
    /// The session that the link was taken over by, and the link's number there.
    moved_to: Option<(Arc<OutboxCell>, u32)>,
}

/// What a link gets.
#[derive(Debug)]
pub(crate) enum Taken {
    Batch(wire::ServerBatch),
    /// From here on its outbox is this one, and its number there.
    Moved(Arc<OutboxCell>, u32),
    /// Nothing more: the session is over, or another link has its place.
    Over,
}

impl OutboxCell {
    /// Its first link has the number 0.
    pub(crate) fn new(outbox: Outbox) -> Self {
        Self { state: Mutex::new(State { outbox, link: 0, writer: None, moved_to: None }) }
    }

    /// Changes the outbox and wakes the writer if there is something for it now that was not before. `mono_ms` is asked only when
    /// the outbox was empty.
    pub(crate) fn with<R>(&self, mono_ms: impl FnOnce() -> u64, change: impl FnOnce(&mut Outbox) -> R) -> R {
        let mut state = self.lock();
        let was_ready = state.outbox.is_ready();
        let result = change(&mut state.outbox);
        if state.outbox.waiting_since.is_none() && !state.outbox.is_empty() {
            state.outbox.waiting_since = Some(mono_ms());
        }
        let writer = if !was_ready && state.outbox.is_ready() { state.writer.take() } else { None };
        drop(state);
        wake(writer);
        result
    }

    /// See [`Outbox::reuse`].
    pub(crate) fn reuse(&self, frames: Vec<wire::ServerFrame>) {
        self.lock().outbox.reuse(frames);
    }

    /// Looks without changing.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Outbox) -> R) -> R {
        look(&self.lock().outbox)
    }

    /// Holds all frames back until the same number of `uncork`s: what comes meanwhile leaves as one message.
    pub(crate) fn cork(&self) {
        let mut state = self.lock();
        if !state.outbox.closed {
            state.outbox.corks += 1;
        }
    }

    /// See [`OutboxCell::cork`].
    pub(crate) fn uncork(&self) {
        self.with(|| 0, |outbox| outbox.corks = outbox.corks.saturating_sub(1));
    }

    /// No link that took from here may do so any more; the number of the next.
    pub(crate) fn next_link(&self) -> u32 {
        let mut state = self.lock();
        state.link += 1;
        let (link, writer) = (state.link, state.writer.take());
        drop(state);
        wake(writer);
        link
    }

    /// The link of this outbox goes on with another; what waited here is to be sent first there.
    pub(crate) fn move_to(&self, cell: &Arc<Self>, link: u32) -> Vec<wire::ServerFrame> {
        let mut state = self.lock();
        let waiting = state.outbox.take().map(|batch| batch.frames).unwrap_or_default();
        state.moved_to = Some((Arc::clone(cell), link));
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        waiting
    }

    /// For the link of this number.
    pub(crate) fn poll_take(&self, link: u32, cx: &Context<'_>) -> Poll<Taken> {
        let mut state = self.lock();
        if state.link != link {
            return Poll::Ready(Taken::Over);
        }
        if let Some(batch) = state.outbox.take() {
            return Poll::Ready(Taken::Batch(batch));
        }
        if let Some((cell, link)) = &state.moved_to {
            return Poll::Ready(Taken::Moved(Arc::clone(cell), *link));
        }
        if state.outbox.is_finished() {
            return Poll::Ready(Taken::Over);
        }
        if !state.writer.as_ref().is_some_and(|writer| writer.will_wake(cx.waker())) {
            state.writer = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // An outbox is whole between any two of its methods, whatever a panic interrupted.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(writer: Option<Waker>) {
    writer.into_iter().for_each(Waker::wake);
}
