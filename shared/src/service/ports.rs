//! What the service asks of the world besides the table: time, chance and patience. `host` implements them.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ltlm_protocol::Timestamp;

use crate::domain::portal::mail::Mail;
use crate::domain::store::provider_event::Message;
use crate::domain::webhooks::notice::Notice;
use crate::model::order::{Chore, Order};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant. Read once per request.
    fn now(&self) -> Timestamp;
}

/// Gives unguessable bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Waits, and knows for how long it has waited.
pub trait Sleep: Send + Sync {
    /// Milliseconds of a clock that only runs forward.
    fn elapsed_ms(&self) -> u64;

    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// An effect that may have happened or not.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>>;

/// A payment page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The provider's name of it.
    pub id: String,
    /// Where it is.
    pub url: String,
}

/// Why a payment provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// It does not answer, or is in trouble: ask again.
    #[error("the payment provider is busy")]
    Busy(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It has done so already.
    #[error("the payment provider has done it already: {0}")]
    Done(&'static str),
    /// It refuses, or its answer is invalid.
    #[error("the payment provider refuses")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The reason why a message is not accepted as the provider's.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It is not signed by the provider, or too old.
    #[error("the message is not signed by the provider")]
    Forged,
    /// Its content could not be determined: the provider should send it again.
    #[error("the message could not be read")]
    Unread(#[source] PaymentError),
}

/// What a provider was asked for.
pub type Asking<'a, R, E> = Pin<Box<dyn Future<Output = Result<R, E>> + Send + 'a>>;

/// The payment provider. Every call can be repeated: an order's id makes it idempotent.
pub trait Payments: Send + Sync {
    /// Opens the payment page of an order; `home` is where the browser goes if the order does not say.
    fn open<'a>(&'a self, order: &'a Order, home: &'a str) -> Asking<'a, Session, PaymentError>;

    /// Does something that follows from what was decided. What the provider has done before is done.
    fn act<'a>(&'a self, order: &'a str, chore: &'a Chore) -> Asking<'a, (), PaymentError>;

    /// Reads a message that says it comes from the provider: `signature` is the header that the provider signs with.
    fn read<'a>(&'a self, signature: &'a str, body: &'a [u8], now: Timestamp) -> Asking<'a, Message, MessageError>;
}

/// Hands work to workers, each message at least once.
pub trait Queue: Send + Sync {
    /// Sends these messages.
    fn send(&self, messages: Vec<String>) -> Sending<'_> {
        self.send_later(messages, 0)
    }

    /// Sends these messages, to be handed out so many seconds later, 0 to 900.
    fn send_later(&self, messages: Vec<String>, delay_seconds: u32) -> Sending<'_>;

    /// Hands a message that was received, and cannot be worked on now, out again so many seconds from now, 0 to 43,200. `receipt` is
    /// what it was received under.
    fn retry_in<'a>(&'a self, receipt: &'a str, seconds: u32) -> Sending<'a>;
}

/// Sends mails, each at least once.
pub trait Mailer: Send + Sync {
    /// Sends a mail.
    fn send(&self, mail: Mail) -> Sending<'_>;
}

/// Why a call did not come to an answer, in words for the vendor: they are kept with the delivery.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CallError(pub String);

/// Calls the vendor's webhooks.
pub trait Caller: Send + Sync {
    /// Posts a JSON body; the status of the answer.
    fn post<'a>(
        &'a self,
        url: &'a str,
        headers: &'a [(&'static str, String)],
        body: String,
    ) -> Asking<'a, u16, CallError>;
}

/// Publishes each notice at least once.
pub trait Bus: Send + Sync {
    /// Gives these notices.
    fn publish(&self, notices: Vec<Notice>) -> Sending<'_>;
}
