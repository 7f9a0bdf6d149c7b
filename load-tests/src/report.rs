//! What a run comes to: one screen of text and a JSON file with stable keys.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;

/// The figures of a run, as the bots saw them on the wire; `None` is what could not be measured. The field names are the
/// keys of the JSON file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Bots that were asked for.
    pub bots: u32,
    /// Bots that signed in.
    pub logins: u64,
    /// Most bots in a region at the same time.
    pub online_peak: u64,
    /// Input datagrams that were sent.
    pub inputs_sent: u64,
    /// Inputs that moved a player: by the server's count, or by the snapshots' when that cannot be had.
    pub inputs_applied: u64,
    /// Snapshots that arrived and counted.
    pub snapshots: u64,
    /// Snapshots that never came, by the gaps in their sequence.
    pub datagrams_lost: u64,
    /// UDP payload of the datagram channel, with QUIC's own share, a client and second.
    pub bytes_down_per_client_s: f64,
    /// The same in the other direction.
    pub bytes_up_per_client_s: f64,
    /// Age of the newest state at each client tick, milliseconds, beyond the least delay that was seen: the median.
    pub state_age_ms_p50: f64,
    /// Its 99th percentile.
    pub state_age_ms_p99: f64,
    /// Length of a tick, microseconds, of the region where it is worst: the median.
    pub tick_us_p50: Option<f64>,
    /// Its 99th percentile.
    pub tick_us_p99: Option<f64>,
    /// Ticks that took longer than their period.
    pub tick_overruns: Option<u64>,
    /// CPU of the server process until play ended, seconds.
    pub server_cpu_s: Option<f64>,
    /// Its largest resident set, MiB.
    pub server_peak_rss_mb: Option<f64>,
    /// Monsters that died, each once however many bots saw it.
    pub kills: u64,
    /// Deaths of bots.
    pub deaths: u64,
    /// Experience that was told.
    pub xp: u64,
    /// Copper pieces that were told.
    pub coins: u64,
    /// Units of items that were picked up; coins are none.
    pub items_looted: u64,
    /// Levels gained.
    pub level_ups: u64,
    /// What went wrong, by kind.
    pub errors: BTreeMap<String, u64>,

    /// Refusals that belong to play: a drop that somebody else took, a target that died meanwhile.
    pub refusals: BTreeMap<String, u64>,
    /// Whether each bot's store equals what it was told; `None`: no bot could read it back.
    pub store_matches: Option<bool>,
    /// Bots whose store was compared.
    pub stores_compared: u64,
    /// Units of items that the drop tables expect for the kills.
    pub drops_expected: f64,
    /// Units that were picked up by the bots.
    pub drops_looted: u64,
    /// Units that lay there and that nobody picked up.
    pub drops_left: u64,
    /// Largest distance of an item's looted quantity from its expectation, in standard deviations.
    pub drops_z_max: f64,
    /// The item it is of; `all` is the sum over all items.
    pub drops_z_of: String,
    /// The same over what was seen to drop, picked up or not.
    pub drops_seen_z_max: f64,
    /// Kills by key in monsters.csv.
    pub kills_by_monster: BTreeMap<String, u64>,
    /// Bots that moved at least a metre.
    pub bots_moved: u64,
    /// Time of play, seconds.
    pub seconds: f64,
}

/// Looted quantities within so many standard deviations of the expectation pass.
pub const Z_PASS: f64 = 4.0;

impl Report {
    /// Why the run failed, one line each; empty when it passed.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.errors.iter().map(|(kind, n)| format!("{n} x {kind}")).collect();
        if self.logins < u64::from(self.bots) {
            lines.push(format!("only {} of {} bots signed in", self.logins, self.bots));
        }
        if self.bots_moved < u64::from(self.bots) {
            lines.push(format!("only {} of {} bots moved", self.bots_moved, self.bots));
        }
        if self.store_matches == Some(false) {
            lines.push("the store differs from what the bots were told".to_owned());
        }
        if self.stores_compared < self.logins {
            lines
                .push(format!("the store of only {} of {} bots could be read back", self.stores_compared, self.logins));
        }
        if self.drops_z_max > Z_PASS {
            lines.push(format!(
                "looted items are {:.1} standard deviations off for {} ({} units were left lying)",
                self.drops_z_max, self.drops_z_of, self.drops_left
            ));
        }
        lines
    }

    /// One screen.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = self.write_text(&mut out);
        out
    }

    fn write_text(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "{} bots, {:.0} s of play", self.bots, self.seconds)?;
        row(
            out,
            "bots",
            &format!("{} signed in, {} moved, {} online at most", self.logins, self.bots_moved, self.online_peak),
        )?;
        let share = percent(self.inputs_applied, self.inputs_sent);
        row(out, "inputs", &format!("{} sent, {} applied ({share})", self.inputs_sent, self.inputs_applied))?;
        let lost = percent(self.datagrams_lost, self.snapshots + self.datagrams_lost);
        row(out, "snapshots", &format!("{} came, {} lost ({lost})", self.snapshots, self.datagrams_lost))?;
        let (down, up) = (self.bytes_down_per_client_s, self.bytes_up_per_client_s);
        row(out, "bytes", &format!("{down:.0} down and {up:.0} up a client and second (UDP payload of the channel)"))?;
        let (p50, p99) = (self.state_age_ms_p50, self.state_age_ms_p99);
        row(out, "state age", &format!("{p50:.0} ms median, {p99:.0} ms p99, beyond the least delay seen"))?;
        row(out, "server tick", &self.tick_line())?;
        row(out, "server", &self.server_line())?;
        row(out, "fights", &format!("{} kills, {} deaths", self.kills, self.deaths))?;
        let (xp, coins) = (self.xp, self.coins);
        row(
            out,
            "rewards",
            &format!("{xp} xp, {} level-ups, {coins} copper, {} items", self.level_ups, self.items_looted),
        )?;
        row(out, "loot", &self.loot_line())?;
        row(out, "most killed", &self.most_killed())?;
        row(out, "store", &self.store_line())?;
        row(out, "refusals", &counts(&self.refusals))?;
        row(out, "errors", &counts(&self.errors))
    }

    fn tick_line(&self) -> String {
        match (self.tick_us_p50, self.tick_us_p99, self.tick_overruns) {
            (Some(p50), Some(p99), Some(overruns)) => {
                format!("{p50:.0} us median, {p99:.0} us p99 in the worst region, {overruns} overruns")
            }
            _ => "not measured: no metrics page".to_owned(),
        }
    }

    fn server_line(&self) -> String {
        match (self.server_cpu_s, self.server_peak_rss_mb) {
            (Some(cpu), Some(rss)) => {
                let cores = cpu / self.seconds.max(1.0);
                format!("{cpu:.1} s CPU ({:.0} % of one core), {rss:.0} MiB at most", cores * 100.0)
            }
            _ => "not measured: it was started by somebody else".to_owned(),
        }
    }

    fn loot_line(&self) -> String {
        let verdict = if self.drops_z_max <= Z_PASS { "within" } else { "NOT within" };
        format!(
            "{} looted, {:.1} expected, {} left lying; {verdict} {Z_PASS:.0} standard deviations (worst {:.1}: {}; as dropped {:.1})",
            self.drops_looted,
            self.drops_expected,
            self.drops_left,
            self.drops_z_max,
            self.drops_z_of,
            self.drops_seen_z_max
        )
    }

    fn most_killed(&self) -> String {
        let mut kinds: Vec<(&String, &u64)> = self.kills_by_monster.iter().collect();
        kinds.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let lines: Vec<String> = kinds.iter().take(6).map(|(kind, n)| format!("{n} {kind}")).collect();
        if lines.is_empty() { "none".to_owned() } else { lines.join(", ") }
    }

    fn store_line(&self) -> String {
        match self.store_matches {
            Some(true) => {
                format!("equals what the bots were told, {} of {} compared", self.stores_compared, self.logins)
            }
            Some(false) => format!("DIFFERS from what the bots were told, {} compared", self.stores_compared),
            None => "not compared".to_owned(),
        }
    }
}

fn row(out: &mut String, label: &str, text: &str) -> fmt::Result {
    writeln!(out, "  {label:<12} {text}")
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.2} %", part as f64 * 100.0 / whole as f64) }
}

fn counts(map: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = map.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contract with whoever reads the file.
    const KEYS: [&str; 23] = [
        "bots",
        "logins",
        "online_peak",
        "inputs_sent",
        "inputs_applied",
        "snapshots",
        "datagrams_lost",
        "bytes_down_per_client_s",
        "bytes_up_per_client_s",
        "state_age_ms_p50",
        "state_age_ms_p99",
        "tick_us_p50",
        "tick_us_p99",
        "tick_overruns",
        "server_cpu_s",
        "server_peak_rss_mb",
        "kills",
        "deaths",
        "xp",
        "coins",
        "items_looted",
        "level_ups",
        "errors",
    ];

    fn passing() -> Report {
        Report {
            bots: 2,
            logins: 2,
            bots_moved: 2,
            stores_compared: 2,
            store_matches: Some(true),
            drops_z_max: 1.5,
            seconds: 60.0,
            ..Report::default()
        }
    }

    #[test]
    fn the_json_has_the_promised_keys() {
        let json = serde_json::to_value(passing()).expect("json");
        for key in KEYS {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert!(json["errors"].is_object());
        assert!(json["tick_us_p99"].is_null());
    }

    #[test]
    fn a_good_run_has_no_failures() {
        assert_eq!(passing().failures(), Vec::<String>::new());
    }

    #[test]
    fn each_thing_that_may_fail_fails() {
        let bad: [fn(&mut Report); 6] = [
            |r| r.logins = 1,
            |r| r.bots_moved = 1,
            |r| r.store_matches = Some(false),
            |r| r.stores_compared = 1,
            |r| r.drops_z_max = 4.1,
            |r| {
                r.errors.insert("store: xp".to_owned(), 1);
            },
        ];
        for spoil in bad {
            let mut report = passing();
            spoil(&mut report);
            assert!(!report.failures().is_empty());
        }
    }

    #[test]
    fn the_text_fits_one_screen_and_says_what_was_not_measured() {
        let text = passing().to_text();
        assert!(text.lines().count() <= 24, "{text}");
        assert!(text.contains("not measured"), "{text}");
        assert!(text.contains("within 4 standard deviations"), "{text}");
    }
}
