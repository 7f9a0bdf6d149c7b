//! How others wake a session's driver.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Rung from any thread, heard by one task: once, however often it was rung before that, and not missed when nobody listened yet.
/// Cheaper to listen to anew for each event than a `Notify`, which keeps a list of listeners.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    is_rung: AtomicBool,
    listener: AtomicWaker,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.is_rung.store(true, Ordering::Release);
        self.listener.wake();
    }

    /// Ready when it was rung since it was last heard. The task that asked last is the one that is woken.
    pub(crate) fn poll_rung(&self, cx: &Context<'_>) -> Poll<()> {
        if self.hear() {
            return Poll::Ready(());
        }
        self.listener.register(cx.waker());
        // It may have been rung before the listener was there to be woken.
        if self.hear() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn hear(&self) -> bool {
        self.is_rung.load(Ordering::Relaxed) && self.is_rung.swap(false, Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_bell_is_heard_once_and_never_missed() {
        let (bell, cx) = (Bell::default(), Context::from_waker(Waker::noop()));
        assert!(bell.poll_rung(&cx).is_pending());
        bell.ring();
        bell.ring();
        assert!(bell.poll_rung(&cx).is_ready());
        assert!(bell.poll_rung(&cx).is_pending());
    }

    #[tokio::test]
    async fn who_listens_is_woken() {
        let bell = Bell::default();
        let heard = std::future::poll_fn(|cx| bell.poll_rung(cx));
        let rings = async {
            tokio::task::yield_now().await;
            bell.ring();
        };
        let both = async { tokio::join!(heard, rings) };
        tokio::time::timeout(std::time::Duration::from_secs(5), both).await.unwrap();
    }
}
