//! A project that moves from one deployment to another: two engines, two key services, one file.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use http::Request;
use local::background::Background;
use local::demo;
use local::table_stream::{Begin, StreamReader};
use local::wiring::{TABLE, sdk_config};
use ltlm_protocol::transfer::Counting;
use serde_json::{Value, json};
use shared::service::ids::sha256_hex;

use crate::support::{ADMIN_KEY, L1, Reply, SECRET, TestApp, device};

const DAY: i64 = 86_400;

/// A file: the lines, the trailer last.
#[derive(Clone)]
struct File(Vec<Value>);

impl File {
    /// Its trailer made anew from its lines, as who edits a file on purpose would.
    fn sealed_up(lines: Vec<Value>) -> Self {
        let mut counting = Counting::default();
        lines.iter().for_each(|line| counting.add(line));
        Self(lines.into_iter().chain([counting.trailer()]).collect())
    }

    fn lines(&self) -> &[Value] {
        &self.0[..self.0.len() - 1]
    }

    fn trailer(&self) -> &Value {
        self.0.last().unwrap()
    }

    fn head(&self) -> usize {
        if self.0[2]["kind"] == "keys" { 3 } else { 2 }
    }

    fn begin(&self) -> Value {
        json!({"lines": self.0[..self.head()], "trailer": self.trailer()})
    }

    /// The place of the first line of this kind.
    fn place(&self, kind: &str) -> usize {
        self.0.iter().position(|line| line["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
    }

    /// With another line in this place, and a trailer that fits.
    fn with(&self, place: usize, change: impl FnOnce(&mut Value)) -> Self {
        let mut lines = self.lines().to_vec();
        change(&mut lines[place]);
        Self::sealed_up(lines)
    }
}

impl TestApp {
    fn of_project(project: &str, tail: &str) -> String {
        format!("/v1/admin/projects/{project}{tail}")
    }

    /// The whole export of a project, page by page.
    async fn exported(&self, keys: Option<&str>) -> File {
        let sealed = if keys.is_some() { "?sealed=true" } else { "?" };
        let (mut lines, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = Self::of_project(&self.project_id, &format!("/export{sealed}{cursor}"));
            let page = self.admin("GET", &path, Value::Null).await;
            assert_eq!(page.status, 200, "{}", page.text);
            lines.extend(page.body["lines"].as_array().unwrap().iter().cloned());
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if let Some(public) = keys {
            let path = Self::of_project(&self.project_id, "/export-keys");
            let answer = self.admin("POST", &path, json!({"publicKey": public})).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            lines.insert(2, answer.body["line"].clone());
        }
        File::sealed_up(lines)
    }

    async fn import_key(&self) -> String {
        let made = self.admin("POST", "/v1/admin/import-keys", Value::Null).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.text_of("publicKey").to_owned()
    }

    async fn begun(&self, project: &str, file: &File) -> Reply {
        self.admin("POST", &Self::of_project(project, "/import"), file.begin()).await
    }

    async fn taken(&self, project: &str, from: usize, lines: &[Value]) -> Reply {
        let body = json!({"from": from, "lines": lines});
        self.admin("POST", &Self::of_project(project, "/import/lines"), body).await
    }

    async fn finished(&self, project: &str) -> Reply {
        self.admin("POST", &Self::of_project(project, "/import/finish"), Value::Null).await
    }

    /// Sends the lines from this place on, some at a time.
    async fn fed(&self, project: &str, file: &File, from: usize, together: usize) {
        let mut from = from;
        for lines in file.lines()[from..].chunks(together) {
            let answer = self.taken(project, from, lines).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            from += lines.len();
            assert_eq!(answer.int_of("taken"), from as i64);
        }
    }

    /// Imports a file as a whole; the answer to its end.
    async fn imported(&self, project: &str, file: &File) -> Reply {
        let begun = self.begun(project, file).await;
        assert_eq!(begun.status, 201, "{}", begun.text);
        self.fed(project, file, file.head(), 40).await;
        let finished = self.finished(project).await;
        assert_eq!(finished.status, 201, "{}", finished.text);
        finished
    }

    /// Lets a secret name a project, whatever it named before.
    async fn name(&self, secret: &str, project: &str) {
        let client = aws_sdk_dynamodb::Client::new(&sdk_config(self.engine.endpoint(), false).await);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let put =
            client.put_item().table_name(TABLE).item("pk", text(&format!("SECRET#{}", sha256_hex(secret.as_bytes()))));
        let put = put.item("sk", text("META")).item("projectId", text(project));
        put.item("createdAt", AttributeValue::N("1".to_owned())).send().await.unwrap();
    }

    async fn with_secret(&self, secret: &str, path: &str) -> Reply {
        let request = Request::builder().uri(path).header("x-project-secret", secret);
        self.send(request.body(Bytes::new()).unwrap()).await
    }

    /// All items of the table, by their keys, without what an import adds.
    async fn items(&self) -> BTreeMap<(String, String), BTreeMap<String, AttributeValue>> {
        let client = aws_sdk_dynamodb::Client::new(&sdk_config(self.engine.endpoint(), false).await);
        let (mut items, mut from) = (BTreeMap::new(), None);
        loop {
            let page = client.scan().table_name(TABLE).set_exclusive_start_key(from).send().await.unwrap();
            for item in page.items() {
                let part = |name: &str| item[name].as_s().unwrap().clone();
                let kept = item.iter().filter(|(name, _)| *name != "imported");
                let kept = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
                items.insert((part("pk"), part("sk")), kept);
            }
            from = page.last_evaluated_key().cloned();
            if from.is_none() {
                return items;
            }
        }
    }
}

#[tokio::test]
async fn a_license_goes_on_in_another_deployment() {
    let (old, new) = (TestApp::new().await, TestApp::empty().await);
    old.activate(L1, &device('a')).await;
    assert_eq!(old.consume(L1, &device('a'), 5, "use-1").await.status, 200);
    let file = old.exported(None).await;
    let project = &old.project_id;
    let finished = new.imported(project, &file).await;
    let secret = finished.text_of("secretKey").to_owned();
    let answer = new.with_secret(&secret, &format!("/v1/sdk/license/{L1}?hwid={}", device('a'))).await;
    assert_eq!((answer.status, answer.text_of("status")), (200, "active"), "{}", answer.text);
    assert_eq!(answer.int_of("tokensRemaining"), 95);
    // What was used before is not charged again.
    new.name(SECRET, project).await;
    let again = new.consume(L1, &device('a'), 5, "use-1").await;
    assert_eq!((again.status, again.headers.contains_key("idempotent-replayed")), (200, true), "{}", again.text);
    assert_eq!(new.audit(L1).await, 5);
    let intact = new.admin("GET", &format!("/v1/admin/licenses/{L1}/usage/verification"), Value::Null).await;
    assert_eq!(intact.body["intact"], true);
}

/// A stopped webhook comes without a key, which is no reason to refuse the rest.
#[tokio::test]
async fn what_came_with_an_import_is_rewrapped_though_a_stopped_webhook_has_no_key() {
    let (old, new) = (TestApp::new().await, TestApp::empty().await);
    let project = &old.project_id;
    let hooks = TestApp::of_project(project, "/webhooks");
    let hook = old.admin("POST", &hooks, json!({"url": "https://a.example"})).await;
    let stopped = old.admin("DELETE", &format!("{hooks}/{}", hook.text_of("webhookId")), Value::Null).await;
    assert_eq!(stopped.status, 204, "{}", stopped.text);
    new.imported(project, &old.exported(None).await).await;
    let listed = new.admin("GET", &hooks, Value::Null).await;
    assert_eq!(listed.body["webhooks"][0]["disabled"], true, "{}", listed.text);
    let previous = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    new.keys.replace_key(previous);
    let done = new.admin("POST", &TestApp::of_project(project, "/rewrap"), json!({"previousKeyArn": previous})).await;
    // Three keys and the new secret.
    assert_eq!((done.status, done.int_of("rewrapped"), done.int_of("unchanged")), (200, 4, 0), "{}", done.text);
}

/// Items by what their partition keys begin with, as `table/key.rs` names it: those that move.
const MOVE: &[&str] = &[
    "ACCT#", "BATCH", "BUYER", "CARD#", "CHAIN#", "DEV#", "EVENTS#", "LEDGER#", "LIC#", "LISTED", "ORDER#", "ORG#",
    "PAYMENT#", "POL#", "PROJ#", "ROLLUP#", "SALE#", "SEAT#", "SECRET#", "SETTINGS", "TRIAL#", "WEBHOOK#",
];
/// Those that stay; `docs/data-model.md` says why.
const STAY: &[&str] = &[
    "ACCESS#",
    "ADMINKEY#",
    "ADMINOP#",
    "BLOB#",
    "CODE#",
    "DEAD#",
    "DEVELOPER#",
    "ERASURE#",
    "IMPORT#",
    "IMPORTKEY#",
    "JOB#",
    "NOTICE#",
    "NUMBER#",
    "PAYEVENT#",
    "RATE#",
    "RUN#",
    "SEATTURN#",
    "SIGNIN#",
];
/// What is no item of its own: sort keys of the items above, and partitions of the indexes.
const WITHIN: &[&str] = &[
    "ACCESSES#",
    "ACCTS#",
    "ADMINKEYS",
    "AUDIT",
    "BATCH#",
    "BUYERS#",
    "DAY#",
    "DEVELOPERS",
    "DEVICES#",
    "DUE#",
    "EVENTDAY#",
    "LICENSES#",
    "MEMBER#",
    "META",
    "NAME#",
    "NOTICES#",
    "ORDERS#",
    "ORGS#",
    "POLICIES#",
    "PROJECTS",
    "WALLET#tokens",
    "WEBHOOKS#",
    "licenses",
];

/// What a table holds of a project that has everything.
struct Everything {
    app: TestApp,
    /// A secret that the project made.
    secret: String,
    /// The nonce that device b goes on with.
    nonce: String,
}

impl Everything {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let reader = StreamReader::open(app.engine.endpoint(), TABLE, Begin::Oldest).await.unwrap().unwrap();
        let (host, outbox) = (app.host.clone(), app.outbox.clone());
        let background = Background::start(host, outbox, Some(reader), false).await.unwrap();
        let (a, b, c) = (device('a'), device('b'), device('c'));
        let ok = |answer: Reply| assert!((200..300).contains(&answer.status), "{}", answer.text);
        let project = |tail: &str| TestApp::of_project(&app.project_id, tail);
        let secret = app.admin("POST", &project("/secrets"), Value::Null).await.text_of("secretKey").to_owned();
        let hook = json!({"url": "https://hooks.example/ltlm"});
        ok(app.admin("POST", &project("/webhooks"), hook).await);
        // A license with all that may lie with it.
        for hwid in [&a, &c] {
            ok(app.activate(L1, hwid).await);
        }
        ok(app.admin("DELETE", &format!("/v1/admin/licenses/{L1}/devices/{c}"), Value::Null).await);
        ok(app.consume(L1, &a, 5, "use-1").await);
        let uses: Vec<_> = (0..3)
            .map(|n| json!({"amount": 1, "action": "x", "timestamp": format!("2026-01-03T00:00:0{n}Z")}))
            .collect();
        ok(app.post(L1, "consume-batch", json!({"hwid": a, "usages": uses})).await);
        ok(app
            .store("PUT", &format!("license/{L1}/settings"), json!({"settings": {"theme": "dark"}, "hwid": a}))
            .await);
        let n = app.validated(L1, &b).await;
        let event = json!({"key": L1, "type": "Opened", "payload": {"n": 1}});
        ok(app.pro("events", &b, n.as_str(), event).await.reply);
        let used = app.pro("consume-batch", &b, n, json!({"key": L1, "hwid": b, "usages": uses})).await;
        let nonce = used.nonce();
        // Accounts, and pools.
        app.account_with("u", 1_000, 0).await;
        ok(app.account("POST", "", json!({"accountId": "v", "tier": "Gift"})).await);
        ok(app
            .account("POST", "/u/debit", json!({"operationType": "image", "amount": 7, "operationId": "debit-1"}))
            .await);
        ok(app
            .account(
                "POST",
                "/u/holds",
                json!({"operationType": "video", "amount": 100, "operationId": "hold-1", "expiresInSeconds": 86_400}),
            )
            .await);
        ok(app.organization("POST", "", json!({"organizationId": "acme", "plan": "pro"})).await);
        ok(app.organization("PUT", "/acme/members/ada", Value::Null).await);
        app.access_token(json!({"userId": "ada"})).await;
        ok(app.backend("POST", "/v1/entries/erasure", json!({"before": "2020-01-01T00:00:00Z"})).await);
        // The store, the portal, developers.
        app.policy(crate::store::perpetual("studio")).await;
        let mut terms = crate::store::trial();
        terms["config"]["store"] = json!({"trialNeedsCard": true});
        app.policy(terms).await;
        for (policy, mail, card) in [
            ("studio", "grace@example.com", "4242 4242 4242 4242"),
            ("trial", "lin@example.com", "4000 0000 0000 0002"),
        ] {
            let session = app.ordered(policy, mail).await;
            app.pay_with(&session, card).await;
        }
        ok(app.store("POST", "auth/customer-login-request", json!({"email": "grace@example.com"})).await);
        let developer = json!({"username": "d@e.f", "password": "correct horse", "mfa": true});
        ok(app.admin("POST", "/v1/admin/developers", developer.clone()).await);
        let login = Request::builder().method("POST").uri("/v1/sdk/pro/auth/dev-login");
        ok(app.send(login.body(developer.to_string().into()).unwrap()).await);
        ok(app.admin("POST", "/v1/admin/keys", json!({"scopes": ["read"]})).await);
        app.import_key().await;
        crate::support::background::settle(&background).await;
        Self { app, secret, nonce }
    }
}

/// What a partition key begins with.
fn prefix(pk: &str) -> &str {
    pk.find('#').map_or(pk, |end| &pk[..=end])
}

#[tokio::test]
async fn every_kind_of_item_moves_or_is_known_to_stay() {
    // Every name in the file of keys is known here, whether the journey makes such an item or not.
    let keys =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src/table/key.rs"));
    let keys = keys.unwrap();
    let names: BTreeSet<_> =
        keys.lines().filter_map(|line| line.split_once(": &str = \"")?.1.strip_suffix("\";")).collect();
    let known: BTreeSet<_> = [MOVE, STAY, WITHIN].into_iter().flatten().copied().collect();
    assert_eq!(names, known, "a new kind of item: say whether it moves, here and in docs/data-model.md");

    let Everything { app, .. } = Everything::new().await;
    let new = TestApp::receiving().await;
    let file = app.exported(Some(&new.import_key().await)).await;
    let answer: BTreeSet<_> = file
        .lines()
        .iter()
        .filter_map(|line| Some((line["pk"].as_str()?.to_owned(), line["sk"].as_str()?.to_owned())))
        .collect();
    let lines = file.lines().iter().filter(|line| line["pk"].is_string()).count();
    assert_eq!(answer.len(), lines, "no item stands in the file twice");
    let items = app.items().await;
    let mut seen = BTreeSet::new();
    for (pk, sk) in items.keys() {
        let is_told = answer.contains(&(pk.clone(), sk.clone()));
        let follows = matches!(sk.as_str(), "BUYER") || sk.starts_with("SEATTURN#") || prefix(pk) == "SECRET#";
        seen.insert(prefix(pk).to_owned());
        match MOVE.contains(&prefix(pk)) && !follows {
            true => assert!(is_told, "{pk} {sk} does not move"),
            false => assert!(!is_told && (follows || STAY.contains(&prefix(pk))), "{pk} {sk} moves"),
        }
    }
    // The journey has been everywhere: what is missing is made only when something fails for days, or by a night.
    let expected: BTreeSet<_> =
        MOVE.iter().chain(STAY).filter(|name| name.ends_with('#')).map(|name| (*name).to_owned()).collect();
    let within = ["DEV#", "SEAT#", "SEATTURN#", "DEAD#", "JOB#", "IMPORT#", "RUN#", "BUYER"].map(str::to_owned);
    let missing: Vec<_> = expected.difference(&seen).filter(|name| !within.contains(name)).collect();
    assert_eq!(missing, Vec::<&String>::new());
    let sorts: BTreeSet<_> = items.keys().map(|(_, sk)| prefix(sk).to_owned()).collect();
    for name in ["DEV#", "SEAT#", "SETTINGS", "LISTED", "BUYER", "BATCH#", "MEMBER#"] {
        assert!(sorts.contains(name), "{name} in {sorts:?}");
    }
    // No key is in the file but the sealed ones.
    let text: String = file.lines().iter().filter(|line| line["kind"] != "keys").map(Value::to_string).collect();
    for name in ["wrapped", "secretKey", "wrappedSigningSeed", "hash\\\""] {
        assert!(!text.contains(name), "{name}");
    }

    // What moved lies there as it lay here, but for what is wrapped and for the project's number. The secret of the fixture is in both
    // deployments, each with a project of its own.
    let fixture = format!("SECRET#{}", sha256_hex(SECRET.as_bytes()));
    new.imported(&app.project_id, &file).await;
    let arrived = new.items().await;
    for (key, mut item) in items
        .into_iter()
        .filter(|((pk, sk), _)| MOVE.contains(&prefix(pk)) && !sk.starts_with("SEATTURN#") && *pk != fixture)
    {
        let mut other = arrived.get(&key).unwrap_or_else(|| panic!("{key:?} did not arrive")).clone();
        if matches!(prefix(&key.0), "PROJ#" | "WEBHOOK#" | "SECRET#") {
            let differs = [
                "number",
                "listSk",
                "secrets",
                "wrapped",
                "wrappedSigningSeed",
                "wrappedDerivation",
                "wrappedSealing",
                "createdAt",
            ];
            differs.iter().for_each(|name| drop((item.remove(*name), other.remove(*name))));
        }
        assert_eq!(item, other, "{key:?}");
    }
}

#[tokio::test]
async fn everything_of_a_project_goes_on_in_another_deployment() {
    let Everything { app: old, secret, nonce } = Everything::new().await;
    let mut new = TestApp::receiving().await;
    let reader = StreamReader::open(new.engine.endpoint(), TABLE, Begin::Now).await.unwrap().unwrap();
    let background = Background::start(new.host.clone(), new.outbox.clone(), Some(reader), false).await.unwrap();
    let file = old.exported(Some(&new.import_key().await)).await;
    let finished = new.imported(&old.project_id, &file).await;
    assert!(finished.body.get("secretKey").is_none(), "the secrets are those of before: {}", finished.text);
    assert_eq!(finished.text_of("publicKey").len(), 113, "{}", finished.text);

    // Nothing is told of what happened elsewhere, and nothing counted anew.
    let mut answer = 0;
    while let Some(report) = background.follow().await {
        answer += report
            .counts
            .iter()
            .filter(|(name, _)| ["Notices", "Mails", "Days"].contains(name))
            .map(|(_, n)| n)
            .sum::<i64>();
    }
    assert_eq!(answer, 0);

    (new.project_id, new.public_key) = (old.project_id.clone(), old.public_key);
    new.name(SECRET, &old.project_id).await;
    let (a, b) = (device('a'), device('b'));
    // The plain face, by a secret of before; seats and devices.
    let license = new.with_secret(&secret, &format!("/v1/sdk/license/{L1}?hwid={a}")).await;
    assert_eq!(license.seat(), ("active", "OCCUPIED"), "{}", license.text);
    assert_eq!(new.beat(L1, &a).await.seat(), ("active", "OCCUPIED"));
    let before = old.get(L1, &format!("?hwid={a}")).await;
    for name in ["tokensRemaining", "machines", "settings", "validUntil", "LicenseID", "PolicyID", "licenseKey"] {
        assert_eq!(license.body[name], before.body[name], "{name}");
    }
    // What was charged is known, by its id and by the memory of batches; what is new is charged.
    let again = new.consume(L1, &a, 5, "use-1").await;
    assert!(again.headers.contains_key("idempotent-replayed"), "{}", again.text);
    let uses: Vec<_> =
        (0..4).map(|n| json!({"amount": 1, "action": "x", "timestamp": format!("2026-01-03T00:00:0{n}Z")})).collect();
    let batch = new.post(L1, "consume-batch", json!({"hwid": a, "usages": uses})).await;
    assert_eq!(batch.body["batchResult"]["duplicates"], 3, "{}", batch.text);
    let intact = new.admin("GET", &format!("/v1/admin/licenses/{L1}/usage/verification"), Value::Null).await;
    assert_eq!(intact.body["intact"], true, "{}", intact.text);
    new.audit(L1).await;
    // The encrypted face: the device's nonce holds, and the answer is signed by the project's key.
    let used = new.pro("consume", &b, nonce, json!({"key": L1, "hwid": b, "amount": 1, "action": "export"})).await;
    assert_eq!(used.reply.status, 200, "{}", used.reply.text);
    // Accounts: known operations, open holds, the next allocation.
    let debit = json!({"operationType": "image", "amount": 7, "operationId": "debit-1"});
    let answer = new.account("POST", "/u/debit", debit).await;
    assert!(answer.headers.contains_key("idempotent-replayed"), "{}", answer.text);
    assert_eq!(new.account("POST", "/u/holds/hold-1/commit", json!({"amount": 40})).await.int_of("newBalance"), 953);
    new.account_ledger("u").await;
    let intact = new.account("GET", "/u/verification", Value::Null).await;
    assert_eq!(intact.body["intact"], true, "{}", intact.text);
    new.clock.advance_seconds(40 * DAY);
    let renewed = new.account("POST", "/v/renewal", Value::Null).await;
    assert_eq!(renewed.body["success"], true, "{}", renewed.text);
    let organization = new.organization("GET", "/acme", Value::Null).await;
    assert_eq!((organization.status, organization.text_of("plan")), (200, "pro"), "{}", organization.text);
    // Lists, with the license keys; orders, trials, webhooks.
    for (tail, rows, count) in [
        ("/licenses", "licenses", 3),
        ("/orders", "orders", 2),
        ("/webhooks", "webhooks", 1),
        ("/policies", "policies", 3),
    ] {
        let list = new.admin("GET", &TestApp::of_project(&old.project_id, tail), Value::Null).await;
        assert_eq!(list.body[rows].as_array().map(Vec::len), Some(count), "{}", list.text);
        if rows == "licenses" {
            assert!(list.text.contains(L1), "{}", list.text);
        }
    }
    let trial = new.store("GET", "pro/project/trial-eligibility?email=lin@example.com", Value::Null).await;
    assert_eq!(trial.body["eligible"], false, "{}", trial.text);
    // Both logs tell it.
    for (app, actions) in [
        (&old, vec!["admin-export-keys"]),
        (&new, vec!["admin-create-import-key", "admin-begin-import", "admin-finish-import"]),
    ] {
        let log = app.admin("GET", "/v1/admin/audit?limit=100", Value::Null).await;
        for action in actions {
            assert!(log.text.contains(&format!("\"{action}\"")), "{action}: {}", log.text);
        }
    }
}

#[tokio::test]
async fn an_import_goes_on_after_a_kill_and_takes_each_line_once() {
    let Everything { app: old, .. } = Everything::new().await;
    let new = TestApp::empty().await;
    // The deployment has policies and licenses of its own: numbers move.
    let own = new.policy(demo::sub()).await;
    new.license(&own, None).await;
    let file = old.exported(None).await;
    let project = &old.project_id;
    let begun = new.begun(project, &file).await;
    assert_eq!(
        (begun.status, begun.int_of("policiesShifted"), begun.int_of("licensesShifted")),
        (201, 1, 1),
        "{}",
        begun.text
    );
    let all = file.lines().len();
    let (mut from, mut kills) = (file.head(), 0_u32);
    while from < all {
        let lines = &file.lines()[from..(from + 7).min(all)];
        // The process dies after so many round trips, or the reply is lost.
        match kills % 3 {
            0 => new.host.app.table.stop_after(Some(kills % 4)),
            1 => new.host.app.table.lose_after(2),
            _ => {}
        }
        kills += 1;
        let answer = new.taken(project, from, lines).await;
        new.host.app.table.set(shared::table::fault::Faults::default());
        new.host.app.table.stop_after(None);
        // Begun again, the import tells where it is.
        let known = new.begun(project, &file).await;
        assert_eq!((known.status, known.headers.contains_key("idempotent-replayed")), (201, true), "{}", known.text);
        let taken = usize::try_from(known.int_of("taken")).unwrap();
        assert!(taken == from || taken == from + lines.len(), "{taken}: {}", answer.text);
        assert!(answer.status != 200 || taken == from + lines.len(), "{}", answer.text);
        from = taken;
        // What was taken is taken once, and nothing may be left out.
        let first = &file.lines()[file.head()..=file.head()];
        if from > file.head() {
            assert_eq!(new.taken(project, file.head(), first).await.int_of("taken"), from as i64);
        }
        if from < all - 1 {
            let second = &file.lines()[from + 1..from + 2];
            new.taken(project, from + 1, second).await.refused(409, "IMPORT_OUT_OF_ORDER");
        }
    }
    // It cannot be used yet.
    new.name(SECRET, project).await;
    new.get(L1, "").await.refused(404, "LICENSE_NOT_FOUND");
    new.admin("GET", &format!("/v1/admin/licenses/{L1}"), Value::Null).await.refused(404, "LICENSE_NOT_FOUND");
    new.admin("GET", &TestApp::of_project(project, ""), Value::Null).await.refused(404, "PROJECT_NOT_FOUND");
    new.host.app.table.lose_after(3);
    let first = new.finished(project).await;
    new.host.app.table.set(shared::table::fault::Faults::default());
    let again = new.finished(project).await;
    assert_eq!((first.status, again.status), (201, 201), "{} {}", first.text, again.text);
    assert_eq!(first.body["secretKey"], again.body["secretKey"]);
    assert_eq!(new.get(L1, "").await.int_of("tokensRemaining"), old.get(L1, "").await.int_of("tokensRemaining"));
    // Late lines do nothing; the same file again is done already, another one is refused.
    assert_eq!(new.taken(project, file.head(), &file.lines()[file.head()..file.head() + 3]).await.status, 200);
    assert_eq!(new.begun(project, &file).await.text_of("state"), "finished");
    let other = file.with(file.place("listing"), |line| line["item"]["number"] = json!(1));
    new.begun(project, &other).await.refused(409, "PROJECT_EXISTS");
    // Without keys the lists do not know the license keys, and say so.
    let list = new.admin("GET", &TestApp::of_project(project, "/licenses"), Value::Null).await;
    let keys: Vec<_> = list.body["licenses"].as_array().unwrap().iter().map(|row| row["licenseKey"].clone()).collect();
    assert_eq!(keys, vec![json!(""); 3], "{}", list.text);
    // The numbers of this deployment go on behind those that came.
    let next: i64 = new.policy(demo::perp()).await.parse().unwrap();
    assert!(next > begun.int_of("policiesShifted") + 3, "{next}");
}

#[tokio::test]
async fn keys_move_by_the_owner_alone_and_open_nowhere_else() {
    let (old, new, third) = (TestApp::new().await, TestApp::empty().await, TestApp::empty().await);
    let public = new.import_key().await;
    let own = old
        .admin("POST", "/v1/admin/keys", json!({"scopes": ["projects", "policies", "licenses", "tokens", "read"]}))
        .await;
    let as_key = |path: String, body: Value| {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("authorization", format!("Bearer {}", own.text_of("key")));
        request.body(Bytes::from(body.to_string())).unwrap()
    };
    let path = TestApp::of_project(&old.project_id, "/export-keys");
    old.send(as_key(path.clone(), json!({"publicKey": public}))).await.refused(403, "FORBIDDEN");
    old.send(as_key("/v1/admin/import-keys".to_owned(), Value::Null)).await.refused(403, "FORBIDDEN");
    for bad in ["", "ltlm_import_00", "x", &format!("ltlm_import_{}", "00".repeat(32))] {
        old.admin("POST", &path, json!({"publicKey": bad})).await.refused(400, "BAD_REQUEST");
    }
    let file = old.exported(Some(&public)).await;
    let project = &old.project_id;
    // Another deployment has not the pair; a changed line does not open, whatever was changed.
    third.begun(project, &file).await.refused(404, "IMPORT_KEY_NOT_FOUND");
    for name in ["sealed", "encapsulated", "sealedAt", "projectId"] {
        let changed = file.with(2, |line| {
            let text = line[name].as_str().unwrap();
            let last = if text.starts_with('A') { "B" } else { "A" };
            line[name] = json!(format!("{last}{}", &text[1..]));
        });
        new.begun(project, &changed).await.refused(400, "BAD_REQUEST");
    }
    // Keys of another project do not fit, even where the owner of both seals them.
    let other = TestApp::new().await;
    let theirs = other.exported(Some(&public)).await;
    let mixed = file.with(2, |line| *line = theirs.0[2].clone());
    new.begun(project, &mixed).await.refused(400, "BAD_REQUEST");
    // A key that moved in the open is refused.
    let open = file.with(1, |line| line["item"]["wrappedSealing"] = json!({"base64": "AAAA"}));
    new.begun(project, &open).await.refused(400, "BAD_REQUEST");
    new.clock.advance_seconds(8 * DAY);
    new.begun(project, &file).await.refused(404, "IMPORT_KEY_NOT_FOUND");
    assert_eq!(new.admin("GET", &TestApp::of_project(project, "/import"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_file_that_is_not_whole_is_not_finished() {
    let (old, new) = (TestApp::new().await, TestApp::empty().await);
    old.activate(L1, &device('a')).await;
    let file = old.exported(None).await;
    let project = &old.project_id;
    for (change, value) in
        [("version", json!(2)), ("format", json!("other")), ("projectId", json!("prj_0000000000000001"))]
    {
        let changed = file.with(0, |line| line[change] = value);
        new.begun(project, &changed).await.refused(400, "BAD_REQUEST");
    }
    new.taken(project, 2, &file.lines()[2..3]).await.refused(404, "IMPORT_NOT_FOUND");
    assert_eq!(new.begun(project, &file).await.status, 201);
    new.finished(project).await.refused(409, "IMPORT_INCOMPLETE");
    // A line is another than the trailer knows: the numbers are right, the hash is not.
    let mut lines = file.lines()[2..].to_vec();
    let device = lines.iter().position(|line| line["kind"] == "device").unwrap();
    lines[device]["item"]["nickname"] = json!("Edited");
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(new.taken(project, 2 + index, std::slice::from_ref(line)).await.status, 200);
    }
    let refused = new.finished(project).await;
    assert!(refused.refused(409, "IMPORT_INCOMPLETE").text.contains("hash"), "{}", refused.text);
    new.begun(project, &file.with(0, |line| line["exportedAt"] = json!("x"))).await.refused(409, "IMPORT_IN_PROGRESS");
}

#[tokio::test]
async fn a_file_reaches_nothing_of_another_project() {
    let (old, new) = (TestApp::new().await, TestApp::new().await);
    old.activate(L1, &device('a')).await;
    old.account_with("u", 10, 0).await;
    let mine = old.license_with(json!({})).await;
    let file = old.exported(None).await;
    let project = &old.project_id;
    let before = new.items().await;
    // The receiving deployment has a license with the key of L1.
    assert_eq!(new.begun(project, &file).await.status, 201);
    let place = file
        .0
        .iter()
        .position(|line| line["kind"] == "license" && line["pk"] == json!(format!("LIC#{}", sha256_hex(L1.as_bytes()))))
        .unwrap();
    let policies = file.place("license");
    assert_eq!(new.taken(project, 2, &file.lines()[2..policies]).await.status, 200);
    let upto = &file.lines()[policies..=place];
    let taken = new.taken(project, policies, upto).await;
    assert!(taken.refused(409, "IMPORT_TAKEN").text.contains("license"), "{}", taken.text);
    // Nor does anything get in beside it: what is another's is named as nothing that came before.
    let device = file.lines()[place..].iter().find(|line| line["kind"] == "device").unwrap();
    new.taken(project, policies, std::slice::from_ref(device)).await.refused(400, "BAD_REQUEST");
    let first = &file.lines()[policies];
    let account = &file.lines()[file.place("account")];
    let change = |line: &Value, change: &dyn Fn(&mut Value)| {
        let mut line = line.clone();
        change(&mut line);
        line
    };
    let bad = [
        change(account, &|line| line["pk"] = json!(format!("ACCT#{}#u", new.project_id))),
        change(account, &|line| line["item"]["listPk"] = json!("PROJECTS")),
        change(account, &|line| line["item"]["unheard"] = json!("of")),
        change(account, &|line| line["item"]["revision"] = json!("1")),
        change(account, &|line| line["kind"] = json!("card")),
        change(account, &|line| line["unheard"] = json!("of")),
        change(account, &|line| drop(line["item"].as_object_mut().unwrap().shift_remove("anchor"))),
        change(first, &|line| line["item"]["projectId"] = json!(new.project_id)),
        change(first, &|line| line["item"]["number"] = json!(7_000)),
        change(first, &|line| line["item"]["policyNumber"] = json!(7_000)),
        change(first, &|line| line["number"] = json!(7_000)),
        json!({"kind": "key", "pk": "ADMINKEY#key_1", "sk": "META", "item": {"hash": "h", "scopes": "projects", "createdBy": "x", "createdAt": 1}}),
        json!({"kind": "secret", "pk": format!("SECRET#{}", sha256_hex(b"x")), "sk": "META", "item": {"projectId": project, "createdAt": 1}}),
        json!({"kind": "project", "pk": format!("PROJ#{project}"), "sk": "META", "item": file.0[1]["item"]}),
        json!({"kind": "number", "pk": "NUMBER#license", "sk": "META", "item": {"reserved": 9_000}}),
        json!("text"),
    ];
    for line in &bad {
        let answer = new.taken(project, policies, std::slice::from_ref(line)).await;
        answer.refused(400, "BAD_REQUEST");
    }
    let long =
        change(account, &|line| line["item"]["tier"] = json!("x".repeat(ltlm_protocol::limits::IMPORT_LINE_BYTES_MAX)));
    new.taken(project, policies, &[long]).await.refused(400, "BAD_REQUEST");
    let twice = [account.clone(), account.clone()];
    new.taken(project, policies, &twice).await.refused(400, "BAD_REQUEST");
    let many = vec![first.clone(); 51];
    new.taken(project, policies, &many).await.refused(400, "BAD_REQUEST");
    // All else in the deployment is as it was.
    let after = new.items().await;
    for (key, item) in before.iter().filter(|((pk, _), _)| !matches!(prefix(pk), "NUMBER#" | "ADMINOP#" | "RATE#")) {
        assert_eq!(after.get(key), Some(item), "{key:?}");
    }
    assert_eq!(new.get(L1, "").await.text_of("status"), "active");
    // A project that is there is not imported over.
    let there = File::sealed_up(old.exported(None).await.lines().to_vec());
    old.begun(project, &there).await.refused(409, "PROJECT_EXISTS");
    // A key of one project imports nothing, and exports its own alone.
    let made = json!({"scopes": ["projects"], "projectId": new.project_id});
    let key = new.admin("POST", "/v1/admin/keys", made).await.text_of("key").to_owned();
    for (method, path) in
        [("POST", TestApp::of_project(&new.project_id, "/import")), ("GET", TestApp::of_project(project, "/export"))]
    {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let body = if method == "POST" { new.exported(None).await.begin().to_string() } else { String::new() };
        new.send(request.body(Bytes::from(body)).unwrap()).await.refused(403, "FORBIDDEN");
    }
    assert!(mine.starts_with("LIC-") && ADMIN_KEY.len() > 20);
}

#[tokio::test]
async fn a_dropped_import_leaves_nothing() {
    let Everything { app: old, .. } = Everything::new().await;
    let new = TestApp::empty().await;
    let file = old.exported(None).await;
    let project = &old.project_id;
    let before = new.items().await;
    assert_eq!(new.begun(project, &file).await.status, 201);
    let drop_path = TestApp::of_project(project, "/import");
    let part = file.lines().len() - 3;
    for lines in file.lines()[2..part].chunks(40).scan(2, |from, lines| {
        let at = *from;
        *from += lines.len();
        Some((at, lines))
    }) {
        assert_eq!(new.taken(project, lines.0, lines.1).await.status, 200);
    }
    // It dies on the way, and is sent again.
    new.host.app.table.stop_after(Some(5));
    assert_eq!(new.admin("DELETE", &drop_path, Value::Null).await.status, 500);
    new.host.app.table.set(shared::table::fault::Faults::default());
    new.host.app.table.stop_after(None);
    new.taken(project, part, &file.lines()[part..]).await.refused(409, "IMPORT_IN_PROGRESS");
    new.begun(project, &file).await.refused(409, "IMPORT_IN_PROGRESS");
    let dropped = new.admin("DELETE", &drop_path, Value::Null).await;
    assert_eq!((dropped.status, &dropped.body["done"]), (200, &json!(true)), "{}", dropped.text);
    let after = new.items().await;
    let left: Vec<_> = after
        .keys()
        .filter(|key| !before.contains_key(*key))
        .filter(|(pk, _)| !matches!(prefix(pk), "NUMBER#" | "ADMINOP#"))
        .collect();
    assert_eq!(left, Vec::<&(String, String)>::new());
    new.admin("DELETE", &drop_path, Value::Null).await.refused(404, "IMPORT_NOT_FOUND");
    // The same file, or a newer one, may come again.
    assert_eq!(new.imported(project, &file).await.status, 201);
    new.admin("DELETE", &drop_path, Value::Null).await.refused(404, "IMPORT_NOT_FOUND");
}

#[tokio::test]
async fn a_suspended_project_changes_nothing_and_goes_on_where_it_moved() {
    let Everything { app: old, nonce, .. } = Everything::new().await;
    let mut new = TestApp::receiving().await;
    let (a, b) = (device('a'), device('b'));
    let session = old.ordered("studio", "late@example.com").await;
    old.stripe.show_card(&session, "4242");
    let paid = old.event_of(&session, local::stripe::Event::Paid);
    old.project_settings(json!({"suspended": true})).await;
    let before = old.items().await;
    let refused = |answer: Reply| {
        answer.refused(503, "PROJECT_SUSPENDED");
        assert_eq!(answer.headers["retry-after"], "60");
    };
    refused(old.consume(L1, &a, 1, "use-9").await);
    refused(old.beat(L1, &a).await);
    refused(old.get(L1, "").await);
    let used = json!({"key": L1, "hwid": b, "amount": 1, "action": "export"});
    refused(old.pro("consume", &b, nonce.as_str(), used.clone()).await.reply);
    refused(old.set_state(L1, "suspended").await);
    refused(old.account("POST", "/u/debit", json!({"operationType": "image", "amount": 7})).await);
    refused(old.organization("PUT", "/acme/members/eve", Value::Null).await);
    refused(
        old.store("POST", "project/checkout-link", json!({"policyId": "studio", "customerEmail": "x@example.com"}))
            .await,
    );
    refused(old.deliver(&paid).await);
    let issue = json!({"policyId": "1", "customer": {"email": "x@example.com"}});
    refused(old.admin("POST", &TestApp::of_project(&old.project_id, "/licenses"), issue).await);
    let after = old.items().await;
    let changed: Vec<_> =
        after.iter().filter(|(key, item)| before.get(*key) != Some(*item)).map(|(key, _)| key).collect();
    assert!(changed.iter().all(|(pk, _)| prefix(pk) == "RATE#"), "{changed:?}");

    let file = old.exported(Some(&new.import_key().await)).await;
    new.imported(&old.project_id, &file).await;
    (new.project_id, new.public_key) = (old.project_id.clone(), old.public_key);
    new.name(SECRET, &old.project_id).await;
    assert_eq!(new.pro("consume", &b, nonce, used).await.reply.status, 200);
    refused(old.beat(L1, &a).await);
    old.project_settings(json!({"suspended": false})).await;
    assert_eq!(old.beat(L1, &a).await.status, 200);
}
