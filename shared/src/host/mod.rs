//! The process: configuration, clock, randomness, logs, metrics, and Lambda. It is the only user of `lambda_runtime`, and
//! the only reader of the environment. It contains no rule of the product.

pub mod aws;
pub mod background;
pub mod bus;
pub mod clock;
pub mod config;
pub mod entropy;
pub mod gateway;
pub mod lambda;
pub mod log;
pub mod mail;
pub mod program;
pub mod queue;
pub mod respond;
pub mod secrets;
pub mod stripe;
pub mod transport;
pub mod web;

pub use lambda::{serve, serve_delivery, serve_health, serve_renewals, serve_stream};
/// Why a function ends.
pub use lambda_runtime::Error;
pub use program::Program;
