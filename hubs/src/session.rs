//! The session machines: what both ends do with frames, without IO.
//!
//! A machine is told of frames, results and the passing of time (`handle_*`), and says what to do next (`poll_*`). Bytes, time
//! and randomness are arguments; nothing here waits. The futures that drive them stand in [`serve`](crate::serve) and
//! [`client`](crate::client).

pub(crate) mod client;
pub(crate) mod server;
