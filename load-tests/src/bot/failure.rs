//! What went wrong for a bot, as the report counts it.

use std::time::Duration;

use shallot_client::ApiError;
use shallot_client::hubs::HubError;

/// A step of a bot's life that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{stage}: {reason}: {message}")]
pub struct Failure {
    /// Which step.
    pub stage: &'static str,
    /// The server's stable reason, or the status code when there is none.
    pub reason: String,
    /// For people.
    pub message: String,
    /// When the server said that it may be asked again.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// With a reason of one's own.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "taken by value it fits what map_err hands over")]
    pub fn new(stage: &'static str, reason: &str, message: impl ToString) -> Self {
        Self { stage, reason: reason.to_owned(), message: message.to_string(), retry_after: None }
    }

    /// Of a unary call.
    #[must_use]
    pub fn api(stage: &'static str, error: &ApiError) -> Self {
        let reason = if error.reason.is_empty() { format!("{:?}", error.code) } else { error.reason.clone() };
        Self { stage, reason, message: error.message.clone(), retry_after: error.retry_after }
    }

    /// Of a hub call.
    #[must_use]
    pub fn hub(stage: &'static str, error: &HubError) -> Self {
        Self { stage, reason: error.reason.to_string(), message: error.message.to_string(), retry_after: None }
    }

    /// Whether it is what a bot sees of a server that is gone.
    #[must_use]
    pub fn is_lost_connection(&self) -> bool {
        matches!(
            (self.stage, self.reason.as_str()),
            ("channel", "LOST" | "NOT_SENT")
                | ("hub session", "LINK_LOST" | "SESSION_LOST")
                | ("renew token", "Unavailable" | "Cancelled" | "Unknown")
        )
    }

    /// What it is counted as.
    #[must_use]
    pub fn kind(&self) -> String {
        format!("{}: {}", self.stage, self.reason)
    }
}
