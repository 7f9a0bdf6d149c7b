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

/// Bytes of a resume token: half of it names the session, half is its secret.
pub const RESUME_TOKEN_BYTES: usize = 32;

/// Secrets of a session that count at once, while none of their Welcomes is known to have arrived.
pub(crate) const RESUME_SECRETS: usize = 8;

/// What a frame is taken to cost in an outbox beside its body, in bytes: tags, lengths, ids.
pub const FRAME_OVERHEAD_BYTES: usize = 16;

/// Answers to a client's pings that wait in its outbox; a further ping while they wait gets none.
pub const PONGS_WAITING: usize = 4;

/// Pings whose answer is still awaited; the oldest is forgotten first. A late answer to any of them counts.
pub const PINGS_REMEMBERED: usize = 8;

/// Bytes of a gRPC link's buffer in each direction while nothing needs more: what an idle session keeps.
pub const GRPC_BUFFER_BYTES: usize = 512;

/// Bytes after which a gRPC link hands on what it has encoded.
pub const GRPC_YIELD_BYTES: usize = 32 * 1024;

/// Room for frames that an outbox keeps from one message to the next.
pub const SPARE_FRAMES: usize = 8;

/// Sequenced frames that a client takes before it acknowledges them.
pub const ACK_EVERY_FRAMES: u32 = 64;

/// Milliseconds that a client lets sequenced frames wait for their acknowledgement.
pub const ACK_DELAY_MS: u64 = 1_000;

/// Frames that wait on a client for the link; a further call is refused on the spot.
pub const CLIENT_OUTBOX_FRAMES: usize = 256;

/// Pushes that came as datagrams and wait on a client for its driver; the oldest are dropped.
pub const CLIENT_DATAGRAMS_WAITING: usize = 64;

/// Calls of one client session that await their reply.
pub const CLIENT_CALLS_PENDING: usize = 256;

/// Bytes of the name of a group that spans nodes.
pub const GROUP_NAME_BYTES: usize = 256;

/// Milliseconds in a day: no deadline is longer, so that times never overflow.
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// What an operator may change for the sessions of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Calls of a session that wait for their turn, over all hubs. The next is refused with `CALL_QUEUE_FULL`, unless it is one of
    /// the [`LATE_CALLS`] after a new link.
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
    /// Milliseconds that a session whose link is lost waits for a new one; 0: it ends at once.
    pub resume_grace_ms: u64,
    /// Sequenced frames of a session that are kept until the client has acknowledged them, to be replayed.
    pub ring_frames: usize,
    /// Bytes of them.
    pub ring_bytes: usize,
    /// Sessions of a server that wait for a new link at once. One more ends with its link. Each holds at most its ring, its calls
    /// and [`outbox_bytes`](Self::outbox_bytes) of LATEST values.
    pub detached_sessions: usize,
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
        resume_grace_ms: 30_000,
        ring_frames: 1_024,
        ring_bytes: 64 * 1024,
        detached_sessions: 4_096,
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
    assert!(
        limits.ring_frames >= limits.outbox_frames && limits.ring_bytes >= limits.outbox_bytes,
        "what waits for the link is always in the ring too"
    );
    assert!(limits.ring_frames > 2 * ACK_EVERY_FRAMES as usize, "a client that acknowledges as it should can resume");
    assert!(CLIENT_CALLS_PENDING <= CLIENT_OUTBOX_FRAMES, "every call that may be pending may be queued");
    assert!(ACCESS_TOKEN_BYTES + BUILD_BYTES < CLIENT_BATCH_BYTES, "a Hello fits into one message");
};

const _: () = {
    assert!(RECONNECT_FIRST_MS <= RECONNECT_LONGEST_MS, "attempts come further apart, never closer");
    assert!(
        RECONNECT_LONGEST_MS * 3 <= SessionLimits::DEFAULT.resume_grace_ms,
        "several attempts fit into the grace time"
    );
    assert!(RECONNECT_FOR_MS > SessionLimits::DEFAULT.resume_grace_ms, "the server gives up first");
    assert!(CLIENT_CONFIRM_EVERY * 4 <= CLIENT_ANSWERS_KEPT, "no answer is forgotten whose arrival is not asked for");
};

/// Milliseconds that a client waits for its Welcome.
pub const CLIENT_WELCOME_MS: u64 = 10_000;

/// Heartbeats without any frame from the server after which a client counts the link as lost.
pub const CLIENT_SILENT_HEARTBEATS: u64 = 3;

/// Milliseconds before a client's first attempt to come back after it lost its link, at most; each further attempt waits twice as
/// long. Of the time at least the half, the rest by chance: those who lost their links together do not come back together.
pub const RECONNECT_FIRST_MS: u64 = 250;

/// Milliseconds before an attempt, at most.
pub const RECONNECT_LONGEST_MS: u64 = 5_000;

/// Milliseconds for an attempt, from the access token to the link.
pub const RECONNECT_DIAL_MS: u64 = 10_000;

/// Milliseconds without a link after which a client gives its session up: by then the server has long done so.
pub const RECONNECT_FOR_MS: u64 = 60_000;

/// One-way calls that a client keeps until it knows that they arrived; a further one is refused.
pub const CLIENT_ONE_WAY_KEPT: usize = 1_024;

/// Answers that a client keeps until it knows that they arrived; the oldest is forgotten first.
pub const CLIENT_ANSWERS_KEPT: usize = 1_024;

/// One-way calls and answers after which a client pings, to learn that they arrived.
pub const CLIENT_CONFIRM_EVERY: usize = 64;

/// Calls that a session takes beyond its queue after each new link: those that its client could not send while it had none.
pub const LATE_CALLS: usize = CLIENT_CALLS_PENDING + CLIENT_ONE_WAY_KEPT;

/// Bytes of their bodies.
pub const LATE_CALL_BYTES: usize = 64 * 1024;

/// Milliseconds that a client leaves the link open after the end, for replies that are under way.
pub const CLIENT_CLOSE_MS: u64 = 6_000;

// --- nodes of a cluster, see `crate::cluster`.

/// Bytes of a node's name.
pub const NODE_NAME_BYTES: usize = 32;

/// Messages that wait on the in-process bus for a node that does not read.
pub const MEMORY_BUS_MESSAGES: usize = 65_536;

/// Milliseconds between two signs of life of a node.
pub const BEAT_MS: u64 = 1_000;

/// Milliseconds without a sign of life after which a node is dead: its lease.
pub const LEASE_MS: u64 = 5_000;

/// Milliseconds for which a dead node's place in groups is remembered, so that it is told what it missed when it comes back.
pub const DEAD_NODE_REMEMBERED_MS: u64 = 10 * 60 * 1_000;

/// Other nodes that a node listens to; messages of more are left unread.
pub const NODES: usize = 64;

/// Sessions in groups of one other node, each counted once a group. What is beyond is in no `count`.
pub const MEMBERSHIPS_OF_NODE: usize = 1_000_000;

/// Members of other nodes that [`ClusterGroup::members`](crate::ClusterGroup::members) lists.
pub const MEMBERS_LISTED: usize = 10_000;

/// Frames of a group that its origin keeps for those who missed one.
pub const RING_FRAMES: usize = 1_024;

/// Milliseconds for which it keeps them.
pub const RING_MS: u64 = 5_000;

/// Bytes of a group's frames that it keeps.
pub const RING_BYTES: usize = 256 * 1024;

/// The same of all groups of a node.
pub const RINGS_BYTES: usize = 64 * 1024 * 1024;

/// Frames that came out of order and wait, of one group and origin.
pub const HELD_FRAMES: usize = 1_024;

/// Their bytes.
pub const HELD_BYTES: usize = 256 * 1024;

/// The same of all groups and origins of a node.
pub const HELD_TOTAL_BYTES: usize = 32 * 1024 * 1024;

/// Groups and origins whose sequences a node follows. A frame of a further one is taken as it comes.
pub const TRACKS: usize = 262_144;

/// Milliseconds that a frame may be late before its origin is asked: brokers overtake themselves.
pub const REORDER_MS: u64 = 50;

/// Milliseconds between two questions for the same.
pub const REPAIR_MS: u64 = 250;

/// Gaps of a group and origin that are asked for at once.
pub const SPANS_WANTED: usize = 32;

/// Milliseconds after which a gap is told. Within the ring's time, or the origin could not answer any more.
pub const GAP_TOLD_MS: u64 = 4_000;

/// Milliseconds since its last push for which a group's head is part of its origin's signs of life: that is how the loss of the
/// last push shows.
pub const HEAD_MS: u64 = 6_000;

/// Heads in one item.
pub const HEADS_AT_ONCE: usize = 256;

/// Bytes of one message to the broker. Larger items are not sent.
pub const PARCEL_BYTES: usize = 256 * 1024;

/// Bytes that wait for the broker, for one node or for all; further frames are left to repair.
pub const OUTGOING_BYTES: usize = 8 * 1024 * 1024;

/// Items that wait for the broker, for one node or for all.
pub const OUTGOING_ITEMS: usize = 65_536;

/// Changes of membership that came out of order and wait.
pub const CHANGES_HELD: usize = 4_096;

/// Bytes of one part of a node's roster, about.
pub const ROSTER_PART_BYTES: usize = 48 * 1024;

/// Parts of a node's roster.
pub const ROSTER_PARTS: u32 = 4_096;

/// Questions to members on other nodes that are open at once.
pub const ASKS_ABROAD: usize = 1_024;

/// Questions of other nodes that are open here at once, or whose answer is kept to be sent again.
pub const ASKS_FROM_ABROAD: usize = 4_096;

/// Milliseconds between two sendings of an open question or notice.
pub const ASK_AGAIN_MS: u64 = 1_000;

/// Milliseconds of the first pause before a lost broker is tried again; each further one doubles, up to
/// [`RECONNECT_AT_MOST_MS`].
pub const RECONNECT_MS: u64 = 50;

/// Longest such pause.
pub const RECONNECT_AT_MOST_MS: u64 = 2_000;

const _: () = {
    assert!(LEASE_MS >= 4 * BEAT_MS, "one lost sign of life must not kill a node");
    assert!(GAP_TOLD_MS < RING_MS && REPAIR_MS > REORDER_MS, "a gap is told while its origin may still answer");
    assert!(HEAD_MS > GAP_TOLD_MS + BEAT_MS, "the loss of a last push shows in time");
    assert!(
        SessionLimits::DEFAULT.outbox_bytes + 2 * GROUP_NAME_BYTES < PARCEL_BYTES,
        "what fits an outbox fits a parcel"
    );
    assert!(RING_BYTES < RINGS_BYTES && HELD_BYTES < HELD_TOTAL_BYTES);
};
