//! Reading a snapshot in place.

use crate::bits::BitReader;
use crate::datagram::{DecodeError, Kind, SnapshotHeader, TimeEcho};
use crate::limits::{MAX_DATAGRAM, MAX_SET};
use crate::snapshot::{Change, Entry, Form, Group, OwnState, Record};
use crate::tick::Tick;

/// A datagram that was read to its last byte and found sound.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// The first 11 bytes.
    pub header: SnapshotHeader,
    /// Comes now and then.
    pub time_echo: Option<TimeEcho>,
    /// The client's own entity; absent while it has none.
    pub own: Option<OwnState>,
    changes: Changes<'a>,
    records: Records<'a>,
}

impl<'a> Snapshot<'a> {
    /// Reads a whole datagram; its baseline is not needed for that.
    ///
    /// # Errors
    /// [`DecodeError`]: it is not a snapshot of this version, whole and in order.
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
        let (changes, mut entities) = match header.baseline {
            Some(_) => Changes::read(&mut reader)?,
            None => (Changes::none(), 0),
        };
        let records = Records { reader, group: None };
        let mut check = records.clone();
        while let Some((group, _)) = check.read()? {
            entities += usize::from(group.form == Form::Entering);
        }
        if entities > MAX_SET {
            return Err(DecodeError::TooManyEntities(entities));
        }
        Ok(Self { header, time_echo, own, changes, records })
    }

    /// Of each entity of the baseline's set, in its order, what became of it; `None`: it goes on as it did.
    #[must_use]
    pub fn changes(&self) -> Changes<'a> {
        self.changes.clone()
    }

    /// Its absolute records, each with what its group says.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        self.records.clone()
    }

    /// Its set: what is left of its baseline's, in the order of that, and behind it those that enter, in the order of their records.
    /// `tick` is the one it shows; without a baseline there is nothing in `baseline`.
    ///
    /// # Errors
    /// [`DecodeError::OtherBaseline`], [`DecodeError::StateAge`].
    pub fn set<'s>(
        &self,
        baseline: &'s [Entry],
        tick: Tick,
    ) -> Result<impl Iterator<Item = Entry> + use<'a, 's>, DecodeError> {
        if baseline.len() != self.changes.left {
            return Err(DecodeError::OtherBaseline);
        }
        for (entry, change) in baseline.iter().zip(self.changes()) {
            if change != Some(Change::Gone) && entry.age(tick).is_none() {
                return Err(DecodeError::StateAge(tick.since(entry.tick)));
            }
        }
        let staying = baseline.iter().zip(self.changes()).filter_map(move |(entry, change)| match change {
            None => Some(*entry),
            Some(Change::Gone) => None,
            Some(Change::To(delta)) => {
                Some(Entry { state: delta.apply(&entry.state, entry.age(tick)?), tick, ..*entry })
            }
        });
        let entering = self.records().filter(|(group, _)| group.form == Form::Entering);
        Ok(staying.chain(entering.map(move |(group, record)| Entry::of_record(&group, &record, tick))))
    }
}

/// Goes over the entities of the baseline.
#[derive(Clone, Debug)]
pub struct Changes<'a> {
    mask: BitReader<'a>,
    records: BitReader<'a>,
    left: usize,
}

impl<'a> Changes<'a> {
    fn none() -> Self {
        Self { mask: BitReader::new(&[]), records: BitReader::new(&[]), left: 0 }
    }

    /// Reads the part to its end, and how many entities it leaves.
    fn read(reader: &mut BitReader<'a>) -> Result<(Self, usize), DecodeError> {
        let count = reader.take(8)?;
        let mask = reader.clone();
        reader.skip(count)?;
        let changes = Self { mask, records: reader.clone(), left: count as usize };
        let (mut check, mut staying) = (changes.clone(), 0);
        while check.left > 0 {
            staying += usize::from(check.step()? != Some(Change::Gone));
        }
        *reader = check.records;
        if reader.end_byte() != 0 {
            return Err(DecodeError::ReservedBits);
        }
        Ok((changes, staying))
    }

    /// The next one's; there must be one.
    fn step(&mut self) -> Result<Option<Change>, DecodeError> {
        self.left = self.left.saturating_sub(1);
        Ok(if self.mask.take(1)? == 1 { Some(Change::read(&mut self.records)?) } else { None })
    }
}

impl Iterator for Changes<'_> {
    type Item = Option<Change>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.step().ok() // decode() went over all of them
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
