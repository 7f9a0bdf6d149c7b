//! Who may call a gRPC method how often, as its contract says.

use crate::hub::v1::{Access, LimitClass};

/// The rule of one method. Neither part is ever `Unspecified`: the build refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodRule {
    /// Who may call it.
    pub access: Access,
    /// Which token bucket a call draws from.
    pub limit: LimitClass,
}

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The rule of the method at an HTTP/2 path such as "/shallot.auth.v1.AuthService/LogIn"; `None`: no contract of ours has it.
#[must_use]
pub fn rule_of(path: &str) -> Option<MethodRule> {
    let place = METHOD_RULES.binary_search_by_key(&path, |(known, _)| known).ok()?;
    METHOD_RULES.get(place).map(|(_, rule)| *rule)
}
