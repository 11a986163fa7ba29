//! Every route on one port, and the switches under `/__local`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use ltlm_protocol::read::Reader;
use ltlm_protocol::{Code, ErrorBody, Problems, Timestamp, limits};
use serde_json::{Value, json};
use shared::host::log;
use shared::service::ports::Clock;
use shared::table::fault::Faults;
use shared::table::port::Spent;

use crate::state::{ALLOWANCE, Edge, Server, lock};
use crate::{checkout_page, gateway, guard};

/// Largest body that is read at all; the product refuses smaller ones with its own answer.
const READ_MAX: usize = 16 * 1024 * 1024;

/// The routes of the process.
pub fn router(server: Arc<Server>) -> Router {
    Router::new().fallback(respond).with_state(server)
}

async fn respond(State(server): State<Arc<Server>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    if parts.uri.path().starts_with("/__local/") && !guard::is_own(&parts.headers, server.address) {
        return text_answer(StatusCode::FORBIDDEN, guard::REFUSED);
    }
    let Ok(body) = axum::body::to_bytes(body, READ_MAX).await else {
        let values = [("max", limits::BODY_BYTES_MAX.to_string())];
        return json_answer(StatusCode::PAYLOAD_TOO_LARGE, &json!(ErrorBody::new(Code::BodyTooLarge, &values, None)));
    };
    if let Some(page) = parts.uri.path().strip_prefix("/__local/pay/") {
        return checkout_page::page(&server, &parts.method, page, &body).await;
    }
    if (parts.method == Method::POST) && parts.uri.path() == "/__local/schedules/renewals/run" {
        let report = server.background.dispatch().await;
        let counts: serde_json::Map<_, _> =
            report.counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        return json_answer(StatusCode::OK, &Value::Object(counts));
    }
    if let Some(switch) = parts.uri.path().strip_prefix("/__local/") {
        return match local(&server, &parts.method, switch, &body) {
            Some(Ok(answer)) => json_answer(StatusCode::OK, &answer),
            Some(Err(problems)) => {
                let values = [("problem", problems.message())];
                json_answer(
                    StatusCode::BAD_REQUEST,
                    &json!(ErrorBody::new(Code::BadRequest, &values, Some(problems.details()))),
                )
            }
            None => json_answer(StatusCode::NOT_FOUND, &json!(ErrorBody::new(Code::RouteNotFound, &[], None))),
        };
    }
    let request = gateway::through(&parts, &body, peer);
    let (response, report) = server.host.respond(request, ALLOWANCE).await;
    server.count(&report);
    if server.logs {
        log::request(&report);
    }
    if server.drops() {
        // A body that fails at once makes the server close the connection in the caller's face, after the effect.
        let lost = futures_util::stream::once(async {
            Err::<Bytes, _>(std::io::Error::other("injected: the reply was lost"))
        });
        return Response::new(Body::from_stream(lost));
    }
    response.map(Body::from)
}

fn text_answer(status: StatusCode, text: &'static str) -> Response {
    answer(status, "text/plain; charset=utf-8", Body::from(text))
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    answer(status, "application/json; charset=utf-8", Body::from(body.to_string()))
}

fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

/// The switches; `None` for one that does not exist.
fn local(server: &Server, method: &Method, switch: &str, body: &[u8]) -> Option<Result<Value, Problems>> {
    let parsed = || ltlm_protocol::json::parse(body).map_err(|_| Problems::one("", "body must be JSON"));
    match (method.as_str(), switch) {
        ("GET", "clock") => Some(Ok(clock(server))),
        ("POST", "clock") => Some(parsed().and_then(|body| move_clock(server, &body))),
        ("POST", "faults") => Some(parsed().and_then(|body| set_faults(server, &body))),
        ("GET", "units") => Some(Ok(units(server))),
        ("GET", "events") => {
            let newest_first: Vec<_> = server.background.bus.notices().into_iter().rev().collect();
            Some(Ok(json!({"events": newest_first})))
        }
        ("GET", "notices") => Some(Ok(json!({"notices": server.background.bus.notices()}))),
        ("GET", "outbox") => Some(Ok(json!({"mails": server.background.post_office.mails()}))),
        ("GET", "queue") => Some(Ok(queue(server))),
        _ => None,
    }
}

fn clock(server: &Server) -> Value {
    json!({"now": server.clock.now().to_string()})
}

fn move_clock(server: &Server, body: &Value) -> Result<Value, Problems> {
    let mut r = Reader::new(body)?;
    let seconds = r.int_opt("advanceSeconds", -10_000_000_000, 10_000_000_000);
    let now = r.text_opt("now", limits::NAME_CHARS_MAX);
    let instant = now.as_deref().and_then(Timestamp::parse);
    if now.is_some() && instant.is_none() {
        r.problem("now", "must be an ISO 8601 instant such as 2027-01-31T00:00:00Z");
    }
    if seconds.is_some() == now.is_some() {
        r.problem("advanceSeconds", "or now must be sent, and not both");
    }
    r.finish()?;
    if let Some(instant) = instant {
        server.clock.set(instant);
    }
    server.clock.advance_seconds(seconds.unwrap_or(0));
    Ok(clock(server))
}

fn set_faults(server: &Server, body: &Value) -> Result<Value, Problems> {
    let mut r = Reader::new(body)?;
    let mut percent = |name: &str| u32::try_from(r.int_opt(name, 0, 100).unwrap_or(0)).unwrap_or(0);
    let (drop, throttle, conflict) =
        (percent("dropReplyPercent"), percent("throttlePercent"), percent("conflictPercent"));
    let delay = r.int_opt("delayMilliseconds", 0, 60_000).unwrap_or(0).unsigned_abs();
    let seed = r.int_opt("seed", 0, i64::MAX).unwrap_or(0).unsigned_abs();
    r.finish()?;
    let faults = Faults {
        drop_reply_percent: drop,
        throttle_percent: throttle,
        conflict_percent: conflict,
        delay_milliseconds: delay,
        seed,
    };
    server.host.app.table.set(faults);
    *lock(&server.edge) = Edge { drop_reply_percent: drop, random: seed };
    Ok(
        json!({"dropReplyPercent": drop, "throttlePercent": throttle, "conflictPercent": conflict, "delayMilliseconds": delay, "seed": seed}),
    )
}

fn queue(server: &Server) -> Value {
    let queue = &server.background.queue;
    json!({"waiting": queue.waiting().len(), "dead": queue.dead().len()})
}

fn units(server: &Server) -> Value {
    let spent = |s: Spent| json!({"roundTrips": s.round_trips, "readUnits": s.read_units, "writeUnits": s.write_units});
    let rows = lock(&server.units);
    let rows = rows.iter().map(|(route, row)| {
        let row = json!({"requests": row.requests, "last": spent(row.last), "total": spent(row.total)});
        ((*route).to_owned(), row)
    });
    json!({ "routes": rows.collect::<serde_json::Map<_, _>>() })
}
