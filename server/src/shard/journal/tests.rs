//! Recorders before a disk that takes what the test says, and before a real one.

use std::collections::VecDeque;

use shallot_masterdata::author::starter;
use shallot_masterdata::{Abilities, ClassId, MasterData};
use shallot_proto::wire::{CharacterId, OwnerEpoch, RegionEpoch, Tick};
use shallot_world::journal::{JournalReader, Record, Replay, Seen};
use shallot_world::{CharacterSheet, Command, Outputs, WorldConfig};

use super::*;

/// Players who come in.
const COMERS: u32 = 150;

/// What has become of the files.
#[derive(Default)]
struct Disk {
    queue: Option<Receiver<Work>>,
    give_back: Option<Sender<Vec<u8>>>,
    files: Vec<Vec<u8>>,
}

impl Disk {
    /// Does all that waits.
    fn catch_up(&mut self) {
        let queue = self.queue.as_ref().unwrap();
        let waiting: VecDeque<Work> = queue.try_iter().collect();
        for work in waiting {
            match work {
                Work::Open { last, first, .. } => {
                    self.files.last_mut().unwrap().extend(last);
                    self.files.push(first);
                }
                Work::Append(mut buffer) => {
                    self.files.last_mut().unwrap().append(&mut buffer);
                    self.give_back.as_ref().unwrap().try_send(buffer).unwrap();
                }
                Work::Close(last) => self.files.last_mut().unwrap().extend(last),
            }
        }
    }
}

/// A shard without threads.
struct Shard {
    data: Arc<MasterData>,
    world: World,
    recorder: Recorder,
    disk: Disk,
    ticks: u32,
}

fn fresh(data: &Arc<MasterData>) -> World {
    let config =
        WorldConfig { seed: 5, region: data.start_region(), region_epoch: RegionEpoch(3), start_tick: Tick(0) };
    World::new(config, Arc::clone(data))
}

impl Shard {
    fn new(max_bytes: u64) -> Self {
        let data = Arc::new(starter());
        let mut world = fresh(&data);
        let (work, queue) = crossbeam_channel::bounded(limits::JOURNAL_BUFFERS);
        let (give_back, returned) = crossbeam_channel::bounded(limits::JOURNAL_BUFFERS);
        let recorder = Recorder::new("field", max_bytes, work, returned);
        let mut first = Vec::new();
        journal::begin(&mut first, &mut world).unwrap();
        let disk = Disk { queue: Some(queue), give_back: Some(give_back), files: vec![first] };
        Self { data, world, recorder, disk, ticks: 0 }
    }

    /// Ticks, in each of the first of which somebody comes in.
    fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.ticks += 1;
            if self.ticks <= COMERS {
                self.world.push(enter(self.ticks)).unwrap();
            }
            self.recorder.tick(&mut self.world);
            self.world.step(&mut Outputs::default());
            if self.ticks.is_multiple_of(limits::CHECKPOINT_TICKS) {
                self.recorder.mark(&self.world, &self.world.checkpoint());
            }
        }
    }

    /// The same with a disk that keeps up.
    fn run_written(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.run(1);
            self.disk.catch_up();
        }
    }

    /// Ends it; each file, replayed: the ticks it begins and ends with, and what was seen.
    fn finish(self, end: End) -> Vec<(u32, u32, Seen)> {
        let Self { data, world, recorder, mut disk, .. } = self;
        let queue = disk.queue.clone();
        // Its disk is here, so nothing would come of waiting.
        drop(recorder.finish(&world, end));
        disk.queue = queue;
        disk.catch_up();
        disk.files.iter().map(|file| replayed(file, &data)).collect()
    }
}

fn enter(n: u32) -> Command {
    let mut id = [1; 16];
    id[..4].copy_from_slice(&n.to_le_bytes());
    let sheet = CharacterSheet {
        name: "Ada".to_owned(),
        class: ClassId(0),
        level: 1,
        xp: 0,
        abilities: Abilities::default(),
        abilities_version: 0,
        worn: Vec::new(),
        equipment_version: 0,
        position: None,
        hp: None,
    };
    Command::Enter { character: CharacterId(id), owner_epoch: OwnerEpoch(1), sheet: Box::new(sheet), correlation: 0 }
}

fn replayed(file: &[u8], data: &Arc<MasterData>) -> (u32, u32, Seen) {
    let mut reader = JournalReader::default();
    reader.feed(file);
    let Some(Record::Opening(opening, checkpoint)) = reader.next_record().unwrap() else { panic!("it does not begin") };
    let mut replay = Replay::begin(&opening, checkpoint, Arc::clone(data)).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        replay.take(record).unwrap();
    }
    assert_eq!(reader.left(), 0);
    (opening.tick.0, replay.world().tick().0, replay.seen())
}

/// First and last tick of each file, and how it ends.
fn spans(files: &[(u32, u32, Seen)]) -> Vec<(u32, u32, Option<End>)> {
    files.iter().map(|(first, last, seen)| (*first, *last, seen.end)).collect()
}

#[test]
fn a_shard_that_stops_has_one_whole_journal() {
    let mut shard = Shard::new(1 << 30);
    shard.run_written(130);
    let files = shard.finish(End::Stopped);
    assert_eq!(spans(&files), [(0, 130, Some(End::Stopped))]);
    assert_eq!((files[0].2.marks, files[0].2.commands), (7, 130), "six, and one at the end");
}

#[test]
fn a_full_file_ends_and_the_next_goes_on() {
    const MOST: u64 = 2_000;
    let mut shard = Shard::new(MOST);
    let opening = shard.disk.files[0].len();
    shard.run_written(130);
    assert!(shard.disk.files[0].len() - opening <= MOST as usize + 64, "an end and a mark beyond it");
    let files = shard.finish(End::Stopped);
    let spans = spans(&files);
    assert!(spans.len() > 3, "{spans:?}");
    assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0 && pair[0].2 == Some(End::Full)), "{spans:?}");
    assert_eq!(spans.last().unwrap().1, 130);
    assert!(files.iter().all(|(_, last, seen)| seen.equal_at == Tick(*last)), "each is proven to its end");
}

#[test]
fn a_disk_that_does_not_keep_up_makes_a_gap_that_the_journal_tells_of() {
    let mut shard = Shard::new(1 << 30);
    shard.run_written(10);
    shard.run(200);
    assert_eq!(shard.disk.files.len(), 1, "no tick waited for it");
    shard.disk.catch_up();
    shard.run_written(60);
    let spans = spans(&shard.finish(End::Stopped));
    let [(0, cut, Some(End::Interrupted)), (again, 270, Some(End::Stopped))] = spans[..] else { panic!("{spans:?}") };
    // What fits are the ticks that have a buffer, three of which went to marks.
    assert_eq!(cut, 10 + limits::JOURNAL_BUFFERS as u32 - 3);
    assert!((210..=231).contains(&again), "{again}: within a second of ticks");
}

#[test]
fn a_disk_that_fails_is_tried_again_later() {
    let mut shard = Shard::new(1 << 30);
    shard.run_written(10);
    shard.recorder.has_failed.store(true, Ordering::Relaxed);
    shard.run_written(limits::JOURNAL_RETRY_TICKS + 10);
    let spans = spans(&shard.finish(End::Stopped));
    let last = limits::JOURNAL_RETRY_TICKS + 20;
    let again = limits::JOURNAL_RETRY_TICKS + 9;
    assert_eq!(spans, [(0, 10, Some(End::Interrupted)), (again, last, Some(End::Stopped))]);
}

#[test]
fn a_panic_ends_a_journal_and_the_restored_world_begins_one() {
    let mut shard = Shard::new(1 << 30);
    shard.run_written(33);
    let checkpoint = shard.world.checkpoint();
    shard.run_written(4);
    shard.world = World::restore(&checkpoint, Arc::clone(&shard.data), RegionEpoch(4)).unwrap();
    shard.recorder.begin_anew(&mut shard.world);
    shard.run_written(40);
    let files = shard.finish(End::Panicked);
    assert_eq!(spans(&files), [(0, 37, Some(End::Panicked)), (33, 73, Some(End::Panicked))]);
}

#[test]
fn on_a_real_disk_it_is_written_when_the_shard_has_ended() {
    let root = tempfile::tempdir().unwrap();
    let data = Arc::new(starter());
    let mut world = fresh(&data);
    let folder = JournalFolder::new(root.path(), "field", 2).unwrap();
    let mut recorder = Recorder::start(folder.clone(), 1 << 30, &mut world).unwrap();
    for n in 0..50 {
        world.push(enter(n)).unwrap();
        recorder.tick(&mut world);
        world.step(&mut Outputs::default());
    }
    recorder.finish(&world, End::Stopped).wait();
    let bytes = std::fs::read(root.path().join("field-0000000003-0000000000.journal")).unwrap();
    let (_, last, seen) = replayed(&bytes, &data);
    assert_eq!((last, seen.marks, seen.end), (50, 1, Some(End::Stopped)));
    let again = Recorder::start(folder, 1 << 30, &mut fresh(&data)).map(|_| ()).unwrap_err();
    assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists, "two servers in one folder");
}
