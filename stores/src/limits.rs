//! Every maximum of this crate.

use std::time::Duration;

/// Connections that only read. SQLite has one writer beside them.
pub(crate) const READERS_MAX: u32 = 4;
/// How long a call waits for a connection. Writers queue for the one there is, about 1,500 transactions a second.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long SQLite waits for a lock that another connection holds: only checkpoints and foreign tools hold one.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept by each connection: more than this crate has.
pub(crate) const STATEMENTS_MAX: usize = 128;
/// Expired request records deleted by each write that adds one. More than one, so that the table shrinks to what is kept.
pub(crate) const EXPIRED_PER_WRITE_MAX: i64 = 8;

/// How long a connection to Redis may take.
pub(crate) const REDIS_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long Redis may take to answer. A node is dead after 5 s of silence, so a broker that hangs must show before.
pub(crate) const REDIS_RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Messages of other nodes that wait to be read; further ones are lost, and repaired like any other loss.
pub(crate) const REDIS_INBOX: usize = 8_192;
/// Their bytes.
pub(crate) const REDIS_INBOX_BYTES: usize = 64 * 1024 * 1024;

const _: () = assert!(EXPIRED_PER_WRITE_MAX > 1);
