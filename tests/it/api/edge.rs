//! What an edge in front of the gateway is believed, what a caller is who goes around it, and that it can be the only way.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use local::demo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::api::extract::{EDGE_HEADER, HOST_HEADER};
use shared::api::settings::Edge;

use crate::support::{L1, Reply, SECRET, TestApp, device};

const EDGE_SECRET: &str = "kqv0OQcGzCzY3nRjTQh2m1W4b6x8d9e0";

/// The fixture behind an edge.
async fn behind_an_edge(is_only_way: bool) -> TestApp {
    let mut app = TestApp::new().await;
    let host = Arc::get_mut(&mut app.host).unwrap();
    host.settings.edge = Some(Edge {
        address_header: "cloudfront-viewer-address".to_owned(),
        secret_sha256: Sha256::digest(EDGE_SECRET).into(),
        is_only_way,
    });
    app
}

/// A call with these headers.
async fn call(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Reply {
    let request = Request::builder().method(method).uri(path).header("x-project-secret", SECRET);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    app.send(request.header("content-type", "application/json").body(body).unwrap()).await
}

#[tokio::test]
async fn a_country_counts_only_beside_the_secret_of_the_edge() {
    let app = behind_an_edge(false).await;
    let mut terms = demo::sub();
    terms["config"]["geofencing"] = json!({"enabled": true, "allowedCountries": ["DE"], "blockedCountries": ["KP"]});
    let policy = app.policy(terms).await;
    let activate = format!("/v1/sdk/license/{}/activate", app.license(&policy, None).await);
    let from = async |country: &str, secret: Option<&str>| {
        let secret = secret.map(|secret| (EDGE_HEADER, secret));
        let headers: Vec<_> = [("cloudfront-viewer-country", country)].into_iter().chain(secret).collect();
        call(&app, "POST", &activate, &headers, json!({"hwid": device('a')})).await
    };
    from("KP", Some(EDGE_SECRET)).await.refused(403, "REGION_BLOCKED");
    let reply = from("DE", Some(EDGE_SECRET)).await;
    assert_eq!((reply.status, reply.body["detectedCountry"].as_str()), (200, Some("DE")), "{}", reply.text);
    // Who goes around the edge is in no country that he names.
    for secret in [None, Some(""), Some("kqv0")] {
        let reply = from("DE", secret).await;
        assert_eq!((reply.status, &reply.body["detectedCountry"]), (200, &Value::Null), "{}", reply.text);
    }
}

#[tokio::test]
async fn an_address_counts_only_beside_the_secret_of_the_edge() {
    let app = behind_an_edge(false).await;
    let guesses = async |secret: &str, address: &dyn Fn(u32) -> String| {
        for nth in 0..60 {
            let headers = [(EDGE_HEADER, secret), ("cloudfront-viewer-address", &address(nth))];
            let path = format!("/v1/sdk/license/LIC-{nth:016X}");
            if call(&app, "GET", &path, &headers, Value::Null).await.status == 429 {
                return nth;
            }
        }
        60
    };
    let many = |nth: u32| format!("203.0.113.{nth}:443");
    assert_eq!(guesses(EDGE_SECRET, &|_| "198.51.100.7:46532".to_owned()).await, 40, "one address, through the edge");
    assert_eq!(guesses(EDGE_SECRET, &many).await, 60, "sixty addresses, through the edge");
    assert_eq!(guesses("wrong", &many).await, 40, "sixty made-up addresses, around it");
}

#[tokio::test]
async fn the_browser_comes_back_to_the_host_of_the_edge() {
    let app = behind_an_edge(false).await;
    let policy = app.seen(L1).await["policy"]["PolicyID"].to_string();
    let host_of = async |secret: &str| {
        let headers = [
            (EDGE_HEADER, secret),
            (HOST_HEADER, "licenses.example.com"),
            ("host", "a1b2c3.execute-api.eu-west-1.amazonaws.com"),
            ("x-forwarded-proto", "https"),
        ];
        let order = json!({"policyId": policy, "customerEmail": "ada@example.com"});
        let answer = call(&app, "POST", "/v1/sdk/project/checkout-link", &headers, order).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = app.stripe.session(answer.text_of("sessionId")).unwrap();
        page.success_url.split("/v1/").next().unwrap().to_owned()
    };
    assert_eq!(host_of(EDGE_SECRET).await, "https://licenses.example.com");
    assert_eq!(host_of("wrong").await, "https://a1b2c3.execute-api.eu-west-1.amazonaws.com");
}

#[tokio::test]
async fn where_the_edge_is_the_only_way_nothing_else_is_answered() {
    let app = behind_an_edge(true).await;
    let (license, health) = (format!("/v1/sdk/license/{L1}"), "/health");
    for path in [license.as_str(), health] {
        let answered = call(&app, "GET", path, &[(EDGE_HEADER, EDGE_SECRET)], Value::Null).await;
        assert_eq!(answered.status, 200, "{path}: {}", answered.text);
        for headers in [&[][..], &[(EDGE_HEADER, "")], &[(EDGE_HEADER, "wrong")]] {
            let refused = call(&app, "GET", path, headers, Value::Null).await;
            refused.refused(403, "EDGE_REQUIRED");
            assert_eq!(refused.spent.round_trips, 0, "{path}");
        }
    }
}
