//! Our custom options on services and methods, read through reflection: prost's own descriptor types drop them.

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, MethodDescriptor, ServiceDescriptor, Value};

use crate::error::CodegenError;

/// The extensions that `shallot/hub/v1/options.proto` declares.
pub(crate) struct Options {
    receiver: ExtensionDescriptor,
    rule: ExtensionDescriptor,
    /// The rest may be younger than a released contract: what it does not declare is set on none of its methods.
    one_way: Option<ExtensionDescriptor>,
    concurrent: Option<ExtensionDescriptor>,
    delivery: Option<ExtensionDescriptor>,
    key: Option<ExtensionDescriptor>,
    deadline_ms: Option<ExtensionDescriptor>,
    method_id: Option<ExtensionDescriptor>,
}

/// What is set on one method; numbers are those of the enums in the option file, 0 is "not set".
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MethodOptions {
    pub(crate) access: i32,
    pub(crate) limit: i32,
    pub(crate) one_way: bool,
    pub(crate) concurrent: bool,
    pub(crate) delivery: i32,
    pub(crate) key: String,
    pub(crate) deadline_ms: u32,
    pub(crate) method_id: u32,
}

impl Options {
    pub(crate) fn find(pool: &DescriptorPool) -> Result<Self, CodegenError> {
        let find = |name: &str| pool.get_extension_by_name(name);
        let must = |name: &'static str| find(name).ok_or(CodegenError::MissingExtension(name));
        Ok(Self {
            receiver: must("shallot.hub.v1.receiver")?,
            rule: must("shallot.hub.v1.rule")?,
            one_way: find("shallot.hub.v1.one_way"),
            concurrent: find("shallot.hub.v1.concurrent"),
            delivery: find("shallot.hub.v1.delivery"),
            key: find("shallot.hub.v1.key"),
            deadline_ms: find("shallot.hub.v1.deadline_ms"),
            method_id: find("shallot.hub.v1.method_id"),
        })
    }

    /// The receiver that makes this service a hub.
    pub(crate) fn receiver_of(&self, service: &ServiceDescriptor) -> Option<String> {
        let options = service.options();
        if !options.has_extension(&self.receiver) {
            return None;
        }
        options.get_extension(&self.receiver).as_str().map(str::to_owned)
    }

    pub(crate) fn of_method(&self, method: &MethodDescriptor) -> MethodOptions {
        let options = method.options();
        let rule = options.get_extension(&self.rule).into_owned();
        let rule = rule.as_message();
        let value = |option: &Option<ExtensionDescriptor>| {
            option.as_ref().map(|option| options.get_extension(option).into_owned())
        };
        MethodOptions {
            access: enum_field(rule, "access"),
            limit: enum_field(rule, "limit"),
            one_way: value(&self.one_way).and_then(|v| v.as_bool()).unwrap_or_default(),
            concurrent: value(&self.concurrent).and_then(|v| v.as_bool()).unwrap_or_default(),
            delivery: value(&self.delivery).and_then(|v| v.as_enum_number()).unwrap_or_default(),
            key: value(&self.key).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default(),
            deadline_ms: value(&self.deadline_ms).and_then(|v| v.as_u32()).unwrap_or_default(),
            method_id: value(&self.method_id).and_then(|v| v.as_u32()).unwrap_or_default(),
        }
    }
}

fn enum_field(message: Option<&DynamicMessage>, field: &str) -> i32 {
    let value = message.and_then(|m| m.get_field_by_name(field).map(std::borrow::Cow::into_owned));
    value.as_ref().and_then(Value::as_enum_number).unwrap_or_default()
}
