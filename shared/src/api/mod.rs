//! Floor 4: HTTP as a skin. Requests in, answers out, over the plain types of the `http` crate: no AWS type and no
//! environment variable gets this far up, and `host` and `tools/local` serve the same function.

pub mod auth;
pub mod cursor;
pub mod extract;
pub mod handlers;
pub mod reply;
pub mod routes;

use bytes::Bytes;
use http::{Method, Request, Response};
use ltlm_protocol::{Code, limits};

use crate::service::{App, Budget, load};
use crate::table::Table;

use extract::Incoming;
use reply::{Failure, Reply};
use routes::{Auth, Endpoint, Found};

/// What the API is told by its host.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// SHA-256 of the first administrator key; without it there is none.
    pub admin_key_sha256: Option<[u8; 32]>,
    /// Name of the header in which a trusted edge tells the caller's country, lower-case; without it no country is known.
    pub country_header: Option<String>,
    /// The function whose routes are served, all others being unknown; without it every route is.
    pub function: Option<&'static str>,
}

/// An answer and what the log says about it.
#[derive(Debug)]
pub struct Answer {
    /// For the caller.
    pub response: Response<Bytes>,
    /// Name of the route, or `none`.
    pub route: &'static str,
    /// The code of a failure.
    pub code: Option<&'static str>,
    /// What lies below a failure of ours. Never a part of the response.
    pub cause: Option<String>,
}

/// Answers one request. Never fails: a failure is an answer too.
pub async fn answer<T: Table>(
    app: &App<T>,
    settings: &Settings,
    budget: &Budget<'_>,
    request: Request<Bytes>,
) -> Answer {
    let (route, outcome) = match routes::find(request.method(), request.uri().path()) {
        Found::Route(route, _) if settings.function.is_some_and(|function| function != route.function) => {
            ("none", Err(Failure::new(Code::RouteNotFound)))
        }
        Found::Route(route, parameters) => {
            let incoming = Incoming::new(app, settings, budget, route, parameters, &request);
            (route.name, dispatch(&incoming).await)
        }
        Found::Preflight => ("preflight", Ok(Reply::empty())),
        Found::OtherMethods(allowed) => ("none", Err(Failure::new(Code::MethodNotAllowed).header("allow", allowed))),
        Found::Nothing => ("none", Err(Failure::new(Code::RouteNotFound))),
    };
    let head = request.method() == Method::HEAD;
    reply::finish(route, outcome, head)
}

/// Strangers first: who may not call is told that, whatever else is wrong with the request. Whether a well-formed secret
/// names a project the handlers learn with what they load; where one stops before, at the request itself, it is asked for.
async fn dispatch<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    if incoming.route.auth == Auth::Open {
        return handle(incoming).await;
    }
    let access = incoming.access()?;
    match handle(incoming).await {
        Err(failure) if failure.is_of_the_request() => {
            load::known(incoming.app, incoming.budget, &access).await?;
            Err(failure)
        }
        outcome => outcome,
    }
}

async fn handle<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    use handlers::{admin, license};
    if incoming.request.body().len() > limits::BODY_BYTES_MAX {
        return Err(Failure::new(Code::BodyTooLarge).value("max", limits::BODY_BYTES_MAX.to_string()));
    }
    match incoming.route.endpoint {
        Endpoint::Health => Ok(handlers::health::health()),
        Endpoint::License => license::license(incoming).await,
        Endpoint::Activate => license::activate(incoming).await,
        Endpoint::Heartbeat => license::heartbeat(incoming).await,
        Endpoint::Signout => license::signout(incoming).await,
        Endpoint::Seats => license::seats(incoming).await,
        Endpoint::ReleaseSeat => license::release_seat(incoming).await,
        Endpoint::Settings => license::settings(incoming).await,
        Endpoint::SaveSettings => license::save_settings(incoming).await,
        Endpoint::Consume => license::consume(incoming).await,
        Endpoint::ConsumeBatch => license::consume_batch(incoming).await,
        Endpoint::Usage => license::usage(incoming).await,
        Endpoint::AdminCreateProject => admin::create_project(incoming).await,
        Endpoint::AdminCreatePolicy => admin::create_policy(incoming).await,
        Endpoint::AdminCreateLicense => admin::create_license(incoming).await,
        Endpoint::AdminLicense => admin::license(incoming).await,
        Endpoint::AdminChangeLicense => admin::change_license(incoming).await,
        Endpoint::AdminTokens => admin::tokens(incoming).await,
        Endpoint::AdminRemoveDevice => admin::remove_device(incoming).await,
        Endpoint::AdminReleaseSeat => admin::release_seat(incoming).await,
    }
}
