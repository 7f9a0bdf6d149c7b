//! Every maximum of the simulation. Who would go past one gets a refusal, or the named policy; nothing grows without an
//! end.

use shallot_wire::TICKS_PER_SECOND;
use shallot_wire::limits::UNITS_PER_METRE;

/// Players in one shard. One more is refused with [`Refusal::RegionFull`](crate::Refusal::RegionFull).
pub const PLAYERS: usize = 2_500;
/// Monsters alive in one shard. Spawn rows wait while it is reached.
pub const MONSTERS: usize = 4_096;
/// Drops on the ground of one shard. Above, the oldest that belongs to nobody goes first, then the oldest of all; never
/// one that is being picked up.
pub const DROPS: usize = 4_096;

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
/// Ticks without a change after which an entity is told more rarely: its rest was told so often, should some be lost.
pub(crate) const QUIET_AFTER_TICKS: u8 = 4;
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
/// Ticks between two tellings of cells within [`MID_UNITS`].
pub(crate) const MID_TICKS: u32 = 3;
/// Ticks between two tellings of cells within [`FAR_UNITS`].
pub(crate) const FAR_TICKS: u32 = 10;
/// Ticks between two tellings of a quiet entity in a near cell: a quarter of a second.
pub(crate) const QUIET_TICKS: u32 = 5;
/// Cells at most so far away are told each tick: 32 m.
pub(crate) const NEAR_UNITS: i32 = 32 * UNITS_PER_METRE;
/// Cells at most so far away are told each [`MID_TICKS`]: 96 m. Events farther away are not told.
pub(crate) const MID_UNITS: i32 = 96 * UNITS_PER_METRE;
/// Cells at most so far away are told each [`FAR_TICKS`]: 192 m.
pub(crate) const FAR_UNITS: i32 = 192 * UNITS_PER_METRE;
/// Who is farther away than this is forgotten, and told anew when it comes back: a cell's diagonal beyond
/// [`FAR_UNITS`].
pub(crate) const FORGET_UNITS: i32 = 256 * UNITS_PER_METRE;
/// Ticks from one time echo to the next.
pub(crate) const ECHO_TICKS: u32 = TICKS_PER_SECOND / 2;
/// Bytes of a checkpoint that is read back.
pub const CHECKPOINT_BYTES: usize = 128 * 1024 * 1024;
/// Bytes of a journal's record that is read back: a checkpoint, and what it is of.
pub const JOURNAL_RECORD_BYTES: usize = CHECKPOINT_BYTES + 1024;

const _: () = assert!(SLOTS <= 1 << 16, "a slot travels in 16 bits");
const _: () = assert!(SWEEP_TICKS <= SLOT_REST_TICKS, "nobody may know a slot's old tenant when the new one comes");
const _: () = assert!(EVENTS_PER_CLIENT <= EVENTS_PER_TICK, "a client's share of a tick's events");
const _: () =
    assert!(NEAR_UNITS < MID_UNITS && MID_UNITS < FAR_UNITS && FAR_UNITS < FORGET_UNITS, "rings lie in one another");
const _: () = assert!(INPUT_RING >= shallot_wire::limits::MAX_INPUTS, "a whole datagram must fit");
const _: () = assert!((1 << 16) % INPUT_RING == 0, "ticks wrap without a gap in the ring");
const _: () = assert!(INPUT_FORGET_TICKS < 1 << 15, "older and newer ticks must not be mixed up");
const _: () = assert!(DROPS_PER_DEATH <= DROPS, "one death must not fill the ground");
