//! Floor 4: HTTP as a skin. Requests in, answers out, over the plain types of the `http` crate: no AWS type and no
//! environment variable gets this far up, and `host` and `tools/local` serve the same function.

use bytes::Bytes;
use http::{Method, Request};
use ltlm_protocol::{Code, limits};
use serde_json::json;

use crate::api::extract::Incoming;
use crate::api::function::Auth;
use crate::api::reply::{Answer, Failure, Reply};
use crate::api::router::Found;
use crate::api::serving::{Handler, Handlers};
use crate::api::settings::Settings;
use crate::api::{auth, query, reply, router};
use crate::domain::throttle::Limited;
use crate::service::app::{App, Budget, Error};
use crate::service::license::load;
use crate::service::license::load_spec::Access;
use crate::service::quota;
use crate::table::port::Table;

/// Answers one request with one of these handlers; a route without one is unknown. Never fails: a failure is an answer too.
pub async fn answer<T: Table>(
    app: &App<T>,
    handlers: Handlers<T>,
    settings: &Settings,
    budget: &Budget<'_>,
    request: Request<Bytes>,
) -> Answer {
    let (route, outcome) = match router::find(request.method(), request.uri().path()) {
        Found::Route(route, parameters) => match handlers(route.endpoint) {
            None => ("none", Err(Failure::new(Code::RouteNotFound))),
            Some(handler) => {
                let mut incoming = Incoming::new(app, settings, budget, route, parameters, &request);
                (route.name, admitted(&mut incoming, handler).await)
            }
        },
        Found::Preflight => ("preflight", Ok(Reply::empty())),
        Found::OtherMethods(allowed) => ("none", Err(Failure::new(Code::MethodNotAllowed).header("allow", allowed))),
        Found::Nothing => ("none", Err(Failure::new(Code::RouteNotFound))),
    };
    let head = request.method() == Method::HEAD;
    reply::finish(route, outcome, head)
}

/// Answers what may reach the functions the way that it came.
async fn admitted<T: Table>(incoming: &mut Incoming<'_, T>, handler: Handler<T>) -> Result<Reply, Failure> {
    let is_only_way = incoming.settings.edge.as_ref().is_some_and(|edge| edge.is_only_way);
    if is_only_way && !incoming.is_from_edge() {
        return Err(Failure::new(Code::EdgeRequired));
    }
    counted(incoming, handler).await
}

/// Answers, and counts the call against the quota of the project that it is about, if there is one and nothing did so before.
async fn counted<T: Table>(incoming: &mut Incoming<'_, T>, handler: Handler<T>) -> Result<Reply, Failure> {
    let outcome = dispatch(incoming, handler).await;
    if outcome.as_ref().is_err_and(Failure::is_uncounted) {
        return outcome;
    }
    quota::pass(incoming.app, incoming.budget).await?;
    outcome
}

/// Authentication comes first: a caller without permission learns that, whatever else is wrong with the request.
/// Whether a well-formed secret belongs to a project, the handlers learn with the records that they load; if a handler
/// stops before that, because of the request itself, it is checked separately.
async fn dispatch<T: Table>(incoming: &mut Incoming<'_, T>, handler: Handler<T>) -> Result<Reply, Failure> {
    let access = match incoming.route.auth {
        Auth::Open => return handle(incoming, handler).await,
        Auth::Member => {
            incoming.count(None);
            incoming.session = Some(auth::member(incoming).await?);
            return handle(incoming, handler).await;
        }
        Auth::Project => auth::project(incoming.request.headers())?,
        Auth::Administrator(scope) => {
            let by = auth::administrator(incoming).await?;
            by.may(scope, incoming.route.method == "GET").map_err(Error::Denied)?;
            Access::Administrator(by)
        }
    };
    incoming.access = Some(access.clone());
    incoming.count(match &access {
        Access::Administrator(by) => Some(by),
        Access::Secret(_) => None,
    });
    if query::supports_dry_run(incoming.route) && incoming.query_bool("dryRun")? {
        return dry_run(incoming, handler).await;
    }
    match handle(incoming, handler).await {
        Err(failure) if failure.is_of_unknown_key() => {
            if matches!(access, Access::Secret(_)) {
                incoming.take_token(Limited::UnknownKeys).await?;
            }
            Err(failure)
        }
        Err(failure) if failure.is_of_the_request() => {
            load::known(incoming.app, incoming.budget, &access).await?;
            Err(failure)
        }
        outcome => outcome,
    }
}

/// Whether the request would be done: from here on it writes nothing.
async fn dry_run<T: Table>(incoming: &Incoming<'_, T>, handler: Handler<T>) -> Result<Reply, Failure> {
    incoming.budget.meter.set_dry_run();
    match handle(incoming, handler).await {
        Err(failure) if !failure.is_dry_run() => Err(failure),
        // What would write nothing, because it is done already, would be done as well.
        _ => Ok(Reply::json(&json!({ "dryRun": true }))),
    }
}

async fn handle<T: Table>(incoming: &Incoming<'_, T>, handler: Handler<T>) -> Result<Reply, Failure> {
    query::check(incoming.route, incoming.request.uri().query())?;
    if incoming.request.body().len() > limits::BODY_BYTES_MAX {
        return Err(Failure::new(Code::BodyTooLarge).value("max", limits::BODY_BYTES_MAX.to_string()));
    }
    handler(incoming).await
}
