//! The product in one process, for development and for tests: an embedded DynamoDB engine, a small key service, every
//! route over HTTP, and switches to move the clock and to inject faults. The product's own code knows nothing of it:
//! only endpoints, credentials and the clock that is passed in differ from the cloud.

pub mod background;
pub mod bus;
pub mod changes;
pub mod checkout_page;
pub mod clock;
pub mod demo;
pub mod endpoint;
pub mod engine;
pub mod folder;
pub mod gateway;
mod guard;
pub mod kms;
pub mod mail;
pub mod queue;
pub mod server;
pub mod state;
pub mod stripe;
pub mod table_stream;
pub mod wiring;
