//! The tick, phase by phase. One thread, one order, always.

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

/// The tick.
pub(crate) fn tick() -> Schedule {
    let mut schedule = Schedule::default();
    schedule.set_executor(SingleThreadedExecutor::new());
    schedule.add_systems(
        (
            intake,     // commands: who comes, goes, aims; inputs into their rings
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
            gather,     // what is to be seen, by slot
            replicate,  // interest, datagrams, events
        )
            .chain(),
    );
    schedule
}
