//! Converts a request as API Gateway does before a function receives it, so that the product runs locally as on AWS:
//! the path decoded except percent signs, its names separately, headers in lower case with duplicates joined, cookies
//! separately, a body in base64 unless it is text (AWS, "Create AWS Lambda proxy integrations for HTTP APIs").

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, COOKIE, HeaderMap};
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use shared::api::router::{Found, PREFIX, find};
use shared::host::entropy::SystemEntropy;
use shared::host::gateway::Event;
use shared::service::ports::Entropy;

/// The request as a function sees it behind the gateway.
pub fn through(parts: &Parts, body: &[u8], peer: Option<IpAddr>) -> Request<Bytes> {
    // It is of the form that the product reads, whatever was sent.
    let event: Event = serde_json::from_value(event(parts, body, peer)).unwrap_or_default();
    event.into_request()
}

/// The event of this request.
pub fn event(parts: &Parts, body: &[u8], peer: Option<IpAddr>) -> Value {
    let path = parts.uri.path();
    let (route_key, names) = match find(&parts.method, path) {
        Found::Route(route, names) => {
            let is_prefixed = path.starts_with(PREFIX) && !route.path.starts_with(PREFIX);
            (format!("{} {}{}", route.method, if is_prefixed { PREFIX } else { "" }, route.path), Some(names))
        }
        _ => ("$default".to_owned(), None),
    };
    // All is decoded but the percent sign.
    let kept = |text: &str| text.replace('%', "%25");
    let names: Option<BTreeMap<_, _>> = names
        .filter(|names| !names.is_empty())
        .map(|names| names.into_iter().map(|(name, value)| (name, kept(&value))).collect());
    let is_text = is_text(&parts.headers);
    let body = match std::str::from_utf8(body) {
        Ok(text) if is_text => Some((text.to_owned(), false)),
        _ if body.is_empty() => None,
        _ => Some((BASE64.encode(body), true)),
    };
    let path = path.replace("%25", "%2525");
    let raw_path = percent_decode_str(&path).decode_utf8_lossy();
    json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": raw_path,
        "rawQueryString": parts.uri.query().unwrap_or(""),
        "cookies": cookies(&parts.headers),
        "headers": headers(&parts.headers, peer),
        "pathParameters": names,
        "requestContext": {
            "http": {"method": parts.method.as_str(), "path": raw_path, "sourceIp": peer.map(|peer| peer.to_string())},
            "requestId": request_id(),
            "routeKey": route_key,
            "stage": "$default",
        },
        "isBase64Encoded": body.as_ref().is_some_and(|(_, is_base64)| *is_base64),
        "body": body.map(|(text, _)| text),
    })
}

fn request_id() -> String {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    hex::encode(bytes)
}

/// Is the body handed over as it is?
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let known = ["application/json", "application/javascript", "application/xml"];
    kind.starts_with("text/") || known.contains(&kind.as_str())
}

fn headers(sent: &HeaderMap, peer: Option<IpAddr>) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in sent.iter().filter(|(name, _)| **name != COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|before| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    if let Some(peer) = peer {
        headers.insert("x-forwarded-for".to_owned(), peer.to_string());
    }
    headers
}

fn cookies(sent: &HeaderMap) -> Option<Vec<String>> {
    let texts = sent.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<_> = texts.flat_map(|text| text.split("; ")).map(str::to_owned).collect();
    (!cookies.is_empty()).then_some(cookies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_as_the_gateway_tells_it() {
        let request = Request::builder()
            .method("DELETE")
            .uri("/api/v1/sdk/license/LIC-1/devices/a%2Fb%23%25?hwid=a%20b")
            .header("X-Name", "1")
            .header("x-name", "2")
            .header("Cookie", "a=1; b=2");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let made = event(&parts, b"{}", Some([127, 0, 0, 1].into()));
        assert_eq!(made["routeKey"], "DELETE /api/v1/sdk/license/{key}/devices/{hwid}");
        assert_eq!(
            (&made["rawPath"], &made["rawQueryString"]),
            (&json!("/api/v1/sdk/license/LIC-1/devices/a/b#%25"), &json!("hwid=a%20b"))
        );
        assert_eq!(made["pathParameters"], json!({"key": "LIC-1", "hwid": "a/b#%25"}));
        assert_eq!((&made["headers"]["x-name"], &made["cookies"]), (&json!("1,2"), &json!(["a=1", "b=2"])));
        assert_eq!((&made["body"], &made["isBase64Encoded"]), (&json!("e30="), &json!(true)));
        assert_eq!(
            through(&parts, b"{}", None).uri().to_string(),
            "/api/v1/sdk/license/LIC-1/devices/a%2Fb%23%25?hwid=a%20b"
        );
    }
}
