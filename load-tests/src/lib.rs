//! Bots, scenarios and the demo.
//!
//! Reading order: [`cli`] (what can be asked), [`demo`] (the run), [`game`] (what bots share), [`bot`] (one of them: decisions without IO
//! in [`bot::behavior`], the rest around it), [`tally`] and [`sightings`] (what is counted), [`loot_check`] and [`report`] (what it comes
//! to). [`faults`] ends the server by force under the same bots. [`link`] is a line with loss and delay, between
//! clients and servers of any kind. [`mod@bench`] measures the hub runtime beside a plain gRPC service. The server is a process ([`process`]) and is known by its contracts only.

pub mod bench;
pub mod bot;
pub mod cli;
pub mod demo;
pub mod drop_moments;
pub mod faults;
pub mod game;
pub mod limits;
pub mod link;
pub mod loot_check;
pub mod metrics_scrape;
pub mod process;
pub mod report;
pub mod reward_book;
pub mod schedule;
pub mod screen;
pub mod sightings;
pub mod tally;
pub mod verdict;
