//! PORTS: what a hub server asks of those around it.

use async_trait::async_trait;
use shallot_proto::hub::v1::Channel;
use shallot_proto::wire::{AccountId, SessionEpoch, SessionId};

use crate::contract::LimitClass;
use crate::error::HubError;
use crate::handle::SessionHandle;

/// Who a session belongs to, as a verified access token says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account.
    pub account: AccountId,
    /// The session's id, the token's `sid`.
    pub session: SessionId,
    /// Of the login: the newest is the only one that counts.
    pub epoch: SessionEpoch,
    /// Milliseconds since 1970 until which the token is good.
    pub expires_at_ms: u64,
}

/// Verifies access tokens.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Who the token speaks for.
    ///
    /// # Errors
    ///
    /// A token that is forged, expired or revoked: `UNAUTHENTICATED` with the reason that the client is to be told.
    async fn authenticate(&self, access_token: &str) -> Result<Principal, HubError>;
}

/// Milliseconds until the same call would be let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfterMs(pub u32);

/// Token buckets by account and class, shared with the unary methods.
pub trait RateLimiter: Send + Sync + 'static {
    /// Draws from the bucket of this class; asked once for each call, when its turn has come.
    ///
    /// # Errors
    ///
    /// The bucket is empty.
    fn check(&self, principal: &Principal, class: LimitClass) -> Result<(), RetryAfterMs>;
}

/// Limits nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unlimited;

impl RateLimiter for Unlimited {
    fn check(&self, _: &Principal, _: LimitClass) -> Result<(), RetryAfterMs> {
        Ok(())
    }
}

/// Offers a datagram channel to a session that is being welcomed.
pub trait ChannelOffer: Send + Sync + 'static {
    /// Where the channel opens and the ticket for it, bound to the worker that owns the session. `None`: there is none.
    fn offer(&self, session: &SessionHandle) -> Option<Channel>;
}

/// Offers no channel.
#[derive(Clone, Copy, Debug)]
pub struct NoChannel;

impl ChannelOffer for NoChannel {
    fn offer(&self, _: &SessionHandle) -> Option<Channel> {
        None
    }
}

/// Draws random bytes that nobody can guess, for resume tokens.
pub trait Randomness: Send + Sync + 'static {
    /// Fills them all; `false`: there are none to be had, and the session cannot be resumed.
    fn fill(&self, bytes: &mut [u8]) -> bool;
}

/// Has none: no session of the server can be resumed.
#[derive(Clone, Copy, Debug)]
pub struct NoRandomness;

impl Randomness for NoRandomness {
    fn fill(&self, _: &mut [u8]) -> bool {
        false
    }
}
