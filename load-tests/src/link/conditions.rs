//! What a line does to packets.

use std::time::Duration;

use clap::Args;

use super::units::{Rate, Share, Size, time};
use crate::limits::LINE_QUEUE;

/// What one way of a line does. The default is a line that does nothing.
#[derive(Clone, Copy, Debug, Args)]
pub struct Conditions {
    /// Packets that are lost, each way.
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    pub loss: Share,
    /// Time that each packet takes, each way.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time)]
    pub delay: Duration,
    /// Time that some packets take beyond it, equally spread; they stay in order.
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = time)]
    pub jitter: Duration,
    /// Packets that arrive twice.
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    pub duplicates: Share,
    /// Packets that are held back for 20 ms, while others overtake them.
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    pub reorder: Share,
    /// Bits a second that the line carries, such as `64kbit`; without it any number.
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// What may wait for the line when it has a rate; more is lost.
    #[arg(long, value_name = "BYTES", default_value = "64KiB")]
    pub queue: Size,
    /// Larger packets are lost; bytes of UDP payload at a relay, of the IP packet at a TUN device.
    #[arg(long, value_name = "BYTES")]
    pub max_size: Option<Size>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            loss: Share::default(),
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            duplicates: Share::default(),
            reorder: Share::default(),
            rate: None,
            queue: Size(LINE_QUEUE),
            max_size: None,
        }
    }
}
