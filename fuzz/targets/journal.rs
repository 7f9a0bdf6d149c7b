//! A file of journals: read to where it is damaged, whatever it holds. And commands that no server would let through, under checksums
//! that are right: a world takes them without a panic, and its checkpoint reads back.
#![no_main]

use std::sync::{Arc, LazyLock};

use shallot_masterdata::MasterData;
use shallot_masterdata::author::starter;
use shallot_masterdata::{Abilities, ClassId};
use shallot_wire::{CharacterId, OwnerEpoch, RegionEpoch, Tick};
use shallot_world::journal::{self, JournalReader, Record, Replay};
use shallot_world::{CharacterSheet, Command, Outputs, World, WorldConfig};

const EPOCH: RegionEpoch = RegionEpoch(1);
/// The checksum of records.
const CHECKSUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

static DATA: LazyLock<Arc<MasterData>> = LazyLock::new(|| Arc::new(starter()));

/// The beginning of a journal of a world with some players and its monsters, and the tick it begins after.
static BEGINNING: LazyLock<(Vec<u8>, Tick)> = LazyLock::new(|| {
    let config = WorldConfig { seed: 1, region: DATA.start_region(), region_epoch: EPOCH, start_tick: Tick(0) };
    let mut world = World::new(config, Arc::clone(&DATA));
    for n in 0..4 {
        let sheet = CharacterSheet {
            name: "Ada".to_owned(),
            class: ClassId(u16::from(n % 3)),
            level: 1,
            xp: 0,
            abilities: Abilities { str: 14, dex: 14, con: 14, int: 14, wis: 14, cha: 14 },
            abilities_version: 1,
            worn: Vec::new(),
            equipment_version: 1,
            position: None,
            hp: None,
        };
        let (character, owner_epoch) = (CharacterId([n; 16]), OwnerEpoch(1));
        world.push(Command::Enter { character, owner_epoch, sheet: Box::new(sheet), correlation: 0 }).expect("room");
    }
    for _ in 0..5 {
        world.step(&mut Outputs::default());
    }
    let mut file = Vec::new();
    journal::begin(&mut file, &mut world).expect("what a world wrote, it reads");
    (file, world.tick())
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut reader = JournalReader::default();
    for piece in bytes.chunks(61) {
        reader.feed(piece);
        while let Ok(Some(_)) = reader.next_record() {}
    }
    play(bytes);
});

/// Each part, after a byte with its length, stands for the commands of one tick.
fn play(mut bytes: &[u8]) {
    let (beginning, start) = &*BEGINNING;
    let (mut file, mut tick) = (beginning.clone(), start.0 as u8);
    while let Some((length, rest)) = bytes.split_first() {
        let (commands, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        bytes = rest;
        tick += 1;
        let payload = [&[1, tick], commands].concat();
        file.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        file.extend_from_slice(&CHECKSUM.checksum(&payload).to_le_bytes());
        file.extend_from_slice(&payload);
        if tick > 40 {
            break;
        }
    }
    let mut reader = JournalReader::default();
    reader.feed(&file);
    let Ok(Some(Record::Opening(opening, checkpoint))) = reader.next_record() else { panic!("it begins") };
    let mut replay = Replay::begin(&opening, checkpoint, Arc::clone(&DATA)).expect("a world");
    while let Ok(Some(record)) = reader.next_record() {
        if replay.take(record).is_err() {
            break;
        }
    }
    let world = replay.world();
    let again = World::restore(&world.checkpoint(), Arc::clone(&DATA), EPOCH).expect("what a world wrote, it reads");
    assert_eq!(again.digest(), world.digest());
}
