//! What all scenes came to: one screen for people, and a JSON file.

use std::fmt::{self, Write as _};

use serde::Serialize;
use shallot_client::wire::limits::MAX_DATAGRAM;

use super::ages::Quantiles;
use super::measured::{Measured, PHASES};
use super::targets::{Results, Row, Verdict};

/// Everything.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Outcome {
    /// The table of targets.
    pub(super) targets: Vec<Row>,
    /// By scene.
    pub(super) scenes: Vec<Measured>,
    /// Why scenes could not be played, or what went wrong in them.
    pub(super) problems: Vec<String>,
}

impl Outcome {
    /// A scene was played: a line for people.
    pub(super) fn add(&mut self, measured: Measured) -> String {
        let name = &measured.name;
        if measured.lost > 0 {
            let why = measured.lost_why.join("; ");
            self.problems.push(format!("{name}: {} players were lost: {why}", measured.lost));
        }
        if measured.malformed > 0 {
            self.problems.push(format!("{name}: {} snapshots could not be read", measured.malformed));
        }
        if measured.snapshot_largest > MAX_DATAGRAM {
            self.problems.push(format!("{name}: a snapshot of {} bytes", measured.snapshot_largest));
        }
        let text = scene(&measured);
        self.scenes.push(measured);
        text
    }

    /// All were played.
    pub(super) fn close(&mut self, allocations: Option<bool>) {
        self.targets = Results(&self.scenes).rows(allocations);
    }

    /// The table.
    #[must_use]
    pub(super) fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = self.write_table(&mut out);
        out
    }

    fn write_table(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "{:<60} {:>12} {:>16} {:>10}", "figure", "measured", "target", "accept")?;
        for Row { figure, value, target, accept, verdict, .. } in &self.targets {
            let mark = match verdict {
                Verdict::Target | Verdict::Told => "",
                Verdict::Accept => "  accepted",
                Verdict::Missed => "  MISSED",
                Verdict::Void => "  void: what is drawn is wrong, or was not seen",
                Verdict::NotMeasured => "  not measured",
            };
            writeln!(out, "{figure:<60} {value:>12} {target:>16} {accept:>10}{mark}")?;
        }
        Ok(())
    }
}

/// A few lines of one.
fn scene(measured: &Measured) -> String {
    let m = measured;
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = write_scene(m, &mut out);
    out
}

fn write_scene(m: &Measured, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "{}: {} players, {} monsters, {:.0} s, {:.0} others in view",
        m.name, m.players, m.monsters, m.seconds, m.in_view
    )?;
    let tick = &m.tick;
    write!(
        out,
        "  tick         {:.0} us median, {:.0} p99, {:.0} p99.9, {} overruns; means:",
        tick.p50_us, tick.p99_us, tick.p99_9_us, m.overruns
    )?;
    for (name, phase) in PHASES.iter().filter_map(|name| Some((name, m.phases.get(*name)?))) {
        write!(out, " {name} {:.0}", phase.mean_us)?;
    }
    writeln!(out)?;
    writeln!(
        out,
        "  CPU          a snapshot: {:.1} us replication, {:.1} region in all, {:.1} gateway, {:.1} else; {:.2} cores, bots {:.2}{}",
        m.replication_us,
        m.shard_us,
        m.gateway_us,
        m.rest_us,
        m.server_cores,
        m.bots_cores,
        m.stolen_percent.map_or_else(String::new, |percent| format!("; the machine's host took {percent:.1} %"))
    )?;
    if let (Some([before, after]), Some(mean)) = (m.plain_quic_us, m.plain_quic_us()) {
        writeln!(
            out,
            "  plain QUIC   a client-tick: {before:.1} us before, {after:.1} after it, with {:.0} bytes down and {:.0} up; the gateway is {:.2} times that",
            m.snapshot_bytes,
            m.input_bytes,
            m.gateway_us / mean
        )?;
    }
    let or_none = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    writeln!(
        out,
        "  bytes        {:.0} down, {:.0} up a client and second, a tick {} down to whom most goes; snapshots {:.0}, at most {}; a change {}, a record {}",
        m.bytes_down,
        m.bytes_up,
        or_none(m.tick_bytes_most),
        m.snapshot_bytes,
        m.snapshot_largest,
        or_none(m.change_bytes),
        or_none(m.record_bytes)
    )?;
    let [near, mid, far] = m.drawn_cm_p99.map(or_none);
    let missing = m.missing_ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    writeln!(
        out,
        "  drawn        {near} / {mid} / {far} cm off near / mid / far, p99; somebody near not drawn for {missing} ms at most"
    )?;
    let age = |age: Option<Quantiles>| {
        age.map_or_else(|| "-".to_owned(), |age| format!("{:.0} / {:.0} / {:.0} ms", age.p50, age.p99, age.p99_9))
    };
    write!(
        out,
        "  state age    p50 / p99 / p99.9: {}, floor {}, down a stream {}",
        age(m.age_datagrams),
        age(m.age_floor),
        age(m.age_stream)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_happen_is_a_problem() {
        let good = Measured { snapshot_largest: MAX_DATAGRAM, ..Measured::default() };
        let mut outcome = Outcome::default();
        outcome.add(good.clone());
        assert!(outcome.problems.is_empty());
        outcome.add(Measured { lost: 2, ..good.clone() });
        outcome.add(Measured { malformed: 1, ..good.clone() });
        outcome.add(Measured { snapshot_largest: MAX_DATAGRAM + 1, ..good });
        assert_eq!(outcome.problems.len(), 3, "{:?}", outcome.problems);
        outcome.close(None);
        assert!(outcome.to_text().lines().count() == outcome.targets.len() + 1);
    }
}
