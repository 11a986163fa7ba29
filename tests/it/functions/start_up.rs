//! How a function starts: what it reads, whom it trusts, and what it has opened before there is a call.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use shared::host::clock::SystemClock;
use shared::service::ports::Clock;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::api::endpoints::event;
use crate::functions::lambda::{invoke_with, invoke_within};
use crate::support::{L1, TestApp, device};

/// Stands before the engine, and keeps what it is sent, by connection.
struct Front {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Front {
    /// In the clear, or with TLS.
    async fn start(app: &TestApp, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sent: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let engine = app.engine.endpoint().trim_start_matches("http://").to_owned();
        let kept = sent.clone();
        #[expect(clippy::disallowed_methods, reason = "a test, not a Lambda")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, engine, kept) = (tls.clone(), engine.clone(), kept.clone());
                tokio::spawn(async move {
                    let Some(tls) = tls else { return carry(stream, &engine, &kept).await };
                    // A handshake that fails is no connection.
                    if let Ok(stream) = tls.accept(stream).await {
                        carry(stream, &engine, &kept).await;
                    }
                });
            }
        });
        Self { address, sent }
    }

    /// What was sent over each connection, as text.
    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

async fn carry(client: impl AsyncRead + AsyncWrite, engine: &str, kept: &Mutex<Vec<Vec<u8>>>) {
    let number = {
        let mut kept = kept.lock().unwrap();
        kept.push(Vec::new());
        kept.len() - 1
    };
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_engine, mut to_engine) = TcpStream::connect(engine).await.unwrap().into_split();
    let forth = async {
        let mut part = [0; 8_192];
        while let Ok(read @ 1..) = from_client.read(&mut part).await {
            kept.lock().unwrap()[number].extend_from_slice(&part[..read]);
            if to_engine.write_all(&part[..read]).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        let _ = tokio::io::copy(&mut from_engine, &mut to_client).await;
    };
    futures_util::future::join(forth, back).await;
}

/// A file of `authority/`: two authorities that live in this test alone, and the certificate of a server by the first.
fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it/authority").join(name);
    path.to_str().unwrap().to_owned()
}

/// A server's side of TLS, as `localhost`, with a certificate by the first authority.
fn tls() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server-key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A world whose license begins now, since the binaries read the real clock.
async fn app() -> TestApp {
    let app = TestApp::starting_at(SystemClock.now()).await;
    app.activate(L1, &device('a')).await;
    app
}

async fn consume(app: &TestApp, beside: &[(&str, &str)]) -> (Value, String) {
    let (answers, printed) = invoke_with(app, "consume", vec![event("consume", &app.project_id, "1")], beside).await;
    (answers[0].clone(), printed)
}

/// Where the system's roots are looked for, there are none: a start that looked would say so, or end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_reads_no_certificate_of_the_system() {
    let (answer, printed) = consume(&app().await, &[("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")]).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert!(!printed.contains("certificate"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_the_system_trusts_is_trusted_when_it_is_met() {
    let app = app().await;
    let front = Front::start(&app, Some(tls())).await;
    let endpoint = format!("https://localhost:{}", front.address.port());
    let beside = [("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str()), ("SSL_CERT_FILE", &file("authority.pem"))];
    let (answer, printed) = consume(&app, &beside).await;
    assert_eq!(answer["statusCode"], 200, "{answer}, {printed}");
    assert_eq!(printed.matches("leads to none of the embedded roots").count(), 1, "told once: {printed}");
    assert!(front.sent()[0].starts_with("GET / "), "the first connection is made before there is a call");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_nobody_trusts_is_sent_nothing() {
    let app = app().await;
    let front = Front::start(&app, Some(tls())).await;
    let endpoint = format!("https://localhost:{}", front.address.port());
    let beside = [("AWS_ENDPOINT_URL_DYNAMODB", endpoint.as_str()), ("SSL_CERT_FILE", &file("another-authority.pem"))];
    // Told to come again, when the time for the event is up.
    let (events, allowance) = (vec![event("consume", &app.project_id, "1")], Duration::from_secs(2));
    let (answers, _) = invoke_within(allowance, &app, "consume", events, &beside).await;
    assert_eq!(answers[0]["statusCode"], 503, "{answers:?}");
    assert_eq!(front.sent(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_connection_is_open_before_there_is_a_call_and_calls_use_it() {
    let app = app().await;
    let front = Front::start(&app, None).await;
    let endpoint = format!("http://{}", front.address);
    let events = vec![event("consume", &app.project_id, "1"); 3];
    let (answers, _) = invoke_with(&app, "consume", events, &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]).await;
    assert!(answers.iter().all(|answer| answer["statusCode"] == 200), "{answers:?}");
    let sent = front.sent();
    let (asked, called) = sent[0].split_once("\r\n\r\n").unwrap();
    // Nobody's question: no right, and no trace of an operation.
    assert!(asked.starts_with("GET / HTTP/1.1\r\n"), "{asked}");
    for header in ["authorization", "x-amz-", "content-type"] {
        assert!(!asked.contains(header), "{asked}");
    }
    assert!(called.starts_with("POST / "), "the connection is of no use: {called}");
    assert_eq!(sent.iter().filter(|sent| sent.contains("GET / ")).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_cannot_be_reached_is_no_matter_before_there_is_a_call() {
    let app = app().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = format!("http://{closed}");
    // The function has no such route, and asks the table for nothing.
    let events = vec![event("consume", &app.project_id, "1")];
    let (answers, printed) = invoke_with(&app, "license", events, &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]).await;
    assert_eq!(answers[0]["statusCode"], 404);
    for level in ["WARN", "ERROR"] {
        assert!(!printed.contains(level), "{printed}");
    }
    assert!(printed.contains(r#""round_trips":0"#), "it counts as none: {printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_asks_the_table_for_nothing_does_not_connect() {
    let app = app().await;
    let front = Front::start(&app, None).await;
    let endpoint = format!("http://{}", front.address);
    let events = vec![event("health", &app.project_id, "1")];
    let (answers, _) = invoke_with(&app, "health", events, &[("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)]).await;
    assert_eq!(answers[0]["statusCode"], 200);
    assert_eq!(front.sent(), Vec::<String>::new());
}
