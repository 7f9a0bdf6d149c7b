//! Access tokens: JWT signed with Ed25519, one algorithm, keys by `kid` from a fixed map.
//!
//! The headers `jwk`, `jku`, `x5u` and their kin are never looked at; a `crit` header is refused. jsonwebtoken's stock providers pull
//! another crypto library each, so it gets a small one over ring; it would also read the system's clock, so the times are checked here.

use std::collections::BTreeMap;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use shallot_proto::wire::{AccountId, SessionEpoch, SessionId};

use crate::limits::{SECOND_MS, TOKEN_KEYS_MAX};

/// Who an access token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Whose.
    pub account: AccountId,
    /// Which log-in.
    pub session: SessionId,
    /// Its epoch.
    pub epoch: SessionEpoch,
    /// Milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// The secrets of the keys that tokens are signed with: 32 random bytes each.
#[derive(Clone)]
pub struct TokenKeys {
    /// Signs, and is accepted.
    pub signing: [u8; 32],
    /// Rotated out, accepted until their last tokens expire; at most [`TOKEN_KEYS_MAX`] - 1.
    pub retired: Vec<[u8; 32]>,
}

/// These keys cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTokenKeys {
    /// ring refuses one.
    #[error("a token key is not a usable Ed25519 seed")]
    Unusable,
    /// More than are kept.
    #[error("at most {TOKEN_KEYS_MAX} token keys are kept")]
    TooMany,
}

/// The claims, in their registered names.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    epoch: u64,
    jti: String,
    /// Seconds since 1970.
    iat: u64,
    /// Seconds since 1970.
    exp: u64,
}

/// The token is not ours, or was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadToken;

/// Signs and verifies.
pub(crate) struct Tokens {
    issuer: String,
    audience: String,
    kid: String,
    signing: EncodingKey,
    accepted: BTreeMap<String, DecodingKey>,
    public: BTreeMap<String, [u8; 32]>,
    validation: Validation,
}

impl Tokens {
    pub(crate) fn new(keys: &TokenKeys, issuer: &str, audience: &str) -> Result<Self, BadTokenKeys> {
        // An error only says that it is installed already.
        let _ = PROVIDER.install_default();
        if keys.retired.len() >= TOKEN_KEYS_MAX {
            return Err(BadTokenKeys::TooMany);
        }
        let (kid, _) = public_key(&keys.signing)?;
        let public = std::iter::once(&keys.signing)
            .chain(&keys.retired)
            .map(public_key)
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        let accepted = public.iter().map(|(kid, key)| (kid.clone(), DecodingKey::from_ed_der(key))).collect();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation.validate_exp = false;
        let signing = EncodingKey::from_ed_der(&keys.signing);
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            kid,
            signing,
            accepted,
            public,
            validation,
        })
    }

    /// Public keys by `kid`, for publishing.
    pub(crate) fn public_keys(&self) -> &BTreeMap<String, [u8; 32]> {
        &self.public
    }

    /// Signs a token for `principal`; its expiry is cut to whole seconds.
    pub(crate) fn sign(&self, principal: &Principal, token_id: [u8; 16], now_ms: u64) -> Result<String, JwtError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: principal.account.to_string(),
            sid: principal.session.to_string(),
            epoch: principal.epoch.0,
            jti: uuid::Uuid::from_bytes(token_id).to_string(),
            iat: now_ms / SECOND_MS,
            exp: principal.expires_at_ms / SECOND_MS,
        };
        jsonwebtoken::encode(&header, &claims, &self.signing)
    }

    /// Checks all but the time and the epoch.
    pub(crate) fn read(&self, token: &str) -> Result<Principal, BadToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken)?;
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(BadToken);
        }
        let key = header.kid.and_then(|kid| self.accepted.get(&kid)).ok_or(BadToken)?;
        let token = jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|_| BadToken)?;
        let claims = token.claims;
        Ok(Principal {
            account: claims.sub.parse().map_err(|_| BadToken)?,
            session: claims.sid.parse().map_err(|_| BadToken)?,
            epoch: SessionEpoch(claims.epoch),
            expires_at_ms: claims.exp.saturating_mul(SECOND_MS),
        })
    }
}

/// The key's name, the first half of its SHA-256 in hexadecimal digits, and the key itself.
fn public_key(seed: &[u8; 32]) -> Result<(String, [u8; 32]), BadTokenKeys> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadTokenKeys::Unusable)?;
    let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| BadTokenKeys::Unusable)?;
    let name = digest(&SHA256, &public).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok((name, public))
}

/// Ed25519 by ring, and nothing else. Never asked for JWK, so the utilities for it stay away.
static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, JwtError> {
    require_ed25519(*algorithm)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(key.as_bytes()).map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(RingSigner(pair)))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, JwtError> {
    require_ed25519(*algorithm)?;
    Ok(Box::new(RingVerifier(UnparsedPublicKey::new(&ED25519, key.try_get_as_bytes()?.to_vec()))))
}

fn require_ed25519(algorithm: Algorithm) -> Result<(), JwtError> {
    if algorithm == Algorithm::EdDSA { Ok(()) } else { Err(ErrorKind::InvalidAlgorithm.into()) }
}

struct RingSigner(Ed25519KeyPair);

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct RingVerifier(UnparsedPublicKey<Vec<u8>>);

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.0.verify(message, signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: TokenKeys = TokenKeys { signing: [1; 32], retired: Vec::new() };

    fn tokens(keys: &TokenKeys) -> Tokens {
        Tokens::new(keys, "shallot", "game").unwrap()
    }

    fn principal() -> Principal {
        let expires_at_ms = 1_800_000_900_000;
        Principal { account: AccountId([1; 16]), session: SessionId([2; 16]), epoch: SessionEpoch(3), expires_at_ms }
    }

    /// A token with that header, signed with the key as if it were honest.
    fn forge(header: &serde_json::Value, seed: &[u8; 32]) -> String {
        let honest = tokens(&KEYS).sign(&principal(), [4; 16], 1_800_000_000_000).unwrap();
        let claims = honest.split('.').nth(1).unwrap();
        let message = format!("{}.{claims}", base64url(header.to_string().as_bytes()));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_ed_der(seed), Algorithm::EdDSA).unwrap();
        format!("{message}.{signature}")
    }

    fn base64url(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for i in 0..=chunk.len() {
                text.push(char::from(DIGITS[(word >> (18 - 6 * i) & 63) as usize]));
            }
        }
        text
    }

    #[test]
    fn a_token_reads_back_and_any_changed_byte_does_not() {
        let tokens = tokens(&KEYS);
        let token = tokens.sign(&principal(), [4; 16], 1_800_000_000_000).unwrap();
        assert_eq!(tokens.read(&token), Ok(principal()));
        for i in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(tokens.read(&changed), Err(BadToken), "byte {i}");
        }
        for garbage in ["", ".", "..", "...", "a.b.c", &token[..token.len() - 1]] {
            assert_eq!(tokens.read(garbage), Err(BadToken), "{garbage}");
        }
    }

    #[test]
    fn only_our_algorithm_our_keys_and_our_audience_count() {
        let tokens = tokens(&KEYS);
        let kid = tokens.kid.clone();
        let good = serde_json::json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid });
        assert_eq!(tokens.read(&forge(&good, &KEYS.signing)), Ok(principal()), "the forge itself works");
        for (header, seed) in [
            (serde_json::json!({ "alg": "none", "kid": kid }), [1; 32]),
            (serde_json::json!({ "alg": "HS256", "kid": kid }), [1; 32]),
            (serde_json::json!({ "alg": "EdDSA" }), [1; 32]),
            (serde_json::json!({ "alg": "EdDSA", "kid": "other" }), [1; 32]),
            (serde_json::json!({ "alg": "EdDSA", "kid": kid, "crit": ["exp"] }), [1; 32]),
            (serde_json::json!({ "alg": "EdDSA", "kid": kid }), [9; 32]),
            (serde_json::json!({ "alg": "EdDSA", "kid": kid, "jku": "https://example.org/keys" }), [9; 32]),
        ] {
            assert_eq!(tokens.read(&forge(&header, &seed)), Err(BadToken), "{header}");
        }
        let token = tokens.sign(&principal(), [4; 16], 0).unwrap();
        for (issuer, audience) in [("other", "game"), ("shallot", "other")] {
            let elsewhere = Tokens::new(&KEYS, issuer, audience).unwrap();
            assert_eq!(elsewhere.read(&token), Err(BadToken));
        }
    }

    #[test]
    fn a_retired_key_is_accepted_until_it_is_dropped() {
        let old = tokens(&KEYS).sign(&principal(), [4; 16], 0).unwrap();
        let rotated = TokenKeys { signing: [2; 32], retired: vec![[1; 32]] };
        assert_eq!(tokens(&rotated).read(&old), Ok(principal()));
        assert_eq!(tokens(&rotated).public_keys().len(), 2);
        let dropped = TokenKeys { signing: [2; 32], retired: Vec::new() };
        assert_eq!(tokens(&dropped).read(&old), Err(BadToken));
        let crowd = TokenKeys { signing: [2; 32], retired: vec![[3; 32]; TOKEN_KEYS_MAX] };
        assert_eq!(Tokens::new(&crowd, "a", "b").err(), Some(BadTokenKeys::TooMany));
    }
}
