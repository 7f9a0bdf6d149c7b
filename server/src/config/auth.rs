//! `[auth]`: tokens and password hashes.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Tokens and password hashes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Auth {
    /// `iss` of access tokens. `SHALLOT__AUTH__ISSUER`, default "shallot".
    pub(crate) issuer: String,
    /// Minutes an access token is good for, 1 to 60. `SHALLOT__AUTH__ACCESS_MINUTES`, default 15.
    pub(crate) access_minutes: u32,
    /// Memory of one Argon2id hash, KiB, 19,456 to 1,048,576. `SHALLOT__AUTH__ARGON2_KIB`, default 19,456.
    pub(crate) argon2_kib: u32,
    /// Passes of one Argon2id hash, 1 to 10. `SHALLOT__AUTH__ARGON2_PASSES`, default 2.
    pub(crate) argon2_passes: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Self { issuer: "shallot".to_owned(), access_minutes: 15, argon2_kib: 19_456, argon2_passes: 2 }
    }
}

impl Auth {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if self.issuer.is_empty() || self.issuer.len() > 128 {
            problems.push(Problem::new("auth.issuer", "1 to 128 bytes"));
        }
        if !(1..=60).contains(&self.access_minutes) {
            problems.push(Problem::new("auth.access_minutes", "1 to 60"));
        }
        if !(19_456..=1_048_576).contains(&self.argon2_kib) {
            problems.push(Problem::new("auth.argon2_kib", "19456 to 1048576"));
        }
        if !(1..=10).contains(&self.argon2_passes) {
            problems.push(Problem::new("auth.argon2_passes", "1 to 10"));
        }
    }
}
