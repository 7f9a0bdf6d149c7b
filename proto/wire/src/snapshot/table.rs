//! What a client has in view, place by place. Both ends have the table of each snapshot that arrived, to the bit.

use crate::limits::PLACES;
use crate::snapshot::Entry;

/// Who stands in which of the [`PLACES`] places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table([Option<Entry>; PLACES]);

impl Default for Table {
    fn default() -> Self {
        Self([None; PLACES])
    }
}

impl Table {
    /// Who stands in a place.
    #[must_use]
    pub fn get(&self, place: u8) -> Option<&Entry> {
        self.0.get(usize::from(place))?.as_ref()
    }

    /// Puts somebody or nobody into a place; who was there before. A place that there is not stays empty.
    pub fn put(&mut self, place: u8, entry: Option<Entry>) -> Option<Entry> {
        self.0.get_mut(usize::from(place)).and_then(|there| core::mem::replace(there, entry))
    }

    /// All who are there, by place.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().flatten()
    }

    /// Empties all places.
    pub fn clear(&mut self) {
        self.0.fill(None);
    }
}
