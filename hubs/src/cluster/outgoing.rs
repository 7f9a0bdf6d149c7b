//! What waits for the broker: a bounded line for each node and one for all, taken as parcels. While the broker is away nothing waits:
//! what was sent meanwhile is repaired afterwards.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::message;
use crate::backplane::{NodeId, To};
use crate::limits::{OUTGOING_BYTES, OUTGOING_ITEMS, PARCEL_BYTES};
use crate::metrics;

#[derive(Debug, Default)]
struct Line {
    items: VecDeque<Bytes>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Lines {
    is_connected: bool,
    by_target: BTreeMap<To, Line>,
}

/// See the module's doc.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    lines: Mutex<Lines>,
    wake: Notify,
}

impl Outgoing {
    /// Puts an encoded item into a line; drops it when there is no room or no broker.
    pub(super) fn put(&self, to: &To, item: Bytes) {
        let mut lines = self.lock();
        if !lines.is_connected {
            return;
        }
        // Cloned for a new line only.
        if !lines.by_target.contains_key(to) {
            lines.by_target.insert(to.clone(), Line::default());
        }
        let Some(line) = lines.by_target.get_mut(to) else { return };
        if item.len() > PARCEL_BYTES / 2
            || line.items.len() >= OUTGOING_ITEMS
            || line.bytes + item.len() > OUTGOING_BYTES
        {
            metrics::backplane_dropped();
            return;
        }
        line.bytes += item.len();
        line.items.push_back(item);
        drop(lines);
        self.wake.notify_one();
    }

    /// The broker is there, or gone with all that waited for it.
    pub(super) fn set_connected(&self, is_connected: bool) {
        let mut lines = self.lock();
        lines.is_connected = is_connected;
        lines.by_target.clear();
    }

    /// A node is gone: nothing waits for it.
    pub(super) fn forget(&self, node: &NodeId) {
        self.lock().by_target.remove(&To::Node(node.clone()));
    }

    /// Waits until something waits.
    pub(super) async fn filled(&self) {
        self.wake.notified().await;
    }

    /// All that waits, as parcels of that node.
    pub(super) fn take(&self, origin: &NodeId) -> Vec<(To, Bytes)> {
        let lines = std::mem::take(&mut self.lock().by_target);
        let mut parcels = Vec::new();
        for (to, line) in lines {
            let mut parcel = message::header(origin);
            let empty = parcel.len();
            for item in line.items {
                if parcel.len() > empty && parcel.len() + item.len() > PARCEL_BYTES {
                    parcels.push((to.clone(), parcel.freeze()));
                    parcel = message::header(origin);
                }
                parcel.extend_from_slice(&item);
            }
            if parcel.len() > empty {
                parcels.push((to, parcel.freeze()));
            }
        }
        parcels
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Lines are whole between any two statements.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_parcels_too() {
        let outgoing = Outgoing::default();
        let origin = NodeId::new("a", 1).unwrap();
        let item = Bytes::from(vec![0_u8; 100_000]);
        outgoing.put(&To::All, item.clone());
        assert!(outgoing.take(&origin).is_empty(), "nothing waits for a broker that is away");
        outgoing.set_connected(true);
        for _ in 0..1_000 {
            outgoing.put(&To::All, item.clone());
        }
        outgoing.put(&To::Node(origin.clone()), Bytes::from(vec![0; PARCEL_BYTES]));
        let parcels = outgoing.take(&origin);
        assert!(parcels.iter().all(|(to, parcel)| *to == To::All && parcel.len() <= PARCEL_BYTES));
        let bytes: usize = parcels.iter().map(|(_, parcel)| parcel.len()).sum();
        assert!((OUTGOING_BYTES - 100_000..OUTGOING_BYTES + 10_000).contains(&bytes), "{bytes}");
        assert!(outgoing.take(&origin).is_empty());
    }
}
