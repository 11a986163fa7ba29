//! A single use whose answer was lost comes again in a batch, and is charged once: whatever the device's clock says, and
//! whatever it did in between (wire 4.6, T-5); the same of batches (T-4).

use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::service::ports::Clock;

use crate::support::TestApp;

/// A world and a license with tokens for many devices.
async fn app() -> (TestApp, String) {
    let app = TestApp::new().await;
    let limits = json!({"tokens": {"enabled": true, "maxTokens": 100_000}, "devices": {"maxDevices": 200}});
    let key = app.license_with(limits).await;
    (app, key)
}

/// A device under test.
struct Device<'a> {
    app: &'a TestApp,
    key: &'a str,
    hwid: String,
    /// Seconds that its clock is ahead.
    ahead: i64,
    nonce: String,
}

impl<'a> Device<'a> {
    async fn new(app: &'a TestApp, key: &'a str, number: u32, ahead: i64) -> Self {
        let hwid = format!("{number:064x}");
        let nonce = app.validated(key, &hwid).await;
        Self { app, key, hwid, ahead, nonce }
    }

    fn data(&self) -> Value {
        json!({"key": self.key, "hwid": self.hwid})
    }

    /// A use as it is queued now.
    fn queued(&self, amount: i64) -> Value {
        let text = Timestamp::from_ms(self.app.clock.now().ms() + self.ahead * 1_000).to_string();
        let timestamp = format!("{}4567Z", text.trim_end_matches('Z'));
        json!({"key": self.key, "hwid": self.hwid, "amount": amount, "action": "export", "timestamp": timestamp})
    }

    /// A use that is charged; the nonce in its answer.
    async fn charge(&self, amount: i64) -> String {
        let data = json!({"key": self.key, "hwid": self.hwid, "amount": amount, "action": "export", "meta": null});
        self.app.pro("consume", &self.hwid, self.nonce.as_str(), data).await.nonce()
    }

    /// Calls with the nonce that is kept, and keeps the new one.
    async fn call(&mut self, endpoint: &str) {
        self.nonce = self.app.pro(endpoint, &self.hwid, self.nonce.as_str(), self.data()).await.nonce();
    }

    /// A normal quit and a start.
    async fn restart(&mut self) {
        let closing = json!({"key": self.key, "hwid": self.hwid, "isClosing": true});
        self.app.pro("heartbeat", &self.hwid, "TAMPERED", closing).await.nonce();
        self.nonce = "TAMPERED".to_owned();
        self.app.clock.advance_seconds(2);
        self.call("status").await;
    }

    /// Sends its queue; applied and duplicates.
    async fn batch(&mut self, usages: &[Value]) -> (i64, i64) {
        let data = json!({"key": self.key, "hwid": self.hwid, "usages": usages});
        let answer = self.app.pro("consume-batch", &self.hwid, self.nonce.as_str(), data).await;
        self.nonce = answer.nonce();
        let result = &answer.reply.body["batchResult"];
        (result["accepted"].as_i64().unwrap(), result["duplicates"].as_i64().unwrap())
    }
}

const CLOCKS: [i64; 6] = [0, 8, 3_600, -900, 86_400, -86_400];

#[tokio::test]
async fn t5_a_use_whose_answer_was_lost_is_charged_once_whatever_the_clock_and_what_follows() {
    let (app, key) = app().await;
    let mut number = 0;
    for ahead in CLOCKS {
        for follows in ["a refused heartbeat much later", "a heartbeat", "settings/get", "status", "a quit", "a kill"] {
            number += 1;
            let mut device = Device::new(&app, &key, number, ahead).await;
            let before = app.audit(&key).await;
            let queued = device.queued(7);
            device.charge(7).await;
            match follows {
                "a refused heartbeat much later" | "a heartbeat" => {
                    let seconds = if follows == "a heartbeat" { 5 } else { 200 };
                    app.clock.advance_seconds(seconds);
                    let beat = app.pro("heartbeat", &device.hwid, device.nonce.as_str(), device.data()).await;
                    beat.refused(409, "NONCE_MISMATCH");
                    device.call("validate").await;
                }
                "a quit" => device.restart().await,
                "a kill" => {
                    app.clock.advance_seconds(40);
                    device.call("status").await;
                }
                lenient => {
                    app.clock.advance_seconds(2);
                    device.call(lenient).await;
                }
            }
            device.call("heartbeat").await;
            assert_eq!(device.batch(std::slice::from_ref(&queued)).await, (0, 1), "{ahead} s, then {follows}");
            // An equal use is another one.
            assert_eq!(device.batch(&[device.queued(7)]).await, (1, 0), "{ahead} s, then {follows}");
            assert_eq!(app.audit(&key).await - before, 14);
        }
    }
}

#[tokio::test]
async fn t5_only_the_same_use_is_taken_for_the_charged_one() {
    let (app, key) = app().await;
    let mut device = Device::new(&app, &key, 1, 3_600).await;
    device.charge(7).await;
    app.clock.advance_seconds(2);
    device.call("settings/get").await;
    let mut others = [device.queued(8), device.queued(7), device.queued(7)];
    others[1]["action"] = json!("render");
    others[2]["meta"] = json!({"scene": "1"});
    assert_eq!(device.batch(&others).await, (3, 0));
    // An operation id of its own tells a use apart.
    let mut named = device.queued(7);
    named["operationId"] = json!("own");
    assert_eq!(device.batch(&[named]).await, (1, 0));
    // For thirty days, and not for another device.
    let mut stranger = Device::new(&app, &key, 2, 0).await;
    let equal = stranger.queued(7);
    assert_eq!(stranger.batch(&[equal]).await, (1, 0));
    app.clock.advance_seconds(29 * 86_400);
    assert_eq!(device.batch(&[device.queued(7)]).await, (0, 1));
}

#[tokio::test]
async fn t5_an_answer_whose_nonce_comes_later_did_arrive() {
    let (app, key) = app().await;
    let mut device = Device::new(&app, &key, 1, 0).await;
    let answer = device.charge(7).await;
    app.clock.advance_seconds(2);
    // A call that was on its way still shows the nonce from before; then the answer's nonce comes.
    device.call("settings/get").await;
    device.nonce = answer;
    device.call("heartbeat").await;
    assert_eq!(device.batch(&[device.queued(7)]).await, (1, 0));
}

#[tokio::test]
async fn t5_presumed_losses_are_in_the_ledger_and_bounded_by_day() {
    let (app, key) = app().await;
    let mut device = Device::new(&app, &key, 1, -900).await;
    for day in 0..2 {
        let mut outcomes = Vec::new();
        for _ in 0..7 {
            let queued = device.queued(7);
            device.charge(7).await;
            device.restart().await;
            outcomes.push(device.batch(&[queued]).await);
            app.clock.advance_seconds(60);
        }
        // What is not absorbed stays: the five of a day are the first five that come.
        let absorbed = outcomes.iter().filter(|outcome| **outcome == (0, 1)).count();
        assert_eq!(absorbed, 5, "day {day}: {outcomes:?}");
        app.clock.advance_seconds(86_400);
    }
    let ledger = app.ledger(&key).await;
    let presumed: Vec<_> = ledger.iter().filter(|entry| entry["source"] == "duplicate").collect();
    assert_eq!(presumed.len(), 10);
    for entry in presumed {
        let facts = (&entry["presumed"], &entry["amount"], &entry["uncharged"], &entry["hwid"]);
        assert_eq!(facts, (&json!(true), &json!(0), &json!(7), &json!(device.hwid)));
    }
    assert_eq!(app.audit(&key).await, (14 + 4) * 7);
}

#[tokio::test]
async fn t5_a_project_can_have_only_proven_losses_forgiven() {
    let (app, key) = app().await;
    app.project_settings(json!({"tokens": {"lostAnswers": "proven"}})).await;
    let mut device = Device::new(&app, &key, 1, 0).await;
    let queued = device.queued(7);
    device.charge(7).await;
    device.restart().await;
    assert_eq!(device.batch(&[queued]).await, (1, 0), "presumed");
    let queued = device.queued(6);
    device.charge(6).await;
    app.clock.advance_seconds(2);
    device.call("validate").await;
    assert_eq!(device.batch(&[queued]).await, (0, 1), "lost");
}

#[tokio::test]
async fn t5_an_overtaken_answer_is_judged_by_the_devices_clock() {
    let (app, key) = app().await;
    for (number, ahead, knows, expected) in [
        (1, 0, false, (0, 1)),
        (2, 590, false, (0, 1)),
        (3, 3_600, false, (1, 0)),
        // A use of the same moment was refused, and its queued twin tells the clock.
        (4, 3_600, true, (0, 1)),
        (5, -86_400, true, (0, 1)),
    ] {
        let mut device = Device::new(&app, &key, number, ahead).await;
        let queued = device.queued(7);
        device.charge(7).await;
        let mut queue = vec![queued];
        if knows {
            let data = json!({"key": key, "hwid": device.hwid, "amount": 2, "action": "render"});
            let refused = app.pro("consume", &device.hwid, device.nonce.as_str(), data).await;
            refused.refused(409, "NONCE_MISMATCH");
            let mut twin = device.queued(2);
            twin["action"] = json!("render");
            queue.push(twin);
        }
        // Sent in the same moment, answered later.
        device.call("settings/get").await;
        app.clock.advance_seconds(60);
        device.call("heartbeat").await;
        let output = device.batch(&queue).await;
        assert_eq!(output, (expected.0 + i64::from(knows), expected.1), "{ahead} s, known: {knows}");
    }
}

#[tokio::test]
async fn t5_a_named_batch_forgives_once_for_ever_too() {
    let (app, key) = app().await;
    let mut device = Device::new(&app, &key, 1, 0).await;
    let queued = device.queued(7);
    device.charge(7).await;
    app.clock.advance_seconds(2);
    for _ in 0..2 {
        device.call("validate").await;
        let data = json!({"key": key, "hwid": device.hwid, "usages": [queued], "operationId": "night"});
        device.nonce = app.pro("consume-batch", &device.hwid, device.nonce.as_str(), data).await.nonce();
        assert_eq!(app.audit(&key).await, 7);
    }
}

#[tokio::test]
async fn t4_a_batch_sent_again_is_charged_once_whatever_the_clock_and_after_a_quit() {
    let (app, key) = app().await;
    for (index, ahead) in CLOCKS.into_iter().enumerate() {
        let before = app.audit(&key).await;
        let mut device = Device::new(&app, &key, index as u32, ahead).await;
        let mut queue = vec![device.queued(3), device.queued(3)];
        assert_eq!(device.batch(&queue).await, (2, 0));
        // Its answer never arrived.
        device.restart().await;
        device.call("heartbeat").await;
        queue.push(device.queued(4));
        assert_eq!(device.batch(&queue).await, (1, 2), "{ahead} s");
        // The plain face keeps its own memory, by the server's clock.
        let plain = |count: usize| json!({"hwid": device.hwid, "usages": queue[..count]});
        let output = |reply: crate::support::Reply| {
            let result = &reply.body["batchResult"];
            (result["accepted"].as_i64().unwrap(), result["duplicates"].as_i64().unwrap())
        };
        assert_eq!(output(app.post(&key, "consume-batch", plain(2)).await), (2, 0));
        assert_eq!(output(app.post(&key, "consume-batch", plain(3)).await), (1, 2), "{ahead} s");
        assert_eq!(app.audit(&key).await - before, 20);
    }
}
