//! The verbs of the command line.

pub(crate) mod config;
pub(crate) mod economy;
pub(crate) mod masterdata;
pub(crate) mod replay;
pub(crate) mod serve;
