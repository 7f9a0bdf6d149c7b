//! Reads hub services from `.proto` files and writes the Rust that both ends of a session need.
//!
//! A service with the option `(shallot.hub.v1.receiver)` is a hub; the service it names is its receiver. For each hub come out
//! a server trait and its dispatcher, a client stub, a receiver proxy for one session or a group, and the client's handler trait
//! with its dispatcher. Everything else in the files is left alone.
//!
//! Reading order: [`contract`] (what is read, and what is refused), [`fingerprint`] (method ids and the contract hash), `write`
//! (what comes out). Beside it stands how contracts change: [`release`] (those that are out with clients) and [`evolution`] (what
//! must not be changed any more).
//!
//! Called from a build script:
//!
//! ```no_run
//! use shallot_hubs_codegen::{RustPaths, generate};
//!
//! let paths = RustPaths::default();
//! let code = generate(&["../proto"], &["../proto/shallot/world/v1/world.proto"], &paths)?;
//! std::fs::write("hubs.rs", code)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod contract;
mod error;
pub mod evolution;
pub mod fingerprint;
mod names;
mod options;
mod paths;
pub mod release;
mod write;

use std::path::Path;

pub use contract::{Contracts, read};
pub use error::CodegenError;
pub use paths::RustPaths;

/// Reads the hub services of `files`, which import from `includes`, and returns the Rust source for them.
///
/// # Errors
///
/// A file that does not compile, and every rule of [`contract`] that the services break.
pub fn generate(
    includes: &[impl AsRef<Path>],
    files: &[impl AsRef<Path>],
    paths: &RustPaths,
) -> Result<String, CodegenError> {
    let contracts = read(includes, files)?;
    write::source(&contracts, paths)
}
