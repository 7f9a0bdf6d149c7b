//! Where use cases and stores run: a runtime of its own, so that a slow disk stalls no gateway worker.

use std::future::Future;

use tokio::runtime::Handle;

/// The store runtime, as others reach it.
#[derive(Clone)]
pub(crate) struct StoreRuntime {
    handle: Handle,
}

/// The use case panicked, or the process is stopping.
#[derive(Debug, thiserror::Error)]
#[error("the use case did not finish")]
pub(crate) struct Unfinished;

impl StoreRuntime {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { handle }
    }

    /// Runs a use case there and waits for it. It goes on when the caller is gone: what has begun to commit is not cut off.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Unfinished> {
        self.handle.spawn(work).await.map_err(|error| {
            tracing::error!(%error, "a use case did not finish");
            Unfinished
        })
    }
}
