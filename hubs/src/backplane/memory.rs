//! A bus between nodes in one process: for a cluster of one, and for tests, where it loses, doubles, delays and reorders by seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;

use super::{Backplane, BackplaneError, NodeId, To};
use crate::clock::Clock;
use crate::limits::MEMORY_BUS_MESSAGES;

/// What the bus does to messages, in hundredths of them and milliseconds. The default does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Of 100 messages so many are lost.
    pub lost: u8,
    /// Of 100 messages so many come twice.
    pub doubled: u8,
    /// Each takes between 0 and so many milliseconds: with more than 0 they overtake each other.
    pub delay_ms: u16,
}

/// The bus. Clones share it.
#[derive(Clone)]
pub struct MemoryBus {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    nodes: BTreeMap<NodeId, Mailbox>,
    faults: Faults,
    random: u64,
    count: u64,
    is_down: bool,
}

#[derive(Default)]
struct Mailbox {
    /// By the time at which they arrive, then by number.
    waiting: BTreeMap<(u64, u64), Bytes>,
    is_connected: bool,
    wake: Arc<Notify>,
}

impl MemoryBus {
    /// A bus whose faults follow from this seed.
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        let state = State { nodes: BTreeMap::new(), faults: Faults::default(), random: seed, count: 0, is_down: false };
        Self { inner: Arc::new(Inner { clock, state: Mutex::new(state) }) }
    }

    /// A node's end.
    #[must_use]
    pub fn attach(&self, node: NodeId) -> Arc<dyn Backplane> {
        Arc::new(MemoryBackplane { bus: self.clone(), node })
    }

    /// From here on messages fare like this.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// The broker goes away, with all that is under way, or comes back.
    pub fn set_down(&self, is_down: bool) {
        let mut state = self.lock();
        state.is_down = is_down;
        for mailbox in state.nodes.values_mut() {
            mailbox.waiting.clear();
            mailbox.is_connected = false;
            mailbox.wake.notify_waiters();
        }
    }

    /// How many messages were handed to the bus.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Maps and numbers, whole between any two statements.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a thing happens that happens in so many of 100 cases.
    fn happens(&mut self, percent: u8) -> bool {
        self.next() % 100 < u64::from(percent)
    }

    /// `SplitMix64` (Steele, Lea, Flood).
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn put(&mut self, node: &NodeId, now_ms: u64, message: &Bytes) {
        if self.happens(self.faults.lost) {
            return;
        }
        let copies = 1 + u32::from(self.happens(self.faults.doubled));
        for _ in 0..copies {
            let delay = self.next() % (u64::from(self.faults.delay_ms) + 1);
            self.count += 1;
            let key = (now_ms + delay, self.count);
            let Some(mailbox) = self.nodes.get_mut(node).filter(|mailbox| mailbox.is_connected) else { return };
            // A node that does not read loses the newest, as a broker's bounded buffer would.
            if mailbox.waiting.len() < MEMORY_BUS_MESSAGES {
                mailbox.waiting.insert(key, message.clone());
                mailbox.wake.notify_waiters();
            }
        }
    }
}

struct MemoryBackplane {
    bus: MemoryBus,
    node: NodeId,
}

#[async_trait]
impl Backplane for MemoryBackplane {
    async fn connect(&self) -> Result<(), BackplaneError> {
        let mut state = self.bus.lock();
        if state.is_down {
            return Err(down());
        }
        state.nodes.entry(self.node.clone()).or_default().is_connected = true;
        Ok(())
    }

    async fn send(&self, to: &To, message: Bytes) -> Result<(), BackplaneError> {
        let now_ms = self.bus.inner.clock.now().mono_ms;
        let mut state = self.bus.lock();
        if state.is_down {
            return Err(down());
        }
        match to {
            To::Node(node) => state.put(node, now_ms, &message),
            To::All => {
                let nodes: Vec<NodeId> = state.nodes.keys().cloned().collect();
                nodes.iter().for_each(|node| state.put(node, now_ms, &message));
            }
        }
        Ok(())
    }

    async fn receive(&self) -> Result<Bytes, BackplaneError> {
        loop {
            let clock = Arc::clone(&self.bus.inner.clock);
            let wake = {
                let state = self.bus.lock();
                let mailbox = state.nodes.get(&self.node).filter(|mailbox| mailbox.is_connected).ok_or_else(down)?;
                Arc::clone(&mailbox.wake)
            };
            let woken = wake.notified();
            tokio::pin!(woken);
            // From here on no wake is missed.
            woken.as_mut().enable();
            let due_ms = {
                let now_ms = clock.now().mono_ms;
                let mut state = self.bus.lock();
                let mailbox =
                    state.nodes.get_mut(&self.node).filter(|mailbox| mailbox.is_connected).ok_or_else(down)?;
                match mailbox.waiting.first_entry() {
                    Some(first) if first.key().0 <= now_ms => return Ok(first.remove()),
                    Some(first) => Some(first.key().0),
                    None => None,
                }
            };
            match due_ms {
                Some(due_ms) => tokio::select! {
                    () = woken => {}
                    () = clock.sleep_until(due_ms) => {}
                },
                None => woken.await,
            }
        }
    }
}

fn down() -> BackplaneError {
    BackplaneError("the bus is down".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backplane::contract;
    use crate::link::memory::MovedClock;

    fn bus() -> MemoryBus {
        MemoryBus::new(Arc::new(MovedClock::default()), 1)
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let bus = bus();
        contract::run(|node| bus.attach(node)).await;
    }

    #[tokio::test]
    async fn keeps_the_contract_through_an_outage() {
        let bus = bus();
        let mut ends = Vec::new();
        for number in 1..=3 {
            let end = bus.attach(NodeId::new(&format!("n{number}"), number).unwrap());
            end.connect().await.unwrap();
            ends.push(end);
        }
        bus.set_down(true);
        contract::run_outage(&ends, || async { bus.set_down(false) }).await;
    }
}
