//! The door in front of every gRPC method: who may call it, how often, for how long. It reads the rule that the contract gives the
//! method; a method without one is not there.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response, header};
use shallot_proto::hub::v1::{Access, LimitClass};
use shallot_proto::rule_of;
use shallot_services::auth::{Auth, Principal};
use shallot_services::character::Caller;
use shallot_services::rates::{LimitClass as RateClass, LimitKey};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::status::{refusal, service as service_refusal};
use crate::listeners::grpc::deadline;
use crate::listeners::socket::Peer;
use crate::rates::Rates;

/// What the door knows.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) auth: Arc<Auth>,
    pub(crate) rates: Arc<Rates>,
}

impl<S> Layer<S> for Door {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { door: self.clone(), inner }
    }
}

/// A service behind the door.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    door: Door,
    inner: S,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let next = self.inner.clone();
        // The one that is ready is the one that was asked.
        let mut inner = std::mem::replace(&mut self.inner, next);
        let door = self.door.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            if let Err(status) = door.admit(&path, &mut request).await {
                return Ok(status.into_http());
            }
            let Some(limit) = deadline(&path) else { return inner.call(request).await };
            match tokio::time::timeout(limit, inner.call(request)).await {
                Ok(answered) => answered,
                Err(_) => Ok(too_late().into_http()),
            }
        })
    }
}

fn too_late() -> Status {
    refusal(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "the call took too long; whether it happened is not known")
}

/// Services of others that come with gRPC: health and reflection, open to all.
fn is_open(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/") || path.starts_with("/grpc.reflection.")
}

impl Door {
    async fn admit(&self, path: &str, request: &mut Request<Body>) -> Result<(), Status> {
        let peer = peer(request).ok_or_else(|| refusal(Code::Internal, "INTERNAL", "the connection has no address"))?;
        let (access, class) = match rule_of(path) {
            Some(rule) => (rule.access, rule.limit),
            None if is_open(path) => (Access::Public, LimitClass::Ordinary),
            None => return Err(refusal(Code::Unimplemented, "UNKNOWN_METHOD", "there is no such method")),
        };
        if access == Access::Public {
            return self.draw(class, LimitKey::Address(peer), peer);
        }
        let principal = self.authenticate(request.headers()).await?;
        self.draw(class, LimitKey::Account(principal.account), peer)?;
        let caller = Caller { account: principal.account, session: principal.session, epoch: principal.epoch };
        request.extensions_mut().insert(caller);
        Ok(())
    }

    async fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Status> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = bearer.and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")));
        let token = token.ok_or_else(|| {
            refusal(Code::Unauthenticated, "TOKEN_MISSING", "metadata `authorization: Bearer ...` is needed")
        })?;
        self.auth.verify(token).await.map_err(|error| service_refusal(&error))
    }

    fn draw(&self, class: LimitClass, key: LimitKey, peer: IpAddr) -> Result<(), Status> {
        let class = match class {
            LimitClass::Unspecified | LimitClass::SignIn => RateClass::SignIn,
            LimitClass::Ordinary => RateClass::Ordinary,
            LimitClass::Trade => RateClass::Trade,
            LimitClass::Play => RateClass::Play,
            LimitClass::Chat => RateClass::Chat,
            LimitClass::Input => RateClass::Input,
        };
        self.rates.check(class, key, self.rates.is_near(peer)).map_err(|wait| service_refusal(&wait))
    }
}

fn peer(request: &Request<Body>) -> Option<IpAddr> {
    request.extensions().get::<Peer>().map(|peer| peer.address.ip())
}
