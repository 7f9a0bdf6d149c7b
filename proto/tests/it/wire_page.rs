//! The hub frames that `docs/WIRE.md` shows as bytes: each kind once, both ways; on a QUIC stream; a push as a datagram.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;

use bytes::Bytes;
use prost::Message;
use prost_reflect::DescriptorPool;
use shallot_proto::FILE_DESCRIPTOR_SET;
use shallot_proto::hub::v1::{
    Ack, Answer, Ask, Auth, Call, Cancel, Channel, ClientBatch, ClientFrame, Dropped, Error, GoAway, GroupGap, Hello,
    Open, Ping, Pong, Push, Reply, RetryDetail, ServerBatch, ServerFrame, Welcome, answer, client_frame, reply,
    server_frame,
};
use shallot_proto::social::v1::{ChatMessage, Invitation, InvitationAnswer, SayRequest};
use shallot_proto::wire::{HubPush, NetId, Purpose};
use shallot_proto::world::v1::{AttackRequest, InputRefused};

const NOW_MS: u64 = 1_800_000_000_000;

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/WIRE.md")).unwrap()
}

/// The bytes of the block that is fenced with `hex` and `name`, without what follows a number sign.
fn bytes_of(name: &str) -> Vec<u8> {
    let page = page();
    let fence = format!("```hex {name}");
    let lines = page.lines().skip_while(|line| *line != fence).skip(1).take_while(|line| *line != "```");
    let bytes = lines.flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// FNV-1a with 32 bits.
fn method_id(path: &str) -> u32 {
    path.bytes().fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn body(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

fn say() -> u32 {
    method_id("shallot.social.v1.ChatHub/Say")
}

fn on_message() -> u32 {
    method_id("shallot.social.v1.ChatReceiver/OnMessage")
}

fn up(frames: impl IntoIterator<Item = client_frame::Frame>) -> ClientBatch {
    ClientBatch { frames: frames.into_iter().map(|frame| ClientFrame { frame: Some(frame) }).collect() }
}

fn down(frames: impl IntoIterator<Item = server_frame::Frame>) -> ServerBatch {
    ServerBatch { frames: frames.into_iter().map(|frame| ServerFrame { frame: Some(frame) }).collect() }
}

fn hash() -> Bytes {
    (0..32).collect::<Vec<u8>>().into()
}

fn ping() -> Ping {
    Ping { n: 1, sender_time_ms: NOW_MS }
}

fn pong() -> Pong {
    Pong { n: 1, echo_time_ms: NOW_MS, answerer_time_ms: NOW_MS + 40 }
}

fn error(code: u32, reason: &str, message: &str, detail: Bytes) -> Error {
    Error { code, reason: reason.to_owned(), message: message.to_owned(), detail }
}

fn client_vectors() -> Vec<(&'static str, ClientBatch)> {
    use client_frame::Frame as F;
    let hello = Hello {
        access_token: "jwt".to_owned(),
        contract_hash: hash(),
        build: "me 1.0".to_owned(),
        resume_token: Some(Bytes::from_static(&[0x0e, 0x0f])),
        last_seq: Some(300),
    };
    let text = SayRequest { text: "hi".to_owned() };
    let call = Call { id: 2, method: say(), deadline_ms: 2_500, within: Some(7), body: body(&text), ..Call::default() };
    let one_way = Call { id: 3, method: say(), one_way: true, ..Call::default() };
    let accepted = answer::Result::Body(body(&InvitationAnswer { accepted: true }));
    let refused = answer::Result::Error(error(12, "UNKNOWN_METHOD", "no", Bytes::new()).into());
    vec![
        ("client-hello", up([F::Hello(hello.into())])),
        ("client-call", up([F::Call(call)])),
        ("client-cancel", up([F::Cancel(Cancel { id: 2 })])),
        ("client-answer", up([F::Answer(Answer { id: 7, result: Some(accepted) })])),
        ("client-answer-error", up([F::Answer(Answer { id: 8, result: Some(refused) })])),
        ("client-auth", up([F::Auth(Auth { access_token: "jwt2".to_owned() })])),
        ("client-ping", up([F::Ping(ping())])),
        ("client-pong", up([F::Pong(pong())])),
        ("client-ack", up([F::Ack(Ack { seq: 300 })])),
        ("client-batch", up([F::Call(one_way), F::Cancel(Cancel { id: 3 }), F::Ack(Ack { seq: 1 })])),
    ]
}

fn server_vectors() -> Vec<(&'static str, ServerBatch)> {
    use server_frame::Frame as F;
    let welcome = Welcome {
        session_id: (0xa0..0xb0).collect::<Vec<u8>>().into(),
        resume_token: Bytes::from_static(&[0x1e, 0x1f]),
        resumed: true,
        last_call_id: 2,
        channel: Some(Channel { address: ":7410".to_owned(), ticket: Bytes::from_static(&[0x2e, 0x2f]) }),
    };
    let done = Some(reply::Result::Body(Bytes::new()));
    let detail = body(&RetryDetail { retry_after_ms: 600 });
    let limited = Some(reply::Result::Error(error(8, "RATE_LIMITED", "slow", detail).into()));
    let message = |text: &str| body(&ChatMessage { text: text.to_owned(), ..ChatMessage::default() });
    let ask = Ask {
        seq: 4,
        id: 7,
        method: method_id("shallot.social.v1.ChatReceiver/AcceptInvitation"),
        deadline_ms: 20_000,
        body: body(&Invitation { channel: "traders".to_owned(), ..Invitation::default() }),
    };
    let go_away = GoAway {
        code: 14,
        reason: "DRAINING".to_owned(),
        retry_after_ms: 1_500,
        redirect: Some("10.0.0.2:7400".to_owned()),
        message: "bye".to_owned(),
    };
    let latest = Push { seq: 0, method: on_message(), body: message("ho") };
    vec![
        ("server-open", down([F::Open(Open { server_time_ms: NOW_MS, contract_hash: hash(), heartbeat_ms: 5_000 })])),
        ("server-welcome", down([F::Welcome(welcome.into())])),
        ("server-reply", down([F::Reply(Reply { seq: 1, id: 2, result: done.clone() })])),
        ("server-reply-error", down([F::Reply(Reply { seq: 2, id: 4, result: limited })])),
        ("server-push", down([F::Push(Push { seq: 3, method: on_message(), body: message("hi") })])),
        ("server-ask", down([F::Ask(ask)])),
        ("server-dropped", down([F::Dropped(Dropped { count: 3 })])),
        ("server-group-gap", down([F::GroupGap(GroupGap { group: "c:traders".to_owned(), from: 41, to: 43, seq: 5 })])),
        ("server-ping", down([F::Ping(ping())])),
        ("server-pong", down([F::Pong(pong())])),
        ("server-go-away", down([F::GoAway(go_away.into())])),
        ("server-batch", down([F::Reply(Reply { seq: 6, id: 5, result: done }), F::Push(latest)])),
    ]
}

#[track_caller]
fn is_on_the_page<M: Message + Default + PartialEq + Debug>(name: &str, message: &M) {
    let bytes = bytes_of(name);
    assert_eq!(message.encode_to_vec(), bytes, "{name} encodes to other bytes");
    assert_eq!(M::decode(&bytes[..]).as_ref(), Ok(message), "{name} decodes to something else");
}

fn attack() -> ClientBatch {
    let target = NetId { index: 1_025, generation: 2 }.to_bits();
    let call = Call {
        id: 1,
        method: method_id("shallot.world.v1.WorldHub/Attack"),
        body: body(&AttackRequest { target }),
        ..Call::default()
    };
    up([client_frame::Frame::Call(call)])
}

#[test]
fn a_call_is_these_bytes() {
    is_on_the_page("hub-call", &attack());
}

#[test]
fn on_a_quic_stream_its_length_stands_before_it() {
    assert_eq!(attack().encode_length_delimited_to_vec(), bytes_of("framed-call"));
}

#[test]
fn a_push_as_a_datagram_is_these_bytes() {
    let refused = InputRefused { reason: "DATAGRAM_RATE".to_owned(), count: 3 };
    let header = HubPush::header(method_id("shallot.world.v1.WorldReceiver/OnInputRefused"));
    let datagram = [&header[..], &refused.encode_to_vec()].concat();
    let shown = bytes_of("hub-push");
    assert_eq!(datagram, shown, "{datagram:02x?}");
    let read = HubPush::decode(&shown).unwrap();
    assert_eq!(InputRefused::decode(read.body).unwrap(), refused);
}

#[test]
fn openings_are_these_bytes() {
    for (name, purpose) in [("opening-channel", Purpose::Channel), ("opening-link", Purpose::HubLink)] {
        let opening = [&purpose.header(4).unwrap()[..], b"tick"].concat();
        assert_eq!(opening, bytes_of(name));
    }
}

#[test]
fn frames_are_these_bytes() {
    client_vectors().iter().for_each(|(name, batch)| is_on_the_page(name, batch));
    server_vectors().iter().for_each(|(name, batch)| is_on_the_page(name, batch));
}

/// The fields of a frame's oneof that the frames have set, by number.
fn kinds(message: &str, frames: impl IntoIterator<Item = Vec<u8>>) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let all = pool.get_message_by_name(message).unwrap().fields().map(|field| field.number()).collect();
    // A frame is its one field: number and type in the first byte.
    let seen = frames.into_iter().map(|frame| u32::from(frame[0] >> 3)).collect();
    (all, seen)
}

#[test]
fn no_kind_of_frame_is_left_out() {
    let frames = client_vectors().into_iter().flat_map(|(_, batch)| batch.frames).map(|frame| frame.encode_to_vec());
    let (all, seen) = kinds("shallot.hub.v1.ClientFrame", frames);
    assert_eq!(all, seen);
    let frames = server_vectors().into_iter().flat_map(|(_, batch)| batch.frames).map(|frame| frame.encode_to_vec());
    let (all, seen) = kinds("shallot.hub.v1.ServerFrame", frames);
    assert_eq!(all, seen);
}

#[test]
fn no_vector_of_the_page_goes_unread() {
    let named = client_vectors().len() + server_vectors().len();
    let page = page();
    let fences = page.lines().filter(|line| line.starts_with("```hex client-") || line.starts_with("```hex server-"));
    assert_eq!(fences.count(), named);
}
