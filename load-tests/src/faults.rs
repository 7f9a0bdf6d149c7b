//! Failures on purpose, under load, with a look at what they left behind. A run whose failure never fell where it was to fall fails: it
//! proved nothing.

mod arrivals;
pub mod crash;
pub mod crowd;
pub mod cut_links;
pub mod reconnects;
pub mod slow_readers;
