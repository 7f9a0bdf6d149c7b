//! `[faults]`: failures made on purpose, for tests of crash safety. Refused in the production profile.

use serde::{Deserialize, Serialize};

use super::{Problem, Profile};

/// Failures made on purpose.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Faults {
    /// Milliseconds to wait between the commit of a grant and telling it, at most 10,000. `SHALLOT__FAULTS__GRANT_TOLD_DELAY_MS`.
    pub(crate) grant_told_delay_ms: u32,
    /// Panic a shard at this tick after its start, once; 0 never. `SHALLOT__FAULTS__SHARD_PANIC_TICK`.
    pub(crate) shard_panic_tick: u32,
}

impl Faults {
    pub(super) fn check(&self, profile: Profile, problems: &mut Vec<Problem>) {
        if profile == Profile::Production && (self.grant_told_delay_ms > 0 || self.shard_panic_tick > 0) {
            problems.push(Problem::new("faults", "not for the production profile"));
        }
        if self.grant_told_delay_ms > 10_000 {
            problems.push(Problem::new("faults.grant_told_delay_ms", "at most 10000"));
        }
    }
}
