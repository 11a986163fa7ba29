//! User settings: shared by the devices, saved whole or on a condition.

use crate::support::{L1, TestApp, device};
use serde_json::{Value, json};

/// Saves settings, with `If-Match` if there is a tag.
async fn save(app: &TestApp, settings: Value, tag: Option<&str>) -> crate::support::Reply {
    let body = json!({"settings": settings});
    let mut request = crate::support::post_request(L1, "settings", &body);
    *request.method_mut() = http::Method::PUT;
    if let Some(tag) = tag {
        request.headers_mut().insert("if-match", tag.parse().unwrap());
    }
    app.send(request).await
}

#[tokio::test]
async fn a78_a82_settings_are_shared_by_the_devices_and_travel_in_every_answer() {
    let app = TestApp::new().await;
    app.activate(L1, &device('a')).await;
    app.activate(L1, &device('b')).await;
    let never = app.get(L1, "/settings").await;
    assert_eq!(never.body, json!({"success": true, "message": null, "settings": {}, "updatedAt": null}));
    let settings = json!({"theme": "dark", "n": {"a": [1, null, true]}});
    let saved = save(&app, settings.clone(), None).await;
    assert_eq!(
        (saved.status, &saved.body["settings"], saved.text_of("updatedAt")),
        (200, &settings, crate::support::START)
    );
    assert_eq!(app.get(L1, &format!("/settings?hwid={}", device('b'))).await.body["settings"], settings);
    assert_eq!(app.beat(L1, &device('b')).await.body["userSettings"], settings);
    assert_eq!(app.consume(L1, &device('a'), 1, "x").await.body["userSettings"], settings);
    app.get(L1, &format!("/settings?hwid={}", device('d'))).await.refused(403, "DEVICE_NOT_REGISTERED");

    // Whole documents; the last writer wins, and saving the same again changes nothing.
    app.clock.advance_seconds(1);
    assert_eq!(save(&app, settings.clone(), None).await.text_of("updatedAt"), crate::support::START);
    assert_eq!(save(&app, json!({}), None).await.body["settings"], json!({}));
    assert_eq!(app.get(L1, "/settings").await.body["settings"], json!({}));
}

#[tokio::test]
async fn settings_are_saved_only_over_what_the_caller_saw_if_it_says_so() {
    let app = TestApp::new().await;
    let tag = |reply: &crate::support::Reply| reply.headers["etag"].to_str().unwrap().to_owned();
    let first = tag(&app.get(L1, "/settings").await);
    let second = tag(&save(&app, json!({"by": "a"}), Some(&first)).await);
    save(&app, json!({"by": "b"}), Some(&first)).await.refused(412, "SETTINGS_CHANGED");
    assert_eq!(app.get(L1, "/settings").await.body["settings"], json!({"by": "a"}));
    assert_eq!(save(&app, json!({"by": "b"}), Some(&second)).await.status, 200);
    assert_eq!(save(&app, json!({"by": "c"}), Some("*")).await.status, 200);
    save(&app, json!({}), Some("nonsense")).await.refused(400, "BAD_REQUEST");
}

#[tokio::test]
async fn a79_a81_settings_that_would_lock_the_old_client_out_are_refused() {
    let app = TestApp::new().await;
    let units = |count: usize| json!({"k": "漢".repeat(count - 8)});
    assert_eq!(save(&app, units(65_536), None).await.status, 200);
    assert!(
        save(&app, units(65_537), None).await.refused(413, "SETTINGS_TOO_LARGE").text_of("message").contains("64KB")
    );
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "n": inner }));
    assert_eq!(save(&app, nested(32), None).await.status, 200);
    save(&app, nested(33), None).await.refused(400, "SETTINGS_REJECTED");
    let reserved = save(&app, json!({"a": [{"$type": 1}]}), None).await;
    assert_eq!(reserved.refused(400, "SETTINGS_REJECTED").body["details"]["path"], "a.0.$type");
    for settings in [json!([]), json!("x"), json!(5), Value::Null] {
        save(&app, settings, None).await.refused(400, "BAD_REQUEST");
    }
    assert_eq!(app.get(L1, "/settings").await.body["settings"], nested(32));
}
