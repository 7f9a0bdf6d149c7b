//! Writes what the crate includes beside prost's and tonic's output.

use std::fmt::Write as _;

use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::rules::{HubServices, RuleRow};

/// Field number of `service` in `FileDescriptorProto`, the first step of a comment's path.
const SERVICE_FIELD: i32 = 6;

/// Takes hubs and receivers out of each file, and their comments.
pub(crate) fn drop_hub_services(files: &mut FileDescriptorSet, hubs: &HubServices) {
    for file in &mut files.file {
        drop_services(file, hubs);
    }
}

/// Comments are keyed by a service's place in its file, so those of the services that stay move with them.
fn drop_services(file: &mut FileDescriptorProto, hubs: &HubServices) {
    let package = file.package().to_owned();
    let mut kept = 0;
    let mut new_places = Vec::with_capacity(file.service.len());
    file.service.retain(|service| {
        let stays = !hubs.contains(&format!("{package}.{}", service.name()));
        new_places.push(stays.then_some(kept));
        kept += i32::from(stays);
        stays
    });
    let Some(comments) = &mut file.source_code_info else { return };
    comments.location.retain_mut(|location| match location.path.as_mut_slice() {
        [SERVICE_FIELD, place, ..] => {
            let new_place = usize::try_from(*place).ok().and_then(|old| new_places.get(old).copied().flatten());
            *place = new_place.unwrap_or(*place);
            new_place.is_some()
        }
        _ => true,
    });
}

/// The rows as a Rust constant, in the order they come in.
pub(crate) fn rules_table(rows: &[RuleRow]) -> String {
    let mut code = String::from("/// Each gRPC method with its rule, sorted by path.\n");
    code.push_str("pub const METHOD_RULES: &[(&str, MethodRule)] = &[\n");
    for RuleRow { path, access, limit } in rows {
        let (access, limit) = (variant("ACCESS_", access), variant("LIMIT_CLASS_", limit));
        let rule = format!("MethodRule {{ access: Access::{access}, limit: LimitClass::{limit} }}");
        writeln!(code, "    ({path:?}, {rule}),").expect("writing to a String cannot fail");
    }
    code.push_str("];\n");
    code
}

/// `LIMIT_CLASS_SIGN_IN` as prost calls it: `SignIn`.
fn variant(prefix: &str, name: &str) -> String {
    let words = name.strip_prefix(prefix).unwrap_or(name).split('_');
    words
        .map(|word| {
            word.chars().take(1).chain(word.chars().skip(1).map(|c| c.to_ascii_lowercase())).collect::<String>()
        })
        .collect()
}
