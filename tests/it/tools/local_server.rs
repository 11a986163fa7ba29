//! `cargo run -p ltlm-local` as its user meets it: the real program, over the wire.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use local::changes::Changes;
use local::wiring::TABLE;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::program;

/// A running program with what it told.
pub(crate) struct Running {
    child: Child,
    pub(crate) demo: Value,
}

/// A folder of its own that goes with the test.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ltlm-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) async fn start(folder: &Path, options: &[&str]) -> Running {
    let mut child = Command::new(program("local"))
        .args(["--port", "0", "--data"])
        .arg(folder)
        .args(options)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.starts_with("LTLM is ready on http://127.0.0.1:"), "{line}");
    let demo = serde_json::from_str(&std::fs::read_to_string(folder.join("demo.json")).unwrap()).unwrap();
    // Keep the pipe open, so that later prints do not fail.
    #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Running { child, demo }
}

impl Running {
    /// Kills it.
    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.demo.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in demo.json"))
    }

    pub(crate) async fn post(&self, client: &Client, path: &str, body: &Value) -> reqwest::Result<Value> {
        let url = format!("{}{path}", self.text("/baseUrl"));
        client.post(url).header("x-project-secret", self.text("/projectSecret")).json(body).send().await?.json().await
    }

    pub(crate) async fn license(&self, client: &Client, route: &str, body: &Value) -> reqwest::Result<Value> {
        self.post(client, &format!("/v1/sdk/license/{}/{route}", self.text("/licenses/SUB")), body).await
    }

    async fn get(&self, client: &Client, path: &str) -> Value {
        let url = format!("{}{path}", self.text("/baseUrl"));
        client
            .get(url)
            .header("x-project-secret", self.text("/projectSecret"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn the_first_quarter_of_an_hour() {
    let folder = Folder::new("first");
    let running = start(&folder.0, &["--quiet"]).await;
    let client = Client::new();
    for name in ["projectId", "projectSecret", "publicKeyPem", "adminKey", "baseUrl"] {
        assert!(running.demo[name].is_string(), "{name}");
    }
    for name in ["SUB", "PERP", "AIR"] {
        assert_eq!(running.text(&format!("/licenses/{name}")).len(), 20);
        assert!(running.demo["policies"][name].is_number());
    }
    let activated = running.license(&client, "activate", &json!({"hwid": "desk-a"})).await.unwrap();
    assert_eq!((&activated["status"], &activated["seatStatus"]), (&json!("active"), &json!("OCCUPIED")));
    let charge = json!({"hwid": "desk-a", "amount": 5, "action": "export", "operationId": "op-1"});
    for replayed in [false, true] {
        let answer = running.license(&client, "consume", &charge).await.unwrap();
        assert_eq!((&answer["tokensRemaining"], &answer["replayed"]), (&json!(95), &json!(replayed)));
    }
    assert_eq!(running.get(&client, "/api/health").await["status"], "ok");
    let units = running.get(&client, "/__local/units").await;
    assert_eq!(
        (&units["routes"]["consume"]["requests"], &units["routes"]["consume"]["last"]["writeUnits"]),
        (&json!(2), &json!(0.0))
    );

    // The clock is moved; the license ends.
    let before = running.get(&client, "/__local/clock").await["now"].clone();
    let moved = running.post(&client, "/__local/clock", &json!({"advanceSeconds": 40 * 86_400})).await.unwrap();
    assert!(moved["now"].as_str() > before.as_str());
    let beat = running.license(&client, "heartbeat", &json!({"hwid": "desk-a"})).await.unwrap();
    assert_eq!(beat["status"], "expired");
    let set = running.post(&client, "/__local/clock", &json!({"now": "2027-01-31T00:00:00Z"})).await.unwrap();
    assert!(set["now"].as_str().unwrap().starts_with("2027-01-31T00:00:0"));
    let wrong = running.post(&client, "/__local/clock", &json!({"now": "soon"})).await.unwrap();
    assert_eq!(wrong["code"], "BAD_REQUEST");

    // Replies are dropped after the effect; a retry gets the answer.
    running.post(&client, "/__local/clock", &json!({"now": "2026-11-21T00:00:00Z"})).await.unwrap();
    running.post(&client, "/__local/faults", &json!({"dropReplyPercent": 100})).await.unwrap();
    let lost = json!({"hwid": "desk-a", "amount": 5, "action": "export", "operationId": "op-2"});
    assert!(running.license(&client, "consume", &lost).await.is_err());
    running.post(&client, "/__local/faults", &json!({})).await.unwrap();
    let found = running.license(&client, "consume", &lost).await.unwrap();
    assert_eq!(
        (&found["replayed"], &found["tokensRemaining"]),
        (&json!(true), &json!(90)),
        "committed before it was lost"
    );
    running.post(&client, "/__local/faults", &json!({"dropReplyPercent": 40, "seed": 3})).await.unwrap();
    let mut answer = running.license(&client, "consume", &lost).await;
    for _ in 0..50 {
        if answer.is_ok() {
            break;
        }
        answer = running.license(&client, "consume", &lost).await;
    }
    assert_eq!(answer.unwrap()["tokensRemaining"], 90);
    running.post(&client, "/__local/faults", &json!({})).await.unwrap();
}

#[tokio::test]
async fn a_kill_in_mid_load_loses_no_answered_operation() {
    let folder = Folder::new("kill");
    let mut running = start(&folder.0, &["--quiet"]).await;
    let client = Client::new();
    running.license(&client, "activate", &json!({"hwid": "desk-a"})).await.unwrap();
    let mut answered = Vec::new();
    let mut number = 0;
    for round in 0..3 {
        let load = async {
            loop {
                number += 1;
                let charge =
                    json!({"hwid": "desk-a", "amount": 1, "action": "load", "operationId": format!("op-{number}")});
                match running.license(&client, "consume", &charge).await {
                    Ok(answer) if answer["replayed"] == false => answered.push((number, answer["operation"].clone())),
                    Ok(answer) => panic!("{answer}"),
                    Err(_) => break,
                }
                if number % 20 == 0 {
                    break;
                }
            }
        };
        // Killed while the next operation is on its way.
        let _ = tokio::time::timeout(Duration::from_millis(150 + 40 * round), load).await;
        running.child.kill().await.unwrap();
        running = start(&folder.0, &["--quiet"]).await;
    }
    assert!(answered.len() > 5, "{} operations", answered.len());
    for (number, operation) in &answered {
        let charge = json!({"hwid": "desk-a", "amount": 1, "action": "load", "operationId": format!("op-{number}")});
        let again = running.license(&client, "consume", &charge).await.unwrap();
        assert_eq!((&again["replayed"], &again["operation"]), (&json!(true), operation));
    }
}

/// Waits until `is_so` of what a route tells.
async fn wait_for(running: &Running, client: &Client, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200 {
        let reply = running.get(client, path).await;
        if is_so(&reply) {
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} does not come to it");
}

#[tokio::test]
async fn changes_are_handed_on_over_a_kill_and_then_removed() {
    let folder = Folder::new("changes");
    let client = Client::new();
    let activations = |reply: &Value| {
        let notices = reply["notices"].as_array().unwrap();
        let activated = notices.iter().filter(|notice| notice["type"] == "license.activated");
        activated.map(|notice| notice["detail"]["hwid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // Nobody follows, and the process is killed.
    let mut running = start(&folder.0, &["--quiet", "--no-schedule"]).await;
    for name in ["desk-a", "desk-b"] {
        running.license(&client, "activate", &json!({ "hwid": name })).await.unwrap();
    }
    running.child.kill().await.unwrap();
    running.child.wait().await.unwrap();
    let changes = Changes::open(&folder.0.join("ltlm.db")).unwrap();
    assert!(changes.count(TABLE).unwrap() > 4, "what nobody took is there");

    // The next process hands them on, in order, and keeps none of them.
    let mut running = start(&folder.0, &["--quiet"]).await;
    let reply = wait_for(&running, &client, "/__local/notices", |reply| activations(reply).len() == 2).await;
    assert_eq!(activations(&reply), ["desk-a", "desk-b"]);
    wait_for(&running, &client, "/__local/clock", |_| changes.count(TABLE).unwrap() == 0).await;
    running.child.kill().await.unwrap();
    running.child.wait().await.unwrap();

    // And the one after that has only what is new.
    let running = start(&folder.0, &["--quiet"]).await;
    running.license(&client, "activate", &json!({"hwid": "desk-c"})).await.unwrap();
    let reply = wait_for(&running, &client, "/__local/notices", |reply| !activations(reply).is_empty()).await;
    assert_eq!(activations(&reply), ["desk-c"]);
}

#[cfg(unix)]
#[tokio::test]
async fn it_ends_cleanly_and_goes_on_where_it_was() {
    let folder = Folder::new("restart");
    let mut running = start(&folder.0, &["--quiet"]).await;
    let (secret, admin) = (running.text("/projectSecret").to_owned(), running.text("/adminKey").to_owned());
    let terminated = Command::new("kill").arg(running.child.id().unwrap().to_string()).status().await.unwrap();
    assert!(terminated.success());
    assert!(running.child.wait().await.unwrap().success());
    let mut again = start(&folder.0, &[]).await;
    assert_eq!((again.text("/projectSecret"), again.text("/adminKey")), (secret.as_str(), admin.as_str()));
    again.child.kill().await.unwrap();
    let fresh = start(&folder.0, &["--fresh"]).await;
    assert_ne!(fresh.text("/projectSecret"), secret);
}

#[tokio::test]
async fn what_the_user_can_mend_is_one_sentence_and_exit_code_2() {
    let folder = Folder::new("mend");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let file = folder.0.join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let broken = folder.0.join("broken");
    std::fs::create_dir_all(&broken).unwrap();
    std::fs::write(broken.join("demo.json"), "{").unwrap();
    let cases: [(&[&str], &Path, &str); 4] = [
        (&["--port", &port], &folder.0, "Cannot listen on"),
        (&["--port", "0"], &file, "Cannot use the data folder"),
        (&["--port", "0"], &broken, "is not JSON; --fresh starts anew"),
        (&["--port", "0", "--endpoint-url", "http://127.0.0.1:9"], &folder.0, "Cannot open the table at"),
    ];
    for (options, data, sentence) in cases {
        let output = Command::new(program("local"))
            .args(options)
            .arg("--data")
            .arg(data)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .output()
            .await
            .unwrap();
        let reply = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{reply}");
        assert!(reply.contains(sentence) && reply.lines().count() == 1, "{reply}");
    }
}

/// What it says in one line, when it cannot start, and its exit code is 2.
async fn sentence(data: &Path, options: &[&str]) -> String {
    let mut command = Command::new(program("local"));
    command.env_clear().env("RUST_BACKTRACE", "1").args(["--port", "0", "--data"]).arg(data).args(options);
    let output = tokio::time::timeout(Duration::from_secs(60), command.kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| panic!("{}, {options:?}: it runs", data.display())).unwrap();
    let reply = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), reply.lines().count()), (Some(2), 1), "{options:?}: {reply}");
    reply
}

/// A copy of a data folder at rest.
fn copy(from: &Folder, name: &str) -> Folder {
    let to = Folder::new(name);
    for entry in std::fs::read_dir(&from.0).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.0.join(entry.file_name())).unwrap();
    }
    to
}

#[tokio::test]
async fn data_that_is_damaged_or_has_lost_its_key_is_left_as_it_is() {
    let whole = Folder::new("whole");
    let mut running = start(&whole.0, &["--quiet"]).await;
    running.child.kill().await.unwrap();
    // Opened and closed, what was written is in the file itself and not beside it.
    drop(Changes::open(&whole.0.join("ltlm.db")).unwrap());
    assert!(!whole.0.join("ltlm.db-wal").exists());

    let lost = copy(&whole, "lost-key");
    std::fs::remove_file(lost.0.join("kms.key")).unwrap();
    let reply = sentence(&lost.0, &[]).await;
    assert!(reply.contains("kms.key is missing") && reply.contains("--fresh"), "{reply}");
    assert!(!lost.0.join("kms.key").exists(), "no new key is made");
    let reply = sentence(&lost.0, &["--endpoint-url", "http://127.0.0.1:9"]).await;
    assert!(reply.contains("kms.key is missing"), "the table elsewhere was filled with it: {reply}");
    std::fs::copy(whole.0.join("kms.key"), lost.0.join("kms.key")).unwrap();
    start(&lost.0, &["--quiet"]).await.child.kill().await.unwrap();

    let noise = |length: usize| (0..length).map(|i| (i * 7919 % 251) as u8).collect::<Vec<_>>();
    let bytes = std::fs::read(whole.0.join("ltlm.db")).unwrap();
    let mut scribbled = bytes.clone();
    scribbled[12_288..100_000].copy_from_slice(&noise(100_000 - 12_288));
    for (name, content) in
        [("noise", noise(50_000)), ("scribbled", scribbled), ("cut", bytes[..9_000].to_vec()), ("nothing", Vec::new())]
    {
        let damaged = copy(&whole, name);
        std::fs::write(damaged.0.join("ltlm.db"), &content).unwrap();
        let reply = sentence(&damaged.0, &[]).await;
        assert!(reply.contains("ltlm.db is damaged") && reply.contains("--fresh"), "{name}: {reply}");
        assert_eq!(std::fs::read(damaged.0.join("ltlm.db")).unwrap(), content, "{name}: a copy may be mended");
        start(&damaged.0, &["--quiet", "--fresh"]).await.child.kill().await.unwrap();
    }
}

#[tokio::test]
async fn what_another_endpoint_needs_of_the_environment_is_said() {
    let folder = Folder::new("environment");
    let home = folder.0.to_str().unwrap();
    let options = ["--endpoint-url", "http://127.0.0.1:9"];
    let reply = sentence(&folder.0, &options).await;
    assert!(reply.contains("No region for the table") && reply.contains("AWS_REGION"), "{reply}");
    let mut command = Command::new(program("local"));
    command.env_clear().envs([("AWS_REGION", "eu-west-1"), ("AWS_EC2_METADATA_DISABLED", "true"), ("HOME", home)]);
    let output = command.args(["--port", "0", "--data", home]).args(options).output().await.unwrap();
    let reply = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), reply.lines().count()), (Some(2), 1), "{reply}");
    assert!(reply.contains("No credentials for the table") && reply.contains("AWS_ACCESS_KEY_ID"), "{reply}");
}

#[tokio::test]
async fn a_data_folder_has_one_server() {
    let folder = Folder::new("one");
    let mut running = start(&folder.0, &["--quiet"]).await;
    for options in [&[][..], &["--fresh"]] {
        let reply = sentence(&folder.0, options).await;
        assert!(reply.starts_with("Another server is using the data folder") && reply.contains("--data"), "{reply}");
    }
    let client = Client::new();
    assert_eq!(running.get(&client, "/health").await["status"], "ok");
    running.license(&client, "activate", &json!({"hwid": "desk-a"})).await.unwrap();
    running.child.kill().await.unwrap();
    start(&folder.0, &["--quiet"]).await;
}

#[tokio::test]
async fn the_clock_stays_where_it_was_moved_to() {
    let folder = Folder::new("clock");
    let client = Client::new();
    let day = async |running: &Running| {
        let now = running.get(&client, "/__local/clock").await["now"].as_str().unwrap().to_owned();
        now[..10].to_owned()
    };
    let mut running = start(&folder.0, &["--quiet"]).await;
    let today = day(&running).await;
    running.post(&client, "/__local/clock", &json!({"now": "2040-02-01T12:00:00Z"})).await.unwrap();
    running.post(&client, "/__local/clock", &json!({"advanceSeconds": 86_400})).await.unwrap();
    running.child.kill().await.unwrap();
    let mut running = start(&folder.0, &["--quiet"]).await;
    assert_eq!(day(&running).await, "2040-02-02");
    running.child.kill().await.unwrap();
    std::fs::write(folder.0.join("clock.json"), "noon").unwrap();
    assert!(sentence(&folder.0, &[]).await.contains("clock.json is not a clock's offset; --fresh starts anew"));
    let running = start(&folder.0, &["--quiet", "--fresh"]).await;
    assert!(day(&running).await >= today && !day(&running).await.starts_with("2040"));
}

#[tokio::test]
async fn pages_of_other_sites_use_no_switch() {
    let folder = Folder::new("pages");
    let running = start(&folder.0, &["--quiet"]).await;
    let client = Client::new();
    let base = running.text("/baseUrl").to_owned();
    let port = base.rsplit(':').next().unwrap();
    let (own, rebound) = (format!("localhost:{port}"), format!("evil.example:{port}"));
    let switches = [
        ("GET", "clock"),
        ("POST", "clock"),
        ("POST", "faults"),
        ("GET", "outbox"),
        ("GET", "events"),
        ("GET", "notices"),
        ("GET", "units"),
        ("GET", "queue"),
        ("POST", "schedules/renewals/run"),
        ("GET", "pay/cs_local_1"),
        ("POST", "pay/cs_local_1"),
        ("GET", "nothing"),
    ];
    let now = running.get(&client, "/__local/clock").await["now"].as_str().unwrap()[..10].to_owned();
    for (method, switch) in switches {
        let url = format!("{base}/__local/{switch}");
        let ask = |name: &'static str, value: &str| {
            let body = r#"{"advanceSeconds": 100000, "dropReplyPercent": 100}"#;
            client.request(method.parse().unwrap(), &url).header(name, value).body(body).send()
        };
        for answer in [ask("origin", "https://evil.example"), ask("origin", "null"), ask("host", &rebound)] {
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), 403, "{method} {switch}");
            assert!(answer.text().await.unwrap().contains("not from a page of another site"));
        }
        assert_ne!(ask("host", &own).await.unwrap().status(), 403, "{method} {switch}");
    }
    // The one that was of this machine moved the clock, and lost replies; no other did.
    running.post(&client, "/__local/faults", &json!({})).await.unwrap();
    let moved = running.get(&client, "/__local/clock").await["now"].as_str().unwrap()[..10].to_owned();
    assert_ne!(moved, now);
    // The product's own routes are open to pages from anywhere, as in the cloud.
    let health = client.get(format!("{base}/health")).header("origin", "https://game.example");
    assert_eq!(health.header("host", &rebound).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_table_that_is_there_is_not_created() {
    use axum::http::HeaderMap;
    use axum::{Json, Router, routing::post};
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = asked.clone();
    let answer = post(async move |headers: HeaderMap| {
        let target = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
        seen.lock().unwrap().push(target);
        Json(json!({"Table": {"TableName": TABLE, "TableStatus": "ACTIVE"}}))
    });
    let endpoint = local::endpoint::Endpoint::serve("table", Router::new().route("/", answer)).await.unwrap();
    let client = aws_sdk_dynamodb::Client::new(&local::wiring::sdk_config(endpoint.url(), false).await);
    shared::table::schema::create_if_absent(&client, TABLE).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["DescribeTable"]);

    // And one that is not there is.
    let engine = local::engine::Engine::start(local::engine::Storage::Memory).await.unwrap();
    let client = aws_sdk_dynamodb::Client::new(&local::wiring::sdk_config(engine.endpoint(), false).await);
    for _ in 0..2 {
        shared::table::schema::create_if_absent(&client, TABLE).await.unwrap();
        assert_eq!(client.list_tables().send().await.unwrap().table_names(), [TABLE]);
    }
}

#[tokio::test]
async fn data_of_another_version_is_told_and_can_be_left() {
    let folder = Folder::new("older");
    let mut older = start(&folder.0, &["--quiet", "--demo", "none"]).await;
    // Another version's demo had another name.
    let url = format!("{}/v1/admin/projects", older.text("/baseUrl"));
    let making = Client::new().post(url).bearer_auth(older.text("/adminKey")).header("idempotency-key", "demo-project");
    assert_eq!(making.json(&json!({"name": "Older"})).send().await.unwrap().status(), 201);
    older.child.kill().await.unwrap();
    let output = Command::new(program("local")).args(["--port", "0", "--data"]).arg(&folder.0).output().await.unwrap();
    let reply = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(reply.contains("IDEMPOTENCY_KEY_REUSED") && reply.trim_end().ends_with("--fresh starts anew."), "{reply}");
    assert!(start(&folder.0, &["--fresh"]).await.text("/licenses/SUB").starts_with("LIC-"));
}

#[tokio::test]
async fn another_dynamodb_endpoint_serves_as_well() {
    let engine = local::engine::Engine::start(local::engine::Storage::Memory).await.unwrap();
    let folder = Folder::new("external");
    // SAFETY of the environment: the credentials are passed to the child only.
    let mut child = Command::new(program("local"))
        .args(["--port", "0", "--quiet", "--endpoint-url", engine.endpoint(), "--data"])
        .arg(&folder.0)
        .envs([("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.starts_with("LTLM is ready"), "{line}");
    assert!(!folder.0.join("ltlm.db").exists());
}
