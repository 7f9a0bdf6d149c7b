//! Reading a snapshot in place.

use crate::bits::BitReader;
use crate::datagram::{DecodeError, Kind, SnapshotHeader, TimeEcho};
use crate::limits::{MAX_DATAGRAM, PLACES};
use crate::snapshot::places::{self, Places};
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
    /// What it is made of.
    pub lengths: Lengths,
    changes: Changes<'a>,
    records: Records<'a>,
}

/// Bytes of a snapshot by what they tell; for measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Header, time echo, own entity.
    pub head: usize,
    /// Changes, with the mask of places.
    pub changes: usize,
    /// Records, with their groups.
    pub records: usize,
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
        let after_head = reader.bytes_left();
        let changes = match header.baseline {
            Some(_) => Changes::read(&mut reader)?,
            None => Changes::none(),
        };
        let records = reader.bytes_left();
        let lengths = Lengths { head: datagram.len() - after_head, changes: after_head - records, records };
        let records = Records { reader, group: None };
        let mut check = records.clone();
        while check.read()?.is_some() {}
        Ok(Self { header, time_echo, own, lengths, changes, records })
    }

    /// What became of who stood in places of the baseline's table.
    #[must_use]
    pub fn changes(&self) -> Changes<'a> {
        self.changes.clone()
    }

    /// Its absolute records.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        self.records.clone()
    }

    /// The places that it tells, and who stands there now, in the order in which they are to be put into the table of the snapshot
    /// before; without a baseline that is to be emptied first. `baseline` tells who stands in a place of the baseline's table, `tick` is
    /// the one that the snapshot shows. With one error among them the whole snapshot is to have no effect.
    ///
    /// # Errors
    /// Each place by itself: [`DecodeError::NobodyThere`], [`DecodeError::StateAge`].
    pub fn told<'t>(
        &self,
        baseline: impl Fn(u8) -> Option<&'t Entry>,
        tick: Tick,
    ) -> impl Iterator<Item = Result<(u8, Option<Entry>), DecodeError>> {
        let entering = self.records().filter_map(move |told| Some(Ok((told.place?, Some(told.entry(tick))))));
        self.changed(baseline, tick).chain(entering)
    }

    /// The same without those who enter.
    ///
    /// # Errors
    /// As [`Snapshot::told`].
    pub fn changed<'t>(
        &self,
        baseline: impl Fn(u8) -> Option<&'t Entry>,
        tick: Tick,
    ) -> impl Iterator<Item = Result<(u8, Option<Entry>), DecodeError>> {
        self.changes().map(move |(place, change)| {
            let Change::To(delta) = change else { return Ok((place, None)) };
            let entry = baseline(place).ok_or(DecodeError::NobodyThere(place))?;
            let age = entry.age(tick).ok_or(DecodeError::StateAge(tick.since(entry.tick)))?;
            Ok((place, Some(Entry { state: delta.apply(&entry.state, age), tick, ..*entry })))
        })
    }
}

/// Goes over the changes against a baseline: places, and what became of who stood there.
#[derive(Clone, Debug)]
pub struct Changes<'a> {
    places: places::Iter,
    changes: BitReader<'a>,
}

impl<'a> Changes<'a> {
    fn none() -> Self {
        Self { places: Places::NONE.into_iter(), changes: BitReader::new(&[]) }
    }

    /// Reads the part to its end.
    fn read(reader: &mut BitReader<'a>) -> Result<Self, DecodeError> {
        let count = reader.take(8)?;
        let mut places = Places::NONE;
        for n in 0..count.div_ceil(u32::BITS) {
            let width = (count - n * u32::BITS).min(u32::BITS);
            places.put_row(n as usize, reader.take(width)? << (u32::BITS - width));
        }
        if places.end() != count as usize {
            return Err(DecodeError::ReservedBits);
        }
        let changes = Self { places: places.into_iter(), changes: reader.clone() };
        let mut check = changes.clone();
        for _ in places {
            Change::read(&mut check.changes)?;
        }
        *reader = check.changes;
        if reader.end_byte() != 0 {
            return Err(DecodeError::ReservedBits);
        }
        Ok(changes)
    }
}

impl Iterator for Changes<'_> {
    type Item = (u8, Change);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.places.next()?, Change::read(&mut self.changes).ok()?)) // decode() went over all of them
    }
}

/// A record, and what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absolute {
    /// What it has in common with others.
    pub group: Group,
    /// The place of the table that it takes; `None`: it is of a crowd.
    pub place: Option<u8>,
    /// The record.
    pub record: Record,
}

impl Absolute {
    /// As a table has it, told in a snapshot of `tick`.
    #[must_use]
    pub fn entry(&self, tick: Tick) -> Entry {
        Entry::of_record(&self.group, &self.record, tick)
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
    fn read(&mut self) -> Result<Option<Absolute>, DecodeError> {
        let (group, left) = match self.group.take() {
            Some(open) => open,
            None if self.reader.is_empty() => return Ok(None),
            None => Group::read(&mut self.reader)?,
        };
        let place = match group.form {
            Form::Entering => Some(self.reader.take(8)? as u8),
            Form::Crowd => None,
        };
        if let Some(place) = place.filter(|place| usize::from(*place) >= PLACES) {
            return Err(DecodeError::NoSuchPlace(place));
        }
        let record = Record::read(&mut self.reader)?;
        self.group = (left > 1).then_some((group, left - 1));
        Ok(Some(Absolute { group, place, record }))
    }
}

impl Iterator for Records<'_> {
    type Item = Absolute;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().ok().flatten() // decode() went over all of them
    }
}
