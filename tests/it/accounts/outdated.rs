//! What is read eventually consistent for a debit, when it is outdated: each such read returns what it returned first.

use serde_json::{Value, json};

use crate::support::TestApp;
use shared::model::ids::{OrganizationId, WalletId};
use shared::model::record::Record;
use shared::model::token_type::TokenType;
use shared::table::port::{Meter, Read, Table};

fn debit(amount: i64) -> Value {
    json!({"operationType": "x", "amount": amount, "allowOverdraft": true})
}

async fn changed(app: &TestApp, overdraft: i64) {
    let body = json!({"tier": "Business", "overdraftLimit": overdraft});
    let changed = app.account("POST", "/u/plan", body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
}

#[tokio::test]
async fn a_debit_on_an_outdated_account_is_decided_on_the_present_one() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    let (balance, _) = app.balance("u").await;
    let table = &app.host.app.table;
    table.freeze_eventual_reads(true);
    // From here on account and wallet are as they are now.
    assert_eq!(app.account("POST", "/u/debit", debit(40)).await.int_of("newBalance"), balance - 40);
    assert_eq!(app.account("POST", "/u/debit", debit(40)).await.int_of("newBalance"), balance - 80);
    // It may go into debt now, and that is not seen in the outdated record.
    changed(&app, 50).await;
    let (balance, _) = app.balance("u").await;
    assert_eq!(app.account("POST", "/u/debit", debit(balance + 50)).await.int_of("newBalance"), -50);
    // And now it may not any more.
    table.freeze_eventual_reads(true);
    app.account("POST", "/u/credit", json!({"operationType": "x", "amount": 51})).await;
    app.account("POST", "/u/debit", debit(1)).await;
    changed(&app, 0).await;
    let (balance, _) = app.balance("u").await;
    app.account("POST", "/u/debit", debit(balance + 1)).await.refused(402, "INSUFFICIENT_TOKENS");
    assert_eq!(app.balance("u").await.0, balance);
}

#[tokio::test]
async fn a_repeated_debit_is_answered_alike_by_outdated_reads() {
    let app = TestApp::new().await;
    app.account_with("u", 100, 0).await;
    app.host.app.table.freeze_eventual_reads(true);
    let body = json!({"operationType": "x", "amount": 40, "operationId": "once"});
    let first = app.account("POST", "/u/debit", body.clone()).await;
    let again = app.account("POST", "/u/debit", body).await;
    assert_eq!((first.int_of("newBalance"), again.body["replayed"].as_bool()), (60, Some(true)));
    assert_eq!((again.int_of("newBalance"), app.balance("u").await), (60, (60, 40)));
    app.account("POST", "/u/debit", json!({"operationType": "x", "amount": 41, "operationId": "once"}))
        .await
        .refused(422, "IDEMPOTENCY_KEY_REUSED");
}

/// Readers of an outdated record know it by the wallet: so a change of the record moves the wallet always.
#[tokio::test]
async fn a_plan_that_changes_no_balance_moves_the_pools_wallets_all_the_same() {
    let app = TestApp::new().await;
    app.organization("POST", "", json!({"organizationId": "acme", "plan": "pro"})).await;
    let acme = OrganizationId { project_id: app.project_id.clone(), name: "acme".to_owned() };
    let pool = acme.pool(TokenType::General);
    let reads = [Read::Account(pool.clone()), Read::Wallet(WalletId::Account(pool))];
    let sequence = async || {
        let (mut revision, mut wallet) = (None, None);
        for record in app.host.app.table.read(&reads, &Meter::default()).await.unwrap() {
            match record {
                Record::Account(account) => revision = Some(account.revision),
                Record::Wallet(found) => wallet = Some(found),
                _ => {}
            }
        }
        let wallet = wallet.unwrap();
        assert_eq!(wallet.account_revision, revision);
        wallet.sequence
    };
    let mut last = sequence().await;
    for plan in ["enterprise", "pro", "enterprise"] {
        let changed = app.organization("PUT", "/acme/plan", json!({"plan": plan})).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let now = sequence().await;
        assert!(now > last, "{plan}");
        last = now;
    }
}
