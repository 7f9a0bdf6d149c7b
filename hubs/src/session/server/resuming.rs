//! How a session does without a link for a while, and goes on over another.

use shallot_proto::hub::v1 as wire;
use wire::server_frame::Frame as Out;

use super::{Attached, Phase, ServerSession};
use crate::clock::Now;
use crate::end::EndReason;
use crate::heartbeat::Heartbeat;
use crate::outbox::Outbox;

impl ServerSession {
    /// Whether it can do without its link: it lives, and links are waited for.
    pub(crate) fn can_detach(&self) -> bool {
        self.rules.resumes && matches!(self.phase, Phase::Ready)
    }

    /// Whether it waits for a link.
    pub(crate) fn is_detached(&self) -> bool {
        matches!(self.phase, Phase::Detached { .. })
    }

    /// Its link is gone. Calls, questions, deadlines, token and age go on; groups are kept, and hubs are not told.
    pub(crate) fn detach(&mut self, now: Now, out: &mut Outbox) {
        if self.can_detach() {
            out.detach();
            self.phase = Phase::Detached { until_ms: now.mono_ms + self.rules.limits.resume_grace_ms };
        }
    }

    /// It has a new link, whose client is brought up to date. Only a detached session, and what the client misses must be there
    /// ([`Outbox::can_replay`]).
    pub(crate) fn attach(&mut self, now: Now, attached: Attached, out: &mut Outbox) {
        let Attached { admitted, last_seq, opening, said } = attached;
        if !self.is_detached() {
            return;
        }
        let principal = admitted.principal;
        let welcome = wire::ServerFrame { frame: Some(Out::Welcome(self.welcome_frame(admitted, true).into())) };
        out.attach(opening.into_iter().chain([welcome]), last_seq);
        self.phase = Phase::Ready;
        self.link_call_id = 0;
        self.calls.expect_late();
        self.welcome_has_arrived = false;
        self.heartbeat = Heartbeat::new(now, self.rules.limits.heartbeat_ms.into());
        self.ping(now, out);
        match self.renew(now, principal) {
            Ok(()) => self.handle_frames(now, said, out),
            Err(error) => self.end(now, error.into(), out),
        }
    }

    /// For the session that a new link began with: what its client has said on it.
    pub(crate) fn take_said(&mut self) -> Vec<Option<wire::client_frame::Frame>> {
        std::mem::take(&mut self.said)
    }

    /// Grace time, token, age of a session without a link.
    pub(super) fn check_wait(&mut self, now: Now, until_ms: u64, out: &mut Outbox) {
        if !self.check_age(now, out) && now.mono_ms >= until_ms {
            let grace_ms = self.rules.limits.resume_grace_ms;
            self.end(now, EndReason::link_lost(format!("the link was lost and none came within {grace_ms} ms")), out);
        }
    }
}
