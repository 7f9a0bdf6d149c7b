//! SQLite as the ports promise it, and what is its own: the file, its schema, its constraints, what survives a crash. The backplane
//! over a real Redis.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod accounts;
mod audit;
mod backplane;
mod constraints;
mod contract;
mod corrupt_rows;
mod durability;
mod epochs;
mod fixture;
mod once;
mod opening;
mod redis_server;
