//! Every maximum of the master data. The readers refuse what is larger and name the limit; the rolls stop at it.

/// Most dice in one roll.
pub const MAX_DICE_COUNT: u16 = 1_000;
/// Most sides of a die.
pub const MAX_DICE_SIDES: u16 = 1_000;
/// Largest number added to a roll, or taken off it; also the largest plain number in a dice column.
pub const MAX_DICE_BONUS: i16 = 10_000;

/// A chance of one: always.
pub const PPM: u32 = 1_000_000;

/// How deep drop tables may stand in each other; the outermost has depth 1.
pub const MAX_DROP_DEPTH: usize = 16;
/// Most results of one roll of a drop table, all its sub-tables included.
pub const MAX_DROP_RESULTS: usize = 1_024;
/// Most tables rolled for one roll of a drop table, itself included.
pub const MAX_DROP_TABLE_ROLLS: usize = 1_024;

/// Most findings a report keeps; how many more there are is counted.
pub const MAX_FINDINGS: usize = 1_000;

/// Most rows of one kind: a dense id has 16 bits.
pub const MAX_ROWS_BY_KEY: usize = 65_535;

/// Largest file a folder may hold, bytes.
pub const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;
/// Largest cell, bytes.
pub const MAX_CELL_BYTES: usize = 64 * 1024;
/// Most entries looked at in a folder.
pub const MAX_FOLDER_ENTRIES: usize = 10_000;
/// Most parts of a cell's list.
pub const MAX_LIST_ITEMS: usize = 64;
/// Longest key, bytes.
pub const MAX_KEY_BYTES: usize = 64;
/// Longest name, characters.
pub const MAX_NAME_CHARS: usize = 100;
/// A value is shown in a report up to so many characters.
pub const MAX_SHOWN_CHARS: usize = 60;

/// Highest level of characters, monsters and requirements.
pub const MAX_LEVEL: u8 = 40;
/// Largest price, copper pieces.
pub const MAX_PRICE_COPPER: i64 = 1_000_000_000_000;
/// Largest stack, bundle and drop quantity.
pub const MAX_QUANTITY: u32 = 1_000_000;
/// Largest length or speed, centimetres (a second): 10 km.
pub const MAX_LENGTH_CM: u32 = 1_000_000;
/// Most hit points.
pub const MAX_HP: u32 = 1_000_000;
/// Most experience of one kill, one dungeon.
pub const MAX_XP: u32 = 10_000_000;
/// Most experience in all.
pub const MAX_XP_TOTAL: i64 = 1_000_000_000_000;
/// Longest time in a table, seconds: a week.
pub const MAX_SECONDS: u32 = 7 * 24 * 3_600;
/// Farthest coordinate of the world map from its origin, metres.
pub const MAX_MAP_M: i32 = 1_000_000;
/// Longest side of a region, metres.
pub const MAX_REGION_SIDE_M: i32 = 8_192;
/// Most monsters one spawn row keeps alive.
pub const MAX_SPAWN_COUNT: u32 = 1_000;
/// Longest cooldown of a skill, ticks: an hour.
pub const MAX_COOLDOWN_TICKS: u32 = 72_000;

// A recursion this deep is far from any stack's end, and a table that stands alone must be allowed.
const _: () = assert!(MAX_DROP_DEPTH >= 1 && MAX_DROP_DEPTH <= 64);
// The largest roll fits the type rolls are summed in.
const _: () = assert!((MAX_DICE_COUNT as i64) * (MAX_DICE_SIDES as i64) + (MAX_DICE_BONUS as i64) <= i32::MAX as i64);
