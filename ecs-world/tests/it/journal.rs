//! A journal leads to the state it was made of, and what is wrong with one is told.

use std::sync::Arc;

use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use shallot_masterdata::author::starter;
use shallot_masterdata::{Abilities, ClassId, ItemTemplateId, MasterData, SkillId, Slot};
use shallot_wire::{
    Ack, CharacterId, GrantId, Input, InputWindow, Inputs, NetId, OwnerEpoch, Position, RegionEpoch, RequestId,
    Sequence, Tick,
};
use shallot_world::journal::{self, End, JournalReader, ReadError, Record, Replay, ReplayError, STATE_VERSION, Seen};
use shallot_world::{CharacterSheet, Command, GrantOutcome, GrantRefusal, Outputs, Reply, World, WorldConfig};

use crate::stage::{CONFIG, character, metres, sheet};

/// Players of the recorded sessions.
const PLAYERS: u8 = 12;
/// Ticks between two marks.
const MARK_TICKS: u64 = 20;

fn world() -> (World, Arc<MasterData>) {
    let data = Arc::new(starter());
    let config = WorldConfig { region: data.start_region(), ..CONFIG };
    (World::new(config, Arc::clone(&data)), data)
}

/// A world that writes its journal.
pub(crate) struct Recording {
    pub(crate) world: World,
    pub(crate) data: Arc<MasterData>,
    pub(crate) file: Vec<u8>,
    out: Outputs,
    ticks: u64,
}

impl Recording {
    pub(crate) fn of(mut world: World, data: Arc<MasterData>) -> Self {
        let mut file = Vec::new();
        journal::begin(&mut file, &mut world).unwrap();
        Self { world, data, file, out: Outputs::default(), ticks: 0 }
    }

    pub(crate) fn step(&mut self, commands: Vec<Command>) {
        commands.into_iter().for_each(|command| self.world.push(command).unwrap());
        journal::tick(&mut self.file, &self.world);
        self.out.clear();
        self.world.step(&mut self.out);
        self.ticks += 1;
        if self.ticks.is_multiple_of(MARK_TICKS) {
            journal::mark(&mut self.file, self.world.tick(), self.world.digest());
        }
    }

    /// Players who come, walk, fight what is near and take what falls.
    fn play(&mut self, ticks: u32) {
        let mut entities = Vec::new();
        for tick in 0..ticks {
            let mut commands = Vec::new();
            if tick == 0 {
                for n in 0..PLAYERS {
                    let sheet = Box::new(sheet(metres(380 + i32::from(n), 380)));
                    let correlation = u64::from(n);
                    commands.push(Command::Enter {
                        character: character(n),
                        owner_epoch: OwnerEpoch(1),
                        sheet,
                        correlation,
                    });
                }
            }
            for (n, entity) in (0_u8..).zip(&entities) {
                let correlation = u64::from(n);
                let (ack, seen) = self.look(n);
                // One in four acknowledges nothing.
                commands.push(walk(*entity, tick as u16, n.wrapping_mul(37), ack.filter(|_| n % 4 > 0)));
                let target = seen.get(usize::from(n) % seen.len().max(1)).copied();
                match (tick + u32::from(n)) % 10 {
                    0 => commands.push(Command::Attack { character: character(n), target, correlation }),
                    5 => commands.extend(target.map(|drop| {
                        let request = RequestId([n; 16]);
                        Command::PickUp { character: character(n), drop, request, correlation }
                    })),
                    _ => {}
                }
            }
            for grant in &self.out.grants {
                let outcome = GrantOutcome::Committed { xp_total: u64::from(tick), level: 2 };
                commands.push(Command::GrantSettled { grant: grant.id, outcome });
            }
            self.step(commands);
            entities.extend(self.out.replies.iter().filter_map(|answer| match &answer.result {
                Ok(Reply::Entered(entered)) => Some(entered.entity),
                _ => None,
            }));
        }
    }

    /// What a client has to acknowledge of the last tick, and all that it was told of in it.
    fn look(&self, n: u8) -> (Option<Ack>, Vec<NetId>) {
        let Some(mine) = self.out.snapshots.iter().find(|snapshot| snapshot.character == character(n)) else {
            return (None, Vec::new());
        };
        let snapshot = shallot_wire::Snapshot::decode(self.out.datagram(mine)).unwrap();
        let ack = Ack { newest: snapshot.header.sequence, mask: 0 };
        (Some(ack), snapshot.records().map(|told| told.record.entity).collect())
    }
}

fn walk(entity: NetId, tick: u16, heading: u8, ack: Option<Ack>) -> Command {
    let inputs = Inputs::new(&[Input { heading, throttle: 127, facing: heading }]).unwrap();
    let window = InputWindow { entity, ack, newest_tick: tick, view_tick: tick, stamp_ms: tick, inputs };
    Command::Input { window, held_ms: tick % 50 }
}

/// Replays a whole journal, fed in pieces; what was seen, and the digest at the end.
pub(crate) fn replay(file: &[u8], data: &Arc<MasterData>) -> Result<(Seen, u64), ReplayError> {
    let (mut reader, mut replay) = (JournalReader::default(), None);
    for piece in file.chunks(1_000) {
        reader.feed(piece);
        while let Some(record) = reader.next_record().unwrap() {
            match (&mut replay, record) {
                (None, Record::Opening(opening, checkpoint)) => {
                    replay = Some(Replay::begin(&opening, checkpoint, Arc::clone(data))?);
                }
                (None, other) => panic!("it begins with {other:?}"),
                (Some(replay), record) => replay.take(record)?,
            }
        }
    }
    assert_eq!(reader.left(), 0);
    let replay = replay.unwrap();
    Ok((replay.seen(), replay.world().digest()))
}

/// Where each record begins in a journal, and where the last one ends.
fn bounds(file: &[u8]) -> Vec<usize> {
    let mut reader = JournalReader::default();
    reader.feed(file);
    let mut all = vec![16];
    while reader.next_record().unwrap().is_some() {
        all.push(reader.offset() as usize);
    }
    all
}

#[test]
fn a_session_replays_to_the_same_state() {
    let (world, data) = world();
    let mut recording = Recording::of(world, data);
    recording.play(600);
    assert!(recording.world.counts().players == usize::from(PLAYERS));
    journal::end(&mut recording.file, End::Stopped);
    let (seen, digest) = replay(&recording.file, &recording.data).unwrap();
    assert_eq!(digest, recording.world.digest());
    assert_eq!((seen.ticks, seen.marks, seen.end), (600, 30, Some(End::Stopped)));
    assert_eq!(seen.equal_at, recording.world.tick());
    assert!(seen.commands > 600 * 11, "{seen:?}");
}

#[test]
fn a_journal_that_begins_in_the_middle_replays_too() {
    let (world, data) = world();
    let mut first = Recording::of(world, Arc::clone(&data));
    first.play(150);
    let mut second = Recording::of(first.world, data);
    second.play(150);
    let (seen, digest) = replay(&second.file, &second.data).unwrap();
    assert_eq!((digest, seen.end), (second.world.digest(), None));
    assert_eq!(seen.ticks, 150);
}

#[test]
fn a_world_that_is_renewed_keeps_its_state_and_what_waits() {
    let (world, data) = world();
    let mut recording = Recording::of(world, data);
    recording.play(100);
    let digest = recording.world.digest();
    let waits = walk(NetId { index: 1, generation: 0 }, 100, 9, None);
    recording.world.push(waits.clone()).unwrap();
    let checkpoint = recording.world.renew().unwrap();
    assert_eq!((World::digest_of(&checkpoint), recording.world.digest()), (digest, digest));
    assert_eq!(recording.world.waiting(), [waits]);
}

#[test]
fn a_journal_after_a_restart_replays_too() {
    let (world, data) = world();
    let mut first = Recording::of(world, Arc::clone(&data));
    first.play(150);
    let again = World::restore(&first.world.checkpoint(), Arc::clone(&data), RegionEpoch(2)).unwrap();
    let mut second = Recording::of(again, data);
    second.play(60);
    let (seen, digest) = replay(&second.file, &second.data).unwrap();
    assert_eq!((digest, seen.marks), (second.world.digest(), 3));
}

#[test]
fn a_command_that_is_missing_is_found_at_the_next_mark() {
    let (world, data) = world();
    let start = world.tick().0;
    let mut recording = Recording::of(world, data);
    recording.play(30);
    // What the world took in tick 31 and the journal does not know of.
    recording.world.push(walk(NetId { index: 1, generation: 0 }, 31, 200, None)).unwrap();
    let waiting = std::mem::take(&mut recording.file);
    let (untold, data) = self::world();
    let mut untold = Recording::of(untold, data);
    untold.play(30);
    assert_eq!(untold.file, waiting, "alike up to here");
    journal::tick(&mut untold.file, &untold.world);
    recording.world.step(&mut recording.out);
    journal::mark(&mut untold.file, recording.world.tick(), recording.world.digest());
    match replay(&untold.file, &untold.data) {
        Err(ReplayError::Differs { at, equal_at, recorded, replayed }) => {
            assert_eq!((at, equal_at), (Tick(start + 31), Tick(start + 20)));
            assert_eq!(recorded, recording.world.digest());
            assert_ne!(recorded, replayed);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_set_of_master_data_is_refused() {
    let (world, data) = world();
    let recording = Recording::of(world, Arc::clone(&data));
    let mut other = starter();
    other.hash[0] ^= 1;
    let refused = replay(&recording.file, &Arc::new(other)).unwrap_err();
    assert_eq!(refused, ReplayError::OtherMasterData { recorded: data.hash });
}

#[test]
fn records_out_of_order_are_refused() {
    let (world, data) = world();
    let mut recording = Recording::of(world, Arc::clone(&data));
    recording.play(3);
    journal::end(&mut recording.file, End::Stopped);
    let bounds = bounds(&recording.file);
    let parts: Vec<&[u8]> = bounds.windows(2).map(|pair| &recording.file[pair[0]..pair[1]]).collect();
    let [opening, one, two, three, end] = parts[..] else { panic!("{} records", parts.len()) };
    let mut mark = Vec::new();
    journal::mark(&mut mark, Tick(1), 0);
    let orders: [(&[&[u8]], &str); 5] = [
        (&[opening, two], "a tick is missing, or comes twice"),
        (&[opening, one, one], "a tick is missing, or comes twice"),
        (&[opening, one, opening], "it begins a second time"),
        (&[opening, one, two, three, end, end], "there is something after the end"),
        (&[opening, one, &mark], "a mark is not of the tick before it"),
    ];
    for (order, what) in orders {
        let file = [&recording.file[..16], &order.concat()].concat();
        let refused = replay(&file, &data).unwrap_err();
        assert_eq!(refused, ReplayError::OutOfOrder(what));
    }
}

/// A journal of some ticks without its checkpoint, which no reader looks into.
fn short_journal() -> (Vec<u8>, Vec<Vec<u8>>) {
    let (world, data) = world();
    let mut recording = Recording::of(world, data);
    recording.play(4);
    journal::mark(&mut recording.file, recording.world.tick(), 7);
    journal::end(&mut recording.file, End::Full);
    let bounds = bounds(&recording.file);
    let records = bounds.windows(2).skip(1).map(|pair| recording.file[pair[0]..pair[1]].to_vec()).collect();
    ([&recording.file[..16], &recording.file[bounds[1]..]].concat(), records)
}

/// The records that a file gives, printed, and how it ends.
fn read(file: &[u8], piece: usize) -> (Vec<String>, Result<usize, ReadError>) {
    let (mut reader, mut records) = (JournalReader::default(), Vec::new());
    for piece in file.chunks(piece) {
        reader.feed(piece);
        loop {
            match reader.next_record() {
                Ok(Some(record)) => records.push(format!("{record:?}")),
                Ok(None) => break,
                Err(error) => return (records, Err(error)),
            }
        }
    }
    (records, Ok(reader.left()))
}

#[test]
fn wherever_it_is_cut_off_what_is_whole_is_read() {
    let (file, parts) = short_journal();
    let (all, end) = read(&file, file.len());
    assert_eq!((all.len(), end), (parts.len(), Ok(0)));
    for length in 0..file.len() {
        let (records, end) = read(&file[..length], 4_096);
        let mut whole = 16;
        let count = parts.iter().take_while(|part| {
            let fits = whole + part.len() <= length;
            whole += if fits { part.len() } else { 0 };
            fits
        });
        assert_eq!(records, all[..count.count()], "cut off at {length}");
        assert_eq!(end, Ok(length.saturating_sub(whole) + if length < 16 { length } else { 0 }), "cut off at {length}");
    }
}

#[test]
fn pieces_of_any_size_are_the_same_journal() {
    let (file, _) = short_journal();
    let whole = read(&file, file.len());
    for piece in [1, 2, 7, 15, 16, 17, 64, 1_000] {
        assert_eq!(read(&file, piece), whole);
    }
}

#[test]
fn a_changed_byte_is_never_taken_for_a_record() {
    let (file, _) = short_journal();
    let (all, _) = read(&file, file.len());
    for place in 0..file.len() {
        let mut changed = file.clone();
        changed[place] ^= 0x10;
        let (records, end) = read(&changed, 4_096);
        assert!(records.len() < all.len() && records == all[..records.len()], "byte {place}");
        match end {
            Err(ReadError::NotAJournal) => assert!(place < 8),
            Err(ReadError::OtherVersion { .. }) => assert!((8..16).contains(&place)),
            // A length that reaches beyond the end reads as one that was cut off.
            Err(ReadError::Damaged { .. }) => assert!(place >= 16),
            Ok(left) => assert!(place >= 16 && left > 0),
        }
    }
}

#[test]
fn damage_says_where_and_a_beginning_says_whose_it_is() {
    let (file, parts) = short_journal();
    let mut changed = file.clone();
    let second = 16 + parts[0].len();
    changed[second + 8] ^= 1;
    let (_, end) = read(&changed, file.len());
    let what = "its checksum is another one".to_owned();
    let next = second + parts[1].len();
    assert_eq!(end, Err(ReadError::Damaged { offset: second as u64, end: next as u64, what }));
    let mut newer = file;
    newer[8] += 1;
    let (_, end) = read(&newer, newer.len());
    assert_eq!(end, Err(ReadError::OtherVersion { journal: journal::VERSION + 1, state: STATE_VERSION }));
    assert_eq!(read(b"", 1).1, Ok(0));
    assert_eq!(read(b"shall", 1).1, Ok(5), "may become one yet");
    assert_eq!(read(b"shallow grave, not a journal", 3).1, Err(ReadError::NotAJournal));
}

/// The bytes of version 1. Who changes them makes a version 2.
#[test]
fn the_bytes_of_a_tick() {
    let (mut world, _) = world();
    let hand = |heading| Input { heading, throttle: 100, facing: 3 };
    let inputs = Inputs::new(&[hand(1), hand(2)]).unwrap();
    let window = InputWindow {
        entity: NetId { index: 300, generation: 2 },
        ack: Some(Ack { newest: Sequence(5), mask: 6 }),
        newest_tick: 7,
        view_tick: 251,
        stamp_ms: 9,
        inputs,
    };
    world.push(Command::Input { window, held_ms: 10 }).unwrap();
    world.push(Command::Respawn { character: CharacterId([8; 16]), correlation: 70_000 }).unwrap();
    let mut file = Vec::new();
    journal::tick(&mut file, &world);
    let hex: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = [
        "35000000",
        "f74e384e", // length, checksum
        "01",
        "fbe903",
        "02", // a tick, 1,001, with two commands
        "02",
        "fb6209",
        "01",
        "05",
        "06",
        "07",
        "fbfb00",
        "09", // input: entity, acknowledged, ticks and stamp
        "016403",
        "01026403",
        "000000000000",
        "0a", // newest hand, an older one, six that are not there; held
        "06",
        "08080808080808080808080808080808",
        "fc70110100", // respawn: who, correlation
    ];
    assert_eq!(hex, expected.concat());
}

/// What the fuzzer of journals begins with: parts, each a length and the commands of one tick.
#[test]
fn the_fuzzer_begins_with_every_command() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/journal");
    let mut seen = [false; 12];
    for seed in std::fs::read_dir(seeds).unwrap() {
        let path = seed.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let mut rest = bytes.as_slice();
        while let Some((length, parts)) = rest.split_first() {
            let (commands, after) = parts.split_at(usize::from(*length));
            rest = after;
            let payload = [&[1, 9], commands].concat();
            let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI).checksum(&payload);
            let mut file = [journal::MAGIC.as_slice(), &journal::VERSION.to_le_bytes()].concat();
            for word in [STATE_VERSION, payload.len() as u32, checksum] {
                file.extend_from_slice(&word.to_le_bytes());
            }
            file.extend_from_slice(&payload);
            let mut reader = JournalReader::default();
            reader.feed(&file);
            let Ok(Some(Record::Tick(Tick(9), commands))) = reader.next_record() else { panic!("{}", path.display()) };
            commands.iter().for_each(|command| seen[variant(command)] = true);
        }
    }
    assert_eq!(seen, [true; 12]);
}

fn net_id() -> impl Strategy<Value = NetId> {
    prop_oneof![
        (any::<u16>(), 0_u8..8).prop_map(|(index, generation)| NetId { index, generation }),
        (1..u16::from(PLAYERS), 0_u8..1).prop_map(|(index, generation)| NetId { index, generation }),
    ]
}

fn who() -> impl Strategy<Value = CharacterId> {
    prop_oneof![4 => (0..PLAYERS).prop_map(character), 1 => any::<[u8; 16]>().prop_map(CharacterId)]
}

fn place() -> impl Strategy<Value = Position> {
    prop_oneof![
        (any::<i32>(), any::<i32>()).prop_map(|(x, y)| Position { x, y }),
        (300..500, 300..500).prop_map(|(x, y)| metres(x, y)),
    ]
}

fn abilities() -> impl Strategy<Value = Abilities> {
    any::<[u8; 6]>().prop_map(|[str, dex, con, int, wis, cha]| Abilities { str, dex, con, int, wis, cha })
}

fn worn() -> impl Strategy<Value = Vec<(Slot, ItemTemplateId)>> {
    use Slot::{Ammo, Back, Body, Feet, Hands, Head, MainHand, Neck, OffHand, Ring, TwoHand, Waist, Wrist};
    let slots = [MainHand, TwoHand, OffHand, Body, Head, Neck, Back, Hands, Waist, Wrist, Feet, Ring, Ammo];
    prop::collection::vec((prop::sample::select(slots.to_vec()), (0_u16..90).prop_map(ItemTemplateId)), 0..20)
}

fn sheets() -> impl Strategy<Value = CharacterSheet> {
    let figures = (0_u16..4, any::<u8>(), any::<u64>(), any::<u64>(), any::<u64>());
    let rest = (abilities(), worn(), option::of(place()), option::of(any::<u32>()));
    ("\\PC{0,80}", figures, rest).prop_map(|(name, figures, (abilities, worn, position, hp))| {
        let (class, level, xp, abilities_version, equipment_version) = figures;
        let class = ClassId(class);
        CharacterSheet { name, class, level, xp, abilities, abilities_version, worn, equipment_version, position, hp }
    })
}

fn window() -> impl Strategy<Value = InputWindow> {
    let input = |[heading, throttle, facing]: [u8; 3]| Input { heading, throttle, facing };
    let inputs = prop::collection::vec(any::<[u8; 3]>().prop_map(input), 1..=8);
    let ack = option::of((any::<u16>(), any::<u32>()).prop_map(|(n, mask)| Ack { newest: Sequence(n), mask }));
    let ticks = any::<[u16; 3]>();
    (net_id(), ack, ticks, inputs).prop_map(|(entity, ack, [newest_tick, view_tick, stamp_ms], inputs)| {
        let inputs = Inputs::new(&inputs).unwrap();
        InputWindow { entity, ack, newest_tick, view_tick, stamp_ms, inputs }
    })
}

fn outcome() -> impl Strategy<Value = GrantOutcome> {
    let committed = (any::<u64>(), any::<u8>());
    let refused = prop::sample::select(vec![GrantRefusal::BagFull, GrantRefusal::Fenced, GrantRefusal::Failed]);
    prop_oneof![
        committed.prop_map(|(xp_total, level)| GrantOutcome::Committed { xp_total, level }),
        refused.prop_map(GrantOutcome::Refused),
    ]
}

/// Any command: sensible ones now and then, so that they lead somewhere.
fn command() -> impl Strategy<Value = Command> {
    let epoch = (0_u64..4).prop_map(OwnerEpoch);
    let request = any::<[u8; 16]>().prop_map(RequestId);
    prop_oneof![
        2 => (who(), epoch.clone(), sheets(), any::<u64>()).prop_map(|(character, owner_epoch, sheet, correlation)| {
            Command::Enter { character, owner_epoch, sheet: Box::new(sheet), correlation }
        }),
        1 => (who(), epoch, any::<u64>())
            .prop_map(|(character, owner_epoch, correlation)| Command::Leave { character, owner_epoch, correlation }),
        4 => (window(), any::<u16>()).prop_map(|(window, held_ms)| Command::Input { window, held_ms }),
        1 => (who(), option::of(net_id()), any::<u64>())
            .prop_map(|(character, target, correlation)| Command::Attack { character, target, correlation }),
        1 => (who(), (0_u16..12).prop_map(SkillId), option::of(net_id()), place(), any::<u64>()).prop_map(
            |(character, skill, target, at, correlation)| Command::UseSkill { character, skill, target, at, correlation }
        ),
        1 => (who(), net_id(), request, any::<u64>())
            .prop_map(|(character, drop, request, correlation)| Command::PickUp { character, drop, request, correlation }),
        1 => (who(), any::<u64>()).prop_map(|(character, correlation)| Command::Respawn { character, correlation }),
        1 => (who(), any::<u64>(), worn())
            .prop_map(|(character, version, worn)| Command::Equipment { character, version, worn }),
        1 => (who(), (0_u16..90).prop_map(ItemTemplateId))
            .prop_map(|(character, template)| Command::ItemUsed { character, template }),
        1 => (who(), abilities(), any::<u64>())
            .prop_map(|(character, abilities, version)| Command::Abilities { character, abilities, version }),
        1 => (any::<[u8; 16]>().prop_map(GrantId), outcome())
            .prop_map(|(grant, outcome)| Command::GrantSettled { grant, outcome }),
        1 => (who(), (0_u64..4).prop_map(OwnerEpoch), any::<u16>())
            .prop_map(|(character, owner_epoch, bytes)| Command::SnapshotBudget { character, owner_epoch, bytes }),
        1 => Just(Command::Respawn { character: character(0), correlation: 0 }),
    ]
}

/// Which variant it is; a new one does not compile until it is here, and is generated above.
fn variant(command: &Command) -> usize {
    match command {
        Command::Enter { .. } => 0,
        Command::Leave { .. } => 1,
        Command::Input { .. } => 2,
        Command::Attack { .. } => 3,
        Command::UseSkill { .. } => 4,
        Command::PickUp { .. } => 5,
        Command::Respawn { .. } => 6,
        Command::Equipment { .. } => 7,
        Command::ItemUsed { .. } => 8,
        Command::Abilities { .. } => 9,
        Command::GrantSettled { .. } => 10,
        Command::SnapshotBudget { .. } => 11,
    }
}

#[test]
fn every_command_is_generated() {
    let mut runner = TestRunner::deterministic();
    let mut seen = [false; 12];
    for _ in 0..500 {
        seen[variant(&command().new_tree(&mut runner).unwrap().current())] = true;
    }
    assert_eq!(seen, [true; 12]);
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    #[test]
    fn any_commands_are_read_back_as_they_were(commands in prop::collection::vec(command(), 0..100)) {
        let (mut world, _) = world();
        commands.iter().for_each(|command| world.push(command.clone()).unwrap());
        let mut file = [journal::MAGIC.as_slice(), &journal::VERSION.to_le_bytes(), &STATE_VERSION.to_le_bytes()].concat();
        journal::tick(&mut file, &world);
        let mut reader = JournalReader::default();
        reader.feed(&file);
        assert_eq!(reader.next_record().unwrap(), Some(Record::Tick(world.tick().plus(1), commands)));
        assert_eq!(reader.next_record(), Ok(None));
        assert_eq!(reader.left(), 0);
    }

    #[test]
    fn any_commands_replay_to_the_same_state(
        ticks in prop::collection::vec(prop::collection::vec(command(), 0..40), 1..60)
    ) {
        let (world, data) = world();
        let mut recording = Recording::of(world, data);
        for commands in ticks {
            recording.step(commands);
        }
        let (seen, digest) = replay(&recording.file, &recording.data).unwrap();
        assert_eq!((seen.ticks, digest), (recording.ticks, recording.world.digest()));
    }
}
