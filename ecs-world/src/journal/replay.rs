//! A world stepped through a journal.

use std::sync::Arc;

use shallot_masterdata::MasterData;
use shallot_wire::Tick;

use super::{End, Opening, ReadRecord, Record};
use crate::output::Outputs;
use crate::world::{RestoreError, World};

/// Why a replay does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It was recorded over another master-data set.
    #[error("it was recorded over another set of master data")]
    OtherMasterData {
        /// Content hash of that set.
        recorded: [u8; 32],
    },
    /// Its checkpoint makes no world.
    #[error(transparent)]
    Checkpoint(#[from] RestoreError),
    /// Its records do not follow one another as those of a journal do.
    #[error("its records are out of order: {0}")]
    OutOfOrder(&'static str),
    /// The state is another one than was recorded.
    #[error(
        "the state differs at tick {}: recorded {recorded:016x}, replayed {replayed:016x}; it was equal at tick {}",
        at.0, equal_at.0
    )]
    Differs {
        /// The first mark at which it does.
        at: Tick,
        /// The mark before, or the beginning.
        equal_at: Tick,
        /// The digest in the journal.
        recorded: u64,
        /// The digest of this replay.
        replayed: u64,
    },
}

/// How much of a journal was replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Ticks stepped.
    pub ticks: u64,
    /// Commands in them.
    pub commands: u64,
    /// Marks whose digest was equal.
    pub marks: u64,
    /// The tick of the last of them, or that of the beginning.
    pub equal_at: Tick,
    /// How it ended; `None`: not yet.
    pub end: Option<End>,
}

/// A world on its way through a journal.
pub struct Replay {
    world: World,
    outputs: Outputs,
    seen: Seen,
}

impl Replay {
    /// The world that a journal began from.
    ///
    /// # Errors
    /// [`ReplayError::OtherMasterData`], [`ReplayError::Checkpoint`].
    pub fn begin(opening: &Opening, checkpoint: &[u8], data: Arc<MasterData>) -> Result<Self, ReplayError> {
        if opening.data_hash != data.hash {
            return Err(ReplayError::OtherMasterData { recorded: opening.data_hash });
        }
        let world = World::restore(checkpoint, data, opening.region_epoch)?;
        let seen = Seen { ticks: 0, commands: 0, marks: 0, equal_at: world.tick(), end: None };
        Ok(Self { world, outputs: Outputs::default(), seen })
    }

    /// Does what the next record says. A step may panic where the recorded one did.
    ///
    /// # Errors
    /// [`ReplayError::OutOfOrder`], [`ReplayError::Differs`]; the replay is over then.
    pub fn take(&mut self, record: ReadRecord<'_>) -> Result<(), ReplayError> {
        if self.seen.end.is_some() {
            return Err(ReplayError::OutOfOrder("there is something after the end"));
        }
        match record {
            Record::Opening(..) => return Err(ReplayError::OutOfOrder("it begins a second time")),
            Record::Tick(tick, commands) => {
                if tick != self.world.tick().plus(1) {
                    return Err(ReplayError::OutOfOrder("a tick is missing, or comes twice"));
                }
                for command in commands {
                    self.world.push(command).map_err(|_| ReplayError::OutOfOrder("more commands than a tick takes"))?;
                    self.seen.commands += 1;
                }
                self.outputs.clear();
                self.world.step(&mut self.outputs);
                self.seen.ticks += 1;
            }
            Record::Mark(tick, recorded) => self.compare(tick, recorded)?,
            Record::End(end) => self.seen.end = Some(end),
        }
        Ok(())
    }

    fn compare(&mut self, tick: Tick, recorded: u64) -> Result<(), ReplayError> {
        if tick != self.world.tick() {
            return Err(ReplayError::OutOfOrder("a mark is not of the tick before it"));
        }
        let replayed = self.world.digest();
        if replayed != recorded {
            return Err(ReplayError::Differs { at: tick, equal_at: self.seen.equal_at, recorded, replayed });
        }
        self.seen.marks += 1;
        self.seen.equal_at = tick;
        Ok(())
    }

    /// How much it has seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// The world as it is after the last record.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }
}
