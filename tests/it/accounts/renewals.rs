//! Renewals of one account and of many, over HTTP.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::DAY;
use crate::support::{Reply, TestApp};

impl TestApp {
    async fn renew_due(&self, body: Value) -> Reply {
        let request = http::Request::builder()
            .method("POST")
            .uri("/v1/renewals")
            .header("authorization", format!("Bearer {}", crate::support::ADMIN_KEY))
            .header("x-project-id", &self.project_id);
        Box::pin(self.send(request.body(body.to_string().into()).unwrap())).await
    }
}

fn figures(reply: &Reply) -> [i64; 4] {
    ["totalProcessed", "successful", "failed", "skipped"].map(|name| reply.int_of(name))
}

#[tokio::test]
async fn a_renewal_is_given_once_whoever_asks() {
    let app = TestApp::new().await;
    app.account("POST", "", json!({"accountId": "u", "tier": "Gift"})).await;
    app.clock.advance_seconds(30 * DAY - 1);
    let early = app.account("GET", "/u/renewal", Value::Null).await;
    assert_eq!((&early.body["eligible"], early.text_of("reason")), (&json!(false), "Next renewal in 1 days"));
    assert_eq!(early.text_of("nextRenewalDate"), "2026-02-03T00:00:00.000Z");
    let reply = app.account("POST", "/u/renewal", Value::Null).await;
    assert_eq!((&reply.body["success"], reply.text_of("error")), (&json!(false), "Next renewal in 1 days"));
    assert_eq!((reply.int_of("tokensAdded"), reply.int_of("newBalance")), (0, 100));
    app.clock.advance_seconds(1);
    assert_eq!(app.account("GET", "/u/renewal", Value::Null).await.body["eligible"], true);
    let dry = app.account("POST", "/u/renewal?dryRun=true", Value::Null).await;
    assert_eq!((dry.int_of("newBalance"), &dry.body["dryRun"], dry.spent.write_units), (200, &json!(true), 0.0));
    let answers = join_all((0..6).map(|_| Box::pin(app.account("POST", "/u/renewal", Value::Null)))).await;
    let given: Vec<_> = answers.iter().filter(|answer| answer.body["success"] == true).collect();
    assert_eq!(given.len(), 1);
    let given = given[0];
    assert_eq!(
        (given.int_of("tokensAdded"), given.int_of("previousBalance"), given.int_of("newBalance")),
        (100, 100, 200)
    );
    assert_eq!(app.account_ledger("u").await.len(), 2);
    app.account("POST", "/nobody/renewal", Value::Null).await.refused(404, "ACCOUNT_NOT_FOUND");
}

#[tokio::test]
async fn the_due_accounts_of_a_project_are_renewed_page_by_page() {
    let app = TestApp::new().await;
    for index in 0..12 {
        let tier = if index % 3 == 0 { "Professional" } else { "Gift" };
        app.account("POST", "", json!({"accountId": format!("u{index}"), "tier": tier})).await;
        app.clock.advance_seconds(DAY);
    }
    // On day 36: those of the first seven days, 0 to 6, are due.
    app.clock.advance_seconds(24 * DAY);
    let dry = app.renew_due(json!({"dryRun": true, "limit": 1000})).await;
    assert_eq!((figures(&dry), &dry.body["cursor"], dry.spent.write_units), ([7, 7, 0, 0], &Value::Null, 0.0));
    let of_a_tier = app.renew_due(json!({"dryRun": true, "tier": "Professional"})).await;
    assert_eq!(figures(&of_a_tier), [7, 3, 0, 4]);
    // The limit counts due ones; the cursor goes on behind them.
    let first = app.renew_due(json!({"limit": 4, "continueOnError": true})).await;
    assert_eq!(figures(&first), [4, 4, 0, 0]);
    let cursor = first.text_of("cursor");
    let rest = app.renew_due(json!({"limit": 100, "cursor": cursor})).await;
    assert_eq!((figures(&rest), &rest.body["cursor"]), ([3, 3, 0, 0], &Value::Null));
    assert_eq!(figures(&app.renew_due(json!({})).await), [0, 0, 0, 0], "nothing is left");
    for index in 0..12 {
        let entries = app.account_ledger(&format!("u{index}")).await.len();
        assert_eq!(entries, if index < 7 { 2 } else { 1 });
    }
    // A cursor of another time leads to nothing.
    app.clock.advance_seconds(-20 * DAY);
    assert_eq!(figures(&app.renew_due(json!({"cursor": cursor})).await), [0, 0, 0, 0]);
    app.clock.advance_seconds(20 * DAY);
    let elsewhere =
        app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await.text_of("projectId").to_owned();
    let other = http::Request::builder()
        .method("POST")
        .uri("/v1/renewals")
        .header("authorization", format!("Bearer {}", crate::support::ADMIN_KEY))
        .header("x-project-id", elsewhere);
    let other = app.send(other.body(json!({"cursor": cursor}).to_string().into()).unwrap()).await;
    other.refused(422, "CURSOR_ELSEWHERE");
    app.renew_due(json!({"cursor": "zz"})).await.refused(400, "BAD_REQUEST");
    app.renew_due(json!({"limit": 0})).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn what_was_renewed_on_the_way_is_not_due_any_more() {
    let app = TestApp::new().await;
    app.account("POST", "", json!({"accountId": "u", "tier": "Gift"})).await;
    app.account("POST", "", json!({"accountId": "ended", "tier": "Gift", "tierEndsAt": "2026-01-20T00:00:00Z"})).await;
    app.clock.advance_seconds(30 * DAY);
    app.account("POST", "/u/debit", super::debit(1)).await;
    assert_eq!(figures(&app.renew_due(json!({})).await), [0, 0, 0, 0]);
    app.clock.advance_seconds(30 * DAY);
    assert_eq!(figures(&app.renew_due(json!({})).await), [1, 1, 0, 0]);
}

#[tokio::test]
async fn a_projects_own_plans_renew_as_they_say() {
    let app = TestApp::new().await;
    let plans = json!({"Set": {"tokens": 100, "mode": "set", "periodMonths": 1},
        "Roll": {"tokens": 100, "mode": "rollover", "rolloverMax": 30}});
    app.project_settings(json!({"accounts": {"plans": plans}})).await;
    for (name, tier) in [("set", "Set"), ("roll", "Roll")] {
        app.account("POST", "", json!({"accountId": name, "tier": tier})).await;
        app.account("POST", &format!("/{name}/debit"), super::debit(40)).await;
    }
    app.clock.advance_seconds(31 * DAY);
    assert_eq!((app.balance("set").await.0, app.balance("roll").await.0), (100, 130));
    let bad = json!({"settings": {"accounts": {"plans": {"A": {"tokens": 5, "mode": "rollover"}}}}});
    let path = format!("/v1/admin/projects/{}", app.project_id);
    app.admin("PATCH", &path, bad).await.refused(400, "BAD_REQUEST");
}

impl TestApp {
    async fn renew(&self, account: &str, id: &str) -> Reply {
        let request = http::Request::builder()
            .method("POST")
            .uri(format!("/v1/accounts/{account}/renewal"))
            .header("authorization", format!("Bearer {}", crate::support::ADMIN_KEY))
            .header("x-project-id", &self.project_id)
            .header("idempotency-key", id);
        Box::pin(self.send(request.body(Default::default()).unwrap())).await
    }
}

/// The example is a renewal whose answer is lost; the siblings are replies of the table that are lost on the way, and one that
/// gives nothing, which uses up no id.
#[tokio::test]
async fn a_renewal_sent_again_under_its_id_tells_the_first_answer() {
    for lost in [None, Some(0), Some(1), Some(2)] {
        let app = TestApp::new().await;
        for account in ["u", "v"] {
            app.account("POST", "", json!({"accountId": account, "tier": "Gift"})).await;
        }
        let early = app.renew("u", "r1").await;
        assert_eq!((&early.body["success"], early.headers.contains_key("idempotent-replayed")), (&json!(false), false));
        app.clock.advance_seconds(30 * DAY);
        if let Some(round_trip) = lost {
            app.host.app.table.lose_after(round_trip);
        }
        let first = app.renew("u", "r1").await;
        assert_eq!((first.int_of("tokensAdded"), first.int_of("newBalance")), (100, 200), "{lost:?}: {}", first.text);
        assert!(!first.headers.contains_key("idempotent-replayed"), "{lost:?}");
        app.account("POST", "/u/debit", super::debit(7)).await;
        app.clock.advance_seconds(30 * DAY);
        let again = app.renew("u", "r1").await;
        assert_eq!(again.body, first.body, "{lost:?}");
        assert_eq!(again.headers["idempotent-replayed"], "true", "{lost:?}");
        // The id names the operation on its account.
        assert_eq!(app.renew("v", "r1").await.body["success"], true);
        assert_eq!(app.renew("u", "r2").await.int_of("tokensAdded"), 100);
        assert_eq!(app.account_ledger("u").await.len(), 4, "{lost:?}");
    }
}
