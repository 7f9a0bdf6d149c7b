//! What can be measured.

pub mod hubs;
pub mod netcode;
mod server_child;
