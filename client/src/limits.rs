//! Every limit of the client, with the relations between them.

use std::time::Duration;

/// Largest answer of a unary call, bytes.
pub const ANSWER_MAX: usize = 256 * 1_024;
/// Deadline of a unary call.
pub const UNARY_DEADLINE: Duration = Duration::from_secs(10);
/// For one TCP or QUIC connection to stand.
pub const CONNECT_TIME_LIMIT: Duration = Duration::from_secs(10);
/// An access token this near to its end is renewed before it is used.
pub const RENEW_BEFORE_EXPIRY: Duration = Duration::from_secs(60);

/// Pushes that wait for the game. Full: see [`WorldPushes`](crate::WorldPushes).
pub const PUSH_QUEUE: usize = 256;

/// Largest datagram, bytes of payload.
pub const DATAGRAM_MAX: usize = shallot_proto::wire::limits::MAX_DATAGRAM;
/// Datagrams that wait for the socket, bytes: two snapshots' worth. What is older must be dropped, not stored.
pub const DATAGRAM_SEND_BUFFER: usize = 2 * DATAGRAM_MAX + 200;
/// Datagrams that wait for the game, bytes.
pub const DATAGRAM_RECEIVE_BUFFER: usize = 64 * 1_024;
/// Longest ticket, bytes.
pub const TICKET_MAX: usize = shallot_proto::wire::limits::MAX_TICKET;
/// Nothing from the server for so long: the channel is lost.
pub const CHANNEL_IDLE: Duration = Duration::from_secs(10);
/// From one sign of life to the next.
pub const CHANNEL_KEEP_ALIVE: Duration = Duration::from_secs(3);
/// Packets of the server that it may leave without an acknowledgement of its own.
pub const ACK_AFTER: u32 = 8;
/// ... and for how long: until its next datagram takes one along. quinn holds it to the round trip, or 25 ms where that is shorter.
pub const ACK_DELAY: Duration = Duration::from_millis(60);
/// The congestion window never falls below it, bytes: random loss must not delay inputs.
pub const WINDOW_FLOOR: u64 = 32 * 1_024;
/// And never rises above it, bytes.
pub const WINDOW_CEILING: u64 = 64 * 1_024;

/// Entities in view at most, a crowd's with them; records of a crowd beyond are passed over.
pub const ENTITIES_MAX: usize = 2_048;
/// Snapshots whose tables are known: all that later ones may go on from.
pub const TABLES_KEPT: usize = 32;
/// A body is not thought to go on as it did for longer, ticks.
pub const EXTRAPOLATED_TICKS_MAX: i32 = 20;
/// Inputs that may wait for their acknowledgement in the prediction: 3 s.
pub const UNACKNOWLEDGED_MAX: usize = 60;

/// Where the server's input buffer should stand, quarter ticks: inputs arrive one and a half ticks early.
pub const BUFFER_TARGET_QUARTERS: i32 = 6;
/// The client's tick is never more than this much shorter or longer, parts per thousand.
pub const PACE_LIMIT_PERMILLE: i32 = 80;
/// A tick that is this far from where it should be is set, not paced, ticks.
pub const PACE_JUMP_TICKS: i32 = 10;

/// An error of what is drawn is smoothed over within this time.
pub const CORRECTION_FADE: Duration = Duration::from_millis(150);
/// Unless it is larger than this, units of 1/4,096 m: 2 m. Then what is drawn is set right at once.
pub const CORRECTION_SNAP_UNITS: i32 = 8_192;
/// Others are drawn at least so far behind the usual arrival of their states: one lost snapshot is bridged.
pub const DRAW_DELAY_MIN: Duration = Duration::from_millis(100);
/// And at most so far: with a round trip of 50 ms all of it is within what a server rewinds for a shot.
pub const DRAW_DELAY_MAX: Duration = Duration::from_millis(200);
/// The time that is drawn runs so much faster or slower at most, parts per thousand.
pub const DRAW_CLOCK_PERMILLE: i64 = 100;
/// It is set, not paced, when it is so far from where it should be.
pub const DRAW_CLOCK_JUMP: Duration = Duration::from_millis(500);
/// States of an entity that are kept for what is drawn.
pub const STATES_KEPT: usize = 8;

const _: () = assert!(DRAW_DELAY_MIN.as_millis() < DRAW_DELAY_MAX.as_millis());
const _: () = assert!(DRAW_CLOCK_PERMILLE > 0 && DRAW_CLOCK_PERMILLE < 1_000);
// One a tick: what is drawn, a tick later still when a snapshot is early, lies among them.
const _: () = assert!(STATES_KEPT as u128 * 50 >= DRAW_DELAY_MAX.as_millis() + 3 * 50);
const _: () = assert!(DATAGRAM_SEND_BUFFER >= 2 * DATAGRAM_MAX && DATAGRAM_SEND_BUFFER <= 8 * 1_024);
const _: () = assert!(WINDOW_FLOOR < WINDOW_CEILING);
const _: () = assert!(CHANNEL_KEEP_ALIVE.as_secs() * 3 < CHANNEL_IDLE.as_secs());
const _: () = assert!(PACE_LIMIT_PERMILLE > 0 && PACE_LIMIT_PERMILLE < 500);
const _: () = assert!(ENTITIES_MAX > shallot_proto::wire::limits::PLACES);
const _: () =
    assert!(TABLES_KEPT <= shallot_proto::wire::limits::ACK_WINDOW as usize, "the acknowledgement tells which came");
const _: () = assert!(TABLES_KEPT > shallot_proto::wire::limits::MAX_BASELINE_AGE as usize);
