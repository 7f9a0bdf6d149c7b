//! What the listeners allow under each limit profile, and to whom.

use std::net::IpAddr;
use std::time::Duration;

use shallot_hubs::SessionLimits;

use super::bucket::Rate;
use super::guard::GuardLimits;
use super::quic_admission::QuicPressure;
use crate::config::limits::LimitProfile;
use crate::limits;

/// What the listeners allow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// TCP connections of one gateway worker.
    pub(crate) connections: usize,
    /// For a TLS handshake.
    pub(crate) tls_handshake: Duration,
    /// Connections are asked this often whether they are alive,
    pub(crate) keepalive: Duration,
    /// and have so long to answer.
    pub(crate) keepalive_timeout: Duration,
    /// Milliseconds that a hub frame may wait for a client that does not read.
    pub(crate) hub_write_ms: u64,
    /// QUIC handshakes of one gateway worker above which it guards itself.
    pub(crate) quic: QuicPressure,
    remote: PeerAllowance,
    loopback: PeerAllowance,
    /// An address that counts as loopback.
    pub(crate) load_from: Option<IpAddr>,
}

/// What one peer may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAllowance {
    /// TCP connections from its address to one gateway worker.
    pub(crate) connections: usize,
    /// On each of them.
    pub(crate) guard: &'static GuardLimits,
}

/// What honest players never notice.
static GUARD: GuardLimits = GuardLimits {
    streams: limits::STREAMS_OPENED,
    resets: limits::STREAMS_RESET,
    settings: limits::SETTINGS_FRAMES,
    empty_data: limits::EMPTY_DATA_FRAMES,
    control: limits::CONTROL_FRAMES,
    frames: limits::FRAMES,
    first_request: limits::FIRST_REQUEST,
    frame: limits::FRAME_TIME,
};

/// For a load test, which is a thousand honest players on a few connections.
static GUARD_LOAD: GuardLimits = GuardLimits {
    streams: times_100(GUARD.streams),
    resets: times_100(GUARD.resets),
    settings: times_100(GUARD.settings),
    empty_data: times_100(GUARD.empty_data),
    control: times_100(GUARD.control),
    frames: times_100(GUARD.frames),
    ..GUARD
};

/// The rates of [`GUARD`], and times that a test can wait for.
static GUARD_TIGHT: GuardLimits =
    GuardLimits { first_request: Duration::from_secs(2), frame: Duration::from_secs(1), ..GUARD };

const fn times_100(rate: Rate) -> Rate {
    Rate { per_second: rate.per_second * 100, burst: rate.burst * 100 }
}

impl Allowance {
    /// What counts under a profile.
    pub(crate) fn of(profile: LimitProfile) -> Self {
        let remote = PeerAllowance { connections: limits::CONNECTIONS_PER_ADDRESS, guard: &GUARD };
        let default = Self {
            connections: limits::CONNECTIONS_PER_WORKER,
            tls_handshake: limits::TLS_HANDSHAKE,
            keepalive: limits::KEEPALIVE,
            keepalive_timeout: limits::KEEPALIVE_TIMEOUT,
            hub_write_ms: SessionLimits::DEFAULT.write_ms,
            quic: QuicPressure { pending: limits::QUIC_RETRY_ABOVE, new: limits::QUIC_RETRY_RATE },
            remote,
            loopback: remote,
            load_from: None,
        };
        match profile {
            LimitProfile::Default => default,
            LimitProfile::Load => Self {
                loopback: PeerAllowance { connections: limits::CONNECTIONS_PER_ADDRESS_LOAD, guard: &GUARD_LOAD },
                ..default
            },
            LimitProfile::Tight => {
                let peer = PeerAllowance { connections: 16, guard: &GUARD_TIGHT };
                Self {
                    connections: 12,
                    tls_handshake: Duration::from_secs(1),
                    keepalive: Duration::from_millis(500),
                    keepalive_timeout: Duration::from_secs(2),
                    hub_write_ms: 2_000,
                    quic: QuicPressure { pending: 16, new: limits::QUIC_RETRY_RATE },
                    remote: peer,
                    loopback: peer,
                    load_from: None,
                }
            }
        }
    }

    /// What counts for one address.
    pub(crate) fn peer(&self, address: IpAddr) -> &PeerAllowance {
        if address.is_loopback() || self.load_from == Some(address) { &self.loopback } else { &self.remote }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const NEAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn streams(profile: LimitProfile, address: IpAddr) -> (usize, u32) {
        let allowance = Allowance::of(profile);
        let peer = allowance.peer(address);
        (peer.connections, peer.guard.streams.per_second)
    }

    #[test]
    fn load_raises_what_loopback_may_and_nobody_else() {
        let default = streams(LimitProfile::Default, FAR);
        assert_eq!(default, (64, 1_000));
        assert_eq!(streams(LimitProfile::Default, NEAR), default);
        assert_eq!(streams(LimitProfile::Load, FAR), default);
        assert_eq!(streams(LimitProfile::Load, NEAR), (8_192, 100_000));
    }

    #[test]
    fn load_leaves_the_times_and_the_cap_in_all_alone() {
        let (default, load) = (Allowance::of(LimitProfile::Default), Allowance::of(LimitProfile::Load));
        assert_eq!((load.connections, load.tls_handshake), (default.connections, default.tls_handshake));
        assert_eq!(load.peer(NEAR).guard.first_request, default.peer(NEAR).guard.first_request);
        assert_eq!(load.peer(NEAR).guard.frame, default.peer(NEAR).guard.frame);
    }

    #[test]
    fn tight_is_nowhere_wider_than_the_default() {
        let (default, tight) = (Allowance::of(LimitProfile::Default), Allowance::of(LimitProfile::Tight));
        assert!(tight.connections < default.connections && tight.tls_handshake < default.tls_handshake);
        assert!(tight.quic.pending < default.quic.pending);
        assert!(tight.hub_write_ms < default.hub_write_ms);
        assert!(tight.keepalive < default.keepalive && tight.keepalive_timeout < default.keepalive_timeout);
        for address in [NEAR, FAR] {
            let (default, tight) = (default.peer(address), tight.peer(address));
            assert!(tight.connections < default.connections);
            assert!(tight.guard.first_request < default.guard.first_request && tight.guard.frame < default.guard.frame);
        }
    }
}
