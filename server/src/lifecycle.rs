//! Start and stop: a soft stop under a hard one, one tracker, a named spawn.
//!
//! The soft stop asks everybody to finish: listeners close, sessions are told to go and are saved, shards stop after that. The
//! hard stop, after a second signal or [`limits::DRAIN`](crate::limits::DRAIN), ends what is left. A soft stop without a signal
//! means that a task crashed: the process then ends with a failure.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Cloneable handle to the one lifecycle of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lifecycle {
    /// Asks to finish.
    pub(crate) soft: CancellationToken,
    /// Ends what is left.
    pub(crate) hard: CancellationToken,
    tracker: TaskTracker,
    crashed: Arc<AtomicBool>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Runs a task on the runtime of the caller until it ends or the hard stop comes. A panic in it stops the process softly.
    pub(crate) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_on(&Handle::current(), name, task);
    }

    /// The same on another runtime.
    pub(crate) fn spawn_on(
        &self,
        runtime: &Handle,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let this = self.clone();
        self.tracker.spawn_on(
            async move {
                let guarded = AssertUnwindSafe(task).catch_unwind();
                tokio::select! {
                    outcome = guarded => if outcome.is_err() { this.crash(name) },
                    () = this.hard.cancelled() => tracing::warn!(task = name, "ended by the hard stop"),
                }
            },
            runtime,
        );
    }

    /// Runs a task whose panic ends only itself (a session): it is logged and counted, nobody else notices.
    pub(crate) fn spawn_isolated(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let hard = self.hard.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                outcome = AssertUnwindSafe(task).catch_unwind() => if outcome.is_err() {
                    metrics::counter!(crate::telemetry::TASK_PANICS, "task" => name).increment(1);
                    tracing::error!(task = name, "panicked and was ended");
                },
                () = hard.cancelled() => {}
            }
        });
    }

    /// Reports the crash of a part that nothing replaces.
    pub(crate) fn crash(&self, name: &'static str) {
        tracing::error!(task = name, "crashed; stopping");
        self.crashed.store(true, Ordering::SeqCst);
        self.soft.cancel();
    }

    /// Whether the stop was caused by a crash.
    pub(crate) fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::SeqCst)
    }

    /// Waits until every task has ended.
    pub(crate) async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
