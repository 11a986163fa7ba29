//! Faults between us and the table: what was answered "done" is there, and nothing is there twice.

use crate::support::{L1, Reply, TestApp, device, proof};
use serde_json::json;
use shared::table::fault::Faults;

fn faults(drop: u32, throttle: u32, conflict: u32, seed: u64) -> Faults {
    Faults {
        drop_reply_percent: drop,
        throttle_percent: throttle,
        conflict_percent: conflict,
        delay_milliseconds: 0,
        seed,
    }
}

#[tokio::test]
async fn a_lost_reply_after_the_commit_charges_once() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    for round in 0..20 {
        // Every reply is lost: the request gives up, although the charge was written.
        app.host.app.table.set(faults(0, 0, 0, round));
        let before = app.get(L1, "").await.int_of("tokensRemaining");
        let table = &app.host.app.table;
        table.set(faults(60, 0, 0, round));
        let id = format!("op-{round}");
        let first = app.consume(L1, &device('a'), 2, &id).await;
        table.set(faults(0, 0, 0, 0));
        let again = app.consume(L1, &device('a'), 2, &id).await;
        assert_eq!((again.status, &again.body["replayed"]), (200, &json!(true)));
        assert_eq!(first.int_of("tokensRemaining"), again.int_of("tokensRemaining"));
        assert_eq!(again.int_of("tokensRemaining"), before - 2, "charged once");
    }
    assert_eq!(app.audit(L1).await, 40);
}

#[tokio::test]
async fn every_reply_can_be_lost_and_what_was_asked_for_is_done() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    app.account("POST", "", json!({"accountId": "u", "openingBalance": 50})).await;
    let table = &app.host.app.table;
    table.set(faults(100, 0, 0, 0));
    let tokens = format!("/v1/admin/licenses/{L1}/tokens");
    let credit = json!({"amount": 7, "reason": "r", "operationId": "credit"});
    let debit = json!({"operationType": "x", "amount": 3, "operationId": "debit"});
    for _ in 0..2 {
        assert_eq!(app.consume(L1, &device('a'), 2, "charge").await.status, 200);
        assert_eq!(app.admin("POST", &tokens, credit.clone()).await.status, 200);
        assert_eq!(app.account("POST", "/u/debit", debit.clone()).await.status, 200);
    }
    table.set(faults(0, 0, 0, 0));
    assert_eq!(app.get(L1, "").await.int_of("tokensRemaining"), 105, "each once");
    assert_eq!(app.balance("u").await.0, 47);
}

#[tokio::test]
async fn an_operation_without_an_id_of_the_callers_is_charged_once_too() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    app.host.app.table.set(faults(50, 20, 20, 7));
    for _ in 0..10 {
        let reply = app.post(L1, "consume", json!({"hwid": device('a'), "amount": 1, "action": "x"})).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    app.host.app.table.set(faults(0, 0, 0, 0));
    assert_eq!(app.audit(L1).await, 10);
}

#[tokio::test]
async fn throttles_and_conflicts_are_waited_out() {
    let app = TestApp::new().await;
    app.host.app.table.set(faults(20, 40, 30, 3));
    let ok = |reply: &Reply| assert_eq!(reply.status, 200, "{}", reply.text);
    for letter in ['a', 'b', 'c'] {
        ok(&app.activate(L1, &device(letter)).await);
    }
    ok(&app.beat(L1, &device('a')).await);
    ok(&app.post(L1, "signout", json!({"hwid": device('b')})).await);
    ok(&app.get(L1, "/usage").await);
    ok(&app.set_state(L1, "suspended").await);
    ok(&app.set_state(L1, "active").await);
    let issued = app
        .admin(
            "POST",
            &format!("/v1/admin/projects/{}/licenses", app.project_id),
            json!({"policyId": "1", "count": 2, "operationId": "i"}),
        )
        .await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    app.host.app.table.set(faults(0, 0, 0, 0));
    let seats = app.get(L1, "/seats").await;
    assert_eq!(seats.int_of("activeSeats"), 1);
    assert_eq!(app.beat(L1, &device('c')).await.seat().1, "OCCUPIED");
}

#[tokio::test]
async fn a_table_that_does_not_recover_is_busy_and_not_broken() {
    let app = TestApp::new().await;
    app.host.app.table.set(faults(0, 100, 0, 0));
    let request = crate::support::post_request(L1, "activate", &json!({"hwid": device('a')}));
    let (response, report) = app.host.respond(request, std::time::Duration::from_millis(300)).await;
    assert_eq!((response.status().as_u16(), report.code), (503, Some("BUSY")));
    assert_eq!(response.headers()["retry-after"], "1");
    assert!(!String::from_utf8_lossy(response.body()).contains("injected"), "causes are for the log");
    assert!(report.cause.unwrap().contains("injected"));
}

/// Stops the process after each round trip in turn; then everything is done once or not at all, and a retry heals it.
#[tokio::test]
async fn a_kill_between_any_two_round_trips_leaves_nothing_half_done() {
    for stop_after in 0..4 {
        let app = TestApp::new().await;
        let table = &app.host.app.table;
        let key = app.license_with(json!({})).await;

        table.stop_after(Some(stop_after));
        let first = app.activate(&key, &device('a')).await;
        table.stop_after(None);
        assert!(first.status == 200 || first.status == 500);
        let again = app.activate(&key, &device('a')).await;
        assert_eq!(again.seat(), ("active", "OCCUPIED"));
        assert_eq!((again.int_of("activeSeats"), again.body["machines"].as_array().unwrap().len()), (1, 1));

        table.stop_after(Some(stop_after));
        let charged = app.consume(&key, &device('a'), 5, "op").await;
        table.stop_after(None);
        let again = app.consume(&key, &device('a'), 5, "op").await;
        assert_eq!((again.int_of("tokensRemaining"), again.body["replayed"] == true), (95, charged.status == 200));

        let put = |value: u32| {
            let mut request = crate::support::post_request(&key, "settings", &json!({"settings": {"n": value}}));
            *request.method_mut() = http::Method::PUT;
            request
        };
        app.send(put(0)).await;
        table.stop_after(Some(stop_after));
        let saved = app.send(put(1)).await;
        table.stop_after(None);
        let now = app.get(&key, "/settings").await.body["settings"]["n"].clone();
        assert_eq!(now, json!(u8::from(saved.status == 200)));

        app.activate(&key, &device('b')).await;
        table.stop_after(Some(stop_after));
        let release = json!({"targetHwid": device('a'), "callerHwid": device('b'), "claimSeat": false});
        let released = app.post(&key, "release-seat", release.clone()).await;
        table.stop_after(None);
        let seats = app.get(&key, "/seats").await.int_of("activeSeats");
        let answer = app.beat(&key, &device('a')).await;
        match released.status {
            200 => assert_eq!((answer.seat().1, seats), ("KICKED", 1)),
            _ => assert_eq!((answer.seat().1, seats), ("OCCUPIED", 2)),
        }
        app.activate(&key, &device('a')).await;
        app.post(&key, "signout", json!({"hwid": device('b')})).await;

        table.stop_after(Some(stop_after));
        app.post(&key, "signout", json!({"hwid": device('a')})).await;
        table.stop_after(None);
        let out = app.post(&key, "signout", json!({"hwid": device('a')})).await;
        assert_eq!((out.status, out.int_of("activeSeats")), (200, 0));
        assert_eq!(app.audit(&key).await, 5);
    }
    proof::seen(
        "R4",
        "plain protocol: activate, consume, save settings, release a seat and sign out killed after each of 4 round trips: done once or not at all",
    );
}

/// Callers repeat until they are answered, and then once more, while three of ten replies of the table are lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_retries_charges_each_operation_once() {
    let app = TestApp::new().await;
    let other = app.another_process().await;
    let (callers, each) = (16, proof::rounds(5, 100));
    let key = app.license_with(json!({"tokens": {"enabled": true, "maxTokens": callers * each}})).await;
    app.activate(&key, &device('a')).await;
    for (seed, process) in [&app.host, &other].into_iter().enumerate() {
        process.app.table.set(faults(30, 5, 5, seed as u64));
    }
    let spend = |caller: usize| {
        let (hosts, key) = ([app.host.clone(), other.clone()], key.clone());
        async move {
            let mut sent = 0;
            for number in 0..each {
                let body = json!({"hwid": device('a'), "amount": 1, "action": "x", "operationId": format!("{caller}-{number}")});
                let mut answers = 0;
                while answers < 2 {
                    let request = crate::support::post_request(&key, "consume", &body);
                    let reply = crate::support::send(&hosts[sent % 2], request).await;
                    sent += 1;
                    assert!(matches!(reply.status, 200 | 503), "{}", reply.text);
                    answers += usize::from(reply.status == 200);
                }
            }
            sent
        }
    };
    let sent: usize = futures_util::future::join_all((0..callers).map(spend)).await.into_iter().sum();
    for process in [&app.host, &other] {
        process.app.table.set(faults(0, 0, 0, 0));
    }
    let entries = app.ledger(&key).await;
    let charges: Vec<_> = entries.iter().filter(|entry| entry["source"] == "single").collect();
    let ids: std::collections::BTreeSet<_> = charges.iter().map(|entry| entry["operationId"].to_string()).collect();
    assert_eq!(
        (charges.len(), ids.len(), app.audit(&key).await),
        (callers * each, callers * each, (callers * each) as i64)
    );
    let figures = format!(
        "{} operations of {callers} callers over 2 processes, {sent} requests, 30 % of the table's replies lost: {} entries, {} distinct ids",
        callers * each,
        charges.len(),
        ids.len()
    );
    proof::seen("R3", &figures);
}

#[tokio::test]
async fn a_conflict_storm_delays_and_loses_nothing() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    app.host.app.table.set(faults(0, 0, 85, 11));
    for number in 0..8 {
        let reply = app.consume(L1, &device('a'), 1, &number.to_string()).await;
        assert_eq!((reply.status, reply.int_of("tokensRemaining")), (200, 99 - number), "{}", reply.text);
    }
    app.host.app.table.set(faults(0, 0, 0, 0));
    assert_eq!(app.audit(L1).await, 8);
}

/// One of each command, in an order in which each changes something.
fn commands() -> Vec<(&'static str, String, serde_json::Value)> {
    let (a, b, c) = (device('a'), device('b'), device('c'));
    let sdk = |route: &str| format!("/v1/sdk/license/{L1}/{route}");
    let admin = |tail: &str| format!("/v1/admin/licenses/{L1}{tail}");
    let usages = json!([{"amount": 2, "action": "x"}, {"amount": 3, "action": "y", "operationId": "use"}]);
    vec![
        ("POST", sdk("activate"), json!({"hwid": a, "nickname": "A"})),
        ("POST", sdk("activate"), json!({"hwid": b})),
        ("POST", sdk("activate"), json!({"hwid": c})),
        ("POST", sdk("activate"), json!({"hwid": a, "nickname": "A2"})),
        ("POST", sdk("heartbeat"), json!({"hwid": a})),
        ("POST", sdk("consume"), json!({"hwid": a, "amount": 5, "action": "x", "operationId": "op"})),
        ("POST", sdk("consume-batch"), json!({"hwid": a, "usages": usages})),
        ("PUT", sdk("settings"), json!({"settings": {"theme": "dark"}})),
        ("POST", sdk("release-seat"), json!({"targetHwid": b, "callerHwid": c, "claimSeat": true})),
        ("POST", sdk("signout"), json!({"hwid": c})),
        ("POST", sdk("heartbeat"), json!({"hwid": a, "isClosing": true})),
        ("POST", sdk("activate"), json!({"hwid": a})),
        ("PATCH", admin(""), json!({"overrides": {"limits": {"tokens": {"maxTokens": 120}}}, "operationId": "o1"})),
        ("POST", admin("/tokens"), json!({"amount": 7, "reason": "r", "operationId": "o2"})),
        ("PATCH", admin(&format!("/devices/{a}")), json!({"nickname": "A3", "operationId": "o3"})),
        ("POST", admin(&format!("/seats/{a}/release")), serde_json::Value::Null),
        ("DELETE", admin(&format!("/devices/{b}")), serde_json::Value::Null),
        ("PATCH", admin(""), json!({"state": "suspended", "operationId": "o4"})),
    ]
}

/// Runs them all; in the command `at` the reply of the round trip `lost` is lost. What they answered, and the ledger.
async fn run_all(at: usize, lost: Option<u32>) -> Vec<(u16, serde_json::Value)> {
    let app = TestApp::new().await;
    let mut answers = Vec::new();
    for (index, (method, path, body)) in commands().into_iter().enumerate() {
        if let Some(lost) = lost.filter(|_| index == at) {
            app.host.app.table.lose_after(lost);
        }
        let request = http::Request::builder().method(method).uri(&path).header("idempotency-key", format!("k{index}"));
        let request = match path.contains("/admin/") {
            true => request.header("authorization", format!("Bearer {}", crate::support::ADMIN_KEY)),
            false => request.header("x-project-secret", crate::support::SECRET),
        };
        // Those with an id in the body have it there alone.
        let mut request = request.body(if body.is_null() { String::new() } else { body.to_string() }.into()).unwrap();
        if !body["operationId"].is_null() {
            request.headers_mut().remove("idempotency-key");
        }
        let mut reply = app.send(request).await;
        // An answer from the ledger says so, and looking again the device's last contact is this one.
        for member in ["replayed", "lastCheckIn"] {
            reply.body.as_object_mut().map(|body| body.remove(member));
        }
        answers.push((reply.status, reply.body));
        app.clock.advance_seconds(1);
    }
    answers.push((200, json!(app.ledger(L1).await)));
    answers
}

#[tokio::test]
async fn a_reply_lost_in_any_round_trip_of_any_command_changes_no_answer() {
    let undisturbed = run_all(0, None).await;
    assert!(undisturbed.iter().all(|(status, _)| *status < 300), "{undisturbed:?}");
    for at in 0..commands().len() {
        for lost in 0..3 {
            let disturbed = run_all(at, Some(lost)).await;
            for (index, (expected, answer)) in undisturbed.iter().zip(&disturbed).enumerate() {
                let members = expected.1.as_object().into_iter().flatten();
                let differing: Vec<_> = members.filter(|(name, value)| answer.1[name.as_str()] != **value).collect();
                assert!(
                    answer == expected,
                    "command {index}, the reply of round trip {lost} in command {at} lost: {differing:?} became {}",
                    answer.1
                );
            }
        }
    }
    let count = commands().len();
    proof::seen(
        "R4",
        &format!(
            "plain protocol: {count} commands, the reply of each of 3 round trips lost: {} runs, no answer changed",
            3 * count
        ),
    );
}

/// What tells whether two answers are the same: all but when the device was last heard of.
fn body_of(reply: &Reply) -> serde_json::Value {
    let mut answer = reply.body.clone();
    if let Some(members) = answer.as_object_mut() {
        members.remove("lastCheckIn");
        for machine in members.get_mut("machines").and_then(serde_json::Value::as_array_mut).into_iter().flatten() {
            machine.as_object_mut().map(|machine| machine.remove("lastCheckIn"));
        }
    }
    json!([reply.status, answer])
}

/// An application whose answer was lost sends the command again a moment later: it is told what it would have been told.
#[tokio::test]
async fn every_command_without_an_operation_id_can_be_sent_twice() {
    let app = TestApp::new().await;
    let (a, b, c) = (device('a'), device('b'), device('c'));
    let mut terms = local::demo::sub();
    terms["config"]["customerActions"]["allowHardwareRelease"] = json!(true);
    let policy = app.policy(terms).await;
    let key = app.license(&policy, None).await;
    let sdk = |route: &str| format!("/v1/sdk/license/{key}/{route}");
    let release = |target: &str, caller: &str, claims: bool| json!({"targetHwid": target, "callerHwid": caller, "claimSeat": claims});
    let steps = [
        ("POST", sdk("activate"), json!({"hwid": a, "requireSeat": true})),
        ("POST", sdk("activate"), json!({"hwid": b})),
        ("POST", sdk("activate"), json!({"hwid": c})),
        ("POST", sdk("heartbeat"), json!({"hwid": c})),
        ("POST", sdk("release-seat"), release(&a, &c, true)),
        ("POST", sdk("heartbeat"), json!({"hwid": a})),
        ("POST", sdk("signout"), json!({"hwid": c})),
        ("POST", sdk("release-seat"), release(&b, &a, false)),
        ("POST", sdk("release-seat"), release(&c, &c, false)),
        ("POST", sdk("activate"), json!({"hwid": a})),
        ("POST", sdk("release-seat"), release(&a, &a, true)),
        ("POST", sdk("activate"), json!({"hwid": b})),
        ("POST", sdk("heartbeat"), json!({"hwid": b, "isClosing": true})),
        ("PUT", sdk("settings"), json!({"settings": {"theme": "dark"}, "hwid": a})),
        ("DELETE", sdk(&format!("devices/{b}?hwid={a}")), serde_json::Value::Null),
        ("DELETE", sdk(&format!("devices/{a}?hwid={a}")), serde_json::Value::Null),
    ];
    for (index, (method, path, body)) in steps.into_iter().enumerate() {
        let send = || {
            let request = http::Request::builder().method(method).uri(&path);
            let request = request.header("x-project-secret", crate::support::SECRET);
            // It saw no settings; after the first save it did not see that one either.
            let request = if method == "PUT" { request.header("if-match", "\"0\"") } else { request };
            let body = if body.is_null() { String::new() } else { body.to_string() };
            app.send(request.body(body.into()).unwrap())
        };
        let first = send().await;
        assert!(first.status < 300, "command {index}: {}", first.text);
        let seats = app.get(&key, "/seats").await.body;
        app.clock.advance_seconds(3);
        let again = send().await;
        assert_eq!(body_of(&again), body_of(&first), "command {index}");
        let names = |seats: &serde_json::Value| -> Vec<_> {
            let rows = seats["seats"].as_array().unwrap();
            let mut names: Vec<_> = rows.iter().map(|row| row["hwid"].as_str().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&app.get(&key, "/seats").await.body), names(&seats), "command {index}");
        app.clock.advance_seconds(3);
    }
    // What was undone since is another command, and waits for its turn.
    app.activate(&key, &a).await;
    app.activate(&key, &b).await;
    app.activate(&key, &c).await;
    app.clock.advance_seconds(300);
    assert_eq!(app.post(&key, "release-seat", release(&a, &c, true)).await.status, 200);
    app.post(&key, "signout", json!({"hwid": b})).await;
    app.activate(&key, &a).await;
    app.post(&key, "release-seat", release(&a, &c, true)).await.refused(403, "SEAT_RELEASE_COOLDOWN");
}
