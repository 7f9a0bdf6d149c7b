//! Use cases and the ports they need. No drivers, no wire types, no clock and no generator of its own.
//!
//! # Use cases
//!
//! - [`auth::Auth`]: register, log in, refresh, log out, and who an access token speaks for
//! - [`characters::Characters`]: create, list, select, delete, spend points, enter and leave the world, save
//! - [`inventory::Inventory`]: list, wear, use, split, merge, destroy
//! - [`grants::Grants`]: what kills and pick-ups give, exactly once
//! - [`rates::RateLimiters`]: buckets by class, for the doors
//!
//! Each is a struct over ports ([`ports`]), built once by the server's wiring; methods take plain values and, where rules look at it,
//! the master data in force. Errors are an enum for each operation, and each variant has a stable [`reason::Reason`]; only the server
//! turns them into status codes.
//!
//! # How a change of value runs
//!
//! The use case reads the request ([`request`]) and hands the store a rule: a pure function from the loaded character to a
//! [`holdings::Change`], worked out on a [`holdings::Draft`]. The store does the rest in one transaction: guard, idempotency, load, rule,
//! write, record, commit. So rules stand here once, and every adapter is held to the same suites (`contract`, feature `testing`).
//!
//! # To add a use case
//!
//! Write its rule over a draft with an example as a test; give it a method on the struct it belongs to, with an error for each refusal;
//! reach for a new port method only when no existing transaction fits, and then add its promises to the contract suite first.

pub mod amount;
pub mod auth;
pub mod character;
pub mod characters;
pub mod chat;
pub mod clock;
mod desk;
pub mod equipment;
pub mod grants;
pub mod holdings;
mod id_text;
pub mod inventory;
pub mod item;
pub mod ledger;
pub mod limits;
pub mod names;
pub mod ports;
pub mod rates;
pub mod reason;
pub mod refusal;
pub mod request;

#[cfg(any(test, feature = "testing"))]
pub mod contract;
#[cfg(any(test, feature = "testing"))]
pub mod memory;

pub use desk::Outcome;
