//! Links that break: seeded delays, stalls and cuts, driven by the clock that tests move.
//!
//! A link is a reliable stream, so none of its messages is lost alone or overtakes another. What a network does to it: it delays,
//! it stalls, and it breaks off, each way by itself. What was under way at that moment may still arrive, even when a newer link
//! stands already; what was sent after it never does; and the two ends notice at times of their own.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use prost::Message as _;
use shallot_proto::hub::v1::ServerBatch;
use tokio::sync::mpsc;

use super::{IN_FLIGHT, MemoryLink, MovedClock, decode};
use crate::clock::{Clock, Sleep};
use crate::link::{ClientLink, LinkError, LinkKind, LinkParts, LinkStream, Outgoing};
use crate::random::Seeded;
use crate::serve::serve;

/// What a network does to links, in milliseconds of the clock. Each time is drawn between 0 and what stands here.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// The same seed does the same.
    pub seed: u64,
    /// A message is under way.
    pub delay_ms: u64,
    /// One message of 64, and all behind it.
    pub stall_ms: u64,
    /// From the opening of a link to its cut.
    pub cut_ms: u64,
    /// From the cut until an end notices.
    pub notice_ms: u64,
}

/// Opens links that break.
#[derive(Debug)]
pub struct FaultyLink {
    link: MemoryLink,
    clock: MovedClock,
    faults: Faults,
    random: Mutex<Seeded>,
    opened: AtomicU64,
}

impl FaultyLink {
    /// Links as `link` opens them, with these faults by this clock.
    #[must_use]
    pub fn new(link: MemoryLink, clock: MovedClock, faults: Faults) -> Self {
        let random = Mutex::new(Seeded::new(faults.seed));
        Self { link, clock, faults, random, opened: AtomicU64::new(0) }
    }

    /// Links opened so far; all but the newest were cut.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// What happens to both ways of the next link.
    fn plan(&self) -> [Plan; 2] {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let cut_ms = self.clock.now().mono_ms + random.up_to(self.faults.cut_ms);
        [(); 2].map(|()| Plan {
            faults: self.faults,
            random: Seeded::new(random.draw()),
            cut_ms,
            noticed_ms: cut_ms + random.up_to(self.faults.notice_ms),
        })
    }
}

#[async_trait]
impl ClientLink for FaultyLink {
    async fn open(&self, outgoing: Outgoing) -> Result<LinkStream<ServerBatch>, LinkError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let [up, down] = self.plan();
        let (clock, server_notices_ms) = (self.clock.clone(), up.noticed_ms);
        let arriving = Way::new(outgoing.map(|batch| Bytes::from(batch.encode_to_vec())), up, clock.clone());
        let parts = LinkParts::new(self.link.worker, LinkKind::Memory);
        let (from_server, driver) = serve(&self.link.server, parts, arriving.map(|bytes| decode(&bytes?)));
        let leaving = from_server.filter_map(|batch| std::future::ready(batch.ok()));
        let leaving = Way::new(leaving.map(|batch| Bytes::from(batch.encode_to_vec())), down, clock.clone());
        let (to_client, from_way) = mpsc::channel(IN_FLIGHT);
        let carry = async move {
            let mut leaving = pin!(leaving);
            let carried = async {
                while let Some(message) = leaving.next().await {
                    let is_cut = message.is_err();
                    if to_client.send(message).await.is_err() || is_cut {
                        return true;
                    }
                }
                false
            };
            let is_cut = tokio::select! {
                is_cut = carried => is_cut,
                () = to_client.closed() => true,
            };
            drop(to_client);
            if is_cut {
                // The server's end writes on until it notices by itself.
                clock.sleep_until(server_notices_ms).await;
            }
        };
        (self.link.run)(Box::pin(async move { tokio::join!(driver, carry).0 }));
        let arrived = stream::unfold(from_way, |mut from_way| async move { Some((from_way.recv().await?, from_way)) });
        Ok(Box::pin(arrived.map(|message: Result<Bytes, LinkError>| {
            ServerBatch::decode(message?).map_err(|error| LinkError::Malformed(error.to_string()))
        })))
    }
}

struct Plan {
    faults: Faults,
    random: Seeded,
    /// From here on what is sent is lost.
    cut_ms: u64,
    /// From here on nothing arrives.
    noticed_ms: u64,
}

/// One way of a link.
struct Way<S> {
    source: Pin<Box<S>>,
    plan: Plan,
    clock: MovedClock,
    /// In order, each with the time of its arrival.
    under_way: VecDeque<(u64, Bytes)>,
    last_due_ms: u64,
    /// The sender has said goodbye, before the cut.
    is_complete: bool,
    is_over: bool,
    sleep: Option<Sleep>,
}

impl<S: Stream<Item = Bytes>> Way<S> {
    fn new(source: S, plan: Plan, clock: MovedClock) -> Self {
        Self {
            source: Box::pin(source),
            plan,
            clock,
            under_way: VecDeque::new(),
            last_due_ms: 0,
            is_complete: false,
            is_over: false,
            sleep: None,
        }
    }

    /// Takes what the sender has. After the cut it is lost.
    fn take_in(&mut self, now_ms: u64, cx: &mut Context<'_>) {
        while !self.is_complete && self.under_way.len() < IN_FLIGHT {
            let Poll::Ready(message) = self.source.as_mut().poll_next(cx) else { return };
            if now_ms >= self.plan.cut_ms {
                if message.is_none() {
                    return;
                }
                continue;
            }
            match message {
                Some(message) => {
                    let due_ms = now_ms + self.plan.trip_ms();
                    self.last_due_ms = self.last_due_ms.max(due_ms);
                    self.under_way.push_back((self.last_due_ms, message));
                }
                None => self.is_complete = true,
            }
        }
    }
}

impl Plan {
    fn trip_ms(&mut self) -> u64 {
        let stalls = self.random.up_to(63) == 0;
        self.random.up_to(if stalls { self.faults.stall_ms } else { self.faults.delay_ms })
    }
}

impl<S: Stream<Item = Bytes>> Stream for Way<S> {
    type Item = Result<Bytes, LinkError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        loop {
            let now_ms = self.clock.now().mono_ms;
            self.take_in(now_ms, cx);
            if now_ms >= self.plan.noticed_ms {
                self.is_over = true;
                return Poll::Ready(Some(Err(LinkError::Lost("cut by the test".to_owned()))));
            }
            if let Some((_, message)) = self.under_way.pop_front_if(|(due_ms, _)| *due_ms <= now_ms) {
                return Poll::Ready(Some(Ok(message)));
            }
            if self.is_complete && self.under_way.is_empty() {
                self.is_over = true;
                return Poll::Ready(None);
            }
            let due_ms = self.under_way.front().map_or(u64::MAX, |(due_ms, _)| *due_ms);
            let mut sleep = self.clock.sleep_until(due_ms.min(self.plan.noticed_ms));
            if sleep.as_mut().poll(cx).is_pending() {
                self.sleep = Some(sleep);
                return Poll::Pending;
            }
        }
    }
}
