//! The one source of chance: a seeded PCG, whose whole state is its seed and how often it was asked.

use core::convert::Infallible;

use bevy_ecs::prelude::Resource;
use rand_core::TryRng;
use rand_pcg::Pcg32;

/// Stream of the generator; any number would do, it must only never change.
const STREAM: u64 = 0x5348_414C_4C4F_5421;

/// The world's generator. Two with equal `seed` and `drawn` go on alike.
#[derive(Resource, Clone, Debug)]
pub(crate) struct Chance {
    pcg: Pcg32,
    seed: u64,
    drawn: u64,
}

impl Chance {
    /// A fresh one.
    pub(crate) fn new(seed: u64) -> Self {
        Self::resume(seed, 0)
    }

    /// One that has given `drawn` words already.
    pub(crate) fn resume(seed: u64, drawn: u64) -> Self {
        let mut pcg = Pcg32::new(seed, STREAM);
        pcg.advance(drawn);
        Self { pcg, seed, drawn }
    }

    /// Seed and number of words drawn.
    pub(crate) fn state(&self) -> (u64, u64) {
        (self.seed, self.drawn)
    }
}

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.drawn = self.drawn.wrapping_add(1);
        self.pcg.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let low = self.try_next_u32()?;
        let high = self.try_next_u32()?;
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(4) {
            let word = self.try_next_u32()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::Chance;

    #[test]
    fn goes_on_where_it_stopped() {
        let mut first = Chance::new(7);
        let mut bytes = [0; 7];
        first.fill_bytes(&mut bytes);
        first.next_u64();
        first.next_u32();
        let (seed, drawn) = first.state();
        assert_eq!((seed, drawn), (7, 5));
        let mut second = Chance::resume(seed, drawn);
        for _ in 0..100 {
            assert_eq!(first.next_u32(), second.next_u32());
        }
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(Chance::new(1).next_u64(), Chance::new(2).next_u64());
    }
}
