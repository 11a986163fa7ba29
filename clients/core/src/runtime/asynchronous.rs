//! The client for asynchronous programs on Tokio: the same client, whose blocking calls run on threads for blocking
//! work.

use std::sync::Arc;

use ltlm_protocol::LicenseData;
use ltlm_protocol::license_data::{Operation, ReleaseSeatAnswer, SeatList, TopUpOption, Usage};
use ltlm_protocol::portal_data::Portfolio;
use ltlm_protocol::store_data::{CheckoutAnswer, StorePolicy, TrialEligibility};
use serde_json::{Map, Value};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::client::Client;
use crate::call::Outcome;
use crate::config::Config;
use crate::error::{Error, ErrorCode};
use crate::event::Event;
use crate::status::{Reason, Snapshot, Status};

/// A client with async calls. Clones are the same client; when the last one is dropped, the client is closed on a
/// thread for blocking work, as [`close`](Self::close) does.
///
/// Calls run on Tokio's threads for blocking work. Dropping a future does not cancel its call, which continues for at
/// most the configured time. Methods that only read are not async; they can wait while another thread writes a file.
#[derive(Clone)]
pub struct AsyncClient {
    /// Taken when this clone goes.
    client: Option<Arc<Client>>,
    noted: Arc<Notify>,
}

impl From<Client> for AsyncClient {
    fn from(client: Client) -> Self {
        let noted = Arc::new(Notify::new());
        let waker = noted.clone();
        // The event waits to be fetched already when listeners are told of it.
        client.on_event(move |_| waker.notify_waiters());
        Self { client: Some(Arc::new(client)), noted }
    }
}

impl Drop for AsyncClient {
    fn drop(&mut self) {
        // A call that runs holds the client too, in a thread that may block.
        let last = self.client.take().and_then(Arc::into_inner);
        if let (Some(client), Ok(runtime)) = (last, Handle::try_current()) {
            runtime.spawn_blocking(move || drop(client));
        }
    }
}

/// A result of work that could not be run, because the runtime ends.
fn ended() -> Error {
    Error::new(ErrorCode::Closed, "The runtime has ended.")
}

impl AsyncClient {
    /// A client with the usual parts. Nothing is sent yet.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        let config = config.clone();
        let opened = spawn_blocking(move || Client::open(&config)).await;
        opened.map_err(|_| ended())?.map(Self::from)
    }

    /// The client itself, for what only reads.
    ///
    /// # Panics
    /// Never: it is taken only when this value goes.
    fn client(&self) -> &Arc<Client> {
        #[expect(clippy::unwrap_used, reason = "there is no value whose client was taken")]
        self.client.as_ref().unwrap()
    }

    /// Runs a blocking call on a thread for blocking work.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Client) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let client = self.client().clone();
        spawn_blocking(move || work(&client)).await.map_err(|_| ended())?
    }

    /// As [`Client::load_stored`].
    pub async fn load_stored(&self) -> Result<Status, Error> {
        self.run(Client::load_stored).await
    }

    /// As [`Client::activate`].
    pub async fn activate(&self, key: &str) -> Result<Status, Error> {
        let key = key.to_owned();
        self.run(move |client| client.activate(&key)).await
    }

    /// As [`Client::validate`].
    pub async fn validate(&self, key: &str) -> Result<Status, Error> {
        self.activate(key).await
    }

    /// As [`Client::refresh`].
    pub async fn refresh(&self) -> Result<Status, Error> {
        self.run(Client::refresh).await
    }

    /// As [`Client::sign_out`].
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.run(Client::sign_out).await
    }

    /// As [`Client::reactivate`].
    pub async fn reactivate(&self) -> Result<Status, Error> {
        self.run(Client::reactivate).await
    }

    /// As [`Client::clear`].
    pub async fn clear(&self) -> Result<(), Error> {
        self.run(Client::clear).await
    }

    /// As [`Client::import_file`].
    pub async fn import_file(&self, text: &str) -> Result<Status, Error> {
        let text = text.to_owned();
        self.run(move |client| client.import_file(&text)).await
    }

    /// As [`Client::heartbeat`].
    pub async fn heartbeat(&self) -> Result<Status, Error> {
        self.run(Client::heartbeat).await
    }

    /// As [`Client::status`].
    pub fn status(&self) -> (Status, Reason) {
        self.client().status()
    }

    /// As [`Client::snapshot`].
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.client().snapshot()
    }

    /// As [`Client::license`].
    pub fn license(&self) -> Option<Arc<LicenseData>> {
        self.client().license()
    }

    /// As [`Client::hwid`].
    pub fn hwid(&self) -> String {
        self.client().hwid()
    }

    /// As [`Client::balance`].
    pub fn balance(&self) -> i64 {
        self.client().balance()
    }

    /// As [`Client::has_tokens`].
    pub async fn has_tokens(&self, amount: i64) -> bool {
        let asked = self.run(move |client| Ok(client.has_tokens(amount))).await;
        asked.unwrap_or_else(|_| self.balance() >= amount)
    }

    /// As [`Client::consume`]: awaited, because the use is written to a file before it returns.
    pub async fn consume(
        &self,
        amount: i64,
        action: &str,
        meta: Option<Map<String, Value>>,
    ) -> Result<(String, i64), Error> {
        let action = action.to_owned();
        self.run(move |client| client.consume(amount, &action, meta)).await
    }

    /// As [`Client::consume_confirmed`].
    pub async fn consume_confirmed(
        &self,
        amount: i64,
        action: &str,
        meta: Option<Map<String, Value>>,
        operation_id: Option<&str>,
    ) -> Result<Option<Operation>, Error> {
        let (action, operation_id) = (action.to_owned(), operation_id.map(str::to_owned));
        self.run(move |client| client.consume_confirmed(amount, &action, meta, operation_id.as_deref())).await
    }

    /// As [`Client::operation`].
    pub fn operation(&self, id: &str) -> Outcome {
        self.client().operation(id)
    }

    /// As [`Client::sync`].
    pub async fn sync(&self) -> Result<(usize, usize), Error> {
        self.run(Client::sync).await
    }

    /// As [`Client::pending`].
    pub fn pending(&self) -> usize {
        self.client().pending()
    }

    /// As [`Client::entitled`].
    pub fn entitled(&self, capability: Option<&str>, tokens: i64) -> bool {
        self.client().entitled(capability, tokens)
    }

    /// As [`Client::has_capability`].
    pub fn has_capability(&self, name: &str) -> bool {
        self.client().has_capability(name)
    }

    /// As [`Client::project_setting`].
    pub fn project_setting(&self, name: &str) -> Option<Value> {
        self.client().project_setting(name)
    }

    /// As [`Client::seats`].
    pub async fn seats(&self) -> Result<SeatList, Error> {
        self.run(Client::seats).await
    }

    /// As [`Client::release_seat`].
    pub async fn release_seat(&self, hwid: &str, claim: bool) -> Result<ReleaseSeatAnswer, Error> {
        let hwid = hwid.to_owned();
        self.run(move |client| client.release_seat(&hwid, claim)).await
    }

    /// As [`Client::settings`].
    pub async fn settings(&self) -> Result<Map<String, Value>, Error> {
        self.run(Client::settings).await
    }

    /// As [`Client::save_settings`].
    pub async fn save_settings(&self, settings: Map<String, Value>) -> Result<Map<String, Value>, Error> {
        self.run(move |client| client.save_settings(settings)).await
    }

    /// As [`Client::local_settings`].
    pub fn local_settings(&self) -> Map<String, Value> {
        self.client().local_settings()
    }

    /// As [`Client::top_up_options`].
    pub fn top_up_options(&self) -> Vec<TopUpOption> {
        self.client().top_up_options()
    }

    /// As [`Client::top_up`].
    pub async fn top_up(&self, pack_id: &str, redirect_url: Option<&str>) -> Result<CheckoutAnswer, Error> {
        let (pack_id, redirect_url) = (pack_id.to_owned(), redirect_url.map(str::to_owned));
        self.run(move |client| client.top_up(&pack_id, redirect_url.as_deref())).await
    }

    /// As [`Client::buyable`].
    pub async fn buyable(&self) -> Result<Vec<StorePolicy>, Error> {
        self.run(Client::buyable).await
    }

    /// As [`Client::checkout`].
    pub async fn checkout(
        &self,
        policy_id: &str,
        email: &str,
        redirect_url: Option<&str>,
    ) -> Result<CheckoutAnswer, Error> {
        let (policy_id, email) = (policy_id.to_owned(), email.to_owned());
        let redirect_url = redirect_url.map(str::to_owned);
        self.run(move |client| client.checkout(&policy_id, &email, redirect_url.as_deref())).await
    }

    /// As [`Client::trial`].
    pub async fn trial(&self, email: &str) -> Result<TrialEligibility, Error> {
        let email = email.to_owned();
        self.run(move |client| client.trial(&email)).await
    }

    /// As [`Client::request_code`].
    pub async fn request_code(&self, email: &str) -> Result<(), Error> {
        let email = email.to_owned();
        self.run(move |client| client.request_code(&email)).await
    }

    /// As [`Client::verify_code`].
    pub async fn verify_code(&self, email: &str, code: &str) -> Result<Portfolio, Error> {
        let (email, code) = (email.to_owned(), code.to_owned());
        self.run(move |client| client.verify_code(&email, &code)).await
    }

    /// As [`Client::history`].
    pub async fn history(&self, limit: u32, cursor: Option<&str>) -> Result<Usage, Error> {
        let cursor = cursor.map(str::to_owned);
        self.run(move |client| client.history(limit, cursor.as_deref())).await
    }

    /// As [`Client::report`].
    pub async fn report(&self, kind: &str, payload: Map<String, Value>) -> Result<(), Error> {
        let kind = kind.to_owned();
        self.run(move |client| client.report(&kind, payload)).await
    }

    /// As [`Client::pause`].
    pub fn pause(&self) {
        self.client().pause();
    }

    /// As [`Client::resume`].
    pub fn resume(&self) {
        self.client().resume();
    }

    /// As [`Client::on_event`]. Listeners are called in threads that may block, not in the runtime's.
    pub fn on_event(&self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.client().on_event(listener);
    }

    /// The next event. Waits without a limit; dropping the future loses no event. Each event goes to one of the waiting
    /// callers.
    ///
    /// `None` once the client is closed and nothing is left.
    pub async fn next_event(&self) -> Option<Event> {
        loop {
            let noted = self.noted.notified();
            tokio::pin!(noted);
            // Before looking, so that an event between the look and the wait wakes it.
            noted.as_mut().enable();
            if let Some(event) = self.client().try_next_event() {
                return Some(event);
            }
            if self.client().is_closed() {
                return None;
            }
            noted.await;
        }
    }

    /// As [`Client::events`].
    pub fn events(&self) -> Vec<Event> {
        self.client().events()
    }

    /// As [`Client::close`].
    pub async fn close(&self) {
        let closing = self.run(|client| {
            client.close();
            Ok(())
        });
        drop(closing.await);
        self.noted.notify_waiters();
    }
}
