//! Stable reasons: what a client's code may look at, whatever the words beside it say.

/// An error that a client may see.
pub trait Reason {
    /// An upper-case word that never changes its meaning, for example `LOCKED_OUT`.
    fn reason(&self) -> &'static str;

    /// Milliseconds after which the same call may succeed, where that is known.
    fn retry_after_ms(&self) -> Option<u64> {
        None
    }
}

/// The reason of everything that is our fault.
pub const INTERNAL: &str = "INTERNAL";
