//! The store: what is for sale, orders, and what a payment gives or takes back (wire 4.9). Money moves at a payment provider;
//! here an order remembers what was to be bought, and what the provider tells of it is done once.

pub mod catalog;
pub mod checkout;
pub mod email;
pub mod fulfil;
pub mod message;
pub mod money;
pub mod order;
pub mod period;
pub mod redirect;
mod rule;
mod standing;
pub mod take_back;
pub mod token_pack;
mod tokens;
pub mod top_up;
pub mod trial;

pub use email::{Email, NoEmail};
pub use order::Order;
