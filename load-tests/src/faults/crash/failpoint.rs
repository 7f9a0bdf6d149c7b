//! What the server's log tells of the failpoint between the commit of a grant and telling it.

use serde::Serialize;

/// The failpoint's name in the log.
const POINT: &str = "grant_told";
/// A grant is stored and waits.
const COMMITTED: &str = "failpoint: committed, not told yet";
/// Its wait is over.
const TOLD: &str = "failpoint: told now";

/// How often the failpoint fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Fired {
    /// Grants that were stored and had to wait.
    #[serde(rename = "failpoint_committed")]
    pub(super) committed: u64,
    /// Of them, those whose wait was over.
    #[serde(rename = "failpoint_told")]
    pub(super) told: u64,
}

impl Fired {
    /// Counts in a whole log. A last line that the kill cut short counts for nothing.
    pub(super) fn in_log(log: &str) -> Self {
        let of_the_point = |text: &str| log.lines().filter(|line| line.contains(POINT) && line.contains(text)).count();
        Self { committed: of_the_point(COMMITTED) as u64, told: of_the_point(TOLD) as u64 }
    }

    /// Grants that were stored, and not told of when the log ended.
    pub(super) fn between(self) -> u64 {
        self.committed.saturating_sub(self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
2026-01-01T00:00:00.1Z  WARN shallot::faults: failpoint: committed, not told yet point=\"grant_told\"
2026-01-01T00:00:00.2Z  WARN shallot::faults: failpoint: committed, not told yet point=\"grant_told\"
2026-01-01T00:00:00.3Z  WARN shallot::faults: failpoint: told now point=\"grant_told\"
";

    #[test]
    fn a_grant_that_waited_when_the_log_ended_is_between() {
        let fired = Fired::in_log(TEXT);
        assert_eq!((fired.committed, fired.told, fired.between()), (2, 1, 1));
    }

    #[test]
    fn once_all_were_told_nothing_is_between() {
        let last = "2026-01-01T00:00:00.4Z  WARN shallot::faults: failpoint: told now point=\"grant_told\"\n";
        assert_eq!(Fired::in_log(&format!("{TEXT}{last}")).between(), 0);
        assert_eq!(Fired::in_log("").between(), 0);
    }

    #[test]
    fn other_points_other_lines_and_a_line_cut_short_count_for_nothing() {
        let noise = "\
WARN shallot::faults: failpoint: committed, not told yet point=\"mail_sent\"
WARN shallot::shard: a grant_told by somebody else
WARN shallot::faults: failpoint: committed, not told";
        assert_eq!(Fired::in_log(noise), Fired::default());
    }

    #[test]
    fn a_log_in_json_is_read_too() {
        let line = r#"{"level":"WARN","fields":{"message":"failpoint: committed, not told yet","point":"grant_told"}}"#;
        assert_eq!(Fired::in_log(line).between(), 1);
    }
}
