//! A client that was built with a released contract is served after additive changes; any other is refused.

use std::path::Path;

use shallot_hubs::HubServerConfig;
use shallot_hubs::contracts::RELEASED_HASHES;
use shallot_hubs_codegen::contract::{compile, of_pool};
use shallot_hubs_codegen::evolution::breaking_changes;
use shallot_proto::hub::v1 as wire;
use wire::client_frame::Frame as Up;

use crate::contracts::CONTRACT_HASH;
use crate::contracts::test::v1::test_hub;
use crate::raw::{Raw, make_hello};
use crate::rig::{Rig, token};

const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
const TEST_PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proto");
const FILE: &str = "shallot/test/v1/test.proto";

/// A client of the test hub from before `Gauge.value` and the second hub were there, as a hash.
fn older_contract() -> [u8; 32] {
    let text = std::fs::read_to_string(Path::new(TEST_PROTO).join(FILE)).unwrap();
    let second_hub = text.find("// A second hub").unwrap()..text.find("message Text").unwrap();
    let older = text.replace("  uint32 value = 2;\n", "").replace(&text[second_hub], "");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, older).unwrap();

    let released = compile(&[folder.path(), Path::new(PROTO)], &[path]).unwrap();
    let present = compile(&[TEST_PROTO, PROTO], &[Path::new(TEST_PROTO).join(FILE)]).unwrap();
    assert_eq!(breaking_changes(&released, &present).unwrap(), [], "what came since is additive");
    of_pool(&released).unwrap().hash
}

fn hello_with(hash: [u8; 32]) -> Up {
    Up::Hello(wire::Hello { contract_hash: hash.to_vec().into(), ..make_hello(&token(1)) }.into())
}

#[tokio::test]
async fn a_client_of_a_released_contract_is_welcomed() {
    let older = older_contract();
    assert_ne!(older, CONTRACT_HASH);
    let mut rig = Rig::with(HubServerConfig { released: vec![older], ..HubServerConfig::default() });
    let mut raw = Raw::open(&rig);
    raw.send(hello_with(older)).await;
    assert_eq!(rig.event().await, "connected 1");
    raw.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn a_client_of_no_release_is_told_both_builds_and_what_is_served() {
    let older = older_contract();
    let rig = Rig::with(HubServerConfig { released: vec![older], ..HubServerConfig::default() });
    let mut raw = Raw::open(&rig);
    raw.send(hello_with([0xab; 32])).await;
    let go_away = raw.go_away().await;
    assert_eq!((go_away.code, &*go_away.reason), (9, "CONTRACT_MISMATCH"));
    let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for part in [hex([0xab; 32]), hex(CONTRACT_HASH), hex(older), "raw 1".to_owned(), "shallot 0.".to_owned()] {
        assert!(go_away.message.contains(&part), "{part} in {}", go_away.message);
    }
}

/// The releases of this repository are what a server serves when nothing else is said.
#[tokio::test]
async fn every_release_is_served() {
    assert!(!RELEASED_HASHES.is_empty());
    let config = HubServerConfig::default();
    let served = |hash: &[u8; 32]| config.contract == *hash || config.released.contains(hash);
    assert!(RELEASED_HASHES.iter().all(served), "{:?}", config.released);
    for hash in RELEASED_HASHES {
        let mut rig = Rig::with(HubServerConfig { released: RELEASED_HASHES.to_vec(), ..HubServerConfig::default() });
        let mut raw = Raw::open(&rig);
        raw.send(hello_with(*hash)).await;
        assert_eq!(rig.event().await, "connected 1");
        raw.is_well(&test_hub::ECHO).await;
    }
}
