//! PORT: what carries messages between the nodes of a cluster, and its in-process adapter ([`memory`]).
//!
//! The broker is trusted with little. Messages may be lost, doubled and overtaken: [`crate::cluster`] numbers what must not be
//! missed, asks its origin again and tells what cannot be had. Nothing is kept by the broker, so a flushed one costs nothing.

#[cfg(any(test, feature = "testing"))]
pub mod contract;
pub mod memory;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use crate::limits::NODE_NAME_BYTES;

/// One run of a node: the name an operator gave it, and a number drawn at its start. A restart is another node. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(Arc<str>);

/// A node cannot be called so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a node's name has 1 to {NODE_NAME_BYTES} of a-z, 0-9 and -, not {0:?}")]
pub struct BadNodeName(pub String);

impl NodeId {
    /// This run of the node of that name.
    ///
    /// # Errors
    /// The name is not 1 to [`NODE_NAME_BYTES`] of `a-z`, `0-9` and `-`.
    pub fn new(name: &str, boot: u64) -> Result<Self, BadNodeName> {
        let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > NODE_NAME_BYTES || !name.bytes().all(is_good) {
            return Err(BadNodeName(name.to_owned()));
        }
        Ok(Self(format!("{name}.{boot:016x}").into()))
    }

    /// From its text.
    ///
    /// # Errors
    /// It is not the text of a node.
    pub fn parse(text: &str) -> Result<Self, BadNodeName> {
        let bad = || BadNodeName(text.chars().take(64).collect());
        let (name, boot) = text.split_once('.').ok_or_else(bad)?;
        let boot = u64::from_str_radix(boot, 16).map_err(|_| bad())?;
        Self::new(name, boot).ok().filter(|node| node.as_str() == text).ok_or_else(bad)
    }

    /// `name.boot`, the boot in 16 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name alone.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum To {
    /// Every node that is connected. Its sender may or may not get it too.
    All,
    /// That one.
    Node(NodeId),
}

/// The broker cannot be reached. What was under way may have been lost or not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the backplane is not reachable: {0}")]
pub struct BackplaneError(pub String);

/// One node's connection to the others. Object-safe; one task receives, any may send.
#[async_trait]
pub trait Backplane: Send + Sync + 'static {
    /// Opens the connection, or opens it again after an error. When it returns, messages for this node arrive.
    ///
    /// # Errors
    /// The broker is not reachable. Whoever calls waits before the next attempt; the adapter does not.
    async fn connect(&self) -> Result<(), BackplaneError>;

    /// Hands a message to the broker, at most once: it may be lost on the way, doubled, or overtaken by a later one. A node that is not
    /// there gets nothing, and nobody is told.
    ///
    /// # Errors
    /// The broker is not reachable.
    async fn send(&self, to: &To, message: Bytes) -> Result<(), BackplaneError>;

    /// The next message for this node or for all. May be dropped while it waits without losing one.
    ///
    /// # Errors
    /// The connection is lost: [`connect`](Self::connect) again.
    async fn receive(&self) -> Result<Bytes, BackplaneError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_read_back_from_its_text() {
        let node = NodeId::new("eu-1", 7).unwrap();
        assert_eq!((node.as_str(), node.name()), ("eu-1.0000000000000007", "eu-1"));
        assert_eq!(NodeId::parse(node.as_str()), Ok(node));
        for bad in [
            "",
            "a",
            "a.",
            "a.7",
            "A.0000000000000007",
            "a b.0000000000000007",
            "a.000000000000000G",
            ".0000000000000007",
        ] {
            assert!(NodeId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(NodeId::new(&"x".repeat(33), 0).is_err());
    }
}
