//! What a client writes first on the first bidirectional stream of a QUIC connection: what the connection is for, and its ticket.

use crate::limits::{MAX_TICKET, OPENING_HEADER_BYTES};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Datagrams of a session whose hub link is elsewhere.
    Channel,
    /// A hub link: its frames follow on the same stream, and the connection's datagrams are the session's.
    HubLink,
}

impl Purpose {
    /// The stream's first byte.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Channel => 0,
            Self::HubLink => 1,
        }
    }

    /// What a stream's first byte says; `None`: nothing that this version knows.
    #[must_use]
    pub fn of(code: u8) -> Option<Self> {
        [Self::Channel, Self::HubLink].into_iter().find(|purpose| purpose.code() == code)
    }

    /// What stands before a ticket of this length; `None` when no ticket may be so long, or it is none.
    #[must_use]
    pub fn header(self, ticket_length: usize) -> Option<[u8; OPENING_HEADER_BYTES]> {
        let length =
            u8::try_from(ticket_length).ok().filter(|length| (1..=MAX_TICKET).contains(&usize::from(*length)))?;
        Some([self.code(), length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_is_known_by_its_byte_and_no_other_byte_is() {
        let known: Vec<u8> = (0..=255).filter(|code| Purpose::of(*code).is_some_and(|p| p.code() == *code)).collect();
        assert_eq!(known, [0, 1]);
    }

    #[test]
    fn a_ticket_has_a_length_that_fits() {
        assert_eq!(Purpose::HubLink.header(72), Some([1, 72]));
        assert_eq!(Purpose::Channel.header(255), Some([0, 255]));
        assert_eq!(Purpose::Channel.header(0), None);
        assert_eq!(Purpose::Channel.header(256), None);
    }
}
