//! The counting hub of `hubs/examples/proto`: its messages, and its methods as our client runtime calls them.

use shallot_client::hubs::{Access, LimitClass, MethodContract};

use crate::bench::hubs::payload::method_id;

/// What is pushed, called or asked, by number.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct Numbered {
    #[prost(uint64, tag = "1")]
    pub(super) number: u64,
}

/// How often that number was, by now.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct Counted {
    #[prost(uint64, tag = "1")]
    pub(super) number: u64,
    #[prost(uint64, tag = "2")]
    pub(super) times: u64,
}

/// The first that a session is told.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct Begun {
    /// Sessions of the account so far, this one included.
    #[prost(uint64, tag = "1")]
    pub(super) life: u64,
    /// Number of the first push to all that it gets.
    #[prost(uint64, tag = "2")]
    pub(super) room_first: u64,
}

pub(super) const ON_BEGIN: u32 = method_id("shallot.bench.v1.CountingReceiver/OnBegin");
pub(super) const ON_ROOM: u32 = method_id("shallot.bench.v1.CountingReceiver/OnRoom");
pub(super) const ON_OWN: u32 = method_id("shallot.bench.v1.CountingReceiver/OnOwn");
pub(super) const CONFIRM: u32 = method_id("shallot.bench.v1.CountingReceiver/Confirm");

/// A call with a reply.
pub(super) static RUN: MethodContract = method("shallot.bench.v1.CountingHub/Run", false);
/// One without.
pub(super) static NOTE: MethodContract = method("shallot.bench.v1.CountingHub/Note", true);

const fn method(name: &'static str, one_way: bool) -> MethodContract {
    MethodContract {
        id: method_id(name),
        name,
        access: Access::Player,
        limit: LimitClass::Play,
        one_way,
        concurrent: false,
        deadline_ms: 0,
    }
}
