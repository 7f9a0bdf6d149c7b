//! `[hubs]`: this node among others.

use serde::{Deserialize, Serialize};
use shallot_hubs::NodeId;

use super::Problem;

/// This node among others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Hubs {
    /// Name of this node, another one for each server of a cluster: 1 to 32 of a-z, 0-9 and -. `SHALLOT__HUBS__NODE`, default "node".
    pub(crate) node: String,
    /// Name of the cluster: servers of one name on one Redis reach each other. The same characters. `SHALLOT__HUBS__CLUSTER`, default
    /// "main".
    pub(crate) cluster: String,
}

impl Default for Hubs {
    fn default() -> Self {
        Self { node: "node".to_owned(), cluster: "main".to_owned() }
    }
}

impl Hubs {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        for (key, name) in [("hubs.node", &self.node), ("hubs.cluster", &self.cluster)] {
            if let Err(error) = NodeId::new(name, 0) {
                problems.push(Problem::new(key, error.to_string()));
            }
        }
    }
}
