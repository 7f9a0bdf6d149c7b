//! What the rounds come to: a line for each, the sums, and whether the test counts at all.

use serde::Serialize;

use super::failpoint::Fired;
use crate::limits::PROBLEMS_TOLD_MAX;

/// Below it the kills prove too little.
const GRANTS_PER_S_MIN: f64 = 5.0;
/// So many kills must fall between commit and telling, of a long run.
const BETWEEN_MIN: u32 = 3;
/// And of a short one: one of so many rounds, at least one.
const BETWEEN_OF_ROUNDS: u32 = 5;

/// One round.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Round {
    /// From 1.
    pub(super) number: u32,
    /// Wait between commit and telling, milliseconds.
    pub(super) delay_ms: u32,
    /// From when the first bot was in to the kill.
    pub(super) seconds: f64,
    /// Grants that were stored.
    pub(super) committed: u64,
    /// Grants that bots were told of.
    pub(super) told: u64,
    /// Grants of this and all earlier rounds that are stored and that nobody was told of.
    pub(super) untold: u64,
    /// By the server's log.
    #[serde(flatten)]
    pub(super) fired: Fired,
    /// Empty: it held.
    pub(super) problems: Vec<String>,
}

impl Round {
    pub(super) fn line(&self) -> String {
        let Self { number, delay_ms, seconds, committed, told, .. } = self;
        let Fired { committed: fired, told: over, .. } = self.fired;
        let failpoint = if *delay_ms == 0 {
            "failpoint off".to_owned()
        } else {
            format!(
                "failpoint grant_told {delay_ms} ms: {fired} committed, {over} told, {} between",
                self.fired.between()
            )
        };
        let verdict = if self.problems.is_empty() { "held" } else { "BROKEN" };
        format!(
            "round {number:>2}: killed after {seconds:.1} s, {committed} grants stored, {told} told; {failpoint}; {verdict}"
        )
    }
}

/// All rounds and the end.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    /// Kills that were asked for.
    pub(super) rounds: u32,
    /// Bots.
    pub(super) bots: u32,
    /// Seed.
    pub(super) seed: u64,
    /// As far as they came.
    pub(super) played: Vec<Round>,
    /// What was wrong outside of rounds: a start, the last stop.
    pub(super) problems: Vec<String>,
}

/// The sums.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Sums {
    kills: u64,
    kills_between: u64,
    failpoint_committed: u64,
    failpoint_told: u64,
    grants_committed: u64,
    grants_told: u64,
    grants_untold: u64,
    grants_per_s: f64,
    held: u64,
}

impl Outcome {
    pub(super) fn sums(&self) -> Sums {
        let sum = |of: fn(&Round) -> u64| self.played.iter().map(of).sum::<u64>();
        let seconds: f64 = self.played.iter().map(|round| round.seconds).sum();
        let committed = sum(|round| round.committed);
        Sums {
            kills: self.played.len() as u64,
            kills_between: sum(|round| u64::from(round.fired.between() > 0)),
            failpoint_committed: sum(|round| round.fired.committed),
            failpoint_told: sum(|round| round.fired.told),
            grants_committed: committed,
            grants_told: sum(|round| round.told),
            grants_untold: self.played.last().map_or(0, |round| round.untold),
            grants_per_s: if seconds > 0.0 { committed as f64 / seconds } else { 0.0 },
            held: sum(|round| u64::from(round.problems.is_empty())),
        }
    }

    /// Why the run failed or proves too little, one line each; empty when it passed.
    pub(super) fn failures(&self) -> Vec<String> {
        let (sums, mut lines) = (self.sums(), Vec::new());
        for round in &self.played {
            lines.extend(round.problems.iter().map(|problem| format!("round {}: {problem}", round.number)));
        }
        lines.extend(self.problems.iter().cloned());
        if sums.kills < u64::from(self.rounds) {
            lines.push(format!("only {} of {} rounds were played", sums.kills, self.rounds));
        }
        let wanted = (self.rounds / BETWEEN_OF_ROUNDS).clamp(1, BETWEEN_MIN);
        if sums.kills_between < u64::from(wanted) {
            lines.push(format!(
                "only {} kills fell between commit and telling, {wanted} are needed: the test proves too little",
                sums.kills_between
            ));
        }
        if sums.grants_per_s < GRANTS_PER_S_MIN {
            lines.push(format!(
                "only {:.1} grants a second, {GRANTS_PER_S_MIN} are needed: the test proves too little",
                sums.grants_per_s
            ));
        }
        lines
    }

    /// One screen; its last line says how many rounds held.
    pub(super) fn to_text(&self) -> String {
        let sums = self.sums();
        let rows = [
            ("kills", sums.kills.to_string()),
            ("between", format!("{} kills fell between commit and telling", sums.kills_between)),
            ("failpoint", format!("grant_told: {} committed, {} told", sums.failpoint_committed, sums.failpoint_told)),
            (
                "grants",
                format!(
                    "{} committed, {} told, {} stored and not told, {:.1} a second",
                    sums.grants_committed, sums.grants_told, sums.grants_untold, sums.grants_per_s
                ),
            ),
        ];
        let rows: String = rows.iter().map(|(label, text)| format!("  {label:<12} {text}\n")).collect();
        format!("{rows}crash: {} of {} rounds held", sums.held, self.rounds)
    }

    /// For machines.
    pub(super) fn report(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Report<'a> {
            #[serde(flatten)]
            outcome: &'a Outcome,
            #[serde(flatten)]
            sums: Sums,
            failures: Vec<String>,
        }
        Report { outcome: self, sums: self.sums(), failures: self.failures() }
    }
}

/// The first few, and how many more there are.
pub(super) fn told_briefly(mut problems: Vec<String>) -> Vec<String> {
    let more = problems.len().saturating_sub(PROBLEMS_TOLD_MAX);
    problems.truncate(PROBLEMS_TOLD_MAX);
    if more > 0 {
        problems.push(format!("and {more} more of this kind"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(rounds: u32) -> Outcome {
        let round = |number| Round {
            number,
            delay_ms: 150,
            seconds: 5.0,
            committed: 40,
            told: 39,
            untold: u64::from(number),
            fired: Fired { committed: 40, told: if number <= 3 { 39 } else { 40 } },
            problems: Vec::new(),
        };
        Outcome { rounds, bots: 4, seed: 1, played: (1..=rounds).map(round).collect(), problems: Vec::new() }
    }

    #[test]
    fn a_good_run_has_no_failures_and_says_so() {
        let outcome = passing(20);
        assert_eq!(outcome.failures(), Vec::<String>::new());
        let text = outcome.to_text();
        assert!(text.ends_with("\ncrash: 20 of 20 rounds held"), "{text}");
        assert!(text.contains("3 kills fell between"), "{text}");
        assert!(text.contains("800 committed, 780 told, 20 stored and not told, 8.0 a second"), "{text}");
    }

    #[test]
    fn each_thing_that_may_fail_fails() {
        let bad: [fn(&mut Outcome); 5] = [
            |o| o.played[3].problems.push("grant a is stored twice".to_owned()),
            |o| o.problems.push("the last stop".to_owned()),
            |o| o.played[0].fired.told = 40,
            |o| o.played.iter_mut().for_each(|round| round.committed = 24),
            |o| o.played.truncate(19),
        ];
        for spoil in bad {
            let mut outcome = passing(20);
            spoil(&mut outcome);
            assert_eq!(outcome.failures().len(), 1, "{:?}", outcome.failures());
        }
    }

    #[test]
    fn a_short_run_needs_fewer_kills_between_but_never_none() {
        let mut outcome = passing(5);
        outcome.played.iter_mut().skip(1).for_each(|round| round.fired.told = 40);
        assert!(outcome.failures().is_empty());
        outcome.played.iter_mut().for_each(|round| round.fired.told = 40);
        assert_eq!(outcome.failures().len(), 1);
    }

    #[test]
    fn a_broken_round_is_not_among_those_that_held() {
        let mut outcome = passing(4);
        outcome.played[1].problems.push("grant a is stored twice".to_owned());
        assert!(outcome.to_text().ends_with("crash: 3 of 4 rounds held"));
        assert!(outcome.played[1].line().ends_with("BROKEN"), "{}", outcome.played[1].line());
    }

    #[test]
    fn the_json_has_the_sums_and_the_failures() {
        let json = serde_json::to_value(passing(20).report()).expect("json");
        for key in
            ["kills", "kills_between", "grants_committed", "grants_told", "grants_untold", "grants_per_s", "held"]
        {
            assert!(json[key].is_number(), "{key}");
        }
        assert_eq!(json["played"][0]["failpoint_committed"], 40);
        assert_eq!(json["failures"].as_array().map(Vec::len), Some(0));
    }

    #[test]
    fn many_problems_of_a_kind_are_told_briefly() {
        let problems: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        let told = told_briefly(problems);
        assert_eq!((told.len(), told.last().map(String::as_str)), (6, Some("and 7 more of this kind")));
    }
}
