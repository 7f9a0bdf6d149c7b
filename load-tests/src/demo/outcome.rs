//! From the sums of a run to its lines of progress and its report.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::drop_moments::{is_item, items_of, of_roll};
use crate::game::Game;
use crate::loot_check::{self, LootVerdict, Moments};
use crate::metrics_scrape::ServerFigures;
use crate::process::Usage;
use crate::report::Report;

/// Bytes in a MiB.
const MIB: f64 = 1_048_576.0;

/// Says every few seconds how it goes.
pub(super) struct Progress {
    at: Duration,
    snapshots: u64,
}

impl Progress {
    pub(super) fn new(now: Duration) -> Self {
        Self { at: now, snapshots: 0 }
    }

    pub(super) fn line(&mut self, game: &Game) -> String {
        let (tally, now) = (&game.tally, game.now());
        let snapshots = tally.snapshots.get();
        let per_s = (snapshots - self.snapshots) as f64 / (now.saturating_sub(self.at)).as_secs_f64().max(0.001);
        (self.at, self.snapshots) = (now, snapshots);
        let kills: u64 = tally.sightings().kills().values().sum();
        let errors: u64 = tally.errors().values().sum();
        format!(
            "{:>4.0} s  {} in, {kills} kills, {} deaths, {} looted, {} level-ups, {per_s:.0} snapshots/s, {} lost, age p99 {:.0} ms{}",
            now.as_secs_f64(),
            tally.online(),
            tally.deaths.get(),
            tally.items_looted.get(),
            tally.level_ups.get(),
            tally.datagrams_lost.get(),
            tally.recent_ages().p99,
            if errors == 0 { String::new() } else { format!(", {errors} ERRORS") },
        )
    }
}

pub(super) fn report(
    game: &Game,
    bots: u32,
    seconds: f64,
    usage: Option<Usage>,
    (before, after): (ServerFigures, ServerFigures),
) -> Report {
    let tally = &game.tally;
    let sightings = tally.sightings().clone();
    let looted = tally.looted_units();
    let (expected, total) = expectation(game, sightings.kills());
    let by_bots: LootVerdict = loot_check::check(&expected, total, &looted);
    let on_the_ground = loot_check::check(&expected, total, sightings.dropped());
    let ages = tally.ages();
    let channel_s = (tally.channel_ms.get() as f64 / 1_000.0).max(0.001);
    let since = |after: Option<u64>, before: Option<u64>| after.map(|after| after.saturating_sub(before.unwrap_or(0)));
    let compared = tally.stores_compared.get();
    Report {
        bots,
        logins: tally.logins.get(),
        online_peak: tally.online_peak(),
        inputs_sent: tally.inputs_sent.get(),
        inputs_applied: since(after.inputs_applied, before.inputs_applied).unwrap_or(tally.inputs_acknowledged.get()),
        snapshots: tally.snapshots.get(),
        datagrams_lost: tally.datagrams_lost.get(),
        bytes_down_per_client_s: tally.bytes_down.get() as f64 / channel_s,
        bytes_up_per_client_s: tally.bytes_up.get() as f64 / channel_s,
        state_age_ms_p50: ages.p50,
        state_age_ms_p99: ages.p99,
        tick_us_p50: after.tick_us_p50,
        tick_us_p99: after.tick_us_p99,
        tick_overruns: since(after.tick_overruns, before.tick_overruns),
        server_cpu_s: usage.map(|usage| usage.cpu_s),
        server_peak_rss_mb: usage.map(|usage| usage.peak_rss_bytes as f64 / MIB),
        kills: sightings.kills().values().sum(),
        deaths: tally.deaths.get(),
        xp: tally.xp.get(),
        coins: tally.coins.get(),
        items_looted: tally.items_looted.get(),
        level_ups: tally.level_ups.get(),
        errors: tally.errors(),
        refusals: tally.refusals(),
        store_matches: (compared > 0).then(|| tally.stores_differing.get() == 0),
        stores_compared: compared,
        drops_expected: by_bots.expected,
        drops_looted: by_bots.observed,
        drops_left: sightings.left(),
        drops_z_max: by_bots.z_max,
        drops_z_of: by_bots.z_of,
        drops_seen_z_max: on_the_ground.z_max,
        kills_by_monster: sightings.kills().clone(),
        bots_moved: tally.bots_moved.get(),
        seconds,
    }
}

/// What the drop tables yield for these kills: by key in items.csv, and in all. Coins apart.
fn expectation(game: &Game, kills: &BTreeMap<String, u64>) -> (BTreeMap<String, Moments>, Moments) {
    let data = &game.data;
    let (mut by_item, mut total) = (BTreeMap::<String, Moments>::new(), Moments::default());
    for (monster, deaths) in kills {
        let table = data.monster_by_key(monster).and_then(|id| data.monster(id).drop_table);
        let Some(table) = table else { continue };
        for item in items_of(data, table) {
            let one = of_roll(data, table, &|other| f64::from(u8::from(other == item)));
            let sum = by_item.entry(data.item(item).key.clone()).or_default();
            *sum = sum.plus(one.times(*deaths));
        }
        let all = of_roll(data, table, &|item| f64::from(u8::from(is_item(data, item))));
        total = total.plus(all.times(*deaths));
    }
    (by_item, total)
}
