//! Puts the generated source together: a module for each package, in it the hubs with all their parts.

mod client;
mod constants;
mod receiver;
mod server;

use std::collections::BTreeMap;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::contract::{Contracts, Hub, Signature};
use crate::error::CodegenError;
use crate::names;
use crate::paths::RustPaths;

/// The Rust source for all hubs, formatted.
pub(crate) fn source(contracts: &Contracts, paths: &RustPaths) -> Result<String, CodegenError> {
    let mut root = Module::default();
    for hub in &contracts.hubs {
        let package = hub.full_name.rsplit_once('.').map_or("", |(package, _)| package);
        let tokens = hub_tokens(hub, paths)?;
        root.at(&paths.modules(package)?).hubs.push(tokens);
    }
    let modules = root.tokens("");
    let hash = contracts.hash.iter().map(|byte| Literal::u8_unsuffixed(*byte));
    let file = quote! {
        /// BLAKE3 of the hub contracts as they are on the wire: names and ids of methods, the fields of their messages.
        pub const CONTRACT_HASH: [u8; 32] = [#(#hash),*];
        #modules
    };
    Ok(prettyplease::unparse(&syn::parse2(file)?))
}

fn hub_tokens(hub: &Hub, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let parts = [
        server::tokens(hub, paths)?,
        receiver::tokens(hub, paths)?,
        client::stub(hub, paths)?,
        client::handler(hub, paths)?,
        constants::tokens(hub, paths)?,
    ];
    Ok(quote!(#(#parts)*))
}

/// Modules as a tree, so that `world.v1` and `world.v2` stand in one `world`.
#[derive(Default)]
struct Module {
    hubs: Vec<TokenStream>,
    inner: BTreeMap<String, Module>,
}

impl Module {
    fn at(&mut self, path: &[String]) -> &mut Self {
        match path {
            [] => self,
            [first, rest @ ..] => self.inner.entry(first.clone()).or_default().at(rest),
        }
    }

    fn tokens(&self, path: &str) -> TokenStream {
        let hubs = &self.hubs;
        let inner = self.inner.iter().map(|(name, module)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let doc = format!(" Hubs of the package `{path}`.");
            let (name, content) = (names::snake(name), module.tokens(&path));
            quote! {
                #[doc = #doc]
                pub mod #name {
                    #content
                }
            }
        });
        quote!(#(#hubs)* #(#inner)*)
    }
}

/// A contract's comment as doc attributes; `fallback` when there is none.
fn doc(comment: &str, fallback: &str) -> TokenStream {
    let text = if comment.is_empty() { fallback } else { comment };
    let lines = text.lines().map(|line| format!(" {line}"));
    quote!(#(#[doc = #lines])*)
}

fn method_doc(signature: &Signature) -> TokenStream {
    doc(&signature.comment, &format!("`{}`.", signature.full_name))
}
