//! Views out of snapshots that arrive, get lost, overtake each other or go on from one that is not here.

use super::*;
use shallot_proto::wire::datagram::SnapshotHeader;
use shallot_proto::wire::limits::SNAPSHOT_HEADER_BYTES;
use shallot_proto::wire::{Change, Coded, Delta, Group, SnapshotWriter, State};

const BASE: Tick = Tick(70_000);

fn id(index: u16) -> NetId {
    NetId { index, generation: 1 }
}

/// A monster that stands at so many metres.
fn at(metres: i32) -> State {
    let (x, y) = State::steps(Position { x: metres * 4_096, y: 4_096 });
    State { x, y, facing: 9, animation: 3, ..State::default() }
}

/// The state of an entity whose entering a snapshot tells.
type Coming<'a> = &'a [(u16, State)];

/// Snapshot number `n`, of the tick `n` after the base.
fn snapshot(
    n: u16,
    (baseline, changes): (Option<u16>, &[Option<Change>]),
    own: Option<NetId>,
    coming: Coming<'_>,
) -> Vec<u8> {
    write(n, (baseline, changes), own, &[(Form::Entering, coming)])
}

fn write(
    n: u16,
    (baseline, changes): (Option<u16>, &[Option<Change>]),
    own: Option<NetId>,
    groups: &[(Form, Coming<'_>)],
) -> Vec<u8> {
    let tick = BASE.plus(n.into());
    let header = SnapshotHeader {
        tick: tick.low16(),
        sequence: Sequence(n),
        baseline: baseline.map(Sequence),
        last_input: Some(tick.plus(1).low16()),
        buffer_depth: 6,
    };
    let own = own.map(|entity| OwnState {
        entity,
        position: Position::default(),
        z: 0,
        velocity: Velocity::ZERO,
        velocity_z: 0,
        facing: 0,
        animation: 0,
        is_dead: false,
        teleports: 0,
    });
    let mut buffer = [0; 1_150];
    let changes: Vec<Coded> = changes.iter().map(|change| Coded::from(*change)).collect();
    let mut writer = SnapshotWriter::new(&mut buffer, &header, None, own.as_ref(), &changes).expect("room");
    for (form, coming) in groups {
        for (index, state) in *coming {
            let (cell, base_height, record) = state.to_record(id(*index), EntityKind::Monster);
            writer.begin_cell(Group { cell, form: *form, base_height }).push(&record).expect("room");
        }
    }
    let length = writer.finish();
    buffer.get(..length).expect("its length").to_vec()
}

/// A snapshot without a baseline.
fn whole(n: u16, coming: Coming<'_>) -> Vec<u8> {
    snapshot(n, (None, &[]), None, coming)
}

/// From a state five ticks ago.
fn to(from: State, ticks: u32, to: State) -> Option<Change> {
    Some(Change::To(Delta::between(&from, ticks, &to).expect("near enough")))
}

fn indexes(view: &Snapshots) -> Vec<u16> {
    view.entities().map(|entity| entity.id.index).collect()
}

fn arrive(view: &mut Snapshots, datagram: &[u8]) -> Applied {
    view.apply(datagram).expect("sound")
}

#[test]
fn the_newest_snapshot_is_the_state() {
    let mut view = Snapshots::new(BASE);
    let Applied::Newest(report) = arrive(&mut view, &whole(1, &[(5, at(10))])) else { panic!("it is the newest") };
    assert_eq!((report.tick, report.last_input, report.buffer_depth), (BASE.plus(1), Some(BASE.plus(2)), 6));
    let entity = view.entity(id(5)).expect("in view");
    assert!(entity.position.distance_squared(Position { x: 40_960, y: 4_096 }) <= 2 * 32 * 32);
    assert_eq!((entity.tick, entity.animation, entity.facing), (BASE.plus(1), 3, 9));
}

#[test]
fn a_set_goes_on_from_its_baseline() {
    let mut view = Snapshots::new(BASE);
    arrive(&mut view, &whole(1, &[(5, at(10)), (6, at(20)), (7, at(30))]));
    let walked = State { x: at(20).x + 100, speed: 5, heading: 128, ..at(20) };
    let changes = [None, to(at(20), 3, walked), Some(Change::Gone)];
    arrive(&mut view, &snapshot(4, (Some(1), &changes), None, &[(8, at(40))]));
    assert_eq!(indexes(&view), [5, 6, 8]);
    let told = |index: u16| view.entity(id(index)).map(|entity| (entity.tick, entity.position, entity.velocity));
    assert_eq!(told(5), Some((BASE.plus(1), at(10).position(), Velocity::ZERO)), "as it was, since then");
    assert_eq!(told(6), Some((BASE.plus(4), walked.position(), Velocity { x: -80, y: 0 })));
    arrive(&mut view, &whole(5, &[(6, walked)]));
    assert_eq!(indexes(&view), [6], "without a baseline it names all there is");
}

#[test]
fn what_has_no_baseline_here_is_not_acknowledged() {
    let mut view = Snapshots::new(BASE);
    let on_the_first = |n: u16| snapshot(n, (Some(1), &[None]), None, &[]);
    assert_eq!(arrive(&mut view, &on_the_first(2)), Applied::NoBaseline);
    assert_eq!((view.ack(), view.has_state()), (None, false));
    arrive(&mut view, &whole(3, &[(5, at(10))]));
    assert_eq!(arrive(&mut view, &on_the_first(4)), Applied::NoBaseline);
    assert_eq!(view.ack().map(|ack| ack.newest), Some(Sequence(3)));
    // Snapshot 1 was only late: then 2 comes again, with its baseline.
    assert_eq!(arrive(&mut view, &whole(1, &[(6, at(20))])), Applied::Late);
    assert_eq!(arrive(&mut view, &on_the_first(2)), Applied::Late);
    assert_eq!(view.ack(), Some(Ack { newest: Sequence(3), mask: 0b11 }));
    assert_eq!(indexes(&view), [5]);
    let expected = Counters { arrived: 3, late: 2, without_baseline: 2, ..Counters::default() };
    assert_eq!(view.counters(), expected);
    // A set of another size is not the one that the server means.
    let other = snapshot(5, (Some(3), &[None, None]), None, &[]);
    assert_eq!(view.apply(&other), Err(DecodeError::OtherBaseline));
    assert_eq!(view.ack().map(|ack| ack.newest), Some(Sequence(3)));
}

#[test]
fn sets_are_kept_as_long_as_the_server_may_name_them() {
    let mut view = Snapshots::new(BASE);
    let last = 1 + SETS_KEPT as u16;
    for n in 1..last {
        arrive(&mut view, &whole(n, &[]));
    }
    let on = |baseline: u16, n: u16| snapshot(n, (Some(baseline), &[]), None, &[]);
    assert!(matches!(arrive(&mut view, &on(1, last)), Applied::Newest(_)));
    assert_eq!(arrive(&mut view, &on(1, last + 1)), Applied::NoBaseline, "its place is another's");
    assert!(matches!(arrive(&mut view, &on(2, last + 1)), Applied::Newest(_)));
}

#[test]
fn the_newest_state_that_any_snapshot_told_is_shown() {
    let mut view = Snapshots::new(BASE);
    arrive(&mut view, &whole(1, &[(5, at(10))]));
    let step = |n: i32| State { x: at(10).x + n, ..at(10) };
    arrive(&mut view, &snapshot(2, (Some(1), &[to(at(10), 1, step(2))]), None, &[]));
    let shown = |view: &Snapshots| view.entity(id(5)).map(|entity| (entity.tick, entity.position));
    arrive(&mut view, &snapshot(5, (Some(1), &[None]), None, &[]));
    assert_eq!(shown(&view), Some((BASE.plus(2), step(2).position())), "of snapshot 2, which is no baseline of 5");
    // A late one knows better, but brings nobody back.
    arrive(&mut view, &snapshot(4, (Some(1), &[to(at(10), 3, step(4))]), None, &[(6, at(10))]));
    assert_eq!(shown(&view), Some((BASE.plus(4), step(4).position())));
    arrive(&mut view, &snapshot(3, (Some(1), &[to(at(10), 2, step(3))]), None, &[]));
    assert_eq!(shown(&view), Some((BASE.plus(4), step(4).position())), "this one knows less");
    assert_eq!(indexes(&view), [5]);
}

#[test]
fn who_is_of_a_crowd_is_shown_for_two_seconds() {
    let mut view = Snapshots::new(BASE);
    let crowd = |n: u16, others: Coming<'_>| {
        write(n, (None, &[]), None, &[(Form::Entering, &[(5, at(10))]), (Form::Crowd, others)])
    };
    arrive(&mut view, &crowd(1, &[(6, at(20)), (7, at(30))]));
    arrive(&mut view, &crowd(2, &[]));
    assert_eq!(indexes(&view), [5, 6, 7], "no set has 6 and 7");
    arrive(&mut view, &crowd(20, &[(7, at(31))]));
    let last = 1 + CROWD_TICKS as u16;
    arrive(&mut view, &crowd(last, &[]));
    assert_eq!(indexes(&view), [5, 6, 7]);
    arrive(&mut view, &crowd(last + 1, &[]));
    assert_eq!(indexes(&view), [5, 7]);
    // From the crowd into the set, and from there into the crowd.
    arrive(&mut view, &whole(last + 2, &[(7, at(32))]));
    assert_eq!(indexes(&view), [7]);
    arrive(&mut view, &write(last + 3, (None, &[]), None, &[(Form::Crowd, &[(7, at(33))])]));
    arrive(&mut view, &whole(last + 4, &[]));
    assert_eq!(view.entity(id(7)).map(|entity| entity.position), Some(at(33).position()));
    arrive(&mut view, &whole(last + 4 + CROWD_TICKS as u16, &[]));
    assert_eq!(indexes(&view), [0; 0]);
}

#[test]
fn gaps_are_lost_until_the_late_one_comes() {
    let mut view = Snapshots::new(BASE);
    for n in [1, 2, 5] {
        arrive(&mut view, &whole(n, &[(n, at(10))]));
    }
    assert_eq!(view.counters(), Counters { arrived: 3, lost: 2, ..Counters::default() });
    assert_eq!(arrive(&mut view, &whole(4, &[(4, at(10))])), Applied::Late);
    assert_eq!(arrive(&mut view, &whole(4, &[(4, at(10))])), Applied::Ignored);
    assert_eq!(view.counters(), Counters { arrived: 4, late: 1, ignored: 1, lost: 1, ..Counters::default() });
    assert_eq!(indexes(&view), [5]);
    assert_eq!(view.ack(), Some(Ack { newest: Sequence(5), mask: 0b1101 }));
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
        let writer = SnapshotWriter::new(&mut buffer, &header(tick, 65_530_u16.wrapping_add(n)), None, None, &[]);
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
    let sound = whole(1, &[(5, at(10))]);
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
    let datagram = snapshot(1, (None, &[]), Some(id(5)), &[(5, at(10))]);
    let Applied::Newest(report) = arrive(&mut view, &datagram) else { panic!("newest") };
    assert_eq!(report.own.map(|own| own.entity), Some(id(5)));
    assert_eq!(indexes(&view), [0; 0]);
}

#[test]
fn a_new_generation_takes_the_place_of_the_old_one() {
    let mut view = Snapshots::new(BASE);
    arrive(&mut view, &whole(1, &[(5, at(10))]));
    let header = SnapshotHeader {
        tick: BASE.plus(2).low16(),
        sequence: Sequence(2),
        baseline: None,
        last_input: None,
        buffer_depth: 0,
    };
    let mut buffer = [0; 64];
    let mut writer = SnapshotWriter::new(&mut buffer, &header, None, None, &[]).expect("room");
    let tenant = NetId { index: 5, generation: 2 };
    let (cell, base_height, record) = at(10).to_record(tenant, EntityKind::Player);
    writer.begin_cell(Group { cell, form: Form::Entering, base_height }).push(&record).expect("room");
    let length = writer.finish();
    arrive(&mut view, buffer.get(..length).expect("its length"));
    assert_eq!(view.entities().map(|entity| entity.id).collect::<Vec<_>>(), [tenant]);
    assert_eq!(view.entity(id(5)), None);
}

#[test]
fn a_body_goes_on_as_it_did_for_a_second() {
    let state = State { speed: 2, heading: 64, ..at(10) };
    let walking = Entity::of(&Entry { entity: id(5), kind: EntityKind::Monster, tick: BASE, state }, None);
    let after = |ticks| walking.position_at(BASE.plus(ticks)).y - walking.position.y;
    assert_eq!((after(0), after(3), after(500)), (0, 96, 640));
    assert_eq!(walking.position_at(BASE.minus(4)), walking.position);
}

/// A line of the record is a datagram (`>`), or whom another decoder then saw (`=`).
#[test]
fn a_recorded_session_is_seen_as_others_see_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/session.txt");
    let session = std::fs::read_to_string(path).expect("the record");
    let (mut view, mut datagrams, mut positions) = (Snapshots::new(Tick(0)), 0, 0);
    for (number, line) in (1..).zip(session.lines()) {
        if let Some(digits) = line.strip_prefix("> ") {
            let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
            let datagram: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
            view.apply(&datagram.expect("hexadecimal")).expect("a sound snapshot");
            datagrams += 1;
        } else {
            let words = view.entities().map(|entity| {
                let Entity { id, position, .. } = entity;
                format!(" {}.{}@{},{}", id.index, id.generation, position.x, position.y)
            });
            let seen: Vec<String> = words.collect();
            assert_eq!(format!("={}", seen.concat()), line, "line {number}");
            positions += seen.len();
        }
    }
    assert!(datagrams > 100 && positions > 1_000, "{datagrams} datagrams, {positions} positions");
}
