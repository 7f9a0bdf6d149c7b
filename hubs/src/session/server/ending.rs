//! How a session ends: the client is told, calls return or are given up, hubs take leave.

use super::{Action, Phase, ServerSession};
use crate::call::HubIndex;
use crate::clock::Now;
use crate::end::EndReason;
use crate::error::{HubError, reason};
use crate::outbox::Outbox;

/// A session that has ended and whose hubs are still to take leave.
#[derive(Debug)]
pub(super) struct Ending {
    reason: EndReason,
    /// When what still runs is given up.
    until_ms: u64,
    /// The calls had their time; now the hubs have theirs.
    calls_had_their_time: bool,
    /// Hubs that are not told yet.
    untold: Vec<HubIndex>,
}

impl Ending {
    pub(super) fn until_ms(&self) -> u64 {
        self.until_ms
    }
}

impl ServerSession {
    /// Ends the session; the first reason counts. The client is told by `GoAway`, calls that wait are refused or forgotten.
    pub(crate) fn end(&mut self, now: Now, end: EndReason, out: &mut Outbox) {
        match &self.phase {
            Phase::Ending(_) | Phase::Closed => return,
            Phase::Draining { .. } if end.lets_calls_finish => return,
            Phase::Draining { reason, .. } => {
                let first = reason.clone();
                return self.close(now, first, out);
            }
            Phase::Hello | Phase::Authenticating | Phase::Ready | Phase::Detached { .. } => {}
        }
        self.actions.push_back(Action::Ended(end.clone()));
        if end.reason == reason::SLOW_CONSUMER {
            out.clear();
        }
        if end.is_told() {
            out.go_away(end.go_away());
        }
        let lives = matches!(self.phase, Phase::Ready | Phase::Detached { .. });
        if end.lets_calls_finish && lives && !self.calls.is_idle() {
            let until_ms = now.mono_ms + self.rules.limits.end_grace_ms;
            for id in self.calls.withdraw_waiting() {
                // No room even for this: the client does not read, and the grace time ends it.
                let _ = out.reply(id, Err(HubError::from(&end)));
            }
            self.phase = Phase::Draining { reason: end, until_ms };
            return;
        }
        self.close(now, end, out);
    }

    /// Nothing goes in or out any more.
    fn close(&mut self, now: Now, end: EndReason, out: &mut Outbox) {
        out.asks.fail_all(&HubError::from(&end));
        out.close();
        let is_welcomed = matches!(self.phase, Phase::Ready | Phase::Detached { .. } | Phase::Draining { .. });
        self.calls.withdraw_waiting();
        self.calls.cancel_running();
        let hubs = if is_welcomed { self.rules.methods.hubs() } else { 0 };
        self.phase = Phase::Ending(Ending {
            reason: end,
            until_ms: now.mono_ms + self.rules.limits.end_grace_ms,
            calls_had_their_time: false,
            untold: (0..hubs).map(HubIndex).collect(),
        });
        self.advance_ending(now, out);
    }

    /// One step on, when calls have returned or their time is up.
    pub(super) fn advance_ending(&mut self, now: Now, out: &mut Outbox) {
        match &mut self.phase {
            Phase::Draining { reason, until_ms } if self.calls.is_idle() || now.mono_ms >= *until_ms => {
                let reason = reason.clone();
                self.close(now, reason, out);
            }
            Phase::Ending(ending) => {
                if now.mono_ms >= ending.until_ms {
                    self.calls.abandon();
                    self.actions.push_back(Action::Abandon);
                    if std::mem::replace(&mut ending.calls_had_their_time, true) {
                        ending.untold.clear();
                    }
                    ending.until_ms = now.mono_ms + self.rules.limits.end_grace_ms;
                }
                let untold = std::mem::take(&mut ending.untold);
                let (idle, busy): (Vec<_>, Vec<_>) = untold.into_iter().partition(|hub| self.calls.is_hub_idle(*hub));
                ending.untold = busy;
                for hub in idle {
                    let run = self.calls.begin(hub);
                    let reason = ending.reason.clone();
                    self.actions.push_back(Action::Disconnect { run, hub, reason });
                }
                if ending.untold.is_empty() && self.calls.is_idle() {
                    self.phase = Phase::Closed;
                }
            }
            _ => {}
        }
    }
}
