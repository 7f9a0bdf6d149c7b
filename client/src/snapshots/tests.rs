//! Views out of snapshots that arrive, get lost, overtake each other or are cut.

use super::*;
use shallot_proto::wire::datagram::{Sequence, SnapshotHeader};
use shallot_proto::wire::limits::SNAPSHOT_HEADER_BYTES;
use shallot_proto::wire::{Cell, Ring, SnapshotWriter};

const BASE: Tick = Tick(70_000);

fn id(index: u16) -> NetId {
    NetId { index, generation: 1 }
}

fn record(index: u16, metres: i32) -> (Cell, Record) {
    let position = Position { x: metres * 4_096, y: 4_096 };
    let cell = Cell::of(position);
    let record = Record {
        entity: id(index),
        place: cell.quantize(position),
        z: 0,
        facing: 9,
        speed: 0,
        heading: 0,
        animation: 3,
        kind: EntityKind::Monster,
        is_dead: false,
        age: 2,
    };
    (cell, record)
}

/// Snapshot number `n`, of the tick `n` after the base, with these entities at so many metres.
fn snapshot(n: u16, seen: &[(u16, i32)], complete: bool) -> Vec<u8> {
    let tick = BASE.plus(n.into());
    let header = SnapshotHeader {
        tick: tick.low16(),
        sequence: Sequence(n),
        baseline: None,
        last_input: Some(tick.plus(1).low16()),
        buffer_depth: 6,
    };
    let mut buffer = [0; 1_150];
    let mut writer = SnapshotWriter::new(&mut buffer, &header, None, None).expect("room");
    for (index, metres) in seen {
        let (cell, record) = record(*index, *metres);
        let group = Group { cell, ring: Ring::Near, base_height: 0 };
        writer.begin_cell(group).push_absolute(&record.pack()).expect("room");
    }
    if !complete {
        writer.mark_cut();
    }
    let length = writer.finish();
    buffer.get(..length).expect("its length").to_vec()
}

fn indexes(view: &Snapshots) -> Vec<u16> {
    view.entities().map(|entity| entity.id.index).collect()
}

#[test]
fn the_newest_snapshot_is_the_state() {
    let mut view = Snapshots::new(BASE);
    let Ok(Applied::Newest(report)) = view.apply(&snapshot(1, &[(5, 10)], true)) else { panic!("it is the newest") };
    assert_eq!((report.tick, report.last_input, report.buffer_depth), (BASE.plus(1), Some(BASE.plus(2)), 6));
    let entity = view.entity(id(5)).expect("in view");
    assert!(entity.position.distance_squared(Position { x: 40_960, y: 4_096 }) <= 2 * 32 * 32);
    assert_eq!((entity.tick, entity.animation, entity.facing), (BASE.minus(1), 3, 9));
}

#[test]
fn what_a_complete_snapshot_does_not_name_is_gone() {
    let mut view = Snapshots::new(BASE);
    view.apply(&snapshot(1, &[(5, 10), (6, 20)], true)).expect("sound");
    view.apply(&snapshot(2, &[(6, 21), (7, 30)], true)).expect("sound");
    assert_eq!(indexes(&view), [6, 7]);
}

#[test]
fn what_a_cut_snapshot_does_not_name_stays_for_a_while() {
    let mut view = Snapshots::new(BASE);
    view.apply(&snapshot(1, &[(5, 10)], true)).expect("sound");
    let last = 1 + u16::try_from(STALE_AFTER_TICKS).expect("small");
    for n in 2..=last {
        view.apply(&snapshot(n, &[(6, 20)], false)).expect("sound");
        assert_eq!(indexes(&view), [5, 6], "{n}");
    }
    view.apply(&snapshot(last + 1, &[(6, 20)], false)).expect("sound");
    assert_eq!(indexes(&view), [6]);
}

#[test]
fn gaps_are_lost_until_the_late_one_comes_and_it_changes_nothing() {
    let mut view = Snapshots::new(BASE);
    for n in [1, 2, 5] {
        view.apply(&snapshot(n, &[(n, 10)], true)).expect("sound");
    }
    assert_eq!(view.counters(), Counters { arrived: 3, lost: 2, ..Counters::default() });
    assert_eq!(view.apply(&snapshot(4, &[(4, 10)], true)), Ok(Applied::Late));
    assert_eq!(view.apply(&snapshot(4, &[(4, 10)], true)), Ok(Applied::Ignored));
    assert_eq!(view.counters(), Counters { arrived: 4, late: 1, ignored: 1, lost: 1 });
    assert_eq!(indexes(&view), [5]);
    let ack = view.ack().expect("arrived");
    assert_eq!((ack.newest, ack.mask), (Sequence(5), 0b1101));
}

#[test]
fn ticks_and_sequences_wrap() {
    let mut view = Snapshots::new(Tick(65_530));
    let header = |tick: Tick, n: u16| SnapshotHeader {
        tick: tick.low16(),
        sequence: Sequence(n),
        baseline: None,
        last_input: None,
        buffer_depth: 0,
    };
    for n in 0..20_u16 {
        let tick = Tick(65_530 + u32::from(n));
        let mut buffer = [0; 64];
        let writer = SnapshotWriter::new(&mut buffer, &header(tick, 65_530_u16.wrapping_add(n)), None, None);
        let length = writer.expect("room").finish();
        let Ok(Applied::Newest(report)) = view.apply(buffer.get(..length).expect("its length")) else {
            panic!("{n} is the newest")
        };
        assert_eq!(report.tick, tick);
    }
    assert_eq!(view.counters(), Counters { arrived: 20, ..Counters::default() });
}

#[test]
fn garbage_changes_nothing() {
    let mut view = Snapshots::new(BASE);
    let sound = snapshot(1, &[(5, 10)], true);
    // The bare header is a sound snapshot of nothing.
    for length in (0..sound.len()).filter(|length| *length != SNAPSHOT_HEADER_BYTES) {
        assert!(view.apply(sound.get(..length).expect("a part")).is_err(), "{length}");
    }
    assert!(!view.has_state() && view.ack().is_none());
    assert_eq!(view.counters(), Counters::default());
}

#[test]
fn the_own_entity_is_no_part_of_the_view() {
    let mut view = Snapshots::new(BASE);
    let own = OwnState {
        entity: id(5),
        position: Position::default(),
        z: 0,
        velocity: Velocity::ZERO,
        velocity_z: 0,
        facing: 0,
        animation: 0,
        is_dead: false,
        teleports: 0,
    };
    let header =
        SnapshotHeader { tick: BASE.low16(), sequence: Sequence(1), baseline: None, last_input: None, buffer_depth: 0 };
    let mut buffer = [0; 128];
    let mut writer = SnapshotWriter::new(&mut buffer, &header, None, Some(&own)).expect("room");
    let (cell, record) = record(5, 10);
    writer.begin_cell(Group { cell, ring: Ring::Near, base_height: 0 }).push_absolute(&record.pack()).expect("room");
    let length = writer.finish();
    let Ok(Applied::Newest(report)) = view.apply(buffer.get(..length).expect("its length")) else { panic!("newest") };
    assert_eq!(report.own, Some(own));
    assert_eq!(indexes(&view), Vec::<u16>::new());
}

#[test]
fn a_new_generation_takes_the_place_of_the_old_one() {
    let mut view = Snapshots::new(BASE);
    view.apply(&snapshot(1, &[(5, 10)], true)).expect("sound");
    let header = SnapshotHeader {
        tick: BASE.plus(2).low16(),
        sequence: Sequence(2),
        baseline: None,
        last_input: None,
        buffer_depth: 0,
    };
    let mut buffer = [0; 64];
    let mut writer = SnapshotWriter::new(&mut buffer, &header, None, None).expect("room");
    let (cell, old) = record(5, 10);
    let tenant = Record { entity: NetId { index: 5, generation: 2 }, ..old };
    writer.begin_cell(Group { cell, ring: Ring::Near, base_height: 0 }).push_absolute(&tenant.pack()).expect("room");
    writer.mark_cut();
    let length = writer.finish();
    view.apply(buffer.get(..length).expect("its length")).expect("sound");
    assert_eq!(view.entities().map(|entity| entity.id).collect::<Vec<_>>(), [tenant.entity]);
    assert_eq!(view.entity(id(5)), None);
}

#[test]
fn a_body_goes_on_as_it_did_for_a_second() {
    let (cell, record) = record(5, 10);
    let group = Group { cell, ring: Ring::Mid, base_height: 0 };
    let walking = entity_of(&group, &Record { speed: 2, heading: 64, age: 0, ..record }, BASE);
    let after = |ticks| walking.position_at(BASE.plus(ticks)).y - walking.position.y;
    assert_eq!((after(0), after(3), after(500)), (0, 96, 640));
    assert_eq!(walking.position_at(BASE.minus(4)), walking.position);
}
