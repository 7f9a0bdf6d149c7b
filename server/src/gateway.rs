//! Gateways: client connections and what belongs to them. A gateway knows sessions and datagrams and no rule of the game.

pub(crate) mod channel;
pub(crate) mod datagram_path;
pub(crate) mod datagrams;
pub(crate) mod opening;
pub(crate) mod path_budget;
pub(crate) mod players;
pub(crate) mod quic_link;
pub(crate) mod rates;
pub(crate) mod session;
pub(crate) mod spread;
pub(crate) mod thread;
pub(crate) mod tickets;
pub(crate) mod worker;
