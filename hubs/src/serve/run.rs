//! One future of a session: a call or a hook, fenced so that a panic ends no more than its session.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tracing::Span;

use crate::call::RunId;
use crate::contract::MethodContract;
use crate::dispatch::HubFuture;
use crate::error::{Code, HubError, reason};

/// What runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Call { method: &'static MethodContract, arrived_ms: u64 },
    Hook(&'static str),
}

impl What {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Call { method, .. } => method.name,
            Self::Hook(name) => name,
        }
    }
}

/// What came of it.
pub(super) struct Returned {
    pub(super) run: RunId,
    pub(super) what: What,
    pub(super) result: Result<Bytes, HubError>,
    pub(super) panicked: bool,
}

pub(super) struct Run {
    run: RunId,
    what: What,
    future: HubFuture<Result<Bytes, HubError>>,
    /// Entered while it runs.
    span: Span,
}

impl Run {
    pub(super) fn call(
        run: RunId,
        method: &'static MethodContract,
        arrived_ms: u64,
        future: HubFuture<Result<Bytes, HubError>>,
        span: Span,
    ) -> Self {
        Self { run, what: What::Call { method, arrived_ms }, future, span }
    }

    pub(super) fn hook(run: RunId, name: &'static str, future: HubFuture<()>) -> Self {
        let future = Box::pin(async move {
            future.await;
            Ok(Bytes::new())
        });
        Self { run, what: What::Hook(name), future, span: Span::none() }
    }
}

impl Future for Run {
    type Output = Returned;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Returned> {
        let this = self.get_mut();
        let _entered = this.span.enter();
        // The future is dropped after a panic, never polled again; what it shares with others is behind locks.
        let polled = catch_unwind(AssertUnwindSafe(|| this.future.as_mut().poll(cx)));
        let (result, panicked) = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => (result, false),
            Err(_) => (Err(HubError::new(Code::Internal, reason::PANIC, "the handler failed")), true),
        };
        Poll::Ready(Returned { run: this.run, what: this.what, result, panicked })
    }
}
