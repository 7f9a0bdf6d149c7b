//! Both ends of a bad link have the same sets, to the bit.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shallot_wire::datagram::Ack;
use shallot_wire::limits::{MAX_DATAGRAM, MAX_STATE_AGE};
use shallot_wire::{
    Arrival, Change, Coded, DecodeError, Delta, EntityKind, Entry, Form, Group, NetId, Received, Sequence, Snapshot,
    SnapshotHeader, SnapshotWriter, State, Tick,
};

use crate::states::{Move, move_of, state};

/// What happens to one entity in one tick.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Stays,
    Goes,
    Comes(State),
    Changes(Move),
}

/// One tick: what happens to whom, whether the datagram arrives and how much later, how often, and whether the answer does.
#[derive(Clone, Debug)]
struct Turn {
    fates: Vec<(u16, Fate)>,
    delays: Vec<u16>,
    answer_arrives: bool,
}

fn turn() -> impl Strategy<Value = Turn> {
    let fate = prop_oneof![
        2 => Just(Fate::Stays),
        1 => Just(Fate::Goes),
        3 => state().prop_map(Fate::Comes),
        6 => move_of().prop_map(Fate::Changes),
    ];
    let fates = prop::collection::vec((1..12_u16, fate), 0..6);
    let delays = prop::collection::vec(0..6_u16, 0..3);
    (fates, delays, any::<bool>()).prop_map(|(fates, delays, answer_arrives)| Turn { fates, delays, answer_arrives })
}

/// A server without a world: what it has told, and of that what it knows to have arrived.
#[derive(Default)]
struct Server {
    there: BTreeMap<u16, State>,
    told: BTreeMap<u16, (Tick, Vec<Entry>)>,
    baseline: Option<u16>,
}

impl Server {
    fn happen(&mut self, (slot, fate): (u16, Fate)) {
        match fate {
            Fate::Stays => {}
            Fate::Goes => drop(self.there.remove(&slot)),
            Fate::Comes(state) => drop(self.there.entry(slot).or_insert(state)),
            Fate::Changes(way) => {
                self.there.entry(slot).and_modify(|state| *state = way.of(state, 1));
            }
        }
    }

    fn acknowledged(&mut self, ack: Ack) {
        let newest = self.told.keys().rev().copied().find(|sequence| ack.contains(Sequence(*sequence)));
        self.baseline = self.baseline.max(newest);
    }

    /// Tells each entity whose slot is odd whatever it does, and the even ones only now and then.
    fn tell(&mut self, sequence: u16, tick: Tick) -> Vec<u8> {
        let empty = (tick, Vec::new());
        let (_, baseline) = self.baseline.and_then(|sequence| self.told.get(&sequence)).unwrap_or(&empty);
        let (mut changes, mut set) = (Vec::new(), Vec::new());
        let mut entering = self.there.clone();
        for entry in baseline {
            let now = self.there.get(&entry.entity.index);
            let age = entry.age(tick);
            let is_due = entry.entity.index % 2 == 1 || age.is_some_and(|age| age > 9);
            let change = match (now, age) {
                (None, _) | (_, None) => Some(Change::Gone),
                (Some(_), Some(age)) if !is_due && age < MAX_STATE_AGE => None,
                (Some(now), Some(age)) => Some(Delta::between(&entry.state, age, now).map_or(Change::Gone, Change::To)),
            };
            match change {
                Some(Change::Gone) => {}
                Some(Change::To(_)) => set.push(Entry { tick, state: self.there[&entry.entity.index], ..*entry }),
                None => set.push(*entry),
            }
            if change != Some(Change::Gone) {
                entering.remove(&entry.entity.index);
            }
            changes.push(Coded::from(change));
        }
        let baseline = self.baseline.map(Sequence);
        let header = SnapshotHeader {
            tick: tick.low16(),
            sequence: Sequence(sequence),
            baseline,
            last_input: None,
            buffer_depth: 0,
        };
        let mut buffer = vec![0; MAX_DATAGRAM];
        let mut writer = SnapshotWriter::new(&mut buffer, &header, None, None, &changes).unwrap();
        for (index, state) in entering {
            let (entity, kind) = (NetId { index, generation: 2 }, EntityKind::Player);
            let (cell, base_height, record) = state.to_record(entity, kind);
            let group = Group { cell, form: Form::Entering, base_height };
            writer.begin_cell(group).push(&record).unwrap();
            set.push(Entry { entity, kind, tick, state });
        }
        let length = writer.finish();
        buffer.truncate(length);
        self.told.insert(sequence, (tick, set));
        buffer
    }
}

proptest! {
    #[test]
    fn both_ends_have_the_same_sets(turns in prop::collection::vec(turn(), 1..60)) {
        let (mut server, mut received) = (Server::default(), Received::default());
        let mut decoded: BTreeMap<u16, Vec<Entry>> = BTreeMap::new();
        let mut under_way: Vec<(u16, Vec<u8>)> = Vec::new();
        for (n, turn) in (1_u16..).zip(turns) {
            turn.fates.iter().for_each(|fate| server.happen(*fate));
            let tick = Tick(65_520).plus(n.into());
            let datagram = server.tell(n, tick);
            under_way.extend(turn.delays.iter().map(|delay| (n + delay, datagram.clone())));
            let arrived: Vec<_> = under_way.extract_if(.., |(at, _)| *at <= n).collect();
            for (_, datagram) in arrived {
                let snapshot = Snapshot::decode(&datagram).unwrap();
                let sequence = snapshot.header.sequence;
                if matches!(received.judge(sequence), Arrival::Duplicate | Arrival::TooOld) {
                    continue;
                }
                let baseline = snapshot.header.baseline.map_or(&[][..], |baseline| &decoded[&baseline.0]);
                let set = snapshot.set(baseline, Tick::resolve(snapshot.header.tick, tick)).unwrap();
                let set: Vec<Entry> = set.collect();
                prop_assert_eq!(&set, &server.told[&sequence.0].1, "snapshot {}", sequence.0);
                decoded.insert(sequence.0, set);
                received.note(sequence);
            }
            if let Some(ack) = received.ack().filter(|_| turn.answer_arrives) {
                server.acknowledged(ack);
            }
        }
    }
}

#[test]
fn another_baseline_is_refused() {
    let mut server = Server::default();
    server.happen((1, Fate::Comes(State::default())));
    server.tell(1, Tick(10));
    server.baseline = Some(1);
    let second = server.tell(2, Tick(12));
    let snapshot = Snapshot::decode(&second).unwrap();
    let right = &server.told[&1].1;
    let refused = |set: &[Entry], tick: u32| snapshot.set(set, Tick(tick)).err();
    assert_eq!(refused(right, 12), None);
    assert_eq!(refused(&[], 12), Some(DecodeError::OtherBaseline));
    assert_eq!(refused(&[right[0], right[0]], 12), Some(DecodeError::OtherBaseline));
    assert_eq!(refused(right, 9), Some(DecodeError::StateAge(-1)));
    assert_eq!(refused(right, 10 + MAX_STATE_AGE), None);
    assert_eq!(refused(right, 11 + MAX_STATE_AGE), Some(DecodeError::StateAge(32)));
}
