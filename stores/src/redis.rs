//! Redis: the backplane between nodes. It holds nothing that must last, and decides no write.

mod backplane;

pub use backplane::{RedisAddressError, RedisBackplane};
