//! Snapshots: round trips, the budget, refusals, and bytes that nobody meant.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shallot_wire::limits::{MAX_DATAGRAM, MAX_RECORDS, PLACES};
use shallot_wire::snapshot::changes_bytes;
use shallot_wire::{
    Absolute, Cell, Change, Coded, DecodeError, Delta, EntityKind, Form, Full, Group, Kind, Lengths, NetId, OwnState,
    Places, Position, Record, Sequence, Snapshot, SnapshotHeader, SnapshotWriter, TimeEcho, Velocity,
};

use crate::states;

fn entity() -> impl Strategy<Value = NetId> {
    (any::<u16>(), 0..8_u8).prop_map(|(index, generation)| NetId { index, generation })
}

fn header() -> impl Strategy<Value = SnapshotHeader> {
    let input = prop::option::of(any::<u16>());
    (any::<u16>(), any::<u16>(), input, any::<u8>()).prop_map(|(tick, sequence, last_input, buffer_depth)| {
        SnapshotHeader { tick, sequence: Sequence(sequence), baseline: None, last_input, buffer_depth }
    })
}

fn time_echo() -> impl Strategy<Value = TimeEcho> {
    any::<(u16, u16)>().prop_map(|(client_stamp_ms, hold_ms)| TimeEcho { client_stamp_ms, hold_ms })
}

fn own_state() -> impl Strategy<Value = OwnState> {
    let way = any::<(i16, i16, i16)>();
    (entity(), any::<(i32, i32, i32)>(), way, any::<(u8, bool, u8)>(), 0..64_u8).prop_map(
        |(entity, (x, y, z), (vx, vy, vz), (facing, is_dead, teleports), animation)| OwnState {
            entity,
            position: Position { x, y },
            z,
            velocity: Velocity { x: vx.into(), y: vy.into() },
            velocity_z: vz,
            facing,
            animation,
            is_dead,
            teleports,
        },
    )
}

fn group() -> impl Strategy<Value = Group> {
    let form = prop::sample::select(vec![Form::Entering, Form::Crowd]);
    let cell = (-1_024..1_024_i16, -1_024..1_024_i16).prop_map(|(x, y)| Cell { x, y });
    (cell, form, any::<i8>()).prop_map(|(cell, form, base_height)| Group { cell, form, base_height })
}

fn record() -> impl Strategy<Value = Record> {
    let kind = prop::sample::select(vec![EntityKind::Player, EntityKind::Monster, EntityKind::Drop, EntityKind::Other]);
    let place = (0..2_048_u16, 0..2_048_u16);
    let way = (0..128_u8, any::<u8>()).prop_map(|(speed, heading)| (speed, if speed == 0 { 0 } else { heading }));
    (entity(), place, 0..1_024_u16, (any::<u8>(), way, 0..64_u8), kind, any::<bool>()).prop_map(
        |(entity, place, z, (facing, (speed, heading), animation), kind, is_dead)| Record {
            entity,
            place,
            z,
            facing,
            speed,
            heading,
            animation,
            kind,
            is_dead,
        },
    )
}

fn place() -> impl Strategy<Value = u8> {
    0..=254_u8
}

/// What became of who stood in the places of some baseline.
fn changes() -> impl Strategy<Value = BTreeMap<u8, Change>> {
    let delta = (states::state(), 0..32_u32, states::move_of());
    let delta = delta.prop_map(|(from, ticks, to)| Delta::between(&from, ticks, &to.of(&from, ticks)));
    let change = prop_oneof![
        1 => Just(Change::Gone),
        3 => delta.prop_map(|delta| delta.map_or(Change::Gone, Change::To)),
    ];
    prop::collection::btree_map(place(), change, 0..80)
}

fn groups() -> impl Strategy<Value = Vec<(Group, Vec<(u8, Record)>)>> {
    prop::collection::vec((group(), prop::collection::vec((place(), record()), 0..30)), 0..6)
}

fn coded(changes: &BTreeMap<u8, Change>) -> (Places, Vec<Coded>) {
    let mut places = Places::NONE;
    changes.keys().for_each(|place| places.insert(*place));
    (places, changes.values().map(Change::coded).collect())
}

/// Writes until the budget is spent; returns the length and how many records went in.
fn write(
    buffer: &mut [u8],
    header: &SnapshotHeader,
    (echo, own): (Option<TimeEcho>, Option<&OwnState>),
    changes: &BTreeMap<u8, Change>,
    groups: &[(Group, Vec<(u8, Record)>)],
) -> Result<(usize, usize), Full> {
    let (places, changes) = coded(changes);
    let mut writer = SnapshotWriter::new(buffer, header, echo, own, (places, &changes))?;
    let mut pushed = 0;
    'all: for (group, records) in groups {
        let mut cell = writer.begin_cell(*group);
        for (place, record) in records {
            if cell.push(*place, &record.to_bytes()).is_err() {
                break 'all;
            }
            pushed += 1;
        }
    }
    Ok((writer.finish(), pushed))
}

/// With nothing but records.
fn write_records(buffer: &mut [u8], groups: &[(Group, Vec<(u8, Record)>)]) -> (usize, usize) {
    write(buffer, &HEADER, (None, None), &BTreeMap::new(), groups).unwrap()
}

/// As they are read: those of a crowd have no place.
fn flat(groups: &[(Group, Vec<(u8, Record)>)]) -> Vec<Absolute> {
    let absolute = |group: Group, (place, record): (u8, Record)| Absolute {
        group,
        place: (group.form == Form::Entering).then_some(place),
        record,
    };
    groups.iter().flat_map(|(group, records)| records.iter().map(|record| absolute(*group, *record))).collect()
}

proptest! {
    #[test]
    fn what_fits_is_read(
        budget in 0..1_300_usize,
        header in header(),
        baseline in prop::option::of(any::<u16>()),
        (echo, own) in (prop::option::of(time_echo()), prop::option::of(own_state())),
        changes in changes(),
        groups in groups(),
    ) {
        let header = SnapshotHeader { baseline: baseline.map(Sequence), ..header };
        let mut buffer = vec![0xEE; budget];
        let bits: u32 = changes.values().map(|change| change.coded().bits()).sum();
        let end = changes.keys().last().map_or(0, |place| usize::from(*place) + 1);
        let changes_length = baseline.map_or(0, |_| changes_bytes(end, bits as usize));
        let front = 11 + if echo.is_some() { 4 } else { 0 } + if own.is_some() { 24 } else { 0 } + changes_length;
        let Ok((length, pushed)) = write(&mut buffer, &header, (echo, own.as_ref()), &changes, &groups) else {
            prop_assert!(budget < front);
            return Ok(());
        };
        prop_assert!(budget >= front && length <= budget.min(MAX_DATAGRAM));
        let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
        prop_assert_eq!((snapshot.header, snapshot.time_echo, snapshot.own), (header, echo, own));
        let lengths = Lengths { head: front - changes_length, changes: changes_length, records: length - front };
        prop_assert_eq!(snapshot.lengths, lengths);
        let told: BTreeMap<u8, Change> = snapshot.changes().collect();
        prop_assert_eq!(told, if baseline.is_some() { changes } else { BTreeMap::new() });
        prop_assert!(snapshot.changes().is_sorted_by_key(|(place, _)| place));
        let all = flat(&groups);
        prop_assert_eq!(snapshot.records().collect::<Vec<_>>(), &all[..pushed]);
        prop_assert!(pushed == all.len() || length + 17 > budget.min(MAX_DATAGRAM), "room was left");
    }

    #[test]
    fn every_cut_is_refused_or_ends_between_groups(
        header in header(),
        own in own_state(),
        changes in changes(),
        groups in groups(),
    ) {
        let mut buffer = [0; MAX_DATAGRAM];
        let header = SnapshotHeader { baseline: Some(Sequence(7)), ..header };
        let (length, _) = write(&mut buffer, &header, (None, Some(&own)), &changes, &groups).unwrap();
        let whole = Snapshot::decode(&buffer[..length]).unwrap();
        for end in 0..length {
            match Snapshot::decode(&buffer[..end]) {
                Ok(cut) => {
                    prop_assert!(cut.records().count() < whole.records().count());
                    prop_assert!(cut.changes().eq(whole.changes()));
                }
                Err(error) => prop_assert_eq!(error, DecodeError::Truncated),
            }
        }
    }

    /// No bytes panic, and whatever is accepted is read the same twice.
    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..1_300), fits in any::<bool>()) {
        if let (true, [first, ..]) = (fits, bytes.as_mut_slice()) {
            *first = 0x11;
        }
        if let (true, Some(flags)) = (fits, bytes.get_mut(10)) {
            *flags &= 0xF;
        }
        if let Ok(snapshot) = Snapshot::decode(&bytes) {
            prop_assert!(snapshot.records().count() <= MAX_RECORDS);
        }
    }

    #[test]
    fn flipped_bits_never_panic(
        header in header(),
        changes in changes(),
        groups in groups(),
        place in any::<prop::sample::Index>(),
        bit in 0..8,
    ) {
        let mut buffer = [0; MAX_DATAGRAM];
        let header = SnapshotHeader { baseline: Some(Sequence(7)), ..header };
        let (length, _) = write(&mut buffer, &header, (None, None), &changes, &groups).unwrap();
        buffer[place.index(length)] ^= 1_u8 << bit;
        if let Ok(snapshot) = Snapshot::decode(&buffer[..length]) {
            prop_assert!(snapshot.records().count() <= MAX_RECORDS);
        }
    }
}

const HEADER: SnapshotHeader =
    SnapshotHeader { tick: 1, sequence: Sequence(2), baseline: None, last_input: None, buffer_depth: 3 };
const GROUP: Group = Group { cell: Cell { x: -1, y: 0 }, form: Form::Entering, base_height: 0 };
const RECORD: Record = Record {
    entity: NetId { index: 1, generation: 0 },
    place: (0, 0),
    z: 0,
    facing: 0,
    speed: 0,
    heading: 0,
    animation: 0,
    kind: EntityKind::Player,
    is_dead: false,
};

#[test]
fn many_in_one_cell_go_on_in_a_second_group() {
    let mut buffer = [0; MAX_DATAGRAM];
    let record = |index: u8| (index, Record { entity: NetId { index: index.into(), generation: 0 }, ..RECORD });
    let records: Vec<(u8, Record)> = (0..200).map(record).collect();
    for (form, bytes, room_for) in [(Form::Entering, 12, 94), (Form::Crowd, 11, 102)] {
        let all = [(Group { form, ..GROUP }, records.clone())];
        let (length, pushed) = write_records(&mut buffer, &all);
        assert_eq!((length, pushed), (11 + 2 * 5 + room_for * bytes, room_for));
        let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
        assert_eq!(snapshot.records().collect::<Vec<_>>(), flat(&all)[..room_for]);
    }
}

#[test]
fn a_cell_without_records_takes_no_room() {
    let mut buffer = [0; 64];
    let mut writer = SnapshotWriter::new(&mut buffer, &HEADER, None, None, (Places::NONE, &[])).unwrap();
    let _ = writer.begin_cell(GROUP);
    assert_eq!(writer.room(), 53);
    assert_eq!(writer.finish(), 11);
    assert_eq!(Snapshot::decode(&buffer[..11]).unwrap().records().count(), 0);
}

#[test]
fn a_table_has_255_places() {
    let mut buffer = [0; MAX_DATAGRAM];
    let (length, _) = write_records(&mut buffer, &[(GROUP, vec![(254, RECORD), (255, RECORD)])]);
    assert_eq!(Snapshot::decode(&buffer[..length]).unwrap_err(), DecodeError::NoSuchPlace(255));
    buffer[length - 12] = 0;
    let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
    assert!(snapshot.records().map(|told| told.place).eq([Some(254), Some(0)]));
    let crowd = Group { form: Form::Crowd, ..GROUP };
    let (length, _) = write_records(&mut buffer, &[(crowd, vec![(255, RECORD); 3])]);
    let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
    assert!(snapshot.records().map(|told| told.place).eq([None; 3]), "those of a crowd take none");

    let header = SnapshotHeader { baseline: Some(Sequence(1)), ..HEADER };
    let all: BTreeMap<u8, Change> = (0..=254).map(|place| (place, Change::Gone)).collect();
    let (length, _) = write(&mut buffer, &header, (None, None), &all, &[]).unwrap();
    assert_eq!(length, 11 + changes_bytes(PLACES, 3 * PLACES));
    assert!(Snapshot::decode(&buffer[..length]).unwrap().changes().eq(all));
}

#[test]
fn values_beyond_a_field_are_cut() {
    let mut buffer = [0; 64];
    let wild = OwnState {
        entity: RECORD.entity,
        position: Position { x: i32::MIN, y: i32::MAX },
        z: 0,
        velocity: Velocity { x: 40_000, y: -40_000 },
        velocity_z: 0,
        facing: 0,
        animation: 0,
        is_dead: true,
        teleports: 255,
    };
    let still = Record { heading: 9, ..RECORD };
    let (length, _) =
        write(&mut buffer, &HEADER, (None, Some(&wild)), &BTreeMap::new(), &[(GROUP, vec![(0, still)])]).unwrap();
    let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
    assert_eq!(snapshot.own.unwrap().velocity, Velocity { x: 32_767, y: -32_768 });
    assert_eq!(snapshot.records().next().unwrap().record.heading, 0, "what stands has no heading");
}

#[test]
fn refusals_say_why() {
    let mut buffer = [0; 64];
    let (length, _) = write_records(&mut buffer, &[(GROUP, vec![(9, RECORD)])]);
    let refused = |place: usize, value: u8| {
        let mut bytes = buffer;
        bytes[place] = value;
        Snapshot::decode(&bytes[..length]).unwrap_err()
    };
    assert_eq!(Snapshot::decode(&[]).unwrap_err(), DecodeError::Truncated);
    assert_eq!(Snapshot::decode(&[0x11; MAX_DATAGRAM + 1]).unwrap_err(), DecodeError::TooLong(MAX_DATAGRAM + 1));
    assert_eq!(refused(0, 0x21), DecodeError::WrongKind(Kind::Input));
    assert_eq!(refused(0, 0x12), DecodeError::UnknownVersion(2));
    assert_eq!(refused(0, 0x01), DecodeError::UnknownKind(0));
    assert_eq!(refused(5, 1), DecodeError::ReservedBits, "a baseline without its flag");
    assert_eq!(refused(8, 1), DecodeError::ReservedBits, "a last input without its flag");
    assert_eq!(refused(10, 0x10), DecodeError::ReservedBits, "an unknown flag");
    assert_eq!(refused(13, 0x01), DecodeError::ReservedBits, "two bits of a group");
    assert_eq!(refused(14, 0x80), DecodeError::UnknownForm(2));
    assert_eq!(refused(16, 255), DecodeError::NoSuchPlace(255));
    assert_eq!(refused(27, 0x80), DecodeError::ReservedBits, "a record's spare flag");
    assert_eq!(refused(27, 0x08), DecodeError::ReservedBits, "a record's last bits");
    assert_eq!(refused(26, 0x40), DecodeError::ReservedBits, "a heading without a speed");
    assert_eq!(refused(14, 0x01), DecodeError::Truncated, "a second record that is not there");
}

#[test]
fn changes_are_read_to_their_last_bit() {
    let mut buffer = [0; 64];
    let header = SnapshotHeader { baseline: Some(Sequence(1)), ..HEADER };
    let gone = BTreeMap::from([(1, Change::Gone)]);
    let (length, _) = write(&mut buffer, &header, (None, None), &gone, &[]).unwrap();
    assert_eq!(buffer[11..length], [2, 0b0111_1000], "the end, a mask of 2 bits, 3 bits that say that nobody is there");
    let mut refused = |end: u8, bits: u8| {
        (buffer[11], buffer[12]) = (end, bits);
        Snapshot::decode(&buffer[..length]).unwrap_err()
    };
    assert_eq!(refused(2, 0b0111_1001), DecodeError::ReservedBits, "a bit behind the last change");
    assert_eq!(refused(3, 0b0101_1100), DecodeError::ReservedBits, "the end is behind the last place");
    assert_eq!(refused(1, 0), DecodeError::ReservedBits, "an end of no place");
    assert_eq!(refused(9, 0b0111_1000), DecodeError::Truncated, "a mask that is cut");
    assert_eq!(refused(2, 0b0111_0000), DecodeError::Truncated, "a change that is cut");
    let (length, _) = write(&mut buffer, &header, (None, None), &BTreeMap::new(), &[]).unwrap();
    assert_eq!(buffer[11..length], [0], "nothing to tell takes a byte");
    assert_eq!(Snapshot::decode(&buffer[..length]).unwrap().changes().count(), 0);
}
