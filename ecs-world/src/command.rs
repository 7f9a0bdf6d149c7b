//! All that can enter the simulation. A shard's log of commands, with the seed and the start tick, is its whole
//! history.

use shallot_masterdata::{Abilities, ClassId, ItemTemplateId, SkillId, Slot};
use shallot_wire::{CharacterId, GrantId, InputWindow, NetId, OwnerEpoch, Position, RequestId};
use wincode::{SchemaRead, SchemaWrite};

use crate::schema::{
    AbilitiesSchema, CharacterSchema, ClassSchema, GrantSchema, ItemSchema, NetIdSchema, OwnerEpochSchema,
    PositionSchema, RequestSchema, SkillSchema, SlotSchema, WindowSchema,
};

/// One thing that somebody outside wants or knows. Taken at the next tick, in the order pushed. Journals have it as it
/// stands here: a change of a field or of the order is a new version of [`journal`](crate::journal).
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum Command {
    /// A character comes in. When it is in already and `owner_epoch` is not older, it is taken over: same body, new
    /// client, told everything anew. Answers [`Reply::Entered`](crate::Reply::Entered).
    Enter {
        /// Who.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// What this shard's writes for the character carry.
        #[wincode(with = "OwnerEpochSchema")]
        owner_epoch: OwnerEpoch,
        /// What is stored of it.
        sheet: Box<CharacterSheet>,
        /// Comes back with the reply.
        correlation: u64,
    },
    /// A character goes. It is out of play at once; [`Reply::Left`](crate::Reply::Left) comes when all its grants are
    /// settled.
    Leave {
        /// Who.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// Of the stay that is over: an older one than the body's is refused as [`Fenced`](crate::Refusal::Fenced), since somebody
        /// took the body over.
        #[wincode(with = "OwnerEpochSchema")]
        owner_epoch: OwnerEpoch,
        /// Comes back with the reply.
        correlation: u64,
    },
    /// What one datagram brought. An entity that is no player in play is passed over: the gateway knows whose datagram
    /// it was.
    Input {
        /// The datagram, decoded; its `entity` says whose input it is.
        #[wincode(with = "WindowSchema")]
        window: InputWindow,
        /// Milliseconds from its arrival to the tick that takes it, as the driver measured; goes back in the time echo
        /// and counts in the buffer depth.
        held_ms: u16,
    },
    /// Basic attacks at `target` from now on; `None` ends them. Answers [`Reply::Attacking`](crate::Reply::Attacking).
    Attack {
        /// Who.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// At whom.
        #[wincode(with = "Option<NetIdSchema>")]
        target: Option<NetId>,
        /// Comes back with the reply.
        correlation: u64,
    },
    /// One use of a skill. Answers [`Reply::SkillUsed`](crate::Reply::SkillUsed).
    UseSkill {
        /// Who.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// Which; must be a row of the set in force.
        #[wincode(with = "SkillSchema")]
        skill: SkillId,
        /// At whom; `None` with an area skill: at `at`; with a heal: oneself.
        #[wincode(with = "Option<NetIdSchema>")]
        target: Option<NetId>,
        /// The point of an area skill without a target.
        #[wincode(with = "PositionSchema")]
        at: Position,
        /// Comes back with the reply.
        correlation: u64,
    },
    /// Takes a drop from the ground. Answers [`Reply::Picked`](crate::Reply::Picked) when the grant is committed.
    PickUp {
        /// Who.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// What.
        #[wincode(with = "NetIdSchema")]
        drop: NetId,
        /// Goes with the grant.
        #[wincode(with = "RequestSchema")]
        request: RequestId,
        /// Comes back with the reply.
        correlation: u64,
    },
    /// Stands up after death. Answers [`Reply::Respawned`](crate::Reply::Respawned).
    Respawn {
        /// Who.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// Comes back with the reply.
        correlation: u64,
    },
    /// What a character wears now. A version not above the one known is passed over.
    Equipment {
        /// Who.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// Rises with each change in the store.
        version: u64,
        /// Places and what is worn there; two rings are two entries. At most [`WORN`](crate::limits::WORN) count.
        #[wincode(with = "Vec<(SlotSchema, ItemSchema)>")]
        worn: Vec<(Slot, ItemTemplateId)>,
    },
    /// The store has used one unit up; its effects (`heal_min`, `heal_max`) happen now.
    ItemUsed {
        /// Who.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// Of which template.
        #[wincode(with = "ItemSchema")]
        template: ItemTemplateId,
    },
    /// Scores after points were spent. A version not above the one known is passed over.
    Abilities {
        /// Who.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// All six, before worn effects.
        #[wincode(with = "AbilitiesSchema")]
        abilities: Abilities,
        /// Rises with each change in the store.
        version: u64,
    },
    /// The outcome of a [`GrantProposal`](crate::GrantProposal). Each proposal must get exactly one, sooner or later.
    GrantSettled {
        /// Which.
        #[wincode(with = "GrantSchema")]
        grant: GrantId,
        /// How it went.
        outcome: GrantOutcome,
    },
    /// What the path to a client carries: its snapshots have so many bytes at most from now on, until it enters anew.
    SnapshotBudget {
        /// Whose.
        #[wincode(with = "CharacterSchema")]
        character: CharacterId,
        /// Of the session that says so: one that is over has nothing to say of its successor's path.
        #[wincode(with = "OwnerEpochSchema")]
        owner_epoch: OwnerEpoch,
        /// Cut to what a datagram may have, and to the least that a snapshot needs.
        bytes: u16,
    },
}

/// How a grant went in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum GrantOutcome {
    /// Stored.
    Committed {
        /// Experience in all after it.
        xp_total: u64,
        /// Level after it.
        level: u8,
    },
    /// Nothing was stored.
    Refused(GrantRefusal),
}

/// Why a grant was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum GrantRefusal {
    /// No room for the items.
    BagFull,
    /// The owner epoch is an old one: another shard owns the character now.
    Fenced,
    /// The store is broken, or the grant is not allowed.
    Failed,
}

/// What a shard must know of a character.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct CharacterSheet {
    /// Shown to others; cut at [`NAME_BYTES`](crate::limits::NAME_BYTES).
    pub name: String,
    /// Its class.
    #[wincode(with = "ClassSchema")]
    pub class: ClassId,
    /// From 1; one out of the curve counts as the nearest in it.
    pub level: u8,
    /// Experience in all.
    pub xp: u64,
    /// Scores before worn effects.
    #[wincode(with = "AbilitiesSchema")]
    pub abilities: Abilities,
    /// Version of `abilities`.
    pub abilities_version: u64,
    /// Places and what is worn there.
    #[wincode(with = "Vec<(SlotSchema, ItemSchema)>")]
    pub worn: Vec<(Slot, ItemTemplateId)>,
    /// Version of `worn`.
    pub equipment_version: u64,
    /// Where it was saved; `None`, or out of the region, or in a block: around the region's entry.
    #[wincode(with = "Option<PositionSchema>")]
    pub position: Option<Position>,
    /// Hit points it was saved with; `None`: all; 0: it lies dead. Above the maximum counts as the maximum.
    pub hp: Option<u32>,
}
