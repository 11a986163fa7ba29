//! The callers that may use the local switches: programs on this machine, and pages of this server. Every page that a
//! browser of this machine shows can send requests here: it names itself in `Origin`, and a page whose host name was
//! pointed at this address names that host in `Host`.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// What is said to all others.
pub(crate) const REFUSED: &str = "The switches under /__local are for this machine: call them by localhost, 127.0.0.1 or [::1] \
    with the server's port, and not from a page of another site.\n";

/// Does the request come to this server under its own name, and from no page of another's?
pub(crate) fn is_own(headers: &HeaderMap, address: SocketAddr) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, more) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next());
    let is_host = more.is_none() && host.is_some_and(|host| is_name(host, address));
    let mut origins = headers.get_all(ORIGIN).iter().map(|origin| origin.to_str().ok());
    is_host
        && origins.all(|origin| {
            origin.and_then(|origin| origin.strip_prefix("http://")).is_some_and(|host| is_name(host, address))
        })
}

/// Is this a name of the server, with its port? The configured listening address is one, because no DNS name can be a
/// numeric address.
fn is_name(host: &str, address: SocketAddr) -> bool {
    let port = format!(":{}", address.port());
    // Browsers leave out the port that is understood.
    let name = host.strip_suffix(&port).or(Some(host).filter(|_| address.port() == 80));
    let listening = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    name.is_some_and(|name| {
        ["localhost", "127.0.0.1", "[::1]", listening.as_str()].iter().any(|own| own.eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_own_of(address: &str, headers: &[(http::HeaderName, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        is_own(&map, address.parse().unwrap())
    }

    #[test]
    fn a_request_names_this_server_and_no_other() {
        fn local(headers: &[(http::HeaderName, &str)]) -> bool {
            is_own_of("127.0.0.1:8787", headers)
        }
        for host in ["localhost:8787", "LOCALHOST:8787", "127.0.0.1:8787", "[::1]:8787"] {
            assert!(local(&[(HOST, host)]), "{host}");
            assert!(local(&[(HOST, "localhost:8787"), (ORIGIN, &format!("http://{host}"))]), "{host}");
        }
        for host in [
            "evil.example:8787",
            "localhost",
            "localhost:80",
            "localhost:8788",
            "localhost.evil.example:8787",
            "evil.localhost:8787",
            "127.0.0.1.nip.example:8787",
            "127.0.0.2:8787",
            "",
        ] {
            assert!(!local(&[(HOST, host)]), "{host}");
            assert!(!local(&[(HOST, "localhost:8787"), (ORIGIN, &format!("http://{host}"))]), "{host}");
        }
        for origin in ["null", "https://localhost:8787", "localhost:8787", "http://localhost:8787/", "file://"] {
            assert!(!local(&[(HOST, "localhost:8787"), (ORIGIN, origin)]), "{origin}");
        }
        assert!(!local(&[]), "no host");
        assert!(!local(&[(HOST, "localhost:8787"), (HOST, "evil.example:8787")]), "two hosts");
        let origins = [(HOST, "localhost:8787"), (ORIGIN, "http://localhost:8787"), (ORIGIN, "http://evil.example")];
        assert!(!local(&origins), "two origins");
    }

    #[test]
    fn a_server_that_listens_elsewhere_has_that_name_too() {
        assert!(is_own_of("192.168.0.5:8787", &[(HOST, "192.168.0.5:8787")]));
        assert!(!is_own_of("192.168.0.5:8787", &[(HOST, "192.168.0.6:8787")]));
        assert!(is_own_of("127.0.0.1:80", &[(HOST, "localhost"), (ORIGIN, "http://localhost")]));
        assert!(is_own_of("[fd00::5]:8787", &[(HOST, "[fd00::5]:8787")]));
    }
}
