//! Quotas of a project's traffic: every route is counted as what its row says, or never.

use http::Request;
use serde_json::{Value, json};
use shared::api::routes::ROUTES;
use shared::model::quota::Traffic;
use shared::model::record::Record;
use shared::service::ids::sha256_hex;
use shared::table::port::{Meter, Read, Table};

use crate::api::endpoints::{EXPECTED, event, items, request};
use crate::support::{ADMIN_KEY, L1, Reply, TestApp, device, send};

/// Minutes of a day, which is as long as a quota may be.
const DAY: i64 = 1_440;

impl TestApp {
    /// When the quota's bucket is full again, in milliseconds; 0 where nothing was ever taken.
    async fn full_at(&self, traffic: Traffic) -> i64 {
        let name = sha256_hex(format!("quota\n{}\n{}", traffic.name(), self.project_id).as_bytes());
        let found = self.host.app.table.inner().read(&[Read::Bucket(name)], &Meter::default()).await.unwrap();
        let bucket = found.into_iter().find_map(|record| if let Record::Bucket(b) = record { Some(b) } else { None });
        bucket.map_or(0, |bucket| bucket.full_at.ms())
    }

    /// All quotas of the project alike.
    async fn quotas(&self, calls: i64, minutes: i64) {
        let one = json!({"calls": calls, "minutes": minutes});
        let all: serde_json::Map<_, _> = Traffic::ALL.iter().map(|t| (t.name().to_owned(), one.clone())).collect();
        self.project_settings(json!({ "quotas": all })).await;
    }
}

/// Which members' tokens there are, the event files do not know: the access token in place of theirs.
fn request_of(name: &str, app: &TestApp, session: &str) -> Request<bytes::Bytes> {
    let mut event = event(name, &app.project_id, "1");
    if name == "check-tokens" || name == "token-stats" {
        event["headers"]["authorization"] = json!(format!("Bearer {session}"));
    }
    request(&event)
}

/// All items but the buckets: of a source's tries some are taken before it is known whose project it is.
async fn things(app: &TestApp) -> Vec<String> {
    items(app).await.into_iter().filter(|item| !item.contains("S(\"RATE#")).collect()
}

fn counted_as(name: &str) -> Option<Traffic> {
    ROUTES.iter().find(|route| route.name == name).unwrap().quota
}

#[tokio::test]
async fn every_route_is_counted_once_as_what_it_is_or_never() {
    let app = TestApp::new().await;
    app.activate(L1, &device('b')).await;
    let session = app.access_token(json!({"userId": "ada"})).await;
    app.quotas(1_000_000, DAY).await;
    let start = ltlm_protocol::Timestamp::parse(crate::support::START).unwrap().ms();
    let each = DAY * 60_000 / 1_000_000;
    let mut wrong = Vec::new();
    for (name, ..) in EXPECTED {
        // A change of the project's own settings replaces its quotas.
        if *name == "admin-change-project" {
            assert_eq!(counted_as(name), None);
            continue;
        }
        let mut before = Vec::new();
        for traffic in Traffic::ALL {
            before.push(app.full_at(*traffic).await.max(start));
        }
        let reply: Reply = app.send(request_of(name, &app, &session)).await;
        for (traffic, before) in Traffic::ALL.iter().zip(before) {
            let taken = (app.full_at(*traffic).await.max(start) - before) / each;
            let expected = i64::from(counted_as(name) == Some(*traffic) && reply.status != 401);
            if taken != expected {
                wrong.push(format!("{name}: {taken} of {} with {}", traffic.name(), reply.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_counted_is_refused_beyond_its_quota_and_does_nothing_and_what_is_not_goes_on() {
    let app = TestApp::new().await;
    app.activate(L1, &device('b')).await;
    let session = app.access_token(json!({"userId": "ada"})).await;
    app.quotas(1, DAY).await;
    // One call of each, and all are used up.
    for name in ["seats", "accounts", "admin-policies"] {
        assert_eq!(app.send(request_of(name, &app, &session)).await.status, 200, "{name}");
    }
    let mut wrong = Vec::new();
    let mut refused = 0;
    for (name, ..) in EXPECTED.iter().filter(|(name, ..)| *name != "admin-change-project") {
        let before = things(&app).await;
        let reply: Reply = app.send(request_of(name, &app, &session)).await;
        let is_held = reply.status == 429 && reply.body["code"] == "RATE_LIMITED";
        match counted_as(name) {
            None if is_held => wrong.push(format!("{name} is held back")),
            None => {}
            Some(_) if !is_held => wrong.push(format!("{name} is answered: {} {}", reply.status, reply.text)),
            Some(_) => {
                refused += 1;
                let headers = |name: &str| reply.headers[name].to_str().unwrap().parse::<i64>().unwrap();
                assert!(headers("retry-after") > 3_600 && headers("ratelimit-reset") > 3_600, "{name}");
                assert_eq!((headers("ratelimit-limit"), headers("ratelimit-remaining")), (1, 0), "{name}");
                if things(&app).await != before {
                    wrong.push(format!("{name} is refused and writes"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused > 60, "{refused}");
    // A registered device goes on for as long as it likes, on either face.
    let a = device('b');
    let mut nonce = app.validated(L1, &a).await;
    for nth in 0..5 {
        assert_eq!(app.get(L1, "").await.status, 200);
        assert_eq!(app.activate(L1, &a).await.status, 200);
        assert_eq!(app.beat(L1, &a).await.status, 200);
        assert_eq!(app.consume(L1, &a, 1, &format!("quota-use-{nth}")).await.status, 200);
        let used = json!({"hwid": a, "usages": [{"hwid": a, "amount": 1, "action": "x", "operationId": format!("quota-batch-{nth}")}]});
        assert_eq!(app.post(L1, "consume-batch", used).await.status, 200);
        let stays = json!({"key": L1, "hwid": a, "isClosing": false});
        let beat = app.pro("heartbeat", &a, nonce, stays).await;
        assert_eq!(beat.reply.status, 200, "{}", beat.reply.text);
        nonce = beat.nonce();
    }
    // The vendor takes the quotas away, and all is answered again.
    app.project_settings(json!({"quotas": null})).await;
    assert_eq!(app.send(request_of("seats", &app, &session)).await.status, 200);
}

#[tokio::test]
async fn a_quota_costs_one_write_and_nothing_where_there_is_none() {
    let app = TestApp::new().await;
    let a = device('a');
    let cost = async || {
        let seats = app.get(L1, "/seats").await;
        let beat = app.beat(L1, &a).await;
        [seats.spent, beat.spent].map(|spent| (spent.round_trips, spent.read_units, spent.write_units))
    };
    app.activate(L1, &a).await;
    app.project_settings(json!({})).await;
    cost().await;
    let [seats, beat] = cost().await;
    app.quotas(1_000, 1).await;
    cost().await;
    let [counted, exempt] = cost().await;
    assert_eq!(counted, (seats.0 + 1, seats.1, seats.2 + 1.0));
    assert_eq!(exempt, beat, "what is not counted costs what it did");
}

#[tokio::test]
async fn calls_are_counted_where_they_belong() {
    let app = TestApp::new().await;
    app.quotas(3, DAY).await;
    let policies = format!("/v1/admin/projects/{}/policies", app.project_id);
    // Somebody else's key counts nothing here, and a stranger's none.
    let other = app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await.text_of("projectId").to_owned();
    let made = app.admin("POST", "/v1/admin/keys", json!({"scopes": ["read"], "projectId": other})).await;
    let call = async |key: &str, path: &str| {
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {key}"));
        send(&app.host, request.body(bytes::Bytes::new()).unwrap()).await
    };
    for _ in 0..5 {
        call(made.text_of("key"), &policies).await.refused(403, "FORBIDDEN");
        call(made.text_of("key"), "/v1/admin/policies/1").await.refused(404, "POLICY_NOT_FOUND");
        call("ltlm_admin_ffffffffffffffffffffffffffffffff", &policies).await.refused(401, "UNAUTHORIZED");
    }
    // What is refused for another reason counts, what is tried does not, and the rest comes back with time.
    let path = format!("/v1/admin/projects/{}/orders/ord_0", app.project_id);
    call(ADMIN_KEY, &path).await.refused(404, "ORDER_NOT_FOUND");
    let trial = format!("{policies}?dryRun=true");
    for _ in 0..3 {
        assert_eq!(app.admin("POST", &trial, local::demo::perp()).await.status, 200);
    }
    assert_eq!(call(ADMIN_KEY, &policies).await.status, 200);
    assert_eq!(call(ADMIN_KEY, &policies).await.status, 200);
    call(ADMIN_KEY, &policies).await.refused(429, "RATE_LIMITED");
    app.admin("POST", &trial, local::demo::perp()).await.refused(429, "RATE_LIMITED");
    // Another project's calls are its own.
    assert_eq!(call(ADMIN_KEY, &format!("/v1/admin/projects/{other}/policies")).await.status, 200);
    app.clock.advance_seconds(DAY * 60 / 3);
    assert_eq!(call(ADMIN_KEY, &policies).await.status, 200);
    // Mistakes are told.
    for bad in [
        json!({"seats": {"calls": 5}}),
        json!({"backends": {"minutes": 0}}),
        json!({"backends": {"calls": 9_999, "minutes": 1}}),
    ] {
        let path = format!("/v1/admin/projects/{}", app.project_id);
        app.admin("PATCH", &path, json!({"settings": {"quotas": bad}})).await.refused(400, "BAD_REQUEST");
    }
    assert_eq!(app.admin("GET", &policies, Value::Null).await.status, 429, "and leave the quota as it was");
}
