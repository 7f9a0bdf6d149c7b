//! Names of groups.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::GROUP_NAME_BYTES;

/// Name of a group that spans nodes: text of at most [`GROUP_NAME_BYTES`]. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

/// A group cannot be called so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a group's name has 1 to {GROUP_NAME_BYTES} bytes, not {0}")]
pub struct NameTooLong(pub usize);

impl GroupName {
    /// That name.
    ///
    /// # Errors
    /// Empty, or longer than [`GROUP_NAME_BYTES`].
    pub fn new(name: impl Into<Arc<str>>) -> Result<Self, NameTooLong> {
        let name = name.into();
        if name.is_empty() || name.len() > GROUP_NAME_BYTES { Err(NameTooLong(name.len())) } else { Ok(Self(name)) }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
