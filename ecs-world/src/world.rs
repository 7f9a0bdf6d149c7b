//! The world: what a shard holds.

use std::sync::Arc;

use bevy_ecs::prelude::{Schedule, World as Ecs};
use bevy_ecs::system::RunSystemOnce;
use shallot_masterdata::{MasterData, RegionIndex};
use shallot_wire::{CharacterId, NetId, RegionEpoch, Tick};

use crate::chance::Chance;
use crate::checkpoint;
use crate::command::Command;
use crate::components::Tag;
use crate::grid::Grid;
use crate::journal::Opening;
use crate::limits::COMMANDS_PER_TICK;
use crate::output::Outputs;
use crate::resources::{Clock, Data, Grants, Happenings, Inbox, Land, Out, Requests, Roster, Spawners};
use crate::scene::{Scene, gather};
use crate::schedule::{self, Phase};
use crate::slots::{Kind, Slots};

/// What makes one world different from another over the same master data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldConfig {
    /// Of all its chance.
    pub seed: u64,
    /// Which region; must be a row of the set.
    pub region: RegionIndex,
    /// Which start of the region's shard this is; goes into grant ids.
    pub region_epoch: RegionEpoch,
    /// The tick before the first one.
    pub start_tick: Tick,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Characters in the world, those on their way out included.
    pub players: usize,
    /// Monsters alive.
    pub monsters: usize,
    /// Drops on the ground.
    pub drops: usize,
    /// Grants that wait for the store.
    pub grants_pending: usize,
}

/// Why a checkpoint does not make a world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// More bytes than [`CHECKPOINT_BYTES`](crate::limits::CHECKPOINT_BYTES).
    #[error("a checkpoint of {0} bytes is longer than any may be")]
    TooLong(usize),
    /// The bytes do not read as a checkpoint.
    #[error("the checkpoint cannot be read: {0}")]
    Unreadable(String),
    /// It was made over another master-data set.
    #[error("the checkpoint was made over another master-data set")]
    OtherMasterData,
    /// It reads, but its parts do not fit together.
    #[error("the checkpoint contradicts itself: {0}")]
    Unsound(&'static str),
}

/// A region's simulation. One owner calls it, one call at a time; it never blocks and never looks at a clock.
///
/// - [`World::push`] takes commands for the next step, [`World::waiting`] shows them;
/// - [`World::step`] goes on by one tick and appends what comes of it; [`World::step_timed`] for those who time its phases;
/// - [`World::checkpoint`], [`World::restore`], [`World::renew`] and [`World::digest`] are about the whole state between
///   steps;
/// - [`World::tick`], [`World::counts`], [`World::characters`] and [`World::opening`] look at it.
pub struct World {
    ecs: Ecs,
    phases: [(Phase, Schedule); 3],
}

impl World {
    /// A fresh one: monsters come with the first step.
    #[must_use]
    pub fn new(config: WorldConfig, data: Arc<MasterData>) -> Self {
        let WorldConfig { seed, region, region_epoch, start_tick } = config;
        let mut world = Self::empty(region, data);
        let spawners = Spawners::of(&world.ecs.resource::<Data>().0, region, start_tick);
        world.ecs.insert_resource(Clock { tick: start_tick, region, epoch: region_epoch });
        world.ecs.insert_resource(Chance::new(seed));
        world.ecs.insert_resource(Slots::new());
        world.ecs.insert_resource(spawners);
        world.ecs.init_resource::<Grants>();
        world.ecs.init_resource::<Roster>();
        world
    }

    /// The parts that are no state.
    fn empty(region: RegionIndex, data: Arc<MasterData>) -> Self {
        let mut ecs = Ecs::new();
        let land = Land::of(&data, region);
        ecs.insert_resource(Scene::new(Grid::new(land.terrain.bounds())));
        ecs.insert_resource(land);
        ecs.insert_resource(Data(data));
        ecs.init_resource::<Inbox>();
        ecs.init_resource::<Requests>();
        ecs.init_resource::<Happenings>();
        ecs.init_resource::<Out>();
        Self { ecs, phases: schedule::tick() }
    }

    /// Takes a command for the next step.
    ///
    /// # Errors
    /// Gives it back when [`COMMANDS_PER_TICK`] wait already.
    pub fn push(&mut self, command: Command) -> Result<(), Box<Command>> {
        let mut inbox = self.ecs.resource_mut::<Inbox>();
        if inbox.0.len() >= COMMANDS_PER_TICK {
            return Err(Box::new(command));
        }
        inbox.0.push(command);
        Ok(())
    }

    /// The commands taken for the next step, in order.
    #[must_use]
    pub fn waiting(&self) -> &[Command] {
        &self.ecs.resource::<Inbox>().0
    }

    /// Goes on by one tick. What comes of it is appended to `outputs`.
    pub fn step(&mut self, outputs: &mut Outputs) {
        self.step_timed(outputs, |_| {});
    }

    /// The same, and tells as each of its phases ends.
    pub fn step_timed(&mut self, outputs: &mut Outputs, mut ended: impl FnMut(Phase)) {
        let mut clock = self.ecs.resource_mut::<Clock>();
        clock.tick = clock.tick.plus(1);
        std::mem::swap(&mut self.ecs.resource_mut::<Out>().0, outputs);
        for (phase, systems) in &mut self.phases {
            systems.run(&mut self.ecs);
            ended(*phase);
        }
        std::mem::swap(&mut self.ecs.resource_mut::<Out>().0, outputs);
        // Else bevy keeps a note of each component that was ever removed, for systems that might ask.
        self.ecs.clear_trackers();
    }

    /// The last tick that was stepped.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.ecs.resource::<Clock>().tick
    }

    /// The whole state in one number, commands not yet stepped left out: worlds with equal digests, of which each was
    /// renewed or restored, go on alike. As
    /// costly as a checkpoint.
    #[must_use]
    pub fn digest(&self) -> u64 {
        Self::digest_of(&self.checkpoint())
    }

    /// The digest of the world that a checkpoint was made of.
    #[must_use]
    pub fn digest_of(checkpoint: &[u8]) -> u64 {
        checkpoint::digest(checkpoint)
    }

    /// The whole state as bytes, commands not yet stepped left out.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        checkpoint::write(&self.ecs)
    }

    /// The world a checkpoint was made of. Under the epoch it was made in it goes on exactly as one does that is
    /// [renewed](World::renew) there; under a new one, the
    /// start after a crash, what lay on the ground is gone and no grant is pending: both may have gone on after the
    /// checkpoint.
    ///
    /// The driver compares [`World::characters`] with its sessions: who came later enters again, who left is told to
    /// leave.
    ///
    /// # Errors
    /// [`RestoreError`]; a checkpoint is read whole or not at all.
    pub fn restore(bytes: &[u8], data: Arc<MasterData>, epoch: RegionEpoch) -> Result<Self, RestoreError> {
        let mut saved = checkpoint::read(bytes)?;
        saved.check(&data)?;
        saved.forget_the_unknowable(epoch);
        let mut world = Self::empty(saved.region(), data);
        saved.load(&mut world.ecs)?;
        world.ecs.run_system_once(gather).map_err(|_| RestoreError::Unsound("the scene"))?;
        Ok(world)
    }

    /// What a journal that begins here is of.
    #[must_use]
    pub fn opening(&self) -> Opening {
        let Clock { tick, region, epoch } = *self.ecs.resource::<Clock>();
        let (seed, _) = self.ecs.resource::<Chance>().state();
        Opening { data_hash: self.ecs.resource::<Data>().0.hash, region, region_epoch: epoch, seed, tick }
    }

    /// Goes on as the world that its own checkpoint makes, under the same epoch, and returns that checkpoint: what a
    /// checkpoint leaves out is forgotten here too, so that both go on alike. Commands that wait go on waiting.
    ///
    /// # Errors
    /// [`RestoreError`], if its checkpoint does not read back; it stays as it is then.
    pub fn renew(&mut self) -> Result<Vec<u8>, RestoreError> {
        let checkpoint = self.checkpoint();
        let (data, epoch) = (Arc::clone(&self.ecs.resource::<Data>().0), self.ecs.resource::<Clock>().epoch);
        let mut renewed = Self::restore(&checkpoint, data, epoch)?;
        std::mem::swap(&mut self.ecs.resource_mut::<Inbox>().0, &mut renewed.ecs.resource_mut::<Inbox>().0);
        *self = renewed;
        Ok(checkpoint)
    }

    /// How many of each there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let slots = self.ecs.resource::<Slots>();
        Counts {
            players: slots.count(Kind::Player),
            monsters: slots.count(Kind::Monster),
            drops: slots.count(Kind::Drop),
            grants_pending: self.ecs.resource::<Grants>().0.len(),
        }
    }

    /// Who is in the world, those on their way out included, by character.
    pub fn characters(&self) -> impl Iterator<Item = (CharacterId, NetId)> + '_ {
        let all = self.ecs.resource::<Roster>().0.iter();
        all.filter_map(|(character, entity)| Some((*character, self.ecs.get::<Tag>(*entity)?.id)))
    }
}
