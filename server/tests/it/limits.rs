//! The limits as a client meets them on the wire, and the pages of the operator.

use shallot_client::proto::auth::v1::RegisterRequest;
use shallot_client::proto::auth::v1::auth_service_client::AuthServiceClient;
use shallot_client::{Api, ApiError, Code, Trust};

use crate::pages::get;
use crate::process::Server;

#[tokio::test]
async fn the_pages_tell_of_ticks_readiness_and_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let http = server.http;
    let page = async |path: &'static str| tokio::task::spawn_blocking(move || get(http, path)).await.unwrap();
    assert!(page("/healthz").await.0.contains("200"));
    assert!(page("/readyz").await.0.contains("200"));
    let (status, body) = page("/metrics").await;
    assert!(status.contains("200"));
    for name in ["shallot_tick_seconds", "shallot_tick_phase_seconds", "shallot_tick_overruns_total", "shallot_players"]
    {
        assert!(body.contains(name), "{name} is missing");
    }
    assert!(page("/nothing").await.0.contains("404"));
}

#[tokio::test]
async fn the_door_lets_a_burst_of_twenty_in_and_then_says_when_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    let mut refused = None;
    for n in 0..40_u8 {
        if let Err(error) = api.log_in_by_device([n; 32], false).await
            && error.reason == "RATE_LIMITED"
        {
            refused = Some((n, error));
            break;
        }
    }
    let (n, error) = refused.expect("40 attempts in a row were let in");
    assert!((19..=21).contains(&n), "refused after {n}");
    assert_eq!(error.code, Code::ResourceExhausted);
    assert!(error.retry_after.is_some());
}

#[tokio::test]
async fn ordinary_calls_have_a_rate_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    api.log_in_by_device([1; 32], true).await.unwrap();
    let mut answered = 0;
    let error = loop {
        match api.characters().list().await {
            Ok(_) => answered += 1,
            Err(error) => break error,
        }
        assert!(answered < 500, "500 calls in a row were let in");
    };
    assert_eq!((error.code, error.reason.as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    assert!((99..=160).contains(&answered), "refused after {answered}");
}

#[tokio::test]
async fn an_oversized_request_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    let huge = RegisterRequest { password: "x".repeat(80 * 1024), ..RegisterRequest::default() };
    let error = ApiError::from(AuthServiceClient::new(api.channel()).register(huge).await.unwrap_err());
    assert_eq!(error.code, Code::OutOfRange);
    assert!(api.log_in_by_device([1; 32], true).await.is_ok());
}
