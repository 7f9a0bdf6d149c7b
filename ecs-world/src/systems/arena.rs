//! Who can be struck and healed, and what that does to them: shared by basic attacks, skills and monsters.

use bevy_ecs::prelude::{Entity, Query, ResMut, Without};
use bevy_ecs::query::QueryData;
use bevy_ecs::system::SystemParam;
use shallot_masterdata::{DamageType, Dice, MasterData};
use shallot_wire::{CharacterId, NetId, Position};

use crate::blows::{self, Outcome};
use crate::chance::Chance;
use crate::components::{Body, Fight, Gear, Life, Mind, Monster, Mood, Player, Tag};
use crate::limits::HURT_BY;
use crate::outlook::Outlook;
use crate::output::Event;
use crate::resources::{Happenings, Setting};
use crate::scene::Scene;
use crate::slots::Kind;
use crate::stats::Stats;

/// What fighting reads and changes of a player.
#[derive(QueryData)]
#[query_data(mutable)]
pub(crate) struct PlayerParts {
    pub(crate) tag: &'static Tag,
    pub(crate) body: &'static Body,
    pub(crate) life: &'static mut Life,
    pub(crate) player: &'static Player,
    pub(crate) gear: &'static Gear,
    pub(crate) stats: &'static Stats,
    pub(crate) fight: &'static mut Fight,
    pub(crate) outlook: &'static Outlook,
}

/// What fighting reads and changes of a monster.
#[derive(QueryData)]
#[query_data(mutable)]
pub(crate) struct MonsterParts {
    pub(crate) tag: &'static Tag,
    pub(crate) body: &'static Body,
    pub(crate) life: &'static mut Life,
    pub(crate) monster: &'static Monster,
    pub(crate) mind: &'static mut Mind,
}

/// The parties, and what decides between them.
#[derive(SystemParam)]
pub(crate) struct Arena<'w, 's> {
    pub(crate) setting: Setting<'w>,
    pub(crate) players: Query<'w, 's, PlayerParts, Without<Monster>>,
    pub(crate) monsters: Query<'w, 's, MonsterParts, Without<Player>>,
    pub(crate) chance: ResMut<'w, Chance>,
    pub(crate) told: ResMut<'w, Happenings>,
}

/// A player's blow at a monster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blow {
    pub(crate) striker: NetId,
    pub(crate) character: CharacterId,
    /// On the attack roll; `None`: it always hits, and is never critical.
    pub(crate) bonus: Option<i32>,
    /// `None`: no dice, only `flat`.
    pub(crate) dice: Option<Dice>,
    pub(crate) flat: i32,
    pub(crate) kind: DamageType,
}

/// What a monster's attack does, once it is known to be in reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MonsterBlow {
    pub(crate) striker: NetId,
    pub(crate) bonus: i32,
    pub(crate) damage: (Dice, DamageType),
    /// A second part of another kind.
    pub(crate) extra: Option<(Dice, DamageType)>,
}

impl Arena<'_, '_> {
    /// A living monster and where it is.
    pub(crate) fn foe(&self, target: NetId) -> Option<(Entity, Position)> {
        let entity = self.setting.slots.find(Kind::Monster, target)?;
        let parts = self.monsters.get(entity).ok()?;
        (!parts.life.is_dead()).then_some((entity, parts.body.position))
    }

    /// Where a player saw a foe that is at `at` now.
    pub(crate) fn seen(&self, scene: &Scene, outlook: &Outlook, foe: NetId, at: Position) -> Position {
        outlook.saw(scene, foe, at, self.setting.clock.tick)
    }

    /// A living player in play and where it is.
    pub(crate) fn ally(&self, target: NetId) -> Option<(Entity, Position)> {
        let entity = self.setting.slots.find(Kind::Player, target)?;
        let parts = self.players.get(entity).ok()?;
        let is_there = !parts.life.is_dead() && parts.player.leaving.is_none();
        is_there.then_some((entity, parts.body.position))
    }

    /// A player strikes a monster: attack roll against the row's armor, damage, resistance. The monster remembers who
    /// hurt it, and turns on the striker unless it fights somebody or goes home.
    pub(crate) fn strike_monster(&mut self, blow: Blow, striker: Entity, target: Entity) {
        let data: &MasterData = &self.setting.data.0;
        let tick = self.setting.clock.tick;
        let Ok(stats) = self.players.get(striker).map(|parts| parts.stats) else { return };
        let Ok(mut foe) = self.monsters.get_mut(target) else { return };
        let row = data.monster(foe.monster.row);
        let percent = stats.deals[blow.kind as usize].saturating_add(stats.percent_against(&row.kind));
        let outcome = blow
            .bonus
            .map_or(Outcome::Hit, |bonus| blows::attack_roll(&mut *self.chance, &data.balance, bonus, row.armor));
        let rolled = blows::damage(&mut *self.chance, outcome, blow.dice, blow.flat, percent);
        let damage = blows::after_monster(rolled, blow.kind, row, &data.balance).min(foe.life.hp);
        foe.life.hp -= damage;
        (foe.life.last_blow, foe.life.struck_by) = (Some(tick), Some(blow.striker));
        remember(&mut foe.mind.hurt_by, blow.character, damage);
        let is_idle = matches!(foe.mind.mood, Mood::Resting { .. } | Mood::Strolling { .. });
        if is_idle && !row.attacks.is_empty() {
            foe.mind.mood = Mood::Chasing { target: blow.striker };
        }
        let event = Event::Hit {
            attacker: blow.striker,
            target: foe.tag.id,
            damage,
            critical: outcome == Outcome::Critical,
            hp_left: foe.life.hp,
        };
        self.told.note(event, [Some(blow.striker), Some(foe.tag.id)], foe.body.position);
        if let Ok(mut parts) = self.players.get_mut(striker) {
            parts.life.last_blow = Some(tick);
        }
    }

    /// A monster strikes a player: attack roll against its armor, each part's damage less what is worn against its
    /// kind.
    pub(crate) fn strike_player(&mut self, blow: MonsterBlow, target: Entity) {
        let balance = &self.setting.data.0.balance;
        let Ok(mut victim) = self.players.get_mut(target) else { return };
        let outcome = blows::attack_roll(&mut *self.chance, balance, blow.bonus, victim.stats.armor);
        let mut damage = 0_u32;
        for (dice, kind) in std::iter::once(blow.damage).chain(blow.extra) {
            let rolled = blows::damage(&mut *self.chance, outcome, Some(dice), 0, 0);
            damage = damage.saturating_add(blows::after_resistance(rolled, victim.stats.resist[kind as usize]));
        }
        let damage = damage.min(victim.life.hp);
        victim.life.hp -= damage;
        victim.life.last_blow = Some(self.setting.clock.tick);
        victim.life.struck_by = Some(blow.striker);
        let id = victim.tag.id;
        let critical = outcome == Outcome::Critical;
        let event = Event::Hit { attacker: blow.striker, target: id, damage, critical, hp_left: victim.life.hp };
        self.told.note(event, [Some(blow.striker), Some(id)], victim.body.position);
    }

    /// Hit points come back to a player.
    pub(crate) fn heal_player(&mut self, target: Entity, amount: u32) {
        let Ok(mut parts) = self.players.get_mut(target) else { return };
        let amount = parts.life.heal(amount);
        let (id, hp) = (parts.tag.id, parts.life.hp);
        self.told.note(Event::Healed { entity: id, amount, hp }, [Some(id), None], parts.body.position);
    }
}

/// Adds damage to who did it; when there are too many, the one who did least is forgotten.
fn remember(hurt_by: &mut Vec<(CharacterId, u64)>, character: CharacterId, damage: u32) {
    if damage == 0 {
        return;
    }
    if let Some((_, sum)) = hurt_by.iter_mut().find(|(known, _)| *known == character) {
        *sum = sum.saturating_add(u64::from(damage));
        return;
    }
    if hurt_by.len() >= HURT_BY
        && let Some(least) = (0..hurt_by.len()).min_by_key(|place| hurt_by.get(*place).map(|(_, sum)| *sum))
    {
        hurt_by.remove(least);
    }
    hurt_by.push((character, u64::from(damage)));
}
