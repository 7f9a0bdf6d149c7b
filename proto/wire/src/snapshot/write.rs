//! Writing a snapshot into a caller's buffer, whose length is the budget.

use crate::bits::{BitWriter, Full};
use crate::datagram::{Parts, SnapshotHeader, TimeEcho};
use crate::limits::{CHANGES_HEADER_BYTES, GROUP_HEADER_BYTES, MAX_DATAGRAM, MAX_GROUP_RECORDS, RECORD_BYTES};
use crate::snapshot::{Coded, Group, OwnState, Places, RecordBytes};

/// Bytes of the changes against a baseline, the last of them in the place before `end`, that have so many [`Coded::bits`] together.
#[must_use]
pub const fn changes_bytes(end: usize, bits: usize) -> usize {
    CHANGES_HEADER_BYTES + (end + bits).div_ceil(8)
}

/// Writes one snapshot: header and the parts at its front at once, then group by group, then [`SnapshotWriter::finish`].
#[derive(Debug)]
pub struct SnapshotWriter<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> SnapshotWriter<'a> {
    /// Begins a snapshot in `buffer`, of which no more than [`MAX_DATAGRAM`] bytes are used. `changes` are places and what became of who
    /// stood there, in the order of the places; without a baseline they are not written.
    ///
    /// # Errors
    /// [`Full`] when this does not fit: at most 39 bytes and [`changes_bytes`].
    pub fn new(
        buffer: &'a mut [u8],
        header: &SnapshotHeader,
        time_echo: Option<TimeEcho>,
        own: Option<&OwnState>,
        (places, changes): (Places, &[Coded]),
    ) -> Result<Self, Full> {
        let budget = buffer.len().min(MAX_DATAGRAM);
        let buffer = buffer.get_mut(..budget).ok_or(Full)?;
        let mut writer = BitWriter::new(buffer);
        header.write(Parts { time_echo: time_echo.is_some(), own: own.is_some() }, &mut writer)?;
        if let Some(echo) = time_echo {
            echo.write(&mut writer)?;
        }
        if let Some(own) = own {
            own.write(&mut writer)?;
        }
        if header.baseline.is_some() {
            write_changes(places, changes, &mut writer)?;
        }
        let length = writer.finish();
        Ok(Self { buffer, length })
    }

    /// Begins a group. It takes no room until its first record is pushed.
    pub fn begin_cell(&mut self, group: Group) -> GroupWriter<'_, 'a> {
        GroupWriter { snapshot: self, group, header_at: 0, count: 0 }
    }

    /// Bytes that are left.
    #[must_use]
    pub fn room(&self) -> usize {
        self.buffer.len() - self.length
    }

    /// Ends the snapshot and returns its length.
    #[must_use]
    pub fn finish(self) -> usize {
        self.length
    }
}

/// The end of the places, a bit for each before it that tells whether it is among them, and then the changes.
fn write_changes(places: Places, changes: &[Coded], writer: &mut BitWriter<'_>) -> Result<(), Full> {
    debug_assert_eq!(places.len(), changes.len(), "one change for each place");
    let end = places.end() as u32;
    writer.put(end, 8)?;
    for n in 0..end.div_ceil(u32::BITS) {
        let width = (end - n * u32::BITS).min(u32::BITS);
        writer.put(places.row(n as usize) >> (u32::BITS - width), width)?;
    }
    changes.iter().try_for_each(|change| change.write(writer))
}

/// Writes the records of one cell.
#[derive(Debug)]
pub struct GroupWriter<'w, 'a> {
    snapshot: &'w mut SnapshotWriter<'a>,
    group: Group,
    /// Where the group's header stands, once it has a record.
    header_at: usize,
    count: usize,
}

impl GroupWriter<'_, '_> {
    /// Appends an entity; more than 64 go on in a further group of the same cell. `place` is the one that it enters; one of a crowd
    /// has none, whatever this says.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; nothing was written.
    pub fn push(&mut self, place: u8, record: &RecordBytes) -> Result<(), Full> {
        let opens_group = self.count.is_multiple_of(MAX_GROUP_RECORDS);
        let (header_at, count) = if opens_group { (self.snapshot.length, 1) } else { (self.header_at, self.count + 1) };
        let begin = self.snapshot.length + if opens_group { GROUP_HEADER_BYTES } else { 0 };
        let end = begin + self.group.form.record_bytes();
        let room = self.snapshot.buffer.get_mut(begin..end).ok_or(Full)?;
        let (before, room) = room.split_at_mut(self.group.form.record_bytes() - RECORD_BYTES);
        before.fill(place);
        room.copy_from_slice(&record.0);
        let header = self.snapshot.buffer.get_mut(header_at..header_at + GROUP_HEADER_BYTES).ok_or(Full)?;
        if opens_group {
            self.group.write(count, &mut BitWriter::new(header))?;
        } else {
            self.group.write_count(count, header);
        }
        (self.header_at, self.count, self.snapshot.length) = (header_at, count, end);
        Ok(())
    }
}
