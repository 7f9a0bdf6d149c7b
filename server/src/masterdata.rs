//! The master-data set that the server plays.

use std::path::Path;

use shallot_masterdata::MasterData;
use shallot_masterdata::author::{load_dir, starter};

/// The set of a folder, or the starter set in the binary. The error of a folder is its whole report.
pub(crate) fn load(folder: Option<&Path>) -> anyhow::Result<MasterData> {
    let Some(folder) = folder else { return Ok(starter()) };
    match load_dir(folder) {
        Ok((set, warnings)) => {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            Ok(set)
        }
        Err(report) => anyhow::bail!("the master data in {} cannot be used\n{report}", folder.display()),
    }
}

/// The first digits of a set's content hash, enough for people to tell sets apart.
pub(crate) fn short_hash(hash: &[u8; 32]) -> String {
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
