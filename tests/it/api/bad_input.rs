//! Bad input, as one table over all routes: the documented code in the documented body, nothing written, no panic.

use bytes::Bytes;
use http::Request;
use ltlm_protocol::code::RESERVED_WORDS;
use ltlm_protocol::{Code, ErrorBody, limits};
use serde_json::{Value, json};
use shared::api::function::Auth;
use shared::api::query;
use shared::api::routes::Route;
use shared::api::routes::{Endpoint, ROUTES};
use shared::model::record::Record;
use shared::model::write::Write;
use shared::table::port::{Meter, Read, Table};

use crate::support::{ADMIN_KEY, L1, Reply, SECRET, TestApp, device};

/// A request to `route` that has nothing wrong but what the case puts there.
fn builder(route: &Route, app: &TestApp, session: &str) -> http::request::Builder {
    let path = route
        .path
        .replace("{key}", L1)
        .replace("{licenseKey}", L1)
        .replace("{projectId}", &app.project_id)
        .replace("{hwid}", &device('a'))
        .replace("{accountId}", "user-1")
        .replace("{holdId}", "hold-1")
        .replace("{tokenId}", &"0".repeat(64))
        .replace("{organizationId}", "acme")
        .replace("{userId}", "ada")
        .replace("{orderId}", "ord_1")
        .replace("{webhookId}", "wh_1")
        .replace("{username}", "d@e.f")
        .replace("{PolicyID}", "1");
    let builder = Request::builder().method(route.method).uri(path).header("x-project-id", &app.project_id);
    match route.auth {
        Auth::Open => builder,
        Auth::Project => builder.header("x-project-secret", SECRET),
        Auth::Administrator(_) => builder.header("authorization", format!("Bearer {ADMIN_KEY}")),
        Auth::Member => builder.header("authorization", format!("Bearer {session}")),
    }
}

/// Does the route take envelopes?
fn is_pro(route: &Route) -> bool {
    route.name.starts_with("pro-")
}

/// A refusal in the documented shape, with nothing written.
fn assert_refused(reply: &Reply, code: Code, case: &str) {
    let body: ErrorBody = serde_json::from_str(&reply.text).unwrap_or_else(|e| panic!("{case}: {e} in {}", reply.text));
    assert_eq!((reply.status, body.code.as_str()), (code.status(), code.wire()), "{case}: {}", reply.text);
    assert_eq!((body.status.as_str(), body.is_operational, &body.error), ("fail", true, &body.code), "{case}");
    // Who asks for what is not there is counted, and nothing else is written.
    let is_counted = matches!(code, Code::LicenseNotFound | Code::UnauthorizedProject);
    assert!(reply.spent.write_units <= if is_counted { 1.0 } else { 0.0 }, "{case}");
    if code == Code::BadRequest {
        let words: Vec<_> = RESERVED_WORDS.iter().filter(|word| body.message.contains(**word)).collect();
        assert!(words.is_empty(), "{case}: {} says {words:?}", body.message);
        assert!(!body.details.unwrap()["problems"].as_array().unwrap().is_empty(), "{case}");
    }
}

#[tokio::test]
async fn every_route_with_a_body_refuses_what_is_not_its_json() {
    let app = TestApp::new().await;
    let session = app.access_token(json!({"userId": "ada"})).await;
    let deep = "[".repeat(40) + &"]".repeat(40);
    let bodies: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("not JSON", b"{\"hwid\":"),
        ("not UTF-8", b"{\"hwid\":\"\xff\xfe\"}"),
        ("a list", b"[1,2]"),
        ("a text", b"\"hello\""),
        ("null", b"null"),
        ("a bomb", deep.as_bytes()),
        (
            "wrong types",
            br#"{"hwid":5,"amount":"5x","action":[],"name":{},"type":7,"policyId":[],"state":"asleep","reason":false,
                "operationId":7,"dryRun":"no","limit":"x"}"#,
        ),
        ("nothing in it", b"{}"),
    ];
    for route in ROUTES.iter().filter(|route| route.body) {
        // What these may be told, they need not be.
        let is_content = matches!(
            route.endpoint,
            Endpoint::CommitHold | Endpoint::VoidHold | Endpoint::RenewAccounts | Endpoint::AdminReplay
        );
        for (name, body) in bodies.iter().filter(|(name, _)| !(is_content && *name == "nothing in it")) {
            let request = builder(route, &app, &session).header("content-type", "application/json");
            let reply = app.send(request.body(Bytes::copy_from_slice(body)).unwrap()).await;
            let code = match route.endpoint {
                _ if is_pro(route) => Code::BadEnvelope,
                // Nobody signed it, whatever it is.
                Endpoint::StripeMessage => Code::WebhookSignatureRejected,
                // The seed has a sentence of its own for this.
                Endpoint::CheckTokens if matches!(*name, "nothing in it" | "wrong types") => Code::FeatureFieldsMissing,
                _ => Code::BadRequest,
            };
            assert_refused(&reply, code, &format!("{} with {name}", route.name));
        }
        let request =
            builder(route, &app, &session).header("content-type", "text/xml").body(Bytes::from_static(b"<a/>"));
        assert_refused(&app.send(request.unwrap()).await, Code::UnsupportedMediaType, route.name);
        let long = Bytes::from(vec![b' '; limits::BODY_BYTES_MAX + 1]);
        assert_refused(
            &app.send(builder(route, &app, &session).body(long).unwrap()).await,
            Code::BodyTooLarge,
            route.name,
        );
    }
    assert_eq!(app.get(L1, "").await.int_of("tokensRemaining"), 100);
}

#[tokio::test]
async fn every_closed_route_refuses_strangers() {
    let app = TestApp::new().await;
    let session = app.access_token(json!({"userId": "ada"})).await;
    // The body is wrong for most routes: that is not what a stranger is told.
    let body = || Bytes::from_static(b"{\"hwid\":");
    for route in ROUTES.iter().filter(|route| route.auth != Auth::Open) {
        let (header, wrong, code): (_, Vec<String>, _) = match route.auth {
            Auth::Administrator(_) => {
                let other = format!("Bearer {}1", &ADMIN_KEY[..ADMIN_KEY.len() - 1]);
                let keys = vec![String::new(), "Bearer".into(), "Bearer x".into(), format!("Basic {ADMIN_KEY}"), other];
                ("authorization", keys, Code::Unauthorized)
            }
            Auth::Member => {
                let other = format!("Bearer {}!", &session[..session.len() - 1]);
                let tokens = vec![String::new(), "Bearer".into(), format!("Bearer {ADMIN_KEY}"), other];
                ("authorization", tokens, Code::SessionRequired)
            }
            _ => ("x-project-secret", vec![String::new(), "x".into(), "f".repeat(64)], Code::UnauthorizedProject),
        };
        let mut without = builder(route, &app, &session).body(body()).unwrap();
        without.headers_mut().remove(header);
        assert_refused(&app.send(without).await, code, route.name);
        for value in wrong {
            let mut request = builder(route, &app, &session).body(body()).unwrap();
            request.headers_mut().insert(header, value.parse().unwrap());
            assert_refused(&app.send(request).await, code, &format!("{} with {value:?}", route.name));
        }
    }
}

/// The examples are `offset` and `startDate` at an account's ledger; the siblings are all other routes that a vendor's systems call.
#[tokio::test]
async fn a_parameter_that_the_route_does_not_know_is_refused_with_the_nearest_one() {
    let app = TestApp::new().await;
    let session = app.access_token(json!({"userId": "ada"})).await;
    let send = async |route: &Route, query: &str| {
        let mut request = builder(route, &app, &session).body(Bytes::from_static(b"{}")).unwrap();
        *request.uri_mut() = format!("{}?{query}", request.uri().path()).parse().unwrap();
        app.send(request).await
    };
    let entries = ROUTES.iter().find(|route| route.endpoint == Endpoint::AccountEntries).unwrap();
    let reply = send(entries, "offset=10&startDate=2026-01-01&limit=5").await;
    assert_refused(&reply, Code::BadRequest, "offset");
    assert_eq!(reply.text_of("message"), "offset is not a parameter of this route: did you mean `cursor`?");
    let problems = reply.body["details"]["problems"].as_array().unwrap();
    let paths: Vec<_> = problems.iter().map(|problem| problem["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["offset", "startDate"]);
    assert!(problems[1]["problem"].as_str().unwrap().ends_with("did you mean `from`?"), "{}", reply.text);
    let strict = |route: &&Route| matches!(route.auth, Auth::Administrator(_) | Auth::Member);
    for route in ROUTES.iter().filter(strict) {
        let reply = send(route, "nobodyKnowsThis=1").await;
        assert_refused(&reply, Code::BadRequest, route.name);
        assert_eq!(reply.body["details"]["problems"][0]["path"], "nobodyKnowsThis", "{}", route.name);
    }
    for tail in ["/usage?hwid=a&offset=1", "/entitlement?hwid=a&token=1"] {
        assert_refused(&app.get(L1, tail).await, Code::BadRequest, tail);
    }
    // The existing client may send what we do not know.
    assert_eq!(app.get(L1, "?hwid=a&_t=1").await.status, 200);
    assert_eq!(app.get(L1, "/seats?anything=1").await.status, 200);
}

/// The body of the route's event.
fn example(route: &Route) -> String {
    let event = crate::api::endpoints::event(route.name, "p", "1");
    event["body"].as_str().unwrap_or_default().to_owned()
}

/// The examples are a project's `securty` and a policy's `enable`; the siblings are all other bodies that an administrator sends, at
/// every depth.
#[tokio::test]
async fn a_member_that_nothing_knows_is_refused_with_the_nearest_that_something_does() {
    let app = TestApp::new().await;
    let session = app.access_token(json!({"userId": "ada"})).await;
    let project = format!("/v1/admin/projects/{}", app.project_id);
    let said = async |method: &str, path: &str, body: Value| {
        let reply = app.admin(method, path, body).await;
        assert_refused(&reply, Code::BadRequest, path);
        reply.text_of("message").to_owned()
    };
    let mean = |path: &str, name: &str| format!("{path} is not known here: did you mean `{name}`?");
    let settings = json!({"settings": {"securty": {"gcmOnly": true}}});
    assert_eq!(said("PATCH", &project, settings).await, mean("settings.securty", "security"));
    let mut policy = local::demo::sub();
    policy["config"]["sdkEnforcement"]["heartbeat"] = json!({"enable": true});
    let path = format!("{project}/policies");
    assert_eq!(said("POST", &path, policy).await, mean("config.sdkEnforcement.heartbeat.enable", "enabled"));
    let mut policy = local::demo::sub();
    policy["topUpOptions"][1]["seat"] = json!(1);
    assert_eq!(said("POST", &path, policy).await, mean("topUpOptions[1].seat", "seats"));
    let plans = json!({"settings": {"accounts": {"plans": {"Any": {"tokens": 1, "periodDay": 3}}}}});
    assert_eq!(said("PATCH", &project, plans).await, mean("settings.accounts.plans.Any.periodDay", "periodDays"));
    let license = format!("/v1/admin/licenses/{L1}");
    let overrides = json!({"overrides": {"customerActions": {"canBuyTopups": true}}});
    assert_eq!(
        said("PATCH", &license, overrides).await,
        mean("overrides.customerActions.canBuyTopups", "canBuyTopUps")
    );
    // A word that the old client branches on stays out of the sentence, and is in the details.
    let seats = json!({"config": {"limits": {"seats": {"enable": true}}}});
    let path = format!("/v1/admin/policies/{}", app.policy(local::demo::perp()).await);
    let reply = app.admin("PATCH", &path, seats).await;
    let problem = &reply.body["details"]["problems"][0];
    assert_eq!(
        (&problem["path"], &problem["problem"]),
        (&json!("config.limits.seats.enable"), &json!("is not known here: did you mean `enabled`?"))
    );
    // Each body, with one member more.
    let strict = |route: &&Route| route.body && matches!(route.auth, Auth::Administrator(_));
    for route in ROUTES.iter().filter(strict) {
        let mut body: Value = serde_json::from_str(&example(route)).unwrap();
        body["nobodyKnowsThis"] = json!({"at": 1});
        let request = builder(route, &app, &session).body(Bytes::from(body.to_string())).unwrap();
        let reply = app.send(request).await;
        // Changes judge against what there is: which is not there for some of the examples.
        if reply.status == 404 {
            continue;
        }
        assert_refused(&reply, Code::BadRequest, route.name);
        assert_eq!(reply.body["details"]["problems"][0]["path"], "nobodyKnowsThis", "{}", route.name);
    }
    // What is the vendor's own stays free, and old clients may send more.
    let own = json!({"metadata": {"x": {"y": 1}}, "overrides": {"features": {"any": 1}, "projectSettings": {"thing": 1}, "metadata": {}},
        "customer": {"metadata": {"crm": 7}}});
    assert_eq!(app.admin("PATCH", &license, own).await.status, 200);
    assert_eq!(app.admin("PATCH", &project, json!({"projectSettings": {"any": {"thing": 1}}})).await.status, 200);
    let more = json!({"hwid": device('a'), "sdkLanguage": "C#", "meta": {"os": "x"}});
    assert_eq!(app.post(L1, "activate", more).await.status, 200);
}

/// A version before this one let in what nothing knows. The siblings of a policy are a project and a license.
#[tokio::test]
async fn what_is_stored_already_stays_editable_and_is_warned_of() {
    let app = TestApp::new().await;
    let policy = app.policy(local::demo::perp()).await;
    let path = format!("/v1/admin/policies/{policy}");
    let table = &app.host.app.table;
    let meter = Meter::default();
    let reads = [Read::Policy(policy.parse().unwrap()), Read::Project(app.project_id.clone())];
    for record in table.read(&reads, &meter).await.unwrap() {
        let write = match record {
            Record::Policy(mut policy) => {
                policy.terms.config.insert("securty".into(), json!({"gcmOnly": true}));
                policy.revision += 1;
                Write::ReplacePolicy { policy }
            }
            Record::Project(mut project) => {
                project.settings.insert("securty".into(), json!(1));
                project.revision += 1;
                Write::ReplaceProject { project }
            }
            _ => continue,
        };
        table.commit(&[write], None, &meter).await.unwrap();
    }
    let warning =
        |place: &str, name: &str| json!([format!("{place}.securty is not known here: did you mean `{name}`?")]);
    let answer = app.admin("GET", &path, Value::Null).await;
    assert!(
        answer.body["warnings"][0].as_str().unwrap().starts_with("config.securty is not known here"),
        "{}",
        answer.text
    );
    // It is edited without them, and with them as they were; a change of them is refused, and their end is not.
    for change in
        [json!({"config": {"limits": {"devices": {"maxDevices": 3}}}}), json!({ "config": answer.body["config"] })]
    {
        let changed = app.admin("PATCH", &path, change).await;
        assert_eq!((changed.status, &changed.body["warnings"]), (200, &answer.body["warnings"]), "{}", changed.text);
    }
    let other = json!({"config": {"securty": {"gcmOnly": false}}});
    app.admin("PATCH", &path, other).await.refused(400, "BAD_REQUEST");
    let gone = app.admin("PATCH", &path, json!({"config": {"securty": null}})).await;
    assert_eq!((gone.status, &gone.body["warnings"]), (200, &Value::Null), "{}", gone.text);
    let project = format!("/v1/admin/projects/{}", app.project_id);
    let named = app.admin("PATCH", &project, json!({"name": "Studio"})).await;
    assert_eq!((named.status, &named.body["warnings"]), (200, &warning("settings", "security")), "{}", named.text);
}

/// A number may be written `5.0`: it is read where it counts as it is where it is checked.
#[tokio::test]
async fn a_whole_number_counts_however_it_is_written() {
    let app = TestApp::new().await;
    let limits = json!({"tokens": {"enabled": true, "maxTokens": 5.0}, "seats": {"enabled": true, "maxSeats": 3.0},
        "devices": {"maxDevices": 4.0}});
    let key = app.license_with(limits).await;
    let answer = app.get(&key, "").await;
    let figures = ["tokensLimit", "maxConcurrentSeats", "maxActivations"].map(|name| answer.int_of(name));
    assert_eq!(figures, [5, 3, 4]);
    let costs = json!({"settings": {"accounts": {"costs": {"draw": 4.0}, "plans": {"Ten": {"tokens": 10.0}}},
        "organizations": {"costs": {"dream": 2.0}}}});
    let path = format!("/v1/admin/projects/{}", app.project_id);
    assert_eq!(app.admin("PATCH", &path, costs).await.status, 200);
    assert_eq!(app.account("POST", "", json!({"accountId": "u", "tier": "Ten"})).await.int_of("tokensBalance"), 10);
    let charged = app.account("POST", "/u/charge", json!({"operationType": "draw"})).await;
    assert_eq!(charged.int_of("newBalance"), 6, "{}", charged.text);
}

#[tokio::test]
async fn every_license_route_refuses_an_unknown_key_alike() {
    let app = TestApp::new().await;
    let session = app.access_token(json!({"userId": "ada"})).await;
    let body = json!({"hwid": device('a'), "amount": 1, "action": "x", "state": "active", "reason": "r", "settings": {}, "targetHwid": "b", "callerHwid": "a", "usages": [], "nickname": "n", "hwids": ["a"], "packId": "p"}).to_string();
    for route in ROUTES.iter().filter(|route| route.path.contains("ey}")) {
        // A source may guess so many a minute.
        app.clock.advance_seconds(10);
        for key in ["NOPE", "LIC-0000000000000000", "%2e%2e", "LIC%23META", "%F0%9F%98%80", "a%00b"] {
            let body = if matches!(route.auth, Auth::Administrator(_)) { example(route) } else { body.clone() };
            let mut request = builder(route, &app, &session).body(Bytes::from(body)).unwrap();
            let path = route.path.replace("{key}", key).replace("{licenseKey}", key).replace("{hwid}", "a");
            let query = if query::parameters(route).any(|name| name == "hwid") { "?hwid=a" } else { "" };
            *request.uri_mut() = format!("{path}{query}").parse().unwrap();
            assert_refused(&app.send(request).await, Code::LicenseNotFound, &format!("{} of {key}", route.name));
        }
    }
}

#[tokio::test]
async fn amounts_devices_and_ids_are_bounded() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    let with = async |name: &str, value: Value| {
        let mut body = json!({"hwid": device('a'), "amount": 1, "action": "x", "operationId": "id"});
        body[name] = value;
        app.post(L1, "consume", body).await
    };
    let cases = [
        (
            "amount",
            vec![
                json!(0),
                json!(-1),
                json!(2.5),
                json!("5x"),
                json!(1_000_000_001),
                json!(1e300),
                json!(true),
                Value::Null,
            ],
        ),
        ("hwid", vec![json!(""), json!("x".repeat(129)), json!(7), Value::Null]),
        ("action", vec![json!(""), json!("x".repeat(201)), json!({}), Value::Null]),
        ("operationId", vec![json!(""), json!("x".repeat(129)), json!("a b"), json!("ä"), json!(7)]),
        ("meta", vec![json!([]), json!("x"), json!({"x": "y".repeat(4_096)})]),
    ];
    for (name, values) in cases {
        for value in values {
            let reply = with(name, value.clone()).await;
            assert_refused(&reply, Code::BadRequest, &format!("{name} = {value}"));
            assert_eq!(reply.body["details"]["problems"][0]["path"], *name);
        }
    }
    for usages in [json!({}), json!("x"), json!(vec![json!({"amount": 1, "action": "x"}); 1_001]), Value::Null] {
        let reply = app.post(L1, "consume-batch", json!({"hwid": device('a'), "usages": usages})).await;
        assert_refused(&reply, Code::BadRequest, "a batch that is none");
        assert_eq!(reply.body["details"]["problems"][0]["path"], "usages");
    }
    let long = format!("/v1/admin/licenses/{L1}/devices/{}", "x".repeat(129));
    assert_refused(&app.admin("DELETE", &long, Value::Null).await, Code::BadRequest, "a long hwid in the path");
    for query in ["?limit=0", "?limit=101", "?limit=x", "?cursor=zz", "?cursor=6c"] {
        assert_refused(&app.get(L1, &format!("/usage{query}")).await, Code::BadRequest, query);
    }
    assert_refused(&app.get(L1, &format!("?hwid={}", "x".repeat(129))).await, Code::BadRequest, "long hwid");
    assert_eq!(app.get(L1, "").await.int_of("tokensRemaining"), 100);
    assert_eq!(with("amount", json!(1)).await.status, 200);
}

#[tokio::test]
async fn a_vendors_mistakes_are_all_told_at_once() {
    let app = TestApp::new().await;
    let path = format!("/v1/admin/projects/{}/licenses", app.project_id);
    let body = json!({"policyId": "1", "count": 1_001, "licenseKey": "short", "validUntil": "soon", "customer": {"email": "nobody"},
        "overrides": {"limits": {"seats": {"maxSeats": -1}}}, "metadata": {"$type": 1}});
    let reply = app.admin("POST", &path, body).await;
    assert_refused(&reply, Code::BadRequest, "licence");
    let paths: Vec<_> =
        reply.body["details"]["problems"].as_array().unwrap().iter().map(|p| p["path"].as_str().unwrap()).collect();
    for path in ["metadata", "count", "licenseKey", "customer.email", "validUntil", "overrides.limits.seats.maxSeats"] {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
    for body in
        [json!({"amount": 0, "reason": "r"}), json!({"amount": -1, "reason": "r", "expiresAt": "2027-01-01T00:00:00Z"})]
    {
        assert_refused(
            &app.admin("POST", &format!("/v1/admin/licenses/{L1}/tokens"), body).await,
            Code::BadRequest,
            "tokens",
        );
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_ours() {
    let app = TestApp::empty().await;
    let call = async |method: &str, path: &str| {
        app.send(Request::builder().method(method).uri(path).body(Bytes::new()).unwrap()).await
    };
    for path in ["/", "/v1", "/health/", "/api", "/api/api/health", "/v1/sdk/license//activate"] {
        assert_refused(&call("GET", path).await, Code::RouteNotFound, path);
    }
    let reply = call("DELETE", &format!("/v1/admin/licenses/{L1}")).await;
    assert_refused(&reply, Code::MethodNotAllowed, "delete");
    assert_eq!(reply.headers["allow"], "GET, PATCH");
    assert_eq!(call("HEAD", "/health").await.text, "");
}
