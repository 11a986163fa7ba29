//! `ltlm` as a vendor meets it: the real program, against the local server.

use std::process::{Output, Stdio};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::program;
use crate::tools::local_server::{Folder, Running, start};

/// A vendor at a terminal.
struct Vendor {
    folder: Folder,
    running: Running,
}

impl Vendor {
    async fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let running = start(&folder.0, &["--quiet"]).await;
        Self { folder, running }
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(program("ltlm"));
        command.env_clear().stdin(Stdio::null()).arg("--local").arg(self.folder.0.join("demo.json")).args(arguments);
        command.output().await.unwrap()
    }

    /// What it prints; it must succeed.
    async fn output(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.output(&[arguments, &["--json"]].concat()).await).unwrap()
    }

    /// What it says when it fails, and its exit code.
    async fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments).await;
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn project(&self) -> &str {
        self.running.text("/projectId")
    }
}

#[tokio::test]
async fn a_vendor_sells_and_serves_from_a_terminal() {
    let vendor = Vendor::new("cli").await;
    let project = vendor.project().to_owned();
    assert!(vendor.output(&["projects", "list"]).await.contains("Demo"));
    let policy = json!({"name": "STUDIO", "type": "perpetual", "config": {"limits": {"devices": {"maxDevices": 2},
        "seats": {"enabled": true, "maxSeats": 1}, "tokens": {"enabled": true, "maxTokens": 10}}}});
    let file = vendor.folder.0.join("policy.json");
    std::fs::write(&file, policy.to_string()).unwrap();
    let made = vendor.json(&["policies", "create", &project, file.to_str().unwrap()]).await;
    let number = made["PolicyID"].to_string();
    assert!(vendor.output(&["policies", "list", &project]).await.contains("STUDIO"));
    let change = r#"{"description": "For studios.", "config": {"limits": {"seats": {"maxSeats": 2}}}}"#;
    let (code, said) = vendor.refused(&["policies", "update", &number, change]).await;
    assert!(code == 2 && said.contains("add --yes"), "{said}");
    let output = vendor.output(&["policies", "update", &number, change, "--dry-run"]).await;
    assert!(
        output.contains("config.limits.seats.maxSeats: 1 -> 2\n") && output.contains("would send PATCH"),
        "{output}"
    );
    assert!(!vendor.output(&["policies", "show", &number]).await.contains("For studios."));
    let output = vendor.output(&["policies", "update", &number, change, "--yes"]).await;
    assert!(
        output.starts_with("config.limits.seats.maxSeats: 1 -> 2\n") || output.starts_with("description: "),
        "{output}"
    );
    let back = r#"{"config": {"limits": {"seats": {"maxSeats": 1}}}}"#;
    vendor.json(&["policies", "update", &number, back, "--yes"]).await;
    assert!(vendor.output(&["policies", "update", &number, back]).await.starts_with("no difference"));
    assert!(vendor.output(&["policies", "show", &number]).await.contains("For studios."));

    let out = vendor.folder.0.join("keys.txt");
    let issue = ["licenses", "issue", &project, "--policy", &number, "--count", "250", "--email", "ada@studio.example"];
    let output = vendor.output(&[&issue[..], &["--out", out.to_str().unwrap()]].concat()).await;
    let keys: Vec<_> = std::fs::read_to_string(&out).unwrap().lines().map(str::to_owned).collect();
    assert!(keys.len() == 250 && output.contains("250 keys are in"), "{output}");
    let listed = vendor.json(&["licenses", "list", &project, "--email", "ADA@studio.example", "--all"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 250);

    let key = &keys[0];
    let client = Client::new();
    for hwid in ["a", "b"] {
        let path = format!("/v1/sdk/license/{key}/activate");
        vendor.running.post(&client, &path, &json!({"hwid": hwid, "nickname": format!("Desk {hwid}")})).await.unwrap();
    }
    let seats = vendor.output(&["licenses", "seats", key]).await;
    assert!(seats.contains("Desk a") && seats.ends_with("1 of 1 seats held\n"), "{seats}");
    assert!(vendor.output(&["licenses", "kick", key, "a"]).await.contains("0 of 1 seats held"));
    vendor.output(&["licenses", "name-device", key, "b", "Render node"]).await;
    assert!(vendor.output(&["licenses", "devices", key]).await.contains("Render node"));
    assert!(
        vendor.output(&["licenses", "tokens", key, "-4", "--reason", "refund", "--yes"]).await.contains("balance    6")
    );
    assert!(vendor.output(&["licenses", "usage", key]).await.contains("refund"));
    assert!(vendor.output(&["licenses", "update", key, "--email", "grace@studio.example"]).await.contains("grace@"));
    assert_eq!(vendor.output(&["licenses", "suspend", key, "--reason", "chargeback"]).await, "1 suspended\n");
    assert!(vendor.output(&["licenses", "show", key]).await.contains("suspended"));
    assert_eq!(vendor.output(&["licenses", "resume", "--from", out.to_str().unwrap()]).await, "250 resumed\n");
    vendor.output(&["licenses", "remove-device", key, "b", "--yes"]).await;
    assert!(!vendor.output(&["licenses", "devices", key]).await.contains("Render node"));
    assert_eq!(vendor.output(&["licenses", "revoke", key, "--yes"]).await, "1 revoked\n");

    let secret = vendor.json(&["projects", "add-secret", &project]).await;
    vendor.output(&["projects", "retire-secret", &project, secret["secretId"].as_str().unwrap(), "--yes"]).await;
    assert!(vendor.output(&["audit"]).await.contains("admin-retire-secret"));
}

#[tokio::test]
async fn an_offline_file_is_written_for_its_devices() {
    let vendor = Vendor::new("cli-file").await;
    let air = vendor.running.text("/licenses/AIR").to_owned();
    let out = vendor.folder.0.join("customer.ltlm");
    let order = ["licenses", "file", &air, "machine-1", "--out", out.to_str().unwrap()];
    let output = vendor.output(&[&order[..], &["--dry-run"]].concat()).await;
    assert!(output.starts_with("would send POST") && !out.exists(), "{output}");
    assert!(vendor.output(&order).await.contains("is for 1 devices"));
    let secret = ltlm_protocol::envelope::key_of_secret(vendor.running.text("/projectSecret")).unwrap();
    let (_, file) = ltlm_protocol::envelope::decrypt(&secret, &std::fs::read_to_string(&out).unwrap()).unwrap();
    let key = crate::support::public_key(vendor.running.text("/publicKeyPem"));
    let members = ltlm_protocol::envelope::verify(&key, file).unwrap();
    assert_eq!(members["data"]["machines"][0]["hwid"], "machine-1");
    assert!(vendor.output(&["licenses", "devices", &air]).await.contains("machine-1"));
}

#[tokio::test]
async fn a_file_to_write_is_opened_before_anything_is_issued() {
    let vendor = Vendor::new("cli-out").await;
    let (project, air) = (vendor.project().to_owned(), vendor.running.text("/licenses/AIR").to_owned());
    let nowhere = vendor.folder.0.join("no-such-folder").join("out");
    let folder = vendor.folder.0.clone();
    for place in [&nowhere, &folder] {
        let place = place.to_str().unwrap();
        let issue = ["licenses", "issue", &project, "--policy", "1", "--count", "3", "--out", place];
        let file = ["licenses", "file", &air, "machine-1", "--out", place];
        for order in [&issue[..], &file[..]] {
            let (code, said) = vendor.refused(order).await;
            assert!(code == 2 && said.starts_with("Cannot write") && said.contains("Nothing was sent"), "{said}");
        }
    }
    assert_eq!(vendor.json(&["licenses", "list", &project]).await.as_array().unwrap().len(), 3, "none was issued");
    assert!(!vendor.output(&["licenses", "devices", &air]).await.contains("machine-1"), "none was registered");

    // What the deployment refuses leaves a file as it was, and makes none.
    let (kept, made) = (folder.join("kept"), folder.join("made"));
    std::fs::write(&kept, "a much longer text than what is written there").unwrap();
    for place in [&kept, &made] {
        let out = ["--out", place.to_str().unwrap()];
        let refused = ["licenses", "issue", &project, "--policy", "999"];
        assert_eq!(vendor.refused(&[&refused[..], &out].concat()).await.0, 1);
        assert_eq!(vendor.refused(&[&["licenses", "file", "NOPE", "machine-1"][..], &out].concat()).await.0, 1);
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "a much longer text than what is written there");
    assert!(!made.exists());
    vendor.output(&["licenses", "issue", &project, "--policy", "1", "--out", kept.to_str().unwrap()]).await;
    assert_eq!(std::fs::read_to_string(&kept).unwrap().trim_end().len(), 20, "one key and nothing of before");
}

#[tokio::test]
async fn keys_are_made_and_work_from_the_environment() {
    let vendor = Vendor::new("cli-keys").await;
    let made = vendor.json(&["keys", "create", "--scopes", "read,tokens", "--name", "ci"]).await;
    let (key, id) = (made["key"].as_str().unwrap(), made["keyId"].as_str().unwrap());
    let url = vendor.running.text("/baseUrl");
    let with_key = async |arguments: &[&str]| {
        let mut command = Command::new(program("ltlm"));
        command.env_clear().env("LTLM_URL", url).env("LTLM_ADMIN_KEY", key).args(arguments);
        command.output().await.unwrap()
    };
    let license = vendor.running.text("/licenses/SUB");
    assert!(with_key(&["licenses", "show", license]).await.status.success());
    let refused = with_key(&["licenses", "suspend", license]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("FORBIDDEN"));
    vendor.output(&["keys", "revoke", id, "--yes"]).await;
    assert!(!with_key(&["licenses", "show", license]).await.status.success());
    assert!(vendor.output(&["keys", "list"]).await.contains(id));
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_destroying_takes_a_yes() {
    let vendor = Vendor::new("cli-dry").await;
    let license = vendor.running.text("/licenses/SUB").to_owned();
    let before = vendor.json(&["licenses", "show", &license]).await;
    let output = vendor.output(&["licenses", "revoke", &license, "--dry-run"]).await;
    assert_eq!(output, format!("would send PATCH /v1/admin/licenses/{license} {{\"state\":\"revoked\"}}\n"));
    vendor.output(&["licenses", "issue", vendor.project(), "--policy", "1", "--count", "300", "--dry-run"]).await;
    for arguments in [["licenses", "revoke", &license], ["licenses", "terminate", &license]] {
        let (code, said) = vendor.refused(&arguments).await;
        assert!(code == 2 && said.contains("add --yes"), "{said}");
    }
    let (code, said) = vendor.refused(&["licenses", "remove-device", &license, "a"]).await;
    assert!(code == 2 && said.contains("add --yes"), "{said}");
    assert_eq!(vendor.json(&["licenses", "show", &license]).await, before);
    assert_eq!(vendor.json(&["licenses", "list", vendor.project()]).await.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_dry_run_is_judged_by_the_deployment() {
    let vendor = Vendor::new("cli-judged").await;
    let (project, license) = (vendor.project().to_owned(), vendor.running.text("/licenses/SUB").to_owned());
    let refused: &[(&[&str], &str)] = &[
        (&["licenses", "suspend", "NOPE"], "LICENSE_NOT_FOUND"),
        (&["licenses", "update", &license, "--policy", "999"], "POLICY_NOT_FOUND"),
        (&["licenses", "tokens", &license, "0", "--reason", "x"], "BAD_REQUEST"),
        (&["licenses", "issue", &project, "--policy", "999"], "POLICY_NOT_FOUND"),
        (&["licenses", "issue", "prj_0000000000000000", "--policy", "1"], "PROJECT_NOT_FOUND"),
        (&["policies", "create", &project, r#"{"name": "", "type": "rent"}"#], "type must be one of"),
        (&["projects", "update", &project, "--settings", r#"{"nothing": 1}"#], "BAD_REQUEST"),
        (&["keys", "revoke", "nothing"], "KEY_NOT_FOUND"),
        (&["webhooks", "remove", "nothing"], "WEBHOOK_NOT_FOUND"),
        (&["developers", "update", "nobody@example.com", "--disabled", "true"], "DEVELOPER_NOT_FOUND"),
        (&["accounts", "debit", "nobody", "5"], "ACCOUNT_NOT_FOUND"),
    ];
    for (order, code) in refused {
        let order = [order, &["--dry-run"][..]].concat();
        let (status, said) = vendor.refused(&order).await;
        assert!(status == 1 && said.contains(code), "{order:?}: {said}");
    }
    let taken: &[&[&str]] = &[
        &["licenses", "suspend", &license],
        &["licenses", "issue", &project, "--policy", "1", "--count", "250"],
        &["policies", "create", &project, r#"{"name": "NEW", "type": "perpetual"}"#],
        &["projects", "create", "--name", "Another"],
        &["keys", "create", "--scopes", "read"],
        &["webhooks", "create", "https://hooks.example.com/"],
    ];
    let state = async || {
        let mut output = String::new();
        for list in [&["audit"][..], &["licenses", "list", &project, "--all"], &["policies", "list", &project]] {
            output.push_str(&vendor.output(list).await);
        }
        output
    };
    let before = state().await;
    for order in taken {
        assert!(vendor.output(&[order, &["--dry-run"][..]].concat()).await.starts_with("would send "), "{order:?}");
    }
    assert_eq!(state().await, before);
    // Of a file, each line that would fail.
    let file = vendor.folder.0.join("keys");
    std::fs::write(&file, format!("{license}\nNOPE\n")).unwrap();
    let (_, said) = vendor.refused(&["licenses", "suspend", "--from", file.to_str().unwrap(), "--dry-run"]).await;
    assert!(said.contains("NOPE: LICENSE_NOT_FOUND") && said.contains("1 of 2 would fail."), "{said}");
}

#[tokio::test]
async fn mistakes_are_told_in_a_sentence() {
    let vendor = Vendor::new("cli-wrong").await;
    let (code, said) =
        vendor.refused(&["policies", "create", vendor.project(), r#"{"name": "", "type": "rent"}"#]).await;
    assert!(code == 1 && said.contains("\n  name must be") && said.contains("\n  type must be one of"), "{said}");
    let (code, said) = vendor.refused(&["policies", "create", vendor.project(), "no-such-file.json"]).await;
    assert!(code == 2 && said.starts_with("Cannot read no-such-file.json"), "{said}");
    let (code, said) = vendor.refused(&["policies", "create", vendor.project(), "{oops"]).await;
    assert!(code == 2 && said.contains("is not JSON"), "{said}");
    let (code, said) = vendor.refused(&["licenses", "show", "NOPE"]).await;
    assert!(code == 1 && said.starts_with("LICENSE_NOT_FOUND"), "{said}");
    let (_, said) = vendor.refused(&["licenses", "suspend", "NOPE", vendor.running.text("/licenses/SUB")]).await;
    assert!(said.contains("NOPE: LICENSE_NOT_FOUND") && said.contains("1 of 2 failed"), "{said}");
    let nowhere = async |arguments: &[&str]| {
        let mut command = Command::new(program("ltlm"));
        command.env_clear().current_dir(&vendor.folder.0).args(["--local", "none.json"]).args(arguments);
        let output = command.output().await.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = nowhere(&["projects", "list"]).await;
    assert!(code == Some(2) && said.starts_with("No deployment: set LTLM_URL"), "{said}");
    let (code, said) = nowhere(&["projects", "list", "--url", "http://127.0.0.1:1"]).await;
    assert!(code == Some(2) && said.starts_with("No administrator key"), "{said}");
    let file = vendor.folder.0.join("key");
    std::fs::write(&file, "ltlm_admin_x\n").unwrap();
    let (code, said) =
        nowhere(&["projects", "list", "--url", "http://127.0.0.1:1", "--admin-key-file", file.to_str().unwrap()]).await;
    assert!(code == Some(1) && said.contains("does not answer"), "{said}");
}

#[tokio::test]
async fn bulk_work_survives_lost_replies_and_is_done_once() {
    let vendor = Vendor::new("cli-faults").await;
    let client = Client::new();
    let faults = json!({"dropReplyPercent": 25, "throttlePercent": 10, "seed": 5});
    vendor.running.post(&client, "/__local/faults", &faults).await.unwrap();
    let issue = ["licenses", "issue", vendor.project(), "--policy", "2", "--count", "350", "--operation-id", "night"];
    let first = vendor.json(&issue).await;
    vendor.running.post(&client, "/__local/faults", &json!({})).await.unwrap();
    assert_eq!(first.as_array().unwrap().len(), 350);
    assert_eq!(vendor.json(&issue).await, first, "sent again, it tells the same licenses");
    let listed = vendor.json(&["licenses", "list", vendor.project(), "--policy", "2", "--all"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 351);
}

#[tokio::test]
async fn a_vendor_looks_after_the_store_from_a_terminal() {
    let vendor = Vendor::new("cli-store").await;
    assert_eq!(vendor.output(&["orders", "list"]).await.trim(), "none");
    let secret = vendor.running.text("/projectSecret").to_owned();
    let base = vendor.running.text("/baseUrl").to_owned();
    let ordered = Client::new()
        .post(format!("{base}/v1/sdk/project/checkout-link"))
        .header("x-project-secret", secret)
        .json(&json!({"policyId": "sub", "customerEmail": "grace@example.com"}));
    assert_eq!(ordered.send().await.unwrap().status(), 200);
    let orders = vendor.json(&["orders", "list"]).await;
    assert_eq!((&orders[0]["status"], &orders[0]["email"]), (&json!("open"), &json!("grace@example.com")));
    assert!(vendor.output(&["orders", "show", orders[0]["orderId"].as_str().unwrap()]).await.contains("9.99"));

    assert_eq!(vendor.output(&["events", "list"]).await.trim(), "none");
    assert_eq!(vendor.output(&["events", "count"]).await.trim(), "none");
    assert_eq!(vendor.refused(&["events", "list", "--day", "yesterday"]).await.0, 1);

    let made = vendor.json(&["webhooks", "create", "https://hooks.example.com/", "--kinds", "order.paid"]).await;
    let id = made["webhookId"].as_str().unwrap();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(vendor.output(&["webhooks", "list"]).await.contains("order.paid"));
    assert_ne!(vendor.json(&["webhooks", "rotate", id]).await["secret"], made["secret"]);
    assert_eq!(vendor.output(&["webhooks", "dead-letters", id]).await.trim(), "none");
    assert_eq!(vendor.output(&["webhooks", "notices"]).await.trim(), "none");
    assert!(vendor.output(&["webhooks", "replay", id, "--dead-letters"]).await.contains("sent again"));
    assert_eq!(vendor.refused(&["webhooks", "remove", id]).await.0, 2, "it asks first");
    vendor.output(&["webhooks", "remove", id, "--yes"]).await;

    // A password comes by standard input, and never stands among the arguments.
    let typed = async |arguments: &[&str], password: &str| {
        let mut command = Command::new(program("ltlm"));
        command.env_clear().arg("--local").arg(vendor.folder.0.join("demo.json")).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut input, password.as_bytes()).await.unwrap();
        drop(input);
        child.wait_with_output().await.unwrap()
    };
    let made = typed(&["developers", "create", "dee@example.com", "--full-name", "Dee"], "correct horse\n").await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let short = typed(&["developers", "create", "dan@example.com"], "short\n").await;
    assert!(String::from_utf8_lossy(&short.stderr).contains("password must be 12 to 200 characters"));
    vendor.output(&["developers", "update", "dee@example.com", "--disabled", "true"]).await;
    assert_eq!(vendor.json(&["developers", "list"]).await[0]["disabled"], true);
}

/// The program at a terminal of its own: what it asks for, and what is typed then. What the terminal showed, and whether the program
/// succeeded.
#[cfg(unix)]
async fn at_a_terminal(vendor: &Vendor, arguments: &[&str], typed: &[(&str, &str)]) -> (String, bool) {
    let local = vendor.folder.0.join("demo.json");
    let ltlm = program("ltlm");
    let words = [ltlm.to_str().unwrap(), "--local", local.to_str().unwrap()].into_iter();
    let line = words.chain(arguments.iter().copied()).map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let named = vendor.folder.0.join("tty");
    let line = format!("tty > '{}'; exec {line}", named.display());
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("script, of util-linux");
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = String::new();
    let mut buffer = [0; 1_024];
    for (asks, answer) in typed {
        while !shown.ends_with(asks) {
            let read = tokio::io::AsyncReadExt::read(&mut output, &mut buffer);
            let read = tokio::time::timeout(std::time::Duration::from_secs(30), read).await;
            let count = read.unwrap_or_else(|_| panic!("{asks} is not asked: {shown}")).unwrap();
            assert!(count > 0, "{asks} is not asked: {shown}");
            shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        // Typed before the terminal hides it, a password would be shown.
        while !asks.starts_with("Type yes") {
            let terminal = std::fs::read_to_string(&named).unwrap();
            let settings = Command::new("stty").args(["-F", terminal.trim(), "-a"]).output().await.unwrap();
            if String::from_utf8_lossy(&settings.stdout).contains(" -echo ") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        tokio::io::AsyncWriteExt::write_all(&mut input, format!("{answer}\n").as_bytes()).await.unwrap();
    }
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut output, &mut rest).await.unwrap();
    shown.push_str(&String::from_utf8_lossy(&rest));
    (shown, child.wait().await.unwrap().success())
}

#[cfg(unix)]
#[tokio::test]
async fn who_sits_at_a_terminal_is_asked_and_shows_no_password() {
    let vendor = Vendor::new("cli-terminal").await;
    let create = ["developers", "create", "eve@example.com"];
    let typed = [("Password: ", "correct horse battery"), ("The same again: ", "correct horse bat")];
    let (shown, is_done) = at_a_terminal(&vendor, &create, &typed).await;
    assert!(!is_done && shown.contains("not the same. Nothing was sent."), "{shown}");
    let typed = [("Password: ", "correct horse battery"), ("The same again: ", "correct horse battery")];
    let (shown, is_done) = at_a_terminal(&vendor, &create, &typed).await;
    assert!(is_done && shown.contains("eve@example.com") && !shown.contains("correct horse"), "{shown}");
    let typed = [("Password: ", "another horse battery"), ("The same again: ", "another horse battery")];
    let (shown, is_done) =
        at_a_terminal(&vendor, &["developers", "update", "eve@example.com", "--password"], &typed).await;
    assert!(is_done && !shown.contains("another horse"), "{shown}");

    let license = vendor.running.text("/licenses/SUB").to_owned();
    let left = async || vendor.json(&["licenses", "show", &license]).await["tokensRemaining"].clone();
    let take = ["licenses", "tokens", &license, "-30", "--reason", "mistake"];
    let (shown, is_done) = at_a_terminal(&vendor, &take, &[("Type yes to go on: ", "no")]).await;
    assert!(!is_done && left().await == 100, "{shown}");
    let (shown, is_done) = at_a_terminal(&vendor, &take, &[("Type yes to go on: ", "yes")]).await;
    assert!(is_done && left().await == 70, "{shown}");
}

#[tokio::test]
async fn taking_away_takes_a_yes() {
    let vendor = Vendor::new("cli-negative").await;
    let license = vendor.running.text("/licenses/SUB").to_owned();
    let take = ["licenses", "tokens", &license, "-30", "--reason", "mistake"];
    let shorten = ["licenses", "extend", &license, "--days", "-10"];
    for (order, sentence) in [(&take[..], "30 tokens are taken"), (&shorten, "end 10 days sooner")] {
        let (code, said) = vendor.refused(order).await;
        assert!(code == 2 && said.contains(sentence) && said.contains("add --yes"), "{said}");
        assert!(!said.contains("operation id"), "nothing is sent: {said}");
    }
    assert_eq!(vendor.json(&["licenses", "show", &license]).await["tokensRemaining"], 100);
    assert_eq!(vendor.json(&[&take[..], &["--yes"]].concat()).await["balanceAfter"], 70);
    vendor.output(&["licenses", "tokens", &license, "30", "--reason", "back"]).await;
}

#[tokio::test]
async fn a_list_that_is_cut_says_so_beside_it() {
    let vendor = Vendor::new("cli-more").await;
    let project = vendor.project().to_owned();
    for name in ["ada", "bob", "carl"] {
        vendor.output(&["accounts", "create", name]).await;
    }
    let lists: &[&[&str]] =
        &[&["accounts", "list"], &["policies", "list", &project], &["licenses", "list", &project], &["audit"]];
    for list in lists {
        let (cut, whole) = (vendor.run(&[list, &["--limit", "2"][..]].concat()).await, vendor.run(list).await);
        let said = String::from_utf8(cut.stderr).unwrap();
        assert!(said.contains("There are more than these 2: go on with --limit 20"), "{list:?}: {said}");
        assert_eq!(said.contains("--all"), list[0] == "licenses");
        assert_eq!(whole.stderr, b"", "{list:?}");
    }
    let exact = vendor.run(&["accounts", "list", "--limit", "3", "--json"]).await;
    assert_eq!(exact.stderr, b"", "three are all");
    assert_eq!(serde_json::from_slice::<Value>(&exact.stdout).unwrap().as_array().unwrap().len(), 3);
    vendor.output(&["licenses", "issue", &project, "--policy", "2", "--count", "120"]).await;
    let cut = vendor.json(&["licenses", "list", &project, "--limit", "110"]).await;
    assert_eq!(cut.as_array().unwrap().len(), 110);
}

#[tokio::test]
async fn a_refusal_names_what_there_is() {
    let vendor = Vendor::new("cli-known").await;
    vendor.output(&["accounts", "create", "ada"]).await;
    let (code, said) = vendor.refused(&["accounts", "charge", "ada", "nonsense"]).await;
    assert!(code == 1 && said.contains("UNKNOWN_OPERATION_TYPE"), "{said}");
    let known = said.lines().find(|line| line.starts_with("  known: ")).unwrap();
    assert!(known.contains("image_generation") && known.contains(", "), "{said}");
    let (_, said) = vendor.refused(&["accounts", "plan", "ada", "Nonsense"]).await;
    assert!(said.contains("UNKNOWN_TIER") && said.contains("\n  known: ") && said.contains("Gift"), "{said}");
}

#[tokio::test]
async fn every_command_of_accounts_works_from_a_terminal() {
    let vendor = Vendor::new("cli-accounts").await;
    vendor.output(&["accounts", "create", "ada", "--tier", "Gift"]).await;
    assert_eq!(vendor.json(&["accounts", "reset", "ada", "60"]).await["newBalance"], 60);
    let output = vendor.json(&["accounts", "affordability", "ada", "image_generation", "--amount", "61"]).await;
    assert_eq!((&output["canAfford"], &output["deficit"]), (&json!(false), &json!(1)));
    assert!(vendor.output(&["accounts", "eligibility", "ada"]).await.contains("Next renewal in 30 days"));
    let hold = ["accounts", "holds", "create", "ada", "20", "--type", "video", "--operation-id", "h1"];
    assert_eq!(vendor.json(&[&hold[..], &["--dry-run"]].concat()).await["dryRun"], true);
    assert_eq!(vendor.output(&["accounts", "holds", "list", "ada"]).await, "none\n");
    assert_eq!(vendor.json(&hold).await["hold"]["id"], "h1");
    assert_eq!(vendor.json(&hold).await["replayed"], true, "sent twice under one id");
    assert!(vendor.output(&["accounts", "holds", "list", "ada"]).await.contains("video"));
    assert_eq!(vendor.json(&["accounts", "holds", "commit", "ada", "h1", "--amount", "5"]).await["newBalance"], 55);
    vendor.output(&["accounts", "holds", "create", "ada", "5", "--operation-id", "h2"]).await;
    assert_eq!(vendor.json(&["accounts", "holds", "void", "ada", "h2"]).await["newBalance"], 55);
    vendor.output(&["accounts", "debit", "ada", "1", "--metadata", r#"{"name": "Ada"}"#]).await;
    let erase = ["accounts", "erase", "ada", "--before", "2999-01-01T00:00:00Z"];
    assert_eq!(vendor.refused(&erase).await.0, 2, "it asks first");
    vendor.output(&[&erase[..], &["--yes"]].concat()).await;
    assert!(!vendor.output(&["accounts", "entries", "ada", "--json"]).await.contains("Ada"));
    assert!(vendor.output(&["accounts", "verify", "ada"]).await.contains("all as they were written"));
    for name in ["bob", "adam"] {
        vendor.output(&["accounts", "create", name]).await;
    }
    let listed = vendor.json(&["accounts", "list", "--begins", "ada"]).await;
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["accountId"].as_str().unwrap()).collect();
    assert_eq!(names, ["ada", "adam"]);
    vendor.output(&["organizations", "create", "acme", "pro"]).await;
    assert!(vendor.output(&["organizations", "list"]).await.contains("acme"));
    let output = vendor.output(&["organizations", "verify", "acme"]).await;
    assert_eq!(output.matches("all as they were written").count(), 5, "{output}");
    let output = vendor.json(&["organizations", "statistics", "acme", "goal_generation"]).await;
    assert_eq!(output["totalEarned"], 20);
    let erase = ["organizations", "erase", "acme", "goal_generation", "--before", "2999-01-01T00:00:00Z"];
    assert_eq!(vendor.refused(&erase).await.0, 2, "it asks first");
    assert!(vendor.output(&[&erase[..], &["--dry-run"]].concat()).await.contains("have facts"));
    assert!(vendor.output(&[&erase[..], &["--yes"]].concat()).await.contains("erased"));
    all_accounts_together(&vendor).await;
    let license = vendor.running.text("/licenses/SUB").to_owned();
    assert!(vendor.output(&["licenses", "verify", &license]).await.contains("all as they were written"));
    let output = vendor.json(&["licenses", "statistics", &license, "--from", "2020-01-01T00:00:00Z"]).await;
    assert_eq!((&output["netChange"], &output["nextCursor"]), (&output["totalEarned"], &Value::Null), "{output}");
}

/// What is asked of all accounts together, and packs for them.
async fn all_accounts_together(vendor: &Vendor) {
    vendor.output(&["accounts", "debit", "bob", "2", "--type", "video", "--metadata", r#"{"name": "Bob"}"#]).await;
    let listed = vendor.json(&["entries", "list", "--type", "video"]).await;
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["accountId"].as_str().unwrap()).collect();
    assert_eq!(names, ["ada", "ada", "ada", "bob"]);
    assert!(vendor.output(&["entries", "list", "--type", "video"]).await.contains("bob"));
    let cut = vendor.run(&["entries", "list", "--limit", "2"]).await;
    assert!(String::from_utf8_lossy(&cut.stderr).contains("There are more than these 2"));
    assert_eq!(vendor.output(&["accounts", "due"]).await, "none\n");
    let due = vendor.json(&["accounts", "due", "--by", "2999-01-01T00:00:00Z", "--tier", "Gift"]).await;
    assert!(due.as_array().unwrap().iter().any(|row| row["accountId"] == "ada" && row["tokens"] == 100), "{due}");

    let erase = ["entries", "erase", "--before", "2999-01-01T00:00:00Z", "--operation-id", "old"];
    assert_eq!(vendor.refused(&erase).await.0, 2, "it asks first");
    assert!(
        vendor.output(&[&erase[..], &["--dry-run"]].concat()).await.contains("would send POST /v1/entries/erasure")
    );
    assert!(vendor.output(&["accounts", "entries", "bob", "--json"]).await.contains("Bob"));
    let erased = vendor.json(&[&erase[..], &["--yes"]].concat()).await;
    assert_eq!((&erased["done"], &erased["operationId"]), (&json!(true), &json!("old")), "{erased}");
    assert!(erased["erased"].as_i64().unwrap() > 0, "{erased}");
    assert_eq!(vendor.json(&[&erase[..], &["--yes"]].concat()).await, erased, "sent twice under one id");
    assert!(!vendor.output(&["accounts", "entries", "bob", "--json"]).await.contains("Bob"));

    let price = json!({"amount": 29, "currency": "USD"});
    let pack = json!({"packId": "p", "name": "500 tokens", "tokens": 500, "price": price});
    let settings = json!({"accounts": {"packs": [pack]}, "organizations": {"packs": [pack]}}).to_string();
    vendor.output(&["projects", "update", vendor.project(), "--settings", &settings]).await;
    for owner in [["accounts", "checkout", "bob"], ["organizations", "checkout", "acme"]] {
        let order = [&owner[..], &["p", "--email", "bob@example.com"]].concat();
        assert!(vendor.output(&[&order[..], &["--dry-run"]].concat()).await.contains("would send POST"));
        let output = vendor.json(&[&order[..], &["--operation-id", owner[2]]].concat()).await;
        assert!(output["checkoutUrl"].as_str().unwrap().starts_with("http"), "{output}");
        assert_eq!(vendor.json(&[&order[..], &["--operation-id", owner[2]]].concat()).await, output, "one order");
        assert!(vendor.output(&order).await.contains("pay at"));
        let (code, said) = vendor.refused(&[&owner[..], &["none"]].concat()).await;
        assert!(code == 1 && said.contains("TOPUP_NOT_AVAILABLE"), "{said}");
    }
}

/// A file of licenses that end at the same instant; their keys.
async fn file_of_licenses(vendor: &Vendor, count: &str) -> (std::path::PathBuf, Vec<String>) {
    let file = vendor.folder.0.join("keys.txt");
    let issue = ["licenses", "issue", vendor.project(), "--policy", "1", "--valid-until", "2030-01-01T00:00:00Z"];
    vendor.output(&[&issue[..], &["--count", count, "--out", file.to_str().unwrap()]].concat()).await;
    let keys = std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
    (file, keys)
}

async fn ends(vendor: &Vendor, keys: &[String]) -> Vec<String> {
    let mut ends = Vec::new();
    for key in keys {
        let license = vendor.json(&["licenses", "show", key]).await;
        ends.push(license["validUntil"].as_str().unwrap()[..10].to_owned());
    }
    ends
}

#[tokio::test]
async fn a_bulk_command_that_was_interrupted_goes_on_and_does_nothing_twice() {
    let vendor = Vendor::new("cli-resume").await;
    let client = Client::new();
    let (file, mut keys) = file_of_licenses(&vendor, "3").await;
    // The second line is refused until that license is there; the last one is the first again, spelled otherwise.
    keys.insert(1, "COMES-LATER-THAN-THAT".to_owned());
    let lines = format!("{}\n\n{}\n", keys.join("\n"), keys[0].to_lowercase());
    std::fs::write(&file, &lines).unwrap();
    let journal = vendor.folder.0.join("keys.txt.journal");
    let extend = ["licenses", "extend", "--days", "10", "--from", file.to_str().unwrap()];
    let resume = [&extend[..], &["--resume"]].concat();

    let (code, said) = vendor.refused(&resume).await;
    assert!(code == 2 && said.contains("There is no") && said.contains("leave --resume out"), "{said}");
    let (code, said) = vendor.refused(&extend).await;
    assert!(code == 1 && said.contains("1 of 4 failed; with --resume"), "{said}");
    assert!(said.contains("1 keys are named more than once") && said.contains("operation id: "), "{said}");
    let id = said.split("operation id: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    let written = std::fs::read_to_string(&journal).unwrap();
    assert!(written.contains(&id) && written.matches("done").count() == 3, "{written}");
    assert!(!written.contains(&keys[0]), "a journal tells no key");

    // Begun again by mistake, changed, sent elsewhere, or under another id: one sentence, and nothing is sent.
    let changed = ["licenses", "extend", "--days", "11", "--from", file.to_str().unwrap(), "--resume"];
    let another = [&resume[..], &["--operation-id", "another"]].concat();
    let key_file = vendor.folder.0.join("key");
    std::fs::write(&key_file, vendor.running.text("/adminKey")).unwrap();
    let elsewhere =
        [&resume[..], &["--url", "http://127.0.0.1:1", "--admin-key-file", key_file.to_str().unwrap()]].concat();
    for (order, sentence) in [
        (&extend[..], "Go on where it stopped with --resume"),
        (&[&extend[..], &["--dry-run"]].concat(), "Go on where it stopped with --resume"),
        (&changed, "has changed since"),
        (&another, "leave --operation-id out"),
        (&elsewhere, "is of another deployment"),
    ] {
        let (code, said) = vendor.refused(order).await;
        let output = said.lines().filter(|line| !line.contains("more than once")).collect::<Vec<_>>();
        assert!(code == 2 && output.len() == 1 && output[0].contains(sentence), "{said}");
    }
    std::fs::write(&file, format!("{lines}NEW\n")).unwrap();
    let (code, said) = vendor.refused(&resume).await;
    assert!(code == 2 && said.contains("has changed since"), "{said}");
    std::fs::write(&file, &lines).unwrap();

    // Now it can be done, and its reply is lost: it is done, and the journal does not know.
    let late = ["licenses", "issue", vendor.project(), "--policy", "1", "--valid-until", "2030-01-01T00:00:00Z"];
    vendor.output(&[&late[..], &["--license-key", "COMES-LATER-THAN-THAT"]].concat()).await;
    let output = vendor.output(&[&resume[..], &["--dry-run"]].concat()).await;
    assert_eq!(output.matches("would send").count(), 1, "{output}");
    vendor.running.post(&client, "/__local/faults", &json!({"dropReplyPercent": 100})).await.unwrap();
    let (code, said) = vendor.refused(&resume).await;
    assert!(code == 1 && said.contains("does not answer") && said.contains("with --resume"), "{said}");
    vendor.running.post(&client, "/__local/faults", &json!({})).await.unwrap();
    // And the process died within a line.
    let mut torn = std::fs::OpenOptions::new().append(true).open(&journal).unwrap();
    std::io::Write::write_all(&mut torn, b"{\"done\":2").unwrap();
    let output = vendor.output(&resume).await;
    assert_eq!(output, "1 extended, 3 before\n");
    assert!(!journal.exists(), "all is done");
    assert_eq!(ends(&vendor, &keys).await, ["2030-01-11"; 4]);

    // A new command is a new one; what was done stays under its id, with another file too.
    assert_eq!(vendor.output(&extend).await, "4 extended\n");
    assert_eq!(ends(&vendor, &keys).await, ["2030-01-21"; 4]);
    std::fs::write(&file, keys[2..].join("\n")).unwrap();
    vendor.output(&[&extend[..], &["--operation-id", &id]].concat()).await;
    assert_eq!(ends(&vendor, &keys).await, ["2030-01-21"; 4]);
}

#[tokio::test]
async fn a_bulk_command_stops_when_nobody_answers() {
    let vendor = Vendor::new("cli-stops").await;
    let (file, keys) = file_of_licenses(&vendor, "3").await;
    vendor.running.post(&Client::new(), "/__local/faults", &json!({"dropReplyPercent": 100})).await.unwrap();
    let order = ["licenses", "extend", "--days", "10", "--from", file.to_str().unwrap()];
    let (code, said) = vendor.refused(&order).await;
    assert!(code == 1 && said.matches("does not answer").count() == 1, "{said}");
    vendor.running.post(&Client::new(), "/__local/faults", &json!({})).await.unwrap();
    assert_eq!(ends(&vendor, &keys).await, ["2030-01-11", "2030-01-01", "2030-01-01"]);
    assert_eq!(vendor.output(&[&order[..], &["--resume"]].concat()).await, "3 extended\n");
    assert_eq!(ends(&vendor, &keys).await, ["2030-01-11"; 3]);
}

#[tokio::test]
async fn whatever_changes_something_tells_its_operation_id_first() {
    let vendor = Vendor::new("cli-ids").await;
    let (project, license) = (vendor.project().to_owned(), vendor.running.text("/licenses/SUB").to_owned());
    let out = vendor.folder.0.join("air.ltlm");
    let air = vendor.running.text("/licenses/AIR").to_owned();
    let changes: &[&[&str]] = &[
        &["projects", "create", "--name", "Another"],
        &["projects", "add-secret", &project],
        &["policies", "create", &project, r#"{"name": "NEW", "type": "perpetual"}"#],
        &["policies", "update", "1", r#"{"description": "x"}"#, "--yes"],
        &["licenses", "issue", &project, "--policy", "1"],
        &["licenses", "suspend", &license],
        &["licenses", "resume", &license],
        &["licenses", "tokens", &license, "5", "--reason", "x"],
        &["licenses", "file", &air, "machine-1", "--out", out.to_str().unwrap()],
        &["accounts", "create", "ada"],
        &["accounts", "credit", "ada", "5"],
        &["accounts", "renew", "ada"],
        &["accounts", "renew-due"],
        &["accounts", "erase", "ada", "--before", "2999-01-01T00:00:00Z", "--yes"],
        &["entries", "erase", "--before", "2999-01-01T00:00:00Z", "--yes"],
        &["organizations", "create", "acme", "pro"],
        &["organizations", "add-member", "acme", "ada"],
        &["organizations", "token", "--organization", "acme"],
        &["organizations", "revoke-tokens", "--organization", "acme", "--yes"],
        &["webhooks", "create", "https://hooks.example.com/"],
        &["keys", "create", "--scopes", "read"],
    ];
    for order in changes {
        let output = vendor.run(order).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.matches("operation id: ").count(), 1, "{order:?}: {said}");
    }
    for order in [&["licenses", "show", &license][..], &["licenses", "resume", &license, "--dry-run"]] {
        assert_eq!(vendor.run(order).await.stderr, b"", "{order:?}");
    }

    // Even one license is not issued twice because its reply was lost.
    let issue = ["licenses", "issue", &project, "--policy", "2"];
    let count = async || vendor.json(&["licenses", "list", &project, "--policy", "2"]).await.as_array().unwrap().len();
    let before = count().await;
    vendor.running.post(&Client::new(), "/__local/faults", &json!({"dropReplyPercent": 100})).await.unwrap();
    let (code, said) = vendor.refused(&issue).await;
    vendor.running.post(&Client::new(), "/__local/faults", &json!({})).await.unwrap();
    assert!(code == 1 && said.contains("Whether it was done is not known"), "{said}");
    let id = said.split("operation id: ").nth(1).unwrap().lines().next().unwrap();
    vendor.output(&[&issue[..], &["--operation-id", id]].concat()).await;
    assert_eq!(count().await, before + 1);
    let long = "x".repeat(112);
    let (code, said) = vendor.refused(&[&issue[..], &["--operation-id", &long]].concat()).await;
    assert!(code == 2 && said.contains("1 to 111 visible ASCII characters"), "{said}");
}

#[tokio::test]
async fn a_project_moves_by_two_commands_and_a_file_that_is_not_whole_moves_nothing() {
    let (old, new) = (Vendor::new("cli-move-from").await, Vendor::new("cli-move-to").await);
    let project = old.json(&["projects", "create", "--name", "Moves"]).await["projectId"].as_str().unwrap().to_owned();
    let folder = &old.folder.0;
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let policy = json!({"name": "STUDIO", "type": "perpetual", "config": {"limits": {"devices": {"maxDevices": 2}}}});
    std::fs::write(path("policy.json"), policy.to_string()).unwrap();
    let number = old.json(&["policies", "create", &project, &path("policy.json")]).await["PolicyID"].to_string();
    let issue = ["licenses", "issue", &project, "--policy", &number, "--count", "120", "--email", "ada@studio.example"];
    old.output(&[&issue[..], &["--out", &path("keys.txt")]].concat()).await;

    let (code, said) =
        old.refused(&["projects", "export", "--project", &project, "--out", &path("p.jsonl"), "--with-keys"]).await;
    assert!(code == 2 && said.contains("--to"), "{said}");
    let (code, said) =
        old.refused(&["projects", "export", "--project", "prj_none", "--out", &path("none.jsonl")]).await;
    assert!(code == 1 && said.contains("PROJECT_NOT_FOUND") && !folder.join("none.jsonl").exists(), "{said}");
    let public = new.json(&["projects", "import-key"]).await["publicKey"].as_str().unwrap().to_owned();
    let file = path("project.jsonl");
    old.output(&["projects", "export", "--project", &project, "--out", &file, "--with-keys", "--to", &public]).await;
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() > 240 && lines[2].contains(r#""kind":"keys""#), "{} lines", lines.len());

    // What is wrong with a file is told before anything is sent.
    let without_last = lines[..lines.len() - 1].join("\n");
    let cut = &text[..text.len() / 2];
    let long = text.replacen("Moves", &"x".repeat(500_000), 1);
    let bad = [
        ("cut.jsonl", cut.to_owned(), "is not JSON, or was cut off"),
        ("ended.jsonl", without_last, "ends without its trailer"),
        ("edited.jsonl", text.replacen("ada@studio.example", "eve@studio.example", 1), "a line was changed"),
        ("less.jsonl", text.replacen(&format!("{}\n", lines[9]), "", 1), "tells of"),
        ("version.jsonl", text.replacen(r#""version":1"#, r#""version":2"#, 1), "of version 2"),
        ("other.jsonl", "{\"kind\":\"x\"}\n".repeat(3), "no export of a project"),
        ("long.jsonl", long, "has more than 400000 bytes"),
        ("empty.jsonl", String::new(), "ends without its trailer"),
    ];
    for (name, text, expected) in bad {
        std::fs::write(path(name), text).unwrap();
        let (code, said) = new.refused(&["projects", "import", &path(name)]).await;
        assert!(code == 2 && said.contains(expected), "{name}: {said}");
    }
    let (code, said) = new.refused(&["projects", "import", &path("none.jsonl")]).await;
    assert!(code == 2 && said.contains("Nothing was sent"), "{said}");
    let (_, said) = new.refused(&["projects", "import-status", &project]).await;
    assert!(said.contains("IMPORT_NOT_FOUND"), "{said}");

    let output = new.output(&["projects", "import", &file, "--dry-run"]).await;
    assert!(output.contains(&format!("would send {} lines", lines.len() - 1)), "{output}");
    let output = new.json(&["projects", "import", &file]).await;
    assert_eq!((output["projectId"].as_str(), output.get("secretKey")), (Some(project.as_str()), None), "{output}");
    let again = new.json(&["projects", "import", &file]).await;
    assert_eq!(again["publicKey"], output["publicKey"]);
    let status = new.json(&["projects", "import-status", &project]).await;
    assert_eq!((&status["state"], &status["counts"]["license"]), (&json!("finished"), &json!(120)), "{status}");
    let (_, said) = new.refused(&["projects", "drop-import", &project, "--yes"]).await;
    assert!(said.contains("IMPORT_NOT_FOUND"), "{said}");
    let keys = std::fs::read_to_string(path("keys.txt")).unwrap();
    let listed = new.output(&["licenses", "list", &project, "--limit", "200"]).await;
    assert!(keys.lines().all(|key| listed.contains(key.trim())), "{listed}");
    let (_, said) = old.refused(&["projects", "import", &file]).await;
    assert!(said.contains("IMPORT_KEY_NOT_FOUND") || said.contains("PROJECT_EXISTS"), "{said}");
}
