//! SQLite as the ports promise it, and what is its own: the file, its schema, its constraints, what survives a crash.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod audit;
mod constraints;
mod contract;
mod corrupt_rows;
mod durability;
mod epochs;
mod fixture;
mod once;
mod opening;
