//! A client's line to the server: a TCP proxy that carries one connection at a time and cuts it when it is struck.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::blow::{Blow, Cut, Then, Way};

/// Bytes that are under way in the line, each way.
const BUFFER: usize = 4 * 1_024;

/// What is known of a line.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// It carries a connection, and nothing is to happen to it yet.
    is_whole: AtomicBool,
    /// Connections that it cut.
    pub(super) cuts: AtomicU32,
    /// Connections that it did not let come about.
    pub(super) refused: AtomicU32,
    /// Connections that one of their ends closed.
    pub(super) closed_by_an_end: AtomicU32,
}

/// A line as whoever strikes it knows it.
#[derive(Debug)]
pub(super) struct Line {
    /// Where the client finds it.
    pub(super) address: SocketAddr,
    pub(super) seen: Arc<Seen>,
    blows: mpsc::Sender<Blow>,
}

impl Line {
    /// One that listens, and the future that carries.
    pub(super) async fn open(server: SocketAddr) -> io::Result<(Self, impl Future<Output = ()> + Send + 'static)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (sender, blows) = mpsc::channel(1);
        let line = Self { address: listener.local_addr()?, seen: Arc::default(), blows: sender };
        let carrier = Carrier { server, seen: Arc::clone(&line.seen), blows, then: Then::Carry };
        Ok((line, carrier.run(listener)))
    }

    /// Strikes it; `false`: there is nothing to strike now.
    pub(super) fn strike(&self, blow: Blow) -> bool {
        self.seen.is_whole.swap(false, Ordering::AcqRel) && self.blows.try_send(blow).is_ok()
    }

    /// Whether it carries a connection, and all blows have fallen.
    pub(super) fn is_whole(&self) -> bool {
        self.seen.is_whole.load(Ordering::Acquire)
    }
}

struct Carrier {
    server: SocketAddr,
    seen: Arc<Seen>,
    blows: mpsc::Receiver<Blow>,
    /// What is to happen to the next connection.
    then: Then,
}

/// How a connection is given up.
enum End {
    /// Reset.
    Reset,
    /// Closed, so that what was carried arrives.
    Close,
    /// One of its ends has closed it.
    ByItself,
}

impl Carrier {
    async fn run(mut self, listener: TcpListener) {
        loop {
            if let Then::StayAway(time) = self.then {
                self.refuse(&listener, Instant::now() + time).await;
                self.then = Then::Carry;
            }
            // A listener that fails leaves its client without a link, which the run tells of.
            let Ok((client, _)) = listener.accept().await else { return };
            let Ok(server) = TcpStream::connect(self.server).await else { continue };
            let _ = client.set_nodelay(true).and(server.set_nodelay(true));
            self.carry(client, server).await;
        }
    }

    async fn refuse(&self, listener: &TcpListener, until: Instant) {
        while let Ok(accepted) = timeout_at(until, listener.accept()).await {
            let Ok((client, _)) = accepted else { return };
            let _ = client.set_zero_linger();
            self.seen.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Carries a connection to its end.
    async fn carry(&mut self, mut client: TcpStream, mut server: TcpStream) {
        let (end, struck) = {
            let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
            let orders = Orders::default();
            let mut cut_at = None;
            match self.then {
                Then::CutInHandshake(bytes) => orders.change(|orders| orders.bytes_left = bytes),
                Then::CutAgain(time) => cut_at = Some(Instant::now() + time),
                Then::Carry | Then::StayAway(_) => self.seen.is_whole.store(true, Ordering::Release),
            }
            let mut struck = (self.then != Then::Carry).then_some(Then::Carry);
            let mut up = std::pin::pin!(carry_way(Way::Up, from_client, to_server, &orders));
            let mut down = std::pin::pin!(carry_way(Way::Down, from_server, to_client, &orders));
            loop {
                tokio::select! {
                    end = &mut up => break (end, struck),
                    end = &mut down => break (end, struck),
                    Some(blow) = self.blows.recv(), if struck.is_none() => {
                        struck = Some(blow.then);
                        match blow.cut {
                            Cut::Reset => break (End::Reset, struck),
                            Cut::Half(way, time) => {
                                orders.change(|orders| orders.stalled = Some(way));
                                cut_at = Some(Instant::now() + time);
                            }
                            Cut::MidMessage(way) => orders.change(|orders| orders.cut_within = Some(way)),
                        }
                    }
                    () = sleep_until(cut_at.unwrap_or_else(Instant::now)), if cut_at.is_some() => {
                        break (End::Close, struck);
                    }
                }
            }
        };
        self.seen.is_whole.store(false, Ordering::Release);
        if matches!(end, End::Reset) {
            let _ = client.set_zero_linger().and(server.set_zero_linger());
        }
        match (end, struck) {
            (End::Reset | End::Close, Some(then)) => {
                self.seen.cuts.fetch_add(1, Ordering::Relaxed);
                self.then = then;
            }
            _ => drop(self.seen.closed_by_an_end.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// What is done to a connection while it is carried.
struct Orders(Mutex<Plan>);

#[derive(Clone, Copy)]
struct Plan {
    stalled: Option<Way>,
    cut_within: Option<Way>,
    /// Of both ways, until the cut.
    bytes_left: u64,
}

impl Default for Orders {
    fn default() -> Self {
        Self(Mutex::new(Plan { stalled: None, cut_within: None, bytes_left: u64::MAX }))
    }
}

impl Orders {
    fn change<R>(&self, change: impl FnOnce(&mut Plan) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How much of so many bytes may go on; `None`: nothing, ever again.
    fn admit(&self, way: Way, bytes: usize) -> Option<usize> {
        self.change(|plan| {
            if plan.stalled == Some(way) {
                return None;
            }
            let wanted = if plan.cut_within == Some(way) { bytes / 2 } else { bytes };
            let admitted = wanted.min(usize::try_from(plan.bytes_left).unwrap_or(usize::MAX));
            plan.bytes_left -= admitted as u64;
            Some(admitted)
        })
    }
}

/// Carries one way until its end, or until it is to be cut.
async fn carry_way(
    way: Way,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    orders: &Orders,
) -> End {
    let mut buffer = [0; BUFFER];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return End::ByItself,
            Ok(read) => read,
        };
        let Some(admitted) = orders.admit(way, read) else { return std::future::pending().await };
        if to.write_all(buffer.get(..admitted).unwrap_or_default()).await.is_err() {
            return End::ByItself;
        }
        if admitted < read {
            return End::Close;
        }
    }
}
