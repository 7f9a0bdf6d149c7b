//! The Rust client, and the model for clients in other languages.
//!
//! | Part | What it does | IO |
//! | --- | --- | --- |
//! | [`api`] | unary calls: sign in, characters, inventory; tokens are renewed | gRPC |
//! | [`hub`] | the hub link: typed calls (world, chat, presence, a game's own hubs), pushes in a bounded queue | gRPC or UDP |
//! | [`channel`] | the QUIC datagram channel | UDP |
//! | [`quic_link`] | a hub link on QUIC, with datagrams on the same connection | UDP |
//! | [`snapshots`] | the newest state, what to acknowledge, what was lost | none |
//! | [`inputs`] | the inputs that each datagram repeats | none |
//! | [`pace`] | when the next client tick is due, following the server's input buffer | none |
//! | [`prediction`] | the own body ahead of the server, by the shared movement kernel | none |
//! | [`interpolation`] | the others, drawn a little behind the newest state | none |
//! | [`state_age`] | how old the newest state is | none |
//!
//! What has no IO takes time as an argument; the clock is read and random bytes are drawn in [`clock`] alone. Every limit stands in
//! [`limits`].
//!
//! # From signing in to walking
//!
//! ```no_run
//! use shallot_client::inputs::PendingInputs;
//! use shallot_client::interpolation::Sighting;
//! use shallot_client::pace::Pace;
//! use shallot_client::proto::world::v1::EnterRequest;
//! use shallot_client::snapshots::{Applied, Snapshots};
//! use shallot_client::wire::{Input, NetId, Position, TerrainIndex, Tick};
//! use shallot_client::{Api, Interpolation, Prediction, Trust, WorldLink, clock};
//!
//! # async fn play(terrain: TerrainIndex, speed_cm_per_s: u32) -> Result<(), Box<dyn std::error::Error>> {
//! let api = Api::connect("127.0.0.1:7400", &Trust::Development).await?;
//! api.log_in_by_device(clock::random()?, true).await?;
//! let hero = api.characters().create(clock::new_request_id()?, "Robin", "warrior").await?;
//! api.characters().select(&hero.id).await?;
//!
//! let (link, mut pushes) = WorldLink::open(&api).await?;
//! let entered = link.world().enter(&EnterRequest::default()).await?;
//! let channel = link.open_channel(&Trust::Development).await.ok_or("no datagrams here")??;
//!
//! let began = clock::now();
//! let me = NetId::from_bits(entered.entity).ok_or("no such entity")?;
//! let mut view = Snapshots::new(Tick(entered.tick));
//! let mut pace = Pace::new(Tick(entered.tick), began.elapsed());
//! let mut inputs = PendingInputs::default();
//! // The terrain is that of the region's tables (`prediction::terrain_of`), the speed their balance's.
//! let mut body = Prediction::new(terrain, speed_cm_per_s, Position { x: entered.x, y: entered.y });
//! let mut others = Interpolation::default();
//! let mut frames = tokio::time::interval(std::time::Duration::from_millis(16));
//! loop {
//!     tokio::select! {
//!         push = pushes.next() => println!("{:?}", push.ok_or("the session is over")?),
//!         datagram = channel.receive() => {
//!             if let Applied::Newest(report) = view.apply(&datagram?)? {
//!                 let now = began.elapsed();
//!                 pace.on_report(report.tick, report.buffer_depth);
//!                 report.last_input.map(|tick| inputs.acknowledge(tick));
//!                 report.own.map(|own| body.reconcile(now, report.tick, report.last_input, &own));
//!                 others.observe(now, report.tick, view.entities().map(Sighting::from));
//!             }
//!         }
//!         () = tokio::time::sleep(pace.due_at().saturating_sub(began.elapsed())) => {
//!             let mut due = pace.due_at();
//!             while let Some(tick) = pace.poll(began.elapsed()) {
//!                 let north = Input { heading: 64, throttle: 127, facing: 64 }; // at full speed
//!                 inputs.push(tick, north);
//!                 body.step(due, tick, north);
//!                 due = pace.due_at();
//!             }
//!             let looked_at = others.moment(began.elapsed()).map_or(view.tick(), |at| at.tick);
//!             let stamp_ms = began.elapsed().as_millis() as u16;
//!             if let Some(datagram) = inputs.datagram(me, view.ack(), looked_at, stamp_ms) {
//!                 channel.send(datagram)?;
//!             }
//!         }
//!         _ = frames.tick() => {
//!             let now = began.elapsed();
//!             println!("I am at {:?}", body.drawn(now));
//!             let others = others.moment(now).into_iter().flat_map(|at| others.all(at));
//!             others.for_each(|other| println!("{:?} is at {:?}", other.id, other.position));
//!         }
//!     }
//! }
//! # }
//! ```

pub mod api;
pub mod channel;
pub mod clock;
mod fade;
pub mod hub;
pub mod inputs;
pub mod interpolation;
pub mod limits;
pub mod pace;
pub mod prediction;
pub mod quic_link;
pub mod snapshots;
pub mod state_age;
pub mod trust;

pub use api::{Api, ApiError, ConnectError};
pub use channel::DatagramChannel;
pub use hub::{WorldLink, WorldLinkBuilder, WorldPush, WorldPushes};
pub use interpolation::Interpolation;
pub use prediction::Prediction;
pub use quic_link::QuicLink;
pub use shallot_hubs as hubs;
pub use shallot_proto as proto;
pub use shallot_proto::wire;
pub use snapshots::Snapshots;
pub use tonic::Code;
pub use trust::Trust;
