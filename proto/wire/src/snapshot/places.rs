//! Places of a client's table as a set: what both ends and the datagrams themselves count with.

use core::ops::{BitAnd, BitOr, BitOrAssign, Sub};

use crate::limits::PLACES;

/// Some of the [`PLACES`] places of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Places([u64; WORDS]);

const WORDS: usize = PLACES.div_ceil(u64::BITS as usize);

impl Places {
    /// None of them.
    pub const NONE: Self = Self([0; WORDS]);
    /// All of them.
    pub const ALL: Self = Self::every(1, 0);

    /// Each `period`-th, beginning with `first`.
    #[must_use]
    pub const fn every(period: usize, first: usize) -> Self {
        let (of, at) = (period, first);
        Self([Self::word(0, of, at), Self::word(1, of, at), Self::word(2, of, at), Self::word(3, of, at)])
    }

    /// The n-th word of that.
    const fn word(n: usize, period: usize, first: usize) -> u64 {
        let (mut word, mut place) = (0, first);
        while place < PLACES {
            if place / 64 == n {
                word |= 1 << (place % 64);
            }
            place += period;
        }
        word
    }

    /// Adds a place; one that there is not has no effect.
    pub fn insert(&mut self, place: u8) {
        if let Some(word) = self.0.get_mut(usize::from(place) / 64).filter(|_| usize::from(place) < PLACES) {
            *word |= 1 << (place % 64);
        }
    }

    /// Takes a place out.
    pub fn remove(&mut self, place: u8) {
        if let Some(word) = self.0.get_mut(usize::from(place) / 64) {
            *word &= !(1 << (place % 64));
        }
    }

    /// Whether a place is among them.
    #[must_use]
    pub fn contains(&self, place: u8) -> bool {
        self.0.get(usize::from(place) / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// One more than the last of them; 0 when there is none.
    #[must_use]
    pub fn end(&self) -> usize {
        let last = self.0.iter().rposition(|word| *word != 0);
        last.map_or(0, |last| 64 * (last + 1) - self.0.get(last).map_or(0, |word| word.leading_zeros() as usize))
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> Option<u8> {
        self.into_iter().next()
    }

    /// Those of 32 in a row, `n` times 32 the first, from the most significant bit on.
    pub(crate) fn row(&self, n: usize) -> u32 {
        self.0.get(n / 2).map_or(0, |word| ((word >> (n % 2 * 32)) as u32).reverse_bits())
    }

    /// The contrary of [`Places::row`]; a place that there is not stays away.
    pub(crate) fn put_row(&mut self, n: usize, row: u32) {
        if let Some(word) = self.0.get_mut(n / 2) {
            *word |= u64::from(row.reverse_bits()) << (n % 2 * 32);
        }
        *self = *self & Self::ALL;
    }

    fn with(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        let [a, b] = [self.0, other.0];
        Self(core::array::from_fn(|n| f(a.get(n).copied().unwrap_or(0), b.get(n).copied().unwrap_or(0))))
    }
}

impl BitOr for Places {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other, |a, b| a | b)
    }
}

impl BitOrAssign for Places {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl BitAnd for Places {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.with(other, |a, b| a & b)
    }
}

impl Sub for Places {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a & !b)
    }
}

impl IntoIterator for Places {
    type Item = u8;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        let [word, ..] = self.0;
        Iter { places: self, word, at: 0 }
    }
}

/// From the first to the last.
#[derive(Clone, Debug)]
pub struct Iter {
    places: Places,
    /// What is left of the word at hand.
    word: u64,
    at: usize,
}

impl Iterator for Iter {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        while self.word == 0 {
            self.at += 1;
            self.word = *self.places.0.get(self.at)?;
        }
        let bit = self.word.trailing_zeros();
        self.word &= self.word - 1;
        Some((64 * self.at) as u8 + bit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(places: &[u8]) -> Places {
        places.iter().fold(Places::NONE, |mut all, place| {
            all.insert(*place);
            all
        })
    }

    #[test]
    fn they_are_told_in_order() {
        let some = of(&[254, 3, 64, 0, 63]);
        assert!(some.into_iter().eq([0, 3, 63, 64, 254]));
        assert_eq!((some.len(), some.end(), some.first()), (5, 255, Some(0)));
        assert_eq!((Places::NONE.len(), Places::NONE.end(), Places::NONE.first()), (0, 0, None));
        assert!(Places::ALL.into_iter().eq(0..=254));
    }

    #[test]
    fn there_is_no_last_byte() {
        assert!(of(&[255]).is_empty() && !Places::ALL.contains(255));
        let mut all = Places::NONE;
        (0..8).for_each(|n| all.put_row(n, u32::MAX));
        assert_eq!(all, Places::ALL);
    }

    #[test]
    fn sets_are_joined_met_and_parted() {
        let (a, b) = (of(&[1, 2, 200]), of(&[2, 3, 200]));
        assert_eq!((a | b, a & b, a - b), (of(&[1, 2, 3, 200]), of(&[2, 200]), of(&[1])));
        let thirds = (0..3).map(|first| Places::every(3, first));
        assert_eq!(thirds.fold(Places::NONE, |all, third| all | third), Places::ALL);
        assert!(Places::every(10, 7).into_iter().all(|place| place % 10 == 7));
    }

    #[test]
    fn rows_begin_with_the_most_significant_bit() {
        let some = of(&[0, 31, 33, 254]);
        assert_eq!([0, 1, 7].map(|n| some.row(n)), [1 << 31 | 1, 1 << 30, 1 << 1]);
        let mut again = Places::NONE;
        (0..8).for_each(|n| again.put_row(n, some.row(n)));
        assert_eq!(again, some);
        let mut one = some;
        one.remove(33);
        assert!(!one.contains(33) && one.contains(31));
    }
}
