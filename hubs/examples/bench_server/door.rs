//! Who comes in, and how often they may call: tokens signed with Ed25519, a token bucket for each account; what resume tokens are drawn from.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use governor::{DefaultKeyedRateLimiter, Quota};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use shallot_hubs::ports::RetryAfterMs;
use shallot_hubs::{Authenticator, Code, HubError, LimitClass, Principal, Randomness, RateLimiter, async_trait};
use shallot_proto::wire::{AccountId, SessionEpoch, SessionId};

/// Far above what a benchmark calls, so that each call draws and none is refused.
const CALLS_A_SECOND: NonZeroU32 = NonZeroU32::new(10_000_000).unwrap();

/// From the making of a token until it is no good any more.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Account, session, expiry.
const CLAIMS: usize = 16 + 16 + 8;

/// Issues tokens and verifies them; limits rates.
#[derive(Clone)]
pub(crate) struct Door {
    key: Arc<Ed25519KeyPair>,
    rates: Arc<DefaultKeyedRateLimiter<AccountId>>,
}

impl Door {
    /// With a key of its own.
    pub(crate) fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| "no randomness")?;
        let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| "no key")?;
        let quota = Quota::per_second(CALLS_A_SECOND).allow_burst(CALLS_A_SECOND);
        Ok(Self { key: Arc::new(key), rates: Arc::new(DefaultKeyedRateLimiter::keyed(quota)) })
    }

    /// Of so many accounts, each good for a day.
    pub(crate) fn tokens(&self, count: u32) -> Vec<String> {
        let expires_at_ms = now_ms() + TOKEN_LIFE.as_millis() as u64;
        let token = |n: u32| {
            let AccountId(id) = account(n);
            let claims = [&id[..], &id, &expires_at_ms.to_be_bytes()].concat();
            format!("{}.{}", to_hex(&claims), to_hex(self.key.sign(&claims).as_ref()))
        };
        (0..count).map(token).collect()
    }

    fn verify(&self, token: &str) -> Option<Principal> {
        let (claims, signature) = token.split_once('.')?;
        let (claims, signature) = (from_hex(claims)?, from_hex(signature)?);
        UnparsedPublicKey::new(&ED25519, self.key.public_key().as_ref()).verify(&claims, &signature).ok()?;
        let claims: [u8; CLAIMS] = claims.try_into().ok()?;
        let (account, rest) = claims.split_first_chunk::<16>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let expires_at_ms = u64::from_be_bytes(rest.try_into().ok()?);
        (expires_at_ms > now_ms()).then_some(Principal {
            account: AccountId(*account),
            session: SessionId(*session),
            epoch: SessionEpoch(1),
            expires_at_ms,
        })
    }
}

/// Whose token it is that stands there in the list, from 0.
pub(super) fn account(number: u32) -> AccountId {
    AccountId((u128::from(number) + 1).to_be_bytes())
}

#[async_trait]
impl Authenticator for Door {
    async fn authenticate(&self, access_token: &str) -> Result<Principal, HubError> {
        let refused = || HubError::new(Code::Unauthenticated, "TOKEN_INVALID", "not a token of this server");
        self.verify(access_token).ok_or_else(refused)
    }
}

impl RateLimiter for Door {
    fn check(&self, principal: &Principal, _: LimitClass) -> Result<(), RetryAfterMs> {
        self.rates.check_key(&principal.account).map_err(|_| RetryAfterMs(1))
    }
}

impl Randomness for Door {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        SystemRandom::new().fill(bytes).is_ok()
    }
}

#[expect(clippy::disallowed_methods, reason = "the issuer of tokens reads the clock")]
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.as_bytes().chunks(2).map(digits).collect()
}
