//! Converts API Gateway's events (HTTP API, payload format 2.0) to requests, and answers to the gateway's format.
//!
//! The gateway passes the path *decoded*, except percent signs: for `/devices/a%2Fb` and for `/devices/a/b` it passes
//! the same path. It also passes what it found for the names in the route's pattern, so the path is built again,
//! encoded, from the pattern and these values (AWS, "Create AWS Lambda proxy integrations for HTTP APIs").
//!
//! This is our own and no library's, because the usual one joins the decoded path to an address again: a device `a#b` is cut off
//! there, `..` goes one level up, and a query that is no address ends the process.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use ltlm_protocol::proof::UNRESERVED;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::extract::SourceAddress;
use crate::host::respond::RequestId;

/// What is encoded in a query that came as it was sent: what no address holds. What is encoded already stays.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}');

/// An event of an HTTP API, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Method and pattern, such as `GET /v1/sdk/license/{key}`; `$default` where no route fits.
    #[serde(default)]
    route_key: String,
    #[serde(default)]
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    cookies: Option<Vec<String>>,
    path_parameters: Option<BTreeMap<String, String>>,
    request_context: Context,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    http: Http,
    request_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    source_ip: Option<String>,
}

impl Event {
    /// The request that the gateway received. Headers that no request can have are left out.
    pub fn into_request(self) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::from_bytes(self.request_context.http.method.as_bytes()).unwrap_or_default();
        *request.uri_mut() = self.uri();
        *request.headers_mut() = self.header_map();
        if let Some(address) = &self.request_context.http.source_ip {
            request.extensions_mut().insert(SourceAddress(address.clone()));
        }
        if let Some(id) = &self.request_context.request_id {
            request.extensions_mut().insert(RequestId(id.clone()));
        }
        let body = self.body.unwrap_or_default();
        *request.body_mut() = match self.is_base64_encoded {
            true => BASE64.decode(&body).map_or_else(|_| Bytes::from(body), Bytes::from),
            false => Bytes::from(body),
        };
        request
    }

    fn uri(&self) -> Uri {
        let path = self.path_of_route().unwrap_or_else(|| encoded_path(&self.raw_path));
        let query = utf8_percent_encode(&self.raw_query_string, QUERY);
        let text = if self.raw_query_string.is_empty() { path.clone() } else { format!("{path}?{query}") };
        // Both are encoded by now. What is no address all the same (it is too long) is no route either.
        Uri::try_from(text).or_else(|_| Uri::try_from(path)).unwrap_or_default()
    }

    /// The path that the route's pattern gives with what the gateway found for its names.
    fn path_of_route(&self) -> Option<String> {
        let (_, pattern) = self.route_key.split_once(' ')?;
        let found = self.path_parameters.as_ref();
        let parts =
            pattern.split('/').map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                None => Some(part.to_owned()),
                Some(name) => Some(utf8_percent_encode(&name_of(found?.get(name)?), UNRESERVED).to_string()),
            });
        Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
    }

    fn header_map(&self) -> HeaderMap {
        let known = self.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
        });
        let mut headers: HeaderMap = known.collect();
        let cookies = self.cookies.as_ref().map(|cookies| HeaderValue::try_from(cookies.join("; ")));
        if let Some(Ok(cookies)) = cookies {
            headers.insert(COOKIE, cookies);
        }
        headers
    }
}

/// A name from the value that the gateway found for it: everything is decoded except the percent sign itself, which
/// stays `%25` (MiniStack 1.5.33 imitates AWS in this; not verified on AWS yet). If a percent sign is alone, the
/// gateway has decoded that, too.
fn name_of(found: &str) -> Cow<'_, str> {
    let is_kept = found.split('%').skip(1).all(|rest| rest.starts_with("25"));
    if is_kept { Cow::Owned(found.replace("%25", "%")) } else { Cow::Borrowed(found) }
}

/// A decoded path, encoded again as far as possible: it is unknown which of its slashes were encoded.
fn encoded_path(raw: &str) -> String {
    let parts: Vec<_> =
        raw.split('/').map(|part| utf8_percent_encode(&name_of(part), UNRESERVED).to_string()).collect();
    parts.join("/")
}

/// An answer in the gateway's format. Content that is not UTF-8 is sent in base64.
pub fn answer(response: &Response<Bytes>) -> Value {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in response.headers().iter().filter(|(name, _)| **name != SET_COOKIE) {
        headers.entry(name.as_str()).or_default().push(text(value));
    }
    let headers: BTreeMap<_, _> = headers.into_iter().map(|(name, values)| (name, values.join(", "))).collect();
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().map(text).collect();
    let (body, is_base64) = match std::str::from_utf8(response.body()) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (BASE64.encode(response.body()), true),
    };
    json!({"statusCode": response.status().as_u16(), "headers": headers, "cookies": cookies, "body": body,
        "isBase64Encoded": is_base64})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(event: Value) -> Request<Bytes> {
        serde_json::from_value::<Event>(event).unwrap().into_request()
    }

    fn of(route_key: &str, raw_path: &str, parameters: Value, query: &str) -> Request<Bytes> {
        request(json!({"version": "2.0", "routeKey": route_key, "rawPath": raw_path, "rawQueryString": query,
            "headers": {"host": "x"}, "pathParameters": parameters, "isBase64Encoded": false,
            "requestContext": {"http": {"method": "GET", "sourceIp": "203.0.113.7"}, "requestId": "JKJaXmPLvHcESHA=", "stage": "$default"}}))
    }

    #[test]
    fn a_name_in_a_path_is_the_one_that_the_gateway_found() {
        // As it is told, and as it stands in a path.
        let route = "GET /v1/sdk/license/{key}/devices/{hwid}";
        for (name, encoded) in [
            ("ab/cd", "ab%2Fcd"),
            ("a#b", "a%23b"),
            ("a?b", "a%3Fb"),
            ("50%25", "50%25"),
            ("50%2525", "50%2525"),
            ("50% of 25%", "50%25%20of%2025%25"),
            ("..", ".."),
            ("a b+c", "a%20b%2Bc"),
            ("Bücher", "B%C3%BCcher"),
        ] {
            let parameters = json!({"key": "LIC-1", "hwid": name});
            let got = of(route, &format!("/v1/sdk/license/LIC-1/devices/{name}"), parameters, "a=%20&b=\"{");
            assert_eq!(got.uri().path(), format!("/v1/sdk/license/LIC-1/devices/{encoded}"), "{name}");
            assert_eq!(got.uri().query(), Some("a=%20&b=%22%7B"));
        }
        // A stage's name, or a custom domain's mapping, stands in the path and not in the pattern.
        let staged = of("GET /api/v1/accounts/{accountId}", "/prod/api/v1/accounts/a", json!({"accountId": "a"}), "");
        assert_eq!(staged.uri().path(), "/api/v1/accounts/a");
        assert_eq!(staged.extensions().get::<RequestId>().map(|id| id.0.as_str()), Some("JKJaXmPLvHcESHA="));
        assert_eq!(staged.extensions().get::<SourceAddress>().map(|address| address.0.as_str()), Some("203.0.113.7"));
    }

    #[test]
    fn without_a_route_the_path_is_what_was_told() {
        assert_eq!(of("$default", "/no such/route#%", Value::Null, "").uri().path(), "/no%20such/route%23%25");
        assert_eq!(of("GET /v1/{gone}", "/v1/x", Value::Null, "").uri().path(), "/v1/x");
    }

    #[test]
    fn bodies_headers_and_cookies_come_as_they_were_sent() {
        let got =
            request(json!({"routeKey": "POST /v1/x", "rawPath": "/v1/x", "body": "e30=", "isBase64Encoded": true,
            "headers": {"content-type": "text/plain", "x-name": "Bücher", "no name": "x", "x-odd": "a\nb"},
            "cookies": ["a=1", "b=2"], "requestContext": {"http": {"method": "POST"}}}));
        assert_eq!((got.method().as_str(), &got.body()[..]), ("POST", &b"{}"[..]));
        assert_eq!(got.headers()["cookie"], "a=1; b=2");
        assert_eq!((got.headers()["x-name"].as_bytes(), got.headers().len()), ("Bücher".as_bytes(), 3));
    }

    #[test]
    fn an_answer_keeps_its_cookies_apart() {
        let mut response = Response::new(Bytes::from_static(b"{}"));
        for (name, value) in [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("vary", "origin"), ("vary", "accept")] {
            response.headers_mut().append(name, HeaderValue::from_static(value));
        }
        let reply = answer(&response);
        assert_eq!(
            (&reply["cookies"], &reply["headers"]),
            (&json!(["a=1", "b=2"]), &json!({"vary": "origin, accept"}))
        );
        assert_eq!(
            (&reply["body"], &reply["isBase64Encoded"], &reply["statusCode"]),
            (&json!("{}"), &json!(false), &json!(200))
        );
        assert_eq!(answer(&Response::new(Bytes::from_static(b"\xff")))["body"], "/w==");
    }
}
