//! Cut links: clients of our own runtime, each behind a line that is cut again and again by a seed, while they are pushed to, make
//! calls and are asked. For those that come back in time every RELIABLE push, call and question happens exactly once and in order;
//! those that are kept away for longer are told what they lost, and go on with a new session. The server's ledger and the clients'
//! books are compared number by number.

mod blow;
mod book;
mod contract;
mod ledger;
mod line;
mod outcome;
mod player;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::bench::hubs::server::BenchServer;
use crate::cli::CutLinksOptions;
use crate::limits::{COME_BACK_TIME_LIMIT, JOIN_TIME_LIMIT, SETTLE_TIME_LIMIT, WARM_UP};
use crate::process;
use crate::screen::say;
use crate::verdict;
use blow::{Scope, Stroke, Then};
use book::Book;
use ledger::{Law, Life, judge};
use line::Line;
use outcome::Outcome;
use player::Player;

/// Those who are kept away come back so long after the server has given up on them.
const AWAY_BEYOND_GRACE: Duration = Duration::from_secs(2);
/// Between two looks at how far they are.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Between two looks at the server's memory.
const GAUGE_EVERY: Duration = Duration::from_millis(500);

/// Runs it; whether it passed.
///
/// # Errors
/// What kept it from being run at all: the build, the report's file.
pub async fn run(options: &CutLinksOptions) -> anyhow::Result<bool> {
    say("building the server; the first time takes a few minutes");
    let binary = process::build_example("shallot-hubs", "bench_server").await?;
    let mut outcome = Outcome::new(options);
    let played = verdict::unless_interrupted(play(&binary, options, &mut outcome)).await?;
    outcome.broken_off = played.err().map(|error| format!("{error:#}"));
    verdict::tell(options.report.as_deref(), &outcome, &outcome.failures(), &outcome.to_text())
}

/// Clients behind their lines; they end when it is dropped.
struct Scene {
    server: BenchServer,
    lines: Vec<Line>,
    books: Vec<Arc<Book>>,
    works: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

async fn play(binary: &Path, options: &CutLinksOptions, outcome: &mut Outcome) -> anyhow::Result<()> {
    let CutLinksOptions { clients, cuts, seconds, away, grace_seconds, seed, .. } = *options;
    let grace = Duration::from_secs(grace_seconds.into());
    let mut scene = Scene::enter(binary, clients, grace).await?;
    scene.works.send_replace(true);
    sleep(WARM_UP).await;

    let strokes = blow::plan(Scope {
        seed,
        lines: clients,
        cuts,
        away: (clients * away / 100).max(1),
        away_for: grace + AWAY_BEYOND_GRACE,
        grace,
        time: Duration::from_secs(seconds.into()),
    });
    let memory_before = scene.server.gauge().await?.rss_kib;
    let (kept_away, memory_peak) = scene.strike_all(&strokes, grace).await?;
    scene.all_live(COME_BACK_TIME_LIMIT).await?;
    // What was made since the last link came back shows that sessions go on.
    sleep(WARM_UP).await;
    outcome.memory_growth_kib = memory_peak.max(scene.server.gauge().await?.rss_kib).saturating_sub(memory_before);
    scene.works.send_replace(false);
    let law = Law { room_last: scene.server.be_still().await?, grace };
    let problems = scene.settle(law).await?;

    let told = |line: &&usize| scene.books.get(**line).is_some_and(|book| book.look(|seen| !seen.losses.is_empty()));
    outcome.away = u32::try_from(kept_away.len()).unwrap_or(u32::MAX);
    outcome.away_told = u32::try_from(kept_away.iter().filter(told).count()).unwrap_or(u32::MAX);
    for (client, problems) in (0..).zip(&problems) {
        outcome.wrong(client, problems);
    }
    for line in &scene.lines {
        outcome.cuts += line.seen.cuts.load(Ordering::Relaxed);
        outcome.refused += line.seen.refused.load(Ordering::Relaxed);
        outcome.closed_by_an_end += line.seen.closed_by_an_end.load(Ordering::Relaxed);
    }
    scene.books.iter().for_each(|book| book.look(|seen| outcome.add(seen)));
    let comebacks: Vec<Duration> =
        scene.books.iter().flat_map(|book| book.look(|seen| seen.comebacks.clone())).collect();
    outcome.came_back(comebacks.into_iter())
}

impl Scene {
    /// Starts the server and waits until all clients are in.
    async fn enter(binary: &Path, clients: u32, grace: Duration) -> anyhow::Result<Self> {
        let mut server = BenchServer::start_counting(binary, grace).await?;
        let contract = server.contract().await?;
        let (works, working) = watch::channel(false);
        let (mut lines, mut books, mut tasks) = (Vec::new(), Vec::new(), JoinSet::new());
        for (index, token) in (0..).zip(server.tokens(clients).await?) {
            let (line, carrier) = Line::open(server.address()).await?;
            let book = Arc::<Book>::default();
            let player = Player {
                index,
                of: clients,
                token,
                contract,
                address: line.address,
                book: Arc::clone(&book),
                works: working.clone(),
            };
            tasks.spawn(carrier);
            tasks.spawn(player.run());
            lines.push(line);
            books.push(book);
        }
        let scene = Self { server, lines, books, works, _tasks: tasks };
        scene.all_live(JOIN_TIME_LIMIT).await?;
        Ok(scene)
    }

    /// Makes all cuts; the lines that were kept away for longer than the server waits, and its memory at its highest, in KiB.
    async fn strike_all(&mut self, strokes: &[Stroke], grace: Duration) -> anyhow::Result<(Vec<usize>, u64)> {
        let began = Instant::now();
        let (mut kept_away, mut memory_peak, mut gauge_at) = (Vec::new(), 0, began);
        for stroke in strokes {
            sleep_until(began + stroke.at).await;
            let struck = timeout(COME_BACK_TIME_LIMIT, self.strike(stroke)).await.context("no link stands")?;
            if matches!(stroke.blow.then, Then::StayAway(time) if time > grace) {
                kept_away.push(struck);
            }
            if gauge_at <= Instant::now() {
                memory_peak = memory_peak.max(self.server.gauge().await?.rss_kib);
                gauge_at = Instant::now() + GAUGE_EVERY;
            }
        }
        Ok((kept_away, memory_peak))
    }

    /// Strikes the line of the stroke or the next that stands; which it was.
    async fn strike(&self, stroke: &Stroke) -> usize {
        let from = usize::try_from(stroke.line).unwrap_or_default();
        loop {
            for at in (0..self.lines.len()).map(|offset| (from + offset) % self.lines.len()) {
                if self.lines.get(at).is_some_and(|line| line.strike(stroke.blow)) {
                    return at;
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until every line is whole and every client has a session.
    async fn all_live(&self, limit: Duration) -> anyhow::Result<()> {
        let is_live = |(line, book): &(&Line, &Arc<Book>)| line.is_whole() && book.look(|seen| seen.is_live());
        let all_live = async {
            while !self.lines.iter().zip(&self.books).all(|pair| is_live(&pair)) {
                sleep(LOOK_EVERY).await;
            }
        };
        if timeout(limit, all_live).await.is_err() {
            let missing = self.lines.iter().zip(&self.books).filter(|pair| !is_live(pair)).count();
            let told: Vec<String> =
                self.books.iter().flat_map(|book| book.look(|seen| seen.problems.clone())).collect();
            bail!("{missing} clients have no session: {}", told.join("; "));
        }
        Ok(())
    }

    /// Waits until what is under way has arrived; what is then wrong with each client.
    async fn settle(&mut self, law: Law) -> anyhow::Result<Vec<Vec<String>>> {
        let until = Instant::now() + SETTLE_TIME_LIMIT;
        loop {
            let mut problems = Vec::new();
            for (client, book) in (0..).zip(&self.books) {
                let lives = Life::parse_all(&self.server.lives(client).await?)?;
                problems.push(book.look(|seen| judge(seen, &lives, law)));
            }
            if Instant::now() >= until || problems.iter().all(Vec::is_empty) {
                return Ok(problems);
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
