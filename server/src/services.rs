//! The use cases, built over the stores.

use std::sync::Arc;

use shallot_services::auth::{Auth, AuthConfig, PasswordCost, SessionNotices, TokenKeys};
use shallot_services::characters::Characters;
use shallot_services::clock::{Clock, Ids};
use shallot_services::grants::Grants;
use shallot_services::inventory::Inventory;
use shallot_services::ports::RegionStore;
use shallot_stores::SqliteStores;

use crate::clock::{SystemEntropy, WallClock};
use crate::config::Settings;
use crate::rates::Rates;

/// All use cases. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) auth: Arc<Auth>,
    pub(crate) rates: Arc<Rates>,
    pub(crate) characters: Arc<Characters>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) regions: Arc<dyn RegionStore>,
}

/// Milliseconds in a minute.
const MINUTE_MS: u64 = 60_000;

pub(crate) fn build(
    settings: &Settings,
    stores: &Arc<SqliteStores>,
    signing: [u8; 32],
    notices: Arc<dyn SessionNotices>,
) -> anyhow::Result<Services> {
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let ids = Ids::new(Arc::clone(&clock), Arc::new(SystemEntropy::new()));
    let auth = AuthConfig {
        issuer: settings.auth.issuer.clone(),
        access_ttl_ms: u64::from(settings.auth.access_minutes) * MINUTE_MS,
        password: PasswordCost {
            memory_kib: settings.auth.argon2_kib,
            passes: settings.auth.argon2_passes,
            permits: std::thread::available_parallelism().map_or(1, std::num::NonZero::get) / 2,
            ..PasswordCost::default()
        },
        ..AuthConfig::default()
    };
    let keys = TokenKeys { signing, retired: Vec::new() };
    Ok(Services {
        auth: Arc::new(Auth::new(auth, &keys, Arc::clone(stores) as _, ids.clone(), notices)?),
        rates: Arc::new(Rates::new(&settings.limits, &clock)),
        characters: Arc::new(Characters::new(Arc::clone(stores) as _, ids.clone())),
        inventory: Arc::new(Inventory::new(Arc::clone(stores) as _, ids.clone())),
        grants: Arc::new(Grants::new(Arc::clone(stores) as _, ids)),
        regions: Arc::clone(stores) as _,
    })
}
