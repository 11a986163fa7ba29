//! The portal's codes by mail (cases A87, A88), and the developers' sign-in (A89).

use futures_util::future::join_all;
use http::Request;
use local::background::Background;
use local::stripe::Event;
use serde_json::{Value, json};
use shared::api::extract::SourceAddress;
use shared::service::ports::Clock;

use crate::support::background::{background, code_in, settle};
use crate::support::{ADMIN_KEY, L1, Reply, TestApp, device, send};

const ADA: &str = "ada@example.com";

/// Another code than this one.
fn wrong(code: &str, nth: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + nth) % 1_000_000)
}

/// Asks for a code, and reads it from the mail.
async fn code(app: &TestApp, background: &Background, email: &str) -> String {
    let before = background.post_office.mails().len();
    let asked = app.pro("auth/customer-login-request", &device('a'), "", json!({"email": email})).await;
    assert_eq!((asked.reply.status, &asked.reply.body["success"]), (200, &json!(true)), "{}", asked.reply.text);
    settle(background).await;
    let mails = background.post_office.mails();
    assert_eq!(mails.len(), before + 1);
    code_in(&mails[before])
}

#[tokio::test]
async fn a87_a_code_by_mail_opens_the_portfolio_once() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let policy = app.policy(local::demo::perp()).await;
    let l2 = app.license(&policy, None).await;
    let a = device('a');
    let code = code(&app, &background, " ADA@example.com").await;
    let mail = background.post_office.mails().pop().unwrap();
    assert_eq!(mail["to"], ADA);
    assert!(!mail["subject"].as_str().unwrap().contains(&code), "a locked screen shows subjects");
    let data = json!({"email": "Ada@Example.com", "otp": format!("{} {}", &code[..3], &code[3..])});
    let shown = app.pro("auth/customer-portfolio", &a, "TAMPERED", data.clone()).await;
    assert_eq!(shown.reply.body["email"], ADA);
    let licenses = shown.reply.body["licenses"].as_array().unwrap();
    let keys: Vec<_> = licenses.iter().map(|license| license["licenseKey"].as_str().unwrap()).collect();
    assert_eq!(keys, [l2.as_str(), L1], "newest first");
    assert!(licenses.iter().all(|license| license["machines"] == json!([])), "no device was registered");
    app.pro("auth/customer-portfolio", &a, shown.nonce(), data).await.refused(400, "OTP_REJECTED");

    // A device that is registered with one of them is told of its seat, and only of its own.
    app.activate(L1, &a).await;
    let before = app.admin("GET", &format!("/v1/admin/licenses/{L1}"), Value::Null).await.body;
    let code = self::code(&app, &background, ADA).await;
    let seen = async |hwid: &str, otp: &str| {
        let shown = app.pro("auth/customer-portfolio", hwid, "", json!({"email": ADA, "otp": otp})).await;
        let licenses = shown.reply.body["licenses"].as_array().cloned().unwrap_or_default();
        licenses.iter().map(|license| license["seatStatus"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(seen(&a, &code).await, ["N/A", "OCCUPIED"]);
    let code = self::code(&app, &background, ADA).await;
    assert_eq!(seen(&device('b'), &code).await, ["N/A", "N/A"]);
    let after = app.admin("GET", &format!("/v1/admin/licenses/{L1}"), Value::Null).await.body;
    assert_eq!((&after["machines"], &after["activeSeats"]), (&before["machines"], &before["activeSeats"]));

    // Six wrong tries, one after the other: the right one fails.
    app.clock.advance_seconds(900);
    let code = self::code(&app, &background, ADA).await;
    for nth in 1..=6 {
        let data = json!({"email": ADA, "otp": wrong(&code, nth)});
        app.pro("auth/customer-portfolio", &a, "", data).await.refused(400, "OTP_REJECTED");
    }
    let data = json!({"email": ADA, "otp": code});
    app.pro("auth/customer-portfolio", &a, "", data).await.refused(400, "OTP_REJECTED");
}

/// Somebody sits before a field for a code, and waits.
#[tokio::test]
async fn a_code_whose_mail_failed_is_sent_again_within_half_a_minute_and_then_ever_later() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    background.post_office.refuse(true);
    let asked = app.store("POST", "auth/customer-login-request", json!({"email": ADA})).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    settle(&background).await;
    let wait = || {
        let waiting = app.outbox.waiting();
        assert_eq!(waiting.len(), 1);
        (waiting[0].visible_at.ms() - app.clock.now().ms()) / 1_000
    };
    let mut waits = Vec::new();
    for _ in 0..6 {
        waits.push(wait());
        app.clock.advance_seconds(wait());
        settle(&background).await;
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 320]);
    // By now the code is too old to be sent.
    assert_eq!((app.outbox.waiting().len(), app.outbox.dead().len()), (0, 0));
    app.clock.advance_seconds(900);
    // One that fails once is there in time.
    background.post_office.refuse(true);
    let before = background.post_office.mails().len();
    app.store("POST", "auth/customer-login-request", json!({"email": ADA})).await;
    settle(&background).await;
    background.post_office.refuse(false);
    app.clock.advance_seconds(30);
    settle(&background).await;
    assert_eq!(background.post_office.mails().len(), before + 1);
}

#[tokio::test]
async fn codes_guessed_at_once_are_counted_one_by_one() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let code = code(&app, &background, ADA).await;
    let guess =
        |nth: u32| app.store("POST", "auth/customer-portfolio", json!({"email": ADA, "otp": wrong(&code, nth)}));
    for answer in join_all((1..=16).map(guess)).await {
        answer.refused(400, "OTP_REJECTED");
    }
    app.store("POST", "auth/customer-portfolio", json!({"email": ADA, "otp": code})).await.refused(400, "OTP_REJECTED");
    // The right one at once, sixteen times: it opens once.
    app.clock.advance_seconds(900);
    let code = self::code(&app, &background, ADA).await;
    let body = json!({"email": ADA, "otp": code});
    let answers = join_all((0..16).map(|_| app.store("POST", "auth/customer-portfolio", body.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

#[tokio::test]
async fn a88_an_unknown_address_gets_the_same_answer_and_no_mail() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let ask = |email: &str| app.store("POST", "auth/customer-login-request", json!({"email": email}));
    // So that the process knows the project already.
    app.store("GET", "project/buyable-policies", Value::Null).await;
    let (known, unknown) = (ask(ADA).await, ask("nobody@example.com").await);
    assert_eq!((known.status, unknown.status), (200, 200));
    assert_eq!(known.text, unknown.text);
    assert_eq!(known.spent, unknown.spent, "and costs the same");
    settle(&background).await;
    let mails = background.post_office.mails();
    assert_eq!((mails.len(), &mails[0]["to"]), (1, &json!(ADA)));
    for bad in [json!({}), json!({"email": "nobody"}), json!({"email": ""})] {
        app.store("POST", "auth/customer-login-request", bad).await.refused(400, "BAD_REQUEST");
    }
    // Three in a quarter of an hour, known or not.
    for email in [ADA, "nobody@example.com"] {
        assert_eq!((ask(email).await.status, ask(email).await.status), (200, 200));
        let refused = ask(email).await;
        refused.refused(429, "RATE_LIMITED");
        assert_eq!(refused.headers["retry-after"].to_str().unwrap(), "901");
    }
    app.clock.advance_seconds(900);
    assert_eq!(ask(ADA).await.status, 200);
}

#[tokio::test]
async fn a_newer_code_replaces_an_older_one_and_ten_minutes_end_it() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let first = code(&app, &background, ADA).await;
    let second = code(&app, &background, ADA).await;
    let try_it = |code: &str| app.store("POST", "auth/customer-portfolio", json!({"email": ADA, "otp": code}));
    if first != second {
        try_it(&first).await.refused(400, "OTP_REJECTED");
    }
    app.clock.advance_seconds(599);
    assert_eq!(try_it(&second).await.status, 200);
    app.clock.advance_seconds(600);
    let third = code(&app, &background, ADA).await;
    app.clock.advance_seconds(600);
    try_it(&third).await.refused(400, "OTP_REJECTED");
}

#[tokio::test]
async fn who_bought_a_license_gets_its_key_by_mail() {
    let app = TestApp::empty().await;
    let background = background(&app).await;
    let policy = app.policy(crate::store::perpetual("studio")).await;
    let body = json!({"policyId": policy, "customerEmail": "grace@example.com"});
    let session = app.store("POST", "project/checkout-link", body).await.text_of("sessionId").to_owned();
    app.pay(&session).await;
    settle(&background).await;
    let mails = background.post_office.mails();
    assert_eq!((mails.len(), &mails[0]["to"]), (1, &json!("grace@example.com")));
    let key = app.licenses_of("grace@example.com").await[0]["licenseKey"].as_str().unwrap().to_owned();
    assert!(mails[0]["text"].as_str().unwrap().contains(&key));
    // A dispute that is won pays the order again, but sells no second license.
    app.happens(&session, Event::Disputed).await;
    app.happens(&session, Event::Won).await;
    settle(&background).await;
    assert_eq!(background.post_office.mails().len(), 1);
    // What stands in the table's stream and in the queue tells no key.
    assert!(background.outbox.waiting().iter().all(|message| !message.body.contains("LIC-")));
}

async fn developer(app: &TestApp, body: Value) -> Reply {
    let made = app.admin("POST", "/v1/admin/developers", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made
}

async fn sign_in(app: &TestApp, tail: &str, body: Value) -> Reply {
    sign_in_from(app, "198.51.100.1", tail, body).await
}

async fn sign_in_from(app: &TestApp, address: &str, tail: &str, body: Value) -> Reply {
    // Without a secret's header, as the editor calls.
    let request = Request::builder().method("POST").uri(format!("/v1/sdk/pro/auth/dev-login{tail}"));
    let mut request = request.body(body.to_string().into()).unwrap();
    request.extensions_mut().insert(SourceAddress(address.to_owned()));
    send(&app.host, request).await
}

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn a89_a_developer_signs_in_with_a_second_factor() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let events = json!({"events": [{"id": "evt-1", "type": "level_done", "description": "A level was finished"},
        {"id": "evt-2", "type": "level_done"}, {"type": "level_begun"}]});
    app.project_settings(json!({ "analytics": events })).await;
    let made = developer(&app, json!({"username": "Dev@Example.com", "fullName": "Dee", "password": PASSWORD})).await;
    assert!(!made.text.contains(PASSWORD) && !made.text.contains("argon2"), "{}", made.text);
    let login = json!({"username": "dev@example.com", "password": PASSWORD, "mfaToken": ""});
    let begun = sign_in(&app, "", login.clone()).await;
    assert_eq!(
        (begun.status, &begun.body["mfaRequired"], &begun.body["mfaMethod"]),
        (200, &json!(true), &json!("email"))
    );
    assert_eq!(begun.body["projects"], json!([]));
    let token = begun.text_of("mfaToken").to_owned();
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{token}");
    settle(&background).await;
    let code = code_in(background.post_office.mails().last().unwrap());
    let verify = |otp: String| sign_in(&app, "/verify-otp", json!({"mfaToken": token, "otp": otp}));
    app.clock.advance_seconds(1);
    verify(wrong(&code, 1)).await.refused(400, "MFA_CODE_REJECTED");
    let done = verify(code.clone()).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let project = &done.body["projects"][0];
    assert_eq!(project["name"], "P1");
    let pem = project["publicKey"].as_str().unwrap();
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n") && pem.trim_end().ends_with("\n-----END PUBLIC KEY-----"));
    let secret = project["secretKey"].as_str().unwrap();
    assert!(secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(project["capabilities"], json!(["pro"]));
    let listed: Vec<_> = project["analytics"]["events"].as_array().unwrap().iter().map(|event| &event["id"]).collect();
    assert_eq!(listed, ["evt-1", "evt-2", "level_begun"], "an event's own id, or its type where it has none");
    assert_eq!(project["analytics"]["events"][1]["type"], "level_done");
    assert!(!done.text.contains("null"), "the editor's parser knows no null: {}", done.text);
    let license = Request::builder().uri(format!("/v1/sdk/license/{L1}")).header("x-project-secret", secret);
    assert_eq!(send(&app.host, license.body("".into()).unwrap()).await.status, 200, "the secret is the project's");
    // Once only; and every retrieval stands in the log.
    verify(code).await.refused(401, "MFA_SESSION_EXPIRED");
    let log = app.admin("GET", "/v1/admin/audit", Value::Null).await;
    let entry = &log.body["entries"][0];
    assert_eq!((&entry["action"], &entry["keyId"]), (&json!("dev-verify-otp"), &json!("dev@example.com")));
    assert_eq!(entry["target"], json!(format!("secrets of {}", app.project_id)));
    assert!(!log.text.contains(PASSWORD) && !log.text.contains(secret), "{}", log.text);
    // A session that is ten minutes old is over.
    let token = sign_in(&app, "", login).await.text_of("mfaToken").to_owned();
    settle(&background).await;
    let code = code_in(background.post_office.mails().last().unwrap());
    app.clock.advance_seconds(600);
    let late = sign_in(&app, "/verify-otp", json!({"mfaToken": token, "otp": code})).await;
    late.refused(401, "MFA_SESSION_EXPIRED");
    sign_in(&app, "/verify-otp", json!({"mfaToken": "x", "otp": "123456"})).await.refused(401, "MFA_SESSION_EXPIRED");
}

#[tokio::test]
async fn a_developer_without_a_second_factor_sees_its_own_projects_only() {
    let app = TestApp::new().await;
    let other = app.admin("POST", "/v1/admin/projects", json!({"name": "P2"})).await.text_of("projectId").to_owned();
    let body = json!({"username": "d@e.f", "password": PASSWORD, "mfa": false, "projects": [other]});
    developer(&app, body.clone()).await;
    app.admin("POST", "/v1/admin/developers", body).await.refused(409, "DEVELOPER_EXISTS");
    let login = |password: &str| sign_in(&app, "", json!({"username": "D@e.f", "password": password, "mfaToken": ""}));
    let done = login(PASSWORD).await;
    let names: Vec<_> = done.body["projects"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
    assert_eq!((names, &done.body["mfaRequired"]), (vec![json!("P2")], &json!(false)));
    let path = "/v1/admin/developers/d@e.f";
    let changed = app.admin("PATCH", path, json!({"projects": null, "password": "another password"})).await;
    assert_eq!((changed.status, &changed.body["projects"]), (200, &Value::Null), "{}", changed.text);
    login(PASSWORD).await.refused(401, "SIGN_IN_REJECTED");
    assert_eq!(login("another password").await.body["projects"].as_array().unwrap().len(), 2);
    app.admin("PATCH", path, json!({"disabled": true})).await;
    login("another password").await.refused(401, "SIGN_IN_REJECTED");
    let listed = app.admin("GET", "/v1/admin/developers", Value::Null).await;
    assert_eq!(listed.body["developers"][0]["disabled"], true);
    app.admin("PATCH", "/v1/admin/developers/x@y.z", json!({"mfa": true})).await.refused(404, "DEVELOPER_NOT_FOUND");
}

#[tokio::test]
async fn wrong_passwords_hold_back_their_source_known_name_or_not_and_nobody_else() {
    let app = TestApp::new().await;
    developer(&app, json!({"username": "d@e.f", "password": PASSWORD, "mfa": false})).await;
    let login = |address: String, name: &'static str, password: &'static str| {
        let app = &app;
        async move { sign_in_from(app, &address, "", json!({"username": name, "password": password})).await }
    };
    for (index, name) in ["d@e.f", "nobody@e.f"].into_iter().enumerate() {
        let stranger = format!("203.0.113.{index}");
        // At once, as somebody who guesses would: no more than ten are looked at.
        let answers = join_all((0..14).map(|_| login(stranger.clone(), name, "wrong password"))).await;
        let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((of(401), of(429)), (10, 4), "{name}");
        let held = login(stranger, name, PASSWORD).await;
        held.refused(429, "RATE_LIMITED");
        for header in ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"] {
            assert!(held.headers.contains_key(header), "{header}");
        }
    }
    // The owner is elsewhere, and right ones do not count, however many.
    for _ in 0..12 {
        assert_eq!(login("198.51.100.9".to_owned(), "d@e.f", PASSWORD).await.status, 200);
    }
    // Many sources that were wrong before are slow together; one that was not gets its first try.
    let mut looked_at = 0;
    for round in 0..3 {
        for source in 0..30 {
            let reply = login(format!("192.0.2.{source}"), "d@e.f", "wrong password").await;
            looked_at += u32::from(reply.status == 401);
            assert!(round > 0 || reply.status == 401, "the first of each: {}", reply.text);
        }
    }
    assert!((60..=85).contains(&looked_at), "{looked_at} of 90");
    assert_eq!(login("198.51.100.10".to_owned(), "d@e.f", PASSWORD).await.status, 200, "the owner, from anywhere new");
    // One source that sprays many names.
    let names = (0..20).map(|n| json!({"username": format!("n{n}@e.f"), "password": "wrong password"}));
    let mut refused = 0;
    for body in names {
        refused += u32::from(sign_in_from(&app, "192.0.2.200", "", body).await.status == 429);
    }
    assert_eq!(refused, 5);
    app.clock.advance_seconds(900);
    for bad in [json!({}), json!({"username": "d@e.f"}), json!({"username": 1, "password": PASSWORD})] {
        sign_in(&app, "", bad).await.refused(400, "BAD_REQUEST");
    }
    // Only who may act on the whole deployment makes developers.
    let limited = json!({"scopes": ["projects"], "projectId": app.project_id});
    let key = app.admin("POST", "/v1/admin/keys", limited).await.text_of("key").to_owned();
    assert_ne!(key, ADMIN_KEY);
    let request =
        Request::builder().method("POST").uri("/v1/admin/developers").header("authorization", format!("Bearer {key}"));
    let body = json!({"username": "x@y.z", "password": PASSWORD}).to_string();
    send(&app.host, request.body(body.into()).unwrap()).await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn wrong_second_factors_are_counted_over_all_sign_ins_and_end_with_the_password() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    developer(&app, json!({"username": "d@e.f", "password": PASSWORD})).await;
    let begin = async |password: &str| {
        let begun = sign_in(&app, "", json!({"username": "d@e.f", "password": password})).await;
        assert_eq!(begun.status, 200, "{}", begun.text);
        settle(&background).await;
        (begun.text_of("mfaToken").to_owned(), code_in(background.post_office.mails().last().unwrap()))
    };
    let verify = async |token: &str, code: &str| {
        app.clock.advance_seconds(1);
        sign_in(&app, "/verify-otp", json!({"mfaToken": token, "otp": code})).await
    };
    // A session that was begun with the old password ends with it.
    let (token, code) = begin(PASSWORD).await;
    let changed = app.admin("PATCH", "/v1/admin/developers/d@e.f", json!({"password": "another horse"})).await;
    assert_eq!(changed.status, 200);
    verify(&token, &code).await.refused(401, "MFA_SESSION_EXPIRED");
    // A right code forgives the wrong ones before it.
    let (token, code) = begin("another horse").await;
    for nth in 1..=4 {
        verify(&token, &wrong(&code, nth)).await.refused(400, "MFA_CODE_REJECTED");
    }
    assert_eq!(verify(&token, &code).await.status, 200);
    // Each sign-in has five tries; ten wrong ones, and no sign-in makes room for more. The answer is the same.
    for _ in 0..2 {
        let (token, code) = begin("another horse").await;
        for nth in 1..=5 {
            verify(&token, &wrong(&code, nth)).await.refused(400, "MFA_CODE_REJECTED");
        }
    }
    let (token, code) = begin("another horse").await;
    verify(&token, &code).await.refused(400, "MFA_CODE_REJECTED");
    // The owner gets in by the administrator, or after a while.
    let without = app.admin("PATCH", "/v1/admin/developers/d@e.f", json!({"mfa": false})).await;
    assert_eq!(without.status, 200);
    assert_eq!(sign_in(&app, "", json!({"username": "d@e.f", "password": "another horse"})).await.status, 200);
    app.admin("PATCH", "/v1/admin/developers/d@e.f", json!({"mfa": true})).await;
    app.clock.advance_seconds(15 * 60);
    let (token, code) = begin("another horse").await;
    assert_eq!(verify(&token, &code).await.status, 200);
    // Mails are bounded too: ten an hour.
    let mut refused = 0;
    for _ in 0..12 {
        let begun = sign_in(&app, "", json!({"username": "d@e.f", "password": "another horse"})).await;
        refused += u32::from(begun.status == 429);
        app.clock.advance_seconds(21);
    }
    assert!((1..=8).contains(&refused), "{refused}");
}

/// Loses the reply of each round trip in turn, after its effect: the answer is that of a call that lost none, and what it does is done
/// once.
#[tokio::test]
async fn a_reply_lost_in_any_round_trip_of_a_call_on_the_project_changes_no_answer() {
    for lost in 0..7 {
        let app = TestApp::new().await;
        let background = background(&app).await;
        let a = device('a');
        let lose = || app.host.app.table.lose_after(lost);
        let keep = || app.host.app.table.set(shared::table::fault::Faults::default());

        lose();
        let order = json!({"policyId": "sub", "customerEmail": ADA});
        let link = app.pro("project/checkout-link", &a, "", order).await;
        keep();
        assert_eq!(link.reply.status, 200, "after {lost}: {}", link.reply.text);
        assert_eq!(app.stripe.sessions().len(), 1, "after {lost}");

        lose();
        let asked = app.pro("auth/customer-login-request", &a, link.nonce(), json!({"email": ADA})).await;
        keep();
        assert_eq!(asked.reply.status, 200, "after {lost}: {}", asked.reply.text);
        settle(&background).await;
        let mails = background.post_office.mails();
        assert_eq!(mails.len(), 1, "after {lost}");

        lose();
        let data = json!({"email": ADA, "otp": code_in(&mails[0])});
        let shown = app.pro("auth/customer-portfolio", &a, asked.nonce(), data).await;
        keep();
        assert_eq!(shown.reply.status, 200, "after {lost}: {}", shown.reply.text);
        assert_eq!(shown.reply.body["licenses"].as_array().unwrap().len(), 1, "after {lost}");

        developer(&app, json!({"username": "d@e.f", "password": PASSWORD})).await;
        lose();
        let begun = sign_in(&app, "", json!({"username": "d@e.f", "password": PASSWORD})).await;
        keep();
        settle(&background).await;
        let otp = code_in(background.post_office.mails().last().unwrap());
        lose();
        let done = sign_in(&app, "/verify-otp", json!({"mfaToken": begun.text_of("mfaToken"), "otp": otp})).await;
        keep();
        assert_eq!(done.status, 200, "after {lost}: {}", done.text);
        let log = app.admin("GET", "/v1/admin/audit?limit=100", Value::Null).await;
        let given = log.body["entries"].as_array().unwrap().iter().filter(|e| e["action"] == "dev-verify-otp");
        assert_eq!(given.count(), 1, "after {lost}");
    }
}
