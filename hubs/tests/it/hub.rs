//! The hub under test: it tells the test what it does and waits where the test wants it to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use shallot_hubs::{CallContext, Code, EndReason, HubError, SessionHandle};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

use crate::contracts::test::v1::{OtherHub, TestHub, TestReceiver};
use crate::messages::test::v1::Text;
use crate::messages::text;

pub struct Hub {
    events: mpsc::Sender<String>,
    gates: Mutex<HashMap<String, Arc<Notify>>>,
}

impl Hub {
    pub fn new(events: mpsc::Sender<String>) -> Self {
        Self { events, gates: Mutex::default() }
    }

    /// Lets the `Wait` of this text go on, now or when it comes.
    pub fn release(&self, text: &str) {
        self.gate(text).notify_one();
    }

    /// Makes the `on_connect` of this session wait for [`Hub::release`] of "connect {number}", and then ask the client.
    pub fn hold_connect(&self, number: u8) {
        self.gate(&format!("connect {number}"));
    }

    fn gate(&self, text: &str) -> Arc<Notify> {
        Arc::clone(self.gates.lock().unwrap().entry(text.to_owned()).or_default())
    }

    fn tell(&self, event: String) {
        // Closed: the test is over, its sessions are not.
        let told = self.events.try_send(event);
        assert!(!matches!(told, Err(TrySendError::Full(_))), "tests read what hubs tell");
    }

    /// Returns at the test's leave; when cancelled too, unless the text begins with "stubborn".
    async fn wait(&self, call: &CallContext, request: Text) -> Result<Text, HubError> {
        self.tell(format!("began {}", request.text));
        let gate = self.gate(&request.text);
        tokio::select! {
            () = gate.notified() => return Ok(request),
            () = call.cancellation().cancelled() => {}
        }
        self.tell(format!("cancelled {}", request.text));
        if request.text.starts_with("stubborn") {
            let mut unfinished = Unfinished { hub: self, is_done: false };
            gate.notified().await;
            unfinished.is_done = true;
            return Ok(request);
        }
        Err(HubError::new(Code::Cancelled, "HANDLER_CANCELLED", "the handler looked at its token"))
    }
}

/// Tells when a handler is dropped before it is done.
struct Unfinished<'a> {
    hub: &'a Hub,
    is_done: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.hub.tell("given up".to_owned());
        }
    }
}

impl TestHub for Hub {
    async fn on_connect(&self, session: &SessionHandle) {
        TestReceiver::to(session).on_line(&text("hello"));
        self.tell(format!("connected {}", session.id().0[15]));
        let gate = self.gates.lock().unwrap().get(&format!("connect {}", session.id().0[15])).cloned();
        if let Some(gate) = gate {
            gate.notified().await;
            let answer = TestReceiver::to(session).confirm(&text("who?")).await;
            self.tell(format!("answered {:?}", answer.map(|text| text.text)));
        }
    }

    async fn on_disconnect(&self, session: &SessionHandle, reason: &EndReason) {
        self.tell(format!("left {} {}", session.id().0[15], reason.reason));
    }

    async fn echo(&self, _: &CallContext, request: Text) -> Result<Text, HubError> {
        self.tell(format!("echo {}", request.text));
        Ok(request)
    }

    async fn wait(&self, call: &CallContext, request: Text) -> Result<Text, HubError> {
        Self::wait(self, call, request).await
    }

    async fn wait_beside(&self, call: &CallContext, request: Text) -> Result<Text, HubError> {
        Self::wait(self, call, request).await
    }

    async fn note(&self, _: &CallContext, request: Text) -> Result<(), HubError> {
        self.tell(format!("note {}", request.text));
        Ok(())
    }

    async fn ask_back(&self, call: &CallContext, request: Text) -> Result<Text, HubError> {
        TestReceiver::to(call.session()).confirm(&request).await
    }

    async fn for_characters(&self, _: &CallContext, request: Text) -> Result<Text, HubError> {
        Ok(request)
    }

    async fn rare(&self, _: &CallContext, request: Text) -> Result<Text, HubError> {
        Ok(request)
    }

    async fn panic(&self, _: &CallContext, _: Text) -> Result<Text, HubError> {
        panic!("the test asked for it")
    }

    async fn short(&self, call: &CallContext, request: Text) -> Result<Text, HubError> {
        Self::wait(self, call, request).await
    }
}

pub struct Other;

impl OtherHub for Other {
    async fn reverse(&self, _: &CallContext, request: Text) -> Result<Text, HubError> {
        Ok(text(&request.text.chars().rev().collect::<String>()))
    }
}
