//! An access token that ran out: refused at both doors with a stable reason, and nobody else notices.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::Ed25519KeyPair;
use shallot_client::proto::player::v1::ListCharactersRequest;
use shallot_client::proto::player::v1::character_service_client::CharacterServiceClient;
use shallot_client::{ApiError, Code};

use crate::bystanders::Bystanders;
use crate::links::{batch, hello, last_word};
use crate::player::account;
use crate::process::Server;

/// The same claims with other times, signed with the server's own key: what the server itself would have made then.
fn signed_at(token: &str, data: &Path, issued_s: u64, expires_s: u64) -> String {
    let mut parts = token.split('.');
    let (head, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let mut claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["iat"] = issued_s.into();
    claims["exp"] = expires_s.into();
    let message = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = Ed25519KeyPair::from_seed_unchecked(&std::fs::read(data.join("token-key")).unwrap()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())))
}

#[tokio::test]
async fn an_expired_token_opens_neither_door() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let robin = account(server.grpc, "Robin").await;
    let token = robin.api.access_token().await.unwrap();
    let data = folder.path().join("data");
    let now_s = shallot_client::clock::wall_ms() / 1_000;
    let list = async |token: &str| {
        let mut request = tonic::Request::new(ListCharactersRequest {});
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        CharacterServiceClient::new(robin.api.channel()).list(request).await.map_err(ApiError::from)
    };

    // Signed so, a token with time left counts: what is refused below is refused for its time alone.
    let good = signed_at(&token, &data, now_s, now_s + 600);
    assert_eq!(list(&good).await.unwrap().into_inner().characters.len(), 1);
    for expired in [signed_at(&token, &data, now_s - 900, now_s - 1), signed_at(&token, &data, 0, 0)] {
        let error = list(&expired).await.unwrap_err();
        assert_eq!((error.code, error.reason.as_str()), (Code::Unauthenticated, "TOKEN_EXPIRED"));
        let go = last_word(&robin.api, vec![batch(hello(expired))]).await.unwrap();
        assert_eq!((go.code, go.reason.as_str()), (Code::Unauthenticated as u32, "TOKEN_EXPIRED"));
    }
    // The session itself goes on under the token that has not run out.
    assert_eq!(robin.api.characters().list().await.unwrap().len(), 1);
    beside.lost_nothing().await;
}
