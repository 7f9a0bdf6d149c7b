//! Hit points come back: to players out of combat, to monsters on their way home and there.

use bevy_ecs::prelude::{Query, Without};
use shallot_wire::TICKS_PER_SECOND;

use crate::components::{Life, Mind, Mood, Player, Tag};
use crate::resources::Setting;

/// Parts per million of a maximum: rounded down, at least 1.
///
/// Example: 25,000 ppm of 74 are 1 (1.85 rounded down), of 400 are 10.
pub(crate) fn share_ppm(maximum: u32, ppm: u32) -> u32 {
    let share = u64::from(maximum) * u64::from(ppm) / 1_000_000;
    u32::try_from(share.max(1)).unwrap_or(u32::MAX)
}

/// Once a second, each in a tick of its own:
///
/// - a player that lives and neither gave nor took a blow for `regen_delay_ticks` regains `regen_ppm_per_s` of its
///   maximum;
/// - a monster that goes home, or that is not chasing and was not struck for as long, regains `monster_home_heal_ppm`
///   of its maximum.
///
/// Example: with 25,000 ppm a player of 400 hit points regains 10 a second.
pub(crate) fn recovery(
    setting: Setting<'_>,
    mut players: Query<'_, '_, (&Tag, &mut Life, &Player)>,
    mut monsters: Query<'_, '_, (&Tag, &mut Life, &Mind), Without<Player>>,
) {
    let (clock, balance) = (&*setting.clock, &setting.data().balance);
    for (tag, mut life, player) in &mut players {
        let rests = life.last_blow.is_none_or(|blow| clock.is_past(blow, balance.regen_delay_ticks));
        if clock.is_turn_of(tag.id, TICKS_PER_SECOND) && player.leaving.is_none() && rests {
            let share = share_ppm(life.max_hp, balance.regen_ppm_per_s);
            life.heal(share);
        }
    }
    for (tag, mut life, mind) in &mut monsters {
        let rests = life.last_blow.is_none_or(|blow| clock.is_past(blow, balance.regen_delay_ticks));
        let heals = match mind.mood {
            Mood::GoingHome => true,
            Mood::Resting { .. } | Mood::Strolling { .. } => rests,
            Mood::Chasing { .. } => false,
        };
        if clock.is_turn_of(tag.id, TICKS_PER_SECOND) && heals {
            let share = share_ppm(life.max_hp, balance.monster_home_heal_ppm);
            life.heal(share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::share_ppm;

    #[test]
    fn worked_examples() {
        assert_eq!(share_ppm(74, 25_000), 1);
        assert_eq!(share_ppm(400, 25_000), 10);
        assert_eq!(share_ppm(74, 500_000), 37);
        assert_eq!(share_ppm(1, 1), 1);
    }
}
