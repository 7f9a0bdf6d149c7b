//! An unreliable hub push as a datagram: the kind byte, the method's id, the encoded message.

use crate::datagram::{DecodeError, Kind};
use crate::limits::{HUB_PUSH_HEADER_BYTES, MAX_DATAGRAM};

/// A push that may be lost, doubled or overtaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubPush<'a> {
    /// Wire id of the receiver's method.
    pub method: u32,
    /// The encoded message.
    pub body: &'a [u8],
}

impl<'a> HubPush<'a> {
    /// What stands before the body.
    #[must_use]
    pub fn header(method: u32) -> [u8; HUB_PUSH_HEADER_BYTES] {
        let [a, b, c, d] = method.to_be_bytes();
        [Kind::HubPush.first_byte(), a, b, c, d]
    }

    /// Reads a whole datagram.
    ///
    /// # Errors
    /// [`DecodeError`]; whether the body is the method's message is for whoever knows the method.
    pub fn decode(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        match Kind::of(datagram)? {
            Kind::HubPush => {}
            other => return Err(DecodeError::WrongKind(other)),
        }
        if datagram.len() > MAX_DATAGRAM {
            return Err(DecodeError::TooLong(datagram.len()));
        }
        let (header, body) = datagram.split_first_chunk::<HUB_PUSH_HEADER_BYTES>().ok_or(DecodeError::Truncated)?;
        let [_, a, b, c, d] = *header;
        Ok(Self { method: u32::from_be_bytes([a, b, c, d]), body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_be_empty_and_nothing_else_may_be_missing() {
        let datagram = HubPush::header(0xA1B2_C3D4);
        assert_eq!(HubPush::decode(&datagram), Ok(HubPush { method: 0xA1B2_C3D4, body: &[] }));
        for len in 0..datagram.len() {
            let short: Vec<u8> = datagram.into_iter().take(len).collect();
            assert_eq!(HubPush::decode(&short), Err(DecodeError::Truncated));
        }
    }

    #[test]
    fn others_are_refused() {
        assert_eq!(HubPush::decode(&[0x11; 20]), Err(DecodeError::WrongKind(Kind::Snapshot)));
        assert_eq!(HubPush::decode(&[0x32; 20]), Err(DecodeError::UnknownVersion(2)));
        let mut long = HubPush::header(1).to_vec();
        long.resize(MAX_DATAGRAM + 1, 0);
        assert_eq!(HubPush::decode(&long), Err(DecodeError::TooLong(MAX_DATAGRAM + 1)));
    }
}
