//! What one client did, saw and was told.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost::Message as _;
use prost::bytes::Bytes;
use shallot_client::hubs::{
    AskContext, HubError, HubFuture, PushOutcome, ReceiverDispatcher, SessionState, error::reason,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::contract::{Begun, CONFIRM, Counted, Numbered, ON_BEGIN, ON_OWN, ON_ROOM};
use crate::limits::PROBLEMS_TOLD_MAX;

/// Shared by the client's receivers and whoever plays it.
#[derive(Debug, Default)]
pub(super) struct Book(Mutex<Seen>);

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing yet.
    Open,
    /// The reply, with how often it has run.
    Ran(u64),
    /// The session was lost while it was under way: it may have run.
    Unknown,
    /// The session was lost before it was sent: it has not run.
    NotRun,
}

/// A session as the client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LifeSeen {
    /// Its number, as the server says.
    pub(super) number: u64,
    /// Sessions that the client was told it has lost, when this one began.
    pub(super) losses: u64,
    pub(super) room_first: u64,
    /// Number of the last push to all; they came without a gap.
    pub(super) room_last: u64,
    /// The same of those to it alone.
    pub(super) own_last: u64,
    /// The same of questions.
    pub(super) asked: u64,
}

/// The session was lost, and the client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    /// Calls that were made by then: those that count up to this one.
    pub(super) made: u64,
    /// Since the link was lost.
    pub(super) after: Duration,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Calls and one-way calls so far: they count from 1, in the order they were made.
    pub(super) made: u64,
    /// Those with a reply.
    pub(super) calls: BTreeMap<u64, Told>,
    pub(super) lives: Vec<LifeSeen>,
    pub(super) losses: Vec<Loss>,
    /// From the loss of a link until the session went on over another.
    pub(super) comebacks: Vec<Duration>,
    /// What must not be, whatever the server says.
    pub(super) problems: Vec<String>,
    /// Sessions lost by clients before the one there is.
    pub(super) losses_before: u64,
    pub(super) state: Option<watch::Receiver<SessionState>>,
    pub(super) unlinked_since: Option<Instant>,
}

impl Book {
    pub(super) fn look<R>(&self, look: impl FnOnce(&Seen) -> R) -> R {
        look(&self.lock())
    }

    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Seen) -> R) -> R {
        change(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    pub(super) fn problem(&mut self, what: String) {
        if self.problems.len() < PROBLEMS_TOLD_MAX {
            self.problems.push(what);
        }
    }

    /// Another client opens, whose states are these.
    pub(super) fn opens(&mut self, state: watch::Receiver<SessionState>) {
        self.losses_before = self.losses.len() as u64;
        self.state = Some(state);
    }

    /// Whether it has a session with a link, and was told of its beginning.
    pub(super) fn is_live(&self) -> bool {
        let is_live = |state: &watch::Receiver<SessionState>| matches!(&*state.borrow(), SessionState::Live { .. });
        self.state.as_ref().is_some_and(is_live) && !self.lives.is_empty()
    }

    /// The client's state has changed.
    pub(super) fn state(&mut self, state: &SessionState) {
        match state {
            SessionState::Opening => {}
            SessionState::Reconnecting => drop(self.unlinked_since.get_or_insert_with(Instant::now)),
            SessionState::Live { lost_sessions, welcome } => {
                let losses = self.losses_before + u64::from(*lost_sessions);
                if losses > self.losses.len() as u64 {
                    self.lost_all(losses);
                } else if let Some(since) = self.unlinked_since.take().filter(|_| welcome.resumed) {
                    self.comebacks.push(since.elapsed());
                }
                self.unlinked_since = None;
            }
            SessionState::Ended(end) if end.reason == reason::SESSION_LOST => {
                self.lost_all(self.losses.len() as u64 + 1);
                self.unlinked_since = None;
            }
            SessionState::Ended(end) => self.problem(format!("ended: {end}")),
        }
    }

    /// So many sessions were lost by now.
    fn lost_all(&mut self, losses: u64) {
        let after = self.unlinked_since.map_or(Duration::ZERO, |since| since.elapsed());
        let loss = Loss { made: self.made, after };
        self.losses.resize(usize::try_from(losses).unwrap_or_default(), loss);
    }

    /// A call has come to an end.
    pub(super) fn told(&mut self, number: u64, result: Result<Bytes, HubError>) {
        let told = match result.map(Counted::decode) {
            Ok(Ok(counted)) if counted.number == number => Told::Ran(counted.times),
            Ok(other) => return self.problem(format!("call {number} was answered {other:?}")),
            Err(error) if error.reason == reason::CALL_OUTCOME_UNKNOWN => Told::Unknown,
            Err(error) if error.reason == reason::CALL_NOT_RUN => Told::NotRun,
            Err(error) => return self.problem(format!("call {number} failed: {error}")),
        };
        if self.calls.insert(number, told) != Some(Told::Open) {
            self.problem(format!("call {number} was answered twice"));
        }
    }

    fn begun(&mut self, Begun { life, room_first }: Begun) {
        let losses = match self.state.as_ref().map(|state| state.borrow().clone()) {
            Some(SessionState::Live { lost_sessions, .. }) => self.losses_before + u64::from(lost_sessions),
            other => return self.problem(format!("session {life} began in the state {other:?}")),
        };
        if let Some(last) = self.lives.last()
            && (life <= last.number || losses <= last.losses)
        {
            let last = last.number;
            self.problem(format!("session {life} began after session {last}, of whose loss nothing was told"));
        }
        let room_last = room_first.saturating_sub(1);
        self.lives.push(LifeSeen { number: life, losses, room_first, room_last, own_last: 0, asked: 0 });
    }

    /// A number came where its successor is awaited.
    fn numbered(&mut self, what: &str, number: u64, of: impl FnOnce(&mut LifeSeen) -> &mut u64) {
        let Some(life) = self.lives.last_mut() else {
            return self.problem(format!("{what} {number} before the session began"));
        };
        let (life_number, last) = (life.number, of(life));
        let before = std::mem::replace(last, number);
        if number != before + 1 {
            self.problem(format!("{what} {number} after {before} in session {life_number}"));
        }
    }
}

/// Hands what is pushed and asked to the book.
pub(super) struct Receiver(pub(super) std::sync::Arc<Book>);

impl ReceiverDispatcher for Receiver {
    fn push(&self, method: u32, body: &Bytes) -> Result<PushOutcome, HubError> {
        let malformed = |error: prost::DecodeError| HubError::malformed_frame(error.to_string());
        let number = || Numbered::decode(body.clone()).map(|message| message.number).map_err(malformed);
        let mut seen = self.0.lock();
        match method {
            ON_BEGIN => seen.begun(Begun::decode(body.clone()).map_err(malformed)?),
            ON_ROOM => seen.numbered("push to all", number()?, |life| &mut life.room_last),
            ON_OWN => seen.numbered("own push", number()?, |life| &mut life.own_last),
            _ => return Ok(PushOutcome::Unknown),
        }
        Ok(PushOutcome::Taken)
    }

    fn ask(&self, ask: AskContext, body: Bytes) -> Option<HubFuture<Result<Bytes, HubError>>> {
        if ask.method() != CONFIRM {
            return None;
        }
        let Numbered { number } = Numbered::decode(body).ok()?;
        // One that comes again, or out of order, is a problem: what is left was asked once.
        self.0.change(|seen| seen.numbered("question", number, |life| &mut life.asked));
        let answer = Bytes::from(Counted { number, times: 1 }.encode_to_vec());
        Some(Box::pin(std::future::ready(Ok(answer))))
    }
}
