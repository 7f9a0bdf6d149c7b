//! Unary services: translate, call a use case, translate back. Only these files map errors to status codes.

pub(crate) mod auth;
pub(crate) mod characters;
pub(crate) mod door;
pub(crate) mod inventory;
pub(crate) mod link;
pub(crate) mod log_in_queue;
pub(crate) mod status;
