//! `[journal]`: what shards took in, tick by tick, kept for replay.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;

/// Journals of the shards.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Journal {
    /// Folder of the journals, made when it is not there; one for each data folder. `SHALLOT__JOURNAL__DIR`, default none: none is
    /// written.
    pub(crate) dir: Option<PathBuf>,
    /// Bytes of ticks in one file, after which the next one begins; the checkpoint that a file begins with is not counted. 1 MiB to 64
    /// GiB. `SHALLOT__JOURNAL__MAX_BYTES`, default 256 MiB.
    pub(crate) max_bytes: u64,
    /// Files kept of one region, the newest ones, 2 to 10,000. `SHALLOT__JOURNAL__FILES`, default 8.
    pub(crate) files: u16,
}

const MIB: u64 = 1024 * 1024;

impl Default for Journal {
    fn default() -> Self {
        Self { dir: None, max_bytes: 256 * MIB, files: 8 }
    }
}

impl Journal {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if self.dir.as_ref().is_some_and(|dir| dir.as_os_str().is_empty()) {
            problems.push(Problem::new("journal.dir", "a folder's name is needed"));
        }
        if !(MIB..=64 * 1024 * MIB).contains(&self.max_bytes) {
            problems.push(Problem::new("journal.max_bytes", "1048576 (1 MiB) to 68719476736 (64 GiB)"));
        }
        if !(2..=10_000).contains(&self.files) {
            problems.push(Problem::new("journal.files", "2 to 10000"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_told() {
        let wrong = Journal { dir: Some(PathBuf::new()), max_bytes: MIB - 1, files: 1 };
        let mut problems = Vec::new();
        wrong.check(&mut problems);
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["journal.dir", "journal.max_bytes", "journal.files"]);
        problems.clear();
        Journal::default().check(&mut problems);
        assert_eq!(problems, []);
    }
}
