//! The way of an entity between two of its states, and after its newest one.

use shallot_proto::wire::limits::MAX_STEP;
use shallot_proto::wire::{Position, Velocity};

use super::Sighting;
use super::playout::{Moment, TICK_US};
use crate::fade::on_the_way;
use crate::limits::EXTRAPOLATED_TICKS_MAX;

/// How far the middle of a record's step may be from where the entity was, units along an axis; two of them.
const ROUNDING: i64 = 2 * 64;

/// Its way in a tick; the dead make none.
fn velocity(of: &Sighting) -> Velocity {
    if of.is_dead { Velocity::ZERO } else { of.velocity }
}

/// So many microseconds on at a velocity. Exact for whole ticks: as many times the velocity.
fn on(from: Position, velocity: Velocity, us: i64) -> Position {
    let along = |from: i32, way: i32| {
        let gone = i64::from(way).saturating_mul(us) / TICK_US;
        from.saturating_add(gone.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
    };
    Position { x: along(from.x, velocity.x), y: along(from.y, velocity.y) }
}

/// Where it is after a state when nothing newer is known: it goes on, and after [`EXTRAPOLATED_TICKS_MAX`] it stands. Before the state it is
/// where that has it.
pub(super) fn onward(state: &Sighting, at: Moment) -> Position {
    let most = i64::from(EXTRAPOLATED_TICKS_MAX) * TICK_US;
    on(state.position, velocity(state), at.since(state.tick).clamp(0, most))
}

/// Whether it cannot have walked from one state to a later one: it stood up from death, or is farther away than anything goes.
pub(super) fn is_leap(from: &Sighting, to: &Sighting) -> bool {
    if from.is_dead && !to.is_dead {
        return true;
    }
    let reach = i64::from(to.tick.since(from.tick)) * i64::from(MAX_STEP) + ROUNDING;
    from.position.distance_squared(to.position) > reach.saturating_mul(reach)
}

/// Where it is between two states. It went on as in the first until it turned, and since then it goes as in the second: the turn is where
/// both fit best, and what does not fit is spread evenly.
pub(super) fn between(a: &Sighting, b: &Sighting, at: Moment) -> Position {
    let span = i64::from(b.tick.since(a.tick).max(0)) * TICK_US;
    let t = at.since(a.tick).clamp(0, span);
    let (first, last) = (velocity(a), velocity(b));
    // With a turn at s: a + first * s = backward + last * s, along both axes as well as it can be.
    let backward = on(b.position, last, -span);
    let (gap_x, gap_y) = (difference(backward.x, a.position.x), difference(backward.y, a.position.y));
    let (dx, dy) = (difference(first.x, last.x), difference(first.y, last.y));
    let dot = |x: i64, y: i64| x.saturating_mul(dx).saturating_add(y.saturating_mul(dy));
    let square = dot(dx, dy);
    let turn = if square == 0 { span } else { (dot(gap_x, gap_y).saturating_mul(TICK_US) / square).clamp(0, span) };
    let fitted = |t: i64| {
        let turned = t.min(turn);
        on(on(a.position, first, turned), last, t - turned)
    };
    let (end, here) = (fitted(span), fitted(t));
    let rest = Position { x: b.position.x.saturating_sub(end.x), y: b.position.y.saturating_sub(end.y) };
    let share = on_the_way(Position::default(), rest, t, span);
    Position { x: here.x.saturating_add(share.x), y: here.y.saturating_add(share.y) }
}

fn difference(a: i32, b: i32) -> i64 {
    i64::from(a) - i64::from(b)
}

/// Where it looks: it turns in the last tick before the second state, the shorter way round.
pub(super) fn facing(a: &Sighting, b: &Sighting, at: Moment) -> u8 {
    let done = (at.since(b.tick) + TICK_US).clamp(0, TICK_US);
    let turn = i64::from(b.facing.wrapping_sub(a.facing).cast_signed());
    a.facing.wrapping_add_signed((turn * done / TICK_US) as i8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shallot_proto::wire::{NetId, Tick};

    use super::*;

    fn state(tick: u32, x: i32, y: i32, way: (i32, i32)) -> Sighting {
        Sighting {
            id: NetId { index: 1, generation: 0 },
            tick: Tick(tick),
            position: Position { x, y },
            velocity: Velocity { x: way.0, y: way.1 },
            facing: 0,
            is_dead: false,
        }
    }

    fn moment(tick: u32, us: u32) -> Moment {
        Moment { tick: Tick(tick), us }
    }

    #[test]
    fn it_is_as_the_page_says() {
        let page = include_str!("../../../docs/WIRE.md");
        let lines =
            page.lines().skip_while(|line| *line != "```way between-states").skip(1).take_while(|line| *line != "```");
        let mut told = 0;
        for line in lines.filter_map(|line| line.split('#').next()).filter(|line| !line.trim().is_empty()) {
            let numbers: Vec<i32> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            let [ax, ay, avx, avy, ticks, bx, by, bvx, bvy, us, x, y] = numbers[..] else { panic!("{line}") };
            let (a, b) = (state(70, ax, ay, (avx, avy)), state(70 + ticks as u32, bx, by, (bvx, bvy)));
            let at = Moment { tick: Tick(70 + (us / 50_000) as u32), us: (us % 50_000) as u32 };
            assert_eq!(between(&a, &b, at), Position { x, y }, "{line}");
            told += 1;
        }
        assert!(told >= 6, "{told} lines");
    }

    #[test]
    fn a_turn_between_two_states_is_found() {
        // East until tick 13, then north until tick 20.
        let (a, b) = (state(10, 0, 0, (300, 0)), state(20, 900, 2_100, (0, 300)));
        let way: Vec<(i32, i32)> = (10..=20).map(|tick| between(&a, &b, moment(tick, 0))).map(|p| (p.x, p.y)).collect();
        assert_eq!(way[..5], [(0, 0), (300, 0), (600, 0), (900, 0), (900, 300)]);
        assert_eq!(way.last(), Some(&(900, 2_100)));
        assert_eq!(between(&a, &b, moment(12, 25_000)), Position { x: 750, y: 0 });
    }

    #[test]
    fn one_who_stood_begins_to_walk_late_and_one_who_walked_stops_early() {
        let (stands, walks) = (state(10, 0, 0, (0, 0)), state(20, 600, 0, (300, 0)));
        assert_eq!(between(&stands, &walks, moment(18, 0)).x, 0);
        assert_eq!(between(&stands, &walks, moment(19, 0)).x, 300);
        let (walks, stands) = (state(10, 0, 0, (300, 0)), state(20, 600, 0, (0, 0)));
        assert_eq!(between(&walks, &stands, moment(12, 0)).x, 600);
        assert_eq!(between(&walks, &stands, moment(13, 0)).x, 600);
    }

    #[test]
    fn one_who_stood_for_long_begins_late_too() {
        let (stands, walks) = (state(0, 0, 0, (0, 0)), state(10_000, 300, 0, (300, 0)));
        assert_eq!(between(&stands, &walks, moment(5_000, 0)).x, 0);
        assert_eq!(between(&stands, &walks, moment(9_999, 0)).x, 0);
        assert_eq!(between(&stands, &walks, moment(9_999, 25_000)).x, 150);
        assert!(!is_leap(&stands, &walks));
    }

    #[test]
    fn extrapolation_is_exact_at_ticks_and_ends() {
        let walks = state(10, 5, -5, (311, -7));
        for ticks in 0..=EXTRAPOLATED_TICKS_MAX {
            let there = onward(&walks, moment(10 + ticks.unsigned_abs(), 0));
            assert_eq!(there, Position { x: 5 + 311 * ticks, y: -5 - 7 * ticks });
        }
        assert_eq!(onward(&walks, moment(900, 0)), onward(&walks, moment(10 + EXTRAPOLATED_TICKS_MAX as u32, 0)));
        assert_eq!(onward(&Sighting { is_dead: true, ..walks }, moment(15, 0)), walks.position);
    }

    #[test]
    fn who_stands_up_or_is_too_far_away_has_leapt() {
        let here = state(10, 0, 0, (0, 0));
        assert!(!is_leap(&here, &state(11, MAX_STEP, 0, (0, 0))));
        assert!(is_leap(&here, &state(11, MAX_STEP + 200, 0, (0, 0))));
        assert!(is_leap(&Sighting { is_dead: true, ..here }, &state(11, 0, 0, (0, 0))));
        assert!(!is_leap(&here, &Sighting { is_dead: true, ..state(11, 0, 0, (0, 0)) }));
    }

    #[test]
    fn it_looks_round_the_shorter_way() {
        let (a, b) =
            (Sighting { facing: 250, ..state(10, 0, 0, (0, 0)) }, Sighting { facing: 10, ..state(13, 0, 0, (0, 0)) });
        assert_eq!(facing(&a, &b, moment(11, 0)), 250);
        assert_eq!(facing(&a, &b, moment(12, 25_000)), 2);
        assert_eq!(facing(&a, &b, moment(13, 0)), 10);
    }

    fn any_state(tick: std::ops::Range<u32>) -> impl Strategy<Value = Sighting> {
        let way = -MAX_STEP..=MAX_STEP;
        (tick, -(1 << 27)..1 << 27, -(1 << 27)..1 << 27, way.clone(), way)
            .prop_map(|(tick, x, y, east, north)| state(tick, x, y, (east, north)))
    }

    proptest! {
        #[test]
        fn it_begins_and_ends_in_its_states(a in any_state(0..50), b in any_state(60..70), dx in -20_000..20_000_i32, dy in -20_000..20_000_i32) {
            let b = Sighting { position: Position { x: a.position.x + dx, y: a.position.y + dy }, ..b };
            prop_assert_eq!(between(&a, &b, Moment { tick: a.tick, us: 0 }), a.position);
            prop_assert_eq!(between(&a, &b, Moment { tick: b.tick, us: 0 }), b.position);
        }

        /// A way with one turn is found again to the unit a tick, whenever the turn was.
        #[test]
        fn one_turn_is_found(a in any_state(0..1), east in -900..900_i32, north in -900..900_i32, ticks in 1..=EXTRAPOLATED_TICKS_MAX, turn in 0..20_i32, us in 0..50_000_u32) {
            let turn = turn.min(ticks);
            let middle = on(a.position, a.velocity, i64::from(turn) * TICK_US);
            let end = on(middle, Velocity { x: east, y: north }, i64::from(ticks - turn) * TICK_US);
            let b = state(ticks as u32, end.x, end.y, (east, north));
            for tick in 0..ticks {
                let t = i64::from(tick) * TICK_US + i64::from(us);
                let turn = i64::from(turn) * TICK_US;
                let truth = if t <= turn { on(a.position, a.velocity, t) } else { on(middle, b.velocity, t - turn) };
                let drawn = between(&a, &b, moment(tick as u32, us));
                prop_assert!(truth.is_within(8, drawn), "{:?} {:?}", truth, drawn);
            }
        }

        #[test]
        fn nothing_overflows(a in any_state(0..u32::MAX), b in any_state(0..u32::MAX), tick in any::<u32>(), us in 0..50_000_u32) {
            let at = moment(tick, us);
            let _ = (between(&a, &b, at), onward(&a, at), facing(&a, &b, at), is_leap(&a, &b));
        }
    }
}
