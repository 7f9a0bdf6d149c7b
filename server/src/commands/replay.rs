//! `shallot replay`: steps a world through a journal and compares the state at every mark.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use shallot_masterdata::MasterData;
use shallot_world::RestoreError;
use shallot_world::journal::{End, JournalReader, Opening, ReadError, Record, Replay, ReplayError};

use crate::clock::SystemClock;
use crate::masterdata::{self, short_hash};

/// Bytes read from the file at a time.
const PIECE: usize = 256 * 1024;

/// Why a replay proves nothing, or proves that something is wrong. Each has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("there is no file {0}")]
    Missing(String),
    #[error("{0} is not a journal of Shallot")]
    NotAJournal(String),
    #[error("{0} was written by another version of Shallot: {1}")]
    OtherVersion(String, String),
    #[error(
        "{file} was recorded over another set of master data: {recorded}, and this is {here}; name the folder of its tables \
         with --masterdata"
    )]
    OtherMasterData { file: String, recorded: String, here: String },
    #[error("{0}; the commands do not lead to the recorded state in this build")]
    Differs(String),
    #[error("the simulation panicked in tick {0}; what it said stands above")]
    Panicked(u32),
    #[error("nothing could be compared: {0}")]
    NothingCompared(String),
    #[error("the journal cannot be followed: {0}")]
    Broken(String),
    #[error("the journal goes on after byte {0} with what cannot be read")]
    Damaged(u64),
}

impl Failure {
    /// 1 and 2 are any failure, and a wrong command line, as with every verb.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Missing(_) => 3,
            Self::NotAJournal(_) => 4,
            Self::OtherVersion(..) => 5,
            Self::OtherMasterData { .. } => 6,
            Self::Differs(_) => 7,
            Self::Panicked(_) => 8,
            Self::NothingCompared(_) => 9,
            Self::Broken(_) => 10,
            Self::Damaged(_) => 11,
        })
    }
}

pub(crate) fn run(file: &Path, masterdata: Option<&Path>) -> anyhow::Result<()> {
    let name = file.display().to_string();
    let (mut source, length) = match File::open(file).and_then(|source| Ok((source.metadata()?.len(), source))) {
        Ok((length, source)) => (source, length),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Failure::Missing(name).into()),
        Err(error) => return Err(anyhow::Error::new(error).context(format!("cannot read {name}"))),
    };
    let data = Arc::new(masterdata::load(masterdata)?);
    let clock = SystemClock::new();
    let mut player = Player { name, data, reader: JournalReader::default(), replay: None };
    let mut piece = vec![0; PIECE];
    let tail = loop {
        if let Some(tail) = player.play()? {
            break Some(tail);
        }
        match source.read(&mut piece)? {
            0 => break None,
            count => player.reader.feed(&piece[..count]),
        }
    };
    let is_cut_off = tail.as_ref().is_none_or(|damage| damage.end >= length);
    let damaged_from = player.reader.offset();
    player.finish(tail, clock.since_start().as_secs_f64())?;
    // What a crash leaves is at the end; what lies before other bytes was written well once.
    if is_cut_off { Ok(()) } else { Err(Failure::Damaged(damaged_from).into()) }
}

/// A record that cannot be read, and so nothing after it.
struct Damage {
    why: String,
    /// Where it ends in the file.
    end: u64,
}

/// A journal on its way through a world.
struct Player {
    name: String,
    data: Arc<MasterData>,
    reader: JournalReader,
    replay: Option<Replay>,
}

impl Player {
    /// Goes on through all that was read.
    fn play(&mut self) -> Result<Option<Damage>, Failure> {
        loop {
            let record = match self.reader.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => return Ok(None),
                Err(ReadError::NotAJournal) => return Err(Failure::NotAJournal(self.name.clone())),
                Err(error @ ReadError::OtherVersion { .. }) => {
                    return Err(Failure::OtherVersion(self.name.clone(), error.to_string()));
                }
                Err(ref damaged @ ReadError::Damaged { end, .. }) => {
                    return Ok(Some(Damage { why: damaged.to_string(), end }));
                }
            };
            match (&mut self.replay, record) {
                (Some(replay), record) => {
                    let tick = replay.world().tick().plus(1);
                    let outcome = catch_unwind(AssertUnwindSafe(|| replay.take(record)));
                    outcome.map_err(|_| Failure::Panicked(tick.0))?.map_err(|error| failure(&error))?;
                }
                (None, Record::Opening(opening, checkpoint)) => {
                    announce(&opening, &self.data);
                    let begun = Replay::begin(&opening, checkpoint, Arc::clone(&self.data));
                    self.replay = Some(begun.map_err(|error| match error {
                        ReplayError::OtherMasterData { recorded } => Failure::OtherMasterData {
                            file: self.name.clone(),
                            recorded: short_hash(&recorded),
                            here: short_hash(&self.data.hash),
                        },
                        other => failure(&other),
                    })?);
                }
                (None, _) => return Err(Failure::Broken("it does not begin with what it is of".to_owned())),
            }
        }
    }

    /// Says what was seen.
    #[expect(clippy::print_stdout, reason = "the verb's result")]
    fn finish(self, tail: Option<Damage>, seconds: f64) -> anyhow::Result<()> {
        let cut_off = tail.map(|damage| damage.why).or_else(|| {
            let left = self.reader.left();
            (left > 0).then(|| format!("{left} bytes at its end are half a record"))
        });
        let Some(replay) = self.replay else {
            let why = cut_off.unwrap_or_else(|| "it is empty".to_owned());
            anyhow::bail!(if self.reader.has_begun() {
                Failure::NothingCompared(format!("it was cut off before its first tick: {why}"))
            } else {
                Failure::NotAJournal(self.name)
            });
        };
        let seen = replay.seen();
        if let Some(why) = &cut_off {
            println!("warning: the journal ends early, at byte {}: {why}", self.reader.offset());
        }
        println!(
            "replayed  {} ticks, {} commands in {seconds:.2} s ({:.0} ticks/s)",
            seen.ticks,
            seen.commands,
            seen.ticks as f64 / seconds
        );
        println!("ends      {}", ending(seen.end));
        println!("digest    {:016x} after tick {}", replay.world().digest(), replay.world().tick().0);
        if seen.marks == 0 {
            return Err(Failure::NothingCompared("there is no mark in it".to_owned()).into());
        }
        println!("equal     at all {} marks, the last one at tick {}", seen.marks, seen.equal_at.0);
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "the verb's result")]
fn announce(opening: &Opening, data: &MasterData) {
    let region = data.regions.get(usize::from(opening.region.0)).map_or("unknown", |region| &region.key);
    println!(
        "journal   region {region}, epoch {}, seed {}, from tick {}, master data {}",
        opening.region_epoch.0,
        opening.seed,
        opening.tick.0,
        short_hash(&opening.data_hash),
    );
}

fn ending(end: Option<End>) -> &'static str {
    match end {
        Some(End::Stopped) => "with the shard's orderly stop",
        Some(End::Full) => "where the file was full; the region's next journal goes on",
        Some(End::Panicked) => "with a panic of the shard, after or in the last tick",
        Some(End::Interrupted) => "since the disk did not keep up: ticks are missing before the region's next journal",
        None => "without an end: the process was killed, is still running, or the disk was full",
    }
}

fn failure(error: &ReplayError) -> Failure {
    let said = error.to_string();
    match error {
        ReplayError::Differs { .. } => Failure::Differs(said),
        ReplayError::Checkpoint(RestoreError::OtherMasterData) | ReplayError::OtherMasterData { .. } => {
            Failure::Broken("it contradicts its own beginning".to_owned())
        }
        ReplayError::Checkpoint(_) | ReplayError::OutOfOrder(_) => Failure::Broken(said),
    }
}
