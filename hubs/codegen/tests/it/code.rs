//! What the generated source has in it. That it compiles and works is shown by the hubs built on it.

use crate::planted::{RULE, hub};

fn small() -> String {
    let call =
        format!("\n\n// Does it.\nrpc Do(Ask) returns (Told) {{ {RULE} option (shallot.hub.v1.deadline_ms) = 900; }}");
    let one_way =
        format!("rpc Move(Ask) returns (google.protobuf.Empty) {{ {RULE} option (shallot.hub.v1.one_way) = true; }}");
    let push = "rpc OnTold(Told) returns (google.protobuf.Empty) {\
                option (shallot.hub.v1.delivery) = DELIVERY_LATEST; option (shallot.hub.v1.key) = \"entity\"; }";
    let ask = "rpc Sure(Ask) returns (Ask);";
    hub(&(call + &one_way), &format!("{push} {ask}")).code()
}

/// The source without its layout.
fn squeezed(code: &str) -> String {
    let line = code.split_whitespace().collect::<Vec<_>>().join(" ");
    [(", )", ")"), ("( ", "("), ("< ", "<"), (", >", ">")].iter().fold(line, |line, (from, to)| line.replace(from, to))
}

#[track_caller]
fn has(code: &str, part: &str) {
    assert!(squeezed(code).contains(part), "{part}\nis not in\n{code}");
}

#[test]
fn stands_in_the_module_of_its_package() {
    let file = syn::parse_file(&small()).unwrap();
    let names: Vec<String> = file.items.iter().filter_map(name).collect();
    assert_eq!(names, ["CONTRACT_HASH", "planted"]);
    let inside = items(items(file.items, "planted"), "v1");
    let names: Vec<String> = inside.iter().filter_map(name).collect();
    let expected = [
        "PlantedHub",
        "PlantedHubDispatcher",
        "PlantedReceiver",
        "PlantedHubClient",
        "PlantedReceiverHandler",
        "PlantedReceiverDispatcher",
        "planted_hub",
        "planted_receiver",
    ];
    assert_eq!(names, expected);
}

fn name(item: &syn::Item) -> Option<String> {
    match item {
        syn::Item::Const(item) => Some(item.ident.to_string()),
        syn::Item::Mod(item) => Some(item.ident.to_string()),
        syn::Item::Struct(item) => Some(item.ident.to_string()),
        syn::Item::Trait(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

fn items(items: Vec<syn::Item>, module: &str) -> Vec<syn::Item> {
    let found = items.into_iter().find_map(|item| match item {
        syn::Item::Mod(item) if item.ident == module => item.content,
        _ => None,
    });
    found.unwrap().1
}

#[test]
fn the_server_trait_and_its_dispatcher() {
    let code = small();
    has(
        &code,
        "/// Does it. fn r#do(&self, call: &::shallot_hubs::CallContext, request: ::shallot_proto::planted::v1::Ask) -> impl ::std::future::Future<Output = Result<::shallot_proto::planted::v1::Told, ::shallot_hubs::HubError>> + Send;",
    );
    has(
        &code,
        "fn on_connect(&self, session: &::shallot_hubs::SessionHandle) -> impl ::std::future::Future<Output = ()> + Send {",
    );
    has(&code, "planted_hub::DO_ID => {");
    has(&code, "let reply = hub.r#do(&call, request).await?;");
    has(&code, "hub.r#move(&call, request).await?; Ok(::shallot_hubs::Bytes::new())");
}

#[test]
fn the_receiver_proxy() {
    let code = small();
    has(&code, "pub fn on_told(&self, message: &::shallot_proto::planted::v1::Told) {");
    has(&code, ".keyed(::shallot_hubs::PushKey::Number(i128::from(message.entity)))");
    has(&code, "impl<'a, A: ::shallot_hubs::Asked + ?Sized> PlantedReceiver<'a, A> {");
    has(&code, "pub async fn sure(&self, request: &::shallot_proto::planted::v1::Ask)");
}

#[test]
fn the_client_stub_and_its_handler() {
    let code = small();
    has(&code, "pub async fn r#do(&self, request: &::shallot_proto::planted::v1::Ask)");
    has(
        &code,
        "pub fn r#move(&self, request: &::shallot_proto::planted::v1::Ask) -> Result<(), ::shallot_hubs::HubError> {",
    );
    has(&code, "fn on_told(&self, message: ::shallot_proto::planted::v1::Told);");
    has(&code, "fn sure(&self, ask: &::shallot_hubs::AskContext, request: ::shallot_proto::planted::v1::Ask)");
}

#[test]
fn the_constants_carry_rule_and_class() {
    let code = small();
    has(
        &code,
        "name: \"shallot.planted.v1.PlantedHub/Do\", access: ::shallot_hubs::Access::Player, limit: ::shallot_hubs::LimitClass::Play, one_way: false, concurrent: false, deadline_ms: 900, };",
    );
    has(&code, "delivery: ::shallot_hubs::Delivery::Latest, };");
}
