//! The contract as constants: wire ids, rules, delivery classes.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::contract::{Access, Delivery, Hub, HubMethod, LimitClass, ReceiverKind, ReceiverMethod, Signature};
use crate::error::CodegenError;
use crate::names;
use crate::paths::RustPaths;

/// Two modules: `world_hub` and `world_receiver`.
pub(crate) fn tokens(hub: &Hub, paths: &RustPaths) -> Result<TokenStream, CodegenError> {
    let runtime = paths.runtime()?;
    let (hub_module, hub_name) = (names::snake(&hub.name), &hub.full_name);
    let (receiver_module, receiver_name) = (names::snake(&hub.receiver.name), &hub.receiver.full_name);
    let methods = hub.methods.iter().map(|m| hub_method(m, &runtime));
    let listed = hub.methods.iter().map(|m| names::shouty(&m.signature.name));
    let of_kind = |is_push: bool| {
        let methods = hub.receiver.methods.iter();
        let chosen = methods.filter(move |m| matches!(m.kind, ReceiverKind::Push { .. }) == is_push);
        chosen.map(|m| names::shouty(&m.signature.name)).collect::<Vec<_>>()
    };
    let (pushes, asks) = (of_kind(true), of_kind(false));
    let received = hub.receiver.methods.iter().map(|m| receiver_method(m, &runtime));
    let hub_doc = format!(" What `{}` says about itself.", hub.full_name);
    let receiver_doc = format!(" What `{}` says about itself.", hub.receiver.full_name);
    Ok(quote! {
        #[doc = #hub_doc]
        pub mod #hub_module {
            /// The hub.
            pub static CONTRACT: #runtime::HubContract = #runtime::HubContract {
                name: #hub_name,
                methods: &[#(&#listed),*],
                receiver: &super::#receiver_module::CONTRACT,
            };
            #(#methods)*
        }

        #[doc = #receiver_doc]
        pub mod #receiver_module {
            /// Full name of the receiver.
            pub const NAME: &str = #receiver_name;
            /// The receiver.
            pub static CONTRACT: #runtime::ReceiverContract =
                #runtime::ReceiverContract { name: NAME, pushes: &[#(&#pushes),*], asks: &[#(&#asks),*] };
            #(#received)*
        }
    })
}

fn hub_method(method: &HubMethod, runtime: &TokenStream) -> TokenStream {
    let (constant, id_constant, name, id) = parts(&method.signature);
    let access = match method.access {
        Access::Public => quote!(Public),
        Access::Player => quote!(Player),
        Access::Character => quote!(Character),
    };
    let limit = match method.limit {
        LimitClass::SignIn => quote!(SignIn),
        LimitClass::Ordinary => quote!(Ordinary),
        LimitClass::Trade => quote!(Trade),
        LimitClass::Play => quote!(Play),
        LimitClass::Chat => quote!(Chat),
        LimitClass::Input => quote!(Input),
    };
    let (one_way, concurrent) = (method.one_way, method.concurrent);
    let deadline_ms = Literal::u32_unsuffixed(method.deadline_ms);
    let id_doc = format!(" Wire id of `{name}`.");
    let doc = format!(" `{name}`.");
    quote! {
        #[doc = #id_doc]
        pub const #id_constant: u32 = #id;
        #[doc = #doc]
        pub static #constant: #runtime::MethodContract = #runtime::MethodContract {
            id: #id_constant,
            name: #name,
            access: #runtime::Access::#access,
            limit: #runtime::LimitClass::#limit,
            one_way: #one_way,
            concurrent: #concurrent,
            deadline_ms: #deadline_ms,
        };
    }
}

fn receiver_method(method: &ReceiverMethod, runtime: &TokenStream) -> TokenStream {
    let (constant, id_constant, name, id) = parts(&method.signature);
    let id_doc = format!(" Wire id of `{name}`.");
    let doc = format!(" `{name}`.");
    let contract = match &method.kind {
        ReceiverKind::Push { delivery, .. } => {
            let delivery = match delivery {
                Delivery::Reliable => quote!(Reliable),
                Delivery::Latest => quote!(Latest),
                Delivery::Unreliable => quote!(Unreliable),
            };
            quote! {
                pub static #constant: #runtime::PushContract = #runtime::PushContract {
                    id: #id_constant,
                    name: #name,
                    delivery: #runtime::Delivery::#delivery,
                };
            }
        }
        ReceiverKind::ClientResult { deadline_ms } => {
            let deadline_ms = Literal::u32_unsuffixed(*deadline_ms);
            quote! {
                pub static #constant: #runtime::AskContract =
                    #runtime::AskContract { id: #id_constant, name: #name, deadline_ms: #deadline_ms };
            }
        }
    };
    quote! {
        #[doc = #id_doc]
        pub const #id_constant: u32 = #id;
        #[doc = #doc]
        #contract
    }
}

fn parts(signature: &Signature) -> (proc_macro2::Ident, proc_macro2::Ident, &str, Literal) {
    let id = Literal::u32_unsuffixed(signature.id);
    (names::shouty(&signature.name), names::id_constant(&signature.name), &signature.full_name, id)
}
