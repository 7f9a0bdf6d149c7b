//! The proxy through which a server calls its clients.

use proc_macro2::TokenStream;
use quote::quote;

use crate::contract::{Hub, KeyField, KeyKind, ReceiverKind, ReceiverMethod};
use crate::error::CodegenError;
use crate::names;
use crate::paths::RustPaths;
use crate::write;

pub(crate) fn tokens(hub: &Hub, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let name = names::camel(&hub.receiver.name);
    let doc = write::doc(&hub.receiver.comment, &format!("What a client takes from `{}`.", hub.full_name));
    let module = names::snake(&hub.receiver.name);
    let mut pushes = Vec::new();
    let mut asks = Vec::new();
    for method in &hub.receiver.methods {
        match &method.kind {
            ReceiverKind::Push { key, .. } => pushes.push(push(method, key.as_ref(), &module, paths)?),
            ReceiverKind::ClientResult { .. } => asks.push(ask(method, &module, paths)?),
        }
    }
    let asks = (!asks.is_empty()).then(|| {
        quote! {
            impl<'a, A: #runtime::Asked + ?Sized> #name<'a, A> {
                /// Of this session's client, on whatever node.
                pub fn of(asked: &'a A) -> Self {
                    Self { audience: asked }
                }

                #(#asks)*
            }
        }
    });
    Ok(quote! {
        #doc
        ///
        /// A proxy for one session, a group or a part of a group: each method encodes once and returns at once.
        #[derive(Clone, Copy, Debug)]
        pub struct #name<'a, A: ?Sized> {
            audience: &'a A,
        }

        impl<'a, A: #runtime::Audience + ?Sized> #name<'a, A> {
            /// To this session, group or part of a group.
            pub fn to(audience: &'a A) -> Self {
                Self { audience }
            }

            #(#pushes)*
        }

        impl<'a> #name<'a, #runtime::Group> {
            /// To all members of a group.
            pub fn to_group(group: &'a #runtime::Group) -> Self {
                Self { audience: group }
            }
        }

        #asks
    })
}

fn push(
    method: &ReceiverMethod,
    key: Option<&KeyField>,
    module: &proc_macro2::Ident,
    paths: &RustPaths,
) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let doc = write::method_doc(&method.signature);
    let (name, constant) = (names::snake(&method.signature.name), names::shouty(&method.signature.name));
    let message = paths.message(&method.signature.request)?;
    let key = key.map(|key| {
        let field = names::snake(&key.name);
        match key.kind {
            KeyKind::Number => quote!(.keyed(#runtime::PushKey::Number(i128::from(message.#field)))),
            KeyKind::Bytes => quote!(.keyed(#runtime::PushKey::of(&message.#field))),
        }
    });
    Ok(quote! {
        #doc
        pub fn #name(&self, message: &#message) {
            self.audience.deliver(&#runtime::EncodedPush::new(&#module::#constant, message) #key);
        }
    })
}

fn ask(method: &ReceiverMethod, module: &proc_macro2::Ident, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let doc = write::method_doc(&method.signature);
    let (name, constant) = (names::snake(&method.signature.name), names::shouty(&method.signature.name));
    let (request, reply) = (paths.message(&method.signature.request)?, paths.message(&method.signature.reply)?);
    Ok(quote! {
        #doc
        pub async fn #name(&self, request: &#request) -> Result<#reply, #runtime::HubError> {
            let body = self.audience.ask(&#module::#constant, #runtime::dispatch::encode(request)).await?;
            #runtime::dispatch::reply(body)
        }
    })
}
