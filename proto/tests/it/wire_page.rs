//! The hub frame that `docs/WIRE.md` shows as bytes.

use std::fs;

use prost::Message as _;
use shallot_proto::hub::v1::{Call, ClientBatch, ClientFrame, client_frame::Frame};
use shallot_proto::wire::NetId;
use shallot_proto::world::v1::AttackRequest;

/// The bytes of the block that is fenced with `hex` and `name`, without what follows a number sign.
fn bytes_of(name: &str) -> Vec<u8> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/WIRE.md")).unwrap();
    let fence = format!("```hex {name}");
    let lines = page.lines().skip_while(|line| *line != fence).skip(1).take_while(|line| *line != "```");
    let bytes = lines.flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// FNV-1a with 32 bits.
fn method_id(path: &str) -> u32 {
    path.bytes().fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[test]
fn a_call_is_these_bytes() {
    let target = NetId { index: 1_025, generation: 2 }.to_bits();
    let call = Call {
        id: 1,
        method: method_id("shallot.world.v1.WorldHub/Attack"),
        body: AttackRequest { target }.encode_to_vec().into(),
        ..Call::default()
    };
    let batch = ClientBatch { frames: vec![ClientFrame { frame: Some(Frame::Call(call)) }] };
    assert_eq!(batch.encode_to_vec(), bytes_of("hub-call"));
}
