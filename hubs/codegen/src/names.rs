//! Names of the contract as Rust identifiers.

use heck::{ToShoutySnakeCase as _, ToSnakeCase as _, ToUpperCamelCase as _};
use proc_macro2::{Ident, Span};
use quote::format_ident;

/// A method, field or module: `UseSkill` is `use_skill`, `Move` is `r#move`.
pub(crate) fn snake(name: &str) -> Ident {
    let name = name.to_snake_case();
    syn::parse_str(&name).unwrap_or_else(|_| Ident::new_raw(&name, Span::call_site()))
}

/// A type.
pub(crate) fn camel(name: &str) -> Ident {
    format_ident!("{}", name.to_upper_camel_case())
}

/// A type with something after it: `WorldHub` and `Client` are `WorldHubClient`.
pub(crate) fn camel_with(name: &str, suffix: &str) -> Ident {
    format_ident!("{}{suffix}", name.to_upper_camel_case())
}

/// A constant: `UseSkill` is `USE_SKILL`.
pub(crate) fn shouty(name: &str) -> Ident {
    format_ident!("{}", name.to_shouty_snake_case())
}

/// The constant that holds a method's wire id.
pub(crate) fn id_constant(name: &str) -> Ident {
    format_ident!("{}_ID", name.to_shouty_snake_case())
}
