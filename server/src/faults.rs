//! Failures made on purpose, where the code that is to survive them has a named point.

use std::time::Duration;

use crate::config::faults::Faults;
use crate::telemetry;

/// Between the commit of a grant and telling it: waits as long as configured. A process that is killed meanwhile has stored what
/// it told nobody; the log has a line for it.
pub(crate) async fn grant_committed_not_told(faults: &Faults) {
    if faults.grant_told_delay_ms == 0 {
        return;
    }
    metrics::counter!(telemetry::FAULTS_FIRED, "point" => "grant_told").increment(1);
    tracing::warn!(point = "grant_told", "failpoint: committed, not told yet");
    tokio::time::sleep(Duration::from_millis(u64::from(faults.grant_told_delay_ms))).await;
    tracing::warn!(point = "grant_told", "failpoint: told now");
}
