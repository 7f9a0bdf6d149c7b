//! Reading a snapshot in place.

use crate::bits::BitReader;
use crate::datagram::{DecodeError, Kind, SnapshotHeader, TimeEcho};
use crate::limits::MAX_DATAGRAM;
use crate::snapshot::{Group, OwnState, Record};

/// A datagram that was read to its last byte and found sound.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// The first 11 bytes.
    pub header: SnapshotHeader,
    /// Comes now and then.
    pub time_echo: Option<TimeEcho>,
    /// The client's own entity; absent while it has none.
    pub own: Option<OwnState>,
    /// Whether nothing was left out for want of room.
    pub is_complete: bool,
    records: Records<'a>,
}

impl<'a> Snapshot<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    /// [`DecodeError`]; it is read to its last byte or not at all.
    pub fn decode(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        if datagram.len() > MAX_DATAGRAM {
            return Err(DecodeError::TooLong(datagram.len()));
        }
        match Kind::of(datagram)? {
            Kind::Snapshot => {}
            other => return Err(DecodeError::WrongKind(other)),
        }
        let mut reader = BitReader::new(datagram);
        reader.take(8)?;
        let (header, parts) = SnapshotHeader::read(&mut reader)?;
        let time_echo = parts.time_echo.then(|| TimeEcho::read(&mut reader)).transpose()?;
        let own = parts.own.then(|| OwnState::read(&mut reader)).transpose()?;
        let records = Records { reader, group: None };
        let mut check = records.clone();
        while check.read()?.is_some() {}
        Ok(Self { header, time_echo, own, is_complete: parts.complete, records })
    }

    /// Its records, each with what its group says.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        self.records.clone()
    }
}

/// Goes over the records of a snapshot.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    reader: BitReader<'a>,
    /// The group at hand and how many of its records are still to come, at least one.
    group: Option<(Group, usize)>,
}

impl Records<'_> {
    fn read(&mut self) -> Result<Option<(Group, Record)>, DecodeError> {
        let (group, left) = match self.group.take() {
            Some(open) => open,
            None if self.reader.is_empty() => return Ok(None),
            None => Group::read(&mut self.reader)?,
        };
        let record = Record::read(&mut self.reader)?;
        self.group = (left > 1).then_some((group, left - 1));
        Ok(Some((group, record)))
    }
}

impl Iterator for Records<'_> {
    type Item = (Group, Record);

    fn next(&mut self) -> Option<Self::Item> {
        self.read().ok().flatten() // decode() went over all of them
    }
}
