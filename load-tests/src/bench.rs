//! What can be measured.

pub mod hubs;
pub mod netcode;
