//! `[world]`: what is simulated.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is simulated.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct World {
    /// A folder of CSV tables. `SHALLOT__WORLD__MASTERDATA`, default: the starter set in the binary.
    pub(crate) masterdata: Option<PathBuf>,
    /// Seed of the simulation. `SHALLOT__WORLD__SEED`, default: drawn at each start and logged.
    pub(crate) seed: Option<u64>,
}
