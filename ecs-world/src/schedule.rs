//! The tick, system by system, in three phases. One thread, one order, always.

use bevy_ecs::prelude::{IntoScheduleConfigs, Schedule};
use bevy_ecs::schedule::SingleThreadedExecutor;

use crate::replicate::replicate;
use crate::scene::gather;
use crate::systems::behavior::behavior;
use crate::systems::combat::combat;
use crate::systems::death::death;
use crate::systems::departure::departure;
use crate::systems::experience::experience;
use crate::systems::intake::intake;
use crate::systems::loot::loot;
use crate::systems::movement::movement;
use crate::systems::recovery::recovery;
use crate::systems::skills::skills;
use crate::systems::spawning::spawning;

/// A part of a tick, for those who time it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Commands: who comes, goes, aims; inputs.
    Intake,
    /// What moves, thinks, fights, dies, heals.
    Simulation,
    /// Who sees what, and the datagrams of it.
    Replication,
}

/// The tick's phases, in order.
pub(crate) fn tick() -> [(Phase, Schedule); 3] {
    let (mut commands, mut simulation, mut replication) = (schedule(), schedule(), schedule());
    commands.add_systems(intake); // who comes, goes, aims; inputs into their rings
    simulation.add_systems(
        (
            movement,   // one input a player, one decision a monster
            spawning,   // monsters that are due
            behavior,   // what monsters want next
            skills,     // then
            combat,     // basic attacks and rounds
            death,      // experience proposed, drops on the ground
            loot,       // pick-ups proposed, old drops gone
            experience, // what the store has answered
            recovery,   // hit points that come back
            departure,  // saves; those who leave go
        )
            .chain(),
    );
    replication.add_systems(
        (
            gather,    // what is to be seen, by slot
            replicate, // interest, datagrams, events
        )
            .chain(),
    );
    [(Phase::Intake, commands), (Phase::Simulation, simulation), (Phase::Replication, replication)]
}

fn schedule() -> Schedule {
    let mut schedule = Schedule::default();
    schedule.set_executor(SingleThreadedExecutor::new());
    schedule
}
