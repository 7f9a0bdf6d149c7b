//! What the present contracts would break for clients of a released one.
//!
//! Added are: messages, fields, enum values, services, methods. All else that a client can see stays as it was released: numbers,
//! types, labels and oneofs of fields; numbers of enum values; wire ids, messages and way of travelling of methods; who may call them
//! (an access rule may become milder). A name may change where the wire does not carry it: that of a field or an enum value, and that
//! of a hub, a receiver or their methods when `(shallot.hub.v1.method_id)` keeps the id. Rates and deadlines are the server's.
//!
//! What is marked for removal goes when the last release that has it is served no more.

mod messages;
mod services;

use std::fmt;

use prost_reflect::{DescriptorPool, FileDescriptor};

use crate::error::CodegenError;

/// Packages that are not ours to change.
const FOREIGN_PACKAGE: &str = "google.";

/// One thing that must be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakingChange {
    /// The file that declared it when it was released.
    pub file: String,
    /// Message, field, enum value, service or method by its full name.
    pub place: String,
    /// What is broken.
    pub rule: Rule,
    /// As released.
    pub was: String,
    /// As it is now.
    pub is: String,
}

impl fmt::Display for BreakingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, rule, was, is } = self;
        write!(f, "{file}: {place}: {rule}; was {was}, is {is}")
    }
}

/// What clients may count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Messages and enums stay.
    TypeStays,
    /// Fields stay.
    FieldStays,
    /// And keep their numbers.
    FieldNumber,
    /// And their types.
    FieldType,
    /// And whether they are single, optional or a list.
    FieldLabel,
    /// And what they exclude.
    FieldOneof,
    /// Enum values stay.
    ValueStays,
    /// And keep their numbers.
    ValueNumber,
    /// Services stay.
    ServiceStays,
    /// A hub keeps its receiver.
    Receiver,
    /// Methods stay.
    MethodStays,
    /// And keep their wire ids.
    MethodId,
    /// And what goes in.
    MethodInput,
    /// And what comes out.
    MethodOutput,
    /// And whether they stream.
    MethodStreams,
    /// And whether they answer.
    OneWay,
    /// And whether they wait for their turn.
    Turn,
    /// Whoever may call may go on calling.
    Access,
    /// Pushes keep their class.
    Delivery,
    /// And the field that tells one value from another.
    Key,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TypeStays => "a released message or enum stays",
            Self::FieldStays => "a released field stays",
            Self::FieldNumber => "a field keeps its number",
            Self::FieldType => "a field keeps its type",
            Self::FieldLabel => "a field stays single, optional or repeated",
            Self::FieldOneof => "a field keeps its oneof",
            Self::ValueStays => "a released enum value stays",
            Self::ValueNumber => "an enum value keeps its number",
            Self::ServiceStays => "a released service stays",
            Self::Receiver => "a hub keeps its receiver",
            Self::MethodStays => "a released method stays, its wire id at least",
            Self::MethodId => "a method keeps its wire id",
            Self::MethodInput => "a method keeps its request",
            Self::MethodOutput => "a method keeps its reply",
            Self::MethodStreams => "a method streams or does not",
            Self::OneWay => "a method stays one-way or answered",
            Self::Turn => "a method that waits for its turn goes on doing so",
            Self::Access => "a method's access rule is not made stricter",
            Self::Delivery => "a push keeps its delivery class",
            Self::Key => "a push keeps its key",
        })
    }
}

/// All that clients of the released contracts would trip over, by file and name.
///
/// # Errors
///
/// One of the two does not declare our options.
pub fn breaking_changes(
    released: &DescriptorPool,
    present: &DescriptorPool,
) -> Result<Vec<BreakingChange>, CodegenError> {
    let mut found = messages::breaking_changes(released, present);
    found.extend(services::breaking_changes(released, present)?);
    found.sort_by(|a, b| (&a.file, &a.place, a.rule).cmp(&(&b.file, &b.place, b.rule)));
    Ok(found)
}

fn is_ours(package: &str) -> bool {
    !package.starts_with(FOREIGN_PACKAGE)
}

/// Compares what was with what is at one place.
struct Place<'a> {
    file: &'a FileDescriptor,
    name: &'a str,
    found: &'a mut Vec<BreakingChange>,
}

impl Place<'_> {
    fn breaks(&mut self, rule: Rule, was: impl fmt::Display, is: impl fmt::Display) {
        self.found.push(BreakingChange {
            file: self.file.name().to_owned(),
            place: self.name.to_owned(),
            rule,
            was: was.to_string(),
            is: is.to_string(),
        });
    }

    fn keeps<T: PartialEq + fmt::Display>(&mut self, rule: Rule, was: &T, is: &T) {
        if was != is {
            self.breaks(rule, was, is);
        }
    }
}

/// What stands where nothing is any more.
const GONE: &str = "gone";

/// What stands where something was and its kind says all.
const THERE: &str = "there";
