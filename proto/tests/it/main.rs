//! The contracts as others meet them: what the build refuses, and what it leaves behind.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod descriptors;
mod refusals;
mod wire_page;

/// The part of the build script that reads our options.
#[path = "../../build/rules.rs"]
mod rules;
