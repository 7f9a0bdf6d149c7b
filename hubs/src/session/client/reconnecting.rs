//! How a client does without a link, and comes back over another.

use shallot_proto::hub::v1 as wire;

use super::{ClientSession, Event, Phase};
use crate::client::OnSessionLost;
use crate::client::outbox::ClientOutbox;
use crate::clock::Now;
use crate::end::EndReason;
use crate::error::Code;
use crate::heartbeat::Heartbeat;
use crate::limits::{CLIENT_WELCOME_MS, RECONNECT_DIAL_MS, RECONNECT_FOR_MS};

impl ClientSession {
    /// The link that was asked for stands, or why it does not. What another attempt cannot change ends the session.
    pub(crate) fn handle_dialed(&mut self, now: Now, result: Result<(), EndReason>, out: &mut ClientOutbox) {
        let Phase::Dialing { is_open, .. } = &mut self.phase else { return };
        match result {
            Ok(()) => {
                *is_open = true;
                self.heartbeat = Heartbeat::new(now, CLIENT_WELCOME_MS);
                self.phase = Phase::Dialing { until_ms: now.mono_ms + CLIENT_WELCOME_MS, is_open: true };
            }
            Err(refusal) if is_final(refusal.code) => self.end(now, refusal, out),
            Err(refusal) => self.lose_link(now, refusal, out),
        }
    }

    /// Whether it has no link, so that nothing may be read from one.
    pub(crate) fn is_unlinked(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. } | Phase::Dialing { is_open: false, .. } | Phase::Closed)
    }

    /// Whether the loss of its link is made up for by another.
    pub(super) fn can_resume(&self) -> bool {
        let lives = matches!(self.phase, Phase::Ready | Phase::Waiting { .. } | Phase::Dialing { .. });
        lives && !self.resume_token.is_empty()
    }

    pub(super) fn lose_link(&mut self, now: Now, reason: EndReason, out: &mut ClientOutbox) {
        if matches!(self.phase, Phase::Ready) {
            self.give_up_ms = now.mono_ms + RECONNECT_FOR_MS;
            self.events.push_back(Event::LinkLost);
        }
        out.lose_link();
        self.ack_due_ms = None;
        self.unacknowledged = 0;
        self.phase = Phase::Waiting { until_ms: now.mono_ms + self.backoff.next_ms() };
        if now.mono_ms >= self.give_up_ms {
            out.lose_session();
            self.end(now, reason, out);
        }
    }

    pub(super) fn dial(&mut self, now: Now) {
        self.phase = Phase::Dialing { until_ms: now.mono_ms + RECONNECT_DIAL_MS, is_open: false };
        self.events.push_back(Event::Dial(wire::Hello {
            resume_token: Some(self.resume_token.clone()),
            last_seq: Some(self.last_seq),
            ..self.hello.clone()
        }));
    }

    /// The session goes on, or is lost.
    pub(super) fn welcomed_again(&mut self, now: Now, welcome: wire::Welcome, out: &mut ClientOutbox) {
        self.backoff.reset();
        self.give_up_ms = u64::MAX;
        if welcome.resumed {
            out.resume(welcome.last_call_id, now.mono_ms);
            return self.ready(welcome);
        }
        out.lose_session();
        self.events.push_back(Event::SessionLost);
        match self.on_lost {
            OnSessionLost::End => self.end(now, EndReason::session_lost(), out),
            OnSessionLost::StartAnew => {
                self.last_seq = 0;
                out.start_anew();
                self.ready(welcome);
            }
        }
    }
}

/// Whether to try again is in vain: the server knows the client and says no.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::Unimplemented
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use shallot_proto::hub::v1 as wire;
    use wire::server_frame::Frame as In;

    use super::super::Opening;
    use super::*;
    use crate::error::reason;

    fn at(ms: u64) -> Now {
        Now { mono_ms: ms, wall_ms: ms }
    }

    fn batch(frame: In) -> wire::ServerBatch {
        wire::ServerBatch { frames: vec![wire::ServerFrame { frame: Some(frame) }] }
    }

    fn welcome(resumed: bool) -> wire::Welcome {
        let resume_token = Bytes::from_static(b"token");
        wire::Welcome { session_id: vec![0; 16].into(), resume_token, resumed, ..wire::Welcome::default() }
    }

    fn ready(on_lost: OnSessionLost) -> (ClientSession, ClientOutbox) {
        let mut out = ClientOutbox::default();
        let opening = Opening { hello: wire::Hello::default(), on_lost, jitter_seed: 1 };
        let mut session = ClientSession::open(at(0), opening, &mut out);
        session.handle_batch(at(0), batch(In::Welcome(welcome(false).into())), &mut out);
        assert!(matches!(session.poll_event(), Some(Event::Welcome(_))));
        (session, out)
    }

    fn lost() -> EndReason {
        EndReason::link_lost("cut")
    }

    /// Waits for the next attempt; when it came.
    fn next_dial(session: &mut ClientSession, out: &mut ClientOutbox) -> u64 {
        let at_ms = session.poll_timeout(out);
        session.handle_timeout(at(at_ms), out);
        while let Some(event) = session.poll_event() {
            if matches!(event, Event::Dial(_)) {
                return at_ms;
            }
        }
        panic!("no attempt at {at_ms} ms")
    }

    #[test]
    fn attempts_go_on_until_the_session_is_given_up() {
        let (mut session, mut out) = ready(OnSessionLost::End);
        session.handle_link_closed(at(0), lost(), &mut out);
        let (mut attempts, mut last_ms) = (0, 0);
        while !session.is_closed() {
            last_ms = next_dial(&mut session, &mut out);
            attempts += 1;
            session.handle_dialed(at(last_ms), Err(lost()), &mut out);
        }
        assert!((RECONNECT_FOR_MS..RECONNECT_FOR_MS + 5_001).contains(&last_ms), "{last_ms} ms");
        assert!((12..40).contains(&attempts), "{attempts} attempts");
    }

    #[test]
    fn what_another_attempt_cannot_change_ends_it() {
        let (mut session, mut out) = ready(OnSessionLost::End);
        session.handle_link_closed(at(0), lost(), &mut out);
        let now_ms = next_dial(&mut session, &mut out);
        let refused = EndReason::new(Code::Unauthenticated, "TOKEN_INVALID", "signed out");
        session.handle_dialed(at(now_ms), Err(refused), &mut out);
        assert!(session.is_closed());
    }

    #[test]
    fn an_attempt_that_hangs_is_given_up() {
        let (mut session, mut out) = ready(OnSessionLost::End);
        session.handle_link_closed(at(0), lost(), &mut out);
        let now_ms = next_dial(&mut session, &mut out);
        session.handle_timeout(at(now_ms + RECONNECT_DIAL_MS), &mut out);
        assert!(matches!(session.poll_event(), Some(Event::HangUp)));
        next_dial(&mut session, &mut out);
    }

    #[test]
    fn a_session_that_cannot_be_resumed_ends_or_starts_anew() {
        for on_lost in [OnSessionLost::End, OnSessionLost::StartAnew] {
            let (mut session, mut out) = ready(on_lost);
            session.handle_link_closed(at(0), lost(), &mut out);
            let now_ms = next_dial(&mut session, &mut out);
            session.handle_dialed(at(now_ms), Ok(()), &mut out);
            session.handle_batch(at(now_ms), batch(In::Welcome(welcome(false).into())), &mut out);
            assert!(matches!(session.poll_event(), Some(Event::SessionLost)));
            match (on_lost, session.poll_event()) {
                (OnSessionLost::End, Some(Event::Ended(end))) => assert_eq!(end.reason, reason::SESSION_LOST),
                (OnSessionLost::StartAnew, Some(Event::Welcome(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_server_that_gave_no_token_is_not_called_again() {
        let mut out = ClientOutbox::default();
        let opening = Opening { hello: wire::Hello::default(), on_lost: OnSessionLost::End, jitter_seed: 1 };
        let mut session = ClientSession::open(at(0), opening, &mut out);
        let welcome = wire::Welcome { resume_token: Bytes::new(), ..welcome(false) };
        session.handle_batch(at(0), batch(In::Welcome(welcome.into())), &mut out);
        session.handle_link_closed(at(0), lost(), &mut out);
        assert!(session.is_closed());
    }
}
