//! Slots as a set.

use wincode::{SchemaRead, SchemaWrite};

/// One bit for each slot.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) struct SlotSet(Vec<u64>);

impl SlotSet {
    /// None of so many.
    pub(crate) fn new(slots: usize) -> Self {
        Self(vec![0; slots.div_ceil(u64::BITS as usize)])
    }

    /// Whether it is for so many slots: one that was read back may be for others.
    pub(crate) fn is_for(&self, slots: usize) -> bool {
        self.0.len() == slots.div_ceil(u64::BITS as usize)
    }

    pub(crate) fn contains(&self, slot: u16) -> bool {
        let (word, bit) = (usize::from(slot) / 64, slot % 64);
        self.0.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    /// Adds a slot; one that there is not has no effect.
    pub(crate) fn insert(&mut self, slot: u16) {
        if let Some(word) = self.0.get_mut(usize::from(slot) / 64) {
            *word |= 1 << (slot % 64);
        }
    }

    pub(crate) fn remove(&mut self, slot: u16) {
        if let Some(word) = self.0.get_mut(usize::from(slot) / 64) {
            *word &= !(1 << (slot % 64));
        }
    }

    /// Leaves those that are to stay.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(u16) -> bool) {
        for (place, word) in self.0.iter_mut().enumerate().filter(|(_, word)| **word != 0) {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left - 1;
                let slot = u16::try_from(place * 64).ok().and_then(|first| first.checked_add(bit as u16));
                if !slot.is_some_and(&mut stays) {
                    *word &= !(1 << bit);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_and_go() {
        let mut slots = SlotSet::new(130);
        for slot in [0, 63, 64, 191] {
            assert!(!slots.contains(slot));
            slots.insert(slot);
            assert!(slots.contains(slot));
        }
        slots.remove(63);
        assert_eq!(slots.0, [1, 1, 1 << 63]);
        slots.retain(|slot| slot > 60);
        assert_eq!(slots.0, [0, 1, 1 << 63]);
        slots.insert(192);
        assert!(!slots.contains(192), "beyond the end is nobody");
        assert!(slots.is_for(130) && !slots.is_for(128));
    }
}
