//! Snapshots: round trips, the budget, refusals, and bytes that nobody meant.

use proptest::prelude::*;
use shallot_wire::limits::{MAX_DATAGRAM, MAX_RECORDS};
use shallot_wire::snapshot::changes_bytes;
use shallot_wire::{
    Cell, Change, Coded, DecodeError, Delta, EntityKind, Form, Full, Group, Kind, NetId, OwnState, Position, Record,
    Sequence, Snapshot, SnapshotHeader, SnapshotWriter, TimeEcho, Velocity,
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

/// What became of the entities of some baseline.
fn changes() -> impl Strategy<Value = Vec<Option<Change>>> {
    let delta = (states::state(), 0..32_u32, states::move_of());
    let delta = delta.prop_map(|(from, ticks, to)| Delta::between(&from, ticks, &to.of(&from, ticks)));
    let change = prop_oneof![
        2 => Just(None),
        1 => Just(Some(Change::Gone)),
        3 => delta.prop_map(|delta| delta.map(Change::To)),
    ];
    prop::collection::vec(change, 0..100)
}

fn groups() -> impl Strategy<Value = Vec<(Group, Vec<Record>)>> {
    prop::collection::vec((group(), prop::collection::vec(record(), 0..30)), 0..6)
}

fn coded(changes: &[Option<Change>]) -> Vec<Coded> {
    changes.iter().map(|change| Coded::from(*change)).collect()
}

/// Writes until the budget is spent; returns the length and how many records went in.
fn write(
    buffer: &mut [u8],
    header: &SnapshotHeader,
    echo: Option<TimeEcho>,
    own: Option<&OwnState>,
    changes: &[Option<Change>],
    groups: &[(Group, Vec<Record>)],
) -> Result<(usize, usize), Full> {
    let mut writer = SnapshotWriter::new(buffer, header, echo, own, &coded(changes))?;
    let mut pushed = 0;
    'all: for (group, records) in groups {
        let mut cell = writer.begin_cell(*group);
        for record in records {
            if cell.push(record).is_err() {
                break 'all;
            }
            pushed += 1;
        }
    }
    Ok((writer.finish(), pushed))
}

fn flat(groups: &[(Group, Vec<Record>)]) -> Vec<(Group, Record)> {
    groups.iter().flat_map(|(group, records)| records.iter().map(|record| (*group, *record))).collect()
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
        let bits: u32 = coded(&changes).into_iter().map(Coded::bits).sum();
        let changes_length = baseline.map_or(0, |_| changes_bytes(changes.len(), bits as usize));
        let front = 11 + if echo.is_some() { 4 } else { 0 } + if own.is_some() { 24 } else { 0 } + changes_length;
        let Ok((length, pushed)) = write(&mut buffer, &header, echo, own.as_ref(), &changes, &groups) else {
            prop_assert!(budget < front);
            return Ok(());
        };
        prop_assert!(budget >= front && length <= budget.min(MAX_DATAGRAM));
        let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
        prop_assert_eq!((snapshot.header, snapshot.time_echo, snapshot.own), (header, echo, own));
        let told: Vec<_> = snapshot.changes().collect();
        prop_assert_eq!(told, if baseline.is_some() { changes } else { Vec::new() });
        let all = flat(&groups);
        prop_assert_eq!(snapshot.records().collect::<Vec<_>>(), &all[..pushed]);
        prop_assert!(pushed == all.len() || length + 16 > budget.min(MAX_DATAGRAM), "room was left");
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
        let (length, _) = write(&mut buffer, &header, None, Some(&own), &changes, &groups).unwrap();
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
        let (length, _) = write(&mut buffer, &header, None, None, &changes, &groups).unwrap();
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
fn a_crowd_in_one_cell_goes_on_in_a_second_group() {
    let mut buffer = [0; MAX_DATAGRAM];
    let crowd: Vec<Record> =
        (0..200).map(|index| Record { entity: NetId { index, generation: 0 }, ..RECORD }).collect();
    let (length, pushed) = write(&mut buffer, &HEADER, None, None, &[], &[(GROUP, crowd.clone())]).unwrap();
    assert_eq!((length, pushed), (11 + 2 * 5 + 102 * 11, 102));
    let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
    assert!(snapshot.records().map(|(group, _)| group).all(|group| group == GROUP));
    assert_eq!(snapshot.records().map(|(_, record)| record).collect::<Vec<_>>(), &crowd[..102]);
}

#[test]
fn a_cell_without_records_takes_no_room() {
    let mut buffer = [0; 64];
    let mut writer = SnapshotWriter::new(&mut buffer, &HEADER, None, None, &[]).unwrap();
    let _ = writer.begin_cell(GROUP);
    assert_eq!(writer.room(), 53);
    assert_eq!(writer.finish(), 11);
    assert_eq!(Snapshot::decode(&buffer[..11]).unwrap().records().count(), 0);
}

#[test]
fn a_set_has_at_most_255_entities() {
    let mut buffer = [0; MAX_DATAGRAM];
    let header = SnapshotHeader { baseline: Some(Sequence(1)), ..HEADER };
    assert_eq!(SnapshotWriter::new(&mut buffer, &header, None, None, &[Coded::UNCHANGED; 256]).unwrap_err(), Full);
    let (mut gone, three) = ([None; 255], [(GROUP, vec![RECORD; 3])]);
    let (length, _) = write(&mut buffer, &header, None, None, &gone, &three).unwrap();
    assert_eq!(Snapshot::decode(&buffer[..length]).unwrap_err(), DecodeError::TooManyEntities(258));
    gone[..3].fill(Some(Change::Gone));
    let (length, _) = write(&mut buffer, &header, None, None, &gone, &three).unwrap();
    assert!(Snapshot::decode(&buffer[..length]).is_ok());
    let crowd = [(Group { form: Form::Crowd, ..GROUP }, vec![RECORD; 3])];
    let (length, _) = write(&mut buffer, &header, None, None, &[None; 255], &crowd).unwrap();
    assert!(Snapshot::decode(&buffer[..length]).is_ok(), "records of a crowd are in no set");
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
    let (length, _) = write(&mut buffer, &HEADER, None, Some(&wild), &[], &[(GROUP, vec![still])]).unwrap();
    let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
    assert_eq!(snapshot.own.unwrap().velocity, Velocity { x: 32_767, y: -32_768 });
    assert_eq!(snapshot.records().next().unwrap().1.heading, 0, "what stands has no heading");
}

#[test]
fn refusals_say_why() {
    let mut buffer = [0; 64];
    let (length, _) = write(&mut buffer, &HEADER, None, None, &[], &[(GROUP, vec![RECORD])]).unwrap();
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
    assert_eq!(refused(26, 0x80), DecodeError::ReservedBits, "a record's spare flag");
    assert_eq!(refused(26, 0x08), DecodeError::ReservedBits, "a record's last bits");
    assert_eq!(refused(25, 0x40), DecodeError::ReservedBits, "a heading without a speed");
    assert_eq!(refused(14, 0x01), DecodeError::Truncated, "a second record that is not there");
}

#[test]
fn changes_are_read_to_their_last_bit() {
    let mut buffer = [0; 64];
    let header = SnapshotHeader { baseline: Some(Sequence(1)), ..HEADER };
    let (length, _) = write(&mut buffer, &header, None, None, &[None, Some(Change::Gone), None], &[]).unwrap();
    assert_eq!(buffer[11..length], [3, 0b0101_1100], "a count, a mask of 3 bits, 3 bits that say it has gone");
    buffer[12] |= 1;
    assert_eq!(Snapshot::decode(&buffer[..length]).unwrap_err(), DecodeError::ReservedBits);
    buffer[11] = 9;
    assert_eq!(Snapshot::decode(&buffer[..length]).unwrap_err(), DecodeError::Truncated, "a mask that is cut");
}
