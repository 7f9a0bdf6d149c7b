//! What nodes say to each other. Protobuf by hand: nodes of two versions meet during an upgrade, so fields are only added.
//!
//! A message to the broker is a parcel: a header, then items, each length-delimited. An item is encoded once, however many nodes it
//! goes to and however often it is asked for again.

use bytes::{Bytes, BytesMut};
use prost::Message;
use shallot_proto::hub::v1::GoAway;
use shallot_proto::wire::SessionId;

use super::name::GroupName;
use crate::backplane::NodeId;
use crate::outbox::PushKey;

/// First in each parcel.
#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(string, tag = "1")]
    origin: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Item {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    Beat(Beat),
    #[prost(message, tag = "2")]
    Change(Change),
    #[prost(message, tag = "3")]
    RosterWanted(Nothing),
    #[prost(message, tag = "4")]
    RosterPart(RosterPart),
    #[prost(message, tag = "5")]
    Frame(Frame),
    #[prost(message, tag = "6")]
    Start(Head),
    #[prost(message, tag = "7")]
    Want(Span),
    #[prost(message, tag = "8")]
    Lost(Span),
    #[prost(message, tag = "9")]
    Heads(Heads),
    #[prost(message, tag = "10")]
    Ask(Ask),
    #[prost(message, tag = "11")]
    Answer(Answer),
    #[prost(message, tag = "12")]
    Bye(Nothing),
    #[prost(message, tag = "13")]
    Notice(Notice),
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Nothing {}

/// A sign of life.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Beat {
    /// Of the origin's roster.
    #[prost(uint64, tag = "1")]
    pub(super) version: u64,
    /// The origin has just connected: answer with a sign of life.
    #[prost(bool, tag = "2")]
    pub(super) is_hello: bool,
}

/// A session has joined or left a group.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Change {
    /// Of the roster after it.
    #[prost(uint64, tag = "1")]
    pub(super) version: u64,
    #[prost(string, tag = "2")]
    pub(super) group: String,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) session: Bytes,
    #[prost(bool, tag = "4")]
    pub(super) is_member: bool,
}

/// Part of a whole roster.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RosterPart {
    #[prost(uint64, tag = "1")]
    pub(super) version: u64,
    #[prost(uint32, tag = "2")]
    pub(super) index: u32,
    #[prost(uint32, tag = "3")]
    pub(super) count: u32,
    #[prost(message, repeated, tag = "4")]
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub(super) group: String,
    /// 16 bytes each.
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) sessions: Bytes,
}

/// A push to a group.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Frame {
    #[prost(string, tag = "1")]
    pub(super) group: String,
    /// Which of the origin's streams of this group: a newer one counts from the beginning.
    #[prost(uint64, tag = "2")]
    pub(super) life: u64,
    /// Rises by 1; 0: UNRELIABLE, nobody asks for it again.
    #[prost(uint64, tag = "3")]
    pub(super) seq: u64,
    #[prost(fixed32, tag = "4")]
    pub(super) method: u32,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) body: Bytes,
    #[prost(oneof = "Key", tags = "6, 7")]
    pub(super) key: Option<Key>,
    /// Absent: all.
    #[prost(oneof = "Part", tags = "8, 9")]
    pub(super) part: Option<Part>,
    /// No push: the sessions of all members end.
    #[prost(message, tag = "10")]
    pub(super) end: Option<GoAway>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Key {
    /// 16 bytes, big-endian.
    #[prost(bytes = "bytes", tag = "6")]
    Number(Bytes),
    #[prost(bytes = "bytes", tag = "7")]
    Text(Bytes),
}

/// Sessions, 16 bytes each.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Part {
    #[prost(bytes = "bytes", tag = "8")]
    Except(Bytes),
    #[prost(bytes = "bytes", tag = "9")]
    Only(Bytes),
}

/// Where a stream stands.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Head {
    #[prost(string, tag = "1")]
    pub(super) group: String,
    #[prost(uint64, tag = "2")]
    pub(super) life: u64,
    #[prost(uint64, tag = "3")]
    pub(super) seq: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Heads {
    #[prost(message, repeated, tag = "1")]
    pub(super) heads: Vec<Head>,
}

/// Some frames of a stream, both ends included. A wanted span from 0 begins where the asker's membership began.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Span {
    #[prost(string, tag = "1")]
    pub(super) group: String,
    #[prost(uint64, tag = "2")]
    pub(super) life: u64,
    #[prost(uint64, tag = "3")]
    pub(super) from: u64,
    #[prost(uint64, tag = "4")]
    pub(super) to: u64,
}

/// A question to a client of another node.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Ask {
    /// Of the asking node; the same for each repetition.
    #[prost(uint64, tag = "1")]
    pub(super) id: u64,
    #[prost(string, tag = "2")]
    pub(super) group: String,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) session: Bytes,
    #[prost(fixed32, tag = "4")]
    pub(super) method: u32,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) body: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Answer {
    #[prost(uint64, tag = "1")]
    pub(super) id: u64,
    #[prost(oneof = "AnswerResult", tags = "2, 3")]
    pub(super) result: Option<AnswerResult>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum AnswerResult {
    #[prost(bytes = "bytes", tag = "2")]
    Body(Bytes),
    #[prost(message, tag = "3")]
    Error(shallot_proto::hub::v1::Error),
}

/// What one node tells all others beside groups.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Notice {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) body: Bytes,
}

/// An item, ready for any parcel.
pub(super) fn encode(kind: Kind) -> Bytes {
    Item { kind: Some(kind) }.encode_length_delimited_to_vec().into()
}

/// The beginning of a parcel.
pub(super) fn header(origin: &NodeId) -> BytesMut {
    BytesMut::from(Header { origin: origin.to_string() }.encode_length_delimited_to_vec().as_slice())
}

/// Whose parcel it is, and what is in it. Kinds that this version does not know are left out; from the first item on that cannot be
/// read the rest is. `None`: not a parcel.
pub(super) fn decode(mut parcel: Bytes) -> Option<(NodeId, Vec<Kind>)> {
    let header = Header::decode_length_delimited(&mut parcel).ok()?;
    let origin = NodeId::parse(&header.origin).ok()?;
    let mut kinds = Vec::new();
    while !parcel.is_empty() {
        match Item::decode_length_delimited(&mut parcel) {
            Ok(item) => kinds.extend(item.kind),
            Err(error) => {
                tracing::warn!(%origin, %error, "an item from another node cannot be read");
                break;
            }
        }
    }
    Some((origin, kinds))
}

pub(super) fn session_bytes(session: SessionId) -> Bytes {
    Bytes::copy_from_slice(&session.0)
}

pub(super) fn session_id(bytes: &[u8]) -> Option<SessionId> {
    Some(SessionId(bytes.try_into().ok()?))
}

pub(super) fn sessions_bytes(sessions: &[SessionId]) -> Bytes {
    sessions.iter().flat_map(|session| session.0).collect::<Vec<u8>>().into()
}

/// What is not 16 bytes at the end is left out.
pub(super) fn session_ids(bytes: &[u8]) -> Vec<SessionId> {
    bytes.chunks_exact(16).filter_map(session_id).collect()
}

pub(super) fn group_name(name: String) -> Option<GroupName> {
    GroupName::new(name).ok()
}

impl Key {
    pub(super) fn of(key: &PushKey) -> Option<Self> {
        match key {
            PushKey::Method => None,
            PushKey::Number(number) => Some(Self::Number(Bytes::copy_from_slice(&number.to_be_bytes()))),
            PushKey::Bytes(bytes) => Some(Self::Text(bytes.clone())),
        }
    }

    pub(super) fn into_push_key(this: Option<Self>) -> PushKey {
        match this {
            None => PushKey::Method,
            Some(Self::Number(bytes)) => <[u8; 16]>::try_from(bytes.as_ref())
                .map_or(PushKey::Method, |bytes| PushKey::Number(i128::from_be_bytes(bytes))),
            Some(Self::Text(bytes)) => PushKey::Bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node() -> NodeId {
        NodeId::new("a", 1).unwrap()
    }

    #[test]
    fn a_parcel_is_read_back() {
        let frame = Frame {
            group: "g".to_owned(),
            life: 1,
            seq: 9,
            method: 7,
            body: Bytes::from_static(b"body"),
            key: Key::of(&PushKey::Number(-5)),
            part: Some(Part::Only(sessions_bytes(&[SessionId([3; 16])]))),
            end: None,
        };
        let kinds =
            [Kind::Beat(Beat { version: 4, is_hello: true }), Kind::Frame(frame.clone()), Kind::Bye(Nothing {})];
        let mut parcel = header(&node());
        kinds.iter().for_each(|kind| parcel.extend_from_slice(&encode(kind.clone())));
        assert_eq!(decode(parcel.freeze()), Some((node(), kinds.to_vec())));
        assert_eq!(Key::into_push_key(frame.key), PushKey::Number(-5));
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_broker_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(decode(bytes.clone().into()));
            let mut parcel = header(&node());
            parcel.extend_from_slice(&bytes);
            prop_assert!(decode(parcel.freeze()).is_some());
        }
    }
}
