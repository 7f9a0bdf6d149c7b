//! The trait a server implements, and the dispatcher in front of it.

use proc_macro2::TokenStream;
use quote::quote;

use crate::contract::{Hub, HubMethod};
use crate::error::CodegenError;
use crate::names;
use crate::paths::RustPaths;
use crate::write;

pub(crate) fn tokens(hub: &Hub, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let hub_trait = hub_trait(hub, paths)?;
    let dispatcher = dispatcher(hub, paths)?;
    Ok(quote!(#hub_trait #dispatcher))
}

fn hub_trait(hub: &Hub, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let name = names::camel(&hub.name);
    let doc = write::doc(&hub.comment, &format!("What a client may call on `{}`.", hub.full_name));
    let methods = hub.methods.iter().map(|m| trait_method(m, paths)).collect::<Result<Vec<_>, _>>()?;
    Ok(quote! {
        #doc
        ///
        /// The calls of one session run one at a time, in the order they arrived; methods marked `concurrent` run beside them.
        /// Write the methods as `async fn`.
        pub trait #name: Send + Sync + 'static {
            /// A session has come. It has the hub's first turn: calls wait until it returns. It may push.
            fn on_connect(
                &self,
                session: &#runtime::SessionHandle,
            ) -> impl ::std::future::Future<Output = ()> + Send {
                let _ = session;
                ::std::future::ready(())
            }

            /// A session has ended, for this reason. The last that the hub hears of it; its calls have returned or were given up.
            fn on_disconnect(
                &self,
                session: &#runtime::SessionHandle,
                reason: &#runtime::EndReason,
            ) -> impl ::std::future::Future<Output = ()> + Send {
                let _ = (session, reason);
                ::std::future::ready(())
            }

            #(#methods)*
        }
    })
}

fn trait_method(method: &HubMethod, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let doc = write::method_doc(&method.signature);
    let name = names::snake(&method.signature.name);
    let (request, reply) = (paths.message(&method.signature.request)?, paths.message(&method.signature.reply)?);
    Ok(quote! {
        #doc
        fn #name(
            &self,
            call: &#runtime::CallContext,
            request: #request,
        ) -> impl ::std::future::Future<Output = Result<#reply, #runtime::HubError>> + Send;
    })
}

fn dispatcher(hub: &Hub, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let (name, hub_trait) = (names::camel_with(&hub.name, "Dispatcher"), names::camel(&hub.name));
    let module = names::snake(&hub.name);
    let doc = format!(" Brings the calls of sessions to a [`{hub_trait}`].");
    let arms = hub.methods.iter().map(|m| dispatch_arm(m, &module, paths)).collect::<Result<Vec<_>, _>>()?;
    let call = call_body(&arms, &runtime);
    Ok(quote! {
        #[doc = #doc]
        #[derive(Debug)]
        pub struct #name<H> {
            hub: ::std::sync::Arc<H>,
        }

        impl<H: #hub_trait> #name<H> {
            /// In front of this hub.
            pub fn new(hub: ::std::sync::Arc<H>) -> Self {
                Self { hub }
            }
        }

        impl<H: #hub_trait> #runtime::HubDispatcher for #name<H> {
            fn contract(&self) -> &'static #runtime::HubContract {
                &#module::CONTRACT
            }

            fn connect(&self, session: #runtime::SessionHandle) -> #runtime::HubFuture<()> {
                let hub = ::std::sync::Arc::clone(&self.hub);
                Box::pin(async move { hub.on_connect(&session).await })
            }

            fn disconnect(
                &self,
                session: #runtime::SessionHandle,
                reason: #runtime::EndReason,
            ) -> #runtime::HubFuture<()> {
                let hub = ::std::sync::Arc::clone(&self.hub);
                Box::pin(async move { hub.on_disconnect(&session, &reason).await })
            }

            fn call(
                &self,
                call: #runtime::CallContext,
                body: #runtime::Bytes,
            ) -> #runtime::HubFuture<Result<#runtime::Bytes, #runtime::HubError>> {
                #call
            }
        }
    })
}

fn call_body(arms: &[TokenStream], runtime: &TokenStream) -> TokenStream {
    if arms.is_empty() {
        return quote! {
            let _ = (call, body);
            #runtime::dispatch::unknown_method()
        };
    }
    quote! {
        let hub = ::std::sync::Arc::clone(&self.hub);
        match call.method().id {
            #(#arms)*
            _ => #runtime::dispatch::unknown_method(),
        }
    }
}

fn dispatch_arm(
    method: &HubMethod,
    module: &proc_macro2::Ident,
    paths: &RustPaths,
) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let id = names::id_constant(&method.signature.name);
    let name = names::snake(&method.signature.name);
    let request = paths.message(&method.signature.request)?;
    let answer = if method.signature.reply.is_empty() {
        quote! {
            hub.#name(&call, request).await?;
            Ok(#runtime::Bytes::new())
        }
    } else {
        quote! {
            let reply = hub.#name(&call, request).await?;
            Ok(#runtime::dispatch::encode(&reply))
        }
    };
    Ok(quote! {
        #module::#id => Box::pin(async move {
            let request = #runtime::dispatch::request::<#request>(body)?;
            #answer
        }),
    })
}
