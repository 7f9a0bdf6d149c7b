//! Method ids and the contract hash: what both ends must agree on before a byte of a message is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, Kind, MessageDescriptor, MethodDescriptor};

use crate::contract::{Hub, ReceiverKind, Signature};

/// `package.Service/Method`, what the id is taken of.
pub(crate) fn method_path(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// FNV-1a with 32 bits of `package.Service/Method` in UTF-8.
///
/// Offset basis 2166136261, prime 16777619 (Fowler, Noll, Vo).
#[must_use]
pub fn method_id(path: &str) -> u32 {
    path.bytes().fold(2_166_136_261, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}

/// A line for each pair of methods with one id. Calls and pushes travel apart, but one table for both is easier to read in a
/// capture, so an id is used once over all.
pub(crate) fn collisions(hubs: &[Hub]) -> Vec<String> {
    let mut seen: BTreeMap<u32, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for signature in hubs.iter().flat_map(signatures) {
        if let Some(first) = seen.insert(signature.id, &signature.full_name) {
            let (id, second) = (signature.id, &signature.full_name);
            problems.push(format!(
                "{first} and {second}: both have the wire id {id:#010x}; set (shallot.hub.v1.method_id)"
            ));
        }
    }
    problems
}

fn signatures(hub: &Hub) -> impl Iterator<Item = &Signature> {
    let calls = hub.methods.iter().map(|m| &m.signature);
    calls.chain(hub.receiver.methods.iter().map(|m| &m.signature))
}

/// BLAKE3 of [`canonical`].
pub(crate) fn contract_hash(hubs: &[Hub], pool: &DescriptorPool) -> [u8; 32] {
    *blake3::hash(canonical(hubs, pool).as_bytes()).as_bytes()
}

/// What the contracts are on the wire, as text: hubs by name, methods by id, then each message they reach with its fields by
/// number. Comments, file names and the order of declarations do not count; access rules, limit classes and deadlines neither,
/// since a client need not know them.
pub(crate) fn canonical(hubs: &[Hub], pool: &DescriptorPool) -> String {
    let mut text = String::from("shallot hub contracts 1\n");
    let mut messages = BTreeSet::new();
    for hub in hubs {
        line(&mut text, format_args!("hub {} {}", hub.full_name, hub.receiver.full_name));
        let mut methods: Vec<_> = hub.methods.iter().collect();
        methods.sort_by_key(|m| m.signature.id);
        for method in methods {
            let kind = if method.one_way { "one-way" } else { "call" };
            method_line(&mut text, kind, &method.signature);
            reach(pool, &method.signature, &mut messages);
        }
        let mut methods: Vec<_> = hub.receiver.methods.iter().collect();
        methods.sort_by_key(|m| m.signature.id);
        for method in methods {
            let kind = match method.kind {
                ReceiverKind::Push { .. } => "push",
                ReceiverKind::ClientResult { .. } => "ask",
            };
            method_line(&mut text, kind, &method.signature);
            reach(pool, &method.signature, &mut messages);
        }
    }
    for name in messages {
        if let Some(message) = pool.get_message_by_name(&name) {
            message_lines(&mut text, &message);
        }
    }
    text
}

fn method_line(text: &mut String, kind: &str, method: &Signature) {
    let (request, reply) = (&method.request.full_name, &method.reply.full_name);
    line(text, format_args!("{kind} {:08x} {request} {reply}", method.id));
}

fn message_lines(text: &mut String, message: &MessageDescriptor) {
    line(text, format_args!("message {}", message.full_name()));
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(prost_reflect::FieldDescriptor::number);
    for field in fields {
        let list = if field.is_list() { " repeated" } else { "" };
        let group = field.containing_oneof().map(|o| format!(" in {}", o.name())).unwrap_or_default();
        line(text, format_args!("{} {}{list}{group}", field.number(), kind_name(&field.kind())));
    }
}

fn kind_name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(values) => {
            let mut numbers: Vec<i32> = values.values().map(|v| v.number()).collect();
            numbers.sort_unstable();
            format!("{} {numbers:?}", values.full_name())
        }
        scalar => format!("{scalar:?}"),
    }
}

/// Adds the method's messages and all that they hold.
fn reach(pool: &DescriptorPool, method: &Signature, found: &mut BTreeSet<String>) {
    let mut open = vec![method.request.full_name.clone(), method.reply.full_name.clone()];
    while let Some(name) = open.pop() {
        let Some(message) = pool.get_message_by_name(&name) else { continue };
        if found.insert(name) {
            let held = message.fields().filter_map(|f| f.kind().as_message().map(|m| m.full_name().to_owned()));
            open.extend(held);
        }
    }
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{what}");
}
