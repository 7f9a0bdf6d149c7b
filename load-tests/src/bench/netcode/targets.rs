//! The table of targets: what each figure came to, beside what it is to be.

use serde::Serialize;

use super::measured::Measured;

/// How a figure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it is to be.
    Target,
    /// Good enough.
    Accept,
    /// Not good enough.
    Missed,
    /// It counts only where what is drawn was seen to be right, with loss and without.
    Void,
    /// It has no target: others are read beside it.
    Told,
    /// Its scene was not played.
    NotMeasured,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// Which.
    pub(super) figure: &'static str,
    /// Where it was measured.
    pub(super) scene: &'static str,
    /// What it came to, in words.
    pub(super) value: String,
    /// What it is to be, and what is good enough, in words.
    pub(super) target: String,
    pub(super) accept: String,
    /// How it did.
    pub(super) verdict: Verdict,
}

/// Which way is good.
#[derive(Clone, Copy, Debug)]
enum Goal {
    /// At most so much, or good enough at so much.
    Most(f64, f64),
    /// At least so much.
    Least(f64),
    /// Nothing is asked of it.
    None,
}

impl Goal {
    fn judge(self, value: f64) -> Verdict {
        match self {
            Self::Most(target, _) if value <= target => Verdict::Target,
            Self::Most(_, accept) if value <= accept => Verdict::Accept,
            Self::Least(target) if value >= target => Verdict::Target,
            Self::Most(..) | Self::Least(_) => Verdict::Missed,
            Self::None => Verdict::Told,
        }
    }
}

/// What was measured, by scene.
pub(super) struct Results<'a>(pub(super) &'a [Measured]);

impl Results<'_> {
    fn of(&self, scene: &str) -> Option<&Measured> {
        self.0.iter().find(|measured| measured.name == scene)
    }

    /// The table. `allocations`: whether the test that counts them found none; `None`: it was not run.
    #[must_use]
    pub(super) fn rows(&self, allocations: Option<bool>) -> Vec<Row> {
        let mut rows = self.drawing();
        let is_drawn_right = rows.iter().all(|row| matches!(row.verdict, Verdict::Target | Verdict::Accept));
        rows.extend(self.load());
        rows.extend(self.baselines());
        rows.extend(self.costs().into_iter().map(|row| match row.verdict {
            Verdict::NotMeasured => row,
            _ if is_drawn_right => row,
            _ => Row { verdict: Verdict::Void, ..row },
        }));
        rows.extend(self.ages());
        let none = allocations.map(|none| if none { 0.0 } else { f64::NAN });
        rows.push(row("heap allocations a tick in steady state", "a test of its own", none, "", Goal::Most(0.0, 10.0)));
        rows
    }

    /// What players see, with and without loss: the worse of both.
    fn drawing(&self) -> Vec<Row> {
        let both: Option<Vec<&Measured>> = ["field", "field-2"].iter().map(|scene| self.of(scene)).collect();
        let worst = |of: &dyn Fn(&Measured) -> Option<f64>| {
            let values: Option<Vec<f64>> = both.as_ref()?.iter().map(|measured| of(measured)).collect();
            values.map(|values| values.into_iter().fold(0.0, f64::max))
        };
        let drawn = |ring: usize| worst(&|measured| measured.drawn_cm_p99.get(ring).copied().flatten());
        let scene = "field, field-2";
        vec![
            row("drawn against true position, near, p99", scene, drawn(0), "cm", Goal::Most(10.0, 20.0)),
            row("drawn against true position, mid, p99", scene, drawn(1), "cm", Goal::Most(50.0, 80.0)),
            row("drawn against true position, far, p99", scene, drawn(2), "cm", Goal::Most(100.0, 150.0)),
            row(
                "an entity within 32 m not drawn, longest",
                scene,
                worst(&|measured| measured.missing_ms.map(|ms| ms as f64)),
                "ms",
                Goal::Most(250.0, 400.0),
            ),
        ]
    }

    fn load(&self) -> Vec<Row> {
        let load = self.of("load");
        let players = load.map(|load| f64::from(load.players));
        let p99 = load.map(|load| load.tick.p99_us / 1e3);
        let p99_9 = load.map(|load| load.tick.p99_9_us / 1e3);
        let ticks = [
            row("tick at that load, p99", "load", p99, "ms", Goal::Most(12.5, 25.0)),
            row("tick at that load, p99.9", "load", p99_9, "ms", Goal::Most(20.0, 32.5)),
        ];
        let mut region =
            row("players moving in one region, with 2,000 monsters", "load", players, "", Goal::Least(2_000.0));
        region.accept = "1000".to_owned();
        if region.verdict == Verdict::Missed && players.is_some_and(|players| players >= 1_000.0) {
            region.verdict = Verdict::Accept;
        }
        // A region has as many players as its ticks carry.
        if ticks.iter().any(|tick| tick.verdict == Verdict::Missed) {
            region.verdict = Verdict::Missed;
        }
        std::iter::once(region).chain(ticks).collect()
    }

    /// What is known of the machine and of what we stand on.
    fn baselines(&self) -> Vec<Row> {
        let plain_us = self.of("field").and_then(Measured::plain_quic_us);
        vec![row("plain QUIC a client-tick, down and up", "field", plain_us, "us", Goal::None)]
    }

    fn costs(&self) -> Vec<Row> {
        let (field, crowd) = (self.of("field"), self.of("crowd"));
        vec![
            row("world work a client-tick", "field", field.map(|m| m.replication_us), "us", Goal::Most(3.0, 6.0)),
            row(
                "transport a client-tick, down and up",
                "field",
                field.map(|m| m.gateway_us),
                "us",
                Goal::Most(10.0, 15.0),
            ),
            row(
                "the same as a multiple of plain QUIC",
                "field",
                field.and_then(|m| Some(m.gateway_us / m.plain_quic_us()?)),
                "",
                Goal::None,
            ),
            row("bytes down a client", "field", field.map(|m| m.bytes_down / 1e3), "KB/s", Goal::Most(6.0, 10.0)),
            row(
                "UDP payload a client-tick in a crowd, to whom most goes",
                "crowd",
                crowd.and_then(|m| m.tick_bytes_most),
                "B",
                Goal::Most(1_150.0, 1_150.0),
            ),
            row(
                "largest snapshot in a crowd",
                "crowd",
                crowd.map(|m| m.snapshot_largest as f64),
                "B",
                Goal::Most(1_150.0, 1_150.0),
            ),
            row("bytes of a change", "field", field.and_then(|m| m.change_bytes), "B", Goal::Most(5.0, 7.0)),
            row(
                "bytes of an absolute record",
                "field",
                field.and_then(|m| m.record_bytes),
                "B",
                Goal::Most(11.0, 12.0),
            ),
        ]
    }

    fn ages(&self) -> Vec<Row> {
        let line = self.of("line-2");
        let ages = line.and_then(|m| Some((m.age_datagrams?, m.age_stream?, m.age_floor?)));
        vec![
            row(
                "age of the newest state at 2 % loss, p99, beyond the floor",
                "line-2",
                ages.map(|(datagrams, _, floor)| datagrams.p99 - floor.p99),
                "ms",
                Goal::Most(8.0, 15.0),
            ),
            row(
                "the same down one gRPC stream, older by",
                "line-2",
                ages.map(|(datagrams, stream, _)| stream.p99 - datagrams.p99),
                "ms",
                Goal::Least(30.0),
            ),
        ]
    }
}

fn row(figure: &'static str, scene: &'static str, value: Option<f64>, unit: &str, goal: Goal) -> Row {
    let words = |value: f64| format!("{} {unit}", short(value)).trim_end().to_owned();
    let (target, accept) = match goal {
        Goal::Most(target, accept) => (words(target), words(accept)),
        Goal::Least(target) => (format!("at least {}", words(target)), "-".to_owned()),
        Goal::None => ("-".to_owned(), "-".to_owned()),
    };
    Row {
        figure,
        scene,
        value: value.map_or_else(|| "-".to_owned(), words),
        target,
        accept,
        verdict: value.map_or(Verdict::NotMeasured, |value| goal.judge(value)),
    }
}

/// Three digits or so.
fn short(value: f64) -> String {
    let places = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::super::ages::Quantiles;
    use super::*;

    fn field(name: &str, near_cm: f64) -> Measured {
        Measured {
            name: name.to_owned(),
            drawn_cm_p99: [Some(near_cm), Some(40.0), Some(120.0)],
            missing_ms: Some(100),
            replication_us: 4.0,
            gateway_us: 9.0,
            plain_quic_us: Some([7.0, 8.0]),
            bytes_down: 5_000.0,
            change_bytes: Some(4.6),
            record_bytes: Some(12.0),
            ..Measured::default()
        }
    }

    fn verdict(rows: &[Row], figure: &str) -> Verdict {
        rows.iter().find(|row| row.figure.contains(figure)).unwrap_or_else(|| panic!("no {figure}")).verdict
    }

    #[test]
    fn a_figure_is_judged_by_its_target_and_by_what_is_good_enough() {
        let rows = Results(&[field("field", 3.0), field("field-2", 9.0)]).rows(Some(true));
        assert_eq!(verdict(&rows, "near"), Verdict::Target);
        assert_eq!(verdict(&rows, "far"), Verdict::Accept);
        assert_eq!(verdict(&rows, "world work"), Verdict::Accept);
        assert_eq!(verdict(&rows, "transport"), Verdict::Target);
        assert_eq!(verdict(&rows, "absolute record"), Verdict::Accept);
        assert_eq!(verdict(&rows, "multiple of plain QUIC"), Verdict::Told);
        assert!(rows.iter().any(|row| row.value == "1.20" && row.figure.contains("multiple")), "9 / 7.5: {rows:?}");
        assert_eq!(verdict(&rows, "heap"), Verdict::Target);
        assert_eq!(verdict(&rows, "largest snapshot"), Verdict::NotMeasured);
        assert_eq!(verdict(&rows, "older by"), Verdict::NotMeasured);
    }

    #[test]
    fn costs_count_for_nothing_where_the_drawing_is_wrong_in_either_run() {
        let rows = Results(&[field("field", 3.0), field("field-2", 21.0)]).rows(Some(false));
        assert_eq!(verdict(&rows, "near"), Verdict::Missed);
        assert_eq!(verdict(&rows, "world work"), Verdict::Void);
        assert_eq!(verdict(&rows, "bytes down"), Verdict::Void);
        assert_eq!(verdict(&rows, "multiple of plain QUIC"), Verdict::Void);
        assert_eq!(verdict(&rows, "plain QUIC a client-tick"), Verdict::Told);
        assert_eq!(verdict(&rows, "heap"), Verdict::Missed);
        let without_loss_alone = Results(&[field("field", 3.0)]).rows(None);
        assert_eq!(verdict(&without_loss_alone, "world work"), Verdict::Void);
    }

    #[test]
    fn datagrams_are_judged_by_the_floor_and_the_stream_by_datagrams() {
        let at = |p99| Some(Quantiles { p99, ..Quantiles::default() });
        let line = Measured {
            name: "line-2".to_owned(),
            age_datagrams: at(107.0),
            age_stream: at(136.0),
            age_floor: at(100.0),
            ..Measured::default()
        };
        let rows = Results(&[line]).rows(None);
        assert_eq!(verdict(&rows, "beyond the floor"), Verdict::Target);
        assert_eq!(verdict(&rows, "older by"), Verdict::Missed);
        assert_eq!(verdict(&rows, "heap"), Verdict::NotMeasured);
    }

    #[test]
    fn a_thousand_players_are_good_enough_and_two_thousand_the_target() {
        let load = |players| Measured { name: "load".to_owned(), players, ..Measured::default() };
        for (players, expected) in [(999, Verdict::Missed), (1_000, Verdict::Accept), (2_000, Verdict::Target)] {
            assert_eq!(verdict(&Results(&[load(players)]).rows(None), "players moving"), expected);
        }
        let mut late = load(2_000);
        late.tick.p99_us = 30_000.0;
        assert_eq!(verdict(&Results(&[late]).rows(None), "players moving"), Verdict::Missed);
    }
}
