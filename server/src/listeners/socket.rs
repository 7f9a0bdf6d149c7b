//! A socket under the guard: reads and writes as the socket below it, and fails once its client misuses the connection.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tonic::transport::server::Connected;

use super::guard::{Guard, GuardLimits, Misuse};
use crate::clock::SystemClock;
use crate::telemetry;

/// Who is at the other end, as requests carry it.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) hang_up: HangUp,
}

/// Ends a connection from elsewhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct HangUp(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    is_cut: AtomicBool,
    reader: AtomicWaker,
}

impl HangUp {
    /// Ends the connection, and everything on it, at once.
    pub(crate) fn hang_up(&self) {
        self.0.is_cut.store(true, Ordering::Release);
        self.0.reader.wake();
    }

    fn is_cut(&self, cx: &Context<'_>) -> bool {
        self.0.reader.register(cx.waker());
        self.0.is_cut.load(Ordering::Acquire)
    }
}

/// A guarded socket, and what is freed when it goes.
pub(crate) struct Guarded<S, P> {
    socket: S,
    guard: Guard,
    clock: SystemClock,
    alarm: Option<Alarm>,
    peer: Peer,
    is_over: bool,
    _place: P,
}

/// Rings at its time. A deadline that moves away leaves it where it is; it is set anew when it rings.
struct Alarm {
    at: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl<S, P> Guarded<S, P> {
    /// A connection that can be used from now on: with TLS, after its handshake.
    pub(crate) fn new(socket: S, peer: SocketAddr, place: P, clock: SystemClock, limits: &'static GuardLimits) -> Self {
        let guard = Guard::new(limits, clock.since_start());
        let peer = Peer { address: peer, hang_up: HangUp::default() };
        Self { socket, guard, clock, alarm: None, peer, is_over: false, _place: place }
    }

    /// Fails when the connection is over, and sees to it that the task is woken when it might be.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.is_over {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.peer.hang_up.is_cut(cx) {
            self.is_over = true;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        while let Some(due) = self.guard.deadline() {
            let alarm = match self.alarm.take() {
                Some(alarm) if alarm.at <= due => self.alarm.insert(alarm),
                _ => self.alarm.insert(self.alarm_at(due)),
            };
            if alarm.sleep.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
            self.alarm = None;
            self.guard.check_time(self.clock.since_start()).map_err(|misuse| self.end(misuse))?;
        }
        Ok(())
    }

    fn alarm_at(&self, at: Duration) -> Alarm {
        let wait = at.saturating_sub(self.clock.since_start());
        Alarm { at, sleep: Box::pin(tokio::time::sleep(wait)) }
    }

    fn end(&mut self, misuse: Misuse) -> io::Error {
        self.is_over = true;
        metrics::counter!(telemetry::CONNECTIONS_ENDED, "reason" => misuse.name()).increment(1);
        tracing::debug!(peer = %self.peer.address, reason = misuse.name(), "a connection was ended for misuse");
        io::Error::new(io::ErrorKind::ConnectionAborted, misuse.name())
    }
}

impl<S, P> Connected for Guarded<S, P> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl<S: AsyncRead + Unpin, P: Unpin> AsyncRead for Guarded<S, P> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.socket).poll_read(cx, buf);
        let came = buf.filled().get(before..).unwrap_or_default();
        if !came.is_empty() {
            let now = this.clock.since_start();
            if let Err(misuse) = this.guard.observe(now, came) {
                return Poll::Ready(Err(this.end(misuse)));
            }
        }
        this.check(cx)?;
        polled
    }
}

impl<S: AsyncWrite + Unpin, P: Unpin> AsyncWrite for Guarded<S, P> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(cx)?;
        Pin::new(&mut this.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(cx)?;
        Pin::new(&mut this.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
