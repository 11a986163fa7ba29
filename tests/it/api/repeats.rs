//! Everything that changes something can be sent twice: each route that does has an operation id, or is named here with the
//! reason why it needs none.

use std::collections::BTreeSet;

use http::Request;
use serde_json::{Value, json};
use shared::api::function::Auth;
use shared::api::routes::ROUTES;
use shared::api::routes::Route;
use shared::service::ids::sha256_hex;

use crate::support::{ADMIN_KEY, L1, Reply, SECRET, TestApp, device};

const DAY: i64 = 86_400;

/// Routes that change something and have no operation id: each says a state, which a repetition says again, or brings an
/// envelope, a code or a message of its own by which a repetition is known. `every_command_without_an_operation_id_can_be_sent_twice`,
/// `every_pro_command_whose_answer_was_lost_can_be_sent_again` and the tests below send them twice.
const KNOWN_BY_THEMSELVES: &[&str] = &[
    "remove-device",
    "activate",
    "heartbeat",
    "signout",
    "release-seat",
    "save-settings",
    "stripe-message",
    "login-request",
    "portfolio",
    "dev-login",
    "dev-verify-otp",
];

/// Routes with an operation id that `calls_of_the_store_whose_answer_was_lost_can_be_sent_again` sends twice.
const SENT_TWICE_ELSEWHERE: &[&str] =
    &["checkout-link", "topup-link", "account-checkout-link", "organization-checkout-link"];

/// One of each act that has an operation id and is not an administrator's on licenses and projects, in an order in which each
/// changes something; and another request that may not have its id.
fn acts() -> Vec<(&'static str, String, Value, Value)> {
    let member = |action: &str| json!({"organizationId": "acme", "featureUsed": "generate_goal", "action": action});
    let licensed = |tail: &str| format!("/v1/sdk/license/{L1}/{tail}");
    let used = |amount: i64| json!([{"amount": amount, "action": "x", "timestamp": "2026-01-03T00:00:00Z"}]);
    let act = |name, path: &str, body, other| (name, path.to_owned(), body, other);
    vec![
        act(
            "create-account",
            "/v1/accounts",
            json!({"accountId": "u", "tier": "Gift"}),
            json!({"accountId": "u", "tier": "Professional"}),
        ),
        act(
            "debit-account",
            "/v1/accounts/u/debit",
            json!({"operationType": "x", "amount": 9}),
            json!({"operationType": "y", "amount": 9}),
        ),
        act(
            "refund-account",
            "/v1/accounts/u/refund",
            json!({"originalOperationId": "debit-account", "amount": 2}),
            json!({"originalOperationId": "debit-account", "amount": 1}),
        ),
        act(
            "charge-account",
            "/v1/accounts/u/charge",
            json!({"operationType": "image_generation"}),
            json!({"operationType": "video_generation"}),
        ),
        act(
            "credit-account",
            "/v1/accounts/u/credit",
            json!({"operationType": "x", "amount": 50}),
            json!({"operationType": "x", "amount": 51}),
        ),
        act(
            "hold-tokens",
            "/v1/accounts/u/holds",
            json!({"operationType": "x", "amount": 8}),
            json!({"operationType": "x", "amount": 7}),
        ),
        act("commit-hold", "/v1/accounts/u/holds/hold-tokens/commit", json!({"amount": 3}), json!({"amount": 2})),
        act("void-hold", "/v1/accounts/u/holds/spare/void", json!({}), json!({"metadata": {"a": 1}})),
        act("reset-account", "/v1/accounts/u/reset", json!({"balance": 40}), json!({"balance": 41})),
        act("account-plan", "/v1/accounts/u/plan", json!({"tier": "Professional"}), json!({"tier": "Gift"})),
        act("renew-account", "/v1/accounts/due/renewal", Value::Null, Value::Null),
        act("renew-accounts", "/v1/renewals", json!({"tier": "Big Gift"}), json!({"tier": "Gift"})),
        act("erase-entries", "/v1/accounts/u/entries?before=2026-03-01T00:00:00Z", Value::Null, Value::Null),
        act(
            "erase-project-entries",
            "/v1/entries/erasure",
            json!({"before": "2026-01-05T00:00:00Z"}),
            json!({"before": "2026-01-04T00:00:00Z"}),
        ),
        act(
            "create-organization",
            "/v1/organizations",
            json!({"organizationId": "acme", "plan": "pro"}),
            json!({"organizationId": "acme", "plan": "enterprise"}),
        ),
        act("organization-plan", "/v1/organizations/acme/plan", json!({"plan": "enterprise"}), json!({"plan": "pro"})),
        act("organization-tokens", "/v1/organizations/acme/tokens", json!({"amount": 5}), json!({"amount": 6})),
        act("add-member", "/v1/organizations/acme/members/ada", Value::Null, Value::Null),
        act("check-tokens", "/v1/tokens/check-balance", member("deduct"), Value::Null),
        act(
            "erase-usage",
            "/v1/organizations/acme/usage?tokenType=goal_generation&before=2026-03-01T00:00:00Z",
            Value::Null,
            Value::Null,
        ),
        act("remove-member", "/v1/organizations/acme/members/ada", Value::Null, Value::Null),
        act("revoke-access-token", "/v1/access-tokens/{spare}", Value::Null, Value::Null),
        act("revoke-access-tokens", "/v1/access-tokens?userId=eve", Value::Null, Value::Null),
        act("create-access-token", "/v1/access-tokens", json!({"userId": "ada"}), json!({"userId": "bob"})),
        act(
            "consume",
            &licensed("consume"),
            json!({"hwid": device('a'), "amount": 2, "action": "x"}),
            json!({"hwid": device('a'), "amount": 3, "action": "x"}),
        ),
        act(
            "consume-batch",
            &licensed("consume-batch"),
            json!({"hwid": device('a'), "usages": used(4)}),
            json!({"hwid": device('a'), "usages": used(5)}),
        ),
    ]
}

fn route(name: &str) -> &'static Route {
    ROUTES.iter().find(|route| route.name == name).unwrap()
}

/// Access tokens.
struct Session {
    /// A member's.
    member: String,
    /// The id of one that can be revoked.
    spare: String,
}

/// Sends an act under an operation id.
async fn send(app: &TestApp, session: &Session, route: &Route, path: &str, id: &str, body: &Value) -> Reply {
    let path = path.replace("{spare}", &session.spare);
    let request = Request::builder().method(route.method).uri(path).header("idempotency-key", id);
    let request = match route.auth {
        Auth::Member => request.header("authorization", format!("Bearer {}", session.member)),
        Auth::Project => request.header("x-project-secret", SECRET),
        _ => request.header("authorization", format!("Bearer {ADMIN_KEY}")).header("x-project-id", &app.project_id),
    };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Box::pin(app.send(request.body(body.into()).unwrap())).await
}

/// A world in which every act finds what it needs; and an access token of a member.
async fn prepared() -> (TestApp, Session) {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    // A name with a space in it is a name.
    let plans = json!({"accounts": {"plans": {"Gift": {"tokens": 100, "periodMonths": 1}, "Professional": {"tokens": 700, "periodMonths": 1},
        "Big Gift": {"tokens": 300, "periodMonths": 1}}}});
    app.project_settings(plans).await;
    for (name, tier) in [("due", "Gift"), ("due2", "Big Gift")] {
        app.account("POST", "", json!({"accountId": name, "tier": tier})).await;
    }
    app.clock.advance_seconds(31 * DAY);
    let member = app.access_token(json!({"userId": "ada", "expiresInSeconds": 86_400})).await;
    app.access_token(json!({"userId": "eve"})).await;
    let spare = sha256_hex(app.access_token(json!({"userId": "bob"})).await.as_bytes());
    (app, Session { member, spare })
}

/// What an answer tells, but for what says that it is told again.
fn body_of(reply: &Reply) -> Value {
    let mut body = reply.body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("replayed");
        // Whether a hold is still open is told as it is now; and uses that a batch brings again are counted as such.
        members.remove("hold");
        members.remove("batchResult");
    }
    body
}

#[test]
fn every_route_that_changes_something_has_an_operation_id_or_a_reason() {
    let known: BTreeSet<_> = KNOWN_BY_THEMSELVES.iter().copied().collect();
    // An envelope is known by its vector, and a strict one by its nonce.
    let is_known = |route: &&Route| route.operation_id || route.name.starts_with("pro-");
    let without: BTreeSet<_> = ROUTES.iter().filter(|route| route.method != "GET" && !is_known(route)).collect_names();
    assert_eq!(without, known);
    let with: BTreeSet<_> = ROUTES.iter().filter(|route| route.operation_id).collect_names();
    let administrators: BTreeSet<_> =
        ROUTES.iter().filter(|route| route.path.starts_with("/v1/admin/")).collect_names();
    let sent: BTreeSet<_> = acts().iter().map(|(name, ..)| *name).chain(SENT_TWICE_ELSEWHERE.iter().copied()).collect();
    let rest: BTreeSet<_> = with.difference(&administrators).copied().collect();
    assert_eq!(sent, rest, "a new route that changes something belongs into this test");
    assert!(ROUTES.iter().all(|route| route.method != "GET" || !route.operation_id));
}

trait Names {
    fn collect_names(self) -> BTreeSet<&'static str>;
}

impl<I: Iterator<Item = &'static Route>> Names for I {
    fn collect_names(self) -> BTreeSet<&'static str> {
        self.map(|route| route.name).collect()
    }
}

/// The examples are access tokens, renewals of many accounts, erasures, and an older change of an organization's plan; the siblings
/// are all others, membership among them. Each is sent twice at once, once more with another body, and once more when all is over.
#[tokio::test]
async fn every_act_is_done_once_however_late_it_comes_again() {
    let (app, session) = prepared().await;
    let mut firsts = Vec::new();
    for (name, path, body, other) in acts() {
        if name == "void-hold" {
            let spare = json!({"operationType": "x", "amount": 5});
            send(&app, &session, route("hold-tokens"), "/v1/accounts/u/holds", "spare", &spare).await;
        }
        let act = async |body: &Value| send(&app, &session, route(name), &path, name, body).await;
        let first = act(&body).await;
        assert!(first.status < 300, "{name}: {}", first.text);
        assert!(!first.headers.contains_key("idempotent-replayed"), "{name}");
        let again = act(&body).await;
        assert_eq!((again.status, body_of(&again)), (first.status, body_of(&first)), "{name}");
        assert_eq!(again.headers["idempotent-replayed"], "true", "{name}");
        if !other.is_null() {
            act(&other).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
        }
        app.clock.advance_seconds(60);
        firsts.push((name, path, body, first));
    }
    // The opposite of what was done first is done last.
    send(&app, &session, route("organization-plan"), "/v1/organizations/acme/plan", "later", &json!({"plan": "pro"}))
        .await;
    let before = [app.balance("u").await, app.balance("due").await, app.balance("due2").await];
    let spent = app.audit(L1).await;
    for (name, path, body, first) in firsts {
        let again = send(&app, &session, route(name), &path, name, &body).await;
        if name == "check-tokens" {
            // Its member has left.
            again.refused(403, "ORGANIZATION_FORBIDDEN");
            continue;
        }
        assert_eq!(
            (again.status, again.headers["idempotent-replayed"].to_str().unwrap()),
            (first.status, "true"),
            "{name}"
        );
        // What was made is told as it stands.
        if !name.starts_with("create-") || name == "create-access-token" {
            assert_eq!(body_of(&again), body_of(&first), "{name}");
        }
    }
    assert_eq!([app.balance("u").await, app.balance("due").await, app.balance("due2").await], before);
    assert_eq!(app.audit(L1).await, spent);
    let acme = app.organization("GET", "/acme", Value::Null).await;
    assert_eq!(acme.text_of("plan"), "pro", "the older change did not come back");
    app.feature(&session.member, "acme", "generate_goal", "check").await.refused(403, "ORGANIZATION_FORBIDDEN");
}

/// The reply of each round trip at the table lost, and the process killed after each: sent again, the act is done once.
#[tokio::test]
async fn every_act_whose_reply_is_lost_is_done_once() {
    for round_trip in 0..4 {
        for is_killed in [false, true] {
            let (app, session) = prepared().await;
            for (name, path, body, _) in acts() {
                let act = async || send(&app, &session, route(name), &path, name, &body).await;
                if name == "void-hold" {
                    let spare = json!({"operationType": "x", "amount": 5});
                    send(&app, &session, route("hold-tokens"), "/v1/accounts/u/holds", "spare", &spare).await;
                }
                match is_killed {
                    true => app.host.app.table.stop_after(Some(round_trip)),
                    false => app.host.app.table.lose_after(round_trip),
                }
                let first = act().await;
                app.host.app.table.stop_after(None);
                let again = act().await;
                assert!(again.status < 300, "{name}, {round_trip}, {is_killed}: {}", again.text);
                if first.status < 300 {
                    assert_eq!(body_of(&again), body_of(&first), "{name}, {round_trip}, {is_killed}");
                }
                let third = act().await;
                assert_eq!(body_of(&third), body_of(&again), "{name}, {round_trip}, {is_killed}");
                assert_eq!(third.headers["idempotent-replayed"], "true", "{name}");
            }
            assert_eq!(
                [app.balance("due").await.0, app.balance("due2").await.0],
                [200, 600],
                "{round_trip}, {is_killed}"
            );
            assert_eq!(app.audit(L1).await, 6, "{round_trip}, {is_killed}");
        }
    }
}

/// A token that is made again is the same one, of the same end; another's operation of the same name makes another.
#[tokio::test]
async fn an_access_token_follows_from_its_operation_and_its_project() {
    let (app, _) = prepared().await;
    let other = app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await.text_of("projectId").to_owned();
    let make = async |project: &str, id: Option<&str>| {
        let request = Request::builder()
            .method("POST")
            .uri("/v1/access-tokens")
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("x-project-id", project);
        let body = json!({"userId": "ada", "operationId": id}).to_string();
        let made = Box::pin(app.send(request.body(body.into()).unwrap())).await;
        assert_eq!(made.status, 201, "{}", made.text);
        (made.text_of("accessToken").to_owned(), made.text_of("expiresAt").to_owned())
    };
    let first = make(&app.project_id, Some("1")).await;
    app.clock.advance_seconds(7_200);
    assert_eq!(make(&app.project_id, Some("1")).await, first, "even after its end");
    let others = [
        make(&app.project_id, Some("2")).await,
        make(&other, Some("1")).await,
        make(&app.project_id, None).await,
        make(&app.project_id, None).await,
    ];
    let texts: BTreeSet<_> = others.into_iter().chain([first]).map(|(text, _)| text).collect();
    assert_eq!(texts.len(), 5);
}

/// The event's kinds of the fixture's day.
async fn events(app: &TestApp) -> Vec<Value> {
    let path = format!("/v1/admin/projects/{}/events?day=2026-01-04", app.project_id);
    let body_of = app.admin("GET", &path, Value::Null).await;
    assert_eq!(body_of.status, 200, "{}", body_of.text);
    body_of.body["events"].as_array().unwrap().clone()
}

/// The example is an event that comes again with the nonce that it came with, in another envelope; the siblings have an operation id,
/// or lost a reply at the table. What differs in anything is another event.
#[tokio::test]
async fn an_event_that_comes_again_is_kept_once() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let n = app.validated(L1, &a).await;
    let event = |payload: Value| json!({"key": L1, "type": "level_done", "payload": payload});
    for round_trip in [0, 1, 2, 9] {
        app.host.app.table.lose_after(round_trip);
        let body_of = app.pro("events", &a, n.as_str(), event(json!({"level": 1, "time": {"b": 1, "a": 2}}))).await;
        app.host.app.table.set(shared::table::fault::Faults::default());
        assert_eq!(body_of.reply.body, json!({"success": true}), "{round_trip}");
        app.clock.advance_seconds(40);
    }
    assert_eq!(events(&app).await.len(), 1);
    // Its answer brings another nonce: the same again is another event. So is another payload, and another device's.
    let next = app.pro("events", &a, n.as_str(), event(json!({"level": 1, "time": {"a": 2, "b": 1}}))).await.nonce();
    assert_eq!(events(&app).await.len(), 1, "in another order of members");
    app.pro("events", &a, next, event(json!({"level": 1, "time": {"a": 2, "b": 1}}))).await.nonce();
    app.pro("events", &a, n.as_str(), event(json!({"level": 2}))).await.nonce();
    let m = app.validated(L1, &b).await;
    app.pro("events", &b, m, event(json!({"level": 2}))).await.nonce();
    assert_eq!(events(&app).await.len(), 4);
    // A nonce that was never issued tells nothing.
    for _ in 0..2 {
        app.pro("events", &a, "TAMPERED", event(json!({"level": 3}))).await.nonce();
    }
    assert_eq!(events(&app).await.len(), 6);
    // An operation id does, whatever the nonce.
    let mut named = event(json!({"level": 4}));
    named["operationId"] = json!("e1");
    for nonce in ["TAMPERED", n.as_str(), "x"] {
        app.pro("events", &a, nonce, named.clone()).await.nonce();
    }
    app.pro("events", &b, "x", named.clone()).await.nonce();
    assert_eq!(events(&app).await.len(), 8, "one of each device");
    named["payload"] = json!({"level": 5});
    app.pro("events", &a, "x", named).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(events(&app).await.len(), 8);
}

/// Each is sent twice, its first answer lost: orders by both faces, with an operation id and without, and what is paid for; a
/// provider's message; a trial.
#[tokio::test]
async fn calls_of_the_store_whose_answer_was_lost_can_be_sent_again() {
    let app = TestApp::new().await;
    let a = device('a');
    let policy = app.policy(crate::store::perpetual("studio")).await;
    let buyer = |name: &str| format!("{name}@example.com");
    // With an operation id: one order, one page.
    let order = json!({"policyId": policy, "customerEmail": buyer("one"), "operationId": "o1"});
    let pack = json!({"packId": "tokens_50", "operationId": "o2"});
    for (tail, body) in [("project/checkout-link", order), (&*format!("license/{L1}/topup-link"), pack)] {
        let (first, again) = (app.store("POST", tail, body.clone()).await, app.store("POST", tail, body).await);
        assert_eq!((first.status, &first.body), (200, &again.body), "{tail}: {}", first.text);
        let paid = app.pay(first.text_of("sessionId")).await;
        // The provider's message comes again as well.
        assert_eq!(app.deliver(&paid).await.status, 200);
    }
    assert_eq!(app.licenses_of(&buyer("one")).await.len(), 1);
    assert_eq!(app.seen(L1).await["tokensRemaining"], 150);
    // Without: two pages; whoever pays both gets the second payment back.
    let (mut nonce, mut refunds) = (app.validated(L1, &a).await, 0);
    for (endpoint, data) in [
        ("project/checkout-link", json!({"policyId": policy, "customerEmail": buyer("two")})),
        ("topup-link", json!({"key": L1, "packId": "tokens_50"})),
    ] {
        let first = app.pro(endpoint, &a, nonce.as_str(), data.clone()).await;
        let again = app.pro(endpoint, &a, nonce.as_str(), data).await;
        nonce = again.nonce();
        assert_eq!(first.reply.status, 200, "{endpoint}: {}", first.reply.text);
        app.clock.advance_seconds(60);
        for page in [&first, &again] {
            app.pay(page.reply.text_of("sessionId")).await;
        }
        refunds += 1;
        assert_eq!(app.stripe.refunded().len(), refunds, "{endpoint}");
    }
    assert_eq!(app.licenses_of(&buyer("two")).await.len(), 1);
    assert_eq!(app.seen(L1).await["tokensRemaining"], 200);
    // A trial is had once, whichever page is gone through.
    let trial = json!({"name": "TRIAL", "type": "trial", "slug": "trial", "price": null,
        "config": {"limits": {"time": {"durationDays": 14}}, "store": {"forSale": true}}});
    let trial = app.policy(trial).await;
    let body = json!({"policyId": trial, "customerEmail": buyer("three")});
    let pages = [
        app.store("POST", "project/checkout-link", body.clone()).await,
        app.store("POST", "project/checkout-link", body.clone()).await,
    ];
    app.clock.advance_seconds(60);
    for page in &pages {
        assert_eq!(page.status, 200, "{}", page.text);
        app.pay(page.text_of("sessionId")).await;
    }
    assert_eq!(app.licenses_of(&buyer("three")).await.len(), 1);
    app.store("POST", "project/checkout-link", body).await.refused(403, "TRIAL_NOT_AVAILABLE");
    // What only looks tells the same twice.
    for path in ["project/buyable-policies", "pro/project/trial-eligibility?email=three%40example.com"] {
        let (first, again) = (app.store("GET", path, Value::Null).await, app.store("GET", path, Value::Null).await);
        assert_eq!((first.status, first.text), (200, again.text), "{path}");
    }
}

/// Each is sent twice, its first answer lost. Codes are used once: who lost the answer asks for another one, and is let in.
#[tokio::test]
async fn calls_of_a_sign_in_whose_answer_was_lost_can_be_sent_again() {
    let app = TestApp::new().await;
    let background = crate::support::background::background(&app).await;
    let mails = async || {
        crate::support::background::settle(&background).await;
        background.post_office.mails()
    };
    let email = "ada@example.com";
    for face in ["auth", "pro"] {
        app.clock.advance_seconds(3_600);
        let call = async |tail: &str, data: Value| match face {
            "auth" => app.store("POST", &format!("auth/{tail}"), data).await,
            _ => app.pro(&format!("auth/{tail}"), &device('a'), "", data).await.reply,
        };
        let before = mails().await.len();
        for _ in 0..2 {
            assert_eq!(call("customer-login-request", json!({"email": email})).await.status, 200);
            mails().await;
        }
        let codes: Vec<_> = mails().await[before..].iter().map(crate::support::background::code_in).collect();
        assert_eq!(codes.len(), 2);
        let newest = json!({"email": email, "otp": codes[1]});
        let first = call("customer-portfolio", newest.clone()).await;
        assert_eq!((first.status, first.body["licenses"].as_array().unwrap().len()), (200, 1), "{}", first.text);
        call("customer-portfolio", newest).await.refused(400, "OTP_REJECTED");
        assert_eq!(call("customer-login-request", json!({"email": email})).await.status, 200);
        let code = crate::support::background::code_in(mails().await.last().unwrap());
        let again = call("customer-portfolio", json!({"email": email, "otp": code})).await;
        assert_eq!(again.body["licenses"], first.body["licenses"], "{face}");
    }
    let developer = json!({"username": "d@e.f", "password": "correct horse battery"});
    assert_eq!(app.admin("POST", "/v1/admin/developers", developer.clone()).await.status, 201);
    let call = async |tail: &str, body: &Value| {
        let request = Request::builder().method("POST").uri(format!("/v1/sdk/pro/auth/dev-login{tail}"));
        Box::pin(app.send(request.body(body.to_string().into()).unwrap())).await
    };
    let mut begun = Vec::new();
    for _ in 0..2 {
        let reply = call("", &developer).await;
        begun.push((reply, crate::support::background::code_in(mails().await.last().unwrap())));
    }
    // Either goes on; the second factor that was used is used, and another sign-in lets in.
    for (begun, code) in &begun {
        let shown = json!({"mfaToken": begun.text_of("mfaToken"), "otp": code});
        let first = call("/verify-otp", &shown).await;
        assert_eq!((first.status, &first.body["projects"][0]["name"]), (200, &json!("P1")), "{}", first.text);
        call("/verify-otp", &shown).await.refused(401, "MFA_SESSION_EXPIRED");
    }
}

/// Two administrators, each of its own project, choose the same operation ids for the same kinds of acts; and what was remembered under
/// its id alone is known for 30 days more. The example is a policy; the siblings are secrets, webhooks, licenses, keys and projects.
#[tokio::test]
async fn an_administrators_operation_id_is_unique_in_its_project() {
    let app = TestApp::new().await;
    let other = app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await.text_of("projectId").to_owned();
    let mut keys = Vec::new();
    for project in [&app.project_id, &other] {
        let body = json!({"scopes": ["projects", "policies", "licenses"], "projectId": project});
        keys.push((project.clone(), app.admin("POST", "/v1/admin/keys", body).await.text_of("key").to_owned()));
    }
    let call = async |key: &str, method: &str, path: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Box::pin(app.send(request.header("idempotency-key", "1").body(body.into()).unwrap())).await
    };
    // One id for each kind of act would do as well; the same one for all is refused where the act is another.
    for tail in ["/policies", "/secrets", "/webhooks", "", "/licenses", "keys"] {
        for (project, key) in &keys {
            let path = if tail == "keys" {
                "/v1/admin/keys".to_owned()
            } else {
                format!("/v1/admin/projects/{project}{tail}")
            };
            let (method, body) = match tail {
                "/policies" => ("POST", local::demo::perp()),
                "/secrets" => ("POST", Value::Null),
                "/webhooks" => ("POST", json!({"url": "https://hook.example"})),
                "" => ("PATCH", json!({"name": "renamed"})),
                "keys" => ("POST", json!({"scopes": ["licenses"], "projectId": project})),
                _ => ("POST", json!({"policyId": "1"})),
            };
            let body_of = call(key, method, &path, body.clone()).await;
            match tail {
                "/policies" => {
                    assert_eq!(body_of.status, 201, "{tail} of {project}: {}", body_of.text);
                    let again = call(key, method, &path, body).await;
                    assert_eq!((again.status, &again.headers["idempotent-replayed"]), (201, &"true".parse().unwrap()));
                    assert_eq!(again.body["PolicyID"], body_of.body["PolicyID"]);
                }
                _ => drop(body_of.refused(422, "IDEMPOTENCY_KEY_REUSED")),
            }
        }
    }
}

/// As the version before wrote it: the id alone.
#[tokio::test]
async fn an_act_that_was_remembered_under_its_id_alone_is_known_for_thirty_days() {
    let app = TestApp::new().await;
    let path = format!("/v1/admin/projects/{}/policies", app.project_id);
    let send = async |body: &Value| {
        let request = Request::builder()
            .method("POST")
            .uri(&path)
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("idempotency-key", "old");
        Box::pin(app.send(request.body(body.to_string().into()).unwrap())).await
    };
    let first = send(&local::demo::perp()).await;
    let client = aws_sdk_dynamodb::Client::new(&local::wiring::sdk_config(app.engine.endpoint(), false).await);
    let text = |value: String| aws_sdk_dynamodb::types::AttributeValue::S(value);
    let (new, old) = (format!("ADMINOP#old in {}", app.project_id), "ADMINOP#old".to_owned());
    let delete =
        client.delete_item().table_name(local::wiring::TABLE).key("pk", text(new)).key("sk", text("META".into()));
    let delete = delete.return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld);
    let mut item = delete.send().await.unwrap().attributes.unwrap();
    item.insert("pk".to_owned(), text(old));
    client.put_item().table_name(local::wiring::TABLE).set_item(Some(item)).send().await.unwrap();
    app.clock.advance_seconds(30 * DAY - 1);
    let again = send(&local::demo::perp()).await;
    assert_eq!(
        (&again.body["PolicyID"], again.headers.contains_key("idempotent-replayed")),
        (&first.body["PolicyID"], true)
    );
    app.clock.advance_seconds(1);
    let anew = send(&local::demo::perp()).await;
    assert_ne!(anew.body["PolicyID"], first.body["PolicyID"]);
    assert!(!anew.headers.contains_key("idempotent-replayed"));
}

/// The example is a developer's new password; the siblings are the first one, one where there was none, and none where there was one.
/// Nothing that is kept of it is a hash that could be guessed at.
#[tokio::test]
async fn another_password_under_a_used_operation_id_is_another_request() {
    let app = TestApp::new().await;
    let make = |password: &str| json!({"username": "d@e.f", "password": password, "mfa": false, "operationId": "m"});
    assert_eq!(app.admin("POST", "/v1/admin/developers", make("correct horse")).await.status, 201);
    let again = app.admin("POST", "/v1/admin/developers", make("correct horse")).await;
    assert_eq!((again.status, again.headers.contains_key("idempotent-replayed")), (201, true));
    app.admin("POST", "/v1/admin/developers", make("another horse")).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let change = async |id: &str, password: Option<&str>| {
        let mut body = json!({"fullName": "Dee", "operationId": id});
        if let Some(password) = password {
            body["password"] = json!(password);
        }
        app.admin("PATCH", "/v1/admin/developers/d@e.f", body).await
    };
    for (id, first, other) in [
        ("a", Some("battery staple"), Some("battery stable")),
        ("b", None, Some("battery stable")),
        ("c", Some("third password"), None),
    ] {
        assert_eq!(change(id, first).await.status, 200, "{id}");
        assert!(change(id, first).await.headers.contains_key("idempotent-replayed"), "{id}");
        change(id, other).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
    let sign_in = async |password: &str| {
        let request = Request::builder().method("POST").uri("/v1/sdk/pro/auth/dev-login");
        let body = json!({"username": "d@e.f", "password": password}).to_string();
        Box::pin(app.send(request.body(body.into()).unwrap())).await.status
    };
    assert_eq!((sign_in("third password").await, sign_in("battery stable").await), (200, 401));
    let client = aws_sdk_dynamodb::Client::new(&local::wiring::sdk_config(app.engine.endpoint(), false).await);
    let items = client.scan().table_name(local::wiring::TABLE).send().await.unwrap().items.unwrap();
    let all = format!("{items:?}");
    for password in ["correct horse", "battery staple", "third password"] {
        assert!(!all.contains(password) && !all.contains(&sha256_hex(password.as_bytes())), "{password}");
    }
}
