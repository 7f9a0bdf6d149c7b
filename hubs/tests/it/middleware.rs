//! 12: what an end puts around its calls and client results.

use std::sync::{Arc, Mutex};

use shallot_hubs::{Bytes, Code, Exchange, ExchangeKind, HubClient, HubClientConfig, HubError, Middleware};

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::{TestHubClient, TestReceiverDispatcher};
use crate::handler::Handler;
use crate::messages::text;
use crate::rig::{Rig, in_time, settle, token};

/// Notes what it sees, under its name.
struct Notes {
    name: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Notes {
    fn note(&self, what: &str, exchange: &Exchange, rest: &str) {
        let kind = match exchange.kind {
            ExchangeKind::Call => "call",
            ExchangeKind::ClientResult => "result",
        };
        let served = if exchange.is_served { "served" } else { "made" };
        let method = exchange.method.rsplit('/').next().unwrap();
        self.lines.lock().unwrap().push(format!("{} {what} {kind} {served} {method}{rest}", self.name));
    }
}

impl Middleware for Notes {
    fn before(&self, exchange: &Exchange, request: &Bytes) -> Result<(), HubError> {
        self.note("before", exchange, "");
        assert_eq!(exchange.session.is_some(), self.name == "server");
        if request.ends_with(self.name.as_bytes()) {
            return Err(HubError::new(Code::InvalidArgument, "REFUSED", self.name));
        }
        Ok(())
    }

    fn after(&self, exchange: &Exchange, result: &Result<Bytes, HubError>, took_ms: u64) {
        let word = if result.is_ok() { "ok" } else { "refused" };
        self.note("after", exchange, &format!(" {word} {took_ms}"));
    }
}

/// A client between two layers at a server with one.
async fn joined() -> (Rig, HubClient, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::default());
    let notes = |name| Arc::new(Notes { name, lines: Arc::clone(&lines) });
    let rig = Rig::behind(notes("server"));
    let (handler, _told) = Handler::new();
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let builder = HubClient::builder(config, Arc::new(rig.clock.clone()))
        .receiver(TestReceiverDispatcher::new(Arc::clone(&handler)))
        .middleware(notes("outer"))
        .middleware(notes("inner"));
    let (client, driver) = builder.connect(Arc::new(rig.link())).await.unwrap();
    handler.answer_through(&client);
    tokio::spawn(driver);
    in_time(client.welcomed()).await.unwrap();
    (rig, client, lines)
}

fn taken(lines: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut *lines.lock().unwrap())
}

#[tokio::test]
async fn layers_nest_and_are_told_result_and_time() {
    let (rig, client, lines) = joined().await;
    let hub = TestHubClient::new(&client);
    let call = tokio::spawn(async move { hub.wait(&text("a")).await });
    settle().await;
    rig.pass_ms(250).await;
    rig.hub.release("a");
    in_time(call).await.unwrap().unwrap();
    let expected = [
        "outer before call made Wait",
        "inner before call made Wait",
        "server before call served Wait",
        "server after call served Wait ok 250",
        "inner after call made Wait ok 250",
        "outer after call made Wait ok 250",
    ];
    assert_eq!(taken(&lines), expected);
    TestHubClient::new(&client).note(&text("n")).unwrap();
    assert_eq!(taken(&lines)[2..], ["inner after call made Note ok 0", "outer after call made Note ok 0"]);
}

#[tokio::test]
async fn what_a_layer_refuses_goes_no_further_and_is_told_to_those_before_it() {
    let (mut rig, client, lines) = joined().await;
    let hub = TestHubClient::new(&client);
    let refused = in_time(hub.echo(&text("by inner"))).await.unwrap_err();
    assert_eq!((refused.code, &*refused.reason, &*refused.message), (Code::InvalidArgument, "REFUSED", "inner"));
    assert_eq!(hub.note(&text("by outer")).unwrap_err().message, "outer");
    assert!(taken(&lines).iter().all(|line| !line.starts_with("server")));
    assert_eq!(in_time(hub.echo(&text("by server"))).await.unwrap_err().message, "server");
    assert_eq!(rig.events(), ["connected 1"], "no handler ran");
}

#[tokio::test]
async fn client_results_pass_them_at_both_ends() {
    let (_rig, client, lines) = joined().await;
    let hub = TestHubClient::new(&client);
    assert_eq!(in_time(hub.ask_back(&text("no"))).await.unwrap_err().reason, "DECLINED");
    let told: Vec<String> = taken(&lines).into_iter().filter(|line| line.contains("result")).collect();
    let expected = [
        "server before result made Confirm",
        "outer before result served Confirm",
        "inner before result served Confirm",
        "inner after result served Confirm refused 0",
        "outer after result served Confirm refused 0",
        "server after result made Confirm refused 0",
    ];
    assert_eq!(told, expected);
}
