//! Project keys: what KMS wraps for one purpose opens for no other, and secrets are told to nobody but who made them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Request;
use local::wiring::{Local, sdk_config};
use serde_json::{Value, json};
use shared::api::routes::{FUNCTIONS, ROUTES};
use shared::keys::kms::{AGE_MAX_MS, Kms};
use shared::keys::{KeyError, Purpose};

use shared::service::ports::Sleep;

use crate::api::endpoints::{EXPECTED, event, request};
use crate::support::pro::{letter, sealed_request};
use crate::support::{L1, SECRET, TestApp, device, send};

#[tokio::test]
async fn a_wrong_context_does_not_unwrap() {
    let app = TestApp::empty().await;
    let kms = Kms::new(&sdk_config(app.keys.endpoint(), false).await, local::kms::KEY_ID);
    let made = kms.make("prj_1", Purpose::Secret).await.unwrap();
    let opened = kms.unwrap("prj_1", Purpose::Secret, &made.wrapped, 0).await.unwrap();
    assert_eq!(opened.expose(), made.key.expose());
    let mut tampered = made.wrapped.clone();
    tampered[20] ^= 1;
    let attempts = [
        ("prj_2", Purpose::Secret, &made.wrapped),
        ("prj_1", Purpose::SigningSeed, &made.wrapped),
        ("prj_1", Purpose::Secret, &tampered),
    ];
    for (project, purpose, wrapped) in attempts {
        assert!(
            matches!(kms.unwrap(project, purpose, wrapped, 0).await, Err(KeyError::Broken(_))),
            "{project} {purpose:?}"
        );
    }
    let unknown = Kms::new(&sdk_config(app.keys.endpoint(), false).await, "alias/another");
    assert!(matches!(unknown.make("prj_1", Purpose::Secret).await, Err(KeyError::Broken(_))));
    assert_eq!(format!("{:?}", made.key), "Key32");
}

#[tokio::test]
async fn a_projects_keys_have_the_forms_of_the_contract() {
    let app = TestApp::empty().await;
    let made = app.admin("POST", "/v1/admin/projects", json!({"name": "Keys"})).await;
    let secret = made.text_of("secretKey");
    assert!(secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    let pem: Vec<_> = made.text_of("publicKey").lines().collect();
    assert_eq!((pem[0], pem[2]), ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"));
    assert!(pem[1].starts_with("MCowBQYDK2VwAyEA") && pem[1].len() == 60, "{}", pem[1]);
    assert_ne!(secret, SECRET);
}

/// Pins the purposes that a function is allowed.
fn pin(app: &TestApp, function: &str) {
    let function = FUNCTIONS.iter().find(|known| known.name == function).unwrap();
    app.keys.pin(Some(function.purposes.iter().map(|purpose| purpose.name().to_owned()).collect()));
}

/// The key service refuses what the function's policy does. The examples are all routes; the siblings are what no event file can
/// show: a sign-in, a payment, a portfolio, and what the function `delivery` sends.
#[tokio::test]
async fn every_function_needs_the_keys_of_its_purposes_alone() {
    let app = TestApp::new().await;
    app.activate(L1, &device('b')).await;
    for (name, status, _) in EXPECTED {
        pin(&app, ROUTES.iter().find(|route| route.name == *name).unwrap().function);
        // A process that holds no key yet.
        let process = app.another_process().await;
        let answer = send(&process, request(&event(name, &app.project_id, "1"))).await;
        assert_eq!(answer.status, *status, "{name}: {}", answer.text);
    }
    let app = TestApp::new().await;
    let policy = app.policy(crate::store::perpetual("studio")).await;
    let session = app.ordered(&policy, "grace@example.com").await;
    let developer = json!({"username": "d@e.f", "password": "correct horse", "mfa": true});
    assert_eq!(app.admin("POST", "/v1/admin/developers", developer.clone()).await.status, 201);
    let dev_login = || {
        let request = Request::builder().method("POST").uri("/v1/sdk/pro/auth/dev-login");
        request.body(developer.to_string().into()).unwrap()
    };
    let reader = local::table_stream::StreamReader::open(
        app.engine.endpoint(),
        local::wiring::TABLE,
        local::table_stream::Begin::Now,
    );
    let reader = reader.await.unwrap().unwrap();
    pin(&app, "payments");
    let paid = app.message(&app.event_of(&session, local::stripe::Event::Paid));
    assert_eq!(send(&*app.another_process().await, paid).await.status, 200);
    pin(&app, "portal");
    let ask = letter(&device('a'), &json!(""), &json!({"email": "grace@example.com"}));
    let path = "/v1/sdk/pro/auth/customer-login-request";
    assert_eq!(send(&*app.another_process().await, sealed_request(path, ask)).await.status, 200);
    pin(&app, "sign-in");
    let begun = send(&*app.another_process().await, dev_login()).await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    pin(&app, "delivery");
    let host = app.another_process().await;
    let carried = local::background::Background::start(host, app.outbox.clone(), Some(reader), false).await.unwrap();
    crate::support::background::settle(&carried).await;
    let mails = carried.post_office.mails();
    let code_for = |to: &str| {
        let texts = mails.iter().filter(|mail| mail["to"] == to).map(|mail| mail["text"].as_str().unwrap());
        let mut codes = texts.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()));
        codes.rfind(|part| part.len() == 6 && part.bytes().all(|b| b.is_ascii_digit())).unwrap().to_owned()
    };
    assert!(mails.iter().any(|mail| mail["text"].as_str().unwrap().contains("LIC-")), "{mails:?}");
    pin(&app, "portal");
    let shown = json!({"email": "grace@example.com", "otp": code_for("grace@example.com")});
    let shown = letter(&device('a'), &json!(""), &shown);
    let path = "/v1/sdk/pro/auth/customer-portfolio";
    assert_eq!(send(&*app.another_process().await, sealed_request(path, shown)).await.status, 200);
    pin(&app, "sign-in");
    let verify = json!({"mfaToken": begun.text_of("mfaToken"), "otp": code_for("d@e.f")}).to_string();
    let verify = Request::builder().method("POST").uri("/v1/sdk/pro/auth/dev-login/verify-otp").body(verify.into());
    let done = send(&*app.another_process().await, verify.unwrap()).await;
    assert_eq!(done.status, 200, "{}", done.text);
    // What is not pinned for it, a function gets not.
    pin(&app, "organizations");
    let refused = send(&*app.another_process().await, dev_login()).await;
    assert_eq!(refused.status, 200, "a password alone needs no key");
    let ask = letter(&device('b'), &json!(""), &json!({"email": "x@example.com"}));
    let path = "/v1/sdk/pro/auth/customer-login-request";
    assert_eq!(send(&*app.another_process().await, sealed_request(path, ask)).await.status, 500);
}

/// A clock that is set.
#[derive(Default)]
struct Elapsed(AtomicU64);

impl Sleep for Elapsed {
    fn elapsed_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The example is a request that needs no key; the siblings are one that needs another, and a job.
#[tokio::test]
async fn a_key_that_nothing_asks_for_is_wiped_by_age() {
    for next in ["a request", "another key", "a job"] {
        let app = TestApp::new().await;
        let elapsed = Arc::new(Elapsed::default());
        let mut host = Arc::into_inner(app.another_process().await).unwrap();
        host.app.sleep = elapsed.clone();
        let host = Arc::new(host);
        let held = || host.app.kms.as_ref().unwrap().unwrapped();
        let validate = json!({"key": L1, "hwid": device('a')});
        let body = letter(&device('a'), &Value::Null, &validate);
        assert_eq!(send(&host, sealed_request("/v1/sdk/pro/license/validate", body)).await.status, 200);
        let before = held();
        assert!(before > 0);
        let health = || Request::builder().uri("/health").body(Default::default()).unwrap();
        elapsed.0.store(AGE_MAX_MS - 60_000, Ordering::Relaxed);
        send(&host, health()).await;
        assert_eq!(held(), before, "{next}: not old enough");
        elapsed.0.store(AGE_MAX_MS + 60_000, Ordering::Relaxed);
        match next {
            "a request" => drop(send(&host, health()).await),
            "a job" => {
                let background = local::background::Background::start(host.clone(), app.outbox.clone(), None, false);
                background.await.unwrap().dispatch().await;
            }
            _ => {
                let request = Request::builder()
                    .method("POST")
                    .uri("/v1/access-tokens")
                    .header("authorization", format!("Bearer {}", crate::support::ADMIN_KEY))
                    .header("x-project-id", &app.project_id);
                let body = json!({"userId": "ada"}).to_string();
                assert_eq!(send(&host, request.body(body.into()).unwrap()).await.status, 201);
                assert_eq!(held(), 1, "the new one alone");
                continue;
            }
        }
        assert_eq!(held(), 0, "{next}");
    }
}

const PREVIOUS: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// An administrator's POST to a process, under an operation id.
async fn keyed(process: &Local, path: &str, id: &str, body: Value) -> crate::support::Reply {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("authorization", format!("Bearer {}", crate::support::ADMIN_KEY))
        .header("idempotency-key", id);
    send(process, request.body(body.to_string().into()).unwrap()).await
}

/// A table that came from another deployment, whose KMS key wrapped what is in it. The examples are a project's keys; the siblings are
/// its webhooks' (also the one from before a rotation) and the developers'.
#[tokio::test]
async fn what_another_key_wrapped_is_rewrapped_and_works_without_that_key() {
    let app = TestApp::new().await;
    let project = format!("/v1/admin/projects/{}", app.project_id);
    let second = app.admin("POST", &format!("{project}/secrets"), json!({})).await.text_of("secretKey").to_owned();
    let hook = app.admin("POST", &format!("{project}/webhooks"), json!({"url": "https://a.example"})).await;
    let hook = format!("{project}/webhooks/{}", hook.text_of("webhookId"));
    let create = keyed(&app.host, &format!("{hook}/secret"), "rotation", json!({})).await;
    let signs = create.text_of("secret").to_owned();
    let developer = json!({"username": "d@e.f", "password": "correct horse"});
    assert_eq!(app.admin("POST", "/v1/admin/developers", developer.clone()).await.status, 201);
    let issued = keyed(&app.host, &format!("{project}/licenses"), "issue", json!({"policyId": 1})).await;
    app.keys.replace_key(PREVIOUS);

    // A process that holds no unwrapped key.
    let restored = app.another_process().await;
    let validate = async |host| {
        let body = letter(&device('a'), &Value::Null, &json!({"key": L1, "hwid": device('a')}));
        send(host, sealed_request("/v1/sdk/pro/license/validate", body)).await.status
    };
    let rewrap = async |path: &str, id: &str| {
        keyed(&restored, &format!("{path}/rewrap"), id, json!({"previousKeyArn": PREVIOUS})).await
    };
    assert_eq!(validate(&restored).await, 500, "nothing unwraps yet");
    // Three keys and two secrets, and of the webhook the secret from before its rotation too.
    let counts = |reply: &crate::support::Reply| (reply.body["rewrapped"].clone(), reply.body["unchanged"].clone());
    let done = rewrap(&project, "move").await;
    assert_eq!((done.status, counts(&done)), (200, (json!(7), json!(0))), "{}", done.text);
    let again = rewrap(&project, "move").await;
    assert_eq!(counts(&again), (json!(7), json!(0)), "the same operation");
    let later = rewrap(&project, "once-more").await;
    assert_eq!(counts(&later), (json!(0), json!(7)), "another operation finds nothing to do");
    let developers = rewrap("/v1/admin/developers/d@e.f", "move").await;
    assert_eq!(counts(&developers), (json!(1), json!(0)), "{}", developers.text);

    app.keys.remove_key(PREVIOUS);
    assert_eq!(validate(&restored).await, 200);
    let replayed = keyed(&restored, &format!("{hook}/secret"), "rotation", json!({})).await;
    assert_eq!(replayed.text_of("secret"), signs, "the webhook's secret is what it was");
    let same = keyed(&restored, &format!("{project}/licenses"), "issue", json!({"policyId": 1})).await;
    assert_eq!(same.body["licenses"], issued.body["licenses"], "keys are derived as before");
    let known = keyed(&restored, "/v1/admin/developers", "another", developer).await;
    known.refused(409, "DEVELOPER_EXISTS");
    assert_eq!(second.len(), 64);
    let changed = rewrap("/v1/admin/developers/d@e.f", "later").await;
    assert_eq!(counts(&changed), (json!(0), json!(1)));
}

#[tokio::test]
async fn what_no_key_unwraps_is_refused_and_stays_as_it_is() {
    let app = TestApp::new().await;
    let project = format!("/v1/admin/projects/{}", app.project_id);
    app.keys.replace_key(PREVIOUS);
    let another = format!("{PREVIOUS}0");
    let refused = app.admin("POST", &format!("{project}/rewrap"), json!({"previousKeyArn": another})).await;
    refused.refused(422, "WRAPPING_KEY_NOT_USABLE");
    let done = app.admin("POST", &format!("{project}/rewrap"), json!({"previousKeyArn": PREVIOUS})).await;
    assert_eq!(done.status, 200, "{}", done.text);
    for wrong in [json!({}), json!({"previousKeyArn": "alias/ltlm-dev"}), json!({"previousKeyArn": 1})] {
        let refused = app.admin("POST", &format!("{project}/rewrap"), wrong).await;
        refused.refused(400, "BAD_REQUEST");
    }
    // A key of one project may not wrap anything anew.
    let scoped = json!({"scopes": ["projects"], "projectId": app.project_id});
    let key = app.admin("POST", "/v1/admin/keys", scoped).await.text_of("key").to_owned();
    let request = Request::builder().method("POST").uri(format!("{project}/rewrap"));
    let request = request.header("authorization", format!("Bearer {key}"));
    let body = json!({"previousKeyArn": PREVIOUS}).to_string();
    send(&*app.another_process().await, request.body(body.into()).unwrap()).await.refused(403, "FORBIDDEN");
}
