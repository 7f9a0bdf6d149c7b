//! Messages, their fields, enums.

use prost_reflect::{Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::{BreakingChange, GONE, Place, Rule, THERE, is_ours};

pub(super) fn breaking_changes(released: &DescriptorPool, present: &DescriptorPool) -> Vec<BreakingChange> {
    let mut found = Vec::new();
    for was in released.all_messages().filter(|message| is_ours(message.package_name())) {
        match present.get_message_by_name(was.full_name()) {
            Some(is) => was.fields().for_each(|field| compare_field(&field, &is, &mut found)),
            None => {
                let file = was.parent_file();
                Place { file: &file, name: was.full_name(), found: &mut found }.breaks(Rule::TypeStays, THERE, GONE);
            }
        }
    }
    for was in released.all_enums().filter(|values| is_ours(values.package_name())) {
        compare_enum(&was, present.get_enum_by_name(was.full_name()).as_ref(), &mut found);
    }
    found
}

fn compare_field(was: &FieldDescriptor, message: &MessageDescriptor, found: &mut Vec<BreakingChange>) {
    let file = was.parent_message().parent_file();
    let mut place = Place { file: &file, name: was.full_name(), found };
    // The name counts first: of two fields that change places each was renumbered.
    let namesake = message.get_field_by_name(was.name());
    let is = match namesake.filter(|is| is.number() != was.number()) {
        Some(is) => {
            place.breaks(Rule::FieldNumber, was.number(), is.number());
            is
        }
        None => match message.get_field(was.number()) {
            Some(is) => is,
            None => return place.breaks(Rule::FieldStays, format_args!("number {}", was.number()), GONE),
        },
    };
    place.keeps(Rule::FieldType, &type_name(was), &type_name(&is));
    place.keeps(Rule::FieldLabel, &label(was), &label(&is));
    place.keeps(Rule::FieldOneof, &oneof(was), &oneof(&is));
}

fn compare_enum(was: &EnumDescriptor, is: Option<&EnumDescriptor>, found: &mut Vec<BreakingChange>) {
    let file = was.parent_file();
    let Some(is) = is else {
        return Place { file: &file, name: was.full_name(), found }.breaks(Rule::TypeStays, THERE, GONE);
    };
    for value in was.values() {
        // A value's own full name stands beside its enum's, as protobuf has it; people look for it inside.
        let name = format!("{}.{}", was.full_name(), value.name());
        let mut place = Place { file: &file, name: &name, found };
        let namesake = is.get_value_by_name(value.name());
        if let Some(moved) = namesake.filter(|is| is.number() != value.number()) {
            place.breaks(Rule::ValueNumber, value.number(), moved.number());
        } else if is.get_value(value.number()).is_none() {
            place.breaks(Rule::ValueStays, format_args!("number {}", value.number()), GONE);
        }
    }
}

fn type_name(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            format!("map<{}, {}>", type_name(&key), type_name(&value))
        }
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(values) => values.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

fn label(field: &FieldDescriptor) -> &'static str {
    let is_message = field.kind().as_message().is_some();
    match field.cardinality() {
        Cardinality::Repeated => "repeated",
        Cardinality::Required => "required",
        Cardinality::Optional if field.supports_presence() && !is_message && oneof(field) == NO_ONEOF => "optional",
        Cardinality::Optional => "single",
    }
}

/// Where a field stands that is in none.
const NO_ONEOF: &str = "in no oneof";

fn oneof(field: &FieldDescriptor) -> String {
    let declared = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
    declared.map_or_else(|| NO_ONEOF.to_owned(), |oneof| format!("in oneof {}", oneof.name()))
}
