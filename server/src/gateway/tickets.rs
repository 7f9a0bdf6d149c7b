//! Connect tickets: what a client shows first on its QUIC connection. Signed, single use, short-lived, bound to the session's
//! epoch and to the worker and its boot (the key is drawn at each start).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ring::hmac;
use ring::rand::SecureRandom;
use shallot_proto::wire::{SessionEpoch, SessionId};

use crate::limits;

/// What a ticket says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) session: SessionId,
    pub(crate) epoch: SessionEpoch,
    /// Milliseconds since 1970.
    pub(crate) expires_at_ms: u64,
}

/// Why a ticket is not accepted. The discriminant is the answer byte on the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub(crate) enum Refusal {
    #[error("the ticket is malformed or was not signed by this worker")]
    Malformed = 1,
    #[error("the ticket has expired")]
    Expired = 2,
    #[error("the ticket was used before")]
    Used = 3,
    #[error("the session is gone")]
    SessionGone = 4,
}

const CLAIMS: usize = 16 + 8 + 8 + 8;
const TAG: usize = 32;
/// Length of a ticket, bytes.
pub(crate) const TICKET_LEN: usize = CLAIMS + TAG;

/// One worker's tickets.
pub(crate) struct Tickets {
    key: hmac::Key,
    random: ring::rand::SystemRandom,
    /// Nonces of used tickets by the time at which they would have expired.
    used: Mutex<BTreeMap<(u64, [u8; 8]), ()>>,
}

impl Tickets {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let random = ring::rand::SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random).map_err(|_| anyhow::anyhow!("no randomness"))?;
        Ok(Self { key, random, used: Mutex::default() })
    }

    /// A fresh ticket for a session; `None` when the system gives no randomness.
    pub(crate) fn issue(&self, session: SessionId, epoch: SessionEpoch, now_ms: u64) -> Option<Vec<u8>> {
        let mut nonce = [0_u8; 8];
        self.random.fill(&mut nonce).ok()?;
        let life = u64::try_from(limits::TICKET_LIFE.as_millis()).unwrap_or(u64::MAX);
        let mut ticket = Vec::with_capacity(TICKET_LEN);
        ticket.extend_from_slice(&session.0);
        ticket.extend_from_slice(&epoch.0.to_be_bytes());
        ticket.extend_from_slice(&now_ms.saturating_add(life).to_be_bytes());
        ticket.extend_from_slice(&nonce);
        let tag = hmac::sign(&self.key, &ticket);
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    /// Takes a ticket; it does not count a second time.
    pub(crate) fn redeem(&self, ticket: &[u8], now_ms: u64) -> Result<Claims, Refusal> {
        let (claims, nonce) = self.verify(ticket)?;
        if claims.expires_at_ms <= now_ms {
            return Err(Refusal::Expired);
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while used.first_key_value().is_some_and(|((expires, _), ())| *expires <= now_ms) {
            used.pop_first();
        }
        // Full of live nonces: nobody gets in twice, so for some seconds nobody gets in.
        if used.len() >= limits::TICKETS_REMEMBERED || used.insert((claims.expires_at_ms, nonce), ()).is_some() {
            return Err(Refusal::Used);
        }
        Ok(claims)
    }

    fn verify(&self, ticket: &[u8]) -> Result<(Claims, [u8; 8]), Refusal> {
        let (body, tag) = ticket.split_at_checked(CLAIMS).ok_or(Refusal::Malformed)?;
        hmac::verify(&self.key, body, tag).map_err(|_| Refusal::Malformed)?;
        let (session, rest) = body.split_first_chunk::<16>().ok_or(Refusal::Malformed)?;
        let (epoch, rest) = rest.split_first_chunk::<8>().ok_or(Refusal::Malformed)?;
        let (expires, rest) = rest.split_first_chunk::<8>().ok_or(Refusal::Malformed)?;
        let nonce = *rest.first_chunk::<8>().ok_or(Refusal::Malformed)?;
        let claims = Claims {
            session: SessionId(*session),
            epoch: SessionEpoch(u64::from_be_bytes(*epoch)),
            expires_at_ms: u64::from_be_bytes(*expires),
        };
        Ok((claims, nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId([7; 16]);

    fn issue(tickets: &Tickets, now_ms: u64) -> Vec<u8> {
        tickets.issue(SESSION, SessionEpoch(3), now_ms).unwrap()
    }

    #[test]
    fn a_ticket_counts_once_and_in_time() {
        let tickets = Tickets::new().unwrap();
        let ticket = issue(&tickets, 1_000);
        assert_eq!(tickets.redeem(&ticket, 2_000).unwrap().session, SESSION);
        assert_eq!(tickets.redeem(&ticket, 2_000), Err(Refusal::Used));
        let late = issue(&tickets, 1_000);
        assert_eq!(tickets.redeem(&late, 31_000), Err(Refusal::Expired));
    }

    #[test]
    fn a_forged_or_foreign_ticket_is_refused() {
        let (here, there) = (Tickets::new().unwrap(), Tickets::new().unwrap());
        let ticket = issue(&here, 0);
        assert_eq!(there.redeem(&ticket, 1), Err(Refusal::Malformed));
        for at in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[at] ^= 1;
            assert_eq!(here.redeem(&forged, 1), Err(Refusal::Malformed), "byte {at}");
        }
        for len in 0..ticket.len() {
            assert_eq!(here.redeem(&ticket[..len], 1), Err(Refusal::Malformed));
        }
    }

    #[test]
    fn nonces_are_forgotten_when_their_tickets_have_expired() {
        let tickets = Tickets::new().unwrap();
        for n in 0..100 {
            let now = n * 31_000;
            tickets.redeem(&issue(&tickets, now), now + 1).unwrap();
        }
        assert!(tickets.used.lock().unwrap().len() <= 2);
    }
}
