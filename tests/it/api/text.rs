//! Text as people and programs send it: half characters, byte order marks, long numbers, spellings of one address or key, far dates,
//! control characters in names, and the version under either of its names.

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use http::Request;
use ltlm_protocol::Timestamp;
use ltlm_protocol::envelope::Mode;
use serde_json::{Value, json};
use shared::model::developer::Developer;
use shared::model::email::Email;
use shared::model::trial::Trial;
use shared::model::write::Write;
use shared::service::ids::license_id;
use shared::table::key;
use shared::table::port::List;
use shared::table::port::{Meter, Table};

use crate::store::{perpetual, trial};
use crate::support::background::{background, code_in, settle};
use crate::support::pro::sealed_body;
use crate::support::{ADMIN_KEY, L1, Reply, SECRET, TestApp, device, send};

const GUID: &str = "b6f1a6de-0000-4000-8000-3f7d2a9c1e55";

impl TestApp {
    /// Sends these bytes, with the project's secret and an administrator's key.
    async fn bytes(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-project-secret", SECRET)
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("content-type", "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn commit(&self, writes: &[Write]) {
        self.host.app.table.inner().commit(writes, None, &Meter::default()).await.unwrap();
    }
}

#[tokio::test]
async fn json_is_read_alike_on_both_faces() {
    let app = TestApp::new().await;
    let a = device('a');
    let settings = format!("/v1/sdk/license/{L1}/settings");
    let document = r#"{"half":"a\ud83dz","pair":"\ud83d\ude00","\ude00":1,"digits":123456789012345678901234567890,
        "below":-9223372036854775809,"point":1.50,"power":1e2}"#;
    let printed = concat!(
        r#"{"half":"a�z","pair":"😀","�":1,"digits":123456789012345678901234567890,"#,
        r#""below":-9223372036854775809,"point":1.5,"power":100.0}"#
    );
    // A half character, a byte order mark, and digits: through the table, and in the answer.
    let saved = app.bytes("PUT", &settings, format!("\u{feff}{{\"settings\":{document}}}")).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    for answer in [saved, app.get(L1, "/settings").await] {
        assert!(answer.text.contains(&format!("\"settings\":{printed}")), "{}", answer.text);
    }
    // The encrypted face, whose answers are signed as they are printed.
    let n = app.validated(L1, &a).await;
    let data = format!(r#"{{"key":"{L1}","hwid":"{a}","settings":{document}}}"#);
    let plain = format!("\u{feff}{{\"data\":{data},\"nonce\":\"{n}\",\"hwid\":\"{a}\"}}");
    let path = "/v1/sdk/pro/license/settings/save";
    let saved = app.pro_body(path, format!("\u{feff}{}", sealed_body(Mode::Cbc, &plain))).await;
    let result = app.pro("settings/get", &a, saved.nonce(), json!({"key": L1, "hwid": a})).await;
    for answer in [&saved, &result] {
        let settings = &answer.reply.body["settings"];
        assert_eq!(settings["digits"].to_string(), "123456789012345678901234567890");
        assert_eq!((&settings["half"], &settings["\u{fffd}"]), (&json!("a\u{fffd}z"), &json!(1)));
    }
    assert_eq!(app.get(L1, "/settings").await.body["settings"]["power"].to_string(), "100.0");
    // Siblings: a device's facts, a policy's configuration and a license's metadata; and what no double holds is no number.
    let facts = format!("\u{feff}{{\"hwid\":\"{a}\",\"meta\":{{\"os\":\"\\udfff\",\"serial\":{}}}}}", "7".repeat(30));
    assert_eq!(app.bytes("POST", &format!("/v1/sdk/license/{L1}/activate"), facts).await.status, 200);
    let metadata = format!("\u{feff}{{\"metadata\":{{\"crm\":{},\"note\":\"\\ud800\"}}}}", "8".repeat(30));
    let changed = app.bytes("PATCH", &format!("/v1/admin/licenses/{L1}"), metadata).await;
    assert_eq!((changed.status, &changed.body["metadata"]["note"]), (200, &json!("\u{fffd}")), "{}", changed.text);
    let seen = app.admin("GET", &format!("/v1/admin/licenses/{L1}"), Value::Null).await;
    assert!(seen.text.contains(&format!("\"crm\":{}", "8".repeat(30))), "{}", seen.text);
    for bad in ["1e999".to_owned(), "9".repeat(400)] {
        let body = format!("{{\"settings\":{{\"n\":{bad}}}}}");
        app.bytes("PUT", &settings, body).await.refused(400, "BAD_REQUEST");
    }
    // The payment provider's messages are signed with their mark.
    let event = format!("\u{feff}{}", json!({"id": "evt_bom", "type": "nothing.ours", "livemode": true}));
    let signature = app.stripe.sign(&event, shared::service::ports::Clock::now(app.clock.as_ref()));
    let request = Request::builder().method("POST").uri("/v1/payments/stripe").header("stripe-signature", signature);
    let answer = app.send(request.body(Bytes::from(event)).unwrap()).await;
    assert_eq!((answer.status, &answer.body["received"]), (200, &json!(true)), "{}", answer.text);
}

/// One address, as it can be written; percent-encoded for a query.
const SAME: [&str; 4] = [
    "%C3%A4da%40ex%C3%A4mple.de",
    "A%CC%88DA%40exa%CC%88mple.de",
    "%C3%84da%40xn--exmple-cua.de",
    "%C3%A4da%40EX%C3%84MPLE%E3%80%82de",
];

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

#[tokio::test]
async fn an_address_is_one_however_it_is_written() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    app.policy(trial()).await;
    app.policy(perpetual("perpetual")).await;
    // Three spellings, one trial.
    let sessions = [app.ordered("trial", &decoded(SAME[0])).await, app.ordered("trial", &decoded(SAME[1])).await];
    for session in &sessions {
        app.pay(session).await;
    }
    for spelling in SAME {
        let path = format!("/v1/sdk/pro/project/trial-eligibility?email={spelling}");
        let result = app.bytes("GET", &path, "").await;
        assert_eq!(result.body["reason"], "previous_trial", "{spelling}: {}", result.text);
        let order = json!({"policyId": "trial", "customerEmail": decoded(spelling)}).to_string();
        app.bytes("POST", "/v1/sdk/project/checkout-link", order).await.refused(403, "TRIAL_NOT_AVAILABLE");
        assert_eq!(app.licenses_of(spelling).await.len(), 1, "{spelling}");
    }
    // The portal: asked for in one spelling, used in another.
    // The mail of the license first, so that the code's is the last.
    settle(&background).await;
    let ask = json!({"email": decoded(SAME[1])}).to_string();
    assert_eq!(app.bytes("POST", "/v1/sdk/auth/customer-login-request", ask).await.status, 200);
    settle(&background).await;
    let mail = background.post_office.mails().last().unwrap().clone();
    assert_eq!(mail["to"], "äda@xn--exmple-cua.de");
    let show = json!({"email": decoded(SAME[3]), "otp": code_in(&mail)});
    let shown = app.pro("auth/customer-portfolio", &device('a'), GUID, show).await;
    assert_eq!(shown.reply.body["licenses"].as_array().map(Vec::len), Some(1), "{}", shown.reply.text);
    // Developers.
    let developer = |name: &str| json!({"username": name, "password": "correct horse battery", "mfa": false});
    assert_eq!(app.admin("POST", "/v1/admin/developers", developer(&decoded(SAME[0]))).await.status, 201);
    let again = app.admin("POST", "/v1/admin/developers", developer(&decoded(SAME[1]))).await;
    again.refused(409, "DEVELOPER_EXISTS");
    let login = json!({"username": decoded(SAME[3]), "password": "correct horse battery"}).to_string();
    let done = app.bytes("POST", "/v1/sdk/pro/auth/dev-login", login).await;
    assert_eq!((done.status, &done.body["user"]["username"]), (200, &json!("äda@xn--exmple-cua.de")), "{}", done.text);
    // What nobody sees makes no further address.
    for hidden in ["a\u{200b}da@b.example", "ada@b\u{ad}.example", "ada@b.example\u{200e}", "a\u{2060}da@b.example"] {
        let refused = |reply: Reply| {
            reply.refused(400, "BAD_REQUEST");
            let problem = reply.body["details"]["problems"][0]["problem"].as_str().unwrap().to_owned();
            assert!(problem.contains("invisible"), "{problem}");
        };
        let order = json!({"policyId": "trial", "customerEmail": hidden}).to_string();
        refused(app.bytes("POST", "/v1/sdk/project/checkout-link", order).await);
        let ask = json!({"email": hidden}).to_string();
        refused(app.bytes("POST", "/v1/sdk/auth/customer-login-request", ask).await);
        refused(app.admin("POST", "/v1/admin/developers", developer(hidden)).await);
        let customer = json!({"customer": {"email": hidden}});
        refused(app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), customer).await);
    }
}

#[tokio::test]
async fn what_was_kept_under_an_earlier_spelling_is_found_under_the_one() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let policy = app.policy(trial()).await;
    let now = Timestamp::parse(crate::support::START).unwrap();
    // As the version before kept them: trimmed and lower-case, and nothing else.
    let earlier = "äda@exämple.de";
    let had = Trial {
        project_id: app.project_id.clone(),
        email: Email::kept(earlier),
        license: Some(license_id(L1)),
        converted_at: None,
        revision: 1,
        at: now,
    };
    app.commit(&[Write::SaveTrial { trial: had, found: None }]).await;
    for spelling in SAME {
        let order = json!({"policyId": policy, "customerEmail": decoded(spelling)}).to_string();
        app.bytes("POST", "/v1/sdk/project/checkout-link", order).await.refused(403, "TRIAL_NOT_AVAILABLE");
    }
    // A customer.
    let customer = json!({"customer": {"email": earlier, "name": "Ada"}});
    assert_eq!(app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), customer).await.status, 200);
    let list = key::list_partition(&List::Buyer(app.project_id.clone(), Email::kept(earlier)));
    let client = aws_sdk_dynamodb::Client::new(&local::wiring::sdk_config(app.engine.endpoint(), false).await);
    let place = key::buyer_listing(&license_id(L1));
    let moved = client
        .update_item()
        .table_name(local::wiring::TABLE)
        .key("pk", AttributeValue::S(place.pk))
        .key("sk", AttributeValue::S(place.sk))
        .update_expression("SET listPk = :list")
        .condition_expression("attribute_exists(listPk) AND listPk <> :list")
        .expression_attribute_values(":list", AttributeValue::S(list));
    moved.send().await.unwrap();
    for spelling in SAME {
        assert_eq!(app.licenses_of(spelling).await.len(), 1, "{spelling}");
    }
    let ask = json!({"email": decoded(SAME[2])}).to_string();
    assert_eq!(app.bytes("POST", "/v1/sdk/auth/customer-login-request", ask).await.status, 200);
    settle(&background).await;
    let code = code_in(background.post_office.mails().last().unwrap());
    let show = json!({"email": decoded(SAME[2]), "otp": code});
    let shown = app.pro("auth/customer-portfolio", &device('a'), GUID, show).await;
    assert_eq!(shown.reply.body["licenses"].as_array().map(Vec::len), Some(1), "{}", shown.reply.text);
    // Licenses under both spellings are one list, newest first, page by page.
    let issue = json!({"policyId": policy, "customer": {"email": "äda@xn--exmple-cua.de"}, "count": 2});
    let path = format!("/v1/admin/projects/{}/licenses", app.project_id);
    assert_eq!(app.admin("POST", &path, issue).await.status, 201);
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.admin("GET", &format!("{path}?email={}&limit=1{cursor}", SAME[1]), Value::Null).await;
        numbers.extend(page.body["licenses"].as_array().unwrap().iter().map(|row| row["LicenseID"].as_i64().unwrap()));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(numbers.len(), 3);
    assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    // A developer, whose key and password stay what they are.
    let made = json!({"username": earlier, "password": "correct horse battery", "mfa": false});
    let made_now = app.admin("POST", "/v1/admin/developers", made.clone()).await;
    assert_eq!(made_now.status, 201, "{}", made_now.text);
    let reads = [shared::table::Read::Developer(Email::parse(earlier).unwrap())];
    let table = app.host.app.table.inner();
    let kept = table.read(&reads, &Meter::default()).await.unwrap().into_iter().find_map(|record| record.developer());
    let old = Developer { username: Email::kept("öda@exämple.de"), ..kept.unwrap() };
    app.commit(&[Write::SaveDeveloper { developer: old, found: None }]).await;
    let login = json!({"username": "O\u{308}da@xn--exmple-cua.de", "password": "correct horse battery"}).to_string();
    let done = app.bytes("POST", "/v1/sdk/pro/auth/dev-login", login).await;
    assert_eq!((done.status, &done.body["user"]["username"]), (200, &json!("öda@exämple.de")), "{}", done.text);
    let again = json!({"username": "öda@xn--exmple-cua.de", "password": "correct horse battery"});
    app.admin("POST", "/v1/admin/developers", again).await.refused(409, "DEVELOPER_EXISTS");
    let off = json!({"disabled": true});
    let path = "/v1/admin/developers/%C3%B6da%40xn--exmple-cua.de";
    assert_eq!(app.admin("PATCH", path, off).await.status, 200);
}

#[tokio::test]
async fn a_key_is_known_however_it_is_pasted() {
    let app = TestApp::new().await;
    let a = device('a');
    let pasted = [
        "LIC\u{2013}0BEC53C679BF012F",
        "\u{201c}LIC\u{2014}0bec53c679bf012f\u{201d}",
        "'LIC-0BEC53C679BF012F'",
        "\u{a0}LIC-0BEC\u{200b}53C679BF012F\u{feff}",
        "LIC0BEC53C679BF012F",
        "\"lic 0bec 53c6 79bf 012f\"",
    ];
    for key in pasted {
        // In a path of either face, in sealed data, in a batch, and where an administrator names it.
        let encoded = percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC).to_string();
        assert_eq!(app.activate(&encoded, &a).await.status, 200, "{key:?}");
        let seen = app.admin("GET", &format!("/v1/admin/licenses/{encoded}"), Value::Null).await;
        assert_eq!((seen.status, seen.text_of("licenseKey")), (200, L1), "{key:?}");
        let data = json!({"key": key, "hwid": a});
        assert_eq!(app.pro("status", &a, GUID, data).await.reply.status, 200, "{key:?}");
        let usage = json!({"key": key, "amount": 1, "action": "x", "operationId": encoded.replace('%', "")});
        let batch = app.post(L1, "consume-batch", json!({"hwid": a, "usages": [usage]})).await;
        assert_eq!((batch.status, batch.text.contains("unknown_license")), (200, false), "{key:?}: {}", batch.text);
    }
    // A secret, in a header of visible characters; and a key that a vendor chooses.
    let dashed = format!("\"{}-{}\"", &SECRET[..32], &SECRET[32..]);
    let request = Request::builder().uri(format!("/v1/sdk/license/{L1}")).header("x-project-secret", dashed);
    assert_eq!(app.send(request.body(Bytes::new()).unwrap()).await.status, 200);
    let policy = app.policy(local::demo::perp()).await;
    let own = app.license(&policy, Some("acme\u{2013}2026\u{2011}0001\u{2011}abcd")).await;
    assert_eq!(own, "ACME-2026-0001-ABCD");
    assert_eq!(app.get("acme-2026-0001-abcd", "").await.status, 200);
}

#[tokio::test]
async fn the_year_9999_is_never_and_dates_out_of_range_are_told_the_bounds() {
    let app = TestApp::new().await;
    let path = format!("/v1/admin/licenses/{L1}");
    let never = "9999-12-31T23:59:59Z";
    let changed = app.admin("PATCH", &path, json!({"validUntil": never})).await;
    assert_eq!((changed.status, changed.text_of("validUntil")), (200, "9998-12-31T23:59:59.999Z"), "{}", changed.text);
    let tokens = json!({"amount": 5, "reason": "gift", "expiresAt": "9999-12-31T23:59:59.9999999Z"});
    let credited = app.admin("POST", &format!("{path}/tokens"), tokens).await;
    assert_eq!(credited.status, 200, "{}", credited.text);
    let key = json!({"scopes": ["read"], "name": "for ever", "expiresAt": never});
    let key = app.admin("POST", "/v1/admin/keys", key).await;
    assert_eq!(key.status, 201, "{}", key.text);
    let range = "/v1/admin/licenses/LIC-0BEC53C679BF012F/usage/statistics?from=1970-01-01T00:00:00Z";
    let result = app.admin("GET", &format!("{range}&to={never}"), Value::Null).await;
    assert_eq!(result.status, 200, "{}", result.text);
    for far in ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "10000-01-01T00:00:00Z"] {
        let refusals = [
            app.admin("PATCH", &path, json!({"validUntil": far})).await,
            app.admin("POST", &format!("{path}/tokens"), json!({"amount": 5, "reason": "x", "expiresAt": far})).await,
            app.admin("POST", "/v1/admin/keys", json!({"scopes": ["read"], "expiresAt": far})).await,
            app.admin("GET", &format!("{range}&to={far}"), Value::Null).await,
        ];
        for refusal in refusals {
            refusal.refused(400, "BAD_REQUEST");
            assert!(refusal.text_of("message").contains("must lie between 1970-01-01"), "{far}: {}", refusal.text);
        }
    }
    let odd = app.admin("PATCH", &path, json!({"validUntil": "tomorrow"})).await;
    assert!(odd.refused(400, "BAD_REQUEST").text_of("message").contains("ISO 8601"), "{}", odd.text);
}

#[tokio::test]
async fn names_hold_no_control_characters() {
    let app = TestApp::new().await;
    let bad = "Demo\r\nBcc: all@evil.example";
    let project = format!("/v1/admin/projects/{}", app.project_id);
    let license = format!("/v1/admin/licenses/{L1}");
    let policy = |member: &str| {
        let mut terms = local::demo::perp();
        terms[member] = json!(bad);
        terms
    };
    let mut pack = local::demo::perp();
    pack["topUpOptions"] = json!([{"packId": bad, "name": "P", "price": {"amount": 1, "currency": "USD"}}]);
    let mut capable = local::demo::perp();
    capable["config"]["capabilities"] = json!(["pro\u{0}"]);
    let bell = json!({"name": "P", "type": "perpetual", "description": "a\u{7}b"});
    let plans = json!({"settings": {"accounts": {"plans": {"Gold\r\n": {"tokens": 1}}}}});
    let events = json!({"settings": {"analytics": {"events": [{"type": "x", "description": bad}]}}});
    let webhook = json!({"url": "https://hooks.example/\r\nBcc:"});
    let cases = [
        ("POST", "/v1/admin/projects".to_owned(), json!({"name": bad}), "name"),
        ("PATCH", project.clone(), json!({"name": bad}), "name"),
        ("PATCH", project.clone(), plans, "settings.accounts.plans"),
        ("PATCH", project.clone(), events, "settings.analytics.events[0].description"),
        ("POST", format!("{project}/policies"), policy("name"), "name"),
        ("POST", format!("{project}/policies"), policy("slug"), "slug"),
        ("POST", format!("{project}/policies"), policy("shortDescription"), "shortDescription"),
        ("POST", format!("{project}/policies"), bell, "description"),
        ("POST", format!("{project}/policies"), pack, "topUpOptions[0].packId"),
        ("POST", format!("{project}/policies"), capable, "config.capabilities"),
        ("POST", "/v1/admin/keys".to_owned(), json!({"scopes": ["read"], "name": bad}), "name"),
        ("POST", format!("{project}/webhooks"), webhook, "url"),
        ("PATCH", license.clone(), json!({"customer": {"name": bad}}), "customer.name"),
        ("PATCH", license.clone(), json!({"state": "suspended", "reason": bad}), "reason"),
        ("POST", format!("{license}/tokens"), json!({"amount": 1, "reason": bad}), "reason"),
        (
            "POST",
            "/v1/admin/developers".to_owned(),
            json!({"username": "d@e.f", "password": "correct horse battery", "fullName": bad}),
            "fullName",
        ),
    ];
    for (method, path, body, member) in cases {
        let refused = app.admin(method, &path, body).await;
        refused.refused(400, "BAD_REQUEST");
        let problem = &refused.body["details"]["problems"][0];
        assert_eq!(problem["path"], member, "{}", refused.text);
        let says = problem["problem"].as_str().unwrap();
        assert!(says.contains("control characters") || member == "url", "{member}: {says}");
    }
    for (path, body) in [
        ("/v1/accounts", json!({"accountId": bad})),
        ("/v1/organizations", json!({"organizationId": bad, "plan": "Free"})),
        ("/v1/access-tokens", json!({"userId": bad})),
    ] {
        let request = Request::builder().method("POST").uri(path).header("x-project-id", &app.project_id);
        let request = request.header("authorization", format!("Bearer {ADMIN_KEY}"));
        let refused = send(&app.host, request.body(Bytes::from(body.to_string())).unwrap()).await;
        refused.refused(400, "BAD_REQUEST");
    }
    // A description may have several lines.
    let lines = json!({"name": "P", "type": "perpetual", "description": "One.\r\n\tTwo.\n"});
    app.policy(lines).await;
}

#[tokio::test]
async fn the_version_is_judged_under_either_name() {
    let app = TestApp::new().await;
    let rule = json!({"overrides": {"versioning": {"enabled": true, "minVersion": "2.0"}}});
    assert_eq!(app.admin("PATCH", &format!("/v1/admin/licenses/{L1}"), rule).await.status, 200);
    let a = device('a');
    let result = |body: Value| {
        let mut body = body;
        body["hwid"] = json!(a);
        app.post(L1, "activate", body)
    };
    let refused = result(json!({"version": "1.9"})).await;
    refused.refused(403, "VERSION_NOT_SUPPORTED");
    assert_eq!(
        (&refused.body["details"]["member"], &refused.body["details"]["version"]),
        (&json!("version"), &json!("1.9"))
    );
    assert!(refused.body["details"].get("clientVersion").is_none());
    // Siblings: the other name, both, and none.
    let refused = result(json!({"clientVersion": "1.9"})).await;
    assert_eq!(refused.body["details"]["member"], "clientVersion");
    assert_eq!(refused.body["details"]["clientVersion"], "1.9");
    let both = result(json!({"clientVersion": "1.9", "version": "2.5"})).await;
    assert_eq!(both.refused(403, "VERSION_NOT_SUPPORTED").body["details"]["member"], "clientVersion");
    result(json!({})).await.refused(403, "VERSION_NOT_SUPPORTED");
    result(json!({"clientVersion": "", "version": "1.9"})).await.refused(403, "VERSION_NOT_SUPPORTED");
    for fits in [
        json!({"version": "2.0"}),
        json!({"clientVersion": null, "version": "2.1"}),
        json!({"clientVersion": "3", "version": "1"}),
    ] {
        assert_eq!(result(fits.clone()).await.status, 200, "{fits}");
    }
    // On the encrypted face it is the SDK's own, whatever it is.
    let sdk = json!({"key": L1, "hwid": a, "version": "9.9-PRO"});
    let refused = app.pro("validate", &a, GUID, sdk).await;
    assert_eq!(refused.refused(403, "VERSION_NOT_SUPPORTED").reply.body["details"]["member"], "clientVersion");
}
