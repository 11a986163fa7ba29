//! The HTTP client of all AWS SDK clients, and the roots that it trusts.
//!
//! The certificates of AWS's endpoints lead to the five roots of Amazon Trust Services. The program contains these, so
//! that a start reads no file; reading the system's roots (about 150) took longer than the rest of a function's start
//! together. An endpoint whose certificate leads elsewhere (a new AWS root, a proxy or a VPC endpoint with a private
//! authority) can still be reached: the system's roots are read when such a certificate is encountered, and trusted in
//! addition to the five from then on. This list therefore determines what is read at a start, and not what a function
//! trusts; it is no pinning, which Amazon Trust Services advises against.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use rustls::CertificateError;

/// The roots of Amazon Trust Services, in PEM: all five that its repository recommends for custom trust stores. They
/// are taken from Mozilla's list; a test compares them with the published hashes. docs/operations.md describes how to
/// renew them.
pub const AMAZON_ROOTS: &str = include_str!("amazon_roots.pem");

/// A new HTTP client, for all of a process's SDK clients. Nothing is connected or read yet.
pub fn client() -> SharedHttpClient {
    SharedHttpClient::new(Transport::default())
}

/// The client. Connections are kept by time-outs, since those are part of a connector.
#[derive(Debug, Default)]
struct Transport {
    needs_system: Arc<AtomicBool>,
    connectors: Mutex<HashMap<Timeouts, SharedHttpConnector>>,
}

/// To connect, and to the answer's first byte.
type Timeouts = (Option<Duration>, Option<Duration>);

impl HttpClient for Transport {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let new = || SharedHttpConnector::new(Route(Arc::new(Connectors::new(settings, self.needs_system.clone()))));
        connectors.entry(timeouts).or_insert_with(new).clone()
    }
}

/// The connection to an endpoint, with the embedded roots or with the system's in addition.
#[derive(Debug)]
struct Connectors {
    settings: HttpConnectorSettings,
    embedded: Connector,
    /// Created when it is needed, because that reads files.
    system: OnceLock<Connector>,
    /// Of the whole client: an endpoint's certificate did not lead to the embedded roots.
    needs_system: Arc<AtomicBool>,
}

impl Connectors {
    fn new(settings: &HttpConnectorSettings, needs_system: Arc<AtomicBool>) -> Self {
        let embedded = connector(settings, false);
        Self { settings: settings.clone(), embedded, system: OnceLock::new(), needs_system }
    }

    fn system(&self) -> &Connector {
        self.system.get_or_init(|| connector(&self.settings, true))
    }

    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        if self.needs_system.load(Ordering::Relaxed) {
            return self.system().call(request).await;
        }
        let again = request.try_clone();
        let failed = match self.embedded.call(request).await {
            Err(error) if is_of_unknown_issuer(&error) => error,
            done => return done,
        };
        // Nothing was sent: the connection was refused before there was one.
        let Some(again) = again else { return Err(failed) };
        let answer = self.system().call(again).await?;
        self.needs_system.store(true, Ordering::Relaxed);
        tracing::info!(
            "an endpoint's certificate leads to none of the embedded roots; the system's are trusted beside them"
        );
        Ok(answer)
    }
}

/// Connectors that are shared with the calls under way.
#[derive(Debug)]
struct Route(Arc<Connectors>);

impl HttpConnector for Route {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connectors = self.0.clone();
        HttpConnectorFuture::new(async move { connectors.call(request).await })
    }
}

fn connector(settings: &HttpConnectorSettings, with_system: bool) -> Connector {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS).with_native_roots(with_system);
    let builder = Connector::builder().connector_settings(settings.clone());
    let builder = builder.tls_provider(Provider::Rustls(CryptoMode::Ring));
    match TlsContext::builder().with_trust_store(roots).build() {
        Ok(context) => builder.tls_context(context).build(),
        // Cannot be, says the builder; without it the system's roots hold.
        Err(_) => builder.build(),
    }
}

/// Did the handshake end because the certificate leads to no root that we have?
fn is_of_unknown_issuer(error: &ConnectorError) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return *why == CertificateError::UnknownIssuer;
        }
        // An I/O error's source is that of what it holds: what it holds would be left out.
        next = match error.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use sha2::{Digest, Sha256};

    /// The roots as Amazon Trust Services publishes them (amazontrust.com/repository): SHA-256 of the public key, SHA-256 of the
    /// certificate, and the year that it ends in.
    const PUBLISHED: &[(&str, &str, u16)] = &[
        (
            "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
            "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
            2038,
        ),
        (
            "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
            "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
            2040,
        ),
        (
            "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
            "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
            2040,
        ),
        (
            "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
            "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
            2040,
        ),
        (
            "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
            "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
            2037,
        ),
    ];
    /// When the list was last held against what is published. By then each root has ten years to go.
    const REVIEWED: u16 = 2026;

    /// The second of the two times in a certificate: when it ends.
    fn year_of_end(certificate: &[u8]) -> u16 {
        // A sequence of two times in UTC, of 13 characters each.
        let validity = certificate.windows(4).position(|bytes| bytes == [0x30, 0x1e, 0x17, 0x0d]).unwrap();
        let end = std::str::from_utf8(&certificate[validity + 19..][..2]).unwrap();
        2000 + end.parse::<u16>().unwrap()
    }

    #[test]
    fn the_embedded_roots_are_those_that_are_published() {
        let roots: Vec<_> = CertificateDer::pem_slice_iter(AMAZON_ROOTS.as_bytes()).collect::<Result<_, _>>().unwrap();
        assert_eq!(roots.len(), PUBLISHED.len());
        for (root, (key, certificate, end)) in roots.iter().zip(PUBLISHED) {
            assert_eq!(hex::encode(Sha256::digest(root)), *certificate);
            let mut store = RootCertStore::empty();
            store.add(root.clone()).unwrap();
            // An anchor has the key's content; what is published is of the sequence around it.
            let content = store.roots[0].subject_public_key_info.as_ref();
            let whole = root.windows(content.len()).position(|part| part == content).unwrap();
            let header = match content.len() {
                ..128 => 2,
                128..256 => 3,
                _ => 4,
            };
            assert_eq!(hex::encode(Sha256::digest(&root[whole - header..whole + content.len()])), *key);
            assert_eq!(year_of_end(root), *end);
            assert!(*end >= REVIEWED + 10, "{certificate} ends soon");
        }
    }
}
