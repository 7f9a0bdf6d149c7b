//! Directions in 256 steps, with integer sine and arc tangent: 0 is east (+x), 64 north (+y), 128 west, 192 south.

use crate::limits::{MAX_RECORD_SPEED, RECORD_SPEED_UNITS};
use crate::space::{Position, Velocity};

/// Sine and cosine of 1.
pub const ONE: i32 = 1 << 15;

/// `round(32768 * sin(2 pi i / 256))` for i = 0 to 64; the other three quarters mirror it.
pub const QUARTER_SINE: [i32; 65] = [
    0, 804, 1_608, 2_411, 3_212, 4_011, 4_808, 5_602, 6_393, 7_180, 7_962, 8_740, 9_512, 10_279, 11_039, 11_793,
    12_540, 13_279, 14_010, 14_733, 15_447, 16_151, 16_846, 17_531, 18_205, 18_868, 19_520, 20_160, 20_788, 21_403,
    22_006, 22_595, 23_170, 23_732, 24_279, 24_812, 25_330, 25_833, 26_320, 26_791, 27_246, 27_684, 28_106, 28_511,
    28_899, 29_269, 29_622, 29_957, 30_274, 30_572, 30_853, 31_114, 31_357, 31_581, 31_786, 31_972, 32_138, 32_286,
    32_413, 32_522, 32_610, 32_679, 32_729, 32_758, 32_768,
];

/// `round(32768 * tan(2 pi (k + 0.5) / 256))` for k = 0 to 31: where heading k ends and k + 1 begins, as a slope.
pub const HALFWAY_TANGENT: [u16; 32] = [
    402, 1_207, 2_013, 2_822, 3_634, 4_450, 5_272, 6_101, 6_937, 7_782, 8_637, 9_503, 10_381, 11_273, 12_180, 13_104,
    14_046, 15_009, 15_993, 17_001, 18_035, 19_098, 20_191, 21_318, 22_481, 23_685, 24_931, 26_226, 27_572, 28_975,
    30_440, 31_973,
];

const SINE: [i32; 256] = full_circle();

#[expect(clippy::indexing_slicing, reason = "runs at compile time, where a slip does not build")]
const fn full_circle() -> [i32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i <= 64 {
        table[i] = QUARTER_SINE[i];
        table[128 - i] = QUARTER_SINE[i];
        table[128 + i] = -QUARTER_SINE[i];
        table[(256 - i) % 256] = -QUARTER_SINE[i];
        i += 1;
    }
    table
}

/// Sine of a heading, -32,768 to 32,768.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "a u8 cannot leave a table of 256")]
pub const fn sine(heading: u8) -> i32 {
    SINE[heading as usize]
}

/// Cosine of a heading, -32,768 to 32,768.
#[must_use]
pub const fn cosine(heading: u8) -> i32 {
    sine(heading.wrapping_add(64))
}

/// The heading from one point to another, the nearest of 256 (at most 1 step off); 0 when they are the same.
#[must_use]
pub fn heading_towards(from: Position, to: Position) -> u8 {
    let x = i64::from(to.x) - i64::from(from.x);
    let y = i64::from(to.y) - i64::from(from.y);
    let (long, short) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    if long == 0 {
        return 0;
    }
    let slope = short * i64::from(ONE) / long;
    let octant = HALFWAY_TANGENT.partition_point(|&limit| i64::from(limit) <= slope) as u8; // 0 to 32
    let quarter = if y.abs() > x.abs() { 64 - octant } else { octant };
    let half = if x < 0 { 128 - quarter } else { quarter };
    if y < 0 { half.wrapping_neg() } else { half }
}

/// A velocity as records have it: speed in steps of 16 units per tick, rounded to the nearest and at most 127, and heading.
#[must_use]
pub fn quantize_velocity(velocity: Velocity) -> (u8, u8) {
    let squared = Position { x: velocity.x, y: velocity.y }.distance_squared(Position::default());
    let length = squared.unsigned_abs().isqrt();
    let step = u64::from(RECORD_SPEED_UNITS.unsigned_abs());
    let speed = ((length + step / 2) / step).min(u64::from(MAX_RECORD_SPEED)) as u8;
    (speed, heading_towards(Position::default(), Position { x: velocity.x, y: velocity.y }))
}

/// The velocity that a record's speed and heading mean: `floor(speed * 16 * cos / 32768)`, and the same with the sine.
#[must_use]
pub fn velocity_of(speed: u8, heading: u8) -> Velocity {
    let units = i32::from(speed) * RECORD_SPEED_UNITS;
    Velocity { x: (units * cosine(heading)).div_euclid(ONE), y: (units * sine(heading)).div_euclid(ONE) }
}
