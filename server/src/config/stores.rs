//! `[stores]`: where durable state is kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;

/// Where durable state is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stores {
    /// Folder of the embedded database, keys and the development certificate. `SHALLOT__STORES__DATA`, default ./data.
    pub(crate) data: PathBuf,
}

impl Default for Stores {
    fn default() -> Self {
        Self { data: PathBuf::from("data") }
    }
}

impl Stores {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if self.data.as_os_str().is_empty() {
            problems.push(Problem::new("stores.data", "a folder's name is needed"));
        }
    }
}
