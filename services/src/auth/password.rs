//! Password hashes: Argon2id with its parameters inside, on the blocking pool, a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Ids;
use crate::limits::PASSWORD_QUEUE_MAX;

/// What a password hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// KiB of memory for one hash.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// Hashes at a time; cores / 2 is a good number. 0 counts as 1.
    pub permits: usize,
}

impl Default for PasswordCost {
    /// 19 MiB, two passes, one lane, one at a time.
    fn default() -> Self {
        Self { memory_kib: 19 * 1_024, passes: 2, lanes: 1, permits: 1 }
    }
}

/// These costs are not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("password cost: {0}")]
pub struct BadPasswordCost(String);

/// Too many password checks wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many log-ins at once")]
pub(crate) struct Busy;

/// What a check found.
pub(crate) struct Checked {
    pub(crate) matches: bool,
    /// The same password under today's parameters, when the old hash has others.
    pub(crate) better: Option<String>,
}

/// The right to hash one password.
pub(crate) struct Permit(#[expect(dead_code, reason = "held until the hash is done")] OwnedSemaphorePermit);

/// Hashes and checks passwords.
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Checked for an account that does not exist, so that it takes as long as one that does.
    dummy: String,
}

impl Passwords {
    pub(crate) fn new(cost: PasswordCost, ids: &Ids) -> Result<Self, BadPasswordCost> {
        let params =
            Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|e| BadPasswordCost(e.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = hash_now(&argon2, &ids.random::<32>(), ids.random()).map_err(BadPasswordCost)?;
        Ok(Self { argon2, permits: Arc::new(Semaphore::new(cost.permits.max(1))), waiting: AtomicUsize::new(0), dummy })
    }

    /// Waits for the right to hash; the queue is bounded.
    pub(crate) async fn permit(&self) -> Result<Permit, Busy> {
        let place = Place::take(&self.waiting).ok_or(Busy)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Busy)?;
        drop(place);
        Ok(Permit(permit))
    }

    pub(crate) async fn hash(&self, permit: Permit, password: String, salt: [u8; 16]) -> Result<String, String> {
        let argon2 = self.argon2.clone();
        let work = move || {
            let hash = hash_now(&argon2, password.as_bytes(), salt);
            drop(permit);
            hash
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
    }

    /// Checks a password against the account's hash, or (`None`) against the dummy, which never matches.
    pub(crate) async fn check(
        &self,
        permit: Permit,
        hash: Option<String>,
        password: String,
        salt: [u8; 16],
    ) -> Result<Checked, String> {
        let argon2 = self.argon2.clone();
        let (known, hash) = (hash.is_some(), hash.unwrap_or_else(|| self.dummy.clone()));
        let work = move || {
            let parsed = PasswordHash::new(&hash).map_err(|error| format!("stored password hash: {error}"))?;
            let matches = argon2.verify_password(password.as_bytes(), &parsed).is_ok() && known;
            let is_old = matches && Params::try_from(&parsed).ok().as_ref().map(costs) != Some(costs(argon2.params()));
            let better = if is_old { Some(hash_now(&argon2, password.as_bytes(), salt)?) } else { None };
            drop(permit);
            Ok(Checked { matches, better })
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
    }
}

/// A place in the queue, given back also by a caller that goes away.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::AcqRel) < PASSWORD_QUEUE_MAX).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn costs(params: &Params) -> (u32, u32, u32) {
    (params.m_cost(), params.t_cost(), params.p_cost())
}

fn hash_now(argon2: &Argon2<'_>, password: &[u8], salt: [u8; 16]) -> Result<String, String> {
    let hash: PasswordHash = argon2.hash_password_with_salt(password, &salt).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::test_ids;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1, permits: 1 };

    #[tokio::test]
    async fn a_hash_carries_its_parameters_and_is_renewed_when_they_change() {
        let ids = test_ids();
        let old = Passwords::new(CHEAP, &ids).unwrap();
        let hash = old.hash(old.permit().await.unwrap(), "correct horse".into(), [1; 16]).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        let same =
            old.check(old.permit().await.unwrap(), Some(hash.clone()), "correct horse".into(), [2; 16]).await.unwrap();
        assert!(same.matches && same.better.is_none());

        let new = Passwords::new(PasswordCost { passes: 2, ..CHEAP }, &ids).unwrap();
        let wrong = new.check(new.permit().await.unwrap(), Some(hash.clone()), "wrong".into(), [2; 16]).await.unwrap();
        assert!(!wrong.matches && wrong.better.is_none());
        let right = new.check(new.permit().await.unwrap(), Some(hash), "correct horse".into(), [2; 16]).await.unwrap();
        let better = right.better.unwrap();
        assert!(right.matches && better.contains("t=2"), "{better}");
        let again =
            new.check(new.permit().await.unwrap(), Some(better), "correct horse".into(), [3; 16]).await.unwrap();
        assert!(again.matches && again.better.is_none());
    }

    #[tokio::test]
    async fn the_dummy_never_matches_and_the_default_costs_what_the_design_says() {
        let passwords = Passwords::new(CHEAP, &test_ids()).unwrap();
        assert!(
            !passwords.check(passwords.permit().await.unwrap(), None, String::new(), [1; 16]).await.unwrap().matches
        );
        assert_eq!(PasswordCost::default(), PasswordCost { memory_kib: 19_456, passes: 2, lanes: 1, permits: 1 });
    }

    #[tokio::test]
    async fn the_queue_has_an_end_and_places_come_back() {
        let passwords = Passwords::new(CHEAP, &test_ids()).unwrap();
        let held = passwords.permit().await.unwrap();
        let mut waiting: Vec<_> = (0..PASSWORD_QUEUE_MAX).map(|_| Box::pin(passwords.permit())).collect();
        for wait in &mut waiting {
            assert!(
                Future::poll(wait.as_mut(), &mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending()
            );
        }
        assert!(passwords.permit().await.is_err());
        drop(waiting);
        drop(held);
        assert!(passwords.permit().await.is_ok());
    }
}
