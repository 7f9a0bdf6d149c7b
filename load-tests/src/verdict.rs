//! How a run ends, for whoever watches it, for whoever reads its report and for whoever looks at its exit code.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::screen::{complain, say};

/// What comes of a run.
///
/// # Errors
/// Ctrl-C came before.
pub async fn unless_interrupted<T>(run: impl Future<Output = T>) -> anyhow::Result<T> {
    tokio::select! {
        outcome = run => Ok(outcome),
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

/// Tells all that came of a run: as JSON where that was asked for, what failed, and as text. Whether nothing failed.
///
/// # Errors
/// The report's file cannot be written.
pub fn tell(report: Option<&Path>, outcome: &impl Serialize, failures: &[String], text: &str) -> anyhow::Result<bool> {
    write_report(report, outcome)?;
    let passed = passed(failures);
    say(text);
    Ok(passed)
}

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
