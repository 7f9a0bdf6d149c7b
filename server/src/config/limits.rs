//! `[limits]`: which rates count.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Problem, Profile};

/// Which rates count.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// `default`, `load` for load tests, `tight` for tests of the limits. `SHALLOT__LIMITS__PROFILE`.
    pub(crate) profile: LimitProfile,
    /// An address that counts as loopback does under the profile `load`: that of a machine that makes load, with TLS between.
    /// `SHALLOT__LIMITS__LOAD_FROM`, default none.
    pub(crate) load_from: Option<IpAddr>,
    /// Milliseconds that a hub session whose link is lost waits for its client, at most 300,000; 0: it ends at once.
    /// `SHALLOT__LIMITS__RESUME_GRACE_MS`, default 30000.
    pub(crate) resume_grace_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { profile: LimitProfile::Default, load_from: None, resume_grace_ms: 30_000 }
    }
}

/// A character without a player stands in the world for so long at most.
const LONGEST_RESUME_GRACE_MS: u32 = 300_000;

/// A set of rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LimitProfile {
    /// What honest players never notice.
    #[default]
    Default,
    /// Address, connection and command rates are raised, for clients on loopback and at `load_from` only.
    Load,
    /// Few connections and short times on them, so that a test sees in seconds what they do.
    Tight,
}

impl fmt::Display for LimitProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Load => "load",
            Self::Tight => "tight",
        })
    }
}

impl Limits {
    pub(super) fn check(&self, profile: Profile, problems: &mut Vec<Problem>) {
        if self.resume_grace_ms > LONGEST_RESUME_GRACE_MS {
            problems.push(Problem::new("limits.resume_grace_ms", format!("at most {LONGEST_RESUME_GRACE_MS}")));
        }
        if self.load_from.is_some() && self.profile != LimitProfile::Load {
            problems.push(Problem::new("limits.load_from", "it means something under the profile `load` only"));
        }
        if self.profile != LimitProfile::Default && profile == Profile::Production {
            problems
                .push(Problem::new("limits.profile", format!("`{}` is not for the production profile", self.profile)));
        }
    }
}
