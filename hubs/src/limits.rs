//! Every limit of a session, with its unit. Those an operator may change stand in [`SessionLimits`]; the rest is the protocol's.

/// Frames in one message from a client.
pub const CLIENT_BATCH_FRAMES: usize = 64;

/// Bytes of one message from a client, encoded: what a gateway sets as decode limit of the hub service.
pub const CLIENT_BATCH_BYTES: usize = 4 * 1024;

/// Bytes of one message from a server, encoded: what a client sets as decode limit. Two full outboxes and some.
pub const SERVER_BATCH_BYTES: usize = 256 * 1024;

/// Bytes of a framed link's buffers while nothing large passes, for each way.
pub const FRAMED_BUFFER_BYTES: usize = 512;

/// Milliseconds that a client may let one message wait on a framed link before the link counts as lost. The session's own
/// [`write_ms`](SessionLimits::write_ms) ends one that does not read long before; this is for a link whose session is gone.
pub const FRAMED_STALL_MS: u64 = 20_000;

/// Bytes of `Hello.build`; a longer one is a malformed frame.
pub const BUILD_BYTES: usize = 64;

/// Bytes of an access token; a longer one is a malformed frame.
pub const ACCESS_TOKEN_BYTES: usize = 2 * 1024;

/// What a frame is taken to cost in an outbox beside its body, in bytes: tags, lengths, ids.
pub const FRAME_OVERHEAD_BYTES: usize = 16;

/// Answers to a client's pings that wait in its outbox; a further ping while they wait gets none.
pub const PONGS_WAITING: usize = 4;

/// Pings whose answer is still awaited; the oldest is forgotten first. A late answer to any of them counts.
pub const PINGS_REMEMBERED: usize = 8;

/// Sequenced frames that a client takes before it acknowledges them.
pub const ACK_EVERY_FRAMES: u32 = 64;

/// Milliseconds that a client lets sequenced frames wait for their acknowledgement.
pub const ACK_DELAY_MS: u64 = 1_000;

/// Frames that wait on a client for the link; a further call is refused on the spot.
pub const CLIENT_OUTBOX_FRAMES: usize = 256;

/// Calls of one client session that await their reply.
pub const CLIENT_CALLS_PENDING: usize = 256;

/// Bytes of the name of a group that spans nodes.
pub const GROUP_NAME_BYTES: usize = 256;

/// Milliseconds in a day: no deadline is longer, so that times never overflow.
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// What an operator may change for the sessions of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Calls of a session that wait for their turn, over all hubs. The next is refused with `CALL_QUEUE_FULL`.
    pub call_queue: usize,
    /// Calls of `concurrent` methods that run at once.
    pub concurrent_calls: usize,
    /// Questions to a client that await their answer.
    pub asks: usize,
    /// Frames that wait for the link.
    pub outbox_frames: usize,
    /// Bytes that wait for the link.
    pub outbox_bytes: usize,
    /// Milliseconds from the opening of a link to a Welcome.
    pub hello_ms: u64,
    /// Milliseconds between two pings.
    pub heartbeat_ms: u32,
    /// Milliseconds without any frame from a client after which its link counts as lost.
    pub silence_ms: u64,
    /// Milliseconds that a frame may wait for a client that does not read.
    pub write_ms: u64,
    /// Milliseconds for a call or client result whose contract names none.
    pub default_deadline_ms: u32,
    /// Milliseconds that a client may ask for at most.
    pub longest_deadline_ms: u32,
    /// Milliseconds that running calls get when their session ends, and again the hubs to take leave.
    pub end_grace_ms: u64,
    /// Milliseconds after which a session is told to come again, give or take a tenth.
    pub age_ms: u64,
}

impl SessionLimits {
    /// What holds when nothing is configured.
    pub const DEFAULT: Self = Self {
        call_queue: 32,
        concurrent_calls: 32,
        asks: 16,
        outbox_frames: 256,
        outbox_bytes: 64 * 1024,
        hello_ms: 5_000,
        heartbeat_ms: 5_000,
        silence_ms: 15_000,
        write_ms: 5_000,
        default_deadline_ms: 10_000,
        longest_deadline_ms: 60_000,
        end_grace_ms: 5_000,
        age_ms: 6 * 3_600 * 1_000,
    };
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const _: () = {
    let limits = SessionLimits::DEFAULT;
    assert!(limits.silence_ms >= 2 * limits.heartbeat_ms as u64, "one late answer must not cut a client");
    assert!(limits.default_deadline_ms <= limits.longest_deadline_ms, "the default must be one that may be asked for");
    assert!(limits.age_ms + limits.age_ms / 10 <= DAY_MS, "a session lives a day at most");
    assert!(
        limits.write_ms + 2 * (limits.heartbeat_ms as u64) < FRAMED_STALL_MS,
        "a session says first who did not read"
    );
    assert!(limits.outbox_bytes >= CLIENT_BATCH_BYTES, "a reply the size of a request fits");
    assert!(
        limits.outbox_bytes + limits.outbox_frames * FRAME_OVERHEAD_BYTES <= SERVER_BATCH_BYTES,
        "a full outbox fits into one message"
    );
    assert!(limits.call_queue + limits.concurrent_calls < limits.outbox_frames, "replies to all calls fit");
    assert!(CLIENT_CALLS_PENDING <= CLIENT_OUTBOX_FRAMES, "every call that may be pending may be queued");
    assert!(ACCESS_TOKEN_BYTES + BUILD_BYTES < CLIENT_BATCH_BYTES, "a Hello fits into one message");
};

/// Milliseconds that a client waits for its Welcome.
pub const CLIENT_WELCOME_MS: u64 = 10_000;

/// Heartbeats without any frame from the server after which a client counts the link as lost.
pub const CLIENT_SILENT_HEARTBEATS: u64 = 3;

/// Milliseconds that a client leaves the link open after the end, for replies that are under way.
pub const CLIENT_CLOSE_MS: u64 = 6_000;
