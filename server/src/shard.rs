//! Shards: one thread a region, fed through a bounded mailbox, never waiting for a client or a store.

pub(crate) mod comeback;
pub(crate) mod desk;
pub(crate) mod driver;
pub(crate) mod fan_out;
pub(crate) mod journal;
pub(crate) mod lease;
pub(crate) mod link;
pub(crate) mod pacer;
mod precedence;
pub(crate) mod pulse;
pub(crate) mod thread;
mod tick_times;
