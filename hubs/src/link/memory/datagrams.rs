//! Datagrams without a network: by seed they are lost, doubled, delayed, and so overtake each other.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{IN_FLIGHT, MovedClock};
use crate::clock::Clock;
use crate::link::DatagramChannel;
use crate::random::Seeded;

/// What a network does to datagrams, in hundredths of them and milliseconds of the clock.
#[derive(Clone, Copy, Debug)]
pub struct DatagramFaults {
    /// The same seed does the same.
    pub seed: u64,
    /// Of 100 so many are lost.
    pub lost: u8,
    /// Of 100 so many come twice.
    pub doubled: u8,
    /// Each takes between 0 and so many milliseconds.
    pub delay_ms: u64,
}

/// The datagrams to one client. Whoever plays the client takes them out: [`arrived`](Self::arrived).
#[derive(Debug)]
pub struct FaultyDatagrams {
    clock: MovedClock,
    faults: DatagramFaults,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: Seeded,
    /// By the time of their arrival, then by number.
    under_way: BTreeMap<(u64, u64), Bytes>,
    count: u64,
    lost: u64,
}

impl FaultyDatagrams {
    /// None is under way.
    #[must_use]
    pub fn new(clock: MovedClock, faults: DatagramFaults) -> Self {
        let state = State { random: Seeded::new(faults.seed), under_way: BTreeMap::new(), count: 0, lost: 0 };
        Self { clock, faults, state: Mutex::new(state) }
    }

    /// What has arrived since the last call, in that order.
    #[must_use]
    pub fn arrived(&self) -> Vec<Bytes> {
        let now_ms = self.clock.now().mono_ms;
        let mut state = self.lock();
        let still = state.under_way.split_off(&(now_ms + 1, 0));
        std::mem::replace(&mut state.under_way, still).into_values().collect()
    }

    /// How many were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A map and numbers, whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DatagramChannel for FaultyDatagrams {
    fn try_send(&self, datagram: &Bytes) -> bool {
        let now_ms = self.clock.now().mono_ms;
        let mut state = self.lock();
        let happens = |state: &mut State, percent: u8| state.random.draw() % 100 < u64::from(percent);
        // A line that is full loses what comes, as a network's does.
        if happens(&mut state, self.faults.lost) || state.under_way.len() >= IN_FLIGHT {
            state.lost += 1;
            return true;
        }
        let copies = 1 + u8::from(happens(&mut state, self.faults.doubled));
        for _ in 0..copies {
            state.count += 1;
            let due = (now_ms + state.random.up_to(self.faults.delay_ms), state.count);
            state.under_way.insert(due, datagram.clone());
        }
        true
    }
}
