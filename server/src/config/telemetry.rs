//! `[telemetry]`: logs.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Logs, on standard error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Telemetry {
    /// Filter, such as `info` or `shallot=debug,warn`. `SHALLOT__TELEMETRY__LOG`, default info.
    pub(crate) log: String,
    /// `text` for people, `json` for collectors. `SHALLOT__TELEMETRY__FORMAT`.
    pub(crate) format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For collectors.
    Json,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { log: "info".to_owned(), format: LogFormat::Text }
    }
}

impl Telemetry {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log) {
            problems.push(Problem::new("telemetry.log", error.to_string()));
        }
    }
}
