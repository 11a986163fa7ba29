//! The client's HTTP over real sockets: certificates and proxies. Whoever answers is known by a refusal of its own.
#![allow(clippy::unwrap_used, reason = "a test")]

mod peers;

use std::path::PathBuf;
use std::process::Command;

use ltlm_client::{Client, Config, Error, ErrorCode, StorageKind};

use peers::{Authority, Proxy, Server};

/// Names the child that [`with_environment`] starts, and what it shall call.
const CHILD: &str = "LTLM_CLIENT_CALLS";

fn config(base_url: &str) -> Config {
    let key = "Kay64UG8yvCyLhqU000LxzYeUm0L/hLIl5S8kyKWbdc=";
    let mut config = Config::new(base_url, "prj_1", &"00".repeat(32), key);
    (config.storage, config.timeout_ms) = (StorageKind::Memory, 10_000);
    config
}

fn trusting(base_url: &str, authority: &Authority) -> Config {
    Config { ca_file: Some(authority.file.display().to_string()), ..config(base_url) }
}

/// What an activation comes to: every server here refuses it.
fn ask(config: &Config) -> Error {
    Client::open(config).unwrap().activate("LIC-0123456789ABCDEF").unwrap_err()
}

fn is_answered(error: &Error) -> bool {
    error.server_code.as_deref() == Some("LICENSE_NOT_FOUND")
}

#[test]
fn the_certificates_of_a_file_are_trusted_and_no_others() {
    let (authority, other) = (Authority::new("ours"), Authority::new("other"));
    let server = Server::start(Some(&authority));
    let url = server.url("localhost");
    assert!(is_answered(&ask(&trusting(&url, &authority))));
    assert_eq!(ask(&trusting(&url, &other)).code, ErrorCode::Tls, "another authority");
    assert_eq!(ask(&config(&url)).code, ErrorCode::Tls, "the platform knows neither");
    assert_eq!(ask(&trusting(&server.url("127.0.0.1"), &authority)).code, ErrorCode::Tls, "another name");
    assert_eq!(server.requests(), 1, "nothing is sent to who is not trusted");
}

#[test]
fn a_file_without_certificates_is_refused_at_once() {
    let authority = Authority::new("bad");
    let path = authority.file.with_extension("txt");
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&path, text).unwrap();
        let config = Config { ca_file: Some(path.display().to_string()), ..config("https://localhost") };
        assert_eq!(Client::open(&config).err().map(|error| error.code), Some(ErrorCode::BadConfig), "{text}");
    }
    let absent = Config { ca_file: Some("/no/such/file.pem".to_owned()), ..config("https://localhost") };
    assert_eq!(Client::open(&absent).err().map(|error| error.code), Some(ErrorCode::BadConfig));
}

#[test]
fn a_configured_proxy_carries_what_it_cannot_read() {
    let authority = Authority::new("carried");
    let server = Server::start(Some(&authority));
    let proxy = Proxy::start("200 Connection established");
    let through = |proxy: &Proxy| Config { proxy: Some(proxy.url()), ..trusting(&server.url("localhost"), &authority) };
    assert!(is_answered(&ask(&through(&proxy))));
    assert_eq!(proxy.asked(), [format!("CONNECT localhost:{} HTTP/1.1", server.port)]);
    let refusing = Proxy::start("407 Proxy Authentication Required");
    assert_eq!(ask(&through(&refusing)).code, ErrorCode::Proxy);
    assert_eq!((refusing.asked().len(), server.requests()), (1, 1));
    let bad = Config { proxy: Some("no address".to_owned()), ..config("https://localhost") };
    assert_eq!(Client::open(&bad).err().map(|error| error.code), Some(ErrorCode::BadConfig));
}

/// Calls a server from a process with these variables; the code that it comes to.
fn with_environment(base_url: &str, authority: &Authority, variables: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        child.env_remove(name).env_remove(name.to_lowercase());
    }
    child.args(["--exact", "a_child_calls", "--nocapture"]).envs(variables.iter().copied());
    let output = child.env(CHILD, format!("{base_url} {}", authority.file.display())).output().unwrap();
    let output_text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output_text}");
    let came_to = output_text.lines().find_map(|line| line.split_once("came to ")).expect("a result");
    came_to.1.to_owned()
}

/// No test of its own: what [`with_environment`] runs.
#[test]
fn a_child_calls() {
    let Some(task) = std::env::var_os(CHILD) else { return };
    let task = task.into_string().unwrap();
    let (base_url, file) = task.split_once(' ').unwrap();
    let error = ask(&Config { ca_file: Some(file.to_owned()), ..config(base_url) });
    let code = error.server_code.unwrap_or_else(|| format!("{:?}", error.code));
    let mut screen = std::io::stdout().lock();
    std::io::Write::write_fmt(&mut screen, format_args!("\ncame to {code}\n")).unwrap();
}

#[test]
fn c69_the_environments_proxy_is_used_and_bypassed_where_it_says_so() {
    let authority = Authority::new("environment");
    let (server, plain) = (Server::start(Some(&authority)), Server::start(None));
    let url = server.url("localhost");
    let proxy = Proxy::start("200 Connection established");
    let address = proxy.url();
    let answered = "LICENSE_NOT_FOUND";

    assert_eq!(with_environment(&url, &authority, &[("HTTPS_PROXY", &address)]), answered);
    assert_eq!(proxy.asked(), [format!("CONNECT localhost:{} HTTP/1.1", server.port)]);
    for bypass in ["localhost", "*"] {
        let variables = [("HTTPS_PROXY", address.as_str()), ("NO_PROXY", bypass)];
        assert_eq!(with_environment(&url, &authority, &variables), answered, "{bypass}");
    }
    assert_eq!((proxy.asked().len(), server.requests()), (1, 3), "NO_PROXY bypasses it");
    let elsewhere = [("HTTPS_PROXY", address.as_str()), ("NO_PROXY", "other.example")];
    assert_eq!(with_environment(&url, &authority, &elsewhere), answered);
    assert_eq!(proxy.asked().len(), 2, "NO_PROXY names another host");

    // Nobody is there: no call goes around a proxy that was asked for.
    let nobody = Proxy::nobody();
    let code = with_environment(&url, &authority, &[("HTTPS_PROXY", &nobody)]);
    assert!(["Offline", "Proxy"].contains(&code.as_str()), "{code}");
    assert_eq!(server.requests(), 4);

    // To this machine nothing is encrypted, and no proxy sees it.
    let variables = [("HTTP_PROXY", address.as_str()), ("ALL_PROXY", address.as_str())];
    assert_eq!(with_environment(&plain.url("127.0.0.1"), &authority, &variables), answered);
    assert_eq!((proxy.asked().len(), plain.requests()), (2, 1));
}

/// A folder that goes with its test.
pub(crate) fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("ltlm-network-{name}-{}", std::process::id()))
}
