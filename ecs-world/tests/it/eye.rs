//! A client's eye: what it decodes of snapshots and acknowledges, without a link.

use std::collections::BTreeMap;

use shallot_wire::datagram::Ack;
use shallot_wire::limits::CROWD_TICKS;
use shallot_wire::{Arrival, Entry, NetId, Received, Snapshot, Table, Tick};

#[derive(Debug, Default)]
pub(crate) struct Eye {
    received: Received,
    /// By sequence.
    tables: BTreeMap<u16, Table>,
    newest: Table,
    pub(crate) tick: Tick,
    pub(crate) crowd: BTreeMap<NetId, Entry>,
    /// Snapshots that go on from one that is not here.
    pub(crate) without_baseline: u32,
}

impl Eye {
    /// Takes a datagram in, if it is the newest and can be decoded; whether it is.
    pub(crate) fn take(&mut self, datagram: &[u8]) -> bool {
        let snapshot = Snapshot::decode(datagram).unwrap();
        let sequence = snapshot.header.sequence;
        if self.received.judge(sequence) != Arrival::Newest {
            return false;
        }
        let tick = Tick::resolve(snapshot.header.tick, self.tick);
        let (nothing, baseline) = (Table::default(), snapshot.header.baseline);
        let Some(before) = baseline.map_or(Some(&nothing), |baseline| self.tables.get(&baseline.0)) else {
            self.without_baseline += 1;
            return false;
        };
        if baseline.is_none() {
            self.newest.clear();
        }
        for (place, entry) in snapshot.told(|place| before.get(place), tick).map(Result::unwrap) {
            self.newest.put(place, entry);
        }
        self.received.note(sequence);
        self.tick = tick;
        let crowd = snapshot.records().filter(|told| told.place.is_none()).map(|told| told.entry(tick));
        self.crowd.extend(crowd.map(|entry| (entry.entity, entry)));
        self.crowd.retain(|_, entry| tick.since(entry.tick) <= CROWD_TICKS as i32);
        self.tables.insert(sequence.0, self.newest.clone());
        true
    }

    pub(crate) fn ack(&self) -> Option<Ack> {
        self.received.ack()
    }

    /// Whom it has in view, by entity. After a loss somebody may stand in two places for a moment: what was told last counts.
    pub(crate) fn shown(&self) -> BTreeMap<NetId, Entry> {
        let mut shown = BTreeMap::<NetId, Entry>::new();
        for entry in self.newest.entries() {
            let known = shown.entry(entry.entity).or_insert(*entry);
            if entry.tick.is_after(known.tick) {
                *known = *entry;
            }
        }
        shown
    }

    /// Those whose state a datagram tells, by a change or a record.
    pub(crate) fn told(&self, datagram: &[u8]) -> Vec<NetId> {
        let snapshot = Snapshot::decode(datagram).unwrap();
        let nothing = Table::default();
        let before = snapshot.header.baseline.map_or(&nothing, |baseline| &self.tables[&baseline.0]);
        let tick = Tick::resolve(snapshot.header.tick, self.tick);
        let in_table = snapshot
            .told(|place| before.get(place), tick)
            .map(Result::unwrap)
            .filter_map(|(_, entry)| Some(entry?.entity));
        in_table.chain(snapshot.records().map(|told| told.record.entity)).collect()
    }
}
