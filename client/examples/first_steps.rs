//! Signs in by device, makes a character, enters the start region, walks east for three seconds and leaves; says what a game would draw
//! meanwhile. With a server on this machine: `cargo run -p shallot-client --example first_steps [ADDRESS]`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what happens")]

use std::process::ExitCode;
use std::time::Duration;

use shallot_client::inputs::PendingInputs;
use shallot_client::interpolation::Sighting;
use shallot_client::pace::Pace;
use shallot_client::proto::world::v1::{EnterRequest, LeaveRequest};
use shallot_client::snapshots::{Applied, Snapshots};
use shallot_client::wire::{Input, NetId, Position, Rect, TerrainIndex, Tick};
use shallot_client::{Api, Interpolation, Prediction, Trust, WorldLink, clock};

/// East, at full speed.
const WALK: Input = Input { heading: 0, throttle: 127, facing: 0 };
/// `player_speed_cm_per_s` of the starter set. A game reads its tables, and the region's blocks too: without them the way is thought free.
const SPEED_CM_PER_S: u32 = 600;
const UNITS_PER_METRE: f64 = 4_096.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = play().await else { return ExitCode::SUCCESS };
    eprintln!("first_steps: {error}");
    ExitCode::FAILURE
}

async fn play() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7400".to_owned());
    let api = Api::connect(&address, &Trust::Development).await?;
    let account = api.log_in_by_device(clock::random()?, true).await?;
    println!("signed in as account {}", account.account_id);

    let name = format!(
        "Walker {}",
        account.account_id.chars().filter(char::is_ascii_alphanumeric).skip(20).collect::<String>()
    );
    let hero = api.characters().create(clock::new_request_id()?, &name, "warrior").await?;
    api.characters().select(&hero.id).await?;
    println!("{} is a {} of level {}", hero.name, hero.class, hero.level);

    let (link, mut pushes) = WorldLink::open(&api).await?;
    let entered = link.world().enter(&EnterRequest::default()).await?;
    println!("entered {} at tick {}", entered.region, entered.tick);
    let channel = link.open_channel(&Trust::Development).await.ok_or("this server has no datagram channel")??;

    let began = clock::now();
    let me = NetId::from_bits(entered.entity).ok_or("no such entity")?;
    let (mut view, mut inputs) = (Snapshots::new(Tick(entered.tick)), PendingInputs::default());
    let mut pace = Pace::new(Tick(entered.tick), began.elapsed());
    let entered_at = Position { x: entered.x, y: entered.y };
    let mut body = Prediction::new(TerrainIndex::new(Rect::WORLD, &[]), SPEED_CM_PER_S, entered_at);
    let mut others = Interpolation::default();
    let mut ticks = 0;
    while began.elapsed() < Duration::from_secs(3) {
        tokio::select! {
            push = pushes.next() => drop(push.ok_or("the session is over")?),
            datagram = channel.receive() => {
                let Applied::Newest(report) = view.apply(&datagram?)? else { continue };
                let (now, own) = (began.elapsed(), report.own.ok_or("a snapshot without the own body")?);
                pace.on_report(report.tick, report.buffer_depth);
                report.last_input.map(|tick| inputs.acknowledge(tick));
                body.reconcile(now, report.tick, report.last_input, &own);
                others.observe(now, report.tick, view.entities().map(Sighting::from));
                ticks += 1;
                if ticks % 20 == 0 {
                    let metres = |units: i32| f64::from(units) / UNITS_PER_METRE;
                    let (x, y) = (metres(body.drawn(now).x), metres(body.drawn(now).y));
                    let (tick, ahead) = (report.tick.0, x - metres(own.position.x));
                    let in_sight = others.moment(now).map_or(0, |at| others.all(at).count());
                    println!("tick {tick}: drawn at ({x:.2}, {y:.2}) m, {ahead:.2} m ahead of the server; {in_sight} others drawn");
                }
            }
            () = tokio::time::sleep(pace.due_at().saturating_sub(began.elapsed())) => {
                let mut due = pace.due_at();
                while let Some(tick) = pace.poll(began.elapsed()) {
                    inputs.push(tick, WALK);
                    body.step(due, tick, WALK);
                    due = pace.due_at();
                }
                let looked_at = others.moment(began.elapsed()).map_or(view.tick(), |at| at.tick);
                if let Some(datagram) = inputs.datagram(me, view.ack(), looked_at, 0) {
                    channel.send(datagram)?;
                }
            }
        }
    }
    link.world().leave(&LeaveRequest {}).await?;
    let saved = api.characters().list().await?.remove(0);
    println!("left; saved at ({}, {}) cm in {}", saved.x_cm, saved.y_cm, saved.region);
    link.close().await;
    Ok(())
}
