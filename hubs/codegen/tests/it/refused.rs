//! Contracts that fail the build.

use crate::planted::{Planted, RULE, hub};

/// Refused in one line that says this.
fn refused(methods: &str, receiver: &str, says: &str) {
    let problems = hub(methods, receiver).refusals();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains(says), "{says:?} in {problems:?}");
}

#[test]
fn a_method_without_a_rule() {
    refused("rpc A(Ask) returns (Ask);", "", "PlantedHub/A: has no (shallot.hub.v1.rule).access");
    let half = "option (shallot.hub.v1.rule) = { access: ACCESS_PLAYER };";
    refused(&format!("rpc A(Ask) returns (Ask) {{ {half} }}"), "", "PlantedHub/A: has no (shallot.hub.v1.rule).limit");
}

#[test]
fn two_methods_with_one_id() {
    let call =
        |name: &str| format!("rpc {name}(Ask) returns (Ask) {{ {RULE} option (shallot.hub.v1.method_id) = 77; }}");
    let both = "PlantedHub/A and shallot.planted.v1.PlantedHub/B: both have the wire id 0x0000004d";
    refused(&(call("A") + &call("B")), "", both);
    let push = "rpc OnX(Ask) returns (google.protobuf.Empty) { option (shallot.hub.v1.method_id) = 77; }";
    refused(&call("A"), push, "PlantedReceiver/OnX: both have the wire id");
}

#[test]
fn a_receiver_that_is_not_there_or_anothers() {
    let missing = Planted::new("service A { option (shallot.hub.v1.receiver) = \"Nobody\"; }").refusals();
    assert!(missing[0].contains("`shallot.planted.v1.Nobody` is not declared"), "{missing:?}");
    let shared = Planted::new(
        "service A { option (shallot.hub.v1.receiver) = \"R\"; } service B { option (shallot.hub.v1.receiver) = \"R\"; } service R {}",
    );
    let shared = shared.refusals();
    assert!(shared[0].contains("R: is the receiver of both"), "{shared:?}");
}

#[test]
fn streams() {
    refused(&format!("rpc A(stream Ask) returns (Ask) {{ {RULE} }}"), "", "do not stream");
    refused("", "rpc OnX(Ask) returns (stream Ask);", "do not stream");
}

#[test]
fn options_on_the_wrong_side() {
    let call = |option: &str, reply: &str| format!("rpc A(Ask) returns ({reply}) {{ {RULE} {option} }}");
    refused(
        &call("option (shallot.hub.v1.one_way) = true;", "Ask"),
        "",
        "a one-way method returns google.protobuf.Empty",
    );
    refused(&call("option (shallot.hub.v1.delivery) = DELIVERY_LATEST;", "Ask"), "", "are for receiver methods");
    refused("", &format!("rpc OnX(Ask) returns (google.protobuf.Empty) {{ {RULE} }}"), "are for hub methods");
    let latest = "option (shallot.hub.v1.delivery) = DELIVERY_LATEST;";
    refused("", &format!("rpc Sure(Ask) returns (Ask) {{ {latest} }}"), "neither delivery class nor key");
    let deadline = "option (shallot.hub.v1.deadline_ms) = 5;";
    refused("", &format!("rpc OnX(Ask) returns (google.protobuf.Empty) {{ {deadline} }}"), "a push has no deadline");
}

#[test]
fn keys_that_are_none() {
    let push = |delivery: &str, key: &str| {
        format!(
            "rpc OnX(Told) returns (google.protobuf.Empty) {{ \
             option (shallot.hub.v1.delivery) = {delivery}; option (shallot.hub.v1.key) = \"{key}\"; }}"
        )
    };
    for key in ["nothing", "many", "real"] {
        refused("", &push("DELIVERY_LATEST", key), &format!("`{key}` is no number, text or bytes field"));
    }
    refused("", &push("DELIVERY_RELIABLE", "entity"), "a RELIABLE push has no key");
    assert!(hub("", &push("DELIVERY_LATEST", "entity")).read().is_ok());
}

#[test]
fn all_problems_at_once() {
    let problems =
        hub("rpc A(Ask) returns (Ask); rpc B(stream Ask) returns (Ask);", "rpc OnX(Ask) returns (stream Ask);");
    assert_eq!(problems.refusals().len(), 3);
}

#[test]
fn what_does_not_compile() {
    let error = Planted::new("service A { nonsense }").read().unwrap_err();
    assert!(error.to_string().contains("do not compile"), "{error}");
}
