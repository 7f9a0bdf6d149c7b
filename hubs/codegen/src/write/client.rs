//! What a client has: the stub it calls through, and the trait that takes pushes.

use proc_macro2::TokenStream;
use quote::quote;

use crate::contract::{Hub, HubMethod, ReceiverKind, ReceiverMethod};
use crate::error::CodegenError;
use crate::names;
use crate::paths::RustPaths;
use crate::write;

/// `WorldHubClient`.
pub(crate) fn stub(hub: &Hub, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let name = names::camel_with(&hub.name, "Client");
    let doc = format!(" Calls `{}` over a session.", hub.full_name);
    let module = names::snake(&hub.name);
    let methods = hub.methods.iter().map(|m| stub_method(m, &module, paths)).collect::<Result<Vec<_>, _>>()?;
    Ok(quote! {
        #[doc = #doc]
        #[derive(Clone, Debug)]
        pub struct #name {
            caller: #runtime::HubCaller,
        }

        impl #name {
            /// Over this session.
            pub fn new(client: &#runtime::HubClient) -> Self {
                Self { caller: client.caller() }
            }

            /// For calls from inside the handler of a client result: they run inside the turn of the call that asks.
            pub fn within(client: &#runtime::HubClient, ask: &#runtime::AskContext) -> Self {
                Self { caller: client.caller().within(ask) }
            }

            /// The same with a deadline for each call, in milliseconds, in place of the method's own.
            #[must_use]
            pub fn with_deadline_ms(self, deadline_ms: u32) -> Self {
                Self { caller: self.caller.with_deadline_ms(deadline_ms) }
            }

            #(#methods)*
        }
    })
}

fn stub_method(
    method: &HubMethod,
    module: &proc_macro2::Ident,
    paths: &RustPaths,
) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let doc = write::method_doc(&method.signature);
    let (name, constant) = (names::snake(&method.signature.name), names::shouty(&method.signature.name));
    let (request, reply) = (paths.message(&method.signature.request)?, paths.message(&method.signature.reply)?);
    if method.one_way {
        return Ok(quote! {
            #doc
            ///
            /// Sent without waiting: an error means that it was not even queued.
            pub fn #name(&self, request: &#request) -> Result<(), #runtime::HubError> {
                self.caller.send(&#module::#constant, #runtime::dispatch::encode(request))
            }
        });
    }
    Ok(quote! {
        #doc
        pub async fn #name(&self, request: &#request) -> Result<#reply, #runtime::HubError> {
            let body = self.caller.call(&#module::#constant, #runtime::dispatch::encode(request)).await?;
            #runtime::dispatch::reply(body)
        }
    })
}

/// `WorldReceiverHandler` and its dispatcher.
pub(crate) fn handler(hub: &Hub, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let receiver = &hub.receiver;
    let handler = names::camel_with(&receiver.name, "Handler");
    let dispatcher = names::camel_with(&receiver.name, "Dispatcher");
    let module = names::snake(&receiver.name);
    let handler_doc = format!(" Takes on a client what the server sends through `{}`.", receiver.full_name);
    let dispatcher_doc = format!(" Brings the pushes and questions of a session to a [`{handler}`].");
    let methods = receiver.methods.iter().map(|m| handler_method(m, paths)).collect::<Result<Vec<_>, _>>()?;
    let mut pushes = Vec::new();
    let mut asks = Vec::new();
    for method in &receiver.methods {
        match method.kind {
            ReceiverKind::Push { .. } => pushes.push(push_arm(method, &module, paths)?),
            ReceiverKind::ClientResult { .. } => asks.push(ask_arm(method, &module, paths)?),
        }
    }
    let push = push_body(&pushes, &runtime);
    let ask = (!asks.is_empty()).then(|| ask_method(&asks, &runtime));
    Ok(quote! {
        #[doc = #handler_doc]
        ///
        /// Pushes are taken in order, between two frames: what takes long belongs into a queue of one's own. Write the answers to
        /// questions as `async fn`.
        pub trait #handler: Send + Sync + 'static {
            #(#methods)*

            /// Pushes to a group were lost between nodes and cannot be had; comes before the group's next push.
            fn on_group_gap(&self, gap: &#runtime::GroupGap) {
                let _ = gap;
            }
        }

        #[doc = #dispatcher_doc]
        #[derive(Debug)]
        pub struct #dispatcher<R> {
            handler: ::std::sync::Arc<R>,
        }

        impl<R: #handler> #dispatcher<R> {
            /// In front of this handler.
            pub fn new(handler: ::std::sync::Arc<R>) -> Self {
                Self { handler }
            }
        }

        impl<R: #handler> #runtime::ReceiverDispatcher for #dispatcher<R> {
            fn contract(&self) -> Option<&'static #runtime::ReceiverContract> {
                Some(&#module::CONTRACT)
            }

            fn push(
                &self,
                method: u32,
                body: &#runtime::Bytes,
            ) -> Result<#runtime::PushOutcome, #runtime::HubError> {
                #push
            }

            fn group_gap(&self, gap: &#runtime::GroupGap) {
                self.handler.on_group_gap(gap);
            }

            #ask
        }
    })
}

fn push_body(arms: &[TokenStream], runtime: &TokenStream) -> TokenStream {
    if arms.is_empty() {
        return quote! {
            let _ = (method, body);
            Ok(#runtime::PushOutcome::Unknown)
        };
    }
    quote! {
        match method {
            #(#arms)*
            _ => return Ok(#runtime::PushOutcome::Unknown),
        }
        Ok(#runtime::PushOutcome::Taken)
    }
}

/// Left out when the receiver has no client result: the trait's own body answers that it knows none.
fn ask_method(arms: &[TokenStream], runtime: &TokenStream) -> TokenStream {
    quote! {
        fn ask(
            &self,
            ask: #runtime::AskContext,
            body: #runtime::Bytes,
        ) -> Option<#runtime::HubFuture<Result<#runtime::Bytes, #runtime::HubError>>> {
            let handler = ::std::sync::Arc::clone(&self.handler);
            match ask.method() {
                #(#arms)*
                _ => None,
            }
        }
    }
}

fn handler_method(method: &ReceiverMethod, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let doc = write::method_doc(&method.signature);
    let name = names::snake(&method.signature.name);
    let message = paths.message(&method.signature.request)?;
    Ok(match method.kind {
        ReceiverKind::Push { .. } => quote! {
            #doc
            fn #name(&self, message: #message);
        },
        ReceiverKind::ClientResult { .. } => {
            let reply = paths.message(&method.signature.reply)?;
            quote! {
                #doc
                fn #name(
                    &self,
                    ask: &#runtime::AskContext,
                    request: #message,
                ) -> impl ::std::future::Future<Output = Result<#reply, #runtime::HubError>> + Send;
            }
        }
    })
}

fn push_arm(
    method: &ReceiverMethod,
    module: &proc_macro2::Ident,
    paths: &RustPaths,
) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let (name, id) = (names::snake(&method.signature.name), names::id_constant(&method.signature.name));
    let message = paths.message(&method.signature.request)?;
    Ok(quote! {
        #module::#id => {
            let message = #runtime::dispatch::request::<#message>(body.clone())?;
            self.handler.#name(message);
        }
    })
}

fn ask_arm(
    method: &ReceiverMethod,
    module: &proc_macro2::Ident,
    paths: &RustPaths,
) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let (name, id) = (names::snake(&method.signature.name), names::id_constant(&method.signature.name));
    let message = paths.message(&method.signature.request)?;
    Ok(quote! {
        #module::#id => Some(Box::pin(async move {
            let request = #runtime::dispatch::request::<#message>(body)?;
            let reply = handler.#name(&ask, request).await?;
            Ok(#runtime::dispatch::encode(&reply))
        })),
    })
}
