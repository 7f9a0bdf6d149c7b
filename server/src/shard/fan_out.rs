//! From a shard's tick to the gateway workers: one message a worker and tick.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use shallot_masterdata::{MasterData, RegionIndex};
use shallot_proto::wire::{CharacterId, Tick};
use shallot_world::{Answer, Event, Outputs, Snapshot, Vitals};
use tokio::sync::mpsc;

use crate::clock::SystemClock;
use crate::gateway::worker::Delivery;
use crate::telemetry;

/// What one tick owes clients. Shared by all workers; each takes what belongs to its sessions.
pub(crate) struct TickDelivery {
    pub(crate) tick: Tick,
    pub(crate) region: RegionIndex,
    /// When it was handed on, since the process started.
    pub(crate) handed_on: Duration,
    pub(crate) data: Option<Arc<MasterData>>,
    pub(crate) replies: Vec<Answer>,
    pub(crate) events: Vec<(CharacterId, Event)>,
    pub(crate) vitals: Vec<(CharacterId, Vitals)>,
    pub(crate) snapshots: Vec<Snapshot>,
    /// All datagrams; [`Snapshot::range`] says whose is where.
    pub(crate) bytes: Bytes,
}

impl TickDelivery {
    fn of(region: RegionIndex) -> Self {
        Self {
            tick: Tick::default(),
            region,
            handed_on: Duration::ZERO,
            data: None,
            replies: Vec::new(),
            events: Vec::new(),
            vitals: Vec::new(),
            snapshots: Vec::new(),
            bytes: Bytes::new(),
        }
    }

    /// The datagram of one of `snapshots`, without a copy.
    pub(crate) fn datagram(&self, snapshot: &Snapshot) -> Option<Bytes> {
        (snapshot.range.end <= self.bytes.len()).then(|| self.bytes.slice(snapshot.range.clone()))
    }

    fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.events.is_empty() && self.vitals.is_empty() && self.snapshots.is_empty()
    }
}

/// The workers' inboxes, and buffers that come back once every worker is done with them.
pub(crate) struct FanOut {
    region: RegionIndex,
    clock: SystemClock,
    workers: Vec<(mpsc::Sender<Delivery>, metrics::Counter)>,
    spare: Vec<Arc<TickDelivery>>,
    pool: BytesMut,
}

impl FanOut {
    pub(crate) fn new(region: RegionIndex, clock: SystemClock, workers: &[mpsc::Sender<Delivery>]) -> Self {
        let counted = |(n, inbox): (usize, &mpsc::Sender<Delivery>)| {
            (inbox.clone(), metrics::counter!(telemetry::TICKS_LOST, "worker" => n.to_string()))
        };
        let workers = workers.iter().enumerate().map(counted).collect();
        Self { region, clock, workers, spare: Vec::new(), pool: BytesMut::new() }
    }

    /// Hands on what a tick put out for clients. A worker that takes nothing for seconds loses the tick, and is counted; the
    /// shard never waits for it.
    pub(crate) fn send(&mut self, tick: Tick, data: &Arc<MasterData>, outputs: &mut Outputs) {
        let mut delivery = self.take_spare();
        if let Some(body) = Arc::get_mut(&mut delivery) {
            self.pool.extend_from_slice(&outputs.bytes);
            body.tick = tick;
            body.handed_on = self.clock.since_start();
            body.data = Some(Arc::clone(data));
            body.bytes = self.pool.split().freeze();
            std::mem::swap(&mut body.replies, &mut outputs.replies);
            std::mem::swap(&mut body.events, &mut outputs.events);
            std::mem::swap(&mut body.vitals, &mut outputs.vitals);
            std::mem::swap(&mut body.snapshots, &mut outputs.snapshots);
        }
        if !delivery.is_empty() {
            for (inbox, lost) in &self.workers {
                if inbox.try_send(Delivery::Tick(Arc::clone(&delivery))).is_err() {
                    lost.increment(1);
                }
            }
        }
        self.spare.push(delivery);
    }

    /// A delivery that nobody holds any more, emptied; a new one when the workers still have all of them.
    fn take_spare(&mut self) -> Arc<TickDelivery> {
        for at in 0..self.spare.len() {
            if let Some(free) = self.spare.get_mut(at).and_then(Arc::get_mut) {
                free.replies.clear();
                free.events.clear();
                free.vitals.clear();
                free.snapshots.clear();
                free.bytes = Bytes::new();
                return self.spare.swap_remove(at);
            }
        }
        // A worker's inbox holds so many ticks at most, so the spares are bounded by it.
        Arc::new(TickDelivery::of(self.region))
    }
}
