//! Unary calls: everything durable. Tokens are kept, renewed before they end, and renewed once when the server says that
//! they have.

mod characters;
mod error;
mod inventory;

use std::future::Future;
use std::sync::Arc;

use shallot_proto::auth::v1::auth_service_client::AuthServiceClient;
use shallot_proto::auth::v1::log_in_request::Credential;
use shallot_proto::auth::v1::{
    DeviceCredential, LogInRequest, LogOutRequest, PasswordCredential, RefreshRequest, RegisterRequest, SignedIn,
};
use shallot_proto::wire::RequestId;
use tokio::sync::Mutex;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};

pub use characters::Characters;
pub use error::{ApiError, REASON_KEY, RETRY_AFTER_KEY};
pub use inventory::InventoryCalls;

use crate::clock;
use crate::limits::{ANSWER_MAX, CONNECT_TIME_LIMIT, RENEW_BEFORE_EXPIRY, UNARY_DEADLINE};
use crate::trust::Trust;

/// Why no connection stands.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not `host:port`, `http://host:port` or `https://host:port`.
    #[error("\"{0}\" is no server address: host:port, http://host:port or https://host:port is expected")]
    BadAddress(String),
    /// gRPC over TLS checks the server against roots; a pin or the development trust cannot be used for it.
    #[error("gRPC over TLS needs Trust::Roots")]
    RootsNeeded,
    /// Nobody answers there.
    #[error("{address} cannot be reached: {}", innermost(why))]
    Unreachable {
        /// Where.
        address: String,
        /// What the transport said.
        why: tonic::transport::Error,
    },
}

/// What an error comes down to: those around it only say at which layer.
fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a dyn std::error::Error {
    std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error)
}

/// One account's connection for unary calls. Clones share the connection and the tokens.
#[derive(Clone)]
pub struct Api {
    channel: Channel,
    host: Arc<str>,
    tokens: Arc<Mutex<Option<SignedIn>>>,
}

impl std::fmt::Debug for Api {
    /// Without the tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Api {
    /// Connects to a server: `host:port` and `http://` speak plaintext (the server offers it on the loopback only), `https://`
    /// needs [`Trust::Roots`].
    ///
    /// # Errors
    /// When the address is none, or nobody answers there within [`CONNECT_TIME_LIMIT`].
    pub async fn connect(address: &str, trust: &Trust) -> Result<Self, ConnectError> {
        let bad = || ConnectError::BadAddress(address.to_owned());
        let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let endpoint =
            Endpoint::from_shared(url).map_err(|_| bad())?.connect_timeout(CONNECT_TIME_LIMIT).tcp_nodelay(true);
        let host: Arc<str> = endpoint.uri().host().ok_or_else(bad)?.trim_matches(['[', ']']).into();
        let unreachable = |why| ConnectError::Unreachable { address: address.to_owned(), why };
        let endpoint = match endpoint.uri().scheme_str() {
            Some("http") => endpoint,
            Some("https") => {
                let Trust::Roots(pem) = trust else { return Err(ConnectError::RootsNeeded) };
                let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
                endpoint.tls_config(tls).map_err(unreachable)?
            }
            _ => return Err(bad()),
        };
        let channel = endpoint.connect().await.map_err(unreachable)?;
        Ok(Self { channel, host, tokens: Arc::default() })
    }

    /// Over a connection that stands already; `host` is what an empty host in a channel address means.
    #[must_use]
    pub fn over(channel: Channel, host: &str) -> Self {
        Self { channel, host: host.into(), tokens: Arc::default() }
    }

    /// The host that the connection goes to, without a port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The connection, for the hub link: both share it.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Makes an account with a login name and signs in.
    ///
    /// # Errors
    /// `LOGIN_NAME_TAKEN` among others; see [`ApiError`].
    pub async fn register(&self, request: RequestId, login_name: &str, password: &str) -> Result<SignedIn, ApiError> {
        let message = RegisterRequest {
            request_id: request.to_string(),
            login_name: login_name.to_owned(),
            password: password.to_owned(),
        };
        let reply = self.auth().register(with_deadline(message)).await?;
        Ok(self.keep(reply.into_inner()).await)
    }

    /// Signs in by login name and password; sessions from earlier log-ins end.
    ///
    /// # Errors
    /// `WRONG_CREDENTIALS`, `LOCKED_OUT` among others; see [`ApiError`].
    pub async fn log_in(&self, login_name: &str, password: &str) -> Result<SignedIn, ApiError> {
        let credential = PasswordCredential { login_name: login_name.to_owned(), password: password.to_owned() };
        self.log_in_by(Credential::Password(credential)).await
    }

    /// Signs in by a key that this device made and keeps; `create` makes an account at its first use.
    ///
    /// # Errors
    /// `WRONG_CREDENTIALS` for an unknown key among others; see [`ApiError`].
    pub async fn log_in_by_device(&self, device_key: [u8; 32], create: bool) -> Result<SignedIn, ApiError> {
        let device_key = bytes::Bytes::copy_from_slice(&device_key);
        self.log_in_by(Credential::Device(DeviceCredential { device_key, create })).await
    }

    async fn log_in_by(&self, credential: Credential) -> Result<SignedIn, ApiError> {
        let message = LogInRequest { credential: Some(credential) };
        let reply = self.auth().log_in(with_deadline(message)).await?;
        Ok(self.keep(reply.into_inner()).await)
    }

    /// Ends the session at the server and forgets the tokens.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn log_out(&self) -> Result<(), ApiError> {
        let client = self.auth();
        self.call(LogOutRequest {}, |request| {
            let mut client = client.clone();
            async move { client.log_out(request).await }
        })
        .await?;
        *self.tokens.lock().await = None;
        Ok(())
    }

    /// Trades the refresh token for new tokens, whether or not the old ones still count.
    ///
    /// # Errors
    /// `NOT_SIGNED_IN` before a sign-in; `REFRESH_REUSED` among others; see [`ApiError`].
    pub async fn refresh(&self) -> Result<SignedIn, ApiError> {
        // Held over the call: a refresh token works once, so two tasks must not send the same one.
        let mut tokens = self.tokens.lock().await;
        self.refresh_into(&mut tokens).await
    }

    async fn refresh_into(&self, tokens: &mut Option<SignedIn>) -> Result<SignedIn, ApiError> {
        let refresh_token = tokens.as_ref().ok_or_else(not_signed_in)?.refresh_token.clone();
        let reply = self.auth().refresh(with_deadline(RefreshRequest { refresh_token })).await?.into_inner();
        *tokens = Some(reply.clone());
        Ok(reply)
    }

    /// An access token that counts for a while yet; what `Hello` and `Auth` of the hub link carry.
    ///
    /// # Errors
    /// `NOT_SIGNED_IN` before a sign-in, or what the renewal failed with.
    pub async fn access_token(&self) -> Result<String, ApiError> {
        let mut tokens = self.tokens.lock().await;
        let held = tokens.as_ref().ok_or_else(not_signed_in)?;
        let renew_at = held.access_expires_at_ms.saturating_sub(RENEW_BEFORE_EXPIRY.as_millis() as u64);
        if clock::wall_ms() < renew_at {
            return Ok(held.access_token.clone());
        }
        Ok(self.refresh_into(&mut tokens).await?.access_token)
    }

    /// Calls about the account's characters.
    #[must_use]
    pub fn characters(&self) -> Characters<'_> {
        Characters::new(self)
    }

    /// Calls about what the selected character owns.
    #[must_use]
    pub fn inventory(&self) -> InventoryCalls<'_> {
        InventoryCalls::new(self)
    }

    fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_MAX)
    }

    async fn keep(&self, signed_in: SignedIn) -> SignedIn {
        *self.tokens.lock().await = Some(signed_in.clone());
        signed_in
    }

    /// Sends a call with the access token; once more with a renewed one when the server no longer takes it.
    async fn call<Message, Reply, Send, Sent>(&self, message: Message, send: Send) -> Result<Reply, ApiError>
    where
        Message: Clone,
        Send: Fn(Request<Message>) -> Sent,
        Sent: Future<Output = Result<Response<Reply>, Status>>,
    {
        let token = self.access_token().await?;
        let first = send(authorized(message.clone(), &token)?).await;
        let status = match first {
            Ok(reply) => return Ok(reply.into_inner()),
            Err(status) if status.code() == Code::Unauthenticated => status,
            Err(status) => return Err(status.into()),
        };
        let renewed = self.renewed_since(&token).await.map_err(|_| ApiError::from(status))?;
        Ok(send(authorized(message, &renewed)?).await?.into_inner())
    }

    /// A token other than `old`; another task may have brought it meanwhile.
    async fn renewed_since(&self, old: &str) -> Result<String, ApiError> {
        let mut tokens = self.tokens.lock().await;
        if let Some(held) = tokens.as_ref().filter(|held| held.access_token != old) {
            return Ok(held.access_token.clone());
        }
        Ok(self.refresh_into(&mut tokens).await?.access_token)
    }
}

fn not_signed_in() -> ApiError {
    ApiError::local(Code::Unauthenticated, "NOT_SIGNED_IN", "sign in first")
}

fn with_deadline<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.set_timeout(UNARY_DEADLINE);
    request
}

fn authorized<M>(message: M, token: &str) -> Result<Request<M>, ApiError> {
    let mut request = with_deadline(message);
    let bad =
        |_| ApiError::local(Code::Internal, "BAD_TOKEN", "the access token has characters that metadata cannot carry");
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().map_err(bad)?);
    Ok(request)
}
