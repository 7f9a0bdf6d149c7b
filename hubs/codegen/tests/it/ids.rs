//! Method ids and the contract hash.

use shallot_hubs_codegen::contract::Contracts;
use shallot_hubs_codegen::fingerprint::method_id;

use crate::planted::{Planted, RULE, hub, hub_text};

fn hash(planted: &Planted) -> [u8; 32] {
    planted.read().unwrap().hash
}

fn first_id(contracts: &Contracts) -> u32 {
    contracts.hubs[0].methods[0].signature.id
}

#[test]
fn an_id_is_fnv_1a_of_the_path() {
    // Vectors of the algorithm's authors.
    assert_eq!(method_id(""), 0x811c_9dc5);
    assert_eq!(method_id("a"), 0xe40c_292c);
    assert_eq!(method_id("foobar"), 0xbf9c_f968);
    let contracts = hub(&format!("rpc Do(Ask) returns (Ask) {{ {RULE} }}"), "").read().unwrap();
    assert_eq!(first_id(&contracts), method_id("shallot.planted.v1.PlantedHub/Do"));
}

#[test]
fn an_option_keeps_the_id_of_a_renamed_method() {
    let id = method_id("shallot.planted.v1.PlantedHub/Do");
    let keep = format!("{RULE} option (shallot.hub.v1.method_id) = {id};");
    let before = hub(&format!("rpc Do(Ask) returns (Ask) {{ {RULE} }}"), "");
    let after = hub(&format!("rpc Perform(Ask) returns (Ask) {{ {keep} }}"), "");
    assert_eq!(first_id(&after.read().unwrap()), id);
    assert_eq!(hash(&before), hash(&after), "on the wire it is the same method");
}

#[test]
fn the_hash_is_of_what_is_on_the_wire() {
    let call = |name: &str| format!("rpc {name}(Ask) returns (Ask) {{ {RULE} }}");
    let base = hash(&hub(&(call("A") + &call("B")), ""));
    assert_eq!(base, hash(&hub(&(call("B") + "// a comment\n" + &call("A")), "")), "neither order nor comments count");
    let stricter = call("B").replace("ACCESS_PLAYER", "ACCESS_CHARACTER");
    assert_eq!(base, hash(&hub(&(call("A") + &stricter), "")), "rules are the server's");
    assert_ne!(base, hash(&hub(&(call("A") + &call("C")), "")));
    assert_ne!(base, hash(&hub(&(call("A") + &call("B")), "rpc OnX(Ask) returns (google.protobuf.Empty);")));
}

#[test]
fn the_hash_reaches_into_messages() {
    let services = hub_text(&format!("rpc A(Ask) returns (Ask) {{ {RULE} }}"), "");
    let of = |messages: &str| hash(&Planted::with_messages(&services, messages));
    let base = of("message Ask { Inner inner = 1; } message Inner { uint32 a = 1; }");
    assert_eq!(base, of("message Inner { uint32 renamed = 1; } message Ask { Inner inner = 1; }"));
    assert_eq!(base, of("message Ask { Inner inner = 1; } message Inner { uint32 a = 1; } message Unused {}"));
    for changed in [
        "message Ask { Inner inner = 1; } message Inner { uint64 a = 1; }",
        "message Ask { Inner inner = 1; } message Inner { uint32 a = 2; }",
        "message Ask { Inner inner = 1; } message Inner { repeated uint32 a = 1; }",
        "message Ask { Inner inner = 1; } message Inner { uint32 a = 1; bool b = 2; }",
        "message Ask { repeated Inner inner = 1; } message Inner { uint32 a = 1; }",
    ] {
        assert_ne!(base, of(changed), "{changed}");
    }
}
