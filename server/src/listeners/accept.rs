//! The accept loop of a gateway worker: bounded in all and by address, and patient when file descriptors run out (the stock loop
//! then spins a whole core).

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::limits;
use crate::telemetry;

/// Most connections of one worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AcceptLimits {
    /// In all.
    pub(crate) total: usize,
    /// From one address.
    pub(crate) per_address: usize,
    /// From one loopback address, where load tests come from.
    pub(crate) per_loopback_address: usize,
}

impl AcceptLimits {
    fn of(&self, address: IpAddr) -> usize {
        if address.is_loopback() { self.per_loopback_address } else { self.per_address }
    }
}

/// How many connections each address has now.
#[derive(Debug, Default)]
struct Census {
    total: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

/// A place among a worker's connections, given back when dropped.
#[derive(Debug)]
struct Place {
    census: Arc<Mutex<Census>>,
    address: IpAddr,
}

impl Place {
    fn take(census: &Arc<Mutex<Census>>, address: IpAddr, limits: AcceptLimits) -> Result<Self, &'static str> {
        let mut counts = census.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= limits.total {
            return Err("worker_full");
        }
        let here = counts.by_address.entry(address).or_default();
        if *here >= limits.of(address) {
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

/// A socket that keeps its place.
#[derive(Debug)]
pub(crate) struct Guarded {
    socket: TcpStream,
    _place: Place,
}

impl Connected for Guarded {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.socket.connect_info()
    }
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
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

/// Connections as they come, for as long as the stream is polled.
pub(crate) fn connections(
    listener: TcpListener,
    limits: AcceptLimits,
) -> impl Stream<Item = Result<Guarded, io::Error>> + Send {
    let census = Arc::new(Mutex::new(Census::default()));
    futures_util::stream::unfold((listener, census), move |(listener, census)| async move {
        loop {
            match accept(&listener, &census, limits).await {
                Ok(guarded) => return Some((Ok(guarded), (listener, census))),
                Err(reason) => metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => reason).increment(1),
            }
        }
    })
}

async fn accept(
    listener: &TcpListener,
    census: &Arc<Mutex<Census>>,
    limits: AcceptLimits,
) -> Result<Guarded, &'static str> {
    let (socket, peer) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(error) => {
            tracing::warn!(%error, "accepting a connection failed");
            tokio::time::sleep(limits::ACCEPT_BACKOFF).await;
            return Err("accept_failed");
        }
    };
    let place = Place::take(census, peer.ip(), limits)?;
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    Ok(Guarded { socket, _place: place })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_by_address_and_come_back() {
        let census = Arc::new(Mutex::new(Census::default()));
        let limits = AcceptLimits { total: 3, per_address: 2, per_loopback_address: 3 };
        let far = |n: u8| IpAddr::from([192, 0, 2, n]);
        let first = Place::take(&census, far(1), limits).unwrap();
        let _second = Place::take(&census, far(1), limits).unwrap();
        assert_eq!(Place::take(&census, far(1), limits).unwrap_err(), "address_full");
        let _third = Place::take(&census, far(2), limits).unwrap();
        assert_eq!(Place::take(&census, far(3), limits).unwrap_err(), "worker_full");
        drop(first);
        let _fourth = Place::take(&census, far(1), limits).unwrap();
        assert_eq!(census.lock().unwrap().by_address.len(), 2);
    }
}
