//! A client's eye: what it decodes of snapshots and acknowledges, without a link.

use std::collections::BTreeMap;

use shallot_wire::datagram::Ack;
use shallot_wire::limits::CROWD_TICKS;
use shallot_wire::{Arrival, Change, Entry, Form, NetId, Received, Sequence, Snapshot, Tick};

#[derive(Debug, Default)]
pub(crate) struct Eye {
    received: Received,
    sets: BTreeMap<u16, Vec<Entry>>,
    newest: Option<Sequence>,
    pub(crate) tick: Tick,
    /// The newest state that any snapshot told of each entity.
    states: BTreeMap<NetId, Entry>,
    pub(crate) crowd: BTreeMap<NetId, Entry>,
    /// Snapshots that go on from one that is not here.
    pub(crate) without_baseline: u32,
}

impl Eye {
    /// Takes a datagram in; its set, if it could be decoded and is new.
    pub(crate) fn take(&mut self, datagram: &[u8]) -> Option<&[Entry]> {
        let snapshot = Snapshot::decode(datagram).unwrap();
        let sequence = snapshot.header.sequence;
        if matches!(self.received.judge(sequence), Arrival::Duplicate | Arrival::TooOld) {
            return None;
        }
        let tick = Tick::resolve(snapshot.header.tick, self.tick);
        let baseline = match snapshot.header.baseline {
            None => &[][..],
            Some(baseline) => match self.sets.get(&baseline.0) {
                Some(set) => set,
                None => {
                    self.without_baseline += 1;
                    return None;
                }
            },
        };
        let set: Vec<Entry> = snapshot.set(baseline, tick).unwrap().collect();
        if self.received.note(sequence) == Arrival::Newest {
            (self.newest, self.tick) = (Some(sequence), tick);
        }
        let told = snapshot.records().map(|(group, record)| (group.form, Entry::of_record(&group, &record, tick)));
        self.crowd.extend(told.filter(|(form, _)| *form == Form::Crowd).map(|(_, entry)| (entry.entity, entry)));
        self.crowd.retain(|_, entry| tick.since(entry.tick) <= CROWD_TICKS as i32);
        for entry in &set {
            let known = self.states.entry(entry.entity).or_insert(*entry);
            if entry.tick.is_after(known.tick) {
                *known = *entry;
            }
        }
        self.sets.insert(sequence.0, set);
        self.sets.get(&sequence.0).map(Vec::as_slice)
    }

    pub(crate) fn ack(&self) -> Option<Ack> {
        self.received.ack()
    }

    /// The newest set.
    pub(crate) fn set(&self) -> &[Entry] {
        self.newest.and_then(|newest| self.sets.get(&newest.0)).map_or(&[], Vec::as_slice)
    }

    /// Each of the newest set, in the newest state that is known of it.
    pub(crate) fn shown(&self) -> BTreeMap<NetId, Entry> {
        self.set().iter().map(|entry| (entry.entity, self.states[&entry.entity])).collect()
    }

    /// Those in the newest set whose state a datagram tells, by a change or a record.
    pub(crate) fn told(&self, datagram: &[u8]) -> Vec<NetId> {
        let snapshot = Snapshot::decode(datagram).unwrap();
        let baseline = snapshot.header.baseline.map_or(&[][..], |baseline| &self.sets[&baseline.0]);
        let changed = baseline.iter().zip(snapshot.changes());
        let changed =
            changed.filter(|(_, change)| matches!(change, Some(Change::To(_)))).map(|(entry, _)| entry.entity);
        changed.chain(snapshot.records().map(|(_, record)| record.entity)).collect()
    }
}
