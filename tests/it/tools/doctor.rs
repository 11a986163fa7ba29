//! `ltlm doctor` as a vendor meets it: the real program, against the local server and against nothing.

use std::process::{Output, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{ADMIN_KEY, program};
use crate::tools::local_server::{Folder, Running, start};

struct Checkup {
    folder: Folder,
    running: Running,
}

impl Checkup {
    async fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let running = start(&folder.0, &["--quiet"]).await;
        Self { folder, running }
    }

    async fn local(&self, path: &str, body: Value) {
        self.running.post(&Client::new(), path, &body).await.unwrap();
    }

    /// Exit code and findings.
    async fn findings(&self, arguments: &[&str]) -> (i32, Findings) {
        let demo = self.folder.0.join("demo.json");
        reply(run(&[&["--local", demo.to_str().unwrap(), "--json", "doctor"], arguments].concat(), &[]).await)
    }
}

async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program("ltlm"));
    command.env_clear().envs(environment.iter().copied()).stdin(Stdio::null()).args(arguments);
    command.output().await.unwrap()
}

struct Findings(Value);

impl Findings {
    /// Outcome and sentence of a check.
    fn of(&self, check: &str) -> (&str, &str) {
        let rows = self.0["checks"].as_array().unwrap();
        let row = rows.iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("{check}: {:#}", self.0));
        assert_eq!(row["advice"].is_null(), row["outcome"] == "ok", "{row}");
        (row["outcome"].as_str().unwrap(), row["seen"].as_str().unwrap())
    }

    /// Checks that did not come out well.
    fn unwell(&self) -> Vec<&str> {
        let rows = self.0["checks"].as_array().unwrap().iter();
        rows.filter(|row| row["outcome"] != "ok").map(|row| row["check"].as_str().unwrap()).collect()
    }
}

fn reply(output: Output) -> (i32, Findings) {
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"));
    (output.status.code().unwrap(), Findings(value))
}

#[tokio::test]
async fn a_deployment_that_is_well_is_told_so() {
    let checkup = Checkup::new("doctor-well").await;
    let (code, findings) = checkup.findings(&[]).await;
    assert_eq!((code, findings.unwell()), (0, vec!["schedules"]), "no hour is over: {:#}", findings.0);
    assert!(findings.of("schedules").1.starts_with("none has run yet"));
    assert_eq!(findings.0["outcome"], "warning");
    checkup.local("/__local/schedules/renewals/run", json!({})).await;
    let (code, findings) = checkup.findings(&["--mail-to", "ada@example.com"]).await;
    assert_eq!((code, findings.unwell()), (0, Vec::new()), "{:#}", findings.0);
    assert!(findings.of("mail").1.contains("has the test mail to ada@example.com"));
    let outbox =
        Client::new().get(format!("{}/__local/outbox", checkup.running.text("/baseUrl"))).send().await.unwrap();
    assert_eq!(outbox.json::<Value>().await.unwrap()["mails"][0]["subject"], "Test mail");
    // With the prefix, for people, and in a dry run.
    let url = format!("{}/api/", checkup.running.text("/baseUrl"));
    let key = [("LTLM_ADMIN_KEY", checkup.running.text("/adminKey"))];
    let output = run(&["--url", &url, "doctor", "--mail-to", "ada@example.com", "--dry-run"], &key).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("ok       health  "), "{text}");
    assert!(text.contains("would send POST /v1/admin/test-mails"), "{text}");
}

#[tokio::test]
async fn what_is_wrong_within_is_told_with_what_to_do() {
    let checkup = Checkup::new("doctor-ill").await;
    checkup.local("/__local/faults", json!({"throttlePercent": 100})).await;
    let (code, findings) = checkup.findings(&[]).await;
    assert_eq!((code, findings.unwell()), (1, vec!["table", "schedules", "webhooks"]), "{:#}", findings.0);
    assert_eq!(findings.of("table"), ("failed", "the table does not answer in time"));
    checkup.local("/__local/faults", json!({})).await;

    let project = checkup.running.text("/projectId").to_owned();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let demo = checkup.folder.0.join("demo.json");
    let order = ["--local", demo.to_str().unwrap(), "webhooks", "create", &format!("http://{nobody}/hook")];
    assert!(run(&order, &[]).await.status.success());
    checkup.running.license(&Client::new(), "activate", &json!({"hwid": "desk-a"})).await.unwrap();
    let (mut code, mut findings) = checkup.findings(&[]).await;
    for _ in 0..100 {
        if findings.of("webhooks").0 == "failed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        (code, findings) = checkup.findings(&[]).await;
    }
    let (outcome, seen) = findings.of("webhooks");
    assert!(code == 1 && outcome == "failed" && seen.contains(&project) && seen.contains("no connection"), "{seen}");

    // Two clocks that are ten minutes apart.
    checkup.local("/__local/clock", json!({"advanceSeconds": 600})).await;
    let (code, findings) = checkup.findings(&[]).await;
    let (outcome, seen) = findings.of("clock");
    assert!(code == 1 && outcome == "failed" && seen.contains("ahead of this machine's"), "{seen}");
}

#[tokio::test]
async fn what_is_wrong_on_the_way_is_told_in_a_sentence() {
    let checkup = Checkup::new("doctor-way").await;
    let url = checkup.running.text("/baseUrl").to_owned();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stranger = axum::Router::new().fallback(async || "hello");
    let stranger = local::endpoint::Endpoint::serve("stranger", stranger).await.unwrap();
    let (key, other) = (checkup.running.text("/adminKey"), ADMIN_KEY);
    let cases = [
        (url.replace("http:", "https:"), key, "health", "speaks no TLS"),
        (format!("http://{nobody}"), key, "health", "nothing listens there"),
        ("http://nowhere.invalid".to_owned(), key, "health", "there is no host of this name"),
        ("nonsense".to_owned(), key, "health", "this is no address"),
        (format!("{url}/prod"), key, "health", "there is no such route"),
        (stranger.url().to_owned(), key, "health", "not as LTLM does"),
        (url, other, "key", "does not know this administrator key"),
    ];
    for (url, key, check, sentence) in cases {
        let output = run(&["--url", &url, "--json", "doctor"], &[("LTLM_ADMIN_KEY", key)]).await;
        let (code, findings) = reply(output);
        let (outcome, seen) = findings.of(check);
        assert!(code == 1 && outcome == "failed" && seen.contains(sentence), "{url}: {:#}", findings.0);
        assert!(!findings.0.to_string().contains(key), "a key is never told");
    }
    // What the user can mend before anything is asked.
    for arguments in [&["--url", "http://127.0.0.1:1", "doctor"][..], &["doctor", "--stage", "prod"]] {
        assert_eq!(run(arguments, &[]).await.status.code(), Some(2), "{arguments:?}");
    }
    // AWS is asked for what there is a region and a key for.
    let demo = checkup.folder.0.join("demo.json");
    let aws = ["--local", demo.to_str().unwrap(), "--json", "doctor", "--aws"];
    let (code, findings) = reply(run(&aws, &[]).await);
    assert_eq!((code, findings.of("aws")), (1, ("failed", "no region")));
    let nothing = [("AWS_REGION", "eu-west-1"), ("AWS_EC2_METADATA_DISABLED", "true")];
    let (code, findings) = reply(run(&aws, &nothing).await);
    assert_eq!((code, findings.of("aws")), (1, ("failed", "no credentials")));
}
