//! What we say, judged by code that is not ours: answers and offline files by Python's `cryptography`, keys by moto's KMS.

use std::process::Stdio;

use http::Request;
use ltlm_protocol::envelope::{self, Mode};
use serde_json::{Value, json};
use shared::keys::kms::Kms;
use shared::keys::{KeyError, Purpose};
use tokio::io::AsyncBufReadExt;

use crate::support::pro::sealed_body;
use crate::support::{ADMIN_KEY, L1, SECRET, TestApp, device, proof, send, target_folder};

/// A program of the virtual environment that the test command sets up.
pub(crate) fn python() -> std::path::PathBuf {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    assert!(path.exists(), "{} is not there: run the tests with `cargo xtask test`", path.display());
    path
}

const GUID: &str = "9e0f6c1b-5a43-4e0e-9c53-6c1f3f5a7d10";

/// Settings that hold all that is hard to print.
fn awkward() -> Value {
    json!({
        "path": "C:\\/tmp", "re": "\\/\\\\/", "ctl": "\u{0}\u{1f}\t\u{7f}\u{85}\u{2028}\u{2029}", "emoji": "😀 漢 é",
        "\u{ff5e}": 1, "\u{1f600}": 2, "": 3, "a": {"aa": [], "a": {}, "B": null},
        "floats": [0.1, 1.0 / 3.0, 0.9501, std::f64::consts::E, 1e15, 1e-5, 1e300, 1e-300, -0.0, 10.0, 123_456_789.123_456_79, 5e-324],
        "ints": [0, -2, i64::MAX, u64::MAX, i64::MIN],
        "date": "2025-12-31T23:59:59.000Z",
    })
}

async fn seed_of(app: &TestApp) -> String {
    use shared::model::record::Record;
    use shared::table::port::{Meter, Read, Table};
    let reads = [Read::Project(app.project_id.clone())];
    let records = app.host.app.table.read(&reads, &Meter::default()).await.unwrap();
    let Some(Record::Project(project)) = records.first() else { panic!("no project") };
    let wrapped = &project.wrapped.signing_seed;
    let seed = app.host.app.unwrap(&project.id, Purpose::SigningSeed, wrapped).await.unwrap();
    hex::encode(seed.expose())
}

#[tokio::test]
async fn a04_a90_python_opens_verifies_and_signs_again_what_we_say() {
    let app = TestApp::new().await;
    let (a, b) = (device('a'), device('b'));
    let mut answers = Vec::new();
    let save = json!({"key": L1, "hwid": a, "settings": awkward()});
    app.validated(L1, &a).await;
    let saved = app.pro("settings/save", &a, GUID, save).await;
    answers.push(saved.reply.text.clone());
    let data = json!({"key": L1, "hwid": a});
    let beat = app.pro("heartbeat", &a, saved.nonce(), data.clone()).await;
    answers.push(beat.reply.text.clone());
    let used = json!({"key": L1, "amount": 5, "action": "x", "hwid": a, "meta": {"cost": 0.07}});
    answers.push(app.pro("consume", &a, beat.nonce(), used).await.reply.text);
    let plain = json!({"data": data, "nonce": GUID, "hwid": a}).to_string();
    answers.push(app.pro_body("/v1/sdk/pro/license/status", sealed_body(Mode::Gcm, &plain)).await.reply.text);

    let air = app.policy(local::demo::air()).await;
    let l3 = app.license(&air, None).await;
    let issue = async |body: Value| {
        let path = format!("/v1/admin/licenses/{l3}/offline-file");
        let request =
            Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {ADMIN_KEY}"));
        send(&app.host, request.body(body.to_string().into()).unwrap()).await
    };
    let path = format!("/v1/admin/licenses/{l3}");
    let over = json!({"overrides": {"limits": {"devices": {"maxDevices": 2}}}});
    assert_eq!(app.admin("PATCH", &path, over).await.status, 200);
    let order = json!({"hwids": [a, b], "validUntil": "2026-02-01T00:00:00Z", "operationId": "file-1"});
    let first = issue(order.clone()).await;
    assert_eq!((first.status, first.headers["content-type"].to_str().unwrap()), (200, "text/plain; charset=utf-8"));
    let again = issue(order).await;
    assert_eq!((again.status, again.headers["idempotent-replayed"].to_str().unwrap()), (200, "true"));
    issue(json!({"hwids": [device('c')]})).await.refused(403, "DEVICE_LIMIT_REACHED");
    issue(json!({"hwids": []})).await.refused(400, "BAD_REQUEST");
    let license = app.admin("GET", &path, Value::Null).await;
    assert_eq!(license.body["machines"].as_array().unwrap().len(), 2);
    let audit = app.admin("GET", "/v1/admin/audit?limit=20", Value::Null).await;
    let issued = audit.body["entries"].as_array().unwrap().iter().filter(|e| e["action"] == "admin-offline-file");
    assert_eq!(issued.count(), 1, "a file that is issued stands in the log, once");

    // The files are encrypted with the project's own secret; the fixture knows another. So with one that we add.
    let path = format!("/v1/admin/projects/{}/secrets", app.project_id);
    let secret = app.admin("POST", &path, Value::Null).await.text_of("secretKey").to_owned();
    let key = *envelope::key_of_secret(&secret).unwrap();
    let mut files = Vec::new();
    for index in 0..2 {
        let file = issue(json!({"hwids": [a, b], "operationId": format!("file-{index}-again")})).await;
        assert_eq!(envelope::decrypt(&key, &file.text).unwrap().0, Mode::Cbc);
        files.push(file.text);
    }
    let pem = app.admin("GET", &format!("/v1/admin/projects/{}", app.project_id), Value::Null).await;
    let given = json!({"secret": SECRET, "publicKeyPem": pem.text_of("publicKey"), "seed": seed_of(&app).await,
        "answers": answers, "fileSecret": secret, "files": files, "hwids": [a, b]});
    let path = target_folder().join("independent.json");
    std::fs::write(&path, given.to_string()).unwrap();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/python/check_pro.py");
    let output = tokio::process::Command::new(python()).arg(script).arg(&path).output().await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((printed.matches("answer ").count(), printed.matches("file ").count()), (4, 2), "{printed}");
    proof::seen("R7", "4 answers and 2 offline files opened, verified and signed again by Python, byte for byte");
}

#[tokio::test]
async fn another_implementation_of_kms_wraps_and_unwraps_for_us() {
    let mut child = tokio::process::Command::new(python())
        .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = tokio::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let endpoint = loop {
        let line = lines.next_line().await.unwrap().expect("moto ended");
        if let Some(place) = line.find("http://127.0.0.1:") {
            break line[place..].trim().to_owned();
        }
    };
    let client = reqwest::Client::new();
    let call = async |operation: &str, body: Value| -> Value {
        let request = client.post(&endpoint).header("x-amz-target", format!("TrentService.{operation}"));
        let request = request.header("content-type", "application/x-amz-json-1.1");
        // Moto tells services apart by the scope of the signature, and does not check it.
        let scope =
            "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/kms/aws4_request, SignedHeaders=host, Signature=0";
        let reply = request.header("authorization", scope).body(body.to_string()).send().await.unwrap();
        serde_json::from_str(&reply.text().await.unwrap()).unwrap_or(Value::Null)
    };
    let made = call("CreateKey", json!({})).await;
    let key_id = made["KeyMetadata"]["KeyId"].as_str().unwrap();
    let kms = Kms::new(&local::wiring::sdk_config(&endpoint, false).await, key_id);
    let made = kms.make("prj_1", Purpose::SigningSeed).await.unwrap();
    let opened = kms.unwrap("prj_1", Purpose::SigningSeed, &made.wrapped, 0).await.unwrap();
    assert_eq!(opened.expose(), made.key.expose());
    for (project, purpose) in [("prj_2", Purpose::SigningSeed), ("prj_1", Purpose::Secret)] {
        let refused = kms.unwrap(project, purpose, &made.wrapped, 0).await;
        assert!(matches!(refused, Err(KeyError::Broken(_))), "{project} {purpose:?}: {refused:?}");
    }
    child.kill().await.unwrap();
}
