//! What prost and tonic wrote, a module for each package.
#![expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    reason = "generated: its documentation are the comments of the contracts, its habits are its authors'"
)]

/// Version 1 of a package, as prost and tonic wrote it.
macro_rules! package_v1 {
    ($name:literal) => {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!($name);
        }
    };
}

/// Accounts and their sessions.
pub mod auth {
    package_v1!("shallot.auth.v1");
}

/// What the selected character owns.
pub mod economy {
    package_v1!("shallot.economy.v1");
}

/// The frames of a hub session, and the options that contracts carry.
pub mod hub {
    package_v1!("shallot.hub.v1");
}

/// Characters of an account.
pub mod player {
    package_v1!("shallot.player.v1");
}

/// Talking to others, and who is online: messages of the chat and presence hubs and their receivers.
pub mod social {
    package_v1!("shallot.social.v1");
}

/// Being in a region: messages of the world hub and its receiver.
pub mod world {
    package_v1!("shallot.world.v1");
}
