//! Hub implementations: translate, ask the shard or a use case, translate back.

pub(crate) mod chat;
pub(crate) mod errors;
pub(crate) mod logins;
pub(crate) mod ports;
pub(crate) mod presence;
pub(crate) mod sheet;
pub(crate) mod translate;
pub(crate) mod whereabouts;
pub(crate) mod world;
