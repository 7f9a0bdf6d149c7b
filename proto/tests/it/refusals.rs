//! Planted contracts that must not build.

use prost_reflect::DescriptorPool;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};

use crate::rules;

/// One file that stands in memory.
struct Planted(String);

impl FileResolver for Planted {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == "planted.proto" {
            File::from_source(name, &self.0)
        } else {
            Err(protox::Error::file_not_found(name))
        }
    }
}

/// Our options with a contract of package `planted` that has these services.
fn planted(services: &str) -> DescriptorPool {
    let source = format!(
        "syntax = \"proto3\"; package planted; import \"shallot/hub/v1/options.proto\"; message M {{}} {services}"
    );
    let mut files = ChainFileResolver::new();
    files.add(Planted(source));
    files.add(IncludeFileResolver::new(env!("CARGO_MANIFEST_DIR").into()));
    files.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(files);
    compiler.open_file("planted.proto").unwrap();
    compiler.descriptor_pool()
}

fn problems(services: &str) -> Vec<String> {
    let pool = planted(services);
    rules::hub_services(&pool).and_then(|hubs| rules::method_rules(&pool, &hubs)).unwrap_err()
}

const RULE: &str = "option (shallot.hub.v1.rule) = { access: ACCESS_PLAYER limit: LIMIT_CLASS_TRADE };";

#[test]
fn a_complete_rule_is_read() {
    let pool = planted(&format!("service S {{ rpc Do(M) returns (M) {{ {RULE} }} }}"));
    let hubs = rules::hub_services(&pool).unwrap();
    let rows = rules::method_rules(&pool, &hubs).unwrap();
    let expected = rules::RuleRow {
        path: "/planted.S/Do".to_owned(),
        access: "ACCESS_PLAYER".to_owned(),
        limit: "LIMIT_CLASS_TRADE".to_owned(),
    };
    assert_eq!(rows, [expected]);
}

#[test]
fn every_method_without_a_rule_is_named() {
    let found = problems("service S { rpc A(M) returns (M); rpc B(stream M) returns (stream M); }");
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with("/planted.S/A: has no rule"), "{}", found[0]);
    assert!(found[1].starts_with("/planted.S/B: has no rule"), "{}", found[1]);
}

#[test]
fn an_unspecified_part_is_refused() {
    let without = |part: &str| {
        problems(&format!("service S {{ rpc A(M) returns (M) {{ option (shallot.hub.v1.rule) = {{ {part} }}; }} }}"))
    };
    assert_eq!(without("access: ACCESS_PLAYER"), ["/planted.S/A: its rule has no limit class"]);
    assert_eq!(without("limit: LIMIT_CLASS_PLAY"), ["/planted.S/A: its rule does not say who may call it"]);
    assert_eq!(
        without("access: ACCESS_UNSPECIFIED limit: LIMIT_CLASS_PLAY"),
        ["/planted.S/A: its rule does not say who may call it"]
    );
}

#[test]
fn hub_methods_need_a_rule_and_receiver_methods_none() {
    let receiver = "service R { rpc On(M) returns (M); }";
    let hub = |rule: &str| {
        format!(
            "service H {{ option (shallot.hub.v1.receiver) = \"R\"; rpc A(M) returns (M) {{ {rule} }} }} {receiver}"
        )
    };
    let found = problems(&hub(""));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("/planted.H/A: has no rule"), "{}", found[0]);

    let pool = planted(&hub(RULE));
    let hubs = rules::hub_services(&pool).unwrap();
    assert_eq!(rules::method_rules(&pool, &hubs).unwrap(), [], "a hub is no gRPC service");
}

#[test]
fn a_receiver_must_be_a_service_that_is_no_hub() {
    let missing = problems("service H { option (shallot.hub.v1.receiver) = \"Gone\"; }");
    assert_eq!(missing, ["planted.H: its receiver `planted.Gone` is not declared"]);
    let itself = problems("service H { option (shallot.hub.v1.receiver) = \"H\"; }");
    assert_eq!(itself, ["planted.H: is a hub and the receiver of one"]);
}
