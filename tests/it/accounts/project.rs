//! All accounts of a project together: their entries, what is due to them, and an erasure.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{DAY, debit};
use crate::support::{Reply, TestApp};

/// Rows of all pages, and how many pages there were.
async fn pages(app: &TestApp, path: &str, rows: &str) -> (Vec<Value>, usize) {
    let (mut all, mut cursor, mut count) = (Vec::new(), String::new(), 0);
    loop {
        let page = app.backend("GET", &format!("{path}{cursor}"), Value::Null).await;
        assert_eq!(page.status, 200, "{}", page.text);
        all.extend(page.body[rows].as_array().unwrap().iter().cloned());
        count += 1;
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, count),
        }
    }
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["accountId"].as_str().unwrap()).collect()
}

async fn spend(app: &TestApp, name: &str, kind: &str, times: usize) {
    for _ in 0..times {
        let body = json!({"operationType": kind, "amount": 1, "metadata": {"for": "Ada"}});
        let reply = app.account("POST", &format!("/{name}/debit"), body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

/// A project of users and an organization, the last of them with a ledger of several reads.
async fn spenders() -> TestApp {
    let app = TestApp::new().await;
    for index in 0..12 {
        app.account_with(&format!("u{index:02}"), 1_000, 0).await;
    }
    app.account_with("auth0|a/b c:d", 1_000, 0).await;
    app.organization("POST", "", json!({"organizationId": "acme", "plan": "pro"})).await;
    let token = app.access_token(json!({"organizationId": "acme"})).await;
    app.clock.advance_seconds(60);
    for (name, chats, images) in [("u03", 2, 1), ("u07", 1, 4), ("auth0%7Ca%2Fb%20c:d", 1, 0), ("u11", 115, 3)] {
        spend(&app, name, "chat", chats).await;
        spend(&app, name, "image", images).await;
    }
    app.clock.advance_seconds(60);
    spend(&app, "u07", "chat", 1).await;
    assert_eq!(app.feature(&token, "acme", "generate_goal", "deduct").await.status, 200);
    app
}

#[tokio::test]
async fn entries_of_all_accounts_are_found_by_type_and_time_page_by_page() {
    let app = spenders().await;
    let (chats, _) = pages(&app, "/v1/entries?type=chat", "entries").await;
    let mut expected = vec!["auth0|a/b c:d", "u03", "u03", "u07", "u07"];
    expected.extend(["u11"; 115]);
    assert_eq!(names(&chats), expected);
    for limit in [1, 3, 100] {
        let (same, count) = pages(&app, &format!("/v1/entries?type=chat&limit={limit}"), "entries").await;
        assert_eq!(same, chats, "{limit}");
        assert!(count >= chats.len() / limit, "{limit}: {count}");
    }
    // Each is what its account's own list tells, newest first.
    let own = app.account("GET", "/u03/entries?type=chat", Value::Null).await;
    for (entry, of) in chats[1..3].iter().zip(own.body["entries"].as_array().unwrap()) {
        let mut entry = entry.clone();
        entry.as_object_mut().unwrap().remove("accountId");
        assert_eq!(&entry, of);
    }
    let first = "from=2026-01-04T00:01:00Z&to=2026-01-04T00:02:00Z";
    let (images, _) = pages(&app, &format!("/v1/entries?type=image&{first}&limit=2"), "entries").await;
    assert_eq!(names(&images), ["u03", "u07", "u07", "u07", "u07", "u11", "u11", "u11"]);
    let (late, _) = pages(&app, "/v1/entries?from=2026-01-04T00:02:00Z", "entries").await;
    assert_eq!(names(&late), ["u07", "acme/goal_generation"], "pools come last");
    assert_eq!(
        (&late[1]["operationType"], &late[1]["organizationId"], &late[1]["tokenType"]),
        (&json!("generate_goal"), &json!("acme"), &json!("goal_generation"))
    );
    assert!(late[0].get("organizationId").is_none() && late[0].get("tokenType").is_none(), "{}", late[0]);
    // Without a filter it is everything: openings, uses, and the pools' allocations.
    let (all, _) = pages(&app, "/v1/entries?limit=7", "entries").await;
    assert_eq!(all.len(), 13 + 120 + 8 + 5 + 1);
    let (none, _) = pages(&app, "/v1/entries?type=video", "entries").await;
    assert!(none.is_empty());
}

#[tokio::test]
async fn a_page_of_a_projects_entries_ends_after_so_many_accounts_and_entries() {
    let app = TestApp::new().await;
    for index in 0..115 {
        app.account_with(&format!("u{index:03}"), 10, 0).await;
    }
    spend(&app, "u114", "chat", 1).await;
    let first = app.backend("GET", "/v1/entries?type=chat", Value::Null).await;
    assert_eq!(first.body["entries"], json!([]), "{}", first.text);
    // The project, and ten accounts at a time: their names, and their ledgers.
    assert_eq!(first.spent.round_trips, 21);
    let cursor = first.text_of("nextCursor");
    let last = app.backend("GET", &format!("/v1/entries?type=chat&cursor={cursor}"), Value::Null).await;
    assert_eq!(names(last.body["entries"].as_array().unwrap()), ["u114"]);
    assert_eq!(last.body["nextCursor"], Value::Null);
}

#[tokio::test]
async fn what_is_asked_of_all_accounts_is_refused_where_it_is_wrong() {
    let app = TestApp::new().await;
    for name in ["u", "v", "w"] {
        app.account_with(name, 10, 0).await;
    }
    let get = async |path: String| app.backend("GET", &path, Value::Null).await;
    for bad in ["?limit=0", "?cursor=zz", "?from=then", "?operationtype=x"] {
        get(format!("/v1/entries{bad}")).await.refused(400, "BAD_REQUEST");
    }
    for bad in ["?limit=0", "?cursor=zz", "?by=then", "?before=2026-01-01T00:00:00Z"] {
        get(format!("/v1/renewals/due{bad}")).await.refused(400, "BAD_REQUEST");
    }
    let range = "?from=2026-01-05T00:00:00Z&to=2026-01-04T00:00:00Z";
    get(format!("/v1/entries{range}")).await.refused(422, "RANGE_REVERSED");
    let page = get("/v1/entries?limit=1".to_owned()).await;
    let cursor = page.text_of("nextCursor").to_owned();
    get(format!("/v1/renewals/due?cursor={cursor}")).await.refused(400, "BAD_REQUEST");
    let other = app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await.text_of("projectId").to_owned();
    let at = async |project: &str, path: &str| {
        let request = http::Request::builder().uri(path).header("x-project-id", project);
        let request = request.header("authorization", format!("Bearer {}", crate::support::ADMIN_KEY));
        app.send(request.body(Default::default()).unwrap()).await
    };
    at(&other, &format!("/v1/entries?cursor={cursor}")).await.refused(422, "CURSOR_ELSEWHERE");
    for path in ["/v1/entries", "/v1/renewals/due"] {
        at("prj_none", path).await.refused(404, "PROJECT_NOT_FOUND");
    }
    let erase = async |body: Value| app.backend("POST", "/v1/entries/erasure", body).await;
    erase(json!({})).await.refused(400, "BAD_REQUEST");
    erase(json!({"before": "then"})).await.refused(400, "BAD_REQUEST");
    erase(json!({"before": "2026-01-04T00:00:00Z", "account": "u"})).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn the_due_accounts_of_a_project_are_those_that_a_renewal_would_renew() {
    let app = TestApp::new().await;
    for index in 0..12 {
        let tier = if index % 3 == 0 { "Professional" } else { "Gift" };
        app.account("POST", "", json!({"accountId": format!("u{index:02}"), "tier": tier})).await;
        app.clock.advance_seconds(DAY);
    }
    // In these two something ends, and nothing is due.
    for (name, body) in [
        ("ends", json!({"operationType": "x", "amount": 5, "expiresAt": "2026-01-20T00:00:00Z"})),
        ("ended", json!({"operationType": "x", "amount": 5, "expiresAt": "2026-01-20T00:00:00Z"})),
    ] {
        app.account("POST", "", json!({"accountId": name, "tier": "Gift", "tierEndsAt": "2026-01-19T00:00:00Z"})).await;
        app.account("POST", &format!("/{name}/credit"), body).await;
    }
    app.organization("POST", "", json!({"organizationId": "acme", "plan": "pro"})).await;
    // On day 36: those of the first seven days, 0 to 6, are due.
    app.clock.advance_seconds(24 * DAY);
    let (due, _) = pages(&app, "/v1/renewals/due?", "accounts").await;
    let mut found = names(&due);
    found.sort_unstable();
    assert_eq!(found, ["u00", "u01", "u02", "u03", "u04", "u05", "u06"]);
    let of = |name: &str| due.iter().find(|row| row["accountId"] == name).unwrap();
    assert_eq!(
        of("u03"),
        &json!({"accountId": "u03", "tier": "Professional", "tokens": 2_000, "dueSince": "2026-02-06T00:00:00.000Z"})
    );
    let (same, count) = pages(&app, "/v1/renewals/due?limit=1", "accounts").await;
    assert_eq!((same, count >= 7), (due.clone(), true));
    let (professional, _) = pages(&app, "/v1/renewals/due?tier=Professional", "accounts").await;
    assert_eq!(professional.len(), 3);
    // Looking ahead, and at the instant itself.
    let (by, _) = pages(&app, "/v1/renewals/due?by=2026-02-10T00:00:00Z", "accounts").await;
    assert_eq!(by.len(), 8);
    let (by, _) = pages(&app, "/v1/renewals/due?by=2026-02-09T23:59:59.999Z", "accounts").await;
    assert_eq!(by.len(), 7);
    // Who was away for several periods is told since when.
    let (later, _) = pages(&app, "/v1/renewals/due?by=2026-06-01T00:00:00Z", "accounts").await;
    let of = |name: &str| later.iter().find(|row| row["accountId"] == name).unwrap();
    assert_eq!(of("u03")["dueSince"], "2026-02-06T00:00:00.000Z");
    assert_eq!(of("acme/forecast")["tokens"].as_i64().map(|tokens| tokens > 0), Some(true), "pools are renewed too");
    let dry = app.backend("POST", "/v1/renewals", json!({"dryRun": true, "limit": 1_000})).await;
    let mut renewed = names(dry.body["renewals"].as_array().unwrap());
    renewed.sort_unstable();
    assert_eq!(renewed, found);
    app.backend("POST", "/v1/renewals", json!({"limit": 1_000, "continueOnError": true})).await;
    let (left, _) = pages(&app, "/v1/renewals/due?", "accounts").await;
    assert!(left.is_empty(), "{left:?}");
}

const BEFORE: &str = "2026-01-04T00:02:00.000Z";

async fn erase(app: &TestApp, id: &str) -> Reply {
    Box::pin(app.backend("POST", "/v1/entries/erasure", json!({"before": BEFORE, "operationId": id}))).await
}

/// Entries of all accounts that have facts, by when they were written.
async fn with_facts(app: &TestApp) -> Vec<Value> {
    let (all, _) = pages(app, "/v1/entries?limit=100", "entries").await;
    all.into_iter().filter(|entry| !entry["metadata"].is_null()).collect()
}

#[tokio::test]
async fn old_entries_of_all_accounts_lose_their_facts_and_keep_their_amounts() {
    let app = spenders().await;
    let old = |entries: &[Value]| entries.iter().filter(|entry| entry["recordedAt"].as_str().unwrap() < BEFORE).count();
    let before = with_facts(&app).await;
    let to_go = old(&before) as i64;
    assert!(to_go >= 127 && before.len() > to_go as usize, "{to_go} of {}", before.len());
    let done = erase(&app, "e").await;
    assert_eq!((done.status, done.int_of("erased"), &done.body["done"]), (200, to_go, &json!(true)), "{}", done.text);
    assert_eq!((done.int_of("accounts"), done.text_of("operationId")), (13 + 5, "e"));
    assert_eq!(done.text_of("startedAt"), done.text_of("endedAt"));
    let after = with_facts(&app).await;
    assert_eq!((old(&after), after.len()), (0, before.len() - to_go as usize));
    for name in ["u03", "u07", "u11"] {
        assert_eq!(app.account("GET", &format!("/{name}/verification"), Value::Null).await.body["intact"], true);
    }
    assert_eq!(app.balance("u11").await, (1_000 - 118, 118));
    // Sent again it is told again, however much later; another one finds nothing.
    app.clock.advance_seconds(DAY);
    let again = erase(&app, "e").await;
    assert_eq!((&again.body, again.spent.write_units), (&done.body, 0.0));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(erase(&app, "f").await.int_of("erased"), 0);
    let other = json!({"before": "2026-01-04T00:02:01Z", "operationId": "e"});
    app.backend("POST", "/v1/entries/erasure", other).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    // Who names none is told a name.
    let unnamed = app.backend("POST", "/v1/entries/erasure", json!({"before": BEFORE})).await;
    assert!(!unnamed.text_of("operationId").is_empty());
}

#[tokio::test]
async fn a_trial_of_an_erasure_writes_nothing() {
    let app = spenders().await;
    let before = with_facts(&app).await;
    let trial = app.backend("POST", "/v1/entries/erasure?dryRun=true", json!({"before": BEFORE})).await;
    assert_eq!(
        (trial.status, trial.spent.write_units, &trial.body["dryRun"]),
        (200, 0.0, &json!(true)),
        "{}",
        trial.text
    );
    assert_eq!(with_facts(&app).await, before);
}

#[tokio::test]
async fn an_erasure_goes_on_call_by_call() {
    let app = TestApp::new().await;
    for index in 0..215 {
        let body = json!({"accountId": format!("u{index:03}"), "openingBalance": 10});
        assert_eq!(app.account("POST", "", body).await.status, 201);
    }
    spend(&app, "u000", "chat", 1).await;
    spend(&app, "u214", "chat", 1).await;
    let erase = async || {
        let body = json!({"before": "2026-01-05T00:00:00Z", "operationId": "e"});
        app.backend("POST", "/v1/entries/erasure", body).await
    };
    app.clock.advance_seconds(2 * DAY);
    let first = erase().await;
    assert_eq!((&first.body["done"], first.int_of("accounts"), first.int_of("erased")), (&json!(false), 200, 1));
    assert_eq!((&first.body["endedAt"], first.headers.contains_key("idempotent-replayed")), (&Value::Null, false));
    let second = erase().await;
    assert_eq!((&second.body["done"], second.int_of("accounts"), second.int_of("erased")), (&json!(true), 215, 2));
}

/// Killed after any round trip, an erasure goes on from there, and each entry counts once; so it does where its reply is lost.
#[tokio::test]
async fn an_erasure_that_is_killed_goes_on() {
    for is_killed in [true, false] {
        for round_trip in 0..14 {
            let app = spenders().await;
            let to_go = with_facts(&app).await.iter().filter(|e| e["recordedAt"].as_str().unwrap() < BEFORE).count();
            match is_killed {
                true => app.host.app.table.stop_after(Some(round_trip)),
                false => app.host.app.table.lose_after(round_trip),
            }
            erase(&app, "e").await;
            app.host.app.table.stop_after(None);
            let mut reply = erase(&app, "e").await;
            while reply.body["done"] == false {
                reply = erase(&app, "e").await;
            }
            assert_eq!(reply.int_of("erased"), to_go as i64, "{is_killed}, {round_trip}");
            assert_eq!(reply.int_of("accounts"), 18, "{is_killed}, {round_trip}");
            assert_eq!(erase(&app, "f").await.int_of("erased"), 0, "{is_killed}, {round_trip}");
        }
    }
}

#[tokio::test]
async fn erasures_at_once_count_each_entry_once() {
    let app = spenders().await;
    let to_go = with_facts(&app).await.iter().filter(|e| e["recordedAt"].as_str().unwrap() < BEFORE).count();
    let answers = join_all((0..5).map(|_| erase(&app, "e"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let mut reply = erase(&app, "e").await;
    while reply.body["done"] == false {
        reply = erase(&app, "e").await;
    }
    assert_eq!((reply.int_of("erased"), reply.int_of("accounts")), (to_go as i64, 18));
    assert_eq!(erase(&app, "f").await.int_of("erased"), 0);
    app.account("POST", "/u03/debit", debit(1)).await;
}
