//! Signing in, tokens and characters: bad input gets a typed error and changes nothing.

use shallot_client::proto::auth::v1::LogInRequest;
use shallot_client::proto::auth::v1::auth_service_client::AuthServiceClient;
use shallot_client::proto::player::v1::ListCharactersRequest;
use shallot_client::proto::player::v1::character_service_client::CharacterServiceClient;
use shallot_client::{Api, ApiError, Code, Trust, clock};

use crate::bystanders::Bystanders;
use crate::player::account;
use crate::process::Server;

fn refused<T: std::fmt::Debug>(result: Result<T, ApiError>, code: Code, reason: &str) -> ApiError {
    let error = result.unwrap_err();
    assert_eq!((error.code, error.reason.as_str()), (code, reason), "{error}");
    error
}

#[tokio::test]
async fn wrong_credentials_say_nothing_about_the_account_and_lock_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    api.register(clock::new_request_id().unwrap(), "robin", "correct horse").await.unwrap();

    let wrong = refused(api.log_in("robin", "incorrect horse").await, Code::Unauthenticated, "WRONG_CREDENTIALS");
    let unknown = refused(api.log_in("nobody", "incorrect horse").await, Code::Unauthenticated, "WRONG_CREDENTIALS");
    assert_eq!(wrong.message, unknown.message);
    // The next try is too early now, also with the right password, and says when it is not.
    let locked = refused(api.log_in("robin", "correct horse").await, Code::ResourceExhausted, "LOCKED_OUT");
    assert!(locked.retry_after.is_some());
    refused(api.log_in_by_device([7; 32], false).await, Code::Unauthenticated, "WRONG_CREDENTIALS");
    beside.lost_nothing().await;
}

#[tokio::test]
async fn registration_refuses_what_is_no_name_or_password_or_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    let id = || clock::new_request_id().unwrap();
    api.register(id(), "robin", "correct horse").await.unwrap();
    refused(api.register(id(), "Robin", "another horse").await, Code::AlreadyExists, "LOGIN_NAME_TAKEN");
    for name in ["", "ab", "a b c", "robin\n", "r\u{202e}nibo", &"x".repeat(33)] {
        refused(api.register(id(), name, "correct horse").await, Code::InvalidArgument, "LOGIN_NAME_INVALID");
    }
    for password in ["", "short", &"x".repeat(257)] {
        refused(api.register(id(), "marian", password).await, Code::InvalidArgument, "PASSWORD_INVALID");
    }
}

#[tokio::test]
async fn tokens_that_are_forged_or_absent_open_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let victim = account(server.grpc, "Victim").await;
    let token = victim.api.access_token().await.unwrap();
    let (head, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    // Another algorithm, another key's signature, no signature, other claims, garbage.
    let none = "eyJhbGciOiJub25lIn0";
    let flipped: String = signature.chars().rev().collect();
    let forged = [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{head}.{claims}.{flipped}"),
        format!("{head}.{claims}"),
        format!("{head}.{}.{signature}", claims.replace(|c: char| c.is_ascii_digit(), "0")),
        "x".repeat(7_000),
        "\u{7f}".escape_default().to_string(),
    ];
    let mut client = CharacterServiceClient::new(victim.api.channel());
    for token in forged {
        let mut request = tonic::Request::new(ListCharactersRequest {});
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let error = ApiError::from(client.list(request).await.unwrap_err());
        assert_eq!((error.code, error.reason.as_str()), (Code::Unauthenticated, "TOKEN_INVALID"), "{token}");
    }
    let error = ApiError::from(client.list(ListCharactersRequest {}).await.unwrap_err());
    assert_eq!((error.code, error.reason.as_str()), (Code::Unauthenticated, "TOKEN_MISSING"));
    assert_eq!(victim.api.characters().list().await.unwrap().len(), 1);
    beside.lost_nothing().await;
}

#[tokio::test]
async fn a_call_without_a_credential_and_an_unknown_method_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let api = Api::connect(&server.grpc.to_string(), &Trust::Development).await.unwrap();
    let empty = AuthServiceClient::new(api.channel()).log_in(LogInRequest { credential: None }).await;
    refused(empty.map_err(ApiError::from), Code::InvalidArgument, "CREDENTIAL_MISSING");
}

#[tokio::test]
async fn character_names_are_checked_and_unique() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--limits", "load"]);
    let beside = Bystanders::come(server.grpc).await;
    let one = account(server.grpc, "Robin Hood").await;
    let two = account(server.grpc, "Marian").await;
    let id = || clock::new_request_id().unwrap();
    refused(two.api.characters().create(id(), "robin hood", "warrior").await, Code::AlreadyExists, "NAME_TAKEN");
    for name in ["", "x", "a\u{0}b", "new\nline", "\u{202e}evil", " lead", "two  spaces", &"x".repeat(25)] {
        refused(two.api.characters().create(id(), name, "warrior").await, Code::InvalidArgument, "NAME_INVALID");
    }
    refused(
        two.api.characters().create(id(), "Little John", "no such class").await,
        Code::InvalidArgument,
        "UNKNOWN_CLASS",
    );
    // Somebody else's character is like none.
    refused(two.api.characters().select(&one.character.id).await, Code::NotFound, "UNKNOWN_CHARACTER");
    refused(two.api.characters().delete(id(), &one.character.id).await, Code::NotFound, "UNKNOWN_CHARACTER");
    refused(two.api.characters().select("not an id").await, Code::NotFound, "UNKNOWN_CHARACTER");
    assert_eq!(one.api.characters().list().await.unwrap().len(), 1);
    beside.lost_nothing().await;
}
