//! Every maximum of this crate, with the relations between them checked at compile time.

/// One second, in the unit of all times here.
pub const SECOND_MS: u64 = 1_000;
/// One day.
pub const DAY_MS: u64 = 24 * 60 * 60 * SECOND_MS;

/// Shortest login name, bytes (they are ASCII).
pub const LOGIN_NAME_MIN: usize = 3;
/// Longest login name, bytes.
pub const LOGIN_NAME_MAX: usize = 32;
/// Shortest password, bytes.
pub const PASSWORD_MIN: usize = 8;
/// Longest password, bytes.
pub const PASSWORD_MAX: usize = 256;
/// A device key, bytes.
pub const DEVICE_KEY_LEN: usize = 32;
/// A refresh token before its text form, bytes.
pub const REFRESH_TOKEN_LEN: usize = 32;
/// Longest access token that is looked at, bytes. Ours are about 450.
pub const ACCESS_TOKEN_MAX: usize = 1_024;

/// Life of an access token.
pub const ACCESS_TTL_MS: u64 = 15 * 60 * SECOND_MS;
/// Life of a refresh token that is not used.
pub const REFRESH_SLIDING_MS: u64 = 7 * DAY_MS;
/// Life of a session from its log-in, however often it is refreshed.
pub const REFRESH_ABSOLUTE_MS: u64 = 30 * DAY_MS;
/// Refresh tokens of one session; each is remembered to see a second use.
pub const REFRESH_ROTATIONS_MAX: u32 = 10_000;
/// Keys whose tokens are accepted: the signing one and those rotated out.
pub const TOKEN_KEYS_MAX: usize = 4;
/// Verified access tokens that are remembered.
pub const VERIFIED_TOKENS_MAX: u64 = 100_000;
/// Accounts whose epoch is remembered.
pub const KNOWN_EPOCHS_MAX: u64 = 200_000;
/// Password checks that may wait for a permit.
pub const PASSWORD_QUEUE_MAX: usize = 256;
/// Longest delay after failed log-ins.
pub const LOCKOUT_MAX_MS: u64 = 300 * SECOND_MS;

/// Keys that one class of rate limit keeps a bucket for.
pub const RATE_KEYS_MAX: usize = 100_000;
/// Calls between two sweeps of buckets that are full again, once there are too many.
pub const RATE_SWEEP_CALLS: u64 = 1_024;
/// When a caller may come back while there are too many keys.
pub const RATE_CROWDED_RETRY_MS: u64 = SECOND_MS;

/// How long the reply to a request is kept, by the request's own time.
pub const REQUEST_KEPT_MS: u64 = 7 * DAY_MS;
/// How far ahead of our clock a request's own time may be: clients' clocks are wrong by hours, not days.
pub const REQUEST_AHEAD_MAX_MS: u64 = DAY_MS;

/// Fewest characters of a name.
pub const NAME_CHARS_MIN: usize = 2;
/// Most characters of a name.
pub const NAME_CHARS_MAX: usize = 24;
/// Longest text of a chat message, characters.
pub const CHAT_TEXT_CHARS_MAX: usize = 256;
/// The same, bytes: four a character.
pub const CHAT_TEXT_BYTES_MAX: usize = 4 * CHAT_TEXT_CHARS_MAX;
/// Named channels one session is in at most.
pub const CHAT_CHANNELS_OF_SESSION_MAX: usize = 8;
/// Places in named channels that all sessions of a node take up together.
pub const CHAT_CHANNELS_MAX: usize = 20_000;
/// Characters whose presence is asked for at once, or followed by one session.
pub const PRESENCE_CHARACTERS_MAX: usize = 64;
/// Where a score ends, by points and by class.
pub const SCORE_MAX: u8 = 30;
/// Experience beyond this is not counted: what a store's signed integer holds.
pub const XP_MAX: u64 = i64::MAX as u64;
/// Coins a wallet holds at most, copper pieces.
pub const WALLET_MAX: i64 = 1_000_000_000_000_000;
/// Different items in one grant.
pub const GRANT_ITEMS_MAX: usize = 32;
/// Units in one grant, over all its items.
pub const GRANT_UNITS_MAX: u64 = 100_000;
/// Coins in one grant, copper pieces.
pub const GRANT_COINS_MAX: i64 = 1_000_000_000;
/// Grants a minute for one character under one mint rule.
pub const GRANTS_PER_MINUTE: u32 = 600;
/// The same, in one burst.
pub const GRANTS_BURST: u32 = 200;
/// Characters saved by one call.
pub const SAVES_MAX: usize = 1_000;
/// Longest document, bytes of JSON.
pub const DOCUMENT_MAX: usize = 64 * 1_024;

const _: () =
    assert!(LOGIN_NAME_MIN < LOGIN_NAME_MAX && PASSWORD_MIN < PASSWORD_MAX && NAME_CHARS_MIN < NAME_CHARS_MAX);
const _: () = assert!(ACCESS_TTL_MS < REFRESH_SLIDING_MS && REFRESH_SLIDING_MS < REFRESH_ABSOLUTE_MS);
const _: () = assert!(
    REFRESH_ROTATIONS_MAX as u64 > REFRESH_ABSOLUTE_MS / ACCESS_TTL_MS,
    "a session that refreshes once for each access token lives its full time"
);
const _: () = assert!(REQUEST_AHEAD_MAX_MS < REQUEST_KEPT_MS);
const _: () = assert!(GRANT_COINS_MAX < WALLET_MAX);
