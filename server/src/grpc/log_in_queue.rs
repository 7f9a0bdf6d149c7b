//! Those who sign in wait their turn, so few at a time that those who are further on their way in do not wait for them: each step of it is a
//! write, and writes are done one after the other. Without it a storm of log-ins makes every later step too late, and all begin again.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status};

use super::status;
use crate::limits::{LOG_IN_RETRY, LOG_IN_WAIT, LOG_INS_AT_ONCE, LOG_INS_WAITING};

/// The queue of all gateway workers.
#[derive(Clone, Debug)]
pub(crate) struct LogInQueue {
    turns: Arc<Semaphore>,
    /// Places in the queue.
    places: Arc<Semaphore>,
}

impl LogInQueue {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(LOG_INS_AT_ONCE)), places: Arc::new(Semaphore::new(LOG_INS_WAITING)) }
    }

    /// Waits for a turn, which lasts until it is dropped. First come, first served; nothing was done for one who is refused.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Status> {
        let Ok(_place) = self.places.try_acquire() else { return Err(busy()) };
        match tokio::time::timeout(LOG_IN_WAIT, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            // Never closed.
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }
}

fn busy() -> Status {
    status::refusal_until(Code::ResourceExhausted, "LOG_IN_BUSY", "too many sign in just now", LOG_IN_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_have_a_turn_and_the_next_waits_for_one_of_them() {
        let queue = LogInQueue::new();
        let mut turns = Vec::new();
        for _ in 0..LOG_INS_AT_ONCE {
            turns.push(queue.turn().await.unwrap());
        }
        let (next, _) = tokio::join!(queue.turn(), async {
            tokio::time::sleep(LOG_IN_WAIT / 2).await;
            drop(turns.pop());
        });
        assert!(next.is_ok());
        let refused = queue.turn().await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.metadata().contains_key("shallot-retry-after-ms"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_is_refused_at_once_and_the_others_after_a_while() {
        let queue = LogInQueue::new();
        let held = queue.turns.acquire_many(LOG_INS_AT_ONCE as u32).await.unwrap();
        let began = tokio::time::Instant::now();
        let refused_after = |_| async {
            queue.turn().await.unwrap_err();
            began.elapsed()
        };
        let all = futures_util::future::join_all((0..LOG_INS_WAITING + 7).map(refused_after)).await;
        let at_once = all.iter().filter(|after| after.is_zero()).count();
        let waited = all.iter().filter(|after| **after >= LOG_IN_WAIT).count();
        assert_eq!((at_once, waited), (7, LOG_INS_WAITING));
        drop(held);
        assert!(queue.turn().await.is_ok());
    }
}
