//! Bytes read as decisions.

use bytes::Bytes;
use shallot_proto::hub::v1 as wire;

use crate::error::{Code, HubError};

/// Decisions, one after another; past its end all are 0.
pub(super) struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    pub(super) fn one_in(&mut self, n: u8) -> bool {
        self.byte().is_multiple_of(n)
    }

    /// A number near `usual`, or seldom any.
    pub(super) fn near(&mut self, usual: u64) -> u64 {
        match self.byte() {
            0..=127 => usual,
            near @ 128..=223 => usual.wrapping_add(u64::from(near % 4)).wrapping_sub(1),
            224..=239 => self.byte().into(),
            240..=247 => u64::MAX - u64::from(self.byte()),
            _ => u64::from_be_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    /// At most so many bytes, as they are on the tape.
    pub(super) fn bytes(&mut self, most: usize) -> Bytes {
        let len = self.below(most + 1).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        Bytes::copy_from_slice(taken)
    }

    /// A body: mostly small, now and then as large as `large`.
    pub(super) fn body(&mut self, large: usize) -> Bytes {
        match self.byte() {
            0..=199 => Bytes::new(),
            200..=239 => Bytes::from(vec![0; self.below(64)]),
            _ => Bytes::from(vec![0; large]),
        }
    }

    pub(super) fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(&self.bytes(most)).into_owned()
    }

    pub(super) fn result(&mut self, large: usize) -> Result<Bytes, HubError> {
        if self.one_in(4) { Err(HubError::new(Code::Aborted, "REASON", "no")) } else { Ok(self.body(large)) }
    }

    pub(super) fn error(&mut self) -> wire::Error {
        wire::Error { code: u32::from(self.byte()), reason: self.text(8), message: self.text(8), detail: self.bytes(8) }
    }
}
