//! Time and randomness as arguments: nothing in this crate reads a clock or a generator of its own.

use std::sync::Arc;

use uuid::Uuid;

/// The wall clock.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// The system's random bytes, fit for keys and tokens.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Where new ids come from: the clock and the entropy in one hand.
#[derive(Clone)]
pub struct Ids {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Ids {
    /// Ids out of these two.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// `N` random bytes.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0_u8; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A UUIDv7 of now.
    #[must_use]
    pub fn uuid_v7(&self) -> [u8; 16] {
        uuid_v7(self.now_ms(), self.random())
    }

    /// The clock alone.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }
}

impl std::fmt::Debug for Ids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ids")
    }
}

/// A UUIDv7 (RFC 9562) of that time, milliseconds since 1970, and those random bits.
#[must_use]
pub fn uuid_v7(at_ms: u64, random: [u8; 10]) -> [u8; 16] {
    uuid::Builder::from_unix_timestamp_millis(at_ms, &random).into_uuid().into_bytes()
}

/// The time inside a UUIDv7, milliseconds since 1970; `None` for any other kind of UUID.
#[must_use]
pub fn uuid_v7_time_ms(id: [u8; 16]) -> Option<u64> {
    let uuid = Uuid::from_bytes(id);
    if uuid.get_version_num() != 7 || uuid.get_variant() != uuid::Variant::RFC4122 {
        return None;
    }
    let [a, b, c, d, e, f, ..] = id;
    Some(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_v7_id_carries_its_time_and_sorts_by_it() {
        let earlier = uuid_v7(1_700_000_000_000, [0xFF; 10]);
        let later = uuid_v7(1_700_000_000_001, [0; 10]);
        assert!(earlier < later);
        assert_eq!(uuid_v7_time_ms(earlier), Some(1_700_000_000_000));
        assert_eq!(uuid_v7_time_ms([0x11; 16]), None);
    }
}
