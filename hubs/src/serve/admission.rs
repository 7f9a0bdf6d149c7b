//! What comes of a Hello: a session of its own, or one that waits for its client.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::session::Session;
use crate::directory::Registration;
use crate::end::EndReason;
use crate::error::{Code, HubError, reason};
use crate::handle::{SessionHandle, SessionParts};
use crate::link::LinkParts;
use crate::metrics;
use crate::outbox::OutboxCell;
use crate::ports::Principal;
use crate::resume::{Resume, Verdict};
use crate::server::Inner;
use crate::session::server::Admitted;

/// What became of a good token.
pub(super) enum Admission {
    /// A session of its own.
    New(Box<Registration>, Admitted),
    /// The driver of the session that the client wants to take up is asked for it.
    Claimed(PendingClaim),
    /// A live session goes on.
    Renewed(Principal),
}

/// A newer link wants the session.
pub(crate) struct Claim {
    /// The newest sequenced frame that its client has.
    pub(super) last_seq: u64,
    pub(super) taker: oneshot::Sender<Box<Session>>,
}

/// The other end of a [`Claim`].
pub(super) struct PendingClaim {
    pub(super) handle: SessionHandle,
    /// By the token that the link said Hello with.
    pub(super) principal: Principal,
    pub(super) resume: Resume,
    /// Broken when the session cannot be had.
    pub(super) session: oneshot::Receiver<Box<Session>>,
}

/// Who opens a session.
pub(super) struct Newcomer {
    pub(super) link: LinkParts,
    pub(super) out: Arc<OutboxCell>,
}

/// Verifies the token of a Hello and finds what it opens.
pub(super) async fn admit(
    server: Arc<Inner>,
    newcomer: Newcomer,
    access_token: String,
    resume: Option<Resume>,
) -> Result<Admission, HubError> {
    let principal = server.authenticator.authenticate(&access_token).await?;
    let Some(resume) = resume else { return enter(server, newcomer, principal).await };
    match server.directory.resumable(&principal, &resume.token) {
        Some((handle, Verdict::Good)) => {
            let (taker, session) = oneshot::channel();
            handle.claim(Claim { last_seq: resume.last_seq, taker });
            Ok(Admission::Claimed(PendingClaim { handle, principal, resume, session }))
        }
        Some(_) => Err(stale()),
        None => enter_instead(server, newcomer, principal).await,
    }
}

/// A claim came to nothing: the session has ended, or another link was quicker.
pub(super) async fn claim_failed(
    server: Arc<Inner>,
    newcomer: Newcomer,
    handle: SessionHandle,
    principal: Principal,
) -> Result<Admission, HubError> {
    if handle.is_ended() { enter_instead(server, newcomer, principal).await } else { Err(stale()) }
}

/// What the client wanted to take up is not to be had.
async fn enter_instead(server: Arc<Inner>, newcomer: Newcomer, principal: Principal) -> Result<Admission, HubError> {
    metrics::resume("lost");
    enter(server, newcomer, principal).await
}

/// Takes the account's place; whoever had it has left when this returns.
async fn enter(server: Arc<Inner>, newcomer: Newcomer, principal: Principal) -> Result<Admission, HubError> {
    let session = SessionHandle::new(SessionParts {
        principal,
        worker: newcomer.link.worker,
        out: Arc::clone(&newcomer.out),
        clock: Arc::clone(&server.clock),
        default_deadline_ms: server.rules.limits.default_deadline_ms,
        middleware: server.dispatch.middleware.clone(),
    });
    let (place, replaced) = server.directory.enter(session)?;
    if let Some(old) = replaced {
        old.end(EndReason::replaced());
        old.closed().await;
    }
    if server.is_draining() {
        return Err(HubError::new(Code::Unavailable, reason::DRAINING, "the server is stopping"));
    }
    let admitted = server.admitted(place.session(), principal, &newcomer.link, None);
    Ok(Admission::New(Box::new(place), admitted))
}

fn stale() -> HubError {
    metrics::resume("stale");
    HubError::new(Code::Unauthenticated, reason::RESUME_STALE, "a newer link has taken the session up")
}

impl Inner {
    /// What a Welcome says; `shown` is the resume token that the client came with.
    pub(super) fn admitted(
        &self,
        session: &SessionHandle,
        principal: Principal,
        link: &LinkParts,
        shown: Option<&[u8]>,
    ) -> Admitted {
        let resume_token =
            if self.rules.resumes { session.rotate_token(shown, &*self.randomness) } else { Bytes::new() };
        let channel = if link.datagrams.is_some() { None } else { self.channels.offer(session) };
        Admitted { principal, channel, resume_token }
    }
}
