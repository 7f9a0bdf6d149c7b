//! Worker threads as a gateway has them: a current-thread runtime each, with a listener of its own on the shared port.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::net::TcpStream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::transport::Server;

/// Starts the workers, each with the service that `service` makes for it on its own runtime.
pub(crate) fn start<S>(
    workers: u16,
    service: impl Fn(u16) -> S + Clone + Send + 'static,
) -> Result<SocketAddr, Box<dyn Error>>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    let first = bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let address = first.local_addr()?;
    let others = (1..workers).map(|_| bind(address)).collect::<Result<Vec<_>, _>>()?;
    for (worker, listener) in (0_u16..).zip(std::iter::once(first).chain(others)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let service = service.clone();
        std::thread::Builder::new().name(format!("worker {worker}")).spawn(move || {
            let served = runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let incoming = TcpListenerStream::new(listener).map(without_delay);
                let served = builder().add_service(service(worker)).serve_with_incoming(incoming).await;
                served.map_err(io::Error::other)
            });
            if let Err(error) = served {
                tracing::error!(%error, "a worker failed");
            }
        })?;
    }
    Ok(address)
}

/// With the gateway's limits, those a layer would enforce on each request apart: a stream is one request.
fn builder() -> Server {
    Server::builder()
        .max_concurrent_streams(64)
        .http2_max_pending_accept_reset_streams(Some(20))
        .http2_max_local_error_reset_streams(Some(256))
        .http2_max_header_list_size(8 * 1024)
        .max_frame_size(16 * 1024)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .http2_keepalive_interval(Some(Duration::from_secs(15)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
}

fn without_delay(stream: io::Result<TcpStream>) -> io::Result<TcpStream> {
    let stream = stream?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1_024)?;
    Ok(socket.into())
}
