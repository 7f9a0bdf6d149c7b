//! The TUN device and what it carries.

use std::io;
use std::net::Ipv4Addr;

use tokio::time::{Instant, sleep_until};
use tokio_tun::Tun;

use super::super::conditions::Conditions;
use super::super::line::{Fate, Line, Way};
use super::super::turn::turn;
use super::super::under_way::UnderWay;
use super::{NEAR, Unavailable};
use crate::limits::{TUN_UNDER_WAY_MAX, UDP_PAYLOAD_MAX};

const NETMASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);

/// An open device with the address [`NEAR`]. It goes with the process.
pub(super) struct Device(Tun);

impl Device {
    pub(super) fn open() -> Result<Self, Unavailable> {
        let opened = Tun::builder().address(NEAR).netmask(NETMASK).up().build();
        let mut devices = opened.map_err(|error| Unavailable::Refused(error.to_string()))?;
        devices.pop().map(Self).ok_or_else(|| Unavailable::Refused("the system gave none".to_owned()))
    }

    /// Carries until the device breaks; how it did.
    pub(super) async fn carry(&self, conditions: &Conditions, seed: u64) -> io::Error {
        let (mut up, mut down) = (Line::new(seed), Line::new(seed.wrapping_add(1)));
        let mut under_way = UnderWay::new();
        let mut buffer = vec![0; UDP_PAYLOAD_MAX];
        let began = Instant::now();
        loop {
            let next = under_way.next().map(|at| began + at);
            let read = tokio::select! {
                read = self.0.recv(&mut buffer) => read,
                () = sleep_until(next.unwrap_or(began)), if next.is_some() => Ok(0),
            };
            let packet = match read {
                Ok(length) => buffer.get_mut(..length).unwrap_or_default(),
                Err(error) => return error,
            };
            let now = began.elapsed();
            if let Some(way) = turn(packet).filter(|_| under_way.len() + 2 <= TUN_UNDER_WAY_MAX) {
                let line = if way == Way::Up { &mut up } else { &mut down };
                if let Fate::Arrives { at, again } = line.fate(conditions, now, packet.len()) {
                    under_way.push(at, packet.to_vec());
                    again.into_iter().for_each(|again| under_way.push(again, packet.to_vec()));
                }
            }
            while let Some(packet) = under_way.arrived(now) {
                if let Err(error) = self.0.send(&packet).await {
                    return error;
                }
            }
        }
    }
}
