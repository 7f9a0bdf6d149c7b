//! For operators: /healthz proves that every shard's tick advanced, /readyz that clients may come, /metrics what there is to
//! measure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::shard::pulse::Pulse;

/// What the pages show.
#[derive(Clone)]
pub(crate) struct Health {
    /// One for each shard.
    pub(crate) pulses: Arc<[Arc<Pulse>]>,
    /// Set when the listeners are open, cleared when a stop begins.
    pub(crate) ready: Arc<AtomicBool>,
    /// Renders /metrics.
    pub(crate) metrics: PrometheusHandle,
}

/// Serves until `stop`.
pub(crate) async fn run(listener: TcpListener, health: Health, stop: CancellationToken) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// 200 when every shard began a tick within [`limits::HEALTH_WAIT`] of the question, else 503 with the regions that did not.
async fn healthz(State(health): State<Health>) -> (StatusCode, String) {
    let before: Vec<u64> = health.pulses.iter().map(|pulse| pulse.ticks()).collect();
    let step = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    loop {
        let still: Vec<&str> = health
            .pulses
            .iter()
            .zip(&before)
            .filter(|(pulse, before)| pulse.ticks() <= **before)
            .map(|(pulse, _)| pulse.region())
            .collect();
        if still.is_empty() {
            return (StatusCode::OK, "ok\n".to_owned());
        }
        if waited >= limits::HEALTH_WAIT {
            return (StatusCode::SERVICE_UNAVAILABLE, format!("no tick in: {}\n", still.join(", ")));
        }
        tokio::time::sleep(step).await;
        waited += step;
    }
}

async fn readyz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.ready.load(Ordering::SeqCst) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn metrics(State(health): State<Health>) -> String {
    health.metrics.run_upkeep();
    health.metrics.render()
}
