//! What happens in a tick, one file for each phase; `schedule.rs` has their order.

pub(crate) mod arena;
pub(crate) mod behavior;
pub(crate) mod combat;
pub(crate) mod death;
pub(crate) mod departure;
pub(crate) mod entry;
pub(crate) mod experience;
pub(crate) mod intake;
pub(crate) mod loot;
pub(crate) mod movement;
pub(crate) mod recovery;
pub(crate) mod skills;
pub(crate) mod spawning;
