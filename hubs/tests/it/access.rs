//! A method's rule: who may call it, how often.

use std::sync::Arc;

use prost::Message as _;
use shallot_hubs::{BuildError, HubServer, HubServerConfig};
use shallot_proto::hub::v1 as wire;
use shallot_proto::wire::CharacterId;
use wire::server_frame::Frame as Down;

use crate::contracts::test::v1::{TestHubDispatcher, test_hub};
use crate::raw::Raw;
use crate::rig::{Door, Rig};

#[tokio::test]
async fn some_methods_are_for_characters() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::FOR_CHARACTERS, "a").await;
    assert_eq!(raw.reply().await, (1, Err("NO_CHARACTER".to_owned())));
    rig.session(1).set_character(Some(CharacterId([7; 16])));
    raw.call(&test_hub::FOR_CHARACTERS, "b").await;
    assert_eq!(raw.reply().await, (2, Ok("b".to_owned())));
    rig.session(1).set_character(None);
    raw.call(&test_hub::FOR_CHARACTERS, "c").await;
    assert_eq!(raw.reply().await, (3, Err("NO_CHARACTER".to_owned())));
}

#[tokio::test]
async fn a_limited_rate_tells_when_to_come_again() {
    let mut rig = Rig::new();
    let mut raw = Raw::welcomed(&mut rig, 1).await;
    raw.call(&test_hub::RARE, "a").await;
    let Down::Reply(reply) = raw.next().await else { panic!("a reply was expected") };
    let Some(wire::reply::Result::Error(error)) = reply.result else { panic!("a refusal was expected") };
    assert_eq!((error.code, &*error.reason), (8, "RATE_LIMITED"));
    assert_eq!(wire::RetryDetail::decode(error.detail).unwrap().retry_after_ms, 1_500);
    raw.is_well(&test_hub::ECHO).await;
}

#[tokio::test]
async fn one_id_goes_to_one_method() {
    let rig = Rig::new();
    let hub = || TestHubDispatcher::new(Arc::clone(&rig.hub));
    let clock = Arc::new(rig.clock.clone());
    let twice = HubServer::builder(HubServerConfig::default(), clock, Arc::new(Door)).hub(hub()).hub(hub());
    let Err(BuildError::DuplicateMethod(duplicate)) = twice.build() else {
        panic!("each of its methods is there twice")
    };
    assert_eq!(duplicate.first, duplicate.second);
    assert!(test_hub::CONTRACT.methods.iter().any(|method| method.name == duplicate.first), "{duplicate}");
}
