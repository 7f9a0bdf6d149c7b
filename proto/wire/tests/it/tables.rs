//! Both ends of a bad link have the same tables, to the bit, and what was lost is told again.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shallot_wire::datagram::Ack;
use shallot_wire::limits::{MAX_BASELINE_AGE, MAX_DATAGRAM, MAX_STATE_AGE};
use shallot_wire::{
    Arrival, Change, DecodeError, Delta, EntityKind, Entry, Form, Group, NetId, Places, Received, Sequence, Snapshot,
    SnapshotHeader, SnapshotWriter, State, Table, Tick,
};

use crate::states::{Move, move_of, state};

/// What happens in one place in one tick.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Goes,
    /// Somebody new, whoever was there.
    Comes(State),
    Changes(Move),
}

/// One tick: what happens where, how much later the datagram arrives each time that it does, and how much later the answer.
#[derive(Clone, Debug, Default)]
struct Turn {
    fates: Vec<(u8, Fate)>,
    delays: Vec<u16>,
    answer: Option<u16>,
}

/// Places on both sides of each word's edge, the first and the last.
const SOME_PLACES: [u8; 11] = [0, 1, 2, 31, 32, 33, 63, 64, 200, 253, 254];

fn turn(answer: impl Strategy<Value = Option<u16>>) -> impl Strategy<Value = Turn> {
    let fate = prop_oneof![
        2 => Just(Fate::Goes),
        3 => state().prop_map(Fate::Comes),
        8 => move_of().prop_map(Fate::Changes),
    ];
    let fates = prop::collection::vec((prop::sample::select(&SOME_PLACES[..]), fate), 0..5);
    let delays = prop::collection::vec(0..6_u16, 0..3);
    (fates, delays, answer).prop_map(|(fates, delays, answer)| Turn { fates, delays, answer })
}

/// Stretches of a bad link, some of them after a silence: then all is told anew.
fn stretches() -> impl Strategy<Value = Vec<Vec<Turn>>> {
    let talk = || prop::collection::vec(turn(prop::option::of(0..6_u16)), 1..15);
    let silence = prop::collection::vec(turn(prop::option::weighted(0.05, 0..40_u16)), 25..45);
    let silence = (silence, talk()).prop_map(|(silence, talk)| [silence, talk].concat());
    prop::collection::vec(prop_oneof![2 => talk(), 1 => silence], 1..6)
}

/// A snapshot that was sent, and what it tells.
#[derive(Clone, Debug)]
struct Flight {
    sequence: Sequence,
    is_anew: bool,
    told: BTreeMap<u8, Option<Entry>>,
}

impl Flight {
    /// What the table is after it.
    fn apply(&self, table: &mut Table) {
        if self.is_anew {
            table.clear();
        }
        for (place, entry) in &self.told {
            table.put(*place, *entry);
        }
    }
}

/// A server without a world: who stands where, and what the client is known to have of that.
#[derive(Debug)]
struct Server {
    there: BTreeMap<u8, (NetId, State)>,
    next_index: u16,
    /// By place, when it was told last.
    told_at: BTreeMap<u8, Tick>,
    /// Sent, and neither acknowledged nor known to be lost.
    under_way: Vec<Flight>,
    acknowledged: Option<Sequence>,
    /// The client's, as it was with the snapshot that is acknowledged.
    table: Table,
    /// Places to be told in any case.
    owed: Places,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            there: BTreeMap::new(),
            next_index: 1,
            told_at: BTreeMap::new(),
            under_way: Vec::new(),
            acknowledged: None,
            table: Table::default(),
            owed: Places::NONE,
        }
    }
}

impl Server {
    fn happen(&mut self, (place, fate): (u8, Fate)) {
        match fate {
            Fate::Goes => {
                self.there.remove(&place);
                self.owed.insert(place);
            }
            Fate::Comes(state) => {
                self.there.insert(place, (NetId { index: self.next_index, generation: 2 }, state));
                self.owed.insert(place);
                self.next_index += 1;
            }
            Fate::Changes(way) => {
                self.there.entry(place).and_modify(|(_, state)| *state = way.of(state, 1));
            }
        }
    }

    /// Of all up to the newest that it names it says whether they arrived or are lost for good.
    fn acknowledge(&mut self, ack: Ack) {
        if self.acknowledged.is_some_and(|known| !ack.newest.is_after(known)) {
            return;
        }
        for flight in self.under_way.extract_if(.., |flight| !flight.sequence.is_after(ack.newest)) {
            if ack.contains(flight.sequence) {
                flight.apply(&mut self.table);
            } else {
                flight.told.keys().for_each(|place| self.owed.insert(*place));
            }
        }
        self.acknowledged = Some(ack.newest);
    }

    /// Tells what is owed, of the odd places whatever happens there, and of the even ones something now and then.
    fn tell(&mut self, sequence: Sequence, tick: Tick) -> Vec<u8> {
        let is_young = |known: &Sequence| sequence.since(*known) <= MAX_BASELINE_AGE.cast_signed();
        let baseline = self.acknowledged.filter(is_young);
        if baseline.is_none() {
            self.owed = Places::ALL;
        }
        let (mut changed, mut changes, mut entering) = (Places::NONE, Vec::new(), Vec::new());
        let mut told = BTreeMap::new();
        for place in Places::ALL {
            let is_owed = self.owed.contains(place);
            let Some((entity, state)) = self.there.get(&place).copied() else {
                if is_owed {
                    changed.insert(place);
                    changes.push(Change::Gone.coded());
                    told.insert(place, None);
                }
                continue;
            };
            let age = self.told_at.get(&place).map(|at| tick.since(*at));
            if !is_owed && place % 2 == 0 && age.is_some_and(|age| age < 10) {
                continue;
            }
            let has = self.table.get(place).filter(|entry| baseline.is_some() && entry.entity == entity);
            match has.and_then(|entry| Delta::between(&entry.state, entry.age(tick)?, &state)) {
                Some(delta) => {
                    changed.insert(place);
                    changes.push(Change::To(delta).coded());
                }
                None => entering.push((place, entity, state)),
            }
            told.insert(place, Some(Entry { entity, kind: EntityKind::Monster, tick, state }));
            self.told_at.insert(place, tick);
        }
        self.owed = Places::NONE;
        let header = SnapshotHeader { tick: tick.low16(), sequence, baseline, last_input: None, buffer_depth: 0 };
        let mut buffer = vec![0; MAX_DATAGRAM];
        let mut writer = SnapshotWriter::new(&mut buffer, &header, None, None, (changed, &changes)).unwrap();
        for (place, entity, state) in entering {
            let (cell, base_height, record) = state.to_record(entity, EntityKind::Monster);
            let group = Group { cell, form: Form::Entering, base_height };
            writer.begin_cell(group).push(place, &record.to_bytes()).unwrap();
        }
        let length = writer.finish();
        buffer.truncate(length);
        self.under_way.push(Flight { sequence, is_anew: baseline.is_none(), told });
        buffer
    }
}

/// A client that keeps what it must, and no more.
#[derive(Default)]
struct Client {
    received: Received,
    newest: Table,
    /// By sequence.
    kept: BTreeMap<u16, Table>,
}

impl Client {
    /// The snapshot's number, if it was taken.
    fn take(&mut self, datagram: &[u8], now: Tick) -> Option<Sequence> {
        let snapshot = Snapshot::decode(datagram).unwrap();
        let sequence = snapshot.header.sequence;
        if self.received.judge(sequence) != Arrival::Newest {
            return None;
        }
        let empty = Table::default();
        let baseline = snapshot.header.baseline.map_or(&empty, |baseline| &self.kept[&baseline.0]);
        let mut table = if snapshot.header.baseline.is_some() { self.newest.clone() } else { empty.clone() };
        for (place, entry) in
            snapshot.told(|place| baseline.get(place), Tick::resolve(snapshot.header.tick, now)).map(Result::unwrap)
        {
            table.put(place, entry);
        }
        self.received.note(sequence);
        self.kept.insert(sequence.0, table.clone());
        self.kept.retain(|kept, _| sequence.since(Sequence(*kept)) <= MAX_BASELINE_AGE.cast_signed());
        self.newest = table;
        Some(sequence)
    }
}

/// The two of them, and what is between them.
#[derive(Default)]
struct Link {
    server: Server,
    client: Client,
    turn: u16,
    datagrams: Vec<(u16, Vec<u8>)>,
    answers: Vec<(u16, Ack)>,
    /// All that was sent, by sequence.
    sent: BTreeMap<u16, Flight>,
    /// The client's tables, by sequence, and the newest as the server's words make it.
    tables: BTreeMap<u16, Table>,
    expected: Table,
}

impl Link {
    fn step(&mut self, start: Sequence, turn: &Turn) -> Result<(), TestCaseError> {
        self.turn += 1;
        let (n, sequence) = (self.turn, Sequence(start.0.wrapping_add(self.turn)));
        for (_, ack) in self.answers.extract_if(.., |(at, _)| *at <= n) {
            self.server.acknowledge(ack);
        }
        if let Some(known) = self.server.acknowledged {
            prop_assert_eq!(&self.server.table, &self.tables[&known.0], "known of snapshot {}", known.0);
        }
        turn.fates.iter().for_each(|fate| self.server.happen(*fate));
        let tick = Tick(65_500).plus(n.into());
        let datagram = self.server.tell(sequence, tick);
        self.sent.extend(self.server.under_way.last().map(|flight| (sequence.0, flight.clone())));
        self.datagrams.extend(turn.delays.iter().map(|delay| (n + delay, datagram.clone())));
        for (_, datagram) in self.datagrams.extract_if(.., |(at, _)| *at <= n) {
            let Some(taken) = self.client.take(&datagram, tick) else { continue };
            self.sent[&taken.0].apply(&mut self.expected);
            prop_assert_eq!(&self.client.newest, &self.expected, "snapshot {}", taken.0);
            self.tables.insert(taken.0, self.client.newest.clone());
        }
        if let Some((ack, delay)) = self.client.received.ack().zip(turn.answer) {
            self.answers.push((n + delay, ack));
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn both_ends_have_the_same_tables(start in any::<u16>().prop_map(Sequence), stretches in stretches()) {
        let mut link = Link::default();
        let good = Turn { delays: vec![0], answer: Some(0), ..Turn::default() };
        for stretch in stretches {
            for turn in stretch {
                link.step(start, &turn)?;
            }
            // When the link is good again, the client soon has all there is: nothing lost is forgotten, nobody who has gone stays.
            for _ in 0..15 {
                link.step(start, &good)?;
            }
            for place in Places::ALL {
                let has = link.client.newest.get(place).map(|entry| (entry.entity, entry.state));
                prop_assert_eq!(has, link.server.there.get(&place).copied(), "place {}", place);
            }
        }
    }
}

/// Who goes before the first answer is told to have gone when that answer comes, though all was told anew in the meantime.
#[test]
fn nobody_stays_who_went_while_all_was_told_anew() {
    let mut link = Link::default();
    let turns = [
        Turn { fates: vec![(31, Fate::Comes(State::default()))], delays: vec![0], answer: Some(1) },
        Turn { fates: vec![(31, Fate::Goes)], ..Turn::default() },
        Turn { delays: vec![0], ..Turn::default() },
    ];
    turns.iter().try_for_each(|turn| link.step(Sequence(0), turn)).unwrap();
    assert!(link.client.newest.get(31).is_some(), "nobody knows yet that the second snapshot was lost");
    let good = Turn { delays: vec![0], answer: Some(0), ..Turn::default() };
    (0..2).try_for_each(|_| link.step(Sequence(0), &good)).unwrap();
    assert_eq!(link.client.newest, Table::default());
}

const FIRST: NetId = NetId { index: 1, generation: 2 };

fn entry(place: u8, tick: u32) -> Table {
    let mut table = Table::default();
    table.put(
        place,
        Some(Entry { entity: FIRST, kind: EntityKind::Monster, tick: Tick(tick), state: State::default() }),
    );
    table
}

/// A server that was answered, by which one stands in place 7 since tick 10.
fn answered() -> Server {
    let mut server = Server::default();
    server.happen((7, Fate::Comes(State::default())));
    server.tell(Sequence(1), Tick(10));
    server.acknowledge(Ack { newest: Sequence(1), mask: 0 });
    assert_eq!(server.table, entry(7, 10));
    server
}

#[test]
fn another_table_is_refused() {
    let datagram = answered().tell(Sequence(2), Tick(12));
    let snapshot = Snapshot::decode(&datagram).unwrap();
    let refused = |table: &Table, tick: u32| snapshot.told(|place| table.get(place), Tick(tick)).find_map(Result::err);
    let right = entry(7, 10);
    assert_eq!(refused(&right, 12), None);
    assert_eq!(refused(&Table::default(), 12), Some(DecodeError::NobodyThere(7)));
    assert_eq!(refused(&entry(8, 10), 12), Some(DecodeError::NobodyThere(7)));
    assert_eq!(refused(&right, 9), Some(DecodeError::StateAge(-1)));
    assert_eq!(refused(&right, 10 + MAX_STATE_AGE), None);
    assert_eq!(refused(&right, 11 + MAX_STATE_AGE), Some(DecodeError::StateAge(32)));
}

#[test]
fn that_an_empty_place_is_empty_is_no_news() {
    let mut server = answered();
    server.happen((7, Fate::Goes));
    let datagram = server.tell(Sequence(2), Tick(12));
    let snapshot = Snapshot::decode(&datagram).unwrap();
    assert!(snapshot.changes().eq([(7, Change::Gone)]));
    for table in [Table::default(), entry(7, 10), entry(7, 10 - 10)] {
        let told: Vec<_> =
            snapshot.told(|place| table.get(place), Tick(12 + MAX_STATE_AGE)).map(Result::unwrap).collect();
        assert_eq!(told, [(7, None)]);
    }
}

#[test]
fn a_record_takes_its_place_whoever_was_there() {
    let mut server = answered();
    server.happen((7, Fate::Comes(State { x: 64, ..State::default() })));
    let datagram = server.tell(Sequence(2), Tick(12));
    let snapshot = Snapshot::decode(&datagram).unwrap();
    assert_eq!(snapshot.changes().count(), 0, "that the other has gone need not be told");
    let before = entry(7, 10);
    let told: Vec<_> = snapshot.told(|place| before.get(place), Tick(12)).map(Result::unwrap).collect();
    let [(7, Some(taker))] = told[..] else { panic!("{told:?}") };
    assert_eq!((taker.entity.index, taker.state.x, taker.tick), (2, 64, Tick(12)));
}
