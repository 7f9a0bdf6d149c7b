//! Whom one viewer has in view, by slot: asked for each entity of its baseline, each of its view and each around it.

use crate::interest::Ring;
use crate::limits::SLOTS;

/// A slot in view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// Of the viewer; another's means that it is not in view.
    viewer: u32,
    /// Where it stands in the viewer's list; [`Sight::UNLISTED`]: nowhere yet.
    pub(crate) place: u8,
    pub(crate) ring: Ring,
    /// Whether its client has it, and keeps it.
    pub(crate) stays: bool,
}

impl Sight {
    /// The place of one who is about to come into view.
    pub(crate) const UNLISTED: u8 = u8::MAX;
    const NONE: Self = Self { viewer: 0, place: Self::UNLISTED, ring: Ring::Far, stays: false };
}

/// One table for all viewers, one after the other: each has a number of its own, so that nothing is to be cleared between two.
#[derive(Debug)]
pub(crate) struct Sights {
    table: Vec<Sight>,
    viewer: u32,
}

impl Default for Sights {
    fn default() -> Self {
        Self { table: vec![Sight::NONE; SLOTS], viewer: 0 }
    }
}

impl Sights {
    /// Another viewer, or the same one anew: nobody is in view.
    pub(crate) fn begin(&mut self) {
        self.viewer = self.viewer.checked_add(1).unwrap_or_else(|| {
            self.table.fill(Sight::NONE);
            1
        });
    }

    pub(crate) fn put(&mut self, slot: u16, place: u8, ring: Ring) {
        if let Some(sight) = self.table.get_mut(usize::from(slot)) {
            *sight = Sight { viewer: self.viewer, place, ring, stays: false };
        }
    }

    pub(crate) fn get(&self, slot: u16) -> Option<&Sight> {
        self.table.get(usize::from(slot)).filter(|sight| sight.viewer == self.viewer)
    }

    pub(crate) fn get_mut(&mut self, slot: u16) -> Option<&mut Sight> {
        self.table.get_mut(usize::from(slot)).filter(|sight| sight.viewer == self.viewer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_viewer_sees_another_does_not() {
        let mut sights = Sights { viewer: u32::MAX - 2, ..Sights::default() };
        for _ in 0..4 {
            sights.begin();
            assert!(sights.get(9).is_none());
            sights.put(9, 3, Ring::Mid);
            assert!(sights.get(9).is_some_and(|sight| sight.place == 3 && !sight.stays));
            assert!(sights.get_mut(10).is_none() && sights.get_mut(u16::MAX).is_none());
        }
        assert_eq!(sights.viewer, 2, "the numbers began anew");
    }
}
