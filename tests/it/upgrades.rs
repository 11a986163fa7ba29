//! A version takes over what the one before it wrote: a data folder of then, opened by the server of now.

use std::path::Path;

use http::Method;
use reqwest::Client;
use serde_json::{Value, json};

use crate::tools::local_server::{Folder, Running, start};

/// What the calls that filled the folder answered.
fn made() -> Value {
    serde_json::from_str(&std::fs::read_to_string(data().join("made.json")).unwrap()).unwrap()
}

fn data() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/before-2026-11-27")
}

/// The server of now, on a copy of the folder of then, an hour after it was written.
async fn taken_over(name: &str) -> (Folder, Running, Client) {
    let folder = Folder::new(name);
    for name in ["ltlm.db", "kms.key", "demo.json"] {
        std::fs::copy(data().join(name), folder.0.join(name)).unwrap();
    }
    let (running, client) = (start(&folder.0, &["--quiet"]).await, Client::new());
    running.post(&client, "/__local/clock", &json!({"now": "2026-11-27T13:00:00Z"})).await.unwrap();
    (folder, running, client)
}

/// A call with the administrator's key; status and body.
async fn call(at: (&Running, &Client), method: Method, path: &str, id: &str, body: &Value) -> (u16, Value) {
    let (running, client) = at;
    let mut request = client
        .request(method, format!("{}{path}", running.text("/baseUrl")))
        .header("authorization", format!("Bearer {}", running.text("/adminKey")))
        .header("x-project-id", running.text("/projectId"));
    if !id.is_empty() {
        request = request.header("idempotency-key", id);
    }
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn what_the_version_before_kept_is_there_and_goes_on() {
    let (_folder, running, client) = taken_over("upgrade-data").await;
    let (at, made) = ((&running, &client), made());
    let key = made["licenses"][0].as_str().unwrap();
    let license = format!("/v1/sdk/license/{key}");

    // A use that comes again is known, by its id and by the memory of the batch; what is new is charged.
    let again = json!({"hwid": "desk 1", "amount": 5, "action": "export", "operationId": "use-1"});
    let reply = running.post(&client, &format!("{license}/consume"), &again).await.unwrap();
    assert_eq!(
        (&reply["operation"]["sequence"], &reply["operation"]["balanceAfter"]),
        (&json!(2), &json!(45)),
        "{reply}"
    );
    let uses: Vec<_> = (0..4)
        .map(|n| json!({"amount": 1, "action": "x", "timestamp": format!("2026-11-27T11:00:0{n}.0000000Z")}))
        .collect();
    let batch = json!({"hwid": "desk 1", "usages": uses});
    let reply = running.post(&client, &format!("{license}/consume-batch"), &batch).await.unwrap();
    assert_eq!((&reply["batchResult"]["duplicates"], &reply["tokensRemaining"]), (&json!(3), &json!(41)), "{reply}");
    let beat = running.post(&client, &format!("{license}/heartbeat"), &json!({"hwid": "desk 1"})).await.unwrap();
    assert_eq!((&beat["seatStatus"], &beat["status"]), (&json!("OCCUPIED"), &json!("active")), "{beat}");
    let path = format!("/v1/admin/licenses/{key}/usage/verification");
    assert_eq!(call(at, Method::GET, &path, "", &Value::Null).await.1["intact"], true);

    // Accounts, holds and pools.
    let debit = json!({"operationType": "image", "amount": 7, "operationId": "debit-1"});
    let (status, reply) = call(at, Method::POST, "/v1/accounts/user-1/debit", "", &debit).await;
    assert_eq!((status, &reply["newBalance"]), (200, &json!(93)), "the first answer: {reply}");
    let (status, reply) =
        call(at, Method::POST, "/v1/accounts/user-1/holds/hold-1/commit", "", &json!({"amount": 4})).await;
    assert_eq!((status, &reply["newBalance"]), (200, &json!(89)), "{reply}");
    for list in ["/v1/accounts", "/v1/organizations"] {
        let reply = call(at, Method::GET, list, "", &Value::Null).await.1;
        let rows = reply.as_object().unwrap().values().find_map(Value::as_array).unwrap();
        assert_eq!(rows.len(), 1, "{reply}");
    }
    let token = made["accessToken"].as_str().unwrap();
    let url = format!("{}/v1/tokens/stats?organizationId=acme", running.text("/baseUrl"));
    let reply: Value = client.get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap();
    assert!(reply.to_string().contains("general"), "{reply}");
}

#[tokio::test]
async fn what_an_administrator_did_before_is_known_and_can_be_edited() {
    let (_folder, running, client) = taken_over("upgrade-acts").await;
    let (at, made) = ((&running, &client), made());
    let project = format!("/v1/admin/projects/{}", running.text("/projectId"));

    // The same operation is told the same licenses. Another one under its id, which is the project's own by now, makes no second ones.
    let mut issue =
        json!({"policyId": made["policy"], "count": 2, "customer": {"email": "Info@Bücher.Example", "name": "Käthe"}});
    let (status, reply) = call(at, Method::POST, &format!("{project}/licenses"), "issue-1", &issue).await;
    let keys: Vec<_> =
        reply["licenses"].as_array().into_iter().flatten().map(|row| row["licenseKey"].clone()).collect();
    assert_eq!((status, json!(keys)), (201, made["licenses"].clone()), "{reply}");
    issue["count"] = json!(3);
    let reply = call(at, Method::POST, &format!("{project}/licenses"), "issue-1", &issue).await.1;
    assert_eq!(reply["code"], "LICENSE_KEY_TAKEN", "{reply}");

    // Customers and developers are found under the address as it is written now, whatever it was kept under.
    for spelled in ["info@b%C3%BCcher.example", "INFO@xn--bcher-kva.example"] {
        let reply = call(at, Method::GET, &format!("{project}/licenses?email={spelled}"), "", &Value::Null).await.1;
        assert_eq!(reply["licenses"].as_array().map(Vec::len), Some(2), "{spelled}: {reply}");
    }
    for spelled in ["Dev@Bücher.Example", "dev@xn--bcher-kva.example"] {
        let login = json!({"username": spelled, "password": "correct horse battery"});
        let reply = running.post(&client, "/v1/sdk/pro/auth/dev-login", &login).await.unwrap();
        assert_eq!(reply["projects"].as_array().map(Vec::len), Some(1), "{spelled}: {reply}");
    }

    // What nothing knows and is stored is named, and stays editable.
    let policy = format!("/v1/admin/policies/{}", made["policy"].as_str().unwrap());
    let (status, reply) = call(at, Method::PATCH, &policy, "", &json!({"name": "NEW"})).await;
    assert_eq!((status, &reply["name"]), (200, &json!("NEW")), "{reply}");
    assert!(reply["warnings"].to_string().contains("enable"), "{reply}");

    // A key that knows no family acts, and is revoked.
    let key = &made["key"];
    let url = format!("{}{project}/licenses", running.text("/baseUrl"));
    let listed = client.get(&url).bearer_auth(key["key"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(listed.status(), 200);
    let path = format!("/v1/admin/keys/{}", key["keyId"].as_str().unwrap());
    assert_eq!(call(at, Method::DELETE, &path, "", &Value::Null).await.0, 204);
    assert_eq!(client.get(&url).bearer_auth(key["key"].as_str().unwrap()).send().await.unwrap().status(), 401);
    let reply = call(at, Method::GET, &format!("{project}/webhooks"), "", &Value::Null).await.1;
    assert_eq!(reply["webhooks"].as_array().map(Vec::len), Some(1), "{reply}");
}
