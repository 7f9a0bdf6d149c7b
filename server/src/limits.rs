//! Every limit of this crate, with its reason. Rates by class are the operator's and stand in `shallot_services`.

use std::time::Duration;

use crate::listeners::bucket::Rate;

/// From the first signal to the hard stop.
pub(crate) const DRAIN: Duration = Duration::from_secs(20);

/// From the last session's end to the end of connections that clients keep open.
pub(crate) const CONNECTION_GRACE: Duration = Duration::from_secs(2);

// --- gRPC. Tonic and hyper switch several of these off by default.

/// Streams a client may have open on one connection.
pub(crate) const STREAMS_PER_CONNECTION: u32 = 64;
/// Requests of one connection that are worked on at once.
pub(crate) const REQUESTS_PER_CONNECTION: usize = 32;
/// Streams a client may reset before we took them up.
pub(crate) const PENDING_ACCEPT_RESETS: usize = 20;
/// Streams we reset for a client's mistakes until the connection ends; refused streams count too, so it is well above
/// [`STREAMS_PER_CONNECTION`].
pub(crate) const LOCAL_ERROR_RESETS: usize = 256;
/// Bytes of all headers of one request.
pub(crate) const HEADER_LIST: u32 = 8 * 1024;
/// Bytes of one HTTP/2 frame.
pub(crate) const FRAME: u32 = 16 * 1024;
/// Bytes in flight on one stream.
pub(crate) const STREAM_WINDOW: u32 = 64 * 1024;
/// Bytes in flight on one connection.
pub(crate) const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Idle connections are asked this often.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(15);
/// ... and have so long to answer.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// For a TLS handshake.
pub(crate) const TLS_HANDSHAKE: Duration = Duration::from_secs(5);
/// TLS handshakes of one gateway worker under way at once; the next ones wait in the system's queue.
pub(crate) const TLS_HANDSHAKES_PER_WORKER: usize = 1_024;
/// Bytes of one unary request.
pub(crate) const UNARY_MESSAGE: usize = 64 * 1024;
/// For a unary call.
pub(crate) const UNARY_DEADLINE: Duration = Duration::from_secs(2);
/// For a unary call that moves value.
pub(crate) const SLOW_UNARY_DEADLINE: Duration = Duration::from_secs(5);
/// For a call about accounts: a log-in or registration waits for a turn. Clients give up after ten seconds.
pub(crate) const LOG_IN_DEADLINE: Duration = Duration::from_secs(9);
/// Log-ins and registrations that are worked on at once. As many writes of the next steps wait beside theirs, two or three times: at the
/// thousand a second that a store does at least, well below [`UNARY_DEADLINE`].
pub(crate) const LOG_INS_AT_ONCE: usize = 64;
/// Those that wait for it.
pub(crate) const LOG_INS_WAITING: usize = 4_096;
/// For so long: who is sent away instead comes again with a handshake and to the queue's end. Below the deadline, so that who is refused
/// knows that nothing was done.
pub(crate) const LOG_IN_WAIT: Duration = Duration::from_secs(8);
/// Who was refused comes again after this.
pub(crate) const LOG_IN_RETRY: Duration = Duration::from_secs(2);
/// TCP connections of one gateway worker.
pub(crate) const CONNECTIONS_PER_WORKER: usize = 8_192;
/// TCP connections from one address to one gateway worker.
pub(crate) const CONNECTIONS_PER_ADDRESS: usize = 64;
/// ... under the limit profile `load`, from loopback.
pub(crate) const CONNECTIONS_PER_ADDRESS_LOAD: usize = 8_192;
/// Pause of the accept loop when the process has no file descriptor left.
pub(crate) const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

// --- The guard on each TCP connection: what keeps to the protocol and still costs more than it gives. A busy client makes 500
// calls a second on one connection, answers and acknowledges as many, and gives up some of them.

/// Streams a client opens.
pub(crate) const STREAMS_OPENED: Rate = Rate { per_second: 1_000, burst: 2_000 };
/// Streams a client resets: all that may be open at once, several times over.
pub(crate) const STREAMS_RESET: Rate = Rate { per_second: 100, burst: 256 };
/// SETTINGS of a client. Libraries that measure the bandwidth change their window a few times.
pub(crate) const SETTINGS_FRAMES: Rate = Rate { per_second: 5, burst: 32 };
/// DATA frames without data that end no stream. No known library sends any.
pub(crate) const EMPTY_DATA_FRAMES: Rate = Rate { per_second: 50, burst: 100 };
/// PING, `WINDOW_UPDATE` and the like. Some libraries send one of each for every message they read.
pub(crate) const CONTROL_FRAMES: Rate = Rate { per_second: 2_000, burst: 4_000 };
/// Frames of all kinds.
pub(crate) const FRAMES: Rate = Rate { per_second: 10_000, burst: 20_000 };
/// From the opening of a connection, or the end of its TLS handshake, to its first full request.
pub(crate) const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// For one frame or block of headers, first byte to last: 16 KiB in it are 13 kbit/s.
pub(crate) const FRAME_TIME: Duration = Duration::from_secs(10);

// --- QUIC.

/// Handshakes under way.
pub(crate) const QUIC_MAX_INCOMING: usize = 1_024;
/// Handshakes of one worker under way above which an address must prove itself (Retry); above twice that new ones are ignored.
pub(crate) const QUIC_RETRY_ABOVE: usize = 256;
/// Handshakes begun, above which the same holds.
pub(crate) const QUIC_RETRY_RATE: Rate = Rate { per_second: 500, burst: 500 };
/// Bytes that the system keeps of what came for a worker while the worker does something else. A thousand players send 20 packets a second at
/// least and a small one is counted as 768, so that the usual 208 KiB are full after 14 ms; this is above a tenth of a second of theirs and a
/// burst of handshakes beside it. What goes out has no such buffer: what waits there could not be dropped for something newer.
pub(crate) const QUIC_RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// Bytes buffered of one handshake.
pub(crate) const QUIC_INCOMING_BUFFER: u64 = 64 * 1024;
/// Bytes buffered of all handshakes.
pub(crate) const QUIC_INCOMING_BUFFER_TOTAL: u64 = 16 * 1024 * 1024;
/// About two snapshots: stale state must be dropped, not stored.
pub(crate) const DATAGRAM_SEND_BUFFER: usize = 4 * 1024;
/// Least window of a path to a client, bytes: so much may be under way whatever was lost. Above a second of full snapshots, so that it
/// never holds one back; a path that carries less is the budget's business.
pub(crate) const WINDOW_FLOOR: u64 = 32 * 1024;
/// Largest window, bytes.
pub(crate) const WINDOW_CEILING: u64 = 64 * 1024;
/// How often a path is looked at.
pub(crate) const PATH_SAMPLE: Duration = Duration::from_millis(250);
/// What QUIC puts around a datagram, bytes: its packet's header and tag, the frame's length, and an acknowledgement now and then.
pub(crate) const QUIC_AROUND: usize = 40;
/// Most that a snapshot in a datagram has once the shard was told, bytes: with what is around it a UDP payload of 1,150.
pub(crate) const SNAPSHOT_MOST: usize = shallot_proto::wire::limits::MAX_DATAGRAM - QUIC_AROUND;
/// Least budget of a snapshot, bytes: the client's own state and some ten entities beside it.
pub(crate) const BUDGET_FLOOR: usize = shallot_world::limits::BUDGET_LEAST;
/// Least budget on a slower path, bytes for each snapshot: of [`BUDGET_FLOOR`] every eighth goes, with its packet about 5 kbit/s.
pub(crate) const RATE_FLOOR: usize = BUDGET_FLOOR / 8;
/// Bytes lost, parts per thousand, about over two seconds, that lower a budget. Random loss of a bad line is far below.
pub(crate) const HEAVY_LOSS_PERMILLE: u64 = 250;
/// The same about over one second, that say that a path carries nothing of this size.
pub(crate) const COLLAPSE_PERMILLE: u64 = 800;
/// For so many looks it is not tried again when that shows first: with the trial two seconds, in case it was something else.
pub(crate) const HOLE_SAMPLES_FIRST: u32 = 5;
/// For so many at most, when it shows again and again: with the trial a minute.
pub(crate) const HOLE_SAMPLES_LAST: u32 = 232;
/// A packet that waits longer in the path lowers a budget.
pub(crate) const STANDING_QUEUE: Duration = Duration::from_millis(100);
/// After so many looks with a queue at the least budget the path is taken for a longer one: 10 s.
pub(crate) const STUCK_SAMPLES: u32 = 40;
/// Times a client may change its address in a second: each costs 1,200 bytes to an address that is not yet its own.
pub(crate) const MIGRATIONS: Rate = Rate { per_second: 1, burst: 5 };
/// Packets of up to 1,200 bytes that ask addresses of one client to prove themselves. QUIC repeats that on every packet for a round trip: an
/// honest change costs about ten. The measure of changes that come and go between two looks at the address.
pub(crate) const PATH_CHALLENGES: Rate = Rate { per_second: 20, burst: 200 };
/// Inputs that wait to be read.
pub(crate) const DATAGRAM_RECEIVE_BUFFER: usize = 64 * 1024;
/// Bidirectional streams a client may have open.
pub(crate) const QUIC_BIDI_STREAMS: u32 = 4;
/// Unidirectional streams a client may have open.
pub(crate) const QUIC_UNI_STREAMS: u32 = 8;
/// Bytes in flight on one QUIC stream.
pub(crate) const QUIC_STREAM_WINDOW: u32 = 16 * 1024;
/// A silent connection ends after this.
pub(crate) const QUIC_IDLE: Duration = Duration::from_secs(10);
/// We speak at least this often.
pub(crate) const QUIC_KEEPALIVE: Duration = Duration::from_secs(3);
/// Packets of a client that it may leave without an acknowledgement of its own.
pub(crate) const QUIC_ACK_AFTER: u32 = 8;
/// ... and for how long: a tick and what its datagrams are spread over. quinn holds it to the round trip, or 25 ms where that is shorter.
pub(crate) const QUIC_ACK_DELAY: Duration = Duration::from_millis(60);
/// From one stateless reset of a worker to the next: after a restart all its clients learn within seconds that their connections are gone.
/// A reset is smaller than the packet that asks for it, so a flood of them amplifies nothing.
pub(crate) const QUIC_RESET_INTERVAL: Duration = Duration::from_millis(1);
/// From the end of a hub link on QUIC to the end of its connection, for a client that does not close it by itself.
pub(crate) const QUIC_LINK_GRACE: Duration = Duration::from_secs(1);
/// From the handshake to the ticket.
pub(crate) const TICKET_TIMEOUT: Duration = Duration::from_secs(5);
/// Life of a ticket.
pub(crate) const TICKET_LIFE: Duration = Duration::from_secs(30);
/// Used tickets remembered by one worker until they would have expired anyway.
pub(crate) const TICKETS_REMEMBERED: usize = 65_536;
/// Datagrams a client may send in a second.
pub(crate) const DATAGRAMS_PER_SECOND: u32 = 60;
/// ... and in one burst.
pub(crate) const DATAGRAM_BURST: u32 = 30;
/// A client that is above the rate for so many seconds is ended.
pub(crate) const DATAGRAM_FLOOD_SECONDS: u32 = 10;

// --- between nodes.

/// How long a server that says nothing keeps its regions.
pub(crate) const REGION_LEASE: Duration = Duration::from_secs(5);
/// How often it says so.
pub(crate) const REGION_RENEW: Duration = Duration::from_secs(1);
/// Log-ins on other nodes that wait to be acted on.
pub(crate) const LOGINS_HEARD: usize = 4_096;

// --- between shards, gateways and stores.

/// Commands waiting for a shard's next tick.
pub(crate) const SHARD_MAILBOX: usize = 16_384;
/// Ticks waiting for a gateway worker: 3.2 s.
pub(crate) const GATEWAY_INBOX: usize = 64;
/// Datagrams that a worker gives to QUIC at once, at least: few need no spreading.
pub(crate) const SEND_SLICE: usize = 32;
/// A tick's datagrams go out in so many slices at most, one after the other.
pub(crate) const SEND_SLICES: u32 = 8;
/// From one slice to the next. The last may go two timer steps late and is out within 10 ms of its tick.
pub(crate) const SLICE_EVERY: Duration = Duration::from_millis(1);
/// Grants and saves waiting for the store.
pub(crate) const DESK_QUEUE: usize = 4_096;
/// Grants and saves a shard keeps while the desk's queue is full; at this mark the shard waits for the store.
pub(crate) const DESK_BACKLOG: usize = 16_384;
/// How long a hub call waits for its shard.
pub(crate) const SHARD_ANSWER: Duration = Duration::from_secs(3);
/// How long leaving a region may take: its grants must be stored first.
pub(crate) const LEAVE_ANSWER: Duration = Duration::from_secs(10);
/// Ticks between two checkpoints of a shard.
pub(crate) const CHECKPOINT_TICKS: u32 = 20;
/// Ticks that wait to be written to a shard's journal: 3.2 s. One more interrupts it.
pub(crate) const JOURNAL_BUFFERS: usize = 64;
/// Bytes a tick's buffer keeps once it is written; a larger one is given back to the system.
pub(crate) const JOURNAL_BUFFER_BYTES: usize = 256 * 1024;
/// Ticks after which a journal that the disk did not take is tried again.
pub(crate) const JOURNAL_RETRY_TICKS: u32 = 60 * shallot_proto::wire::TICKS_PER_SECOND;
/// How long a shard that stops waits for room to say so in its journal.
pub(crate) const JOURNAL_FAREWELL: Duration = Duration::from_secs(2);
/// How long /healthz waits for every shard's tick to advance.
pub(crate) const HEALTH_WAIT: Duration = Duration::from_millis(500);

const _: () = assert!(LOG_INS_AT_ONCE < LOG_INS_WAITING && LOG_IN_WAIT.as_millis() < LOG_IN_DEADLINE.as_millis());
const _: () = assert!(STREAMS_RESET.burst > 2 * STREAMS_PER_CONNECTION);
const _: () = assert!(FRAMES.per_second > STREAMS_OPENED.per_second + CONTROL_FRAMES.per_second);
const _: () = assert!(LOCAL_ERROR_RESETS > 2 * STREAMS_PER_CONNECTION as usize);
const _: () = assert!(2 * QUIC_RETRY_ABOVE < QUIC_MAX_INCOMING);
const _: () = assert!(DATAGRAM_SEND_BUFFER >= 2 * shallot_proto::wire::limits::MAX_DATAGRAM);
const _: () = {
    use shallot_proto::wire::limits::MAX_DATAGRAM;
    use shallot_proto::wire::{TICK_MS, TICKS_PER_SECOND};
    assert!(
        WINDOW_FLOOR >= (MAX_DATAGRAM + QUIC_AROUND) as u64 * TICKS_PER_SECOND as u64 && WINDOW_FLOOR < WINDOW_CEILING
    );
    assert!(BUDGET_FLOOR < SNAPSHOT_MOST && HEAVY_LOSS_PERMILLE < COLLAPSE_PERMILLE);
    assert!(PATH_SAMPLE.as_millis() >= 2 * TICK_MS as u128);
};
const _: () = assert!((SEND_SLICES as u128 - 1) * SLICE_EVERY.as_millis() + 2 <= 10);
const _: () = assert!(QUIC_LINK_GRACE.as_millis() < CONNECTION_GRACE.as_millis());
const _: () = assert!(DESK_QUEUE <= DESK_BACKLOG);
