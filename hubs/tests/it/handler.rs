//! A client's receiver under test: it tells the test what it takes.

use std::sync::{Arc, Mutex};

use shallot_hubs::{AskContext, Code, HubClient, HubError};
use tokio::sync::mpsc;

use crate::contracts::test::v1::{TestHubClient, TestReceiverHandler};
use crate::messages::test::v1::{Gauge, Text};

/// Tells what it is pushed; answers a question with what the hub echoes from inside it.
pub struct Handler {
    told: mpsc::Sender<String>,
    client: Mutex<Option<HubClient>>,
}

/// Lines that a test may leave unread.
const UNREAD: usize = 1_024;

impl Handler {
    pub fn new() -> (Arc<Self>, mpsc::Receiver<String>) {
        let (told, reader) = mpsc::channel(UNREAD);
        (Arc::new(Self { told, client: Mutex::default() }), reader)
    }

    /// The session that its answers call back on.
    pub fn answer_through(&self, client: &HubClient) {
        *self.client.lock().unwrap() = Some(client.clone());
    }
}

impl TestReceiverHandler for Handler {
    fn on_line(&self, message: Text) {
        self.told.try_send(message.text).unwrap();
    }

    fn on_gauge(&self, message: Gauge) {
        self.told.try_send(format!("{}={}", message.name, message.value)).unwrap();
    }

    fn on_flicker(&self, message: Gauge) {
        self.on_gauge(message);
    }

    async fn confirm(&self, ask: &AskContext, request: Text) -> Result<Text, HubError> {
        if request.text == "no" {
            return Err(HubError::new(Code::Aborted, "DECLINED", "the player said no"));
        }
        let client = self.client.lock().unwrap().clone().unwrap();
        TestHubClient::within(&client, ask).with_deadline_ms(60_000).echo(&request).await
    }
}
