//! Lines with loss and delay, for tests and by hand. What happens to each packet is drawn by a seed and decided without IO
//! ([`line`](mod@line)); [`relay`] is the shell around it for UDP, [`tun`] the one for all that the kernel sends, TCP too, in a network namespace of its
//! own; [`probe`] measures what that does. Sizes, rates and shares on the command line are read by [`units`].

pub mod conditions;
pub mod line;
pub mod probe;
pub mod relay;
pub mod run;
pub mod tun;
mod turn;
mod under_way;
pub mod units;
