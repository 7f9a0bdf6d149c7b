//! Bytes in, records out.

use super::{BEGINNING, CHECKSUM, FRAME, MAGIC, ReadRecord, STATE_VERSION, VERSION, config};
use crate::limits::JOURNAL_RECORD_BYTES;

/// Why bytes are no record. Nothing after them can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The first bytes are not [`MAGIC`].
    #[error("it is not a journal")]
    NotAJournal,
    /// Another version of Shallot wrote it.
    #[error(
        "it has version {journal} of journals and {state} of checkpoints; this Shallot reads {VERSION} and \
         {STATE_VERSION}"
    )]
    OtherVersion {
        /// Of the journal's layout.
        journal: u32,
        /// Of checkpoints.
        state: u32,
    },
    /// A record that was not written like this.
    #[error("the record at byte {offset} is damaged: {what}")]
    Damaged {
        /// Where it begins in the journal.
        offset: u64,
        /// Where the next one would begin, as far as its length can be believed.
        end: u64,
        /// What is wrong.
        what: String,
    },
}

/// Reads a journal that comes in pieces of any size. Keeps what it was fed until it is read, so a caller who feeds it
/// only when [`JournalReader::next_record`] asks for more needs little beyond the largest record.
#[derive(Debug, Default)]
pub struct JournalReader {
    bytes: Vec<u8>,
    /// How many of `bytes` are read.
    read: usize,
    /// Bytes of the journal before `bytes`.
    before: u64,
    has_begun: bool,
}

impl JournalReader {
    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.read);
        self.before += self.read as u64;
        self.read = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// The next record; `None` asks for more bytes. When there are none, what is [`JournalReader::left`] was cut off.
    ///
    /// # Errors
    /// [`ReadError`], again at each further call.
    pub fn next_record(&mut self) -> Result<Option<ReadRecord<'_>>, ReadError> {
        if !self.has_begun {
            let unread = self.bytes.get(self.read..).unwrap_or_default();
            let Some(versions) = beginning(unread)? else { return Ok(None) };
            if versions != (VERSION, STATE_VERSION) {
                return Err(ReadError::OtherVersion { journal: versions.0, state: versions.1 });
            }
            (self.has_begun, self.read) = (true, self.read + BEGINNING);
        }
        let offset = self.offset();
        let unread = self.bytes.get(self.read..).unwrap_or_default();
        let too_long = |what| ReadError::Damaged { offset, end: offset + FRAME as u64, what };
        let Some((payload, checksum)) = framed(unread).map_err(too_long)? else { return Ok(None) };
        let end = offset + (FRAME + payload.len()) as u64;
        let damaged = |what| ReadError::Damaged { offset, end, what };
        if CHECKSUM.checksum(payload) != checksum {
            return Err(damaged("its checksum is another one".to_owned()));
        }
        let record: ReadRecord<'_> =
            wincode::config::deserialize_exact(payload, config()).map_err(|error| damaged(error.to_string()))?;
        self.read += FRAME + payload.len();
        Ok(Some(record))
    }

    /// Where the next record begins in the journal.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.before + self.read as u64
    }

    /// Bytes that were fed and are in no record yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len() - self.read
    }

    /// Whether the beginning was there, and the versions were ours.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }
}

/// The versions that a journal begins with; `None`: more bytes are needed to tell.
fn beginning(bytes: &[u8]) -> Result<Option<(u32, u32)>, ReadError> {
    if bytes.iter().zip(&MAGIC).any(|(byte, magic)| byte != magic) {
        return Err(ReadError::NotAJournal);
    }
    let Some((_, rest)) = bytes.split_first_chunk::<{ MAGIC.len() }>() else { return Ok(None) };
    let Some((journal, rest)) = rest.split_first_chunk() else { return Ok(None) };
    let Some((state, _)) = rest.split_first_chunk() else { return Ok(None) };
    Ok(Some((u32::from_le_bytes(*journal), u32::from_le_bytes(*state))))
}

/// A payload and what its checksum must be; `None`: it is not all there yet.
fn framed(bytes: &[u8]) -> Result<Option<(&[u8], u32)>, String> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > JOURNAL_RECORD_BYTES {
        return Err(format!("{length} bytes are more than a record may have"));
    }
    let Some((checksum, rest)) = rest.split_first_chunk() else { return Ok(None) };
    Ok(rest.get(..length).map(|payload| (payload, u32::from_le_bytes(*checksum))))
}
