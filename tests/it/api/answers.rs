//! No answer grows beyond what Lambda returns, whatever the vendor keeps: lists end in time, and say where they go on.

use ltlm_protocol::limits;
use serde_json::{Value, json};

use crate::support::background::{background, code_in, settle};
use crate::support::{Reply, TestApp, device};

/// What Lambda returns at most, in bytes (AWS, "Lambda quotas").
const LAMBDA_BYTES_MAX: usize = 6_291_556;

/// A document of nearly the largest size that is taken, full of what is escaped on the way.
fn document() -> Value {
    json!({ "x": "\"".repeat((limits::DOCUMENT_BYTES_MAX - 1_000) / 2) })
}

/// What the answer is once more as a text in Lambda's own answer.
fn fits(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text.chars().take(300).collect::<String>());
    let returned = json!({ "body": reply.text }).to_string().len();
    assert!(returned < LAMBDA_BYTES_MAX, "{returned}");
}

/// All pages of a list.
async fn pages(app: &TestApp, path: &str, rows: &str) -> Vec<usize> {
    let (mut sizes, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = app.admin("GET", &format!("{path}?limit=100{cursor}"), Value::Null).await;
        fits(&answer);
        sizes.push(answer.body[rows].as_array().unwrap().len());
        let Some(next) = answer.body["nextCursor"].as_str() else { return sizes };
        cursor = format!("&cursor={next}");
    }
}

fn full_policy(index: usize) -> Value {
    let mut policy = local::demo::perp();
    policy["slug"] = json!(format!("full-{index}"));
    policy["config"]["projectSettings"] = document();
    policy
}

#[tokio::test]
async fn lists_of_the_largest_documents_go_on_on_another_page() {
    let app = TestApp::new().await;
    for index in 0..45 {
        app.policy(full_policy(index)).await;
        let project = json!({"name": format!("P{index}"), "projectSettings": document()});
        let made = app.admin("POST", "/v1/admin/projects", project).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let policies = pages(&app, &format!("/v1/admin/projects/{}/policies", app.project_id), "policies").await;
    assert_eq!((policies.len(), policies.iter().sum::<usize>()), (2, 46), "{policies:?}");
    let projects = pages(&app, "/v1/admin/projects", "projects").await;
    assert_eq!((projects.len(), projects.iter().sum::<usize>()), (2, 46), "{projects:?}");
    // The existing client and editor know no cursor: they see as many as one answer holds.
    let shown = app.store("GET", "project/buyable-policies", Value::Null).await;
    fits(&shown);
    let developer =
        json!({"username": "dev@example.com", "fullName": "Dee", "password": "correct horse battery", "mfa": false});
    let made = app.admin("POST", "/v1/admin/developers", developer).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let login = json!({"username": "dev@example.com", "password": "correct horse battery"});
    let request = http::Request::builder().method("POST").uri("/v1/sdk/pro/auth/dev-login");
    let signed_in = app.send(request.body(login.to_string().into()).unwrap()).await;
    fits(&signed_in);
    assert!(signed_in.body["projects"].as_array().unwrap().len() > 30);
}

#[tokio::test]
async fn a_portfolio_of_many_licenses_goes_on_with_its_cursor() {
    const EMAIL: &str = "ada@example.com";
    const LICENSES: usize = 60;
    let app = TestApp::new().await;
    let background = background(&app).await;
    let project = format!("/v1/admin/projects/{}", app.project_id);
    let changed = app.admin("PATCH", &project, json!({"projectSettings": {"y": document()["x"]}})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let policy = app.policy(full_policy(0)).await;
    let body = json!({"policyId": policy, "count": LICENSES, "customer": {"email": EMAIL},
        "overrides": {"projectSettings": {"z": document()["x"]}}});
    let issued = app.admin("POST", &format!("{project}/licenses"), body).await;
    assert_eq!(issued.status, 201, "{}", issued.text);
    // The fixture's own license is hers, too.
    let expected = LICENSES + 1;

    for is_sealed in [false, true] {
        let ask = async |body: Value| match is_sealed {
            false => app.store("POST", "auth/customer-portfolio", body).await,
            true => app.pro("auth/customer-portfolio", &device('a'), "", body).await.reply,
        };
        let asked = app.store("POST", "auth/customer-login-request", json!({"email": EMAIL})).await;
        assert_eq!(asked.status, 200, "{}", asked.text);
        settle(&background).await;
        let code = code_in(&background.post_office.mails().pop().unwrap());
        let (mut keys, mut proof) = (Vec::new(), json!({"email": EMAIL, "otp": code}));
        let mut cursor = None;
        loop {
            let shown = ask(proof.clone()).await;
            fits(&shown);
            let licenses = shown.body["licenses"].as_array().unwrap();
            assert!((1..=14).contains(&licenses.len()), "{}", licenses.len());
            keys.extend(licenses.iter().map(|license| license["licenseKey"].as_str().unwrap().to_owned()));
            let Some(next) = shown.body["nextCursor"].as_str().map(str::to_owned) else { break };
            proof = json!({"email": EMAIL, "cursor": next});
            cursor = Some(next);
        }
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!((count, keys.len()), (expected, expected), "each once");
        // The code is used up; the cursor is of this address, unchanged, and leads on for a quarter of an hour.
        ask(json!({"email": EMAIL, "otp": code})).await.refused(400, "OTP_REJECTED");
        let cursor = cursor.unwrap();
        ask(json!({"email": "eve@example.com", "cursor": cursor})).await.refused(400, "OTP_REJECTED");
        let text = String::from_utf8(hex::decode(&cursor).unwrap()).unwrap();
        let (head, position) = text.rsplit_once(':').unwrap();
        let forged = hex::encode(format!("{head}:9{position}"));
        ask(json!({"email": EMAIL, "cursor": forged})).await.refused(400, "OTP_REJECTED");
        ask(json!({"email": EMAIL, "cursor": "6c65"})).await.refused(400, "BAD_REQUEST");
        app.clock.advance_seconds(limits::PORTFOLIO_CURSOR_MINUTES * 60);
        ask(json!({"email": EMAIL, "cursor": cursor})).await.refused(400, "OTP_REJECTED");
    }
}
