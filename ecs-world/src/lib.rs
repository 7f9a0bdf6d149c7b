//! The simulation of a region: commands in, outputs out, nothing else.
//!
//! # Calling contract
//!
//! A [`World`] has one owner, which holds it on one thread and for each tick
//!
//! 1. [`World::push`]es the [`Command`]s that have come since the last one (a full world gives a command back);
//! 2. [`World::step`]s once: exactly one tick of 50 ms, whenever that is;
//! 3. takes the [`Outputs`] and clears them.
//!
//! Each command that has a correlation gets exactly one [`Answer`], in the same step but for `Leave` and `PickUp`,
//! which wait for the store. Each [`GrantProposal`] must be answered with exactly one [`Command::GrantSettled`], sooner
//! or later; until then a drop stays marked and a character that leaves stays. A proposal's id is never made again, not
//! after a restart either ([`grant_id`]). What is told to clients of rewards is told after the store, by the owner, not
//! from here.
//!
//! Ids of tables ([`shallot_masterdata`]) are those of the set the world was made with. Ids that it does not have are
//! refused or passed over, never followed.
//!
//! A step cannot fail. Should it panic, the world is to be dropped and made again from its last checkpoint under the
//! region's next epoch ([`World::restore`]).
//!
//! # Same in, same out
//!
//! A world is a pure function of master data, [`WorldConfig`] and commands. The digest covers every field of its state
//! ([`World::digest`]). There is one generator; everything that draws from it, or whose order can be seen, goes by
//! slot.
//!
//! # Reading order
//!
//! `command.rs` and `output.rs`, then `schedule.rs`: the tick as a list of phases, a file each in `systems/`.
//! `components.rs` and `resources.rs` are the state, `checkpoint.rs` writes it, `journal.rs` what led to it. `stats.rs` and `blows.rs` have the
//! formulas of combat. What clients get: `scene.rs`, `history.rs` and `grid.rs` are what is to be seen, `interest.rs` who
//! sees whom, `view.rs` whom a client has in view, by place, `ledger.rs` what it was told of them and has, `gate.rs` who is
//! to be told, `drift.rs` and `telling.rs` what, `crowd.rs` who when there are too many; `replicate.rs` puts it together.
//!
//! # Not here
//!
//! No clock, no IO, no threads, no floats, no ambient randomness, no hash maps: `clippy.toml` and the crate's
//! dependencies see to that. Nothing of accounts, stores, sessions or transports. Not yet: a change of master data in a
//! running world, borders to walk over, fights among players, instances, walking speed by worn things (clients predict with the balance's).
#![deny(clippy::float_arithmetic)]
#![expect(clippy::needless_pass_by_value, reason = "systems take their parameters by value")]
#![expect(
    clippy::mem_forget,
    reason = "the derived readers of checkpoints and journals guard half-read values with it"
)]

mod blows;
mod chance;
mod checkpoint;
mod command;
mod components;
mod crowd;
mod drift;
mod gate;
mod grant_id;
mod grid;
mod history;
mod inputs;
mod interest;
pub mod journal;
mod ledger;
pub mod limits;
mod outlook;
mod output;
mod replicate;
mod resources;
mod scene;
mod schedule;
mod schema;
mod slot_set;
mod slots;
mod stats;
mod systems;
mod telling;
mod view;
mod world;

pub use command::{CharacterSheet, Command, GrantOutcome, GrantRefusal};
pub use grant_id::{Ordinal, grant_entity, grant_id};
pub use output::{
    Answer, CharacterSave, Entered, Event, GrantProposal, GrantReason, Outputs, Refusal, Reply, Snapshot, Vitals, What,
};
pub use schedule::Phase;
pub use shallot_wire::Position;
pub use world::{Counts, RestoreError, World, WorldConfig};
