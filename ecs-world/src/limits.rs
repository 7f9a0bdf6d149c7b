//! Every maximum of the simulation. Who would go past one gets a refusal, or the named policy; nothing grows without an
//! end.

use shallot_wire::TICKS_PER_SECOND;
use shallot_wire::limits::{
    ACK_WINDOW, MAX_BASELINE_AGE, MAX_DATAGRAM, MAX_STATE_AGE, OWN_STATE_BYTES, PLACES, SNAPSHOT_HEADER_BYTES,
    TIME_ECHO_BYTES, UNITS_PER_METRE,
};
use shallot_wire::snapshot::changes_bytes;

use crate::history::Spot;

/// Players in one shard. One more is refused with [`Refusal::RegionFull`](crate::Refusal::RegionFull).
pub const PLAYERS: usize = 2_500;
/// Monsters alive in one shard. Spawn rows wait while it is reached.
pub const MONSTERS: usize = 4_096;
/// Drops on the ground of one shard. Above, the oldest that belongs to nobody goes first, then the oldest of all; never
/// one that is being picked up.
pub const DROPS: usize = 4_096;

/// Entities in one shard.
pub(crate) const ENTITIES: usize = PLAYERS + MONSTERS + DROPS;

/// Ticks a slot rests between two tenants, so that a late datagram cannot mean the wrong one.
pub const SLOT_REST_TICKS: u32 = 2 * TICKS_PER_SECOND;
/// Slots for players: those in the world, and those at rest.
pub(crate) const PLAYER_SLOTS: usize = PLAYERS + PLAYERS / 2;
/// Slots for monsters.
pub(crate) const MONSTER_SLOTS: usize = MONSTERS + MONSTERS / 2;
/// Slots for drops.
pub(crate) const DROP_SLOTS: usize = DROPS + DROPS / 2;
/// Slots in all, with slot 0, which is never used: the wire's 0 is nobody.
pub(crate) const SLOTS: usize = 1 + PLAYER_SLOTS + MONSTER_SLOTS + DROP_SLOTS;

/// Commands one tick takes. [`World::push`](crate::World::push) gives one more back.
pub const COMMANDS_PER_TICK: usize = 16_384;
/// Grants proposed and not settled. While it is reached, players' blows wait for the store rather than lose a reward.
pub const GRANTS_PENDING: usize = 8_192;
/// Bytes of a player's name.
pub const NAME_BYTES: usize = 64;
/// Items worn at once: every place, rings twice.
pub const WORN: usize = 16;
/// Skills on cooldown at once for one player.
pub(crate) const COOLDOWNS: usize = 64;
/// Players whose damage a monster remembers; of more, the one with the least is forgotten.
pub(crate) const HURT_BY: usize = 64;
/// Drop entities one death leaves. What was rolled beyond it is left out.
pub(crate) const DROPS_PER_DEATH: usize = 32;
/// Events one client gets of one tick, its `Appeared` apart.
pub(crate) const EVENTS_PER_CLIENT: usize = 64;
/// Events of all kinds one tick remembers to tell. Later ones of the tick are not told; snapshots and vitals show their
/// outcome.
pub(crate) const EVENTS_PER_TICK: usize = 8_192;

/// Ticks from one save of a character to the next: position and vitals may lose so much in a crash.
pub const SAVE_TICKS: u32 = 5 * TICKS_PER_SECOND;
/// Ticks between two looks a monster takes for players.
pub(crate) const LOOK_TICKS: u32 = 4;
/// Ticks a monster that got stuck walks aside.
pub(crate) const DETOUR_TICKS: u32 = TICKS_PER_SECOND / 2;
/// Ticks after which a client's known entities are swept: those gone or far away are forgotten.
pub(crate) const SWEEP_TICKS: u32 = SLOT_REST_TICKS;
/// Units around a corpse in which its drops lie.
pub(crate) const SCATTER_UNITS: i32 = UNITS_PER_METRE;
/// A monster this near to where it goes is there, units.
pub(crate) const ARRIVED_UNITS: i32 = UNITS_PER_METRE;
/// Ticks after which a stroll that does not arrive is given up.
pub(crate) const STROLL_TICKS: u32 = 30 * TICKS_PER_SECOND;
/// Tries to find a free place by chance before the middle is taken.
pub(crate) const PLACE_TRIES: u32 = 16;
/// Inputs of future ticks that wait for a player.
pub(crate) const INPUT_RING: usize = 16;
/// Times that a missing input is replaced by the last one.
pub(crate) const INPUT_REPEATS: u32 = 3;
/// Ticks without any input after which the 16 bits of a client's tick are forgotten.
pub(crate) const INPUT_FORGET_TICKS: u32 = 10_000;
/// Who is at most so far away is near, and told in each snapshot: 32 m.
pub(crate) const NEAR_UNITS: i32 = 32 * UNITS_PER_METRE;
/// Who is at most so far away is told each [`MID_TICKS`]: 96 m. Events farther away are not told.
pub(crate) const MID_UNITS: i32 = 96 * UNITS_PER_METRE;
/// Who is at most so far away is told each [`FAR_TICKS`]: 192 m. Beyond nobody is seen.
pub(crate) const FAR_UNITS: i32 = 192 * UNITS_PER_METRE;
/// Ticks between two looks of a viewer for who comes within [`NEAR_UNITS`], or leaves it: well under the quarter of a second for which
/// somebody so near may be missing.
pub(crate) const NEAR_TICKS: u32 = 3;
/// Ticks between two looks of a viewer for who comes into view at all.
pub(crate) const WIDE_LOOK_TICKS: u32 = 9;
/// Ticks between two looks at who is within [`MID_UNITS`], and snapshots between two of its turns to be told.
pub(crate) const MID_TICKS: u32 = 3;
/// The same of who is within [`FAR_UNITS`]: at ten, who turns is drawn 2.4 m off before it is told.
pub(crate) const FAR_TICKS: u32 = 5;
/// A ring is left so much farther out than it is entered: 8 m.
pub(crate) const LINGER_UNITS: i32 = 8 * UNITS_PER_METRE;
/// And not before so many ticks in it: 1 s.
pub(crate) const LINGER_TICKS: u8 = TICKS_PER_SECOND as u8;
/// Who is where it was thought to be, but for so much, is not told before its time: 2, 10 and 50 cm by ring.
pub(crate) const NEAR_ERROR_UNITS: i32 = 2 * UNITS_PER_METRE / 100;
pub(crate) const MID_ERROR_UNITS: i32 = 10 * UNITS_PER_METRE / 100;
pub(crate) const FAR_ERROR_UNITS: i32 = 50 * UNITS_PER_METRE / 100;
/// Its time comes so many ticks after the state that was told last: 0.25, 0.5 and 1 s by ring.
pub(crate) const NEAR_AGE_TICKS: u32 = TICKS_PER_SECOND / 4;
pub(crate) const MID_AGE_TICKS: u32 = TICKS_PER_SECOND / 2;
pub(crate) const FAR_AGE_TICKS: u32 = TICKS_PER_SECOND;
/// The same for what stands still in any ring: 1 s.
pub(crate) const REST_AGE_TICKS: u32 = TICKS_PER_SECOND;
/// Turns of the head (256 a turn) that are not told before their time, by ring.
pub(crate) const NEAR_FACING_STEPS: u8 = 4;
pub(crate) const MID_FACING_STEPS: u8 = 8;
pub(crate) const FAR_FACING_STEPS: u8 = 16;
/// Ticks whose spots are kept: all the states that a change can go on from, [`MAX_STATE_AGE`] and the present one. A region's take
/// [`HISTORY_BYTES`].
pub(crate) const HISTORY_TICKS: usize = 32;
/// 16,039 slots, 32 ticks, 20 bytes: 10.3 MB a region.
pub const HISTORY_BYTES: usize = SLOTS * HISTORY_TICKS * size_of::<Option<Spot>>();
/// Snapshots of each client of which it is not known whether they arrived, 1.6 s where there is one a tick: after a longer silence it is told all anew.
pub(crate) const SNAPSHOTS_KEPT: usize = 32;
/// Ticks between two snapshots of a client that is farther behind than that: to tell it all anew costs many times what changes cost, it does not
/// keep up with them, and one that is back from a silence waits so long at most.
pub(crate) const BEHIND_TICKS: u32 = 4;
/// Numbers of snapshots that are passed over after a crash: more than were sent since the checkpoint and acknowledgements may name.
pub(crate) const SEQUENCES_SKIPPED: u16 = 1_024;
/// Bytes of a datagram that those outside a full view get at least, for each tick from one snapshot to the next, but no more than a
/// quarter of it, or half where clients take turns: 20 records in some cells. So 745 of a crowd of 1,000 are told within 2 s; of 2,500 in one
/// place some 350 are, beside the nearest 255.
pub(crate) const CROWD_BYTES: usize = 260;
/// Entities that are looked at for each tick to find those outside a full view; the next snapshot goes on from there. So 2,500 are gone over in
/// the two seconds for which each record counts.
pub(crate) const CROWD_LOOKS: usize = 64;
/// Full views that are told in a tick: each tells up to [`PLACES`] entities and some of a crowd, at 10 us or more. With more players in
/// a crowd each of them has its snapshots in as many ticks as it takes, a thousand at 10 Hz and all of a region at 4 Hz.
pub(crate) const FULL_VIEWS_PER_TICK: usize = 512;
/// The least that a client's datagrams can be cut to, bytes: its own state, and of each place that it is empty.
pub const BUDGET_LEAST: usize = 200;
/// Who is farther away than this is forgotten, and told anew when it comes back: a cell's diagonal beyond
/// [`FAR_UNITS`].
pub(crate) const FORGET_UNITS: i32 = 256 * UNITS_PER_METRE;
/// Ticks from one time echo to the next.
pub(crate) const ECHO_TICKS: u32 = TICKS_PER_SECOND / 2;
/// The farthest back that a shot is judged: 250 ms.
pub(crate) const REWIND_TICKS: u32 = 5;
/// Ticks beyond its round trip that a player may be behind: what it draws late so that it runs smoothly, and how early its inputs come.
pub(crate) const DRAWN_LATE_TICKS: u32 = 3;
/// Ticks for one tick more or less that a player is believed to be behind: what clients draw runs at most a tenth faster or slower.
pub(crate) const OUTLOOK_TICKS: i32 = 10;
/// Ticks of a stretch whose shortest round trip counts.
pub(crate) const TRIP_TICKS: i32 = 2 * TICKS_PER_SECOND as i32;
/// Bytes of a checkpoint that is read back.
pub const CHECKPOINT_BYTES: usize = 128 * 1024 * 1024;
/// Bytes of a journal's record that is read back: a checkpoint, and what it is of.
pub const JOURNAL_RECORD_BYTES: usize = CHECKPOINT_BYTES + 1024;

const _: () = assert!(SLOTS <= 1 << 16, "a slot travels in 16 bits");
const _: () = assert!(SWEEP_TICKS <= SLOT_REST_TICKS, "nobody may know a slot's old tenant when the new one comes");
const _: () = assert!(EVENTS_PER_CLIENT <= EVENTS_PER_TICK, "a client's share of a tick's events");
const _: () =
    assert!(NEAR_UNITS < MID_UNITS && MID_UNITS < FAR_UNITS && FAR_UNITS < FORGET_UNITS, "rings lie in one another");
const _: () = assert!(HISTORY_TICKS > MAX_STATE_AGE as usize, "all states that a change goes on from are kept");
const _: () = assert!(HISTORY_TICKS > REWIND_TICKS as usize, "what a shot is judged against is kept");
const _: () = assert!(SLOT_REST_TICKS as usize > HISTORY_TICKS, "a slot has one tenant in all ticks that are kept");
const _: () = assert!(HISTORY_BYTES <= 11 << 20, "what its doc says");
const _: () = assert!(
    SNAPSHOTS_KEPT < ACK_WINDOW as usize && MAX_BASELINE_AGE as usize + 1 == SNAPSHOTS_KEPT,
    "an acknowledgement tells of all that is under way"
);
const _: () = assert!(WIDE_LOOK_TICKS.is_multiple_of(NEAR_TICKS), "a wide look stands for a near one");
const _: () = assert!(
    SNAPSHOT_HEADER_BYTES + TIME_ECHO_BYTES + OWN_STATE_BYTES + changes_bytes(PLACES, 3 * PLACES) <= BUDGET_LEAST
        && BUDGET_LEAST + CROWD_BYTES <= MAX_DATAGRAM,
    "that places are empty is always told"
);
const _: () = assert!(INPUT_RING >= shallot_wire::limits::MAX_INPUTS, "a whole datagram must fit");
const _: () = assert!((1 << 16) % INPUT_RING == 0, "ticks wrap without a gap in the ring");
const _: () = assert!(INPUT_FORGET_TICKS < 1 << 15, "older and newer ticks must not be mixed up");
const _: () = assert!(DROPS_PER_DEATH <= DROPS, "one death must not fill the ground");
