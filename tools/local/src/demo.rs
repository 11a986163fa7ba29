//! The demo: a project, the policies SUB, PERP and AIR of fixture F (wire section 6), and a license of each, created
//! through the product's own routes. Each call has a fixed operation id, so a start that was killed half-way continues
//! where it was.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use shared::service::ids;
use shared::service::ports::Entropy;
use shared::table::port::Table;

use shared::host::background::JobReport;
use shared::host::entropy::SystemEntropy;
use shared::host::respond::Host;

use crate::background::Background;
use crate::clock::MovableClock;

/// Time for one call.
const ALLOWANCE: Duration = Duration::from_secs(8);

/// A new administrator key.
pub fn new_admin_key() -> String {
    ids::admin_key(&SystemEntropy)
}

/// A new secret by which functions know an edge: 256 random bits in hex.
pub fn new_edge_secret() -> String {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    hex::encode(bytes)
}

/// Policy SUB of fixture F.
pub fn sub() -> Value {
    json!({
        "name": "SUB", "slug": "sub", "type": "subscription", "price": 9.99, "currency": "USD",
        "recurringInterval": "month", "recurringIntervalCount": 1, "recurringPrice": 9.99,
        "config": {
            "limits": {
                "time": {"mode": "duration", "durationDays": 30, "gracePeriodDays": 7},
                "seats": {"enabled": true, "maxSeats": 2},
                "tokens": {"enabled": true, "maxTokens": 100},
                "devices": {"maxDevices": 3, "hwidRequired": true},
            },
            "capabilities": ["pro"],
            "sdkEnforcement": {
                "mode": "standard",
                "heartbeat": {"enabled": true, "interval": 5},
                "offlineGracePeriod": {"enabled": true, "duration": 72},
            },
            "customerActions": {
                "allowHardwareRelease": false, "allowRemoteSeatRelease": true, "canBuyTopUps": true,
                "seatReleaseCooldownSeconds": 300,
            },
            "visibility": {"storefront": true, "dashboard": true},
        },
        "topUpOptions": [
            {"packId": "tokens_50", "name": "50 tokens", "tokens": 50, "price": {"amount": 4.99, "currency": "USD"}},
            {"packId": "bundle", "name": "Bundle", "tokens": 10, "devices": 1, "seats": 1, "days": 30, "capability": "export",
                "price": {"amount": 14.99, "currency": "USD"}},
        ],
    })
}

/// Policy PERP of fixture F.
pub fn perp() -> Value {
    json!({
        "name": "PERP", "slug": "perp", "type": "perpetual", "price": 49, "currency": "USD",
        "config": {"limits": {"seats": {"enabled": false}, "tokens": {"enabled": false}, "devices": {"maxDevices": 1}}},
    })
}

/// Policy AIR of fixture F.
pub fn air() -> Value {
    json!({
        "name": "AIR", "slug": "air", "type": "fixed_duration", "isAirGapped": true,
        "config": {"limits": {"time": {"mode": "duration", "durationDays": 365}, "devices": {"maxDevices": 2}}},
    })
}

/// Calls an administrator's route within the process.
pub async fn call<T: Table>(
    host: &Host<T>,
    admin_key: &str,
    method: &str,
    path: &str,
    operation: &str,
    body: &Value,
) -> Result<Value, String> {
    send(host, request(admin_key, method, path, operation), body).await
}

fn request(admin_key: &str, method: &str, path: &str, operation: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {admin_key}"));
    request.header("idempotency-key", operation)
}

async fn send<T: Table>(host: &Host<T>, request: http::request::Builder, body: &Value) -> Result<Value, String> {
    let request = request
        .header("content-type", "application/json")
        .body(Bytes::from(body.to_string()))
        .map_err(|error| error.to_string())?;
    let asked = format!("{} {}", request.method(), request.uri());
    let (response, report) = host.respond(request, ALLOWANCE).await;
    let text = String::from_utf8_lossy(response.body()).into_owned();
    match response.status().is_success() {
        true => serde_json::from_str(&text).map_err(|error| error.to_string()),
        false => Err(format!("{asked} answered {text} ({})", report.cause.unwrap_or_default())),
    }
}

/// Creates the demo, or reads it back if it exists. The answer is `demo.json` except `baseUrl` and `adminKey`.
pub async fn make<T: Table>(host: &Host<T>, admin_key: &str) -> Result<Value, String> {
    let body = json!({"name": "Demo"});
    let project = call(host, admin_key, "POST", "/v1/admin/projects", "demo-project", &body).await?;
    let project_id = project["projectId"].as_str().unwrap_or_default().to_owned();
    // At the till no real money is paid.
    let body = json!({"settings": {"payments": {"mode": "test"}}});
    call(host, admin_key, "PATCH", &format!("/v1/admin/projects/{project_id}"), "demo-payments", &body).await?;
    let (mut policies, mut licenses) = (json!({}), json!({}));
    for (name, terms) in [("SUB", sub()), ("PERP", perp()), ("AIR", air())] {
        let path = format!("/v1/admin/projects/{project_id}/policies");
        let policy = call(host, admin_key, "POST", &path, &format!("demo-policy-{name}"), &terms).await?;
        policies[name] = policy["PolicyID"].clone();
        let body = json!({"policyId": policy["PolicyID"].to_string(), "customer": {"email": "ada@example.com", "name": "Ada"}});
        let path = format!("/v1/admin/projects/{project_id}/licenses");
        let issued = call(host, admin_key, "POST", &path, &format!("demo-license-{name}"), &body).await?;
        licenses[name] = issued["licenses"][0]["licenseKey"].clone();
    }
    Ok(json!({
        "projectId": project_id,
        "projectSecret": project["secretKey"],
        "publicKeyPem": project["publicKey"],
        "policies": policies,
        "licenses": licenses,
    }))
}

/// Accounts of the renewals' night.
const NIGHT_ACCOUNTS: usize = 240;
/// Seconds of a period of the default plans.
const PERIOD_SECONDS: i64 = 30 * 86_400;

/// A renewal night: accounts on three plans, 30 days later the dispatcher, the queue and its workers, with progress
/// messages. Another start on the same data finds them renewed.
pub async fn night<T: Table>(
    host: &Host<T>,
    background: &Background,
    clock: &MovableClock,
    admin_key: &str,
    project: &str,
    say: impl Fn(&str),
) -> Result<(), String> {
    for index in 0..NIGHT_ACCOUNTS {
        let tier = ["Gift", "Gift", "Professional", "Business"][index % 4];
        let body = json!({"accountId": format!("user-{index}"), "tier": tier});
        account(host, admin_key, project, "POST", "/v1/accounts", &format!("night-{index}"), &body).await?;
    }
    say(&format!("\n{NIGHT_ACCOUNTS} accounts are there. 30 days pass."));
    clock.advance_seconds(PERIOD_SECONDS);
    let count = |report: &JobReport, name: &str| {
        report.counts.iter().filter(|(known, _)| *known == name).map(|(_, count)| *count).sum::<i64>()
    };
    let report = background.dispatch().await;
    say(&format!(
        "The dispatcher hands {} accounts to the queue ({} read units, {} messages).",
        count(&report, "Dispatched"),
        report.spent.read_units,
        background.queue.waiting().len()
    ));
    let (mut renewed, mut tokens, started) = (0, 0, std::time::Instant::now());
    while let Some(report) = background.work().await {
        renewed += count(&report, "Renewed");
        tokens += count(&report, "Tokens");
        say(&format!(
            "  a worker: {renewed} of {NIGHT_ACCOUNTS} renewed, {} messages wait",
            background.queue.waiting().len()
        ));
    }
    say(&format!("{renewed} accounts got {tokens} tokens in {:.1} s.", started.elapsed().as_secs_f64()));
    let again = background.dispatch().await;
    say(&format!("Once more: {} accounts are due.", count(&again, "Dispatched")));
    let reply = account(host, admin_key, project, "GET", "/v1/accounts/user-2", "night-look", &json!({})).await?;
    say(&format!(
        "user-2 on {}: {} tokens, renewed {}, next {}\n",
        reply["tier"], reply["tokensBalance"], reply["lastRenewalAt"], reply["nextRenewalAt"]
    ));
    Ok(())
}

/// Calls a route of accounts within the process.
async fn account<T: Table>(
    host: &Host<T>,
    admin_key: &str,
    project: &str,
    method: &str,
    path: &str,
    operation: &str,
    body: &Value,
) -> Result<Value, String> {
    let request = request(admin_key, method, path, operation).header("x-project-id", project);
    send(host, request, body).await
}
