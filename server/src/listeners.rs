//! Sockets: who may connect, how, and how many.

pub(crate) mod accept;
pub(crate) mod allowance;
pub(crate) mod bucket;
pub(crate) mod grpc;
pub(crate) mod guard;
pub(crate) mod http;
pub(crate) mod quic;
pub(crate) mod quic_admission;
pub(crate) mod quic_window;
pub(crate) mod socket;
pub(crate) mod tls;
