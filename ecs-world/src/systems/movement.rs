//! Everybody's way of one tick, by the kernel that clients predict with: blocks are slid along, the region's edge is a
//! wall.

use bevy_ecs::prelude::{Query, Without};
use shallot_wire::limits::FULL_THROTTLE;
use shallot_wire::{Motion, Velocity};

use crate::components::{Body, Life, Mind, Player};
use crate::inputs::InputRing;
use crate::resources::Setting;

/// Players go by exactly one input at `player_speed_cm_per_s`, monsters as they decided in the last tick. The dead and
/// those who leave stay; their inputs pass.
///
/// Example: at 152 cm/s and full throttle, one tick is `floor(152 * 4096 / 2000)` = 311 units, 7.6 cm.
pub(crate) fn movement(
    setting: Setting<'_>,
    mut players: Query<'_, '_, (&mut Body, &mut InputRing, &Life, &Player)>,
    mut monsters: Query<'_, '_, (&mut Body, &Mind), Without<Player>>,
) {
    let terrain = &setting.land.terrain;
    let speed_cm_per_s = setting.data().balance.player_speed_cm_per_s;
    for (mut body, mut ring, life, player) in &mut players {
        let input = ring.next();
        if life.is_dead() || player.leaving.is_some() {
            let (position, facing) = (body.position, body.facing);
            body.walk_to(position, Velocity::ZERO, facing);
            continue;
        }
        let motion = Motion { heading: input.heading, throttle: input.throttle, speed_cm_per_s };
        let (position, velocity) = terrain.step(body.position, motion);
        body.walk_to(position, velocity, input.facing);
    }
    for (mut body, mind) in &mut monsters {
        let throttle = if mind.speed == 0 { 0 } else { FULL_THROTTLE };
        let motion = Motion { heading: mind.heading, throttle, speed_cm_per_s: mind.speed };
        let (position, velocity) = terrain.step(body.position, motion);
        body.walk_to(position, velocity, mind.heading);
    }
}
