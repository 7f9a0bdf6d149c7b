//! `docs/WIRE.md` is read here: its fenced blocks must be what the code does.

use std::fs;

use shallot_wire::heading::{HALFWAY_TANGENT, QUARTER_SINE};
use shallot_wire::{
    Ack, Cell, Change, Coded, Delta, EntityKind, Entry, Form, Group, Input, InputWindow, Inputs, Motion, NetId,
    OwnState, Places, Position, Record, Rect, Sequence, Snapshot, SnapshotHeader, SnapshotWriter, State, Table,
    Terrain, Tick, TimeEcho, Velocity, heading_towards, step,
};

/// The lines of the block that is fenced with `title`, without what follows a number sign.
fn block(title: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/WIRE.md");
    let page = fs::read_to_string(path).unwrap();
    let fence = format!("```{title}");
    let mut lines = page.lines().skip_while(|line| *line != fence);
    assert!(lines.next().is_some(), "docs/WIRE.md has no block `{title}`");
    let body = lines.take_while(|line| *line != "```");
    body.map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

fn numbers(line: &str) -> Vec<i64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn assert_bytes(title: &str, actual: &[u8]) {
    let expected: Vec<u8> = block(title)
        .iter()
        .flat_map(|line| line.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect::<Vec<_>>())
        .collect();
    assert_eq!(hex(actual), hex(&expected), "block `{title}`");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn assert_input(title: &str, window: &InputWindow) {
    let mut buffer = [0; 40];
    let length = window.encode(&mut buffer).unwrap();
    assert_bytes(title, &buffer[..length]);
    assert_eq!(InputWindow::decode(&buffer[..length]), Ok(*window));
}

#[test]
fn input_datagrams() {
    let east = Input { heading: 0, throttle: 127, facing: 0 };
    let first = InputWindow {
        entity: NetId { index: 7, generation: 0 },
        ack: None,
        newest_tick: 100,
        view_tick: 96,
        stamp_ms: 5_000,
        inputs: Inputs::new(&[east]).unwrap(),
    };
    assert_input("hex input-first", &first);
    let window = InputWindow {
        entity: NetId { index: 300, generation: 5 },
        ack: Some(Ack { newest: Sequence(1_000), mask: 0x8000_0005 }),
        newest_tick: 40_000,
        view_tick: 39_994,
        stamp_ms: 65_535,
        inputs: Inputs::new(&[Input { heading: 64, throttle: 64, facing: 200 }, east, Input::default()]).unwrap(),
    };
    assert_input("hex input-window", &window);
}

fn header() -> SnapshotHeader {
    SnapshotHeader {
        tick: 0x1234,
        sequence: Sequence(0x00FF),
        baseline: None,
        last_input: Some(0x1230),
        buffer_depth: 6,
    }
}

#[test]
fn snapshot_without_parts() {
    let mut buffer = [0; 64];
    let first = SnapshotHeader { last_input: None, buffer_depth: 0, ..header() };
    let length = SnapshotWriter::new(&mut buffer, &first, None, None, (Places::NONE, &[])).unwrap().finish();
    assert_bytes("hex snapshot-empty", &buffer[..length]);
}

#[test]
fn snapshot_with_all_parts() {
    let own = OwnState {
        entity: NetId { index: 300, generation: 5 },
        position: Position { x: -4_096, y: 409_600 },
        z: 2_048,
        velocity: Velocity { x: 311, y: -1 },
        velocity_z: 0,
        facing: 64,
        animation: 3,
        is_dead: false,
        teleports: 2,
    };
    let monster_at = Position { x: -2_048, y: 405_504 };
    let home = Cell::of(monster_at);
    let monster = Record {
        entity: NetId { index: 1_025, generation: 2 },
        place: home.quantize(monster_at),
        z: 8,
        facing: 128,
        speed: 19,
        heading: 130,
        animation: 1,
        kind: EntityKind::Monster,
        is_dead: false,
    };
    let dead = Record { entity: NetId { index: 1_026, generation: 0 }, speed: 0, heading: 0, is_dead: true, ..monster };
    let drop = Record { kind: EntityKind::Drop, place: (0, 2_047), ..dead };
    let echo = TimeEcho { client_stamp_ms: 5_000, hold_ms: 12 };

    let mut buffer = [0; 128];
    let mut writer = SnapshotWriter::new(&mut buffer, &header(), Some(echo), Some(&own), (Places::NONE, &[])).unwrap();
    let mut near = writer.begin_cell(Group { cell: home, form: Form::Entering, base_height: 0 });
    near.push(0, &monster.to_bytes()).unwrap();
    near.push(254, &dead.to_bytes()).unwrap();
    let far = Group { cell: Cell { x: 5, y: -1_024 }, form: Form::Crowd, base_height: -2 };
    writer.begin_cell(far).push(0, &drop.to_bytes()).unwrap();
    let length = writer.finish();
    assert_bytes("hex snapshot-full", &buffer[..length]);
    let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
    assert!(snapshot.records().map(|told| told.place).eq([Some(0), Some(254), None]));
}

/// Eight in places 0 to 7, and what becomes of them five ticks later: each form of a change.
#[test]
fn snapshot_against_a_baseline() {
    let walking = State { x: 640, y: -640, z: 0, facing: 64, speed: 19, heading: 64, animation: 1, is_dead: false };
    let standing = State { speed: 0, heading: 0, ..walking };
    let (before, now) = (Tick(0x1234 - 5), Tick(0x1234));
    let entry = |index: u16, tick: Tick, state: State| {
        let (entity, kind) = (NetId { index, generation: 0 }, EntityKind::Player);
        Entry { entity, kind, tick, state }
    };
    let mut baseline = Table::default();
    for (place, state) in [standing, walking, walking, walking, walking, standing, walking, standing].iter().enumerate()
    {
        baseline.put(place as u8, Some(entry(place as u16 + 1, before, *state)));
    }
    let (x, y) = walking.extrapolated(5);
    let after = State { x, y, ..walking };
    let changed = [
        (1, after),
        (2, State { x: x + 3, y: y - 4, speed: 0, heading: 0, ..after }),
        (3, State { x: x + 20, y: y - 24, heading: 0, facing: 0, ..after }),
        (4, State { x: x - 200, y, speed: 127, facing: 56, animation: 9, ..after }),
        (5, State { facing: 200, z: -16, is_dead: true, ..standing }),
    ];
    let mut places = Places::NONE;
    (1..=6).for_each(|place| places.insert(place));
    let told = changed.iter().map(|(place, to)| {
        let from = baseline.get(*place).unwrap();
        Change::To(Delta::between(&from.state, 5, to).unwrap()).coded()
    });
    let told: Vec<Coded> = told.chain([Coded::GONE]).collect();
    let header = SnapshotHeader { baseline: Some(Sequence(0x00FA)), last_input: None, buffer_depth: 0, ..header() };
    let mut buffer = [0; 128];
    let mut writer = SnapshotWriter::new(&mut buffer, &header, None, None, (places, &told)).unwrap();
    let coming = Entry {
        entity: NetId { index: 9, generation: 7 },
        kind: EntityKind::Other,
        tick: now,
        state: State { x: -1, y: 2_048, z: 300, ..walking },
    };
    let (cell, base_height, record) = coming.state.to_record(coming.entity, coming.kind);
    writer.begin_cell(Group { cell, form: Form::Entering, base_height }).push(7, &record.to_bytes()).unwrap();
    let length = writer.finish();
    assert_bytes("hex snapshot-delta", &buffer[..length]);

    let snapshot = Snapshot::decode(&buffer[..length]).unwrap();
    let told: Vec<(u8, Option<Entry>)> = snapshot.told(|place| baseline.get(place), now).map(Result::unwrap).collect();
    let mut expected: Vec<(u8, Option<Entry>)> =
        changed.iter().map(|(place, to)| (*place, Some(entry(u16::from(*place) + 1, now, *to)))).collect();
    expected.extend([(6, None), (7, Some(coming))]);
    assert_eq!(told, expected);
}

/// Runs a block of a state that goes on: `x y speed heading ticks -> x y`.
#[test]
fn extrapolation() {
    let lines = block("state goes-on");
    assert!(lines.len() >= 6);
    for line in lines {
        let n = numbers(&line);
        let (x, y) = (n[0] as i32, n[1] as i32);
        let state = State { x, y, speed: n[2] as u8, heading: n[3] as u8, ..State::default() };
        let (x, y) = state.extrapolated(n[4] as u32);
        assert_eq!([i64::from(x), i64::from(y)], n[5..], "`{line}`");
    }
}

/// Runs a path block: `bounds`, `block`s and `start`, then a line `heading throttle speed -> x y vx vy` for each tick.
fn assert_path(title: &str) {
    let lines = block(title);
    let rect = |line: &String| {
        let [min_x, min_y, max_x, max_y] = <[i64; 4]>::try_from(numbers(line)).unwrap().map(|n| n as i32);
        Rect { min_x, min_y, max_x, max_y }
    };
    let bounds = lines.iter().find(|line| line.starts_with("bounds")).map(rect).unwrap();
    let blocks: Vec<Rect> = lines.iter().filter(|line| line.starts_with("block")).map(rect).collect();
    let start = numbers(lines.iter().find(|line| line.starts_with("start")).unwrap());
    let mut at = Position { x: start[0] as i32, y: start[1] as i32 };
    let mut ticks = 0;
    for line in lines.iter().filter(|line| line.contains("->")) {
        let n = numbers(line);
        let motion = Motion { heading: n[0] as u8, throttle: n[1] as u8, speed_cm_per_s: n[2] as u32 };
        let (to, v) = step(at, motion, &Terrain { bounds, blocks: &blocks });
        assert_eq!([to.x, to.y, v.x, v.y].map(i64::from), n[3..], "`{title}`, after `{line}`");
        at = to;
        ticks += 1;
    }
    assert!(ticks >= 4, "`{title}` has {ticks} ticks");
}

#[test]
fn movement_paths() {
    assert_path("path open-field");
    assert_path("path along-a-block");
    assert_path("path out-of-a-block");
}

#[test]
fn tables() {
    let all = |title: &str| block(title).iter().flat_map(|line| numbers(line)).collect::<Vec<i64>>();
    assert_eq!(all("table quarter-sine"), QUARTER_SINE.map(i64::from));
    assert_eq!(all("table halfway-tangent"), HALFWAY_TANGENT.map(i64::from));
}

#[test]
fn headings() {
    let lines = block("heading towards");
    assert!(lines.len() >= 8);
    for line in lines {
        let n = numbers(&line);
        let to = Position { x: n[0] as i32, y: n[1] as i32 };
        assert_eq!(i64::from(heading_towards(Position::default(), to)), n[2], "`{line}`");
    }
}
