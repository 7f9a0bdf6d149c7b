//! What the contracts' options say: which services are hubs or receivers, and the rule of each method that a client may call.
//! Included by `build.rs` and by the test of its refusals.

use std::collections::BTreeSet;

use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, MethodDescriptor, ReflectMessage, ServiceDescriptor,
};

const RECEIVER: &str = "shallot.hub.v1.receiver";
const RULE: &str = "shallot.hub.v1.rule";

/// The rule of one gRPC method.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RuleRow {
    /// As HTTP/2 carries it: "/package.Service/Method".
    pub(crate) path: String,
    /// Name of a value of `shallot.hub.v1.Access`, never the unspecified one.
    pub(crate) access: String,
    /// Name of a value of `shallot.hub.v1.LimitClass`, never the unspecified one.
    pub(crate) limit: String,
}

/// Full names of the services that tonic must not generate: hubs, and the receivers that hubs name.
pub(crate) struct HubServices {
    hubs: BTreeSet<String>,
    receivers: BTreeSet<String>,
}

impl HubServices {
    /// Whether the service with this full name ("package.Service") is a hub or a receiver.
    pub(crate) fn contains(&self, service: &str) -> bool {
        self.hubs.contains(service) || self.receivers.contains(service)
    }
}

/// Finds hubs and receivers, or says which hub names a receiver that is none.
pub(crate) fn hub_services(pool: &DescriptorPool) -> Result<HubServices, Vec<String>> {
    let option = extension(pool, RECEIVER)?;
    let mut found = HubServices { hubs: BTreeSet::new(), receivers: BTreeSet::new() };
    let mut problems = Vec::new();
    for hub in pool.services().filter(|s| s.options().has_extension(&option)) {
        let options = hub.options();
        let name = options.get_extension(&option).as_str().unwrap_or_default().to_owned();
        let receiver = format!("{}.{name}", hub.package_name());
        if pool.get_service_by_name(&receiver).is_none() {
            problems.push(format!("{}: its receiver `{receiver}` is not declared", hub.full_name()));
        }
        found.hubs.insert(hub.full_name().to_owned());
        found.receivers.insert(receiver);
    }
    problems
        .extend(found.hubs.intersection(&found.receivers).map(|s| format!("{s}: is a hub and the receiver of one")));
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The rules of all gRPC methods, by path; or every method that a client may call (hub methods too) whose rule is missing or
/// incomplete, all at once.
pub(crate) fn method_rules(pool: &DescriptorPool, hubs: &HubServices) -> Result<Vec<RuleRow>, Vec<String>> {
    let option = extension(pool, RULE)?;
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    for service in pool.services().filter(|s| !hubs.receivers.contains(s.full_name())) {
        for method in service.methods() {
            match rule_row(&service, &method, &option) {
                Ok(row) if !hubs.contains(service.full_name()) => rows.push(row),
                Ok(_) => {} // a hub's rules go into its dispatcher
                Err(problem) => problems.push(problem),
            }
        }
    }
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    if problems.is_empty() { Ok(rows) } else { Err(problems) }
}

fn extension(pool: &DescriptorPool, name: &str) -> Result<ExtensionDescriptor, Vec<String>> {
    pool.get_extension_by_name(name).ok_or_else(|| vec![format!("option ({name}) is not declared")])
}

fn rule_row(
    service: &ServiceDescriptor,
    method: &MethodDescriptor,
    option: &ExtensionDescriptor,
) -> Result<RuleRow, String> {
    let path = format!("/{}/{}", service.full_name(), method.name());
    let options = method.options();
    if !options.has_extension(option) {
        return Err(format!("{path}: has no rule; add option ({RULE}) = {{ access: ... limit: ... }}"));
    }
    let value = options.get_extension(option);
    let rule = value.as_message().ok_or_else(|| format!("{path}: its rule is no message"))?;
    let access = enum_name(rule, "access").ok_or_else(|| format!("{path}: its rule does not say who may call it"))?;
    let limit = enum_name(rule, "limit").ok_or_else(|| format!("{path}: its rule has no limit class"))?;
    Ok(RuleRow { path, access, limit })
}

/// Name of the value of an enum field; `None` for the unspecified one, and for a number without a name.
fn enum_name(rule: &DynamicMessage, field: &str) -> Option<String> {
    let field = rule.descriptor().get_field_by_name(field)?;
    let number = rule.get_field(&field).as_enum_number()?;
    if number == 0 {
        return None;
    }
    let value = field.kind().as_enum()?.get_value(number)?;
    Some(value.name().to_owned())
}
