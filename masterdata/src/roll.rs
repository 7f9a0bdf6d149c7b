//! The one place where random words become bounded numbers. Everything that rolls goes through [`below`].

use rand_core::Rng;

use crate::limits::PPM;

/// A number from 0 to `n - 1`, each equally likely; 0 when `n` is 0 or 1 (then nothing is drawn).
///
/// A random word `w` of 32 bits is mapped to the high half of `w * n`. Some results would get one word more than others: the words
/// whose low half falls below `2^32 mod n` are those, and they are drawn again (Lemire, "Fast Random Integer Generation in an
/// Interval", 2019). So the result is exactly uniform for every `n`; on average less than two words are drawn, for small `n` hardly
/// ever more than one.
#[must_use]
pub fn below<R: Rng + ?Sized>(rng: &mut R, n: u32) -> u32 {
    if n <= 1 {
        return 0;
    }
    let mut product = u64::from(rng.next_u32()) * u64::from(n);
    if (product as u32) < n {
        let uneven = n.wrapping_neg() % n; // 2^32 mod n
        while (product as u32) < uneven {
            product = u64::from(rng.next_u32()) * u64::from(n);
        }
    }
    (product >> 32) as u32
}

/// A number from `min` to `max`, both included, each equally likely; `min` when `max` is not above it.
#[must_use]
pub fn between<R: Rng + ?Sized>(rng: &mut R, min: u32, max: u32) -> u32 {
    match max.saturating_sub(min).checked_add(1) {
        Some(choices) => min + below(rng, choices),
        None => rng.next_u32(),
    }
}

/// True with `chance` parts per million: never at 0, always at 1,000,000 and above. Draws the same words whatever the chance is.
#[must_use]
pub fn chance_ppm<R: Rng + ?Sized>(rng: &mut R, chance: u32) -> bool {
    below(rng, PPM) < chance
}

#[cfg(test)]
mod tests {
    use super::{below, between, chance_ppm};
    use proptest::prelude::{prop_assert, proptest};
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    /// Chi-square of `counts` against the same count for each.
    fn chi_square(counts: &[u32]) -> f64 {
        let mean = counts.iter().copied().map(f64::from).sum::<f64>() / counts.len() as f64;
        counts.iter().map(|&seen| (f64::from(seen) - mean).powi(2) / mean).sum()
    }

    #[test]
    fn each_number_comes_equally_often() {
        let mut rng = Pcg32::seed_from_u64(7);
        for n in [2_u32, 3, 6, 7, 20, 100] {
            let mut counts = vec![0_u32; n as usize];
            for _ in 0..n * 10_000 {
                counts[below(&mut rng, n) as usize] += 1;
            }
            // Mean n - 1, deviation sqrt(2 (n - 1)): five deviations above is out of bounds.
            let freedom = f64::from(n - 1);
            assert!(chi_square(&counts) < freedom + 5.0 * (2.0 * freedom).sqrt(), "{n}: {counts:?}");
        }
    }

    #[test]
    fn a_range_that_does_not_divide_the_words_has_no_favourites() {
        // Three quarters of 2^32: without the second draw the first third of results would come twice as often.
        let n = 3 << 30;
        let mut rng = Pcg32::seed_from_u64(11);
        let mut thirds = [0_u32; 3];
        for _ in 0..90_000 {
            thirds[(below(&mut rng, n) / (1 << 30)) as usize] += 1;
        }
        assert!(chi_square(&thirds) < 20.0, "{thirds:?}");
    }

    #[test]
    fn a_chance_comes_as_often_as_it_says() {
        let mut rng = Pcg32::seed_from_u64(3);
        for chance in [0_u32, 1_000, 250_000, 999_000, 1_000_000] {
            let tries = 200_000_u32;
            let hits = (0..tries).filter(|_| chance_ppm(&mut rng, chance)).count() as f64;
            let p = f64::from(chance) / 1e6;
            let (mean, deviation) = (f64::from(tries) * p, (f64::from(tries) * p * (1.0 - p)).sqrt());
            assert!((hits - mean).abs() <= 4.0 * deviation, "{chance}: {hits} of {mean}");
        }
    }

    proptest! {
        #[test]
        fn results_stay_within(seed: u64, n: u32, a: u32, b: u32) {
            let mut rng = Pcg32::seed_from_u64(seed);
            prop_assert!(below(&mut rng, n) < n.max(1));
            let (min, max) = (a.min(b), a.max(b));
            let got = between(&mut rng, min, max);
            prop_assert!((min..=max).contains(&got));
        }
    }

    #[test]
    fn the_whole_range_and_the_empty_one() {
        let mut rng = Pcg32::seed_from_u64(1);
        assert_eq!(below(&mut rng, 0), 0);
        assert_eq!(between(&mut rng, 9, 9), 9);
        assert_eq!(between(&mut rng, 9, 3), 9);
        let high = (0..64).any(|_| between(&mut rng, 0, u32::MAX) > 1 << 31);
        assert!(high);
    }
}
