//! The native client as an application uses it: its threads, files and HTTP, against the real local server over the wire.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ltlm_client::machine::{Failure, HttpAnswer, Request};
use ltlm_client::{
    Client, Config, ErrorCode, Event, HttpTransport, Parts, Reason, Saved, Status, Storage, StorageKind, Transport,
};
use serde_json::{Value, json};

use crate::tools::local_server::{Folder, Running, start};

fn config(running: &Running, folder: &Path, device: &str) -> Config {
    let text = |name: &str| running.text(name);
    let mut config = Config::new(text("/baseUrl"), text("/projectId"), text("/projectSecret"), text("/publicKeyPem"));
    config.data_dir = Some(folder.join(device).display().to_string());
    config.device_id = Some(device.to_owned());
    config
}

/// Runs what blocks beside the runtime of the test.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "it does not come to it");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn an_application_lives_through_a_stop_of_the_server() {
    let folder = Folder::new("client-life");
    let mut running = start(&folder.0, &["--quiet"]).await;
    let (config, key) = (config(&running, &folder.0, "desk"), running.text("/licenses/SUB").to_owned());
    let reply = Arc::new(Mutex::new(Vec::new()));
    let (first, heard) = (config.clone(), reply.clone());
    blocking(move || {
        let client = Client::open(&first).unwrap();
        client.on_event(move |event| heard.lock().unwrap().push(event.clone()));
        assert_eq!(client.load_stored().unwrap_err().code, ErrorCode::NoLicense);
        assert_eq!(client.activate(&key).unwrap(), Status::Active);
        assert!(client.entitled(Some("pro"), 100) && client.has_tokens(100) && !client.has_tokens(101));
        let (_, balance) = client.consume(3, "export", None).unwrap();
        assert_eq!(balance, 97);
        wait_until(|| client.pending() == 0);
        let operation = client.consume_confirmed(5, "render", None, Some("op-1")).unwrap().unwrap();
        assert_eq!((operation.balance_after, client.balance()), (92, 92));
        assert_eq!(client.history(10, None).unwrap().entries.len(), 3);
        assert_eq!(client.seats().unwrap().active_seats, 1);
        let settings = json!({"theme": "dark"}).as_object().cloned().unwrap();
        assert_eq!(client.save_settings(settings.clone()).unwrap(), settings);
        assert_eq!((client.settings().unwrap(), client.local_settings()), (settings.clone(), settings));
        assert!(client.top_up("tokens_50", None).unwrap().checkout_url.starts_with("http"));
        assert!(!client.buyable().unwrap().is_empty());
        // The client is not closed: as if the process was killed with what it has.
        client.consume(2, "last", None).unwrap();
        std::mem::forget(client);
    })
    .await;
    running.stop().await;

    // A start without the server, and uses meanwhile.
    let second = config.clone();
    blocking(move || {
        let client = Client::open(&second).unwrap();
        let before = Instant::now();
        assert_eq!(client.load_stored().unwrap(), Status::Active);
        assert!(before.elapsed() < Duration::from_secs(5));
        client.consume(7, "offline", None).unwrap();
        assert!(matches!(client.refresh().unwrap_err().code, ErrorCode::Offline));
        client.close();
        assert_eq!(client.consume(1, "late", None).unwrap_err().code, ErrorCode::Closed);
    })
    .await;

    let running = start(&folder.0, &["--quiet"]).await;
    let third = Config { base_url: running.text("/baseUrl").to_owned(), ..config };
    blocking(move || {
        let client = Client::open(&third).unwrap();
        assert_eq!(client.load_stored().unwrap(), Status::Active);
        wait_until(|| client.pending() == 0 || client.sync().is_ok());
        let actions: Vec<_> = client.history(10, None).unwrap().entries.into_iter().map(|entry| entry.action).collect();
        assert_eq!(actions.iter().filter(|action| *action == "offline").count(), 1);
        client.refresh().unwrap();
        assert!(client.balance() <= 85, "{}", client.balance());
        client.sign_out().unwrap();
        assert_eq!(client.status().0, Status::ValidNoSeat);
        assert_eq!(client.reactivate().unwrap(), Status::Active);
        assert_eq!(client.release_seat("nobody", false).unwrap_err().server_code.as_deref(), Some("SEAT_NOT_HELD"));
        client.clear().unwrap();
        assert_eq!(client.status(), (Status::Unauthenticated, Reason::NoAnswerYet));
    })
    .await;
    let reply = reply.lock().unwrap();
    assert_eq!(reply[0], Event::ValidationStarted);
    assert!(reply.iter().any(|event| matches!(event, Event::TokensConsumed { balance: 97, amount: 3, .. })));
}

#[tokio::test]
async fn c10_c34_c74_threads_and_processes_of_one_device_charge_each_use_once() {
    let folder = Folder::new("client-two");
    let running = start(&folder.0, &["--quiet"]).await;
    let (mut config, key) = (config(&running, &folder.0, "desk"), running.text("/licenses/SUB").to_owned());
    config.allow_overdraft = true;
    let seats = blocking(move || {
        let one = Arc::new(Client::open(&config).unwrap());
        one.activate(&key).unwrap();
        // Another handle on the same folder stands for another process: its files and locks are its own.
        let two = Client::open(&config).unwrap();
        assert_eq!(two.load_stored().unwrap(), Status::Active);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let one = one.clone();
                std::thread::spawn(move || (0..200).for_each(|_| drop(one.consume(1, "thread", None).unwrap())))
            })
            .collect();
        for _ in 0..200 {
            two.consume(1, "process", None).unwrap();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        wait_until(|| one.pending() == 0 && two.pending() == 0);
        one.refresh().unwrap();
        assert_eq!(one.balance(), 100 - 1_000);
        two.close();
        let held = one.seats().unwrap().active_seats;
        one.close();
        let third = Client::open(&config).unwrap();
        third.load_stored().unwrap();
        third.sign_out().unwrap();
        (held, third.seats().unwrap().active_seats)
    })
    .await;
    assert_eq!(seats, (1, 0), "the first to close keeps the seat");
}

/// A server that says nothing, and one that is not ours.
#[tokio::test]
async fn c63_c70_calls_end_in_time_and_pages_are_no_answers() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let followed = Arc::new(AtomicUsize::new(0));
    let seen = followed.clone();
    let portal = axum::Router::new().fallback(move |request: axum::extract::Request| async move {
        if request.uri().path() == "/elsewhere" {
            seen.fetch_add(1, Ordering::Relaxed);
        }
        (axum::http::StatusCode::FOUND, [("location", "/elsewhere")], "<html>")
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let portal_port = listener.local_addr().unwrap().port();
    let serving = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener.into_std().unwrap()).unwrap();
            let end = tokio::time::sleep(Duration::from_secs(8));
            let _ = axum::serve(listener, portal).with_graceful_shutdown(end).await;
        });
    });
    let silent_port = silent.local_addr().unwrap().port();
    blocking(move || {
        let secret = "00".repeat(32);
        let key = "Kay64UG8yvCyLhqU000LxzYeUm0L/hLIl5S8kyKWbdc=";
        for (port, code, timeout) in [
            (silent_port, ErrorCode::Timeout, 500),
            (portal_port, ErrorCode::NotOurServer, 5_000),
            (1, ErrorCode::Offline, 5_000),
        ] {
            let mut config = Config::new(&format!("http://127.0.0.1:{port}"), "prj", &secret, key);
            (config.timeout_ms, config.storage) = (timeout, StorageKind::Memory);
            let client = Client::open(&config).unwrap();
            let before = Instant::now();
            assert_eq!(client.activate("LIC-0000000000000000").unwrap_err().code, code);
            assert!(before.elapsed() < Duration::from_millis(timeout) + Duration::from_secs(2));
            assert_eq!(client.status().0, Status::Unauthenticated);
        }
    })
    .await;
    drop(silent);
    assert_eq!(followed.load(Ordering::Relaxed), 0, "the secret does not follow a redirect");
    serving.await.unwrap();
}

/// A disk that is full after so many writes.
struct FullDisk {
    inner: Box<dyn Storage>,
    left: usize,
}

impl FullDisk {
    fn write(&mut self) -> std::io::Result<&mut dyn Storage> {
        self.left = self.left.checked_sub(1).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(self.inner.as_mut())
    }
}

impl Storage for FullDisk {
    fn load(&mut self) -> ltlm_client::Loaded {
        self.inner.load()
    }
    fn save(&mut self, state: &[u8]) -> std::io::Result<Saved> {
        self.write()?.save(state)
    }
    fn append(&mut self, record: &[u8]) -> std::io::Result<()> {
        self.write()?.append(record)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
    fn compact(&mut self, records: &[Vec<u8>]) -> std::io::Result<()> {
        self.write()?.compact(records)
    }
    fn set_aside(&mut self) -> std::io::Result<()> {
        self.write()?.set_aside()
    }
    fn is_last(&mut self) -> bool {
        self.inner.is_last()
    }
}

/// A transport that counts, and within which nobody answers after so many.
struct Counting {
    inner: HttpTransport,
    sent: Arc<AtomicUsize>,
}

impl Transport for Counting {
    fn send(&self, request: &Request, timeout: Duration) -> Result<HttpAnswer, Failure> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.inner.send(request, timeout)
    }
}

#[tokio::test]
async fn c9_c73_a_full_disk_is_told_once_and_listeners_may_call() {
    let folder = Folder::new("client-disk");
    let running = start(&folder.0, &["--quiet"]).await;
    let (config, key) = (config(&running, &folder.0, "desk"), running.text("/licenses/SUB").to_owned());
    blocking(move || {
        let standard = Parts::standard(&config).unwrap();
        let sent = Arc::new(AtomicUsize::new(0));
        let transport = Counting { inner: HttpTransport::new(&config).unwrap(), sent: sent.clone() };
        let parts = Parts {
            storage: Box::new(FullDisk { inner: standard.storage, left: 1 }),
            transport: Box::new(transport),
            ..standard
        };
        let client = Arc::new(Client::with(&config, parts).unwrap());
        // A listener that calls back in, and one that panics.
        let (inside, uses) = (Arc::downgrade(&client), Arc::new(AtomicUsize::new(0)));
        let counted = uses.clone();
        client.on_event(move |event| {
            if let (Event::TokensConsumed { .. }, Some(client)) = (event, inside.upgrade())
                && counted.fetch_add(1, Ordering::Relaxed) < 3
            {
                client.consume(1, "within", None).unwrap();
                client.on_event(|_| ());
            }
        });
        client.on_event(|event| assert!(!matches!(event, Event::TokensConsumed { .. }), "told to fail"));
        assert_eq!(client.activate(&key).unwrap(), Status::Active);
        client.consume(1, "first", None).unwrap();
        wait_until(|| client.pending() == 0 && uses.load(Ordering::Relaxed) == 4);
        client.refresh().unwrap();
        assert_eq!(client.balance(), 96);
        let events = client.events();
        assert_eq!(events.iter().filter(|event| **event == Event::StorageReadOnly).count(), 1);
        assert_eq!(client.next_event(Duration::from_millis(10)), None);
        assert!(sent.load(Ordering::Relaxed) >= 4);
    })
    .await;
    assert_eq!(running.demo["licenses"]["SUB"], Value::from(running.text("/licenses/SUB")));
}
