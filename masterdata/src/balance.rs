//! `balance.csv`: every number of the game that stands in no monster's or item's row. One field, one key, one unit.

/// The numbers, each under the key of its field's name. A set must have all of them (or none: then the starter's count).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// `cm_per_s`: a player's speed on foot.
    pub player_speed_cm_per_s: u32,
    /// `cm`: reach of a player's bare hands, and of weapons without a range.
    pub player_reach_cm: u32,
    /// `ticks`: from one basic attack of a player to the next.
    pub player_attack_period_ticks: u32,
    /// `ticks`: from one round of a monster's attacks to the next.
    pub monster_attack_period_ticks: u32,
    /// `cm`: a monster notices a player this near.
    pub monster_notice_cm: u32,
    /// `cm`: a monster that is led this far from its home gives up.
    pub monster_leash_cm: u32,
    /// `ppm` of its walking speed while wandering.
    pub monster_wander_speed_ppm: u32,
    /// `ticks`: mean pause between two strolls.
    pub monster_wander_pause_ticks: u32,
    /// `ppm` of its hit points a monster regains each second on its way home and there.
    pub monster_home_heal_ppm: u32,
    /// `points`: sides of the die of an attack roll.
    pub attack_die: u32,
    /// `points`: a natural roll this high always hits, and doubles the damage dice.
    pub critical_at: u32,
    /// `levels`: so many points of `base_attack` add 1 to an attack roll.
    pub attack_per_to_hit: u32,
    /// `levels`: so many points of `base_attack` add 1 to the damage of a hit.
    pub attack_per_damage: u32,
    /// `points`: armor of one who wears nothing.
    pub unarmored_armor: u32,
    /// `levels`: so many points of `base_defense` add 1 to armor.
    pub defense_per_armor: u32,
    /// `hp` for each point of constitution bonus and level.
    pub hp_per_con_bonus_level: u32,
    /// `percent` a resistance takes off.
    pub resist_percent: u32,
    /// `percent` a vulnerability adds.
    pub vulnerable_percent: u32,
    /// `ticks` without a blow given or taken until hit points return.
    pub regen_delay_ticks: u32,
    /// `ppm` of the maximum that returns each second out of combat.
    pub regen_ppm_per_s: u32,
    /// `ticks` from death until a player may stand up again.
    pub respawn_delay_ticks: u32,
    /// `ppm` of the maximum hit points after standing up.
    pub respawn_hp_ppm: u32,
    /// `cm`: a player must be this near to a drop to pick it up.
    pub pickup_reach_cm: u32,
    /// `ticks` a drop lies there.
    pub drop_lifetime_ticks: u32,
    /// `ticks` in which only those who may (who did the most damage) can pick a drop up.
    pub drop_owner_ticks: u32,
    /// `cm`: who hurt a monster must be this near at its death to get experience.
    pub xp_share_cm: u32,
    /// `ppm` of a monster's experience that is granted.
    pub xp_gain_ppm: u32,
    /// `count`: item stacks a character can carry beside what is worn.
    pub bag_slots: u32,
    /// `count`: characters an account can have.
    pub characters_per_account: u32,
}
