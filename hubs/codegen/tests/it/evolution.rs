//! A planted break of each kind is found, by what it broke; what is additive passes.

use std::collections::BTreeSet;

use prost_reflect::DescriptorPool;
use shallot_hubs_codegen::evolution::{BreakingChange, Rule, breaking_changes};

use crate::planted::Planted;

/// What was released: one of everything.
const RELEASED: &str = r#"
message Ask { string text = 1; optional uint32 many = 2; repeated int32 list = 3; Mood mood = 4; Inner inner = 5;
              map<string, Inner> by_name = 6; oneof way { uint32 left = 7; uint32 right = 8; } uint32 alone = 9; }
message Inner { message Deep { bool yes = 1; } Deep deep = 1; uint64 entity = 2; }
message Told { uint64 entity = 1; uint64 other = 2; }
enum Mood { MOOD_UNSPECIFIED = 0; MOOD_GOOD = 1; MOOD_BAD = 2; }
service PlantedHub {
  option (shallot.hub.v1.receiver) = "PlantedReceiver";
  rpc Do(Ask) returns (Told) { option (shallot.hub.v1.rule) = { access: ACCESS_PLAYER limit: LIMIT_CLASS_PLAY }; }
  rpc Say(Ask) returns (google.protobuf.Empty) { option (shallot.hub.v1.rule) = { access: ACCESS_PLAYER limit: LIMIT_CLASS_PLAY };
    option (shallot.hub.v1.one_way) = true; }
}
service PlantedReceiver {
  rpc OnTold(Told) returns (google.protobuf.Empty);
  rpc OnGauge(Told) returns (google.protobuf.Empty) { option (shallot.hub.v1.delivery) = DELIVERY_LATEST; option (shallot.hub.v1.key) = "entity"; }
  rpc Sure(Ask) returns (Told);
}
service OtherReceiver {}
service Plain {
  rpc Get(Ask) returns (Told) { option (shallot.hub.v1.rule) = { access: ACCESS_PUBLIC limit: LIMIT_CLASS_PLAY }; }
}
"#;

fn pool(contract: &str) -> DescriptorPool {
    Planted::with_messages(contract, "").pool()
}

/// The contract with each of these replaced by what follows it.
#[track_caller]
fn changed(replacements: &[(&str, &str)]) -> DescriptorPool {
    let mut text = RELEASED.to_owned();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from} is not in the contract");
        text = text.replacen(from, to, 1);
    }
    pool(&text)
}

#[track_caller]
fn found(replacements: &[(&str, &str)]) -> Vec<BreakingChange> {
    breaking_changes(&pool(RELEASED), &changed(replacements)).unwrap()
}

/// One planted change and the lines it must give, without file and rule's text.
struct Case {
    change: &'static [(&'static str, &'static str)],
    broken: &'static [(Rule, &'static str, &'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case { change: &[("string text = 1;", "")], broken: &[(Rule::FieldStays, "Ask.text", "number 1", "gone")] },
    Case {
        change: &[("string text = 1;", "reserved 1;")],
        broken: &[(Rule::FieldStays, "Ask.text", "number 1", "gone")],
    },
    Case {
        change: &[("string text = 1;", "string text = 19;")],
        broken: &[(Rule::FieldNumber, "Ask.text", "1", "19")],
    },
    Case {
        change: &[("left = 7; uint32 right = 8;", "left = 8; uint32 right = 7;")],
        broken: &[(Rule::FieldNumber, "Ask.left", "7", "8"), (Rule::FieldNumber, "Ask.right", "8", "7")],
    },
    Case {
        change: &[("string text = 1;", "bytes text = 1;")],
        broken: &[(Rule::FieldType, "Ask.text", "string", "bytes")],
    },
    Case {
        change: &[("Inner inner = 5;", "Told inner = 5;")],
        broken: &[(Rule::FieldType, "Ask.inner", "shallot.planted.v1.Inner", "shallot.planted.v1.Told")],
    },
    Case {
        change: &[("map<string, Inner>", "map<uint32, Inner>")],
        broken: &[
            (
                Rule::FieldType,
                "Ask.by_name",
                "map<string, shallot.planted.v1.Inner>",
                "map<uint32, shallot.planted.v1.Inner>",
            ),
            (Rule::FieldType, "Ask.ByNameEntry.key", "string", "uint32"),
        ],
    },
    Case { change: &[("repeated int32", "int32")], broken: &[(Rule::FieldLabel, "Ask.list", "repeated", "single")] },
    Case { change: &[("optional uint32", "uint32")], broken: &[(Rule::FieldLabel, "Ask.many", "optional", "single")] },
    Case {
        change: &[("string text = 1;", "repeated string text = 1;")],
        broken: &[(Rule::FieldLabel, "Ask.text", "single", "repeated")],
    },
    Case {
        change: &[("uint32 right = 8; } uint32 alone = 9;", "} uint32 right = 8; uint32 alone = 9;")],
        broken: &[(Rule::FieldOneof, "Ask.right", "in oneof way", "in no oneof")],
    },
    Case {
        change: &[("uint32 right = 8; } uint32 alone = 9;", "uint32 right = 8; uint32 alone = 9; }")],
        broken: &[(Rule::FieldOneof, "Ask.alone", "in no oneof", "in oneof way")],
    },
    Case { change: &[("bool yes = 1;", "")], broken: &[(Rule::FieldStays, "Inner.Deep.yes", "number 1", "gone")] },
    Case { change: &[(" MOOD_BAD = 2;", "")], broken: &[(Rule::ValueStays, "Mood.MOOD_BAD", "number 2", "gone")] },
    Case { change: &[("MOOD_BAD = 2;", "MOOD_BAD = 3;")], broken: &[(Rule::ValueNumber, "Mood.MOOD_BAD", "2", "3")] },
    Case {
        change: &[("enum Mood {", "enum Humour {"), ("Mood mood", "Humour mood")],
        broken: &[
            (Rule::FieldType, "Ask.mood", "shallot.planted.v1.Mood", "shallot.planted.v1.Humour"),
            (Rule::TypeStays, "Mood", "there", "gone"),
        ],
    },
    Case {
        change: &[("rpc Sure(Ask) returns (Told);", "")],
        broken: &[(Rule::MethodStays, "PlantedReceiver/Sure", "there", "gone")],
    },
    Case { change: &[("rpc Get(", "rpc Fetch(")], broken: &[(Rule::MethodStays, "Plain/Get", "there", "gone")] },
    Case {
        change: &[("service Plain {", "service Plainer {")],
        broken: &[(Rule::ServiceStays, "Plain", "there", "gone"), (Rule::MethodStays, "Plain/Get", "there", "gone")],
    },
    Case {
        change: &[(
            "rpc Sure(Ask) returns (Told);",
            "rpc Sure(Ask) returns (Told) { option (shallot.hub.v1.method_id) = 77; }",
        )],
        broken: &[(Rule::MethodId, "PlantedReceiver/Sure", "0x761c00f8", "0x0000004d")],
    },
    Case {
        change: &[("rpc Sure(Ask)", "rpc Sure(Told)")],
        broken: &[(Rule::MethodInput, "PlantedReceiver/Sure", "shallot.planted.v1.Ask", "shallot.planted.v1.Told")],
    },
    Case {
        change: &[("rpc Sure(Ask) returns (Told)", "rpc Sure(Ask) returns (google.protobuf.Empty)")],
        broken: &[(Rule::MethodOutput, "PlantedReceiver/Sure", "shallot.planted.v1.Told", "google.protobuf.Empty")],
    },
    Case {
        change: &[("rpc Get(Ask) returns (Told)", "rpc Get(Ask) returns (stream Told)")],
        broken: &[(Rule::MethodStreams, "Plain/Get", "unary", "streaming to the client")],
    },
    Case {
        change: &[("option (shallot.hub.v1.one_way) = true;", "")],
        broken: &[(Rule::OneWay, "PlantedHub/Say", "one-way", "answered")],
    },
    Case {
        change: &[(
            "option (shallot.hub.v1.one_way) = true;",
            "option (shallot.hub.v1.one_way) = true; option (shallot.hub.v1.concurrent) = true;",
        )],
        broken: &[(Rule::Turn, "PlantedHub/Say", "one at a time", "concurrent")],
    },
    Case {
        change: &[("ACCESS_PLAYER", "ACCESS_CHARACTER")],
        broken: &[(Rule::Access, "PlantedHub/Do", "PLAYER", "CHARACTER")],
    },
    Case { change: &[("ACCESS_PUBLIC", "ACCESS_PLAYER")], broken: &[(Rule::Access, "Plain/Get", "PUBLIC", "PLAYER")] },
    Case {
        change: &[("DELIVERY_LATEST", "DELIVERY_UNRELIABLE")],
        broken: &[(Rule::Delivery, "PlantedReceiver/OnGauge", "LATEST", "UNRELIABLE")],
    },
    Case {
        change: &[(
            "rpc OnTold(Told) returns (google.protobuf.Empty);",
            "rpc OnTold(Told) returns (google.protobuf.Empty) { option (shallot.hub.v1.delivery) = DELIVERY_LATEST; }",
        )],
        broken: &[(Rule::Delivery, "PlantedReceiver/OnTold", "RELIABLE", "LATEST")],
    },
    Case {
        change: &[("\"entity\"", "\"other\"")],
        broken: &[(Rule::Key, "PlantedReceiver/OnGauge", "field 1", "field 2")],
    },
    Case {
        change: &[
            ("\"PlantedReceiver\"", "\"OtherReceiver\""),
            ("OtherReceiver {}", "OtherReceiver { rpc OnX(Ask) returns (Ask); }"),
        ],
        broken: &[
            (Rule::Receiver, "PlantedHub", "shallot.planted.v1.PlantedReceiver", "shallot.planted.v1.OtherReceiver"),
            (Rule::MethodStays, "PlantedReceiver/OnGauge", "there", "gone"),
            (Rule::MethodStays, "PlantedReceiver/OnTold", "there", "gone"),
            (Rule::MethodStays, "PlantedReceiver/Sure", "there", "gone"),
        ],
    },
];

#[test]
fn a_planted_break_of_each_kind_is_found_and_nothing_else() {
    for case in CASES {
        let found = found(case.change);
        let told: Vec<_> = found
            .iter()
            .map(|c| (c.rule, c.place.trim_start_matches("shallot.planted.v1."), c.was.as_str(), c.is.as_str()))
            .collect();
        let mut broken = case.broken.to_vec();
        broken.sort_by_key(|(rule, place, ..)| (format!("shallot.planted.v1.{place}"), *rule));
        assert_eq!(told, broken, "{:?}", case.change);
        assert!(found.iter().all(|change| change.file == "planted.proto"));
    }
}

#[test]
fn no_rule_is_without_a_case() {
    let seen: BTreeSet<Rule> = CASES.iter().flat_map(|case| case.broken).map(|(rule, ..)| *rule).collect();
    let last = Rule::Key as usize;
    assert_eq!(seen.len(), last + 1, "{seen:?}");
}

#[test]
fn a_line_says_file_place_rule_was_and_is() {
    let line = found(&[("MOOD_BAD = 2;", "MOOD_BAD = 3;")])[0].to_string();
    assert_eq!(line, "planted.proto: shallot.planted.v1.Mood.MOOD_BAD: an enum value keeps its number; was 2, is 3");
}

#[test]
fn all_breaks_come_at_once() {
    let found = found(&[("string text = 1;", ""), (" MOOD_BAD = 2;", ""), ("ACCESS_PLAYER", "ACCESS_CHARACTER")]);
    assert_eq!(found.len(), 3);
}

#[test]
fn what_is_additive_passes() {
    let rule = "option (shallot.hub.v1.rule) = { access: ACCESS_PLAYER limit: LIMIT_CLASS_PLAY };";
    let method = format!("service PlantedHub {{ rpc More(Ask) returns (Told) {{ {rule} }}");
    let hub = format!(
        "service NewHub {{ option (shallot.hub.v1.receiver) = \"NewReceiver\"; rpc Go(Ask) returns (Ask) {{ {rule} }} }} \
         service NewReceiver {{}} service OtherReceiver {{}}"
    );
    for change in [
        &[("string text = 1;", "string text = 1; string more = 20;")][..],
        &[("uint32 right = 8;", "uint32 right = 8; uint32 up = 21;")],
        &[("MOOD_BAD = 2;", "MOOD_BAD = 2; MOOD_NEW = 3;")],
        &[("message Told {", "message New { bool a = 1; } message Told {")],
        &[("service PlantedHub {", &method)],
        &[("service OtherReceiver {}", &hub)],
        &[("rpc OnTold", "rpc OnMore(Told) returns (google.protobuf.Empty); rpc OnTold")],
        &[("ACCESS_PLAYER", "ACCESS_PUBLIC")],
        &[("LIMIT_CLASS_PLAY", "LIMIT_CLASS_ORDINARY")],
        &[],
    ] {
        assert_eq!(found(change), [], "{change:?}");
    }
}

#[test]
fn a_name_that_the_wire_does_not_carry_may_change() {
    let id = shallot_hubs_codegen::fingerprint::method_id;
    let keep =
        |path: &str| format!("option (shallot.hub.v1.method_id) = {};", id(&format!("shallot.planted.v1.{path}")));
    let kept_sure = format!("rpc Certain(Ask) returns (Told) {{ {} }}", keep("PlantedReceiver/Sure"));
    assert_eq!(found(&[("rpc Sure(Ask) returns (Told);", &kept_sure)]), [], "a method");
    assert_eq!(found(&[("string text = 1;", "string words = 1;")]), [], "a field");
    assert_eq!(found(&[("MOOD_BAD = 2;", "MOOD_POOR = 2;")]), [], "an enum value");
    assert_eq!(found(&[("entity = 1;", "who = 1;"), ("\"entity\"", "\"who\"")]), [], "a key");

    let (r#do, say) = (keep("PlantedHub/Do"), keep("PlantedHub/Say"));
    let renamed_hub = [
        ("service PlantedHub", "service RenamedHub"),
        ("returns (Told) { option", &*format!("returns (Told) {{ {do} option")),
        ("returns (google.protobuf.Empty) { option", &*format!("returns (google.protobuf.Empty) {{ {say} option")),
    ];
    assert_eq!(found(&renamed_hub), [], "a hub all of whose methods keep their ids");
    let forgotten = found(&renamed_hub[..2]);
    let places: Vec<&str> = forgotten.iter().map(|change| change.place.as_str()).collect();
    assert_eq!(places, ["shallot.planted.v1.PlantedHub", "shallot.planted.v1.PlantedHub/Say"]);
}
