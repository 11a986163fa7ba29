//! Fixture F of the wire contract (section 6) on a real engine, with a clock that is moved by hand.

pub(crate) mod background;
pub(crate) mod pro;
pub(crate) mod proof;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, Request};
use local::clock::MovableClock;
use local::demo;
use local::engine::{Engine, Storage};
use local::kms::{KeyService, master_key};
use local::queue::WorkQueue;
use local::stripe::StripeServer;
use local::wiring::{self, Endpoints, Local};
use ltlm_protocol::Timestamp;
use serde_json::{Value, json};
use shared::keys::{Key32, Purpose};
use shared::model::project::ProjectSecret;
use shared::model::record::project_in;
use shared::model::write::Write;
use shared::service::ids::sha256_hex;
use shared::table::port::{Meter, Read, Spent, Table};

/// The secret of Appendix A.
pub(crate) const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// License L1.
pub(crate) const L1: &str = "LIC-0BEC53C679BF012F";
/// The administrator's key of the event files.
pub(crate) const ADMIN_KEY: &str = "ltlm_admin_00000000000000000000000000000000";
/// When every test starts.
pub(crate) const START: &str = "2026-01-04T00:00:00.000Z";
/// Time for one request: generous, because machines are small and shared.
pub(crate) const ALLOWANCE: Duration = Duration::from_secs(60);

/// Device A, B, C or D of the fixture: 64 times its letter.
pub(crate) fn device(letter: char) -> String {
    letter.to_string().repeat(64)
}

/// Where cargo builds: two folders above this test.
pub(crate) fn target_folder() -> std::path::PathBuf {
    profile_folder().parent().unwrap().to_owned()
}

/// A program of this workspace, built beside this test by the test command.
pub(crate) fn program(name: &str) -> std::path::PathBuf {
    let path = profile_folder().join(name);
    assert!(path.exists(), "{} is not built: run the tests with `cargo xtask test`", path.display());
    path
}

fn profile_folder() -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().to_owned()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
    pub(crate) spent: Spent,
}

impl Reply {
    /// A text member of the body.
    pub(crate) fn text_of(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.text))
    }

    /// An integer member of the body.
    pub(crate) fn int_of(&self, name: &str) -> i64 {
        self.body[name].as_i64().unwrap_or_else(|| panic!("{name} in {}", self.text))
    }

    /// `status` and `seatStatus` of a license answer.
    pub(crate) fn seat(&self) -> (&str, &str) {
        assert_eq!(self.status, 200, "{}", self.text);
        (self.text_of("status"), self.text_of("seatStatus"))
    }

    /// Fails unless this is a refusal with the code.
    pub(crate) fn refused(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.text_of("code")), (status, code), "{}", self.text);
        self
    }
}

/// The fixture: project P1 with the secret of Appendix A, policies SUB, PERP and AIR, license L1 of SUB.
pub(crate) struct TestApp {
    pub(crate) host: Arc<Local>,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) project_id: String,
    pub(crate) engine: Engine,
    pub(crate) keys: KeyService,
    pub(crate) stripe: StripeServer,
    pub(crate) outbox: Arc<WorkQueue>,
    /// Verifies what the project signs.
    pub(crate) public_key: [u8; 32],
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::starting_at(Timestamp::parse(START).unwrap()).await
    }

    /// The fixture, its clock standing at `now`.
    pub(crate) async fn starting_at(now: Timestamp) -> Self {
        let app = Self::empty_at(now).await;
        let sub = app.policy(demo::sub()).await;
        app.license(&sub, Some(L1)).await;
        app
    }

    /// A project, and nothing in it.
    pub(crate) async fn empty() -> Self {
        Self::empty_at(Timestamp::parse(START).unwrap()).await
    }

    /// A deployment that does not know the secret of Appendix A: a project can move to it with its keys.
    pub(crate) async fn receiving() -> Self {
        Self::receiving_at(Timestamp::parse(START).unwrap()).await
    }

    async fn empty_at(now: Timestamp) -> Self {
        let app = Self::receiving_at(now).await;
        app.take_secret(now).await;
        app
    }

    async fn receiving_at(now: Timestamp) -> Self {
        let engine = Engine::start(Storage::Memory).await.unwrap();
        let keys = KeyService::start(master_key()).await.unwrap();
        let clock = Arc::new(MovableClock::standing(now));
        let stripe = StripeServer::start("https://pay.example").await.unwrap();
        stripe.say_livemode(Some(true));
        let outbox = Arc::new(WorkQueue::start(clock.clone(), local::queue::OUTBOX).await.unwrap());
        let endpoints = Endpoints::embedded(&engine, &keys, &stripe, &outbox);
        let host = Arc::new(wiring::build(endpoints, clock.clone(), ADMIN_KEY).await.unwrap());
        let mut app =
            Self { host, clock, project_id: String::new(), engine, keys, stripe, outbox, public_key: [0; 32] };
        let project = app.admin("POST", "/v1/admin/projects", json!({"name": "P1"})).await;
        assert_eq!(project.status, 201, "{}", project.text);
        app.project_id = project.text_of("projectId").to_owned();
        app.public_key = public_key(project.text_of("publicKey"));
        app
    }

    /// Makes the secret of Appendix A the project's own, in place of the one that it was made with.
    async fn take_secret(&self, now: Timestamp) {
        let (table, kms) = (self.host.app.table.inner(), self.host.app.kms().unwrap());
        let found = table.read(&[Read::Project(self.project_id.clone())], &Meter::default()).await.unwrap();
        let mut project = project_in(&found).unwrap();
        let made_with = AttributeValue::S(format!("SECRET#{}", project.secrets[0].hash));
        let forget = table.client().delete_item().table_name(table.name()).key("pk", made_with);
        forget.key("sk", AttributeValue::S("META".to_owned())).send().await.unwrap();
        let key = Key32::new(&hex::decode(SECRET).unwrap()).unwrap();
        let hash = sha256_hex(SECRET.as_bytes());
        project.secrets[0] = ProjectSecret {
            id: format!("sec_{}", &hash[..16]),
            hash: hash.clone(),
            wrapped: kms.wrap(&self.project_id, Purpose::Secret, &key).await.unwrap(),
            created_at: now,
        };
        project.revision += 1;
        let pointer = Write::AddSecret { hash, project_id: self.project_id.clone(), created_at: now };
        table.commit(&[Write::ReplaceProject { project }, pointer], None, &Meter::default()).await.unwrap();
    }

    /// A further process on the same table, as another Lambda environment would be: no hints yet.
    pub(crate) async fn another_process(&self) -> Arc<Local> {
        let endpoints = Endpoints::embedded(&self.engine, &self.keys, &self.stripe, &self.outbox);
        Arc::new(wiring::build(endpoints, self.clock.clone(), ADMIN_KEY).await.unwrap())
    }

    /// Makes a policy; its number.
    pub(crate) async fn policy(&self, terms: Value) -> String {
        let made = self.admin("POST", &format!("/v1/admin/projects/{}/policies", self.project_id), terms).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.int_of("PolicyID").to_string()
    }

    /// Issues a license; its key.
    pub(crate) async fn license(&self, policy: &str, key: Option<&str>) -> String {
        let body =
            json!({"policyId": policy, "licenseKey": key, "customer": {"email": "ada@example.com", "name": "Ada"}});
        let made = self.admin("POST", &format!("/v1/admin/projects/{}/licenses", self.project_id), body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.body["licenses"][0]["licenseKey"].as_str().unwrap().to_owned()
    }

    /// A license of a policy like SUB with these limits.
    pub(crate) async fn license_with(&self, limits: Value) -> String {
        let mut terms = demo::sub();
        for (name, value) in limits.as_object().unwrap() {
            terms["config"]["limits"][name] = value.clone();
        }
        let policy = self.policy(terms).await;
        self.license(&policy, None).await
    }

    /// An access token of the project.
    pub(crate) async fn access_token(&self, body: Value) -> String {
        let request = Request::builder()
            .method("POST")
            .uri("/v1/access-tokens")
            .header("authorization", format!("Bearer {ADMIN_KEY}"))
            .header("x-project-id", &self.project_id);
        let made = self.send(request.body(Bytes::from(body.to_string())).unwrap()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.text_of("accessToken").to_owned()
    }

    /// Calls a route with an administrator's key.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> Reply {
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {ADMIN_KEY}"));
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    /// Posts to a license's route.
    pub(crate) async fn post(&self, key: &str, route: &str, body: Value) -> Reply {
        self.send(post_request(key, route, &body)).await
    }

    /// Gets a license's route, `""` for the license itself.
    pub(crate) async fn get(&self, key: &str, route: &str) -> Reply {
        let request =
            Request::builder().uri(format!("/v1/sdk/license/{key}{route}")).header("x-project-secret", SECRET);
        self.send(request.body(Bytes::new()).unwrap()).await
    }

    pub(crate) async fn activate(&self, key: &str, hwid: &str) -> Reply {
        self.post(key, "activate", json!({"hwid": hwid, "nickname": format!("Desk {}", &hwid[..1])})).await
    }

    pub(crate) async fn beat(&self, key: &str, hwid: &str) -> Reply {
        self.post(key, "heartbeat", json!({"hwid": hwid})).await
    }

    pub(crate) async fn consume(&self, key: &str, hwid: &str, amount: i64, id: &str) -> Reply {
        self.post(key, "consume", json!({"hwid": hwid, "amount": amount, "action": "export", "operationId": id})).await
    }

    pub(crate) async fn set_state(&self, key: &str, state: &str) -> Reply {
        self.admin("PATCH", &format!("/v1/admin/licenses/{key}"), json!({"state": state})).await
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Reply {
        send(&self.host, request).await
    }

    /// The license's whole ledger, oldest first, page by page.
    pub(crate) async fn ledger(&self, key: &str) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(key, &format!("/usage?limit=100{cursor}")).await;
            assert_eq!(page.status, 200, "{}", page.text);
            entries.extend(page.body["entries"].as_array().unwrap().iter().cloned());
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        entries.reverse();
        entries
    }

    /// Fails unless the ledger has no gap, each entry starts where the last ended, and its end is the balance. Gives
    /// what was spent by consumption.
    pub(crate) async fn audit(&self, key: &str) -> i64 {
        let ledger = self.ledger(key).await;
        let mut balance = 0;
        for (index, entry) in ledger.iter().enumerate() {
            assert_eq!(entry["sequence"], json!(index + 1), "{entry}");
            assert_eq!(entry["balanceBefore"], json!(balance), "{entry}");
            balance += entry["amount"].as_i64().unwrap();
            assert_eq!(entry["balanceAfter"], json!(balance), "{entry}");
        }
        let license = self.admin("GET", &format!("/v1/admin/licenses/{key}"), Value::Null).await;
        assert_eq!(license.int_of("tokensRemaining"), balance);
        let single = ledger.iter().filter(|entry| entry["source"] == "single" || entry["source"] == "batch");
        -single.map(|entry| entry["amount"].as_i64().unwrap()).sum::<i64>()
    }
}

/// The 32 bytes that a public key's PEM ends with.
pub(crate) fn public_key(pem: &str) -> [u8; 32] {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64.decode(body).unwrap();
    der[der.len() - 32..].try_into().unwrap()
}

/// A POST to a license's route.
pub(crate) fn post_request(key: &str, route: &str, body: &Value) -> Request<Bytes> {
    Request::builder()
        .method("POST")
        .uri(format!("/v1/sdk/license/{key}/{route}"))
        .header("x-project-secret", SECRET)
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()))
        .unwrap()
}

/// Sends a request to a process.
pub(crate) async fn send(host: &Local, request: Request<Bytes>) -> Reply {
    let (response, report) = Box::pin(host.respond(request, ALLOWANCE)).await;
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    // The encrypted face answers with a text that is no JSON.
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Reply { status: response.status().as_u16(), headers: response.headers().clone(), body, text, spent: report.spent }
}
