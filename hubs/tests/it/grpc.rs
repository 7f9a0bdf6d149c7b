//! What only a gRPC link has: a connection that breaks without a word.

use std::sync::Arc;

use shallot_hubs::{HubClient, HubClientConfig, SessionLimits};

use crate::contracts::CONTRACT_HASH;
use crate::ends::Over;
use crate::rig::{Rig, in_time, token};

#[tokio::test]
async fn a_connection_that_breaks_is_a_lost_link() {
    // Its session does not wait for another.
    let mut rig = Rig::with_limits(SessionLimits { resume_grace_ms: 0, ..SessionLimits::DEFAULT });
    let link = Over::Grpc.link(&rig).await;
    let config = HubClientConfig { contract: CONTRACT_HASH, ..HubClientConfig::new(token(1)) };
    let builder = HubClient::builder(config, Arc::new(rig.clock.clone()));
    let (client, driver) = builder.connect(link).await.unwrap();
    let driver = tokio::spawn(driver);
    in_time(client.welcomed()).await.unwrap();
    driver.abort();
    let left = in_time(async {
        loop {
            let event = rig.event().await;
            if event.starts_with("left") {
                return event;
            }
        }
    });
    assert!(["left 1 LINK_LOST", "left 1 CLIENT_LEFT"].contains(&&*left.await));
}
