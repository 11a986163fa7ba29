//! From a method and a path to a route.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::api::routes::{ROUTES, Route};

/// The prefix that paths may carry (wire 1.1).
pub const PREFIX: &str = "/api";

/// Values of a path's `{names}`, percent-decoded.
pub type Parameters = Vec<(String, String)>;

/// What a method and path lead to.
pub enum Found {
    /// A route.
    Route(&'static Route, Parameters),
    /// A browser asks whether it may call.
    Preflight,
    /// A path with other methods: these.
    OtherMethods(String),
    /// Nothing.
    Nothing,
}

/// A path without the prefix that it may carry.
pub fn without_prefix(path: &str) -> &str {
    path.strip_prefix(PREFIX).filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// Finds the route of a method and path. No redirects, and no canonical spelling of a path but its own (wire 1.1).
pub fn find(method: &Method, path: &str) -> Found {
    let path = without_prefix(path);
    let Ok(matched) = ROUTER.at(path) else { return Found::Nothing };
    let candidates = matched.value;
    if method == Method::OPTIONS {
        return Found::Preflight;
    }
    // HEAD is GET without the body.
    let wanted = if method == Method::HEAD { "GET" } else { method.as_str() };
    let Some(route) = candidates.iter().find(|route| route.method == wanted) else {
        let methods: Vec<_> = candidates.iter().map(|route| route.method).collect();
        return Found::OtherMethods(methods.join(", "));
    };
    let decoded = matched.params.iter().map(|(name, value)| {
        let text = percent_decode_str(value).decode_utf8_lossy().into_owned();
        (name.to_owned(), text)
    });
    Found::Route(route, decoded.collect())
}

static ROUTER: std::sync::LazyLock<matchit::Router<Vec<&'static Route>>> = std::sync::LazyLock::new(|| {
    let mut paths: Vec<(&str, Vec<&'static Route>)> = Vec::new();
    for route in ROUTES {
        match paths.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, routes)) => routes.push(route),
            None => paths.push((route.path, vec![route])),
        }
    }
    let mut router = matchit::Router::new();
    for (path, routes) in paths {
        // Paths are constants of this file, and the test below inserts each of them.
        let inserted = router.insert(path, routes);
        debug_assert!(inserted.is_ok());
    }
    router
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes::FUNCTIONS;

    #[test]
    fn every_route_is_found_with_and_without_the_prefix() {
        for route in ROUTES {
            let path = route
                .path
                .replace("{key}", "LIC-1")
                .replace("{projectId}", "p")
                .replace("{licenseKey}", "LIC-1")
                .replace("{hwid}", "a")
                .replace("{secretId}", "s")
                .replace("{PolicyID}", "1")
                .replace("{keyId}", "k")
                .replace("{accountId}", "u")
                .replace("{holdId}", "h")
                .replace("{organizationId}", "o")
                .replace("{userId}", "m")
                .replace("{tokenId}", "t")
                .replace("{orderId}", "o")
                .replace("{username}", "d@e.f")
                .replace("{webhookId}", "w");
            let method: Method = route.method.parse().unwrap();
            for path in [path.clone(), format!("/api{path}")] {
                let Found::Route(found, _) = find(&method, &path) else { panic!("{path}") };
                assert_eq!(found.name, route.name);
            }
            assert!(FUNCTIONS.iter().any(|function| function.name == route.function), "{}", route.function);
        }
    }

    #[test]
    fn what_is_not_a_route_is_told_apart() {
        assert!(matches!(find(&Method::GET, "/nothing"), Found::Nothing));
        assert!(matches!(find(&Method::GET, "/health/"), Found::Nothing));
        assert!(matches!(find(&Method::GET, "/apihealth"), Found::Nothing));
        assert!(matches!(find(&Method::DELETE, "/health"), Found::OtherMethods(methods) if methods == "GET"));
        assert!(matches!(find(&Method::OPTIONS, "/api/health"), Found::Preflight));
        let Found::Route(_, parameters) = find(&Method::GET, "/v1/sdk/license/a%20b%2Fc") else { panic!() };
        assert_eq!(parameters, [("key".to_owned(), "a b/c".to_owned())]);
    }
}
