//! Organization pools: cases of contract/token-accounting.md, section 5, over HTTP.

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};
use shared::service::ids::sha256_hex;

use crate::support::{ADMIN_KEY, Reply, TestApp};

const DAY: i64 = 86_400;

impl TestApp {
    /// Calls an organization's route as the vendor's backend.
    pub(crate) async fn organization(&self, method: &str, tail: &str, body: Value) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/organizations{tail}"))
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("x-project-id", &self.project_id);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Box::pin(self.send(request.body(body.into()).unwrap())).await
    }

    /// Makes an organization; an access token for all of it.
    async fn made(&self, name: &str, plan: &str) -> String {
        let made = self.organization("POST", "", json!({"organizationId": name, "plan": plan})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        self.access_token(json!({"organizationId": name})).await
    }

    /// Calls a route as a web application.
    pub(crate) async fn session(&self, token: &str, method: &str, path: &str, body: Value) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        Box::pin(self.send(request.body(body).unwrap())).await
    }

    pub(crate) async fn feature(&self, token: &str, organization: &str, feature: &str, action: &str) -> Reply {
        let body = json!({"organizationId": organization, "featureUsed": feature, "action": action});
        self.session(token, "POST", "/api/v1/tokens/check-balance", body).await
    }

    async fn pools(&self, token: &str, organization: &str) -> Value {
        let path = format!("/api/v1/tokens/stats?organizationId={organization}");
        let result = self.session(token, "GET", &path, Value::Null).await;
        assert_eq!(result.status, 200, "{}", result.text);
        result.body
    }
}

fn balances(stats: &Value) -> Vec<i64> {
    stats["byType"].as_array().unwrap().iter().map(|pool| pool["balance"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn bo_01_an_organization_begins_with_five_pools_once() {
    let app = TestApp::empty().await;
    for (plan, expected) in
        [("starter", [0, 0, 0, 0, 0]), ("pro", [50, 20, 100, 30, 50]), ("enterprise", [500, 200, 1_000, 200, 500])]
    {
        let token = app.made(plan, plan).await;
        let stats = app.pools(&token, plan).await;
        assert_eq!(balances(&stats), expected);
        let types: Vec<_> = stats["byType"].as_array().unwrap().iter().map(|pool| pool["tokenType"].clone()).collect();
        assert_eq!(types, ["lead_generation", "goal_generation", "strategy_analysis", "forecast", "general"]);
        let refresh = if plan == "starter" { Value::Null } else { json!("2026-02-03T00:00:00.000Z") };
        assert_eq!((&stats["refreshDate"], &stats["totalUsed"]), (&refresh, &json!(0)));
    }
    let again = app.organization("POST", "", json!({"organizationId": "pro", "plan": "enterprise"})).await;
    again.refused(409, "ORGANIZATION_EXISTS");
    let make = json!({"organizationId": "new", "plan": "pro", "operationId": "make"});
    let answers = join_all((0..4).map(|_| Box::pin(app.organization("POST", "", make.clone())))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body["tokens"]["totalBalance"] == 250));
    app.organization("POST", "", json!({"organizationId": "x", "plan": "gold"})).await.refused(422, "UNKNOWN_TIER");
    let own = json!({"organizationId": "a/general", "plan": "pro"});
    app.organization("POST", "", own).await.refused(400, "BAD_REQUEST");
    app.organization("GET", "/nobody", Value::Null).await.refused(404, "ORGANIZATION_NOT_FOUND");
}

#[tokio::test]
async fn bo_02_a_plan_without_tokens_asks_to_upgrade() {
    let app = TestApp::empty().await;
    let token = app.made("acme", "starter").await;
    let refused = app.feature(&token, "acme", "generate_goal", "deduct").await;
    assert!(refused.refused(403, "FEATURE_NOT_AVAILABLE").text_of("message").contains("Upgrade"));
    assert_eq!(app.feature(&token, "acme", "generate_goal", "check").await.body, json!({"hasTokens": false}));
    // What was bought can be used on any plan.
    app.organization("POST", "/acme/tokens", json!({"tokenType": "goal_generation", "amount": 4})).await;
    assert_eq!(app.feature(&token, "acme", "generate_goal", "deduct").await.body["remainingBalance"], 1);
}

#[tokio::test]
async fn bo_03_to_bo_07_a_feature_is_paid_from_its_own_pool() {
    let app = TestApp::empty().await;
    let token = app.made("acme", "pro").await;
    assert_eq!(app.feature(&token, "acme", "generate_goal", "check").await.body, json!({"hasTokens": true}));
    for left in [17, 14, 11, 8, 5, 2] {
        let result = app.feature(&token, "acme", "generate_goal", "deduct").await;
        let expected = json!({"success": true, "remainingBalance": left, "message": "Used 3 tokens for generate_goal"});
        assert_eq!((result.status, result.body), (200, expected));
    }
    let result = app.feature(&token, "acme", "generate_goal", "deduct").await;
    let expected = json!({"success": false, "remainingBalance": 2, "message": "Insufficient tokens. Need 3, have 2"});
    assert_eq!((result.status, result.body, result.spent.write_units), (200, expected, 0.0));
    let stats = app.pools(&token, "acme").await;
    assert_eq!(balances(&stats), [50, 2, 100, 30, 50], "the others are unchanged");
    let goal = json!({"tokenType": "goal_generation", "balance": 2, "used": 18, "allocated": 20, "percentage": 10, "low": true});
    assert_eq!(stats["byType"][1], goal);
    assert_eq!(
        (&stats["totalBalance"], &stats["totalUsed"], &stats["totalAllocated"]),
        (&json!(232), &json!(18), &json!(250))
    );
    // One line in the log of uses each.
    let log = app.organization("GET", "/acme/usage?tokenType=goal_generation&limit=2", Value::Null).await;
    let facts = json!({"organizationId": "acme", "userId": null, "tokenType": "goal_generation",
        "featureUsed": "generate_goal", "tokensDeducted": 3, "remainingBalance": 2});
    assert_eq!((&log.body["entries"][0]["metadata"], &log.body["entries"][0]["amount"]), (&facts, &json!(-3)));
    let next = log.text_of("nextCursor");
    let tail = format!("/acme/usage?tokenType=goal_generation&cursor={next}");
    assert_eq!(app.organization("GET", &tail, Value::Null).await.body["entries"].as_array().unwrap().len(), 5);
    // Who used what can be forgotten; what was used stays.
    let erase = "/acme/usage?tokenType=goal_generation&before=2099-01-01T00:00:00Z";
    assert_eq!(app.organization("DELETE", erase, Value::Null).await.body["erased"], 6);
    let log = app.organization("GET", "/acme/usage?tokenType=goal_generation&limit=1", Value::Null).await;
    assert_eq!((&log.body["entries"][0]["metadata"], &log.body["entries"][0]["amount"]), (&Value::Null, &json!(-3)));
    let elsewhere = format!("/acme/usage?tokenType=general&cursor={next}");
    app.organization("GET", &elsewhere, Value::Null).await.refused(422, "CURSOR_ELSEWHERE");
    app.organization("GET", "/acme/usage?tokenType=luck", Value::Null).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn a_use_is_charged_once_and_the_last_tokens_go_to_one() {
    let app = TestApp::empty().await;
    let token = app.made("acme", "pro").await;
    let once =
        json!({"organizationId": "acme", "featureUsed": "generate_goal", "action": "deduct", "operationId": "op"});
    let path = "/api/v1/tokens/check-balance";
    let answers = join_all((0..6).map(|_| app.session(&token, "POST", path, once.clone()))).await;
    assert!(answers.iter().all(|answer| answer.body["remainingBalance"] == 17), "{answers:?}");
    let answers = join_all((0..9).map(|_| app.feature(&token, "acme", "generate_goal", "deduct"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.body["success"] == true).count(), 5);
    assert_eq!(balances(&app.pools(&token, "acme").await)[1], 2);
    let mut dry = once.clone();
    (dry["dryRun"], dry["operationId"], dry["featureUsed"]) = (json!(true), Value::Null, json!("generate_leads"));
    let result = app.session(&token, "POST", path, dry).await;
    assert_eq!((&result.body["remainingBalance"], result.spent.write_units), (&json!(45), 0.0));
}

#[tokio::test]
async fn bo_08_nobody_reaches_an_organization_that_is_not_theirs() {
    let app = TestApp::empty().await;
    let (ours, theirs) = (app.made("ours", "pro").await, app.made("theirs", "pro").await);
    let ada = app.access_token(json!({"userId": "ada"})).await;
    let ada_at_ours = app.access_token(json!({"userId": "ada", "organizationId": "ours"})).await;
    let tried = async |token: &str, organization: &str| {
        let statuses = [
            app.feature(token, organization, "generate_goal", "check").await.status,
            app.feature(token, organization, "generate_goal", "deduct").await.status,
            app.session(token, "GET", &format!("/api/v1/tokens/stats?organizationId={organization}"), Value::Null)
                .await
                .status,
        ];
        assert!(statuses.iter().all(|status| *status == statuses[0]), "{statuses:?}");
        statuses[0]
    };
    assert_eq!(
        (tried(&ours, "theirs").await, tried(&theirs, "ours").await, tried(&ours, "nobody").await),
        (403, 403, 403)
    );
    assert_eq!((tried(&ada, "ours").await, tried(&ada_at_ours, "ours").await), (403, 403), "not a member yet");
    let refused = app.feature(&ada, "ours", "generate_goal", "deduct").await;
    let message = refused.refused(403, "ORGANIZATION_FORBIDDEN").text_of("message");
    assert_eq!(message, "Forbidden - no access to this organization");
    for _ in 0..2 {
        assert_eq!(app.organization("PUT", "/ours/members/ada", Value::Null).await.body["member"], true);
    }
    app.organization("PUT", "/theirs/members/ada", Value::Null).await;
    assert_eq!((tried(&ada, "ours").await, tried(&ada, "theirs").await), (200, 200));
    assert_eq!((tried(&ada_at_ours, "ours").await, tried(&ada_at_ours, "theirs").await), (200, 403));
    let log = app.organization("GET", "/ours/usage?tokenType=goal_generation", Value::Null).await;
    assert_eq!(log.body["entries"][0]["metadata"]["userId"], "ada");
    app.organization("DELETE", "/ours/members/ada", Value::Null).await;
    assert_eq!((tried(&ada, "ours").await, tried(&ada, "theirs").await), (403, 200));
    app.organization("PUT", "/nobody/members/ada", Value::Null).await.refused(404, "ORGANIZATION_NOT_FOUND");
}

#[tokio::test]
async fn bo_09_what_is_missing_is_told_in_the_seeds_words() {
    let app = TestApp::empty().await;
    let token = app.made("acme", "pro").await;
    let path = "/api/v1/tokens/check-balance";
    for body in [
        json!({}),
        json!({"organizationId": "acme", "action": "check"}),
        json!({"featureUsed": "x", "action": "check"}),
    ] {
        let result = app.session(&token, "POST", path, body).await;
        assert_eq!((result.status, result.text_of("message")), (400, "Missing organizationId or featureUsed"));
    }
    let result = app.feature(&token, "acme", "generate_goal", "spend").await;
    assert_eq!((result.status, result.text_of("message")), (400, "Invalid action. Use \"check\" or \"deduct\""));
    let result = app.session(&token, "GET", "/api/v1/tokens/stats", Value::Null).await;
    assert_eq!((result.status, result.text_of("message")), (400, "Missing organizationId"));
    for stranger in ["", "ltlm_access_x", ADMIN_KEY] {
        for action in ["check", "deduct"] {
            let result = app.feature(stranger, "acme", "generate_goal", action).await;
            assert_eq!((result.status, result.text_of("message")), (401, "Unauthorized - no user session"));
        }
    }
    let unknown = app.feature(&token, "acme", "levitate", "deduct").await;
    let known = &unknown.refused(422, "UNKNOWN_FEATURE").body["details"]["known"];
    assert!(known.as_array().unwrap().contains(&json!("generate_goal")));
    app.project_settings(json!({"organizations": {"costs": {"*": 1}}})).await;
    assert_eq!(app.feature(&token, "acme", "levitate", "deduct").await.body["remainingBalance"], 49);
    // A token ends at its instant.
    let short = app.access_token(json!({"organizationId": "acme", "expiresInSeconds": 60})).await;
    app.clock.advance_seconds(59);
    assert_eq!(app.feature(&short, "acme", "generate_goal", "check").await.status, 200);
    app.clock.advance_seconds(1);
    assert_eq!(app.feature(&short, "acme", "generate_goal", "check").await.status, 401);
}

#[tokio::test]
async fn bo_11_to_bo_13_pools_are_set_anew_each_period() {
    let app = TestApp::empty().await;
    let token = app.made("acme", "pro").await;
    app.organization("POST", "/acme/tokens", json!({"amount": 500, "operationId": "pack"})).await;
    for _ in 0..6 {
        app.feature(&token, "acme", "generate_goal", "deduct").await;
    }
    app.feature(&token, "acme", "generate_insight", "deduct").await;
    app.clock.advance_seconds(30 * DAY - 1);
    let token = app.access_token(json!({"organizationId": "acme"})).await;
    assert_eq!(balances(&app.pools(&token, "acme").await), [50, 2, 100, 30, 549]);
    app.clock.advance_seconds(1);
    let stats = app.pools(&token, "acme").await;
    assert_eq!(balances(&stats), [50, 20, 100, 30, 550], "set, not added; what was bought stays");
    assert_eq!((&stats["refreshDate"], &stats["totalUsed"]), (&json!("2026-03-05T00:00:00.000Z"), &json!(0)));
    // The schedule does the same, once.
    let renewed = app.account("POST", "/acme%2Fgeneral/renewal", Value::Null).await;
    renewed.refused(400, "BAD_REQUEST");
    let background =
        local::background::Background::start(std::sync::Arc::clone(&app.host), app.outbox.clone(), None, false)
            .await
            .unwrap();
    background.dispatch().await;
    while background.work().await.is_some() {}
    assert_eq!(balances(&app.pools(&token, "acme").await), [50, 20, 100, 30, 550]);
    let log = app.organization("GET", "/acme/usage?tokenType=goal_generation", Value::Null).await;
    let amounts: Vec<_> =
        log.body["entries"].as_array().unwrap().iter().map(|e| e["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [20, -2, -3, -3, -3, -3, -3, -3, 20]);
}

#[tokio::test]
async fn bo_14_a_plan_raises_the_pools_once() {
    let app = TestApp::empty().await;
    let token = app.made("acme", "pro").await;
    for _ in 0..6 {
        app.feature(&token, "acme", "generate_goal", "deduct").await;
    }
    let plan = async |plan: &str, id: &str| {
        let result = app.organization("PUT", "/acme/plan", json!({"plan": plan, "operationId": id})).await;
        assert_eq!(result.status, 200, "{}", result.text);
        balances(&result.body["tokens"])
    };
    let answers = join_all((0..4).map(|_| Box::pin(plan("enterprise", "up")))).await;
    assert!(answers.iter().all(|answer| *answer == [500, 200, 1_000, 200, 500]), "{answers:?}");
    app.feature(&token, "acme", "generate_leads", "deduct").await;
    assert_eq!(plan("pro", "down").await, [495, 200, 1_000, 200, 500], "what is unused stays");
    assert_eq!(plan("enterprise", "up-again").await, [495, 200, 1_000, 200, 500], "raised once in a period");
    plan("pro", "down-again").await;
    app.clock.advance_seconds(30 * DAY);
    let token = app.access_token(json!({"organizationId": "acme"})).await;
    assert_eq!(balances(&app.pools(&token, "acme").await), [50, 20, 100, 30, 50]);
    assert_eq!(app.organization("GET", "/acme", Value::Null).await.text_of("plan"), "pro");
    let dry = json!({"plan": "enterprise", "dryRun": true});
    let result = app.organization("PUT", "/acme/plan", dry).await;
    assert_eq!((balances(&result.body["tokens"])[0], result.spent.write_units), (500, 0.0));
    assert_eq!(balances(&app.pools(&token, "acme").await)[0], 50);
    app.organization("PUT", "/acme/plan", json!({"plan": "gold"})).await.refused(422, "UNKNOWN_TIER");
}

/// The example is one token by its id; the siblings are all of a user's, all of an organization's, and all of a member's. Whatever is
/// another's stays.
#[tokio::test]
async fn an_access_token_is_revoked_alone_and_with_all_of_its_holder() {
    let app = TestApp::empty().await;
    for name in ["acme", "other"] {
        app.made(name, "pro").await;
    }
    let holders = [
        json!({"userId": "ada"}),
        json!({"userId": "ada", "organizationId": "acme"}),
        json!({"userId": "ada", "organizationId": "other"}),
        json!({"userId": "bob", "organizationId": "acme"}),
        json!({"organizationId": "acme"}),
    ];
    let works = async |token: &str| app.feature(token, "acme", "generate_goal", "check").await.status != 401;
    let delete = async |tail: &str| {
        let request = Request::builder()
            .method("DELETE")
            .uri(format!("/v1/access-tokens{tail}"))
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("x-project-id", &app.project_id);
        Box::pin(app.send(request.body(Bytes::new()).unwrap())).await
    };
    let cases = [
        ("userId=ada", [false, false, false, true, true]),
        ("organizationId=acme", [true, false, true, false, false]),
        ("organizationId=acme&userId=ada", [true, false, true, true, true]),
    ];
    for (query, expected) in cases {
        let mut tokens = Vec::new();
        for holder in &holders {
            tokens.push(app.access_token(holder.clone()).await);
        }
        let result = delete(&format!("?{query}")).await;
        let count = expected.iter().filter(|works| !**works).count();
        // Those of the rounds before that were left are theirs too.
        assert!(
            result.int_of("revoked") >= count as i64 && result.body["nextCursor"].is_null(),
            "{query}: {}",
            result.text
        );
        assert_eq!(delete(&format!("?{query}")).await.body["revoked"], 0, "{query}");
        for (token, expected) in tokens.iter().zip(expected) {
            assert_eq!(works(token).await, expected, "{query}");
        }
    }
    let token = app.access_token(holders[0].clone()).await;
    let id = sha256_hex(token.as_bytes());
    assert!(works(&token).await);
    let result = delete(&format!("/{id}")).await;
    assert_eq!((result.status, result.text_of("tokenId")), (200, id.as_str()));
    assert!(!works(&token).await);
    app.clock.advance_seconds(5);
    assert_eq!(delete(&format!("/{id}")).await.body, result.body, "since then");
    delete(&format!("/{}", "0".repeat(64))).await.refused(404, "ACCESS_TOKEN_NOT_FOUND");
    delete("").await.refused(400, "BAD_REQUEST");
    // What has ended needs no end; a page ends at its limit, and goes on.
    let short = json!({"userId": "eve", "expiresInSeconds": 60});
    for _ in 0..3 {
        app.access_token(short.clone()).await;
    }
    app.clock.advance_seconds(60);
    let many = ltlm_protocol::limits::ACCESS_REVOKED_MAX + 30;
    for together in (0..many).collect::<Vec<_>>().chunks(50) {
        join_all(together.iter().map(|_| Box::pin(app.access_token(json!({"userId": "eve"}))))).await;
    }
    let first = delete("?userId=eve").await;
    assert_eq!(first.body["revoked"], ltlm_protocol::limits::ACCESS_REVOKED_MAX);
    let rest = delete(&format!("?userId=eve&cursor={}", first.text_of("nextCursor"))).await;
    assert_eq!((&rest.body["revoked"], &rest.body["nextCursor"]), (&json!(30), &Value::Null));
    delete(&format!("?userId=ada&cursor={}", first.text_of("nextCursor"))).await.refused(422, "CURSOR_ELSEWHERE");
}

/// One of each command, in an order in which each changes something.
fn commands() -> Vec<(&'static str, &'static str, Value)> {
    let feature = |id: &str| json!({"organizationId": "acme", "featureUsed": "generate_goal", "action": "deduct", "operationId": id});
    vec![
        ("POST", "/v1/organizations", json!({"organizationId": "acme", "plan": "pro", "operationId": "o1"})),
        ("PUT", "/v1/organizations/acme/members/ada", Value::Null),
        ("POST", "/v1/tokens/check-balance", feature("o2")),
        (
            "POST",
            "/v1/organizations/acme/tokens",
            json!({"tokenType": "goal_generation", "amount": 9, "operationId": "o3"}),
        ),
        ("PUT", "/v1/organizations/acme/plan", json!({"plan": "enterprise", "operationId": "o4"})),
        ("POST", "/v1/tokens/check-balance", feature("o5")),
        ("DELETE", "/v1/organizations/acme/members/ada", Value::Null),
    ]
}

/// Runs them all, sending each again until it succeeds; `fault` is put before the command `at`.
async fn run_all(at: usize, fault: impl Fn(&TestApp)) -> (Vec<(u16, Value)>, Vec<i64>) {
    let app = TestApp::empty().await;
    let token = app.access_token(json!({"userId": "ada"})).await;
    let mut answers = Vec::new();
    for (index, (method, path, body)) in commands().into_iter().enumerate() {
        if index == at {
            fault(&app);
        }
        let send = async || match path.strip_prefix("/v1/organizations") {
            Some(tail) => app.organization(method, tail, body.clone()).await,
            None => app.session(&token, method, path, body.clone()).await,
        };
        let mut reply = send().await;
        app.host.app.table.stop_after(None);
        if reply.status >= 500 {
            reply = send().await;
        }
        reply.body.as_object_mut().map(|result| result.remove("replayed"));
        if let Some(entry) = reply.body.get_mut("entry").and_then(Value::as_object_mut) {
            entry.retain(|name, _| !name.to_lowercase().ends_with("hash"));
        }
        answers.push((reply.status, reply.body));
    }
    let stats = app.organization("GET", "/acme", Value::Null).await;
    (answers, balances(&stats.body["tokens"]))
}

#[tokio::test]
async fn every_command_of_an_organization_whose_answer_is_lost_is_done_once_in_any_spelling() {
    let app = TestApp::empty().await;
    let token = app.access_token(json!({"userId": "ada"})).await;
    for (method, path, body) in commands() {
        let send = async |body: Value| match path.strip_prefix("/v1/organizations") {
            Some(tail) => app.organization(method, tail, body).await,
            None => app.session(&token, method, path, body).await,
        };
        let first = send(body.clone()).await;
        assert!(first.status < 300, "{path}: {}", first.text);
        let again = send(crate::accounts::respelled(&body)).await;
        let result = |reply: &Reply| {
            let mut body = reply.body.clone();
            body.as_object_mut().unwrap().remove("replayed");
            body
        };
        assert_eq!((again.status, result(&again)), (first.status, result(&first)), "{path}");
        // Who is a member and who is not is a state; the others are operations.
        assert_eq!(again.headers.contains_key("idempotent-replayed"), !body.is_null(), "{path}");
    }
    let stats = app.organization("GET", "/acme", Value::Null).await;
    assert_eq!(balances(&stats.body["tokens"]), [500, 206, 1_000, 200, 500]);
}

#[tokio::test]
async fn lost_replies_and_kills_change_nothing_that_an_organization_is_told() {
    let undisturbed = Box::pin(run_all(usize::MAX, |_| {})).await;
    assert!(undisturbed.0.iter().all(|(status, _)| *status < 300), "{:?}", undisturbed.0);
    // 20 less 3, then 9 beside them; raised to 200; less 3.
    assert_eq!(undisturbed.1, [500, 206, 1_000, 200, 500]);
    for at in 0..commands().len() {
        for round_trip in 0..4 {
            let lost = Box::pin(run_all(at, |app| app.host.app.table.lose_after(round_trip))).await;
            assert_eq!(lost, undisturbed, "the reply of round trip {round_trip} in command {at} lost");
            let killed = Box::pin(run_all(at, |app| app.host.app.table.stop_after(Some(round_trip)))).await;
            assert_eq!(killed, undisturbed, "killed after round trip {round_trip} in command {at}");
        }
    }
}
