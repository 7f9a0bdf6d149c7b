//! Where a session's datagrams go: a QUIC connection, and what its path carries.

use bytes::Bytes;
use quinn::{Connection, SendDatagramError, VarInt};
use shallot_hubs::LinkKind;
use shallot_proto::wire::limits::MAX_DATAGRAM;

use super::path_budget::{Lowered, Pass, PathBudget, PathSample};
use crate::limits::BUDGET_FLOOR;
use crate::listeners::quic_window::Window;

/// A session's datagram channel.
#[derive(Clone)]
pub(crate) struct Channel {
    pub(super) connection: Connection,
    /// What carries the session's link: this very connection, or another.
    link: LinkKind,
    budget: PathBudget,
}

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// QUIC has it.
    Datagram,
    /// It does not fit the path: the link may carry it.
    TooLarge,
    /// Left out, since the path is full or carries nothing of this size; the next tick brings newer state.
    LeftOut,
    /// The connection is going.
    Lost,
}

impl Channel {
    /// The link is on gRPC; the connection has this one job.
    pub(crate) fn beside_a_link(connection: Connection) -> Self {
        Self { connection, link: LinkKind::Grpc, budget: PathBudget::new() }
    }

    /// The connection carries the link too, and closes with it.
    pub(crate) fn of_a_link(connection: Connection) -> Self {
        Self { connection, link: LinkKind::Quic, budget: PathBudget::new() }
    }

    pub(super) fn is(&self, connection: &Connection) -> bool {
        self.connection.stable_id() == connection.stable_id()
    }

    /// Closes it, but not the link it is of.
    pub(super) fn close(&self, code: u32, reason: &str) {
        if self.link != LinkKind::Quic {
            self.connection.close(VarInt::from_u32(code), reason.as_bytes());
        }
    }

    /// Gives a snapshot to QUIC, when the path has room for it.
    pub(super) fn send(&mut self, datagram: &Bytes) -> Sent {
        let is_alone = self.link == LinkKind::Quic;
        match self.budget.pass(datagram.len()) {
            Pass::Skip => return Sent::LeftOut,
            // The link's packets would go the same way and be as large; what is smallest may as well be tried.
            Pass::TooLarge if is_alone && datagram.len() > BUDGET_FLOOR => return Sent::LeftOut,
            Pass::TooLarge if !is_alone => return Sent::TooLarge,
            Pass::Go | Pass::TooLarge => {}
        }
        match self.connection.send_datagram(datagram.clone()) {
            Ok(()) => Sent::Datagram,
            Err(SendDatagramError::ConnectionLost(_)) => Sent::Lost,
            // What the client or the path takes at once is less.
            Err(_) => Sent::TooLarge,
        }
    }

    /// What a snapshot should have at most, bytes.
    pub(super) fn snapshot_bytes(&self) -> usize {
        // Without datagrams it goes over the link, whatever it has.
        let accepted = self.connection.max_datagram_size().unwrap_or(MAX_DATAGRAM);
        self.budget.snapshot_bytes().min(accepted)
    }

    /// Looks at the path once in [`PATH_SAMPLE`](crate::limits::PATH_SAMPLE); says why the budget was lowered, if it was.
    pub(super) fn observe(&mut self) -> Option<Lowered> {
        let trips = Window::round_trips(self.connection.congestion_state());
        self.budget.observe(PathSample::of(&self.connection.stats(), trips))
    }
}
