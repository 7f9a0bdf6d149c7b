//! A connect ticket: what was not issued is refused, what was counts once and in time.
#![no_main]

use server::gateway::tickets;
use server::{limits, listeners};
use shallot_proto::wire::{SessionEpoch, SessionId};

/// Of the server only its tickets, and what their limits stand beside.
#[expect(dead_code, reason = "a part of a whole")]
#[path = "../../server/src"]
mod server {
    pub(crate) mod limits;
    pub(crate) mod gateway {
        pub(crate) mod tickets;
    }
    pub(crate) mod listeners {
        pub(crate) mod bucket;
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let tickets = tickets::Tickets::new().expect("randomness");
    assert!(tickets.redeem(bytes, 1).is_err(), "a ticket that nobody issued");
    let session = SessionId([7; 16]);
    let good = tickets.issue(session, SessionEpoch(3), 1_000).expect("randomness");
    let mut changed = good.clone();
    for pair in bytes.chunks_exact(2) {
        let at = usize::from(pair[0]) % changed.len();
        changed[at] ^= pair[1];
    }
    let now_ms = 1_000 + u64::from(bytes.first().copied().unwrap_or_default()) * 200;
    let redeemed = tickets.redeem(&changed, now_ms);
    let is_good = changed == good && now_ms < 31_000;
    assert_eq!(redeemed.is_ok(), is_good, "{redeemed:?} at {now_ms}");
    assert_eq!(tickets.redeem(&good, 1_000).is_ok(), !is_good, "a ticket counts once");
});
