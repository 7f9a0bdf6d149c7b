//! The calls of a session: turns, queue, deadlines, cancel. Without IO and without a clock.
//!
//! Each hub has a turn. A call waits until the one before it has returned; its hub's `on_connect` has the first turn. A call
//! that a client makes from inside a client result carries the question's id: it runs inside the turn of the call that asks, one
//! at a time with others of the same question. Methods marked `concurrent` do not wait, once `on_connect` has returned.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::contract::MethodContract;
use crate::limits::{LATE_CALL_BYTES, LATE_CALLS, SessionLimits};

/// One future that a session runs: a call, an `on_connect` or an `on_disconnect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RunId(u64);

/// Place of a hub in the server's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HubIndex(pub(crate) usize);

/// Tells a run that it was cancelled. Its token is made when somebody asks for it or cancels: most calls are over before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancellation(Arc<OnceLock<CancellationToken>>);

impl Cancellation {
    pub(crate) fn token(&self) -> &CancellationToken {
        self.0.get_or_init(CancellationToken::new)
    }

    fn cancel(&self) {
        self.token().cancel();
    }
}

/// A call as it came in.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) id: u64,
    pub(crate) hub: HubIndex,
    pub(crate) method: &'static MethodContract,
    pub(crate) one_way: bool,
    /// Of the session's clock.
    pub(crate) deadline_ms: u64,
    pub(crate) arrived_ms: u64,
    /// The question it is made inside of, and the run that asked it.
    pub(crate) within: Option<(u64, RunId)>,
    pub(crate) body: Bytes,
}

/// A call whose turn has come.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) run: RunId,
    pub(crate) cancel: Cancellation,
    pub(crate) call: Arrived,
}

/// What a run that returned was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// A call that the client awaits.
    AnswerDue(u64),
    /// A call without an answer, or answered already; or no call.
    Silent,
}

/// What became of a cancel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CancelOutcome {
    /// It had not begun and never will; `true` when the client awaits an answer.
    Withdrawn(bool),
    /// Its token is cancelled; the handler's own answer follows.
    Told,
    /// No such call, or no longer.
    Unknown,
}

/// The queue is full: the call is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

#[derive(Debug)]
struct Turn {
    /// The question whose inner calls these are; `None` for the hub's own turn.
    ask: Option<u64>,
    /// `on_connect` has returned.
    is_open: bool,
    running: Option<RunId>,
    waiting: VecDeque<Arrived>,
}

#[derive(Debug)]
struct Running {
    run: RunId,
    hub: HubIndex,
    cancel: Cancellation,
    /// `None` for `on_connect` and `on_disconnect`.
    call: Option<RunningCall>,
}

#[derive(Debug)]
struct RunningCall {
    id: u64,
    is_concurrent: bool,
    awaits_answer: bool,
    /// Taken when it has passed.
    deadline_ms: Option<u64>,
}

/// Room beyond the queue.
#[derive(Debug, Default)]
struct LateRoom {
    calls: usize,
    bytes: usize,
}

impl LateRoom {
    /// Whether there is room for this call.
    fn take(&mut self, call: &Arrived) -> bool {
        let left = self.calls.checked_sub(1).zip(self.bytes.checked_sub(call.body.len()));
        if let Some((calls, bytes)) = left {
            *self = Self { calls, bytes };
        }
        left.is_some()
    }
}

/// See the module's doc.
#[derive(Debug)]
pub(crate) struct CallTable {
    max_waiting: usize,
    late: LateRoom,
    max_concurrent: usize,
    next_run: u64,
    /// First one for each hub, in their order; then those of questions.
    turns: Vec<Turn>,
    hubs: usize,
    running: Vec<Running>,
    started: VecDeque<Started>,
}

impl CallTable {
    pub(crate) fn new(hubs: usize, limits: &SessionLimits) -> Self {
        let turn = |_| Turn { ask: None, is_open: false, running: None, waiting: VecDeque::new() };
        Self {
            max_waiting: limits.call_queue,
            late: LateRoom::default(),
            max_concurrent: limits.concurrent_calls,
            next_run: 0,
            turns: (0..hubs).map(turn).collect(),
            hubs,
            running: Vec::new(),
            started: VecDeque::new(),
        }
    }

    /// A run that is no call: `on_connect` takes the hub's turn, `on_disconnect` comes when there are no turns any more.
    pub(crate) fn begin(&mut self, hub: HubIndex) -> RunId {
        let run = self.next_run();
        if let Some(turn) = self.turns.get_mut(hub.0) {
            turn.running = Some(run);
        }
        self.running.push(Running { run, hub, cancel: Cancellation::default(), call: None });
        run
    }

    /// There is a new link, over which come the calls that the client could not send before: they are not refused for their number.
    pub(crate) fn expect_late(&mut self) {
        let bytes = self.turns.iter().flat_map(|turn| &turn.waiting).map(|call| call.body.len()).sum();
        self.late =
            LateRoom { calls: LATE_CALLS.saturating_sub(self.waiting()), bytes: LATE_CALL_BYTES.saturating_sub(bytes) };
    }

    /// Takes a call in; it may start at once.
    pub(crate) fn admit(&mut self, call: Arrived) -> Result<(), QueueFull> {
        let hub = call.hub;
        let is_open = self.turns.get(hub.0).is_some_and(|turn| turn.is_open);
        let needs_no_turn = call.method.concurrent && is_open;
        if needs_no_turn && self.concurrent() < self.max_concurrent {
            self.start(call);
            return Ok(());
        }
        if (needs_no_turn || self.waiting() >= self.max_waiting) && !self.late.take(&call) {
            return Err(QueueFull);
        }
        let at = self.turn_for(&call);
        if let Some(turn) = self.turns.get_mut(at) {
            turn.waiting.push_back(call);
        }
        self.advance(at);
        Ok(())
    }

    /// The next call whose turn has come.
    pub(crate) fn poll_start(&mut self) -> Option<Started> {
        self.started.pop_front()
    }

    /// A run has returned: the next one of its turn starts.
    pub(crate) fn finish(&mut self, run: RunId) -> Finished {
        let Some(at) = self.running.iter().position(|r| r.run == run) else {
            return Finished::Silent;
        };
        let finished = self.running.swap_remove(at);
        if let Some(at) = self.turns.iter().position(|turn| turn.running == Some(run)) {
            if let Some(turn) = self.turns.get_mut(at) {
                turn.running = None;
                turn.is_open = true;
            }
            self.advance(at);
        }
        // Concurrent methods may wait in the hub's line for one another.
        self.advance(finished.hub.0);
        match finished.call {
            Some(call) if call.awaits_answer => Finished::AnswerDue(call.id),
            _ => Finished::Silent,
        }
    }

    pub(crate) fn cancel(&mut self, id: u64) -> CancelOutcome {
        for turn in &mut self.turns {
            if let Some(at) = turn.waiting.iter().position(|call| call.id == id) {
                let withdrawn = turn.waiting.remove(at);
                return CancelOutcome::Withdrawn(withdrawn.is_some_and(|call| !call.one_way));
            }
        }
        let is_it = |r: &&Running| r.call.as_ref().is_some_and(|call| call.id == id);
        match self.running.iter().find(is_it) {
            Some(running) => {
                running.cancel.cancel();
                CancelOutcome::Told
            }
            None => CancelOutcome::Unknown,
        }
    }

    /// Gives up what is past its deadline; returns the calls to be answered so. A running one is told by its token, and keeps its
    /// turn until it returns.
    pub(crate) fn expire(&mut self, mono_ms: u64) -> Vec<u64> {
        let mut expired = Vec::new();
        for turn in &mut self.turns {
            turn.waiting.retain(|call| {
                let stays = call.deadline_ms > mono_ms;
                if !stays && !call.one_way {
                    expired.push(call.id);
                }
                stays
            });
        }
        for running in &mut self.running {
            let Some(call) = running.call.as_mut().filter(|call| call.deadline_ms.is_some_and(|at| at <= mono_ms))
            else {
                continue;
            };
            call.deadline_ms = None;
            running.cancel.cancel();
            if std::mem::take(&mut call.awaits_answer) {
                expired.push(call.id);
            }
        }
        expired
    }

    /// When the next call is past its deadline.
    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        let waiting = self.turns.iter().flat_map(|turn| &turn.waiting).map(|call| call.deadline_ms);
        let running = self.running.iter().filter_map(|r| r.call.as_ref()?.deadline_ms);
        waiting.chain(running).min()
    }

    /// Withdraws what has not begun; returns the calls that await an answer.
    pub(crate) fn withdraw_waiting(&mut self) -> Vec<u64> {
        let running = &mut self.running;
        let unbegun = self.started.drain(..).map(|started| {
            running.retain(|r| r.run != started.run);
            started.call
        });
        let waiting = self.turns.iter_mut().flat_map(|turn| turn.waiting.drain(..));
        let awaited = unbegun.chain(waiting).filter(|call| !call.one_way);
        let withdrawn = awaited.map(|call| call.id).collect();
        self.turns.truncate(self.hubs);
        withdrawn
    }

    /// Tells all that runs.
    pub(crate) fn cancel_running(&self) {
        self.running.iter().for_each(|running| running.cancel.cancel());
    }

    /// Forgets all that runs: it was given up.
    pub(crate) fn abandon(&mut self) {
        self.running.clear();
        self.started.clear();
    }

    pub(crate) fn waiting(&self) -> usize {
        self.turns.iter().map(|turn| turn.waiting.len()).sum()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    pub(crate) fn is_hub_idle(&self, hub: HubIndex) -> bool {
        self.running.iter().all(|running| running.hub != hub)
    }

    fn concurrent(&self) -> usize {
        self.running.iter().filter(|r| r.call.as_ref().is_some_and(|call| call.is_concurrent)).count()
    }

    /// Where a call waits: inside the question it names, while the run that asked is of the same hub and not done; else in the
    /// hub's line.
    fn turn_for(&mut self, call: &Arrived) -> usize {
        let is_asking = |asker: RunId| self.running.iter().any(|r| r.run == asker && r.hub == call.hub);
        let Some((ask, _)) = call.within.filter(|(_, asker)| is_asking(*asker)) else {
            return call.hub.0;
        };
        if let Some(at) = self.turns.iter().position(|turn| turn.ask == Some(ask)) {
            return at;
        }
        let turn = Turn { ask: Some(ask), is_open: true, running: None, waiting: VecDeque::new() };
        self.turns.push(turn);
        self.turns.len() - 1
    }

    /// Starts what may start of a turn; an empty one of a question goes away.
    fn advance(&mut self, at: usize) {
        loop {
            let may_run_concurrently = self.concurrent() < self.max_concurrent;
            let Some(turn) = self.turns.get_mut(at) else { return };
            let may_run_concurrently = may_run_concurrently && turn.is_open;
            let is_free = turn.running.is_none() && turn.is_open;
            let may_start = |call: &mut Arrived| if call.method.concurrent { may_run_concurrently } else { is_free };
            let Some(call) = turn.waiting.pop_front_if(may_start) else { break };
            let takes_turn = !call.method.concurrent;
            let run = self.start(call);
            if let Some(turn) = self.turns.get_mut(at).filter(|_| takes_turn) {
                turn.running = Some(run);
            }
        }
        let is_over = |turn: &Turn| turn.ask.is_some() && turn.running.is_none() && turn.waiting.is_empty();
        if self.turns.get(at).is_some_and(is_over) {
            self.turns.swap_remove(at);
        }
    }

    fn start(&mut self, call: Arrived) -> RunId {
        let run = self.next_run();
        let cancel = Cancellation::default();
        self.running.push(Running {
            run,
            hub: call.hub,
            cancel: cancel.clone(),
            call: Some(RunningCall {
                id: call.id,
                is_concurrent: call.method.concurrent,
                awaits_answer: !call.one_way,
                deadline_ms: Some(call.deadline_ms),
            }),
        });
        self.started.push_back(Started { run, cancel, call });
        run
    }

    fn next_run(&mut self) -> RunId {
        self.next_run += 1;
        RunId(self.next_run)
    }
}

#[cfg(test)]
mod tests;
