//! How a run ends, for whoever reads its report and for whoever looks at its exit code.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::screen::complain;

/// Writes what came of a run as JSON, where that was asked for.
///
/// # Errors
/// The file cannot be written.
pub fn write_report(path: Option<&Path>, outcome: &impl Serialize) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    let json = serde_json::to_string_pretty(outcome)?;
    std::fs::write(path, json + "\n").with_context(|| format!("writing the report to {}", path.display()))
}

/// Tells what failed; whether nothing did.
pub fn passed(failures: &[String]) -> bool {
    failures.iter().for_each(|failure| complain(&format!("failed: {failure}")));
    failures.is_empty()
}
