//! The accept loop of a gateway worker: bounded in all and by address, TLS handshakes beside each other, every socket under the
//! guard, and patient when file descriptors run out (the stock loop then spins a whole core).

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::allowance::Allowance;
use super::socket::Guarded;
use crate::clock::SystemClock;
use crate::limits;
use crate::telemetry;

/// How many connections each address has now.
#[derive(Debug, Default)]
struct Census {
    total: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

/// A place among a worker's connections, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    census: Arc<Mutex<Census>>,
    address: IpAddr,
}

impl Place {
    fn take(census: &Arc<Mutex<Census>>, address: IpAddr, allowance: &Allowance) -> Result<Self, &'static str> {
        let mut counts = census.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= allowance.connections {
            return Err("worker_full");
        }
        let here = counts.by_address.entry(address).or_default();
        if *here >= allowance.peer(address).connections {
            return Err("address_full");
        }
        *here += 1;
        counts.total += 1;
        Ok(Self { census: Arc::clone(census), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.census.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total -= 1;
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

/// A TCP socket that shares its port with the listeners of the other workers.
pub(crate) fn bind_shared(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    #[cfg(all(unix, not(target_os = "solaris")))]
    socket.set_reuse_port(true)?;
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1_024)?;
    Ok(socket.into())
}

/// How a worker's listener takes connections in.
#[derive(Clone)]
pub(crate) struct Entrance {
    /// None: plaintext.
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) allowance: Allowance,
    pub(crate) clock: SystemClock,
}

/// Connections that are ready for HTTP/2, for as long as the stream is polled.
pub(crate) fn connections(
    listener: TcpListener,
    entrance: Entrance,
) -> impl Stream<Item = Result<Guarded<Transport, Place>, io::Error>> + Send {
    let census = Arc::new(Mutex::new(Census::default()));
    let allowance = entrance.allowance;
    let accepted = futures_util::stream::unfold((listener, census), move |(listener, census)| async move {
        loop {
            if let Some(accepted) = accept(&listener, &census, &allowance).await {
                return Some((accepted, (listener, census)));
            }
        }
    });
    let entered = accepted.map(move |accepted| enter(accepted, entrance.clone()));
    entered.buffer_unordered(limits::TLS_HANDSHAKES_PER_WORKER).filter_map(|entered| async move { entered.map(Ok) })
}

fn refused(reason: &'static str) {
    metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => reason).increment(1);
}

/// A connection that has its place and nothing else yet.
struct Accepted {
    socket: TcpStream,
    peer: SocketAddr,
    place: Place,
}

/// The next connection; `None`: it was refused, and is counted before its client can see that.
async fn accept(listener: &TcpListener, census: &Arc<Mutex<Census>>, allowance: &Allowance) -> Option<Accepted> {
    let (socket, peer) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(error) => {
            tracing::warn!(%error, "accepting a connection failed");
            tokio::time::sleep(limits::ACCEPT_BACKOFF).await;
            refused("accept_failed");
            return None;
        }
    };
    let place = Place::take(census, peer.ip(), allowance).inspect_err(|reason| refused(reason)).ok()?;
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    Some(Accepted { socket, peer, place })
}

/// The handshake, where there is one, and the guard.
async fn enter(accepted: Accepted, entrance: Entrance) -> Option<Guarded<Transport, Place>> {
    let Accepted { socket, peer, place } = accepted;
    let transport = match &entrance.tls {
        None => Transport::Plain(socket),
        Some(tls) => match tokio::time::timeout(entrance.allowance.tls_handshake, tls.accept(socket)).await {
            Ok(Ok(stream)) => Transport::Tls(Box::new(stream)),
            Ok(Err(error)) => {
                refused("tls_failed");
                tracing::debug!(%peer, %error, "the TLS handshake failed");
                return None;
            }
            Err(_) => {
                refused("tls_timeout");
                return None;
            }
        },
    };
    let guard = entrance.allowance.peer(peer.ip()).guard;
    Some(Guarded::new(transport, peer, place, entrance.clock, guard))
}

/// A TCP socket, under TLS or not.
pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::limits::LimitProfile;

    #[test]
    fn places_are_bounded_in_all_and_by_address_and_come_back() {
        let census = Arc::new(Mutex::new(Census::default()));
        let mut allowance = Allowance::of(LimitProfile::Default);
        allowance.connections = 100;
        let far = |n: u8| IpAddr::from([192, 0, 2, n]);
        let take = |n| Place::take(&census, far(n), &allowance);
        let mut of_one: Vec<Place> = (0..limits::CONNECTIONS_PER_ADDRESS).map(|_| take(1).unwrap()).collect();
        assert_eq!(take(1).unwrap_err(), "address_full");
        let _others: Vec<Place> = (2..38).map(|n| take(n).unwrap()).collect();
        assert_eq!(take(99).unwrap_err(), "worker_full");
        drop(of_one.pop());
        let again = take(1).unwrap();
        assert_eq!(census.lock().unwrap().by_address.len(), 37);
        drop((of_one, again));
        assert_eq!(census.lock().unwrap().by_address.len(), 36);
    }
}
