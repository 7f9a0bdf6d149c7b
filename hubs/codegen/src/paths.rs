//! Where generated code finds messages and the runtime.

use proc_macro2::TokenStream;
use quote::quote;

use crate::error::CodegenError;
use crate::names;

/// Where generated code finds the messages and the hub runtime.
#[derive(Clone, Debug)]
pub struct RustPaths {
    /// Protobuf packages that begin with this are ours, for example `shallot.`; it is cut off.
    pub package_prefix: String,
    /// Path of the module that holds the rest, a module for each part of the package: `::shallot_proto`.
    pub messages: String,
    /// Path of the hub runtime's crate: `::shallot_hubs`.
    pub runtime: String,
}

impl Default for RustPaths {
    fn default() -> Self {
        Self {
            package_prefix: "shallot.".to_owned(),
            messages: "::shallot_proto".to_owned(),
            runtime: "::shallot_hubs".to_owned(),
        }
    }
}

impl RustPaths {
    /// The type that prost generated for a message: `shallot.world.v1.Vitals` is `::shallot_proto::world::v1::Vitals`.
    pub(crate) fn message(&self, message: &MessageName) -> Result<TokenStream, CodegenError> {
        if message.is_empty() {
            return Ok(quote!(()));
        }
        let root = syn::parse_str::<syn::Path>(&self.messages)?;
        let modules = self.modules(&message.package)?;
        let modules = modules.iter().map(|part| names::snake(part));
        let type_name = names::camel(&message.name);
        Ok(quote!(#root #(::#modules)* :: #type_name))
    }

    /// The parts of a package after the prefix: `shallot.world.v1` is `world`, `v1`.
    pub(crate) fn modules(&self, package: &str) -> Result<Vec<String>, CodegenError> {
        let outside = || CodegenError::NoRustPath(package.to_owned(), self.package_prefix.clone());
        let rest = package.strip_prefix(&self.package_prefix).ok_or_else(outside)?;
        Ok(rest.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }

    pub(crate) fn runtime(&self) -> Result<TokenStream, CodegenError> {
        let path = syn::parse_str::<syn::Path>(&self.runtime)?;
        Ok(quote!(#path))
    }
}

/// A top-level message by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageName {
    /// `shallot.world.v1`
    pub package: String,
    /// `Vitals`
    pub name: String,
    /// `shallot.world.v1.Vitals`
    pub full_name: String,
}

impl MessageName {
    /// Whether it is `google.protobuf.Empty`, which is `()` in Rust.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.full_name == "google.protobuf.Empty"
    }
}
