//! One run of a scene: a server, its players, a while in which what happens counts.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use shallot_client::Trust;
use shallot_client::wire::Position;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::measured::{Cpu, Measured};
use super::page::Span;
use super::part::{Part, Parts};
use super::plain_quic::{self, Load};
use super::player::{Player, Seen, Shared};
use super::scenes::Scene;
use super::truth::Truth;
use crate::bot::entry::{open_channel, stand};
use crate::game::{BotPlan, Game, SignIn, plans};
use crate::limits::{FIRST_ENTRY_ATTEMPTS, GATHER_TIME_LIMIT, SECONDS_MAX, WATCHERS};
use crate::metrics_scrape;
use crate::process::{self, HostTime, LOOPBACK, Launch, ServerProcess};

/// Where the server listens and where its players find it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// The server's.
    pub(super) near: IpAddr,
    /// The players'.
    pub(super) far: IpAddr,
}

/// On the loopback.
pub(super) const HERE: Ends = Ends { near: LOOPBACK, far: LOOPBACK };

/// Decides who turns when, and where.
const SEED: u64 = 1;

/// Plays a scene for so long, and where it is to be beside plain QUIC, that as long: one half before it, the other after it, since machines are
/// not as fast at all times.
///
/// # Errors
/// The servers, players who never came in, or plain QUIC that did not get through.
pub(super) async fn measure(binary: &Path, scene: &Scene, time: Duration, ends: Ends) -> anyhow::Result<Measured> {
    if !scene.beside_plain_quic {
        return play(binary, scene, time, ends).await;
    }
    let plain = async |load| plain_quic::measure(ends, load, time / 2).await.context("plain QUIC");
    let before_us = plain(Load::usual(scene.players)).await?;
    let mut measured = play(binary, scene, time, ends).await?;
    let after_us = plain(Load::like(&measured)).await?;
    measured.plain_quic_us = Some([before_us, after_us]);
    Ok(measured)
}

async fn play(binary: &Path, scene: &Scene, time: Duration, ends: Ends) -> anyhow::Result<Measured> {
    let folder = tempfile::Builder::new().prefix("shallot-netcode-").tempdir().context("a folder for the server")?;
    let [tables, data, log] = ["tables", "data", "log"].map(|name| folder.path().join(name));
    std::fs::create_dir(&tables).context("a folder for tables")?;
    let ground = Arc::new(scene.land.write(&tables)?);
    let secrecy = Secrecy::between(ends, folder.path())?;
    let environment = &*secrecy.environment;
    let launch = Launch { data: &data, log: &log, masterdata: Some(&tables), environment, host: ends.near };
    let mut server = ServerProcess::launch(binary, launch).await?;
    let page = server.addresses().http;

    let (part, parts) = watch::channel(Part::Gather);
    let address = format!("{}{}", secrecy.scheme, SocketAddr::new(ends.far, server.addresses().grpc.port()));
    let game = Game::new(Arc::clone(&ground), address, secrecy.trust, SECONDS_MAX);
    let shared = shared(scene, game, parts);
    let (tell_in, mut ins) = mpsc::channel(scene.players.max(1) as usize);
    let mut players = JoinSet::new();
    for plan in plans(&ground, scene.players, SEED, 0) {
        // Without a password to be hashed.
        let plan = BotPlan { sign_in: SignIn::NewDevice, ..plan };
        players.spawn(live(Arc::clone(&shared), plan, scene.half_by_link, tell_in.clone()));
    }
    drop(tell_in);
    let all_in = async {
        for _ in 0..scene.players {
            ins.recv().await;
        }
    };
    timeout(GATHER_TIME_LIMIT, all_in).await.context("not all players came in")?;
    sleep(scene.gather()).await;

    part.send(Part::Measure)?;
    let (before, cpu_before, began) = (metrics_scrape::samples(page).await?, cpu(&mut server), shared.game.now());
    sleep(time).await;
    let (after, cpu_after) = (metrics_scrape::samples(page).await?, cpu(&mut server));
    let seconds = (shared.game.now() - began).as_secs_f64();
    part.send(Part::Over)?;
    let mut seen = Vec::new();
    while let Some(left) = players.join_next().await {
        seen.push(left.context("a player panicked")?);
    }
    server.stop().await?;
    if seen.len() != scene.players as usize {
        bail!("{} of {} players were there", seen.len(), scene.players);
    }
    let span = Span { before: &before, after: &after };
    Ok(Measured::new(scene, seconds, &span, (&cpu_before, &cpu_after)).seen(scene, seen))
}

/// How players and server keep to themselves what they say: off the loopback a server wants TLS.
struct Secrecy {
    environment: Vec<(&'static str, String)>,
    scheme: &'static str,
    trust: Trust,
}

impl Secrecy {
    /// With a certificate for the address at which players find the server, where it takes one.
    fn between(ends: Ends, folder: &Path) -> anyhow::Result<Self> {
        if ends.near.is_loopback() {
            return Ok(Self { environment: Vec::new(), scheme: "", trust: Trust::Development });
        }
        let made = rcgen::generate_simple_self_signed([ends.far.to_string()]).context("a certificate")?;
        let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.join(name));
        std::fs::write(&certificate, made.cert.pem()).context("writing a certificate")?;
        std::fs::write(&key, made.signing_key.serialize_pem()).context("writing its key")?;
        let environment = vec![
            ("SHALLOT__NET__TLS", "true".to_owned()),
            ("SHALLOT__NET__CERTIFICATE", certificate.display().to_string()),
            ("SHALLOT__NET__KEY", key.display().to_string()),
            // All players come from there.
            ("SHALLOT__LIMITS__LOAD_FROM", ends.far.to_string()),
        ];
        Ok(Self { environment, scheme: "https://", trust: Trust::Roots(made.cert.pem().into_bytes()) })
    }
}

fn shared(scene: &Scene, game: Game, parts: watch::Receiver<Part>) -> Arc<Shared> {
    let half = i32::try_from(scene.land.side_m / 2 * 4_096).unwrap_or(i32::MAX);
    Arc::new(Shared {
        game: Arc::new(game),
        truth: Truth::new(scene.players as usize),
        parts: Parts::new(parts),
        homes: scene.homes,
        stray_m: scene.stray_m,
        middle: Position { x: half, y: half },
    })
}

/// One player from its way in to its way out; whether it had a channel, and what it saw.
async fn live(shared: Arc<Shared>, plan: BotPlan, half_by_link: bool, is_in: mpsc::Sender<()>) -> (bool, Seen) {
    let has_channel = !(half_by_link && plan.number % 2 == 1);
    let watches = plan.number < WATCHERS;
    let lost = |why: String| Seen { lost: Some(why), ..Seen::default() };
    let mut player = Err(String::new());
    for _ in 0..FIRST_ENTRY_ATTEMPTS {
        player = enter(&shared, plan.clone(), has_channel, watches).await;
        if player.is_ok() {
            break;
        }
    }
    // There is room for a word of each.
    let told = move || is_in.try_send(()).unwrap_or_default();
    match player {
        Ok(player) => (has_channel, player.play(told).await),
        Err(why) => {
            told();
            (has_channel, lost(why))
        }
    }
}

async fn enter(shared: &Arc<Shared>, plan: BotPlan, has_channel: bool, watches: bool) -> Result<Player, String> {
    let standing = stand(&shared.game, plan).await.map_err(|failure| failure.kind())?;
    let standing = standing.ok_or_else(|| "the run is over".to_owned())?;
    let channel = match has_channel {
        true => Some(open_channel(&shared.game, &standing.link).await.map_err(|failure| failure.kind())?),
        false => None,
    };
    Player::new(shared, standing, channel, watches).ok_or_else(|| "no entity".to_owned())
}

fn cpu(server: &mut ServerProcess) -> Cpu {
    let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let threads = server.cpu_by_thread().into_iter().map(|(name, time)| (name, us(time))).collect();
    Cpu { threads, own: us(process::own_cpu()), host: HostTime::now() }
}
