//! What is measured: who is where, and on what line.

use std::time::Duration;

use anyhow::bail;

use super::ground::Land;
use crate::limits::{GATHER, WALK_APART};

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// For `--only` and reports.
    pub(super) name: &'static str,
    /// In words.
    pub(super) what: &'static str,
    /// The ground, with its monsters.
    pub(super) land: Land,
    /// Players.
    pub(super) players: u32,
    /// Metres that a player strays from where it belongs.
    pub(super) stray_m: i32,
    /// Where they belong.
    pub(super) homes: Homes,
    /// What is between them and the server; `None`: nothing, they are on the loopback.
    pub(super) line: Option<Line>,
    /// Every other one gets its states down the gRPC stream.
    pub(super) half_by_link: bool,
    /// What QUIC alone costs with as much on it is measured right before and after it.
    pub(super) beside_plain_quic: bool,
}

/// Where players belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Homes {
    /// Each where it came in.
    Entry,
    /// All in the middle.
    Middle,
    /// Half of them so many metres west of the middle, half as far east; from when it is measured on, all in the middle.
    TwoSides(i32),
}

/// A line through a TUN device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    /// So many of a hundred packets are lost, each way.
    pub(super) loss_percent: u32,
    /// Each way.
    pub(super) delay: Duration,
}

impl Scene {
    /// From when all are in until they are where they belong, and what they have before them has settled.
    pub(super) fn gather(&self) -> Duration {
        match self.homes {
            Homes::Entry | Homes::Middle => GATHER,
            Homes::TwoSides(_) => GATHER + WALK_APART,
        }
    }
}

/// The round trip of the Targets is 50 ms.
const DELAY: Duration = Duration::from_millis(25);

/// All, with at most so many players each.
#[must_use]
pub(super) fn all(players_most: Option<u32>) -> Vec<Scene> {
    let field = |name, what, players, monsters, side_m, loss_percent: Option<u32>| Scene {
        name,
        what,
        land: Land { side_m, players_within_m: side_m / 2 - 60, monsters, monsters_within_m: side_m - 100 },
        players,
        stray_m: 40,
        homes: Homes::Entry,
        line: loss_percent.map(|loss_percent| Line { loss_percent, delay: DELAY }),
        half_by_link: false,
        beside_plain_quic: loss_percent == Some(0),
    };
    let place = |name, what, players, monsters, homes| Scene {
        name,
        what,
        land: Land { side_m: 400, players_within_m: 20, monsters, monsters_within_m: 60 },
        players,
        stray_m: 20,
        homes,
        line: None,
        half_by_link: false,
        beside_plain_quic: false,
    };
    let line = |name, loss_percent| Scene {
        line: Some(Line { loss_percent, delay: DELAY }),
        half_by_link: true,
        ..place(name, "60 players in one place, every other one on gRPC alone, a line of 50 ms", 60, 0, Homes::Middle)
    };
    let mut scenes = vec![
        field("field", "300 players and 600 monsters spread out, a line of 50 ms", 300, 600, 1_400, Some(0)),
        field("field-2", "the same, 2 % lost each way", 300, 600, 1_400, Some(2)),
        line("line-0", 0),
        line("line-1", 1),
        line("line-2", 2),
        line("line-5", 5),
        place("town", "300 players and 30 monsters in one place", 300, 30, Homes::Middle),
        place("siege", "two crowds of 200 meet among 40 monsters", 400, 40, Homes::TwoSides(60)),
        place("crowd", "1,000 players in one place", 1_000, 0, Homes::Middle),
        field("load", "1,000 players and 2,000 monsters spread out", 1_000, 2_000, 2_500, None),
    ];
    for scene in &mut scenes {
        scene.players = scene.players.min(players_most.unwrap_or(u32::MAX));
    }
    scenes
}

/// Those of these names; all when there is none.
///
/// # Errors
/// A name that is none.
pub(super) fn only(scenes: Vec<Scene>, names: &[String]) -> anyhow::Result<Vec<Scene>> {
    if let Some(unknown) = names.iter().find(|name| scenes.iter().all(|scene| scene.name != **name)) {
        let known: Vec<&str> = scenes.iter().map(|scene| scene.name).collect();
        bail!("no scene is called {unknown}; there are {}", known.join(", "));
    }
    Ok(scenes.into_iter().filter(|scene| names.is_empty() || names.iter().any(|name| name == scene.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_is_told_with_those_that_are() {
        let error = only(all(None), &["forest".to_owned()]).expect_err("it is none").to_string();
        assert!(error.contains("forest") && error.contains("field-2"), "{error}");
        assert_eq!(only(all(None), &["siege".to_owned()]).expect("it is one").len(), 1);
    }

    #[test]
    fn every_player_stays_on_its_land_and_every_land_can_be_made() {
        for scene in all(None) {
            let reach = match scene.homes {
                Homes::Entry => scene.land.players_within_m,
                Homes::Middle => 0,
                Homes::TwoSides(away) => away.unsigned_abs(),
            };
            assert!(reach + scene.stray_m.unsigned_abs() < scene.land.side_m / 2, "{}", scene.name);
            assert!(scene.land.tables().is_ok(), "{}", scene.name);
        }
        assert!(all(Some(5)).iter().all(|scene| scene.players == 5));
    }
}
