//! Services, hubs with their receivers, methods.

use std::collections::BTreeMap;
use std::fmt;

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

use super::{BreakingChange, GONE, Place, Rule, THERE, is_ours};
use crate::error::CodegenError;
use crate::fingerprint;
use crate::options::{MethodOptions, Options};

pub(super) fn breaking_changes(
    released: &DescriptorPool,
    present: &DescriptorPool,
) -> Result<Vec<BreakingChange>, CodegenError> {
    let (released, present) = (Side::of(released)?, Side::of(present)?);
    let mut found = Vec::new();
    for was in &released.services {
        compare_service(was, &released, &present, &mut found);
    }
    Ok(found)
}

/// The services of a set of files.
struct Side {
    options: Options,
    services: Vec<ServiceDescriptor>,
    /// Receiver to its hub, by full names.
    receivers: BTreeMap<String, String>,
    /// Methods of hubs and receivers by wire id.
    by_id: BTreeMap<u32, MethodDescriptor>,
}

impl Side {
    fn of(pool: &DescriptorPool) -> Result<Self, CodegenError> {
        let options = Options::find(pool)?;
        let services: Vec<_> = pool.services().filter(|service| is_ours(service.package_name())).collect();
        let receivers = services.iter().filter_map(|hub| Some((receiver(hub, &options)?, hub.full_name().to_owned())));
        let receivers = receivers.collect();
        let mut side = Self { options, services, receivers, by_id: BTreeMap::new() };
        let methods = side.services.iter().filter(|service| side.is_hub_side(service)).flat_map(|s| s.methods());
        side.by_id = methods.map(|method| (side.id(&method), method)).collect();
        Ok(side)
    }

    /// Whether methods of this service travel by wire id.
    fn is_hub_side(&self, service: &ServiceDescriptor) -> bool {
        self.is_hub(service) || self.is_receiver(service)
    }

    fn is_hub(&self, service: &ServiceDescriptor) -> bool {
        self.options.receiver_of(service).is_some()
    }

    fn is_receiver(&self, service: &ServiceDescriptor) -> bool {
        self.receivers.contains_key(service.full_name())
    }

    fn id(&self, method: &MethodDescriptor) -> u32 {
        match self.options.of_method(method).method_id {
            0 => fingerprint::method_id(&fingerprint::method_path(method)),
            kept => kept,
        }
    }

    fn service(&self, name: &str) -> Option<&ServiceDescriptor> {
        self.services.iter().find(|service| service.full_name() == name)
    }

    /// The method that answers now to what was called there then: by wire id, or by name where names travel.
    fn successor(&self, then: &Self, was: &MethodDescriptor) -> Option<&MethodDescriptor> {
        self.by_id.get(&then.id(was)).filter(|is| self.is_hub(is.parent_service()) == then.is_hub(was.parent_service()))
    }

    /// Whether each method of a service that was there then can still be called, under whatever name.
    fn keeps_all(&self, then: &Self, was: &ServiceDescriptor) -> bool {
        was.methods().all(|method| self.successor(then, &method).is_some())
    }
}

/// Full name of a hub's receiver.
fn receiver(hub: &ServiceDescriptor, options: &Options) -> Option<String> {
    Some(format!("{}.{}", hub.package_name(), options.receiver_of(hub)?))
}

fn compare_service(was: &ServiceDescriptor, then: &Side, now: &Side, found: &mut Vec<BreakingChange>) {
    let by_id = then.is_hub_side(was);
    let file = was.parent_file();
    let mut place = Place { file: &file, name: was.full_name(), found };
    let namesake = now.service(was.full_name());
    if namesake.is_none() && !(by_id && now.keeps_all(then, was)) {
        place.breaks(Rule::ServiceStays, THERE, GONE);
    }
    if let Some(is) = namesake {
        compare_receiver(was, is, then, now, &mut place);
    }
    for method in was.methods() {
        // A service that is no receiver any more, or no hub, has nothing to answer with.
        let peer =
            namesake.filter(|is| now.is_hub(is) == then.is_hub(was) && now.is_receiver(is) == then.is_receiver(was));
        let named = peer.and_then(|service| service.methods().find(|is| is.name() == method.name()));
        let is = if by_id { now.successor(then, &method).cloned() } else { named.clone() };
        compare_method(&method, is.as_ref(), named.as_ref(), then, now, found);
    }
}

fn compare_receiver(was: &ServiceDescriptor, is: &ServiceDescriptor, then: &Side, now: &Side, place: &mut Place<'_>) {
    let (old, new) = (receiver(was, &then.options), receiver(is, &now.options));
    if old == new {
        return;
    }
    let kept = old.as_ref().and_then(|name| then.service(name)).is_some_and(|old| now.keeps_all(then, old));
    if !(kept && new.is_some()) {
        let name = |receiver: Option<String>| receiver.unwrap_or_else(|| "no hub".to_owned());
        place.breaks(Rule::Receiver, name(old), name(new));
    }
}

/// `is` answers to the method now; `named` has its name, and perhaps another wire id.
fn compare_method(
    was: &MethodDescriptor,
    is: Option<&MethodDescriptor>,
    named: Option<&MethodDescriptor>,
    then: &Side,
    now: &Side,
    found: &mut Vec<BreakingChange>,
) {
    let file = was.parent_file();
    let path = fingerprint::method_path(was);
    let mut place = Place { file: &file, name: &path, found };
    let is = match (is, named) {
        (Some(is), _) => is,
        (None, Some(named)) => {
            place.breaks(Rule::MethodId, Id(then.id(was)), Id(now.id(named)));
            named
        }
        (None, None) => return place.breaks(Rule::MethodStays, THERE, GONE),
    };
    place.keeps(Rule::MethodInput, &was.input().full_name(), &is.input().full_name());
    place.keeps(Rule::MethodOutput, &was.output().full_name(), &is.output().full_name());
    place.keeps(Rule::MethodStreams, &streams(was), &streams(is));
    let (options, new_options) = (then.options.of_method(was), now.options.of_method(is));
    place.keeps(Rule::Key, &key(was, &options), &key(is, &new_options));
    compare_options(&options, &new_options, &mut place);
}

fn compare_options(was: &MethodOptions, is: &MethodOptions, place: &mut Place<'_>) {
    place.keeps(Rule::OneWay, &one_way(was), &one_way(is));
    if is.concurrent && !was.concurrent {
        place.breaks(Rule::Turn, "one at a time", "concurrent");
    }
    // The enum's values stand in the order of strictness.
    if is.access > was.access {
        place.breaks(Rule::Access, access(was.access), access(is.access));
    }
    place.keeps(Rule::Delivery, &delivery(was.delivery), &delivery(is.delivery));
}

struct Id(u32);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

fn streams(method: &MethodDescriptor) -> &'static str {
    match (method.is_client_streaming(), method.is_server_streaming()) {
        (false, false) => "unary",
        (true, false) => "streaming from the client",
        (false, true) => "streaming to the client",
        (true, true) => "streaming both ways",
    }
}

fn one_way(options: &MethodOptions) -> &'static str {
    if options.one_way { "one-way" } else { "answered" }
}

fn access(number: i32) -> String {
    match number {
        1 => "PUBLIC".to_owned(),
        2 => "PLAYER".to_owned(),
        3 => "CHARACTER".to_owned(),
        other => format!("access {other}"),
    }
}

fn delivery(number: i32) -> String {
    match number {
        0 => "RELIABLE".to_owned(),
        1 => "LATEST".to_owned(),
        2 => "UNRELIABLE".to_owned(),
        other => format!("class {other}"),
    }
}

/// By number: the wire does not carry the field's name.
fn key(method: &MethodDescriptor, options: &MethodOptions) -> String {
    let field = method.input().get_field_by_name(&options.key);
    field.map_or_else(|| "the method".to_owned(), |field| format!("field {}", field.number()))
}
