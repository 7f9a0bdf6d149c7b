//! Every limit of the load tool, with the relations between them.

use std::time::Duration;

/// Bots at most: file descriptors (two sockets each) and this machine's memory set it.
pub const BOTS_MAX: u32 = 5_000;
/// Shortest demo, seconds: below it there is no time to walk, fight and collect.
pub const SECONDS_MIN: u32 = 10;
/// Longest demo, seconds.
pub const SECONDS_MAX: u32 = 24 * 3_600;

/// From the server's start to its ready line.
pub const READY_TIME_LIMIT: Duration = Duration::from_secs(30);
/// From the interrupt to the server's orderly end.
pub const STOP_TIME_LIMIT: Duration = Duration::from_secs(30);
/// Lines of the server's log that are shown when it fails.
pub const LOG_TAIL_LINES: usize = 20;
/// Bytes of the server's log that are read for them.
pub const LOG_TAIL_BYTES: u64 = 16 * 1_024;

/// For one fetch of `/metrics`.
pub const METRICS_TIME_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of `/metrics` that are read.
pub const METRICS_PAGE_MAX: u64 = 4 * 1_024 * 1_024;

/// From one line of progress to the next.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// From one look at the server's CPU and memory to the next.
pub const USAGE_EVERY: Duration = Duration::from_secs(1);

/// Part of the time, percent, at the end of which bots start no new fight and collect what lies there.
pub const COLLECT_PERCENT: u32 = 15;
/// That part is never longer, seconds.
pub const COLLECT_SECONDS_MAX: u32 = 30;
/// Last part of it in which a bot does not even fight back, milliseconds: a kill then would leave its drops behind.
pub const PEACE_MS: u64 = 4_000;
/// From the end of play until a bot must have left and read its store back.
pub const FAREWELL_TIME_LIMIT: Duration = Duration::from_secs(30);
/// From the server's end by force until a bot's session is over.
pub const CUT_OFF_TIME_LIMIT: Duration = Duration::from_secs(10);
/// For one bot to sign in, make its character and enter.
pub const ENTRY_TIME_LIMIT: Duration = Duration::from_secs(60);
/// Bots that sign in at the same time: a password costs the server 20 ms of a core.
pub const ENTRIES_AT_ONCE: usize = 16;

/// Entities a bot remembers the particulars of.
pub const TOLD_MAX: usize = 4_096;
/// Calls of one bot that may be under way at once.
pub const CALLS_IN_FLIGHT_MAX: usize = 8;
/// A bot looks so often whether its access token must be renewed, client ticks: half a minute, half of what the client leaves.
pub const RENEW_EVERY_TICKS: u32 = 600;
/// Rewards that a book keeps over all runs.
pub const REWARDS_KEPT_MAX: usize = 1_000_000;
/// Rounds of a crash test.
pub const ROUNDS_MAX: u32 = 1_000;
/// Longest play before a kill, seconds.
pub const ROUND_SECONDS_MAX: u32 = 600;
/// For one look of `shallot economy check`.
pub const CHECK_TIME_LIMIT: Duration = Duration::from_secs(60);
/// Problems of one kind that a round tells one by one; the others are counted.
pub const PROBLEMS_TOLD_MAX: usize = 5;
/// Kinds of errors and refusals that are told apart in the report.
pub const ERROR_KINDS_MAX: usize = 64;

/// Sessions of a benchmark at most: file descriptors set it.
pub const BENCH_SESSIONS_MAX: u32 = 18_000;
/// Longest measured part of a benchmark's run, seconds.
pub const BENCH_SECONDS_MAX: u32 = 600;
/// Runs of each benchmark at most.
pub const BENCH_ROUNDS_MAX: u32 = 100;
/// Connections that are opened at the same time.
pub const CONNECTS_AT_ONCE: usize = 64;
/// For one command to a benchmark's server, beyond the time that it is to take.
pub const COMMAND_TIME_LIMIT: Duration = Duration::from_secs(20);
/// For all members of a benchmark to come in.
pub const JOIN_TIME_LIMIT: Duration = Duration::from_secs(60);
/// For what is under way at the end of a measurement to arrive.
pub const SETTLE_TIME_LIMIT: Duration = Duration::from_secs(10);
/// Part of a run before its measurement begins.
pub const WARM_UP: Duration = Duration::from_secs(1);
/// From the last session's coming to the look at memory.
pub const IDLE_WAIT: Duration = Duration::from_secs(3);
/// Messages that wait for one connection of a benchmark.
pub const MEMBER_QUEUE: usize = 64;
/// Problems that a benchmark tells; the others are counted.
pub const MEMBER_PROBLEMS_TOLD_MAX: usize = 10;
/// Bytes of one message to a member that are taken.
pub const MEMBER_MESSAGE_MAX: usize = 1_024 * 1_024;
/// Longest delay of a message that is told apart, microseconds.
pub const DELAY_MAX_US: u64 = 60_000_000;
/// For slow readers to be ended by the server: what they and it may hold must fill up first.
pub const SLOW_END_TIME_LIMIT: Duration = Duration::from_secs(60);
/// Clients of a slow-readers run that chat, at most.
pub const CHATTERS_MAX: u32 = 5_000;
/// Those that stop reading, at most: each tells its end once, and so many problems are kept.
pub const SLOW_MAX: u32 = MEMBER_PROBLEMS_TOLD_MAX as u32;
/// Bytes in flight to a slow reader on its stream.
pub const SLOW_WINDOW: u32 = 16 * 1_024;
/// Bytes in flight to a member on its stream: a room's whole state and more.
pub const MEMBER_WINDOW: u32 = 512 * 1_024;
/// Bytes in flight on a connection. By half of it h2 measures how many small messages may wait unread before it gives the connection
/// up as attacked, each at what it lacks of 256 bytes: a full stream of the smallest must stay below.
pub const CONNECTION_WINDOW: u32 = 8 * 1_024 * 1_024;

/// Clients of a cut-links run at most: file descriptors (four sockets each) set it.
pub const CUT_CLIENTS_MAX: u32 = 2_000;
/// Cuts at most.
pub const CUTS_MAX: u32 = 100_000;
/// Longest time of the cuts, seconds.
pub const CUT_SECONDS_MAX: u32 = 3_600;
/// Longest time for which the server keeps a session without a link, seconds.
pub const GRACE_SECONDS_MAX: u32 = 30;
/// Calls of a client that await their reply: with as many it waits.
pub const CALLS_OPEN_MAX: usize = 128;
/// For all links to stand again when the cuts are over, and all calls to be answered.
pub const COME_BACK_TIME_LIMIT: Duration = Duration::from_secs(60);
/// Clients that a cut-links run tells the problems of; the others are counted.
pub const CLIENTS_TOLD_MAX: usize = 10;

/// For one of many who come at once to be in, from its first attempt; then it gives up.
pub const ARRIVAL_TIME_LIMIT: Duration = Duration::from_secs(60);
/// After the last has begun to come back, all must be back within so long.
pub const STORM_OVER: Duration = Duration::from_secs(10);
/// For how long a crowd stays when all are in.
pub const CROWD_STAYS: Duration = Duration::from_secs(10);
/// After the last has begun to come, all of a crowd must be in within so long.
pub const CROWD_IN_OVER: Duration = Duration::from_secs(3);
/// 99 of 100 ticks under a crowd are this short, microseconds: half of their period.
pub const CROWD_TICK_P99_US: f64 = 25_000.0;
/// 99 of 100 looks at the newest state under a crowd find it this young, milliseconds beyond the least delay: five ticks.
pub const CROWD_AGE_P99_MS: u32 = 250;
/// Attempts that may fail in a storm, for a hundred clients.
pub const STORM_REFUSALS_PERCENT: u64 = 5;
/// Attempts of a client to enter before the storm.
pub const FIRST_ENTRY_ATTEMPTS: u32 = 3;
/// From entering to the first state.
pub const FIRST_SNAPSHOT_TIME_LIMIT: Duration = Duration::from_secs(10);
/// From one attempt of such a client to the next, at most; at least half of it.
pub const RETRY_AFTER_MS: u64 = 1_000;
/// Players of the netcode benchmark whose eyes are compared with the truth.
pub const WATCHERS: u32 = 16;
/// For all of its players to come in.
pub const GATHER_TIME_LIMIT: Duration = Duration::from_secs(240);
/// From when all are in until anything counts: what they have before them settles.
pub const GATHER: Duration = Duration::from_secs(4);
/// Beyond that, for two crowds to walk apart.
pub const WALK_APART: Duration = Duration::from_secs(10);
/// What goes out at once of the plain QUIC server, at least; in so many slices at most, one so long after the other: as gateways do.
pub const PLAIN_SLICE: usize = 32;
/// See [`PLAIN_SLICE`].
pub const PLAIN_SLICES: usize = 8;
/// See [`PLAIN_SLICE`].
pub const PLAIN_SLICE_EVERY: Duration = Duration::from_millis(1);
/// Bytes of a datagram there each way, where nothing was measured yet.
pub const PLAIN_DOWN_BYTES: usize = 56;
/// See [`PLAIN_DOWN_BYTES`].
pub const PLAIN_UP_BYTES: usize = 28;
/// Of a hundred datagrams that are due there each way so many must go, or it says nothing of what they cost.
pub const PLAIN_ARRIVE_PERCENT: f64 = 75.0;
/// Clients of a relay at most: file descriptors set it.
pub const RELAY_CLIENTS_MAX: usize = 4_096;
/// Packets of one client that wait for its line.
pub const RELAY_INBOX: usize = 1_024;
/// Packets of one client that are under way on its line.
pub const RELAY_UNDER_WAY_MAX: usize = 65_536;
/// A client's line is given up after so long without a packet.
pub const RELAY_IDLE: Duration = Duration::from_secs(60);
/// Largest UDP payload, bytes.
pub const UDP_PAYLOAD_MAX: usize = 65_535;
/// Bytes that wait for a line with a rate, when nothing else is said.
pub const LINE_QUEUE: usize = 64 * 1_024;
/// Packets that are under way on a line through a TUN device.
pub const TUN_UNDER_WAY_MAX: usize = 262_144;
/// UDP packets that a probe of a line sends, one in [`PROBE_EVERY`].
pub const PROBE_PACKETS: u32 = 1_000;
/// From one to the next.
pub const PROBE_EVERY: Duration = Duration::from_millis(2);
/// Small exchanges that a probe makes over TCP.
pub const PROBE_EXCHANGES: u32 = 40;
/// Bytes that it sends over TCP and wants back.
pub const PROBE_BYTES: usize = 128 * 1_024;
/// For each of its parts.
pub const PROBE_TIME_LIMIT: Duration = Duration::from_secs(120);
/// After so long without an answer the missing ones are lost.
pub const PROBE_SILENCE: Duration = Duration::from_secs(2);
/// Longest run of a relay with a time, seconds.
pub const LINK_SECONDS_MAX: u32 = 24 * 3_600;

const _: () = assert!(COLLECT_PERCENT < 100);
const _: () = assert!(
    MEMBER_WINDOW / 32 * 256 <= CONNECTION_WINDOW / 2,
    "streams of messages of 32 bytes do not end a connection"
);
const _: () = assert!(PEACE_MS < COLLECT_SECONDS_MAX as u64 * 1_000);
const _: () = assert!(CALLS_IN_FLIGHT_MAX < 32, "the session's call queue at the server holds 32");
