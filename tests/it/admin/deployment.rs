//! What a deployment says of itself: each part by its own fault, the schedules by what they left, the mail by what came of it.

use local::background::Background;
use serde_json::{Value, json};
use shared::table::fault::Faults;

use crate::support::background::{background, settle};
use crate::support::{ADMIN_KEY, L1, Reply, TestApp, device};

impl TestApp {
    async fn deployment(&self) -> Reply {
        let reply = self.admin("GET", "/v1/admin/deployment", Value::Null).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply
    }

    /// Tells the clock of the product, which the schedule looks at.
    async fn scheduled(&self, background: &Background, at: &str) {
        self.clock.set(ltlm_protocol::Timestamp::parse(at).unwrap());
        background.dispatch().await;
    }
}

#[tokio::test]
async fn a_deployment_tells_of_its_parts() {
    let app = TestApp::new().await;
    let reply = app.deployment().await;
    let expected = json!({"service": "ltlm", "stage": "local", "version": env!("CARGO_PKG_VERSION"), "schedules": [],
        "mail": {"configured": true, "lastTest": null}, "payments": {"configured": true},
        "webhooks": {"failing": [], "projects": 1, "complete": true}});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&reply.body[name], value, "{name}");
    }
    assert!(reply.text_of("time").starts_with("2026-01-04T00:00:00"));
    for part in ["table", "key"] {
        assert_eq!((&reply.body[part]["ok"], &reply.body[part]["problem"]), (&json!(true), &Value::Null), "{part}");
    }
    // The runs, the projects and their webhooks: no write.
    assert_eq!((reply.spent.round_trips, reply.spent.write_units), (2, 0.0), "{:?}", reply.spent);
}

#[tokio::test]
async fn a_part_that_fails_is_told_and_fails_nothing_else() {
    let app = TestApp::new().await;
    app.host.app.table.set(Faults { throttle_percent: 100, ..Faults::default() });
    let reply = app.deployment().await;
    assert_eq!(reply.body["table"]["problem"], "the table does not answer in time", "{}", reply.text);
    assert_eq!((&reply.body["key"]["ok"], &reply.body["webhooks"]), (&json!(true), &Value::Null));
    app.host.app.table.set(Faults::default());
    app.keys.pin(Some(vec!["webhook".to_owned()]));
    let reply = app.deployment().await;
    assert_eq!(reply.body["key"]["problem"], "the key service refuses", "{}", reply.text);
    assert_eq!((&reply.body["table"]["ok"], &reply.body["key"]["ok"]), (&json!(true), &json!(false)));
    app.keys.pin(None);
    assert_eq!(app.deployment().await.body["key"]["ok"], true);
}

#[tokio::test]
async fn only_who_may_look_at_everything_looks() {
    let app = TestApp::new().await;
    let key = async |body: Value| {
        let made = app.admin("POST", "/v1/admin/keys", body).await;
        made.text_of("key").to_owned()
    };
    let look = async |key: &str, method: &str, path: &str, body: &'static [u8]| {
        let request =
            http::Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        app.send(request.body(bytes::Bytes::from_static(body)).unwrap()).await
    };
    let (reads, mails) = ("/v1/admin/deployment", "/v1/admin/test-mails");
    let mail = br#"{"to":"ada@example.com"}"#;
    let reader = key(json!({"scopes": ["read"]})).await;
    assert_eq!(look(&reader, "GET", reads, b"").await.status, 200);
    look(&reader, "POST", mails, mail).await.refused(403, "FORBIDDEN");
    let seller = key(json!({"scopes": ["licenses", "tokens", "policies"]})).await;
    look(&seller, "GET", reads, b"").await.refused(403, "FORBIDDEN");
    let limited = key(json!({"scopes": ["projects", "read"], "projectId": app.project_id})).await;
    look(&limited, "GET", reads, b"").await.refused(403, "FORBIDDEN");
    look(&limited, "POST", mails, mail).await.refused(403, "FORBIDDEN");
    look(ADMIN_KEY, "POST", mails, br#"{"to":"nobody"}"#).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn schedules_leave_word_of_their_last_run() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    app.scheduled(&background, "2026-01-05T01:00:00Z").await;
    app.scheduled(&background, "2026-01-05T02:00:00Z").await;
    app.scheduled(&background, "2026-01-05T03:00:00Z").await;
    let reply = app.deployment().await;
    let rows = reply.body["schedules"].as_array().unwrap().clone();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {rows:?}"));
    assert_eq!(rows.len(), 2);
    assert_eq!(row("nightly")["startedAt"], "2026-01-05T02:00:00.000Z");
    assert_eq!(row("hourly")["startedAt"], "2026-01-05T03:00:00.000Z", "the last one");
    assert_eq!((&row("hourly")["complete"], &row("hourly")["problem"]), (&json!(true), &Value::Null));
    // What is due is counted.
    let account = app.account("POST", "", json!({"accountId": "ada", "tier": "Gift"})).await;
    assert_eq!(account.status, 201, "{}", account.text);
    app.scheduled(&background, "2026-02-05T04:00:00Z").await;
    let reply = app.deployment().await;
    let row = reply.body["schedules"].as_array().unwrap().iter().find(|row| row["name"] == "hourly").unwrap().clone();
    assert_eq!(row["dispatched"], 1, "{row}");
    // A try by hand leaves no word, and one that fails does.
    background.deliver(&json!({"dispatch": "by hand"})).await;
    app.host.app.table.stop_after(Some(0));
    let (answer, report) = background.deliver(&json!({"dispatch": "hourly"})).await;
    app.host.app.table.stop_after(None);
    assert!(answer.is_none() && report.causes.iter().any(|cause| cause.contains("no word is left")), "{report:?}");
    assert_eq!(app.deployment().await.body["schedules"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_test_mail_goes_the_way_of_all_mails_and_tells_what_came_of_it() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let ask = async |id: &str| {
        app.admin("POST", "/v1/admin/test-mails", json!({"to": "Ada@Example.com", "operationId": id})).await
    };
    let asked = ask("mail-1").await;
    assert_eq!((asked.status, asked.text_of("operationId")), (202, "mail-1"), "{}", asked.text);
    assert_eq!(app.deployment().await.body["mail"]["lastTest"], Value::Null, "it is on its way");
    settle(&background).await;
    let last = app.deployment().await.body["mail"]["lastTest"].clone();
    assert_eq!((&last["operationId"], &last["problem"]), (&json!("mail-1"), &Value::Null));
    let mails = background.post_office.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(json!(mails[0])["subject"], "Test mail");
    // Sent again, it is one mail; there are ten an hour.
    assert_eq!(ask("mail-1").await.headers["idempotent-replayed"], "true");
    settle(&background).await;
    assert_eq!(background.post_office.mails().len(), 1);
    for nth in 2..=10 {
        assert_eq!(ask(&format!("mail-{nth}")).await.status, 202, "{nth}");
    }
    ask("mail-11").await.refused(429, "RATE_LIMITED");
    assert_eq!(ask("mail-1").await.status, 202, "what was done is told");
}

#[tokio::test]
async fn a_webhook_that_takes_nothing_is_told_until_it_does() {
    let app = TestApp::new().await;
    let background = background(&app).await;
    let hooks = format!("/v1/admin/projects/{}/webhooks", app.project_id);
    // A port that nobody listens on.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let made = app.admin("POST", &hooks, json!({"url": format!("http://{nobody}/hook?token=secret")})).await;
    let id = made.text_of("webhookId");
    assert_eq!(app.deployment().await.body["webhooks"]["failing"], json!([]));
    app.activate(L1, &device('a')).await;
    settle(&background).await;
    let reply = app.deployment().await;
    let failing = &reply.body["webhooks"]["failing"][0];
    assert_eq!((&failing["webhookId"], &failing["projectId"]), (&json!(id), &json!(app.project_id)));
    assert_eq!((&failing["error"], &failing["disabled"]), (&json!("no connection"), &json!(false)));
    assert!(failing["failingSince"].as_str().unwrap().starts_with("2026-01-04T00:00"), "{failing}");
    assert!(!reply.text.contains("token=secret"), "an address may carry a secret");
    let listed = app.admin("GET", &hooks, Value::Null).await;
    assert_eq!(listed.body["webhooks"][0]["error"], "no connection");
    // One that is removed on purpose is none of them.
    app.admin("DELETE", &format!("{hooks}/{id}"), Value::Null).await;
    assert_eq!(app.deployment().await.body["webhooks"]["failing"], json!([]));
}
