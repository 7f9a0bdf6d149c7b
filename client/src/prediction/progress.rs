//! Which inputs the server is done with. A snapshot tells the last one that it applied; when one is missing the server repeats that one,
//! or stands, and goes past the missing one all the same. Which one it has gone past follows from the ticks: it takes one input in each
//! of its ticks, so its tick and that of the input it takes go on side by side.

use shallot_proto::wire::Tick;

/// What the snapshots so far told of that.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// The server's tick less that of the input that belongs to it.
    distance: Option<i32>,
    /// The server's tick and the last input of the newest snapshot.
    newest: Option<(Tick, Tick)>,
}

impl Progress {
    /// The newest input that the server has applied or gone past by its tick `tick`, when the last that it applied is `last_input`.
    pub(super) fn past(&mut self, tick: Tick, last_input: Tick) -> Tick {
        let distance = tick.since(last_input);
        // Applied in this very tick: the one before had another.
        let is_exact = self.newest.is_some_and(|(before, input)| tick.since(before) == 1 && input != last_input);
        self.newest = Some((tick, last_input));
        let known = match self.distance {
            Some(known) if !is_exact && distance > known => known,
            _ => *self.distance.insert(distance),
        };
        last_input.plus(distance.saturating_sub(known).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Server ticks and the last input that each tells, to what is over by then.
    fn over(told: &[(u32, u32)]) -> Vec<u32> {
        let mut progress = Progress::default();
        told.iter().map(|(tick, input)| progress.past(Tick(*tick), Tick(*input)).0).collect()
    }

    /// Server ticks and the last input that each tells, and what is over by then, as docs/WIRE.md has them.
    #[test]
    fn it_is_as_the_page_says() {
        let page = include_str!("../../../docs/WIRE.md");
        let lines = page.lines().skip_while(|line| *line != "```past inputs").skip(1).take_while(|line| *line != "```");
        let mut progress = Progress::default();
        let mut told = 0;
        for line in lines.filter_map(|line| line.split('#').next()).filter(|line| !line.trim().is_empty()) {
            let numbers: Vec<u32> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            let [tick, input, past] = numbers[..] else { panic!("{line}") };
            assert_eq!(progress.past(Tick(tick), Tick(input)), Tick(past), "{line}");
            told += 1;
        }
        assert!(told >= 8, "{told} lines");
    }

    #[test]
    fn what_begins_after_a_gap_is_corrected_by_the_next_that_is_applied() {
        assert_eq!(over(&[(10, 108), (11, 111), (12, 112)]), [108, 111, 112]);
    }

    #[test]
    fn after_a_stall_it_begins_anew_with_what_came_then() {
        // Nothing from tick 12 to 17; then the input 113 comes, four ticks later than it should.
        let told = [(10, 110), (11, 111), (12, 111), (17, 111), (18, 114), (19, 115)];
        assert_eq!(over(&told), [110, 111, 112, 117, 114, 115]);
    }

    #[test]
    fn lost_snapshots_tell_nothing_wrong() {
        assert_eq!(over(&[(10, 110), (14, 114), (17, 116), (18, 118)]), [110, 114, 117, 118]);
    }

    #[test]
    fn ticks_wrap() {
        assert_eq!(over(&[(u32::MAX, 5), (0, 6), (1, 6)]), [5, 6, 7]);
    }
}
