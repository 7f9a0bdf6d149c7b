//! The hub of the toy world.

use shallot_client::hubs::contracts::world::v1::{WorldHub, WorldReceiver};
use shallot_client::hubs::{CallContext, Code, HubError};
use shallot_client::proto::world::v1::{
    Appeared, AttackReply, AttackRequest, Died, EnterReply, EnterRequest, Hit, InputBytes, LeaveReply, LeaveRequest,
    PickUpReply, PickUpRequest, RespawnReply, RespawnRequest, Reward, RewardItem, UseSkillReply, UseSkillRequest,
    Vitals, WorldEvent, WorldEvents, appeared, world_event,
};
use shallot_client::wire::{NetId, Position};

use super::{START, Toy};

pub(super) const ME: NetId = NetId { index: 1, generation: 0 };
pub(super) const RAT: NetId = NetId { index: 2, generation: 0 };
pub(super) const FANGS: NetId = NetId { index: 3, generation: 0 };
pub(super) const RAT_AT: Position = Position { x: START.x + 6 * 4_096, y: START.y };
/// Of blows and hands, units.
const REACH: i32 = 2 * 4_096;
/// Of a blow or a skill.
const COOLDOWN_TICKS: u32 = 30;

fn refused(reason: &'static str) -> HubError {
    HubError::new(Code::FailedPrecondition, reason, "refused")
}

fn appears(entity: NetId, what: appeared::What, amount: u32, hp: u32) -> world_event::Event {
    let entity = entity.to_bits();
    world_event::Event::Appeared(Appeared { entity, what: Some(what), amount, max_hp: hp, hp })
}

impl Toy {
    fn tell(&self, call: &CallContext, events: Vec<world_event::Event>) {
        let tick = self.state().tick;
        let events = events.into_iter().map(|event| WorldEvent { event: Some(event) }).collect();
        WorldReceiver::to(call.session()).on_events(&WorldEvents { tick, events });
    }

    /// A blow: it ends the rat.
    fn strike(&self, call: &CallContext, target: u32) -> Result<(), HubError> {
        if target != RAT.to_bits() || !self.state().rat_lives {
            return Err(refused("BAD_TARGET"));
        }
        if !self.state().at.is_within(REACH, RAT_AT) {
            return Err(refused("OUT_OF_RANGE"));
        }
        let (xp_total, wallet_copper) = {
            let mut state = self.state();
            (state.rat_lives, state.fangs_lie_there) = (false, true);
            state.xp += 10;
            state.wallet += 3 - self.forgets();
            (state.xp, state.wallet)
        };
        let (attacker, entity) = (ME.to_bits(), RAT.to_bits());
        let hit = Hit { attacker, target, damage: 9, critical: false, hp_left: 0 };
        let died = Died { entity, killer: attacker, monster: "rat".to_owned() };
        let drop = appears(FANGS, appeared::What::Drop("fang".to_owned()), 2, 0);
        self.tell(call, vec![world_event::Event::Hit(hit), world_event::Event::Died(died), drop]);
        let reward = Reward {
            grant_id: "kill".to_owned(),
            xp: 10,
            xp_total,
            level: 1,
            coins: 3,
            wallet_copper,
            monster: "rat".to_owned(),
            ..Reward::default()
        };
        WorldReceiver::to(call.session()).on_reward(&reward);
        Ok(())
    }
}

impl WorldHub for Toy {
    async fn enter(&self, call: &CallContext, _: EnterRequest) -> Result<EnterReply, HubError> {
        self.state().in_region = true;
        self.tell(call, vec![appears(RAT, appeared::What::Monster("rat".to_owned()), 1, 7)]);
        Ok(EnterReply {
            entity: ME.to_bits(),
            region: "field".to_owned(),
            tick: self.state().tick,
            x: START.x,
            y: START.y,
            master_data_hash: vec![0; 32].into(),
            vitals: Some(Vitals { entity: ME.to_bits(), hp: 50, max_hp: 50, level: 1, armor: 14 }),
            ..EnterReply::default()
        })
    }

    async fn leave(&self, _: &CallContext, _: LeaveRequest) -> Result<LeaveReply, HubError> {
        self.state().in_region = false;
        Ok(LeaveReply {})
    }

    async fn attack(&self, call: &CallContext, request: AttackRequest) -> Result<AttackReply, HubError> {
        self.strike(call, request.target).map(|()| AttackReply {})
    }

    async fn use_skill(&self, call: &CallContext, request: UseSkillRequest) -> Result<UseSkillReply, HubError> {
        self.strike(call, request.target).map(|()| UseSkillReply { cooldown_ticks: COOLDOWN_TICKS })
    }

    async fn pick_up(&self, call: &CallContext, request: PickUpRequest) -> Result<PickUpReply, HubError> {
        let mut state = self.state();
        if request.drop != FANGS.to_bits() || !state.fangs_lie_there {
            return Err(refused("TAKEN"));
        }
        if !state.at.is_within(REACH, RAT_AT) {
            return Err(refused("OUT_OF_REACH"));
        }
        state.fangs_lie_there = false;
        *state.items.entry("fang".to_owned()).or_default() += 2;
        let items = vec![RewardItem { template: "fang".to_owned(), quantity: 2 }];
        let reward = Reward { grant_id: "fangs".to_owned(), items, ..Reward::default() };
        // Told by push and by reply: it must count once.
        WorldReceiver::to(call.session()).on_reward(&reward);
        Ok(PickUpReply { reward: Some(reward) })
    }

    async fn input(&self, _: &CallContext, _: InputBytes) -> Result<(), HubError> {
        Err(refused("DATAGRAMS_EXPECTED"))
    }

    async fn respawn(&self, _: &CallContext, _: RespawnRequest) -> Result<RespawnReply, HubError> {
        Err(refused("NOT_DEAD"))
    }
}
