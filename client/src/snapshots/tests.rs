//! Views out of snapshots that arrive, get lost, overtake each other or go on from one that is not here.

use super::*;
use shallot_proto::wire::datagram::SnapshotHeader;
use shallot_proto::wire::limits::{CROWD_TICKS, SNAPSHOT_HEADER_BYTES};
use shallot_proto::wire::{Change, Coded, Delta, Form, Group, Places, SnapshotWriter, State};

const BASE: Tick = Tick(70_000);

fn id(index: u16) -> NetId {
    NetId { index, generation: 1 }
}

/// A monster that stands at so many metres.
fn at(metres: i32) -> State {
    let (x, y) = State::steps(Position { x: metres * 4_096, y: 4_096 });
    State { x, y, facing: 9, animation: 3, ..State::default() }
}

/// Who comes into which place, in which state; the place means nothing in a crowd.
type Coming<'a> = &'a [(u8, u16, State)];

/// Places of a baseline, and what became of who stood there.
type Changes<'a> = &'a [(u8, Change)];

/// Snapshot number `n`, of the tick `n` after the base.
fn snapshot(n: u16, before: (Option<u16>, Changes<'_>), own: Option<NetId>, coming: Coming<'_>) -> Vec<u8> {
    write(n, before, own, &[(Form::Entering, coming)])
}

fn write(
    n: u16,
    (baseline, changes): (Option<u16>, Changes<'_>),
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
    let mut places = Places::NONE;
    changes.iter().for_each(|(place, _)| places.insert(*place));
    let changes: Vec<Coded> = changes.iter().map(|(_, change)| change.coded()).collect();
    let mut writer = SnapshotWriter::new(&mut buffer, &header, None, own.as_ref(), (places, &changes)).expect("room");
    for (form, coming) in groups {
        for (place, index, state) in *coming {
            let (cell, base_height, record) = state.to_record(id(*index), EntityKind::Monster);
            let mut group = writer.begin_cell(Group { cell, form: *form, base_height });
            group.push(*place, &record.to_bytes()).expect("room");
        }
    }
    let length = writer.finish();
    buffer.get(..length).expect("its length").to_vec()
}

/// A snapshot without a baseline; places in the order given.
fn whole(n: u16, coming: &[(u16, State)]) -> Vec<u8> {
    let coming: Vec<_> = (0..).zip(coming).map(|(place, (index, state))| (place, *index, *state)).collect();
    snapshot(n, (None, &[]), None, &coming)
}

/// From a state so many ticks ago.
fn to(from: State, ticks: u32, to: State) -> Change {
    Change::To(Delta::between(&from, ticks, &to).expect("near enough"))
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
fn a_table_goes_on_from_its_baseline() {
    let mut view = Snapshots::new(BASE);
    arrive(&mut view, &whole(1, &[(5, at(10)), (6, at(20)), (7, at(30))]));
    let walked = State { x: at(20).x + 100, speed: 5, heading: 128, ..at(20) };
    let changes = [(1, to(at(20), 3, walked)), (2, Change::Gone)];
    arrive(&mut view, &snapshot(4, (Some(1), &changes), None, &[(9, 8, at(40))]));
    assert_eq!(indexes(&view), [5, 6, 8]);
    let told = |view: &Snapshots, index: u16| {
        view.entity(id(index)).map(|entity| (entity.tick, entity.position, entity.velocity))
    };
    assert_eq!(told(&view, 5), Some((BASE.plus(1), at(10).position(), Velocity::ZERO)), "as it was, since then");
    assert_eq!(told(&view, 6), Some((BASE.plus(4), walked.position(), Velocity { x: -80, y: 0 })));
    // The next one goes on from the first as well: what it does not tell is as the one before had it.
    arrive(&mut view, &snapshot(5, (Some(1), &[(0, to(at(10), 4, at(10)))]), None, &[]));
    assert_eq!(indexes(&view), [5, 6, 8]);
    assert_eq!(told(&view, 5), Some((BASE.plus(5), at(10).position(), Velocity::ZERO)));
    assert_eq!(told(&view, 6), Some((BASE.plus(4), walked.position(), Velocity { x: -80, y: 0 })));
    arrive(&mut view, &whole(6, &[(6, walked)]));
    assert_eq!(indexes(&view), [6], "without a baseline the table was empty");
}

#[test]
fn who_takes_a_place_puts_out_who_was_there() {
    let mut view = Snapshots::new(BASE);
    arrive(&mut view, &whole(1, &[(5, at(10)), (6, at(20))]));
    arrive(&mut view, &snapshot(2, (Some(1), &[]), None, &[(0, 7, at(30))]));
    assert_eq!(indexes(&view), [6, 7]);
    // Back into another place before the old one is told to be empty: in view once, and it stays.
    arrive(&mut view, &snapshot(3, (Some(1), &[]), None, &[(4, 6, at(21))]));
    assert_eq!(indexes(&view), [6, 7]);
    arrive(&mut view, &snapshot(4, (Some(1), &[(1, Change::Gone)]), None, &[]));
    assert_eq!(indexes(&view), [6, 7]);
    assert_eq!(view.entity(id(6)).map(|entity| entity.position), Some(at(21).position()));
    arrive(&mut view, &snapshot(5, (Some(1), &[(4, Change::Gone), (200, Change::Gone)]), None, &[]));
    assert_eq!(indexes(&view), [7]);
}

#[test]
fn two_may_change_places_in_one_snapshot() {
    let mut view = Snapshots::new(BASE);
    arrive(&mut view, &whole(1, &[(5, at(10)), (6, at(20)), (7, at(30))]));
    let position = |view: &Snapshots, index: u16| view.entity(id(index)).map(|entity| entity.position);
    arrive(&mut view, &snapshot(2, (Some(1), &[]), None, &[(1, 5, at(11)), (0, 6, at(21))]));
    assert_eq!(indexes(&view), [5, 6, 7]);
    assert_eq!([5, 6].map(|index| position(&view, index)), [at(11), at(21)].map(|state| Some(state.position())));
    // One place is told to be empty, and who stood there is told to be in another.
    arrive(&mut view, &snapshot(3, (Some(2), &[(2, Change::Gone)]), None, &[(9, 7, at(31))]));
    assert_eq!((indexes(&view), position(&view, 7)), (vec![5, 6, 7], Some(at(31).position())));
    // The second snapshot's table is known yet: there 7 stood in place 2, and nobody in place 9.
    let wrong = snapshot(4, (Some(2), &[(9, to(at(31), 1, at(31)))]), None, &[]);
    assert_eq!(view.apply(&wrong), Err(DecodeError::NobodyThere(9)));
    arrive(&mut view, &snapshot(4, (Some(2), &[(2, to(at(30), 3, at(32)))]), None, &[]));
    assert_eq!(
        (indexes(&view), position(&view, 7)),
        (vec![5, 6, 7], Some(at(32).position())),
        "what is told last counts"
    );
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut view = Snapshots::new(BASE);
    arrive(&mut view, &whole(1, &[(5, at(10)), (6, at(20))]));
    let changes = [(0, Change::Gone), (1, to(at(20), 1, at(21))), (2, to(at(30), 1, at(31)))];
    let before: Vec<Entity> = view.entities().copied().collect();
    assert_eq!(view.apply(&snapshot(2, (Some(1), &changes), None, &[])), Err(DecodeError::NobodyThere(2)));
    assert!(view.entities().eq(&before));
    arrive(&mut view, &snapshot(2, (Some(1), &[(0, to(at(10), 1, at(11)))]), None, &[]));
    assert_eq!(indexes(&view), [5, 6]);
}

#[test]
fn a_place_may_be_told_twice_in_one_snapshot() {
    let mut view = Snapshots::new(BASE);
    arrive(&mut view, &whole(1, &[(5, at(10))]));
    arrive(&mut view, &snapshot(2, (Some(1), &[(0, Change::Gone)]), None, &[(0, 6, at(20)), (0, 7, at(30))]));
    assert_eq!(indexes(&view), [7]);
    arrive(&mut view, &snapshot(3, (Some(1), &[(0, to(at(10), 2, at(12)))]), None, &[]));
    assert_eq!(indexes(&view), [5], "by the first snapshot's table");
}

#[test]
fn what_has_no_baseline_here_is_not_acknowledged() {
    let mut view = Snapshots::new(BASE);
    let on_the_first = |n: u16| snapshot(n, (Some(1), &[]), None, &[]);
    assert_eq!(arrive(&mut view, &on_the_first(2)), Applied::NoBaseline);
    assert_eq!((view.ack(), view.has_state()), (None, false));
    arrive(&mut view, &whole(3, &[(5, at(10))]));
    assert_eq!(arrive(&mut view, &on_the_first(4)), Applied::NoBaseline);
    assert_eq!(view.ack().map(|ack| ack.newest), Some(Sequence(3)));
    let expected = Counters { arrived: 1, without_baseline: 2, ..Counters::default() };
    assert_eq!(view.counters(), expected);
    // A table in which nobody stands there is not the one that the server means.
    let other = snapshot(5, (Some(3), &[(1, to(at(10), 2, at(10)))]), None, &[(0, 6, at(20))]);
    assert_eq!(view.apply(&other), Err(DecodeError::NobodyThere(1)));
    assert_eq!((view.ack().map(|ack| ack.newest), indexes(&view)), (Some(Sequence(3)), vec![5]));
}

#[test]
fn tables_are_kept_as_long_as_the_server_may_name_them() {
    let mut view = Snapshots::new(BASE);
    let last = 1 + TABLES_KEPT as u16;
    for n in 1..last {
        arrive(&mut view, &whole(n, &[]));
    }
    let on = |baseline: u16, n: u16| snapshot(n, (Some(baseline), &[]), None, &[]);
    assert!(matches!(arrive(&mut view, &on(1, last)), Applied::Newest(_)));
    assert_eq!(arrive(&mut view, &on(1, last + 1)), Applied::NoBaseline, "its place is another's");
    assert!(matches!(arrive(&mut view, &on(2, last + 1)), Applied::Newest(_)));
}

#[test]
fn who_is_of_a_crowd_is_shown_for_two_seconds() {
    let mut view = Snapshots::new(BASE);
    let crowd = |n: u16, others: &[(u16, State)]| {
        let others: Vec<_> = others.iter().map(|(index, state)| (0, *index, *state)).collect();
        write(n, (None, &[]), None, &[(Form::Entering, &[(0, 5, at(10))]), (Form::Crowd, &others)])
    };
    arrive(&mut view, &crowd(1, &[(6, at(20)), (7, at(30))]));
    arrive(&mut view, &crowd(2, &[]));
    assert_eq!(indexes(&view), [5, 6, 7], "no table has 6 and 7");
    arrive(&mut view, &crowd(20, &[(7, at(31)), (5, at(50))]));
    assert_eq!(view.entity(id(5)).map(|entity| entity.position), Some(at(10).position()), "the table knows better");
    let last = 1 + CROWD_TICKS as u16;
    arrive(&mut view, &crowd(last, &[]));
    assert_eq!(indexes(&view), [5, 6, 7]);
    arrive(&mut view, &crowd(last + 1, &[]));
    assert_eq!(indexes(&view), [5, 7]);
    // From the crowd into the table, and from there into the crowd.
    arrive(&mut view, &whole(last + 2, &[(7, at(32))]));
    assert_eq!(indexes(&view), [7]);
    arrive(&mut view, &write(last + 3, (None, &[]), None, &[(Form::Crowd, &[(0, 7, at(33))])]));
    arrive(&mut view, &whole(last + 4, &[]));
    assert_eq!(view.entity(id(7)).map(|entity| entity.position), Some(at(33).position()));
    arrive(&mut view, &whole(last + 4 + CROWD_TICKS as u16, &[]));
    assert_eq!(indexes(&view), [0; 0]);
}

#[test]
fn what_was_overtaken_has_no_effect() {
    let mut view = Snapshots::new(BASE);
    for n in [1, 2, 5] {
        arrive(&mut view, &whole(n, &[(n, at(10))]));
    }
    assert_eq!(view.counters(), Counters { arrived: 3, lost: 2, ..Counters::default() });
    assert_eq!(arrive(&mut view, &whole(4, &[(4, at(10))])), Applied::Ignored);
    assert_eq!(arrive(&mut view, &whole(2, &[(2, at(10))])), Applied::Ignored);
    assert_eq!(view.counters(), Counters { arrived: 3, late: 1, ignored: 1, lost: 1, ..Counters::default() });
    assert_eq!(indexes(&view), [5]);
    assert_eq!(view.ack(), Some(Ack { newest: Sequence(5), mask: 0b1100 }));
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
        let (mut buffer, nothing) = ([0; 64], (Places::NONE, &[][..]));
        let writer = SnapshotWriter::new(&mut buffer, &header(tick, 65_530_u16.wrapping_add(n)), None, None, nothing);
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
    let datagram = snapshot(1, (None, &[]), Some(id(5)), &[(0, 5, at(10))]);
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
    let mut writer = SnapshotWriter::new(&mut buffer, &header, None, None, (Places::NONE, &[])).expect("room");
    let tenant = NetId { index: 5, generation: 2 };
    let (cell, base_height, record) = at(10).to_record(tenant, EntityKind::Player);
    let mut group = writer.begin_cell(Group { cell, form: Form::Entering, base_height });
    group.push(3, &record.to_bytes()).expect("room");
    let length = writer.finish();
    arrive(&mut view, buffer.get(..length).expect("its length"));
    assert_eq!(view.entities().map(|entity| entity.id).collect::<Vec<_>>(), [tenant]);
    assert_eq!(view.entity(id(5)), None);
    // The old one in another place, for it was told late; then that place is empty.
    arrive(&mut view, &snapshot(3, (Some(2), &[]), None, &[(7, 5, at(12))]));
    assert_eq!(view.entities().map(|entity| entity.id).collect::<Vec<_>>(), [id(5)]);
    arrive(&mut view, &snapshot(4, (Some(2), &[(3, to(at(10), 2, at(10))), (7, Change::Gone)]), None, &[]));
    assert_eq!(view.entities().map(|entity| entity.id).collect::<Vec<_>>(), [tenant]);
}

#[test]
fn a_body_goes_on_as_it_did_for_a_second() {
    let state = State { speed: 2, heading: 64, ..at(10) };
    let walking = Entity::of(&Entry { entity: id(5), kind: EntityKind::Monster, tick: BASE, state });
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
