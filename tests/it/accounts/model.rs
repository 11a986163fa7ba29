//! Random histories of an account against a small, obviously right model: what each call answers, and at the end the ledger,
//! its sums and its chain.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Reply, TestApp, proof};

const HOUR: i64 = 3_600;
const ALLOCATION: i64 = 100;
const PERIOD_HOURS: i64 = 30 * 24;

#[derive(Clone, Debug)]
enum Step {
    Debit(i64, u8),
    Credit(i64),
    Refund(u8, i64),
    Hold(i64, i64),
    Commit(usize, i64),
    Void(usize),
    Reset(i64),
    Renew,
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_i64..70, 0_u8..10).prop_map(|(amount, id)| Step::Debit(amount, id)),
        2 => (1_i64..60).prop_map(Step::Credit),
        2 => (0_u8..10, 1_i64..50).prop_map(|(id, amount)| Step::Refund(id, amount)),
        3 => (1_i64..60, 1_i64..400).prop_map(|(amount, hours)| Step::Hold(amount, hours)),
        2 => (0_usize..8, 1_i64..50).prop_map(|(which, amount)| Step::Commit(which, amount)),
        1 => (0_usize..8).prop_map(Step::Void),
        1 => (0_i64..150).prop_map(Step::Reset),
        1 => Just(Step::Renew),
        3 => (1_i64..500).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..40)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HoldState {
    Open { until: i64 },
    Over,
}

#[derive(Default)]
struct Model {
    hour: i64,
    /// What is written, and the last period whose allocation is.
    balance: i64,
    period: i64,
    spent: i64,
    /// By id: amount, refunded, the answer's balance.
    debits: BTreeMap<u8, (i64, i64, i64)>,
    holds: Vec<(i64, HoldState)>,
}

impl Model {
    fn is_due(&self) -> bool {
        self.hour / PERIOD_HOURS > self.period
    }

    /// What is seen now: what is due, and what holds gave back by themselves, counts before it is written.
    fn seen(&self) -> i64 {
        let over =
            self.holds.iter().filter(|(_, state)| matches!(state, HoldState::Open { until } if *until <= self.hour));
        let back: i64 = over.map(|(amount, _)| amount).sum();
        self.balance + back + if self.is_due() { ALLOCATION } else { 0 }
    }

    /// A movement is written, and with it all that is due.
    fn write(&mut self, change: i64) -> i64 {
        self.balance = self.seen() + change;
        self.period = self.hour / PERIOD_HOURS;
        for (_, state) in &mut self.holds {
            if matches!(state, HoldState::Open { until } if *until <= self.hour) {
                *state = HoldState::Over;
            }
        }
        self.balance
    }

    fn held(&self) -> i64 {
        let open =
            self.holds.iter().filter(|(_, state)| matches!(state, HoldState::Open { until } if *until > self.hour));
        open.map(|(amount, _)| amount).sum()
    }

    fn is_open(&self, which: usize) -> bool {
        matches!(self.holds[which].1, HoldState::Open { until } if until > self.hour)
    }
}

async fn post(app: &TestApp, tail: &str, body: Value) -> Reply {
    app.account("POST", &format!("/u/{tail}"), body).await
}

async fn run(steps: Vec<Step>) {
    let app = TestApp::empty().await;
    app.account("POST", "", json!({"accountId": "u", "tier": "Gift"})).await;
    let mut model = Model { balance: ALLOCATION, ..Model::default() };
    for step in steps {
        match step {
            Step::Pass(hours) => {
                app.clock.advance_seconds(hours * HOUR);
                model.hour += hours;
            }
            Step::Debit(amount, id) => {
                let body = json!({"operationType": "x", "amount": amount, "operationId": format!("d{id}")});
                let reply = post(&app, "debit", body).await;
                match model.debits.get(&id) {
                    Some((first, _, answer)) if *first == amount => assert_eq!(reply.int_of("newBalance"), *answer),
                    Some(_) => drop(reply.refused(422, "IDEMPOTENCY_KEY_REUSED")),
                    None if model.seen() < amount => {
                        let details = &reply.refused(402, "INSUFFICIENT_TOKENS").body["details"];
                        assert_eq!((&details["balance"], &details["required"]), (&json!(model.seen()), &json!(amount)));
                    }
                    None => {
                        let answer = model.write(-amount);
                        model.spent += amount;
                        assert_eq!((reply.int_of("newBalance"), reply.int_of("tokensSpent")), (answer, model.spent));
                        model.debits.insert(id, (amount, 0, answer));
                    }
                }
            }
            Step::Credit(amount) => {
                let reply = post(&app, "credit", json!({"operationType": "x", "amount": amount})).await;
                assert_eq!(reply.int_of("newBalance"), model.write(amount));
            }
            Step::Reset(balance) => {
                let reply = post(&app, "reset", json!({"balance": balance})).await;
                model.write(balance - model.seen());
                assert_eq!((reply.int_of("newBalance"), model.balance), (balance, balance));
            }
            Step::Refund(id, amount) => {
                let body = json!({"originalOperationId": format!("d{id}"), "amount": amount});
                let reply = post(&app, "refund", body).await;
                match model.debits.get(&id).copied() {
                    None => drop(reply.refused(404, "OPERATION_NOT_FOUND")),
                    Some((spent, refunded, _)) if refunded + amount > spent => {
                        let left = &reply.refused(409, "REFUND_TOO_LARGE").body["details"]["refundable"];
                        assert_eq!(*left, json!(spent - refunded));
                    }
                    Some((spent, refunded, answer)) => {
                        model.debits.insert(id, (spent, refunded + amount, answer));
                        model.spent -= amount;
                        let answer = model.write(amount);
                        assert_eq!((reply.int_of("newBalance"), reply.int_of("tokensSpent")), (answer, model.spent));
                    }
                }
            }
            Step::Hold(amount, hours) => {
                let id = format!("h{}", model.holds.len());
                let body = json!({"operationType": "y", "amount": amount, "expiresInSeconds": hours * HOUR, "operationId": id});
                let reply = post(&app, "holds", body).await;
                if model.seen() < amount {
                    reply.refused(402, "INSUFFICIENT_TOKENS");
                    continue;
                }
                assert_eq!(reply.int_of("newBalance"), model.write(-amount));
                model.holds.push((amount, HoldState::Open { until: model.hour + hours }));
            }
            Step::Commit(which, amount) => {
                let reply = post(&app, &format!("holds/h{which}/commit"), json!({"amount": amount})).await;
                match model.holds.get(which).copied() {
                    None => drop(reply.refused(404, "HOLD_NOT_FOUND")),
                    Some(_) if !model.is_open(which) => drop(reply.refused(409, "HOLD_ENDED")),
                    Some((held, _)) if amount > held => drop(reply.refused(409, "HOLD_TOO_SMALL")),
                    Some((held, _)) => {
                        model.holds[which].1 = HoldState::Over;
                        model.spent += amount;
                        let answer = model.write(held - amount);
                        assert_eq!((reply.int_of("newBalance"), reply.int_of("tokensSpent")), (answer, model.spent));
                    }
                }
            }
            Step::Void(which) => {
                let reply = post(&app, &format!("holds/h{which}/void"), json!({})).await;
                match model.holds.get(which).copied() {
                    None => drop(reply.refused(404, "HOLD_NOT_FOUND")),
                    Some(_) if !model.is_open(which) => drop(reply.refused(409, "HOLD_ENDED")),
                    Some((held, _)) => {
                        model.holds[which].1 = HoldState::Over;
                        assert_eq!(reply.int_of("newBalance"), model.write(held));
                    }
                }
            }
            Step::Renew => {
                let reply = post(&app, "renewal", Value::Null).await;
                assert_eq!(reply.body["success"], json!(model.is_due()));
                // What has lapsed is settled though nothing is due.
                model.write(0);
                assert_eq!(reply.int_of("newBalance"), model.seen());
            }
        }
        let answer = app.account("GET", "/u", Value::Null).await;
        let answer = ["tokensBalance", "tokensSpent", "tokensHeld"].map(|name| answer.int_of(name));
        assert_eq!(answer, [model.seen(), model.spent, model.held()]);
    }
    let ledger = app.account_ledger("u").await;
    let sum = |category: &str| -> i64 {
        ledger.iter().filter(|e| e["category"] == category).map(|e| e["amount"].as_i64().unwrap()).sum()
    };
    let open: i64 =
        model.holds.iter().filter(|(_, s)| matches!(s, HoldState::Open { .. })).map(|(amount, _)| amount).sum();
    let moved = sum("granted") + sum("spent") + sum("refunded") + sum("expired") + sum("adjusted");
    assert_eq!((moved, sum("held")), (model.balance + open, -open));
    assert_eq!(app.account("GET", "/u/verification", Value::Null).await.body["intact"], true);
    let answer = app.account("GET", "/u/statistics", Value::Null).await;
    // What has lapsed or come due counts before it is written.
    assert_eq!(answer.int_of("netChange"), model.seen());
    assert!(answer.int_of("operationCount") >= ledger.len() as i64);
}

#[test]
fn an_account_agrees_with_the_model_over_any_history() {
    let histories = proof::rounds(32, 200);
    let taken = Cell::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    proptest!(ProptestConfig::with_cases(u32::try_from(histories).unwrap()), |(steps in steps())| {
        taken.set(taken.get() + steps.len());
        runtime.block_on(run(steps));
    });
    let figures = format!(
        "an account (debits, credits, refunds, holds, renewals): {histories} random histories, {} steps",
        taken.get()
    );
    proof::seen("R2", &figures);
}
