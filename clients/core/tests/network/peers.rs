//! A server, a proxy, and who vouches for the server. Each lives as long as its test's process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const REFUSAL: &str = r#"{"status":"fail","message":"There is no such license.","isOperational":true,
"error":"LICENSE_NOT_FOUND","code":"LICENSE_NOT_FOUND","retryable":false}"#;

/// Certifies itself as `localhost`, in a file.
pub(crate) struct Authority {
    pub(crate) file: PathBuf,
    certified: CertifiedKey<KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file = crate::temporary(name).with_extension("pem");
        std::fs::write(&file, certified.cert.pem()).unwrap();
        Self { file, certified }
    }

    fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.certified.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        Arc::new(config.with_single_cert(vec![self.certified.cert.der().clone()], key).unwrap())
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Refuses every request in the words of an LTLM server.
pub(crate) struct Server {
    pub(crate) port: u16,
    is_encrypted: bool,
    requests: Arc<AtomicUsize>,
}

impl Server {
    /// With TLS, or in the clear.
    pub(crate) fn start(authority: Option<&Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let (tls, counted) = (authority.map(Authority::server), requests.clone());
        let is_encrypted = tls.is_some();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (tls, counted) = (tls.clone(), counted.clone());
                thread::spawn(move || match tls {
                    Some(tls) => refuse(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream), &counted),
                    None => refuse(stream, &counted),
                });
            }
        });
        Self { port, is_encrypted, requests }
    }

    pub(crate) fn url(&self, host: &str) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.port)
    }

    /// Requests that arrived.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Reads one request and refuses it. A handshake that fails is no request.
fn refuse(stream: impl Read + Write, requests: &AtomicUsize) {
    let mut stream = BufReader::new(stream);
    let Ok(head) = head(&mut stream) else { return };
    let length = head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if stream.read_exact(&mut body).is_err() {
        return;
    }
    requests.fetch_add(1, Ordering::SeqCst);
    let length = REFUSAL.len();
    let answer = format!(
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{REFUSAL}"
    );
    let _ = stream.get_mut().write_all(answer.as_bytes()).and_then(|()| stream.get_mut().flush());
}

/// The lines before the empty one.
fn head(stream: &mut impl BufRead) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => return Ok(lines),
            line => lines.push(line.to_owned()),
        }
    }
}

/// Carries connections to where they are asked for, or refuses.
pub(crate) struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Answers each request with this; carries if that is a success.
    pub(crate) fn start(word: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = kept.clone();
                thread::spawn(move || carry(stream, word, &kept));
            }
        });
        Self { port, asked }
    }

    /// The address of a proxy that is not there.
    pub(crate) fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The first lines of the requests that it got.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn carry(client: TcpStream, word: &str, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let Ok(lines) = head(&mut reader) else { return };
    let first = lines.first().cloned().unwrap_or_default();
    asked.lock().unwrap().push(first.clone());
    let mut client = client;
    let _ = client.write_all(format!("HTTP/1.1 {word}\r\nContent-Length: 0\r\n\r\n").as_bytes());
    let target = first.split(' ').nth(1).filter(|_| word.starts_with('2'));
    let Some(mut server) = target.and_then(|target| TcpStream::connect(target).ok()) else { return };
    let (mut back, mut there) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut there, &mut back);
        let _ = back.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut reader, &mut server);
    let _ = server.shutdown(Shutdown::Write);
}
