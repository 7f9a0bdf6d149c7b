//! Adapters of the ports that `shallot-services` names, and of the backplane of `shallot-hubs`.
//!
//! | Adapter | Claims |
//! | --- | --- |
//! | [`SqliteStores`] | `AccountStore`, `CharacterStore`, `RegionStore`, `DocumentStore`, `EconomyAudit` |
//! | [`RedisBackplane`] | `Backplane` |
//!
//! Each adapter writes its own SQL and passes the suites of `shallot_services::contract`. To add one: a folder beside `sqlite/`
//! with one file per port, its migrations under `migrations/`, and its line in the table above.

mod limits;
mod redis;
mod sqlite;

pub use self::redis::{RedisAddressError, RedisBackplane};
pub use sqlite::{OpenError, SqliteStores};
