//! Writing a snapshot into a caller's buffer, whose length is the budget.

use crate::bits::{BitWriter, Full};
use crate::datagram::{IS_COMPLETE, Parts, SnapshotHeader, TimeEcho};
use crate::limits::{
    GROUP_HEADER_BYTES, MAX_DATAGRAM, MAX_GROUP_RECORDS, OWN_STATE_BYTES, RECORD_BYTES, SNAPSHOT_HEADER_BYTES,
    TIME_ECHO_BYTES,
};
use crate::snapshot::{Group, OwnState, PackedRecord};

/// Writes one snapshot: header and the parts at its front at once, then group by group, then [`SnapshotWriter::finish`].
#[derive(Debug)]
pub struct SnapshotWriter<'a> {
    buffer: &'a mut [u8],
    length: usize,
    is_complete: bool,
}

impl<'a> SnapshotWriter<'a> {
    /// Begins a snapshot in `buffer`, of which no more than [`MAX_DATAGRAM`] bytes are used.
    ///
    /// # Errors
    /// [`Full`] when the parts at the front do not fit: at most 39 bytes.
    pub fn new(
        buffer: &'a mut [u8],
        header: &SnapshotHeader,
        time_echo: Option<TimeEcho>,
        own: Option<&OwnState>,
    ) -> Result<Self, Full> {
        let budget = buffer.len().min(MAX_DATAGRAM);
        let buffer = buffer.get_mut(..budget).ok_or(Full)?;
        let mut writer = BitWriter::new(buffer);
        let parts = Parts { time_echo: time_echo.is_some(), own: own.is_some(), complete: false };
        header.write(parts, &mut writer)?;
        let mut length = SNAPSHOT_HEADER_BYTES;
        if let Some(echo) = time_echo {
            echo.write(&mut writer)?;
            length += TIME_ECHO_BYTES;
        }
        if let Some(own) = own {
            own.write(&mut writer)?;
            length += OWN_STATE_BYTES;
        }
        Ok(Self { buffer, length, is_complete: true })
    }

    /// Begins a group. It takes no room until its first record is pushed.
    pub fn begin_cell(&mut self, group: Group) -> GroupWriter<'_, 'a> {
        GroupWriter { snapshot: self, group, header_at: 0, count: 0 }
    }

    /// Says that something which the client should see was left out. A push that was refused says so by itself.
    pub fn mark_cut(&mut self) {
        self.is_complete = false;
    }

    /// Bytes that are left.
    #[must_use]
    pub fn room(&self) -> usize {
        self.buffer.len() - self.length
    }

    /// Ends the snapshot and returns its length.
    #[must_use]
    pub fn finish(self) -> usize {
        if let Some(flags) = self.buffer.get_mut(SNAPSHOT_HEADER_BYTES - 1).filter(|_| self.is_complete) {
            *flags |= IS_COMPLETE as u8;
        }
        self.length
    }
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
    /// [`Full`] when it does not fit; nothing was written, and the snapshot says that it is cut.
    pub fn push_absolute(&mut self, record: &PackedRecord) -> Result<(), Full> {
        let pushed = self.push(record);
        if pushed.is_err() {
            self.snapshot.mark_cut();
        }
        pushed
    }

    fn push(&mut self, record: &PackedRecord) -> Result<(), Full> {
        let opens_group = self.count.is_multiple_of(MAX_GROUP_RECORDS);
        let (header_at, count) = if opens_group { (self.snapshot.length, 1) } else { (self.header_at, self.count + 1) };
        let record_at = self.snapshot.length + if opens_group { GROUP_HEADER_BYTES } else { 0 };
        let end = record_at + RECORD_BYTES;
        self.snapshot.buffer.get_mut(record_at..end).ok_or(Full)?.copy_from_slice(&record.0);
        let header = self.snapshot.buffer.get_mut(header_at..header_at + GROUP_HEADER_BYTES).ok_or(Full)?;
        if opens_group {
            self.group.write(count, &mut BitWriter::new(header))?;
        } else {
            Group::write_count(count, header);
        }
        (self.header_at, self.count, self.snapshot.length) = (header_at, count, end);
        Ok(())
    }
}
