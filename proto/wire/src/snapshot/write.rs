//! Writing a snapshot into a caller's buffer, whose length is the budget.

use crate::bits::{BitWriter, Full};
use crate::datagram::{Parts, SnapshotHeader, TimeEcho};
use crate::limits::{CHANGES_HEADER_BYTES, GROUP_HEADER_BYTES, MAX_DATAGRAM, MAX_GROUP_RECORDS, MAX_SET, RECORD_BYTES};
use crate::snapshot::{Coded, Group, OwnState, Record, RecordBytes};

/// Bytes of the changes against a baseline of so many entities, whose changes have so many [`Coded::bits`] together.
#[must_use]
pub const fn changes_bytes(entities: usize, record_bits: usize) -> usize {
    CHANGES_HEADER_BYTES + (entities + record_bits).div_ceil(8)
}

/// Writes one snapshot: header and the parts at its front at once, then group by group, then [`SnapshotWriter::finish`].
#[derive(Debug)]
pub struct SnapshotWriter<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> SnapshotWriter<'a> {
    /// Begins a snapshot in `buffer`, of which no more than [`MAX_DATAGRAM`] bytes are used. `changes` are what became of each
    /// entity of the baseline's set, in its order; without a baseline they are not written.
    ///
    /// # Errors
    /// [`Full`] when this does not fit: at most 39 bytes and [`changes_bytes`]. Also when there are more than [`MAX_SET`] changes.
    pub fn new(
        buffer: &'a mut [u8],
        header: &SnapshotHeader,
        time_echo: Option<TimeEcho>,
        own: Option<&OwnState>,
        changes: &[Coded],
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
            write_changes(changes, &mut writer)?;
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

/// How many there are, a bit for each that tells whether it changed, and then the changes.
fn write_changes(changes: &[Coded], writer: &mut BitWriter<'_>) -> Result<(), Full> {
    let count = u8::try_from(changes.len()).ok().filter(|count| usize::from(*count) <= MAX_SET).ok_or(Full)?;
    writer.put(count.into(), 8)?;
    for part in changes.chunks(32) {
        let mask = part.iter().fold(0, |mask, change| mask << 1 | u32::from(!change.is_unchanged()));
        writer.put(mask, part.len() as u32)?;
    }
    changes.iter().filter(|change| !change.is_unchanged()).try_for_each(|change| change.write(writer))
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
    /// Appends an entity; more than 64 go on in a further group of the same cell.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; nothing was written.
    pub fn push(&mut self, record: &Record) -> Result<(), Full> {
        self.push_bytes(&record.to_bytes())
    }

    /// The same of a record that is in bytes already.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; nothing was written.
    pub fn push_bytes(&mut self, record: &RecordBytes) -> Result<(), Full> {
        let opens_group = self.count.is_multiple_of(MAX_GROUP_RECORDS);
        let (header_at, count) = if opens_group { (self.snapshot.length, 1) } else { (self.header_at, self.count + 1) };
        let record_at = self.snapshot.length + if opens_group { GROUP_HEADER_BYTES } else { 0 };
        let end = record_at + RECORD_BYTES;
        self.snapshot.buffer.get_mut(record_at..end).ok_or(Full)?.copy_from_slice(&record.0);
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
