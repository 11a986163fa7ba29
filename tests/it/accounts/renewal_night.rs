//! The renewals' night: schedule, dispatcher, queue and workers, with everything delivered twice, killed or late.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use local::background::Background;
use local::wiring::{TABLE, sdk_config};
use serde_json::{Value, json};
use shared::host::background::{self, JobReport};
use shared::host::queue::Sqs;
use shared::model::ids::AccountId;
use shared::service::accounts::dispatcher;
use shared::table::key;

use crate::api::endpoints::event;
use crate::support::{L1, TestApp, device, proof};

const DAY: i64 = 86_400;

/// A world with so many accounts, of which the first `due` are due by now.
async fn app_with(accounts: usize, due: usize) -> (TestApp, Background) {
    let app = TestApp::empty().await;
    for index in 0..accounts {
        if index == due {
            app.clock.advance_seconds(DAY);
        }
        let made = app.account("POST", "", json!({"accountId": format!("u{index}"), "tier": "Gift"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    if due == accounts {
        app.clock.advance_seconds(DAY);
    }
    app.clock.advance_seconds(29 * DAY);
    let background = Background::start(Arc::clone(&app.host), app.outbox.clone(), None, false).await.unwrap();
    (app, background)
}

fn count(report: &JobReport, name: &str) -> i64 {
    report.counts.iter().filter(|(known, _)| *known == name).map(|(_, count)| *count).sum()
}

/// Works until the queue is empty; accounts renewed.
async fn work_off(background: &Background) -> i64 {
    let mut renewed = 0;
    while let Some(report) = background.work().await {
        renewed += count(&report, "Renewed");
    }
    renewed
}

/// Fails unless the first `due` accounts were renewed, once each, and no other.
async fn assert_renewed_once(app: &TestApp, accounts: usize, due: usize) {
    for index in 0..accounts {
        let ledger = app.account_ledger(&format!("u{index}")).await;
        assert_eq!(ledger.len(), if index < due { 2 } else { 1 }, "u{index}");
    }
}

#[tokio::test]
async fn a_night_renews_what_is_due_and_nothing_else() {
    let (app, background) = app_with(60, 30).await;
    let report = background.dispatch().await;
    assert_eq!((count(&report, "Dispatched"), work_off(&background).await), (30, 30));
    assert_renewed_once(&app, 60, 30).await;
    let again = background.dispatch().await;
    assert_eq!((count(&again, "Dispatched"), work_off(&background).await), (0, 0));
    let reply = app.account("GET", "/u0", Value::Null).await;
    assert_eq!((reply.int_of("tokensBalance"), reply.text_of("nextRenewalAt")), (200, "2026-03-05T00:00:00.000Z"));
}

#[tokio::test]
async fn the_dispatcher_reads_what_is_due_however_many_there_are() {
    let (_small, few) = app_with(30, 30).await;
    let (_large, many) = app_with(150, 30).await;
    let (few, many) = (few.dispatch().await, many.dispatch().await);
    assert_eq!((count(&few, "Dispatched"), count(&many, "Dispatched")), (30, 30));
    assert_eq!((few.spent.read_units, few.spent.round_trips), (many.spent.read_units, many.spent.round_trips));
}

#[tokio::test]
async fn messages_that_come_twice_and_dispatchers_that_run_at_once_renew_once() {
    let (app, background) = app_with(40, 40).await;
    let reports = join_all((0..3).map(|_| Box::pin(background.dispatch()))).await;
    assert!(reports.iter().map(|report| count(report, "Dispatched")).sum::<i64>() >= 40);
    background.dispatch().await;
    let messages = background.queue.waiting();
    assert!(messages.len() > 8, "{}", messages.len());
    let record = |message: &local::queue::Message| json!({"messageId": message.id, "body": message.body});
    // Backwards, and two batches with the same messages at once.
    let backwards = json!({"Records": messages.iter().rev().map(record).collect::<Vec<_>>()});
    let answers = join_all((0..2).map(|_| Box::pin(background.deliver(&backwards)))).await;
    for (answer, _) in &answers {
        assert_eq!(answer.as_ref().unwrap()["batchItemFailures"], json!([]));
    }
    assert_eq!(answers.iter().map(|(_, report)| count(report, "Renewed")).sum::<i64>(), 40);
    assert_eq!(work_off(&background).await, 0);
    assert_renewed_once(&app, 40, 40).await;
    proof::seen(
        "R5",
        "4 runs of the dispatcher, 3 at once, and each message delivered twice at once: 40 accounts due, 40 renewals",
    );
}

#[tokio::test]
async fn a_run_goes_round_an_account_that_fails_and_says_which() {
    let (app, background) = app_with(12, 12).await;
    // One account's record cannot be read.
    let at = key::account(&AccountId { project_id: app.project_id.clone(), name: "u5".to_owned() });
    let client = aws_sdk_dynamodb::Client::new(&sdk_config(app.engine.endpoint(), false).await);
    let damage = async |name: &str, to: &str| {
        let odd = client.update_item().table_name(TABLE);
        let odd = odd.key("pk", AttributeValue::S(at.pk.clone())).key("sk", AttributeValue::S(at.sk.clone()));
        let odd = odd.update_expression("SET #n = :v").expression_attribute_names("#n", name);
        odd.expression_attribute_values(":v", AttributeValue::S(to.to_owned())).send().await.unwrap();
    };
    damage("revision", "none").await;
    // The night: all others are renewed, and the log tells which was not, by a name that tells nothing to others.
    background.dispatch().await;
    let messages = background.queue.waiting();
    let record = |message: &local::queue::Message| json!({"messageId": message.id, "body": message.body});
    let all = json!({"Records": messages.iter().map(record).collect::<Vec<_>>()});
    let (answer, report) = background.deliver(&all).await;
    assert_eq!((count(&report, "Renewed"), count(&report, "FailedAccounts")), (11, 1), "{report:?}");
    assert_eq!(answer.unwrap()["batchItemFailures"].as_array().unwrap().len(), 1, "its message comes again");
    let named = dispatcher::logged(&app.project_id, "u5");
    let reply: Vec<_> = report.causes.iter().filter(|cause| cause.starts_with(&named)).collect();
    assert_eq!((reply.len(), report.causes.len()), (1, 1), "{:?}", report.causes);
    assert!(!report.causes[0].contains("u5"));
    // By hand: the answer names it, and the others are done.
    app.clock.advance_seconds(30 * DAY);
    let run = http::Request::builder()
        .method("POST")
        .uri("/v1/renewals")
        .header("authorization", format!("Bearer {}", crate::support::ADMIN_KEY))
        .header("x-project-id", &app.project_id);
    let body = json!({"continueOnError": true, "limit": 100}).to_string();
    let run = app.send(run.body(body.into()).unwrap()).await;
    assert_eq!((run.int_of("successful"), run.int_of("failed")), (11, 1), "{}", run.text);
    assert_eq!(run.body["errors"][0]["accountId"], "u5", "{}", run.text);
    for index in (0..12).filter(|index| *index != 5) {
        assert_eq!(app.account_ledger(&format!("u{index}")).await.len(), 3, "u{index}");
    }
}

#[tokio::test]
async fn a_night_that_is_killed_anywhere_goes_on() {
    let killed_after: Vec<u32> = match proof::rounds(5, 12) {
        5 => vec![1, 2, 4, 7, 11],
        most => (1..=most as u32).collect(),
    };
    for round_trips in &killed_after {
        let (app, background) = app_with(20, 20).await;
        app.host.app.table.stop_after(Some(*round_trips));
        background.dispatch().await;
        app.host.app.table.stop_after(None);
        background.dispatch().await;
        assert_eq!(work_off(&background).await, 20, "the dispatcher killed after {round_trips}");
        assert_renewed_once(&app, 20, 20).await;
    }
    let figures =
        format!("the dispatcher killed after {killed_after:?} round trips: 20 accounts due, 20 renewals each time");
    proof::seen("R5", &figures);
}

#[tokio::test]
async fn a_dispatcher_that_is_out_of_time_leaves_a_checkpoint_and_a_message() {
    let (app, background) = app_with(20, 20).await;
    let sender =
        Sqs::new(&local::wiring::sdk_config(background.queue.endpoint(), false).await, background.queue.endpoint());
    let dispatch = json!({"dispatch": "nightly"});
    let handling = background::renewals(&app.host.app, &sender, &dispatch, Duration::ZERO);
    let (answer, report) = Box::pin(handling).await;
    assert!(answer.is_ok() && count(&report, "Interrupted") == 1);
    assert_eq!(background.queue.waiting()[0].body, r#""dispatch""#);
    assert_eq!(work_off(&background).await, 20);
    assert_renewed_once(&app, 20, 20).await;
}

#[tokio::test]
async fn a77_the_tokens_of_a_license_come_again_by_the_schedule_or_the_next_call_once() {
    let app = TestApp::new().await;
    let background = Background::start(Arc::clone(&app.host), app.outbox.clone(), None, false).await.unwrap();
    let mut forever = local::demo::sub();
    forever["config"]["limits"]["time"]["durationDays"] = json!(365);
    let policy = app.policy(forever).await;
    let keys = [app.license(&policy, None).await, app.license(&policy, None).await];
    for key in &keys {
        app.activate(key, &device('a')).await;
        let bought = json!({"amount": 50, "reason": "top-up", "operationId": format!("buy-{}", &key[4..])});
        app.admin("POST", &format!("/v1/admin/licenses/{key}/tokens"), bought).await;
        app.consume(key, &device('a'), 120, "use").await;
    }
    app.clock.set(ltlm_protocol::Timestamp::parse("2026-02-03T23:59:59.999Z").unwrap());
    assert_eq!(app.get(&keys[0], "").await.int_of("tokensRemaining"), 30);
    app.clock.set(ltlm_protocol::Timestamp::parse("2026-02-04T00:00:00Z").unwrap());
    let figures = async |key: &str| {
        let reply = app.get(key, "").await;
        (reply.int_of("tokensConsumed"), reply.int_of("tokensLimit"), reply.int_of("tokensRemaining"))
    };
    assert_eq!(figures(&keys[0]).await, (0, 130, 130), "seen before it is written");
    assert_eq!(app.consume(&keys[0], &device('a'), 1, "next").await.int_of("tokensRemaining"), 129);
    background.dispatch().await;
    background.dispatch().await;
    assert_eq!(work_off(&background).await, 1, "the other one came by itself");
    assert_eq!((figures(&keys[0]).await, figures(&keys[1]).await), ((1, 130, 129), (0, 130, 130)));
    for key in &keys {
        app.audit(key).await;
    }
    // L1 lasts 30 days and was not paid for any longer: nothing comes.
    assert_eq!(app.admin("GET", &format!("/v1/admin/licenses/{L1}"), Value::Null).await.int_of("tokensRemaining"), 100);
    assert_eq!(app.ledger(&keys[1]).await.last().unwrap()["source"], "renewal");
}

#[tokio::test]
async fn a_message_that_cannot_be_worked_on_ends_with_the_dead_letters_alone() {
    let (app, background) = app_with(3, 3).await;
    let queue = event("background/renewals-queue", &app.project_id, "1");
    let (answer, report) = background.deliver(&queue).await;
    let failures = json!([{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]);
    assert_eq!(answer.unwrap()["batchItemFailures"], failures);
    assert_eq!((count(&report, "Skipped"), report.causes.len()), (2, 1), "accounts that are gone are skipped");
    // A table that stays down: the messages come again, and then lie with the dead letters, none lost.
    background.dispatch().await;
    let sent = background.queue.waiting().len();
    app.host.app.table.stop_after(Some(0));
    while let Some((batch, event)) = background.queue.receive() {
        let (answer, _) = background.deliver(&event).await;
        assert_eq!(answer.as_ref().unwrap()["batchItemFailures"].as_array().unwrap().len(), batch.len());
        background.queue.give_back(batch, answer.as_ref());
    }
    assert_eq!((background.queue.waiting().len(), background.queue.dead().len()), (0, sent));
    app.host.app.table.stop_after(None);
    assert_eq!(app.account_ledger("u0").await.len(), 1);
}
