//! The best plain tonic service we know how to write for the same work: raw bytes instead of messages, small buffers, one task a
//! member (what it reads and what it writes meet in the response stream), one encode for all members of a room, and one message a
//! worker between threads. No sessions, no acknowledgements, no heartbeat, no rules.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_core::Stream;
use futures_util::future::{BoxFuture, FutureExt as _, Ready, ready};
use futures_util::task::AtomicWaker;
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::listen;
use super::messages::bench::v1::Payload;

/// Messages that wait for a member; one more is lost.
const QUEUE: usize = 256;

/// Messages that wait for a worker.
const INBOX: usize = 4_096;

/// Bytes of a stream's buffer in each direction.
const BUFFER: usize = 512;

/// Starts it.
pub(crate) fn start(count: u16) -> Result<(SocketAddr, Box<dyn super::Server>), Box<dyn Error>> {
    let (inboxes, mut arriving): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(INBOX)).unzip();
    let workers: Vec<Arc<Worker>> = inboxes.into_iter().map(Worker::new).collect();
    let shared = Arc::new(Shared { workers });
    let arriving = Arc::new(Mutex::new(arriving.drain(..).map(Some).collect::<Vec<_>>()));
    let for_workers = Arc::clone(&shared);
    let address = listen::start(count, move |worker| {
        let at = usize::from(worker);
        let inbox = arriving.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at).and_then(Option::take);
        if let Some((inbox, worker)) = inbox.zip(for_workers.workers.get(at).cloned()) {
            deliver(inbox, worker);
        }
        Plain { shared: Arc::clone(&for_workers), worker: at }
    })?;
    Ok((address, Box::new(Measured(shared))))
}

/// Hands on what comes from other threads, on the worker's own.
#[expect(clippy::disallowed_methods, reason = "the benchmark has no lifecycle; its end is the process's")]
fn deliver(mut inbox: mpsc::Receiver<(u32, Bytes)>, worker: Arc<Worker>) {
    tokio::spawn(async move {
        while let Some((room, message)) = inbox.recv().await {
            worker.push(room, &message);
        }
    });
}

struct Shared {
    workers: Vec<Arc<Worker>>,
}

struct Worker {
    inbox: mpsc::Sender<(u32, Bytes)>,
    rooms: Mutex<HashMap<u32, Vec<Arc<Queue>>>>,
}

impl Worker {
    fn new(inbox: mpsc::Sender<(u32, Bytes)>) -> Arc<Self> {
        Arc::new(Self { inbox, rooms: Mutex::default() })
    }

    /// To its own members of the room.
    fn push(&self, room: u32, message: &Bytes) {
        if let Some(members) = self.rooms().get(&room) {
            members.iter().for_each(|member| member.push(message));
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<u32, Vec<Arc<Queue>>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waits for one member.
#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<Bytes>>,
    writer: AtomicWaker,
}

impl Queue {
    fn push(&self, message: &Bytes) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let wakes = waiting.is_empty();
        if waiting.len() < QUEUE {
            waiting.push_back(message.clone());
        }
        drop(waiting);
        if wakes {
            self.writer.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Bytes> {
        self.writer.register(cx.waker());
        let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.map_or(Poll::Pending, Poll::Ready)
    }
}

struct Measured(Arc<Shared>);

impl super::Server for Measured {
    fn push(&self, room: u32, body: &Bytes, _: bool) {
        let message: Bytes = Payload { body: body.clone() }.encode_to_vec().into();
        for worker in &self.0.workers {
            // A worker that far behind loses it; the count of deliveries will tell.
            let _ = worker.inbox.try_send((room, message.clone()));
        }
    }

    fn members(&self) -> usize {
        self.0.workers.iter().map(|worker| worker.rooms().values().map(Vec::len).sum::<usize>()).sum()
    }
}

/// The service of one worker.
#[derive(Clone)]
struct Plain {
    shared: Arc<Shared>,
    worker: usize,
}

impl NamedService for Plain {
    const NAME: &'static str = "shallot.bench.v1.Plain";
}

impl Service<http::Request<Body>> for Plain {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        async move { Ok(Grpc::new(Raw).streaming(service, request).await) }.boxed()
    }
}

impl StreamingService<Bytes> for Plain {
    type Response = Bytes;
    type ResponseStream = Member;
    type Future = Ready<Result<Response<Member>, Status>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let inbound = request.into_inner();
        let (shared, worker) = (Arc::clone(&self.shared), self.worker);
        ready(Ok(Response::new(Member { inbound, queue: Arc::default(), shared, worker, work: Work::Unknown })))
    }
}

/// What a member's messages are; its first says it.
#[derive(Clone, Copy)]
enum Work {
    Unknown,
    /// Each comes back.
    Echo,
    /// Each goes to everyone in this room.
    Tell(u32),
}

/// A client's stream, in and out.
struct Member {
    inbound: Streaming<Bytes>,
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    worker: usize,
    work: Work,
}

impl Member {
    /// The first message: nothing, or the number of a room.
    fn begin(&mut self, first: &Bytes) {
        let Some(room) = first.first_chunk::<4>() else {
            self.work = Work::Echo;
            return;
        };
        let room = u32::from_be_bytes(*room);
        self.work = Work::Tell(room);
        if let Some(worker) = self.shared.workers.get(self.worker) {
            worker.rooms().entry(room).or_default().push(Arc::clone(&self.queue));
        }
    }

    fn tell(&self, room: u32, message: &Bytes) {
        for (at, worker) in self.shared.workers.iter().enumerate() {
            if at == self.worker {
                worker.push(room, message);
            } else {
                // As in `push`.
                let _ = worker.inbox.try_send((room, message.clone()));
            }
        }
    }
}

impl Stream for Member {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match (Pin::new(&mut self.inbound).poll_next(cx), self.work) {
                (Poll::Ready(Some(Ok(message))), Work::Echo) => return Poll::Ready(Some(Ok(message))),
                (Poll::Ready(Some(Ok(message))), Work::Tell(room)) => self.tell(room, &message),
                (Poll::Ready(Some(Ok(message))), Work::Unknown) => self.begin(&message),
                (Poll::Ready(_), _) => return Poll::Ready(None),
                (Poll::Pending, _) => return self.queue.poll(cx).map(|message| Some(Ok(message))),
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let (Work::Tell(room), Some(worker)) = (self.work, self.shared.workers.get(self.worker)) {
            worker.rooms().entry(room).or_default().retain(|queue| !Arc::ptr_eq(queue, &self.queue));
        }
    }
}

/// Bytes as they are, with small buffers.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, 32 * 1024)
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, 32 * 1024)
    }
}
