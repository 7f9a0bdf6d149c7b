//! `[net]`: where the server listens.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Problem, Profile};

/// Addresses and workers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Net {
    /// gRPC and hubs. `SHALLOT__NET__GRPC`, default 127.0.0.1:7400; port 0 takes a free one.
    pub(crate) grpc: SocketAddr,
    /// /healthz, /readyz, /metrics. `SHALLOT__NET__HTTP`, default 127.0.0.1:7401.
    pub(crate) http: SocketAddr,
    /// The datagram channel of the first gateway worker; the next workers take the next ports. `SHALLOT__NET__QUIC`, default
    /// 127.0.0.1:7410; port 0 takes free ones.
    pub(crate) quic: SocketAddr,
    /// Gateway workers, each a thread. `SHALLOT__NET__WORKERS`, default 0: one a core.
    pub(crate) workers: u16,
    /// Host that clients are told for the datagram channel. `SHALLOT__NET__PUBLIC_HOST`, default empty: the host they already
    /// reached us at.
    pub(crate) public_host: String,
    /// "host:port" of this server's gRPC as clients reach it: what other servers of its cluster tell theirs. `SHALLOT__NET__PUBLIC_GRPC`,
    /// default empty: where gRPC listens.
    pub(crate) public_grpc: String,
    /// TLS for gRPC. `SHALLOT__NET__TLS`, default off: then gRPC must listen on loopback.
    pub(crate) tls: bool,
    /// Certificate chain, PEM. `SHALLOT__NET__CERTIFICATE`, default: a development certificate kept in the data folder.
    pub(crate) certificate: Option<PathBuf>,
    /// Its private key, PEM. `SHALLOT__NET__KEY`.
    pub(crate) key: Option<PathBuf>,
}

impl Default for Net {
    fn default() -> Self {
        Self {
            grpc: SocketAddr::from(([127, 0, 0, 1], 7400)),
            http: SocketAddr::from(([127, 0, 0, 1], 7401)),
            quic: SocketAddr::from(([127, 0, 0, 1], 7410)),
            workers: 0,
            public_host: String::new(),
            public_grpc: String::new(),
            tls: false,
            certificate: None,
            key: None,
        }
    }
}

impl Net {
    /// Most gateway workers.
    pub(crate) const MAX_WORKERS: u16 = 64;

    /// Workers to start: what was asked for, or one a core.
    pub(crate) fn worker_count(&self) -> u16 {
        if self.workers > 0 {
            return self.workers;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        u16::try_from(cores).unwrap_or(Self::MAX_WORKERS).min(Self::MAX_WORKERS)
    }

    pub(super) fn check(&self, profile: Profile, problems: &mut Vec<Problem>) {
        if self.workers > Self::MAX_WORKERS {
            problems.push(Problem::new("net.workers", format!("at most {}", Self::MAX_WORKERS)));
        }
        if !self.tls && profile == Profile::Production {
            problems.push(Problem::new("net.tls", "the production profile needs TLS"));
        } else if !self.tls && !self.grpc.ip().is_loopback() {
            problems.push(Problem::new("net.grpc", "without TLS gRPC listens on loopback only: set net.tls (--tls)"));
        }
        if self.certificate.is_some() != self.key.is_some() {
            problems.push(Problem::new("net.certificate", "certificate and key go together"));
        } else if self.certificate.is_none() && profile == Profile::Production {
            problems.push(Problem::new("net.certificate", "the production profile needs a certificate of your own"));
        }
        let last = u32::from(self.quic.port()) + u32::from(self.worker_count());
        if self.quic.port() != 0 && last > u32::from(u16::MAX) + 1 {
            problems.push(Problem::new("net.quic", "no ports are left above it for all gateway workers"));
        }
    }
}
