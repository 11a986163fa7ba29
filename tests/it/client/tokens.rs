//! The contract's cases of tokens, by their numbers: used at once, charged once.

use ltlm_client::call::{Call, Consumption, Outcome, Reply};
use ltlm_client::{ErrorCode, Event, Status};
use serde_json::{Value, json};

use super::{Desk, Network, code, config, used};
use crate::support::{L1, TestApp};

async fn active<'a>(app: &'a TestApp, source: &str) -> Desk<'a> {
    let mut desk = Desk::new(app, source);
    desk.activate(L1).await.unwrap();
    desk
}

fn confirmed(amount: i64, id: &str) -> Call {
    Call::ConsumeConfirmed { consumption: used(amount), operation_id: Some(id.to_owned()) }
}

#[tokio::test]
async fn c39_c40_the_balance_is_kept_to_unless_overdraft_is_allowed() {
    let app = TestApp::new().await;
    let mut desk = active(&app, "a").await;
    desk.consume(98).await.unwrap();
    let refused = desk.consume(3).await;
    assert_eq!((code(&refused), desk.machine.pending()), (Some(ErrorCode::InsufficientTokens), 1));
    for bad in [0, -1, 1_000_000_001] {
        assert_eq!(code(&desk.consume(bad).await), Some(ErrorCode::BadArgument));
    }
    let nameless = Consumption { action: " ".into(), ..used(1) };
    assert_eq!(code(&desk.call(Call::Consume(nameless)).await), Some(ErrorCode::BadArgument));
    let meta = json!({"x": "y".repeat(5_000)}).as_object().cloned();
    assert_eq!(code(&desk.call(Call::Consume(Consumption { meta, ..used(1) })).await), Some(ErrorCode::BadArgument));
    desk.config.allow_overdraft = true;
    desk.restart(false);
    desk.call(Call::LoadStored).await.unwrap();
    assert!(matches!(desk.consume(3).await, Ok(Reply::Recorded { balance: -1, .. })));
    desk.run_for(5).await;
    assert_eq!((desk.machine.balance(), desk.machine.pending(), app.audit(L1).await), (-1, 0, 101));
}

#[tokio::test]
async fn c41_what_was_used_offline_is_charged_whole() {
    let app = TestApp::new().await;
    let (mut a, mut b) = (active(&app, "a").await, active(&app, "b").await);
    a.network = Network::DOWN;
    a.consume(60).await.unwrap();
    b.consume(90).await.unwrap();
    b.call(Call::Sync).await.unwrap();
    a.network = Network::default();
    a.run_for(400).await;
    assert_eq!((a.machine.balance(), a.machine.pending(), app.audit(L1).await), (-50, 0, 150));
}

#[tokio::test]
async fn c42_a_batch_whose_answer_is_lost_thrice_is_charged_once() {
    let app = TestApp::new().await;
    let mut desk = active(&app, "a").await;
    for _ in 0..5 {
        desk.consume(2).await.unwrap();
    }
    desk.loses = Some("/consume-batch");
    while desk.count("/consume-batch") < 3 {
        desk.run_for(5).await;
    }
    desk.loses = None;
    desk.run_for(400).await;
    assert_eq!((desk.machine.pending(), desk.machine.balance(), app.audit(L1).await), (0, 90, 10));
}

#[tokio::test]
async fn c43_c44_c45_a_killed_process_charges_once_what_was_used() {
    let app = TestApp::new().await;
    let mut desk = active(&app, "a").await;
    // Before it is sent.
    desk.consume(1).await.unwrap();
    desk.restart(false);
    desk.call(Call::LoadStored).await.unwrap();
    assert_eq!((desk.machine.pending(), desk.machine.balance()), (1, 99));
    desk.run_for(5).await;
    assert_eq!(app.audit(L1).await, 1);
    // Before it is answered.
    desk.consume(2).await.unwrap();
    desk.network.lost_answers = 100;
    desk.run_for(5).await;
    assert_eq!(app.audit(L1).await, 3);
    (desk.network, _) = (Network::default(), desk.restart(false));
    desk.call(Call::LoadStored).await.unwrap();
    desk.run_for(5).await;
    assert_eq!((desk.machine.pending(), app.audit(L1).await), (0, 3));
    // A loss of power takes the uses of a second at most.
    desk.network = Network::DOWN;
    desk.consume(4).await.unwrap();
    desk.run_for(1).await;
    desk.consume(8).await.unwrap();
    desk.restart(true);
    desk.network = Network::default();
    desk.call(Call::LoadStored).await.unwrap();
    desk.run_for(5).await;
    assert_eq!((desk.machine.pending(), app.audit(L1).await), (0, 7));
}

#[tokio::test]
async fn c46_ten_thousand_uses_are_ten_batches_in_order() {
    let app = TestApp::new().await;
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": 1_000_000}})).await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(&key).await.unwrap();
    desk.network = Network::DOWN;
    for number in 0..10_000 {
        let consumption = Consumption { amount: 1 + number % 3, action: format!("a{number}"), meta: None };
        desk.call(Call::Consume(consumption)).await.unwrap();
    }
    desk.network = Network::default();
    desk.sent.clear();
    let mut tries = 0;
    while desk.machine.pending() > 0 && tries < 100 {
        desk.run_for(10).await;
        tries += 1;
    }
    assert_eq!(desk.count("/consume-batch"), 10);
    let ledger = app.ledger(&key).await;
    let actions: Vec<_> =
        ledger.iter().filter(|entry| entry["source"] == "batch").map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, (0..10_000).map(|number| json!(format!("a{number}"))).collect::<Vec<_>>());
    let expected: i64 = (0..10_000).map(|number| 1 + number % 3).sum();
    assert_eq!((app.audit(&key).await, desk.machine.balance()), (expected, 1_000_000 - expected));
    assert_eq!(desk.disk.journal.len(), 0);
}

#[tokio::test]
async fn c47_a_use_that_the_server_leaves_out_is_told_and_the_others_are_charged() {
    let app = TestApp::new().await;
    let mut desk = active(&app, "a").await;
    // Somebody used up an id that this device will use.
    desk.network = Network::DOWN;
    let Ok(Reply::Recorded { operation_id, .. }) = desk.consume(1).await else { panic!("recorded") };
    desk.consume(2).await.unwrap();
    let stolen = app.consume(L1, desk.machine.hwid(), 7, &operation_id).await;
    assert_eq!(stolen.status, 200, "{}", stolen.text);
    desk.network = Network::default();
    desk.run_for(301).await;
    let skipped = Event::UseSkipped { operation_id: operation_id.clone(), reason: "operation_id_reused".into() };
    assert!(desk.events.contains(&skipped), "{:?}", desk.events);
    assert_eq!(desk.machine.operation(&operation_id), Outcome::Skipped("operation_id_reused".into()));
    assert_eq!((desk.machine.pending(), app.audit(L1).await), (0, 9));
}

#[tokio::test]
async fn c48_c49_c50_a_confirmed_use_is_charged_once_or_not_at_all() {
    let app = TestApp::new().await;
    let mut desk = active(&app, "a").await;
    let refused = desk.call(confirmed(101, "op-1")).await;
    assert_eq!(
        (code(&refused), desk.machine.balance(), desk.machine.pending()),
        (Some(ErrorCode::InsufficientTokens), 100, 0)
    );
    assert_eq!(desk.machine.operation("op-1"), Outcome::Refused("INSUFFICIENT_TOKENS".into()));
    let Ok(Reply::Charged(first)) = desk.call(confirmed(10, "op-2")).await else { panic!("charged") };
    let Ok(Reply::Charged(again)) = desk.call(confirmed(10, "op-2")).await else { panic!("charged") };
    assert_eq!((first, desk.machine.balance()), (again, 90));
    assert_eq!(code(&desk.call(confirmed(11, "op-2")).await), Some(ErrorCode::Refused), "another use");
    // Lost on the way back: unknown, then known.
    desk.network.lost_answers = 100;
    assert_eq!(code(&desk.call(confirmed(20, "op-3")).await), Some(ErrorCode::OutcomeUnknown));
    assert_eq!((desk.machine.operation("op-3"), desk.machine.balance()), (Outcome::Unresolved, 70));
    desk.restart(false);
    desk.network = Network::default();
    desk.call(Call::LoadStored).await.unwrap();
    desk.run_for(5).await;
    let done = desk.events.iter().any(|event| {
        matches!(event, Event::OperationDone { operation_id, operation: Some(_), refused: None } if operation_id == "op-3")
    });
    assert!(done, "{:?}", desk.events);
    assert_eq!((desk.machine.balance(), desk.machine.pending(), app.audit(L1).await), (70, 0, 30));
    // It never left: it was not used.
    desk.network = Network::DOWN;
    assert_eq!(code(&desk.call(confirmed(5, "op-4")).await), Some(ErrorCode::Offline));
    desk.network = Network::default();
    desk.run_for(400).await;
    assert_eq!((desk.machine.pending(), app.audit(L1).await), (0, 30));
    assert_eq!(code(&desk.call(confirmed(1, "spaced id")).await), Some(ErrorCode::BadArgument));
}

#[tokio::test]
async fn c51_a_full_queue_takes_nothing_and_loses_nothing() {
    let app = TestApp::new().await;
    let mut config = config(&app);
    config.queue_max = 3;
    let mut desk = Desk::with(&app, "a", config, 1);
    desk.activate(L1).await.unwrap();
    desk.network = Network::DOWN;
    for _ in 0..3 {
        desk.consume(1).await.unwrap();
    }
    assert_eq!((code(&desk.consume(1).await), desk.machine.pending()), (Some(ErrorCode::QueueFull), 3));
    desk.network = Network::default();
    desk.run_for(301).await;
    assert_eq!((desk.machine.pending(), app.audit(L1).await), (0, 3));
}

#[tokio::test]
async fn c52_uses_of_two_licenses_are_charged_each_to_its_own() {
    let app = TestApp::new().await;
    let second = app.license_with(json!({})).await;
    let mut desk = active(&app, "a").await;
    desk.network = Network::DOWN;
    desk.consume(7).await.unwrap();
    assert_eq!(desk.call(Call::Clear).await, Ok(Reply::Done));
    assert_eq!((desk.status(), desk.machine.pending()), (Status::Unauthenticated, 1));
    desk.network = Network::default();
    desk.activate(&second).await.unwrap();
    desk.consume(2).await.unwrap();
    desk.run_for(5).await;
    assert_eq!((app.audit(L1).await, app.audit(&second).await, desk.machine.balance()), (7, 2, 98));
}

#[tokio::test]
async fn c53_a_license_without_tokens_takes_no_uses() {
    let app = TestApp::new().await;
    let policy = app.policy(::local::demo::perp()).await;
    let key = app.license(&policy, None).await;
    let mut desk = Desk::new(&app, "a");
    desk.activate(&key).await.unwrap();
    assert_eq!(code(&desk.consume(1).await), Some(ErrorCode::TokensDisabled));
    assert_eq!((desk.machine.balance(), desk.status()), (0, Status::Active));
    assert_eq!(desk.call(Call::HasTokens { amount: 1 }).await, Ok(Reply::Answer(false)));
}

#[tokio::test]
async fn c64_the_server_is_given_the_time_that_it_asks_for() {
    let app = TestApp::new().await;
    let mut desk = active(&app, "a").await;
    let busy = || {
        ltlm_client::machine::HttpAnswer {
        status: 429,
        retry_after: Some("120".into()),
        body: json!({"status": "fail", "message": "", "isOperational": true, "error": "RATE_LIMITED", "code": "RATE_LIMITED",
            "retryable": true})
        .to_string()
        .into_bytes(),
        ..Default::default()
    }
    };
    desk.consume(1).await.unwrap();
    desk.network.lost_requests = 100;
    while desk.count("/consume-batch") == 0 {
        desk.step(desk.now_ms() + 10_000).await;
    }
    // The request is lost; the gateway's word comes in its place. Requests are named in order.
    let id = desk.sent.len() as u64;
    desk.handle(ltlm_client::machine::Input::Answer { id, answer: busy() });
    desk.network = Network::default();
    let before = desk.now_ms();
    assert_eq!(desk.call(Call::Sync).await.unwrap_err().retry_after_seconds, Some(120));
    desk.call(Call::Refresh).await.unwrap();
    desk.run_for(115).await;
    assert_eq!(desk.count("/consume-batch"), 1);
    while desk.machine.pending() > 0 {
        desk.run_for(1).await;
    }
    assert!(desk.now_ms() - before >= 120_000);
}

#[tokio::test]
async fn a_balance_is_asked_for_and_told_in_any_case() {
    let app = TestApp::new().await;
    let mut desk = active(&app, "a").await;
    app.consume(L1, desk.machine.hwid(), 40, "elsewhere").await;
    assert_eq!(desk.machine.balance(), 100);
    assert_eq!(desk.call(Call::HasTokens { amount: 61 }).await, Ok(Reply::Answer(false)));
    assert_eq!(desk.call(Call::HasTokens { amount: 60 }).await, Ok(Reply::Answer(true)));
    desk.network = Network::DOWN;
    assert_eq!(desk.call(Call::HasTokens { amount: 60 }).await, Ok(Reply::Answer(true)));
    let meta = json!({"resolution": "4K"}).as_object().cloned();
    desk.call(Call::Consume(Consumption { meta, action: "render".into(), amount: 5 })).await.unwrap();
    desk.network = Network::default();
    desk.run_for(301).await;
    let entry = app.ledger(L1).await.pop().unwrap();
    assert_eq!((&entry["action"], &entry["meta"]["resolution"]), (&json!("render"), &json!("4K")));
    let Ok(Reply::History(page)) = desk.call(Call::History { limit: 1, cursor: None }).await else { panic!("history") };
    assert_eq!((page.entries[0].action.as_str(), page.next_cursor.is_some()), ("render", true));
    assert_eq!(Value::from(page.entries[0].amount), json!(-5));
}

#[tokio::test]
async fn the_history_of_a_license_that_takes_envelopes_alone_is_listed_page_by_page() {
    let app = TestApp::new().await;
    let over = json!({"overrides": {"sdkEnforcement": {"mode": "pro_only"}}});
    app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), over).await;
    let mut desk = active(&app, "a").await;
    desk.consume(3).await.unwrap();
    desk.call(Call::Sync).await.unwrap();
    let (mut amounts, mut cursor) = (Vec::new(), None);
    loop {
        let Ok(Reply::History(page)) = desk.call(Call::History { limit: 1, cursor }).await else { panic!("history") };
        amounts.extend(page.entries.iter().map(|entry| entry.amount));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(amounts, [-3, 100]);
}

#[tokio::test]
async fn uses_are_numbered_over_restarts_and_kills_without_a_gap() {
    let app = TestApp::new().await;
    let mut desk = active(&app, "a").await;
    desk.consume(1).await.unwrap();
    desk.call(Call::Sync).await.unwrap();
    desk.restart(false);
    desk.call(Call::LoadStored).await.unwrap();
    // In the journal alone, when the process is killed.
    desk.consume(1).await.unwrap();
    desk.restart(false);
    desk.call(Call::LoadStored).await.unwrap();
    desk.consume(1).await.unwrap();
    desk.call(confirmed(1, "fourth")).await.unwrap();
    desk.call(Call::Sync).await.unwrap();
    desk.restart(false);
    desk.call(Call::LoadStored).await.unwrap();
    desk.call(confirmed(1, "fifth")).await.unwrap();
    let usage = app.get(L1, "/usage").await;
    let entries = usage.body["entries"].as_array().unwrap();
    let mut numbers: Vec<_> = entries.iter().filter_map(|entry| entry["usageSequence"].as_i64()).collect();
    numbers.sort_unstable();
    assert_eq!((numbers, app.audit(L1).await), (vec![1, 2, 3, 4, 5], 5));
}
