//! Somebody who turns every 0.5 to 1.5 s and stands three times in ten.

use shallot_client::wire::Input;

use crate::chance::Chance;

pub(crate) struct Walker {
    chance: Chance,
    input: Input,
    ticks_left: u64,
}

impl Walker {
    pub(crate) fn new(seed: u64) -> Self {
        Self { chance: Chance::new(seed), input: Input::default(), ticks_left: 0 }
    }

    /// The input of the next tick.
    pub(crate) fn next(&mut self) -> Input {
        if self.ticks_left == 0 {
            let heading = self.chance.below(256) as u8;
            let throttle = if self.chance.hits(300) { 0 } else { 127 };
            self.input = Input { heading, throttle, facing: heading };
            self.ticks_left = 10 + self.chance.below(21);
        }
        self.ticks_left -= 1;
        self.input
    }
}
