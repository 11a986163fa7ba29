//! Requests over HTTP.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::config::Config;
use crate::error::{Error, ErrorCode};
use crate::machine::{Failure, HttpAnswer, Request};

/// Largest answer that is read, in bytes: more than Lambda returns.
const ANSWER_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Sends requests. It blocks until there is an answer, a failure, or no time left.
pub trait Transport: Send + Sync {
    /// Sends a request.
    fn send(&self, request: &Request, timeout: Duration) -> Result<HttpAnswer, Failure>;
}

/// HTTP by `ureq`, with the platform's certificates or those of a file.
pub struct HttpTransport {
    agent: Agent,
    base_url: String,
}

impl HttpTransport {
    /// A transport to the configured deployment.
    ///
    /// # Errors
    /// [`ErrorCode::BadConfig`] if the proxy is no address, or the file of certificates cannot be read or holds none.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let roots = match &config.ca_file {
            Some(path) => roots(path)?,
            None => RootCerts::PlatformVerifier,
        };
        let cryptography = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(cryptography).build();
        let mut builder = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry the project's secret elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("ltlm-client/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        if config.base_url.starts_with("http:") {
            // It leads to this machine (C-71), unencrypted: no proxy may see it.
            builder = builder.proxy(None);
        } else if let Some(proxy) = &config.proxy {
            let proxy =
                ureq::Proxy::new(proxy).map_err(|_| Error::new(ErrorCode::BadConfig, "proxy is no address."))?;
            builder = builder.proxy(Some(proxy));
        }
        Ok(Self { agent: builder.build().new_agent(), base_url: config.base_url.trim_end_matches('/').to_owned() })
    }
}

/// The certificates of a file in PEM.
fn roots(path: &str) -> Result<RootCerts, Error> {
    let bad = |why: String| Error::new(ErrorCode::BadConfig, format!("caFile cannot be used: {why}."));
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        // A private key in it is none of the client's business.
        if let PemItem::Certificate(certificate) = item.map_err(|_| bad("it is no PEM".to_owned()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(bad("it holds no certificate".to_owned()));
    }
    Ok(RootCerts::from(certificates))
}

impl Transport for HttpTransport {
    fn send(&self, request: &Request, timeout: Duration) -> Result<HttpAnswer, Failure> {
        let url = format!("{}{}", self.base_url, request.path);
        let mut builder = ureq::http::Request::builder().method(request.method).uri(url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let body = request.body.clone().unwrap_or_default();
        let ready = builder.body(body).map_err(|_| Failure::Unsent)?;
        let ready = self.agent.configure_request(ready).timeout_global(Some(timeout)).build();
        let response = self.agent.run(ready).map_err(|error| failure(&error))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (retry_after, date) = (header("retry-after"), header("date"));
        let status = response.status().as_u16();
        let read = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = read.map_err(|error| match failure(&error) {
            // It was sent: an answer had begun.
            Failure::Unsent => Failure::Lost,
            other => other,
        })?;
        Ok(HttpAnswer { status, retry_after, date, body })
    }
}

/// Which failure it is.
fn failure(error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::Timeout(_) => Failure::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::BadUri(_) => Failure::Unsent,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::TlsRequired => Failure::Tls,
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => Failure::Proxy,
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::HostUnreachable => Failure::Unsent,
            std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::AddrNotAvailable => Failure::Unsent,
            std::io::ErrorKind::TimedOut => Failure::Timeout,
            _ if error.get_ref().is_some_and(|inner| inner.source().is_some_and(is_tls) || is_tls(inner)) => {
                Failure::Tls
            }
            _ => Failure::Lost,
        },
        _ => Failure::Lost,
    }
}

/// Is it a failure of the encryption, wrapped in one of input and output?
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let text = error.to_string();
    text.contains("certificate") || text.contains("handshake")
}
