//! The simulation from outside: commands in, outputs out. One module for each behaviour, on a small set built by hand.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod baselines;
mod behavior;
mod combat;
mod crowd;
mod death;
mod determinism;
mod effects;
mod entry;
mod examples;
mod experience;
mod eye;
mod inputs;
mod interest;
mod journal;
mod leave;
mod loot;
mod movement;
mod recorded;
mod restore;
mod rewind;
mod skills;
mod smoke;
mod spawning;
mod stage;
