//! Accounts and their sessions.

use std::sync::Arc;

use shallot_hubs::{EndReason, HubServer};
use shallot_proto::auth::v1::auth_service_server::AuthService;
use shallot_proto::auth::v1::log_in_request::Credential as WireCredential;
use shallot_proto::auth::v1::{LogInRequest, LogOutRequest, RefreshRequest, RegisterRequest, SignedIn};
use shallot_services::auth::{Auth, SignedIn as Signed};
use shallot_services::character::Caller;
use tonic::{Code, Request, Response, Status};

use super::log_in_queue::LogInQueue;
use super::status;
use crate::store_runtime::StoreRuntime;

/// The service of one gateway worker.
pub(crate) struct Accounts {
    pub(crate) auth: Arc<Auth>,
    pub(crate) hub: HubServer,
    pub(crate) stores: StoreRuntime,
    pub(crate) queue: LogInQueue,
}

impl Accounts {
    fn signed_in(signed: Signed) -> Response<SignedIn> {
        Response::new(SignedIn {
            account_id: signed.account.to_string(),
            access_token: signed.access_token,
            access_expires_at_ms: signed.access_expires_at_ms,
            refresh_token: signed.refresh_token,
            refresh_expires_at_ms: signed.refresh_expires_at_ms,
            session_epoch: signed.epoch.0,
            created: signed.created,
        })
    }
}

#[tonic::async_trait]
impl AuthService for Accounts {
    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<SignedIn>, Status> {
        let RegisterRequest { request_id, login_name, password } = request.into_inner();
        let auth = Arc::clone(&self.auth);
        let turn = self.queue.turn().await?;
        let work = async move {
            let _turn = turn;
            auth.register(&request_id, &login_name, &password).await
        };
        let signed = self.stores.run(work).await.map_err(|_| status::internal())?;
        Ok(Self::signed_in(signed.map_err(|error| status::service(&error))?))
    }

    async fn log_in(&self, request: Request<LogInRequest>) -> Result<Response<SignedIn>, Status> {
        let credential = request.into_inner().credential;
        let credential = credential.ok_or_else(|| {
            status::refusal(Code::InvalidArgument, "CREDENTIAL_MISSING", "a password or a device key is needed")
        })?;
        let auth = Arc::clone(&self.auth);
        let turn = self.queue.turn().await?;
        let work = async move {
            let _turn = turn;
            match &credential {
                WireCredential::Password(password) => auth.log_in(&password.login_name, &password.password).await,
                WireCredential::Device(device) => auth.log_in_device(&device.device_key, device.create).await,
            }
        };
        let signed = self.stores.run(work).await.map_err(|_| status::internal())?;
        Ok(Self::signed_in(signed.map_err(|error| status::service(&error))?))
    }

    async fn refresh(&self, request: Request<RefreshRequest>) -> Result<Response<SignedIn>, Status> {
        let token = request.into_inner().refresh_token;
        let auth = Arc::clone(&self.auth);
        let signed =
            self.stores.run(async move { auth.refresh(&token).await }).await.map_err(|_| status::internal())?;
        Ok(Self::signed_in(signed.map_err(|error| status::service(&error))?))
    }

    async fn log_out(&self, request: Request<LogOutRequest>) -> Result<Response<()>, Status> {
        let caller = caller(&request)?;
        let auth = Arc::clone(&self.auth);
        let done = self.stores.run(async move { auth.log_out(caller).await }).await.map_err(|_| status::internal())?;
        done.map_err(|error| status::service(&error))?;
        self.hub
            .directory()
            .end_session(caller.session, EndReason::new(Code::Ok, "LOGGED_OUT", "the account has logged out"));
        Ok(Response::new(()))
    }
}

/// As whom the door let the call in.
pub(crate) fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request.extensions().get::<Caller>().copied().ok_or_else(|| {
        tracing::error!("a method for players was reached without its door");
        status::internal()
    })
}
