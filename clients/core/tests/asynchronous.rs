//! The client for asynchronous programs, on a runtime with one thread: what blocks that thread, blocks the test.
#![allow(clippy::unwrap_used, reason = "a test")]

mod signer;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ltlm_client::machine::{Failure, HttpAnswer, Request};
use ltlm_client::{AsyncClient, Client, ErrorCode, Event, Parts, Status, Transport};
use tokio::task::yield_now;

/// Answers when it is let to. A test that blocks the runtime cannot let it, and its call ends by its timeout.
struct Gate {
    asked: Arc<Mutex<Vec<String>>>,
    lets: Mutex<Receiver<()>>,
    now_ms: i64,
}

impl Transport for Gate {
    fn send(&self, request: &Request, timeout: Duration) -> Result<HttpAnswer, Failure> {
        self.asked.lock().unwrap().push(request.path.clone());
        self.lets.lock().unwrap().recv_timeout(timeout).map_err(|_| Failure::Timeout)?;
        signer::answer(request, self.now_ms)
    }
}

struct Ground {
    client: AsyncClient,
    asked: Arc<Mutex<Vec<String>>>,
    lets: Sender<()>,
}

impl Ground {
    fn new() -> Self {
        let mut config = signer::config();
        config.timeout_ms = 60_000;
        let standard = Parts::standard(&config).unwrap();
        let (asked, (lets, waits)) = (Arc::default(), channel());
        let now_ms = standard.clock.now().wall_ms;
        let transport = Box::new(Gate { asked: Arc::clone(&asked), lets: Mutex::new(waits), now_ms });
        let client = Client::with(&config, Parts { transport, ..standard }).unwrap();
        Self { client: AsyncClient::from(client), asked, lets }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Lets the other tasks run until so many requests were made.
    async fn until_asked(&self, count: usize) {
        while self.asked() < count {
            yield_now().await;
        }
    }

    async fn activate(&self) {
        for _ in 0..2 {
            self.lets.send(()).unwrap();
        }
        assert_eq!(self.client.activate(signer::KEY).await.unwrap(), Status::Active);
        self.until_asked(2).await;
    }
}

#[tokio::test]
async fn a_call_that_blocks_leaves_the_runtime_to_others() {
    let ground = Ground::new();
    let let_in = async {
        ground.until_asked(1).await;
        assert_eq!(ground.client.status().0, Status::Unauthenticated);
        ground.lets.send(()).unwrap();
    };
    let (activated, ()) = tokio::join!(ground.client.activate(signer::KEY), let_in);
    assert_eq!(activated.unwrap(), Status::Active);
    assert_eq!(ground.client.balance(), 2_000_000_000);
    // What decides by itself does not wait for the beat, which nobody lets in.
    let (id, balance) = ground.client.consume(3, "export", None).await.unwrap();
    assert_eq!((balance, ground.client.pending()), (1_999_999_997, 1));
    assert!(!id.is_empty() && ground.client.entitled(None, 5));
    drop(ground.lets);
}

#[tokio::test]
async fn calls_run_beside_each_other_and_a_dropped_one_goes_on() {
    let ground = Ground::new();
    ground.activate().await;
    let before = ground.asked();
    {
        let refresh = ground.client.refresh();
        tokio::pin!(refresh);
        let begun = async { ground.until_asked(before + 1).await };
        tokio::select! {
            biased;
            _ = &mut refresh => panic!("nobody let it in"),
            () = begun => {}
        }
    }
    let let_in = async {
        ground.until_asked(before + 2).await;
        for _ in 0..2 {
            ground.lets.send(()).unwrap();
        }
    };
    let (settings, ()) = tokio::join!(ground.client.refresh(), let_in);
    assert_eq!(settings.unwrap(), Status::Active);
}

#[tokio::test]
async fn events_are_awaited_until_the_client_is_closed() {
    let ground = Ground::new();
    let waiting = ground.client.clone();
    let (first, ()) = tokio::join!(waiting.next_event(), ground.activate());
    assert_eq!(first, Some(Event::ValidationStarted));
    let mut seen = Vec::new();
    while let Some(event) = waiting.events().pop() {
        seen.push(event);
    }
    let is_active = |event: &Event| matches!(event, Event::LicenseStatusChanged { status: Status::Active, .. });
    while !seen.iter().any(is_active) {
        seen.extend(waiting.next_event().await);
    }
    ground.lets.send(()).unwrap();
    let rest = async {
        let mut last = waiting.next_event().await;
        while last.is_some() {
            last = waiting.next_event().await;
        }
    };
    let closing = async {
        yield_now().await;
        ground.client.close().await;
    };
    tokio::join!(rest, closing);
    assert_eq!(ground.client.consume(1, "late", None).await.unwrap_err().code, ErrorCode::Closed);
}

#[tokio::test]
async fn the_last_clone_closes_the_client_without_blocking() {
    let Ground { client, asked, lets } = Ground::new();
    let ground = Ground { client: client.clone(), asked: asked.clone(), lets };
    ground.activate().await;
    let Ground { client: other, lets, .. } = ground;
    let before = asked.lock().unwrap().len();
    drop(client);
    assert_eq!(other.status().0, Status::Active, "a clone is left");
    // The seat is given back by a request that nobody lets in yet.
    drop(other);
    while asked.lock().unwrap().len() == before {
        yield_now().await;
    }
    lets.send(()).unwrap();
    assert!(asked.lock().unwrap().last().unwrap().ends_with("/heartbeat"));
}

/// The methods of both, by their sources, so that none is forgotten here.
#[test]
fn every_method_of_the_client_is_awaited_or_reads() {
    let methods = |source: &str, name: &str| -> Vec<String> {
        let (_, body) = source.split_once(&format!("impl {name} {{")).unwrap();
        let body = body.split("\n}\n").next().unwrap();
        let found = body.split("    pub ").skip(1).filter_map(|rest| {
            let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?;
            rest.split(['(', '<']).next().map(str::to_owned)
        });
        found.collect()
    };
    let blocking = methods(include_str!("../src/runtime/client.rs"), "Client");
    let awaited = methods(include_str!("../src/runtime/asynchronous.rs"), "AsyncClient");
    // Of the layers of other languages, and what has no use where calls are dropped.
    let own = ["with", "call_within", "timeout", "announce"];
    let absent: Vec<_> =
        blocking.iter().filter(|name| !awaited.contains(name) && !own.contains(&name.as_str())).collect();
    assert!(blocking.len() > 40 && absent.is_empty(), "{absent:?}");
}
