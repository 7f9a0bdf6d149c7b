//! A client by hand: frame by frame, what a proper client would never send too.

use std::collections::VecDeque;

use futures_util::FutureExt as _;
use prost::Message;
use shallot_hubs::{Bytes, EndReason, MethodContract, WorkerId};
use shallot_proto::hub::v1 as wire;
use tokio::task::JoinHandle;
use wire::client_frame::Frame as Up;
use wire::server_frame::Frame as Down;

use crate::contracts::CONTRACT_HASH;
use crate::ends::{End, Over};
use crate::messages::test::v1::Text;
use crate::messages::text;
use crate::rig::{Rig, in_time, settle, token};

pub struct Raw {
    end: End,
    driver: Option<JoinHandle<EndReason>>,
    arrived: VecDeque<Down>,
    last_call: u64,
    /// Of the Welcome.
    pub resume_token: Bytes,
}

impl Raw {
    /// A link on which nothing was said yet.
    pub fn open(rig: &Rig) -> Self {
        Self::of(End::in_memory(rig))
    }

    /// The same over a link of that kind.
    pub async fn open_over(rig: &Rig, over: Over) -> Self {
        Self::of(End::open(rig, over).await)
    }

    /// The same to a worker.
    pub fn open_on(rig: &Rig, worker: WorkerId) -> Self {
        Self::of(End::in_memory_on(rig, worker))
    }

    pub fn of((end, driver): (End, JoinHandle<EndReason>)) -> Self {
        Self { end, driver: Some(driver), arrived: VecDeque::new(), last_call: 0, resume_token: Bytes::new() }
    }

    /// For what only one kind of link has.
    pub fn end(&mut self) -> &mut End {
        &mut self.end
    }

    /// A welcomed session by number, past the greeting of its hub.
    pub async fn welcomed(rig: &mut Rig, number: u8) -> Self {
        Self::welcomed_by(rig, &token(number)).await
    }

    pub async fn welcomed_by(rig: &mut Rig, token: &str) -> Self {
        Self::open(rig).into_welcomed(rig, token).await
    }

    pub async fn welcomed_over(rig: &mut Rig, over: Over, number: u8) -> Self {
        Self::open_over(rig, over).await.into_welcomed(rig, &token(number)).await
    }

    async fn into_welcomed(self, rig: &mut Rig, token: &str) -> Self {
        let mut raw = self;
        raw.send(hello(token)).await;
        assert!(matches!(raw.next_or_end().await, Some(Down::Open(_))));
        let Some(Down::Welcome(welcome)) = raw.next_or_end().await else { panic!("a Welcome was expected") };
        raw.resume_token = welcome.resume_token;
        // The first ping and the greeting, in either order.
        for _ in 0..2 {
            match raw.next_or_end().await {
                Some(Down::Ping(_)) => {}
                Some(Down::Push(push)) => assert_eq!(Text::decode(push.body).unwrap().text, "hello"),
                other => panic!("a greeting was expected, not {other:?}"),
            }
        }
        assert!(rig.event().await.starts_with("connected"));
        raw
    }

    pub async fn send(&mut self, frame: Up) {
        self.send_all([frame]).await;
    }

    /// As one message.
    pub async fn send_all(&mut self, frames: impl IntoIterator<Item = Up>) {
        let frames = frames.into_iter().map(|frame| wire::ClientFrame { frame: Some(frame) }).collect();
        self.send_batch(&wire::ClientBatch { frames }).await;
    }

    pub async fn send_batch(&mut self, batch: &wire::ClientBatch) {
        self.send_bytes(&batch.encode_to_vec()).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        assert!(self.end.send_bytes(bytes).await, "the server listens");
    }

    /// When the server may have closed.
    pub async fn try_send(&mut self, frame: Up) {
        let batch = wire::ClientBatch { frames: vec![wire::ClientFrame { frame: Some(frame) }] };
        self.try_send_bytes(&batch.encode_to_vec()).await;
    }

    /// A sign of life, when the server may have closed.
    pub async fn try_send_ack(&mut self) {
        self.try_send(Up::Ack(wire::Ack { seq: 0 })).await;
    }

    /// The same when the server may have closed.
    pub async fn try_send_bytes(&mut self, bytes: &[u8]) {
        self.end.send_bytes(bytes).await;
    }

    /// Cuts the link off without a goodbye.
    pub fn cut(&mut self) {
        self.end.cut();
    }

    /// A new link that says Hello with a resume token and the newest frame that it has.
    pub async fn resuming(rig: &Rig, number: u8, resume_token: &Bytes, last_seq: u64) -> Self {
        let mut raw = Self::open(rig);
        raw.send(resume_hello(&token(number), resume_token, last_seq)).await;
        raw
    }

    /// The next Welcome; what comes before it is left out.
    pub async fn welcome(&mut self) -> wire::Welcome {
        loop {
            match self.next().await {
                Down::Welcome(welcome) => return *welcome,
                Down::Open(_) => {}
                other => panic!("a Welcome was expected, not {other:?}"),
            }
        }
    }

    /// Answers the first ping of the link: so the server knows that the Welcome has arrived.
    pub async fn settled(&mut self) {
        loop {
            match self.next_or_end().await {
                Some(Down::Ping(ping)) => {
                    self.send(Up::Pong(wire::Pong { n: ping.n, ..wire::Pong::default() })).await;
                    return settle().await;
                }
                Some(_) => {}
                None => panic!("a ping was expected"),
            }
        }
    }

    /// Takes the link away with a goodbye.
    pub fn hang_up(mut self) -> JoinHandle<EndReason> {
        let driver = self.driver();
        self.end.close();
        driver
    }

    /// The server's side; once.
    pub fn driver(&mut self) -> JoinHandle<EndReason> {
        self.driver.take().expect("it is taken once")
    }

    /// The server's side goes without a word, as when its worker stops hard.
    pub fn abort_driver(&self) {
        self.driver.iter().for_each(JoinHandle::abort);
    }

    /// Calls; the id.
    pub async fn call(&mut self, method: &MethodContract, argument: &str) -> u64 {
        let call = self.make_call(method, argument);
        let id = call.id;
        self.send(Up::Call(call)).await;
        id
    }

    pub fn make_call(&mut self, method: &MethodContract, argument: &str) -> wire::Call {
        self.last_call += 1;
        let body = text(argument).encode_to_vec().into();
        wire::Call { id: self.last_call, method: method.id, one_way: method.one_way, body, ..wire::Call::default() }
    }

    /// The next message as it came.
    pub async fn batch(&mut self) -> Option<wire::ServerBatch> {
        assert!(self.arrived.is_empty(), "frames of an earlier message wait");
        in_time(self.end.receive()).await
    }

    /// The next frame, or `None` when the server has closed.
    pub async fn next_or_end(&mut self) -> Option<Down> {
        loop {
            if let Some(frame) = self.arrived.pop_front() {
                return Some(frame);
            }
            let batch = in_time(self.end.receive()).await?;
            self.arrived.extend(batch.frames.into_iter().filter_map(|frame| frame.frame));
        }
    }

    /// What has come, without waiting.
    pub fn frames_that_wait(&mut self) -> Vec<Down> {
        let mut frames: Vec<Down> = self.arrived.drain(..).collect();
        while let Some(Some(batch)) = self.end.receive().now_or_never() {
            frames.extend(batch.frames.into_iter().filter_map(|frame| frame.frame));
        }
        frames
    }

    /// The next frame that has come; nothing when it would have to wait.
    pub async fn next_now(&mut self) -> Option<Down> {
        self.next_or_end().now_or_never().flatten()
    }

    /// Reads what has come, without waiting; how many frames it was.
    pub fn read_what_waits(&mut self) -> usize {
        let mut frames = self.arrived.drain(..).count();
        while let Some(Some(batch)) = self.end.receive().now_or_never() {
            frames += batch.frames.len();
        }
        frames
    }

    /// The next frame; pings are left out.
    pub async fn next(&mut self) -> Down {
        loop {
            match self.next_or_end().await.expect("the server closed the link") {
                Down::Ping(_) => {}
                frame => return frame,
            }
        }
    }

    pub async fn pushed_text(&mut self) -> String {
        match self.next().await {
            Down::Push(push) => Text::decode(push.body).unwrap().text,
            other => panic!("a push was expected, not {other:?}"),
        }
    }

    /// The next reply: id and text, or id and reason.
    pub async fn reply(&mut self) -> (u64, Result<String, String>) {
        match self.next().await {
            Down::Reply(reply) => {
                let result = match reply.result.unwrap() {
                    wire::reply::Result::Body(body) => Ok(Text::decode(body).unwrap().text),
                    wire::reply::Result::Error(error) => Err(error.reason),
                };
                (reply.id, result)
            }
            other => panic!("a reply was expected, not {other:?}"),
        }
    }

    /// All up to the `GoAway`, and that the link closes after it.
    pub async fn go_away(&mut self) -> wire::GoAway {
        let go_away = loop {
            match self.next().await {
                Down::GoAway(go_away) => break *go_away,
                _ => continue,
            }
        };
        assert_eq!(self.next_or_end().await, None);
        go_away
    }

    /// The server answers to a call: the session is unhurt.
    pub async fn is_well(&mut self, method: &MethodContract) {
        let id = self.call(method, "well").await;
        loop {
            if let Down::Reply(reply) = self.next().await
                && reply.id == id
            {
                assert!(matches!(reply.result, Some(wire::reply::Result::Body(_))));
                return;
            }
        }
    }
}

pub fn resume_hello(token: &str, resume_token: &Bytes, last_seq: u64) -> Up {
    let hello = make_hello(token);
    Up::Hello(wire::Hello { resume_token: Some(resume_token.clone()), last_seq: Some(last_seq), ..hello }.into())
}

pub fn hello(token: &str) -> Up {
    Up::Hello(make_hello(token).into())
}

pub fn make_hello(token: &str) -> wire::Hello {
    wire::Hello {
        access_token: token.to_owned(),
        contract_hash: CONTRACT_HASH.to_vec().into(),
        build: "raw 1".to_owned(),
        ..wire::Hello::default()
    }
}
