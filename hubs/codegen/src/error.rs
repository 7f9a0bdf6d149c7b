//! Why no code was written.

use std::path::PathBuf;

use thiserror::Error;

/// Why no code was written. Nothing of it is reachable at run time: it fails the build.
#[derive(Debug, Error)]
pub enum CodegenError {
    /// The `.proto` files do not compile.
    #[error("the contracts do not compile: {0}")]
    Proto(#[from] protox::Error),
    /// The services break rules of hub contracts; all of them at once, a line each.
    #[error("the hub contracts are refused:\n  {}", .0.join("\n  "))]
    Refused(Vec<String>),
    /// The option file is not among the imports, or is not ours.
    #[error("shallot/hub/v1/options.proto does not declare the extension `{0}`")]
    MissingExtension(&'static str),
    /// A message's package is mapped to no Rust module.
    #[error("no Rust path for `{0}`: its package does not begin with `{1}`")]
    NoRustPath(String, String),
    /// The code that was put together does not parse: an error of this crate.
    #[error("the generated code does not parse: {0}")]
    Syntax(#[from] syn::Error),
    /// A released contract cannot be read, or its name is no version.
    #[error("{0}: {1}")]
    Release(PathBuf, String),
}
