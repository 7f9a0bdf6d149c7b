//! Adapters of the ports that `shallot-services` names.
//!
//! | Adapter | Claims |
//! | --- | --- |
//! | [`SqliteStores`] | `AccountStore`, `CharacterStore`, `RegionStore`, `DocumentStore`, `EconomyAudit` |
//!
//! Each adapter writes its own SQL and passes the suites of `shallot_services::contract`. To add one: a folder beside `sqlite/`
//! with one file per port, its migrations under `migrations/`, and its line in the table above.

mod limits;
mod sqlite;

pub use sqlite::{OpenError, SqliteStores};
