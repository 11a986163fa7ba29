//! The store: what is for sale, orders, and what a payment gives or takes back (wire 4.9). Money moves at a payment provider;
//! here an order remembers what was to be bought, and what the provider tells of it is done once.

pub mod catalog;
pub mod checkout;
pub mod fulfill;
pub mod fulfillment;
pub mod grants;
pub mod provider_event;
pub mod redirect;
pub mod reversal;
pub mod reversal_policy;
mod standing;
pub mod token_checkout;
pub mod token_pack;
mod tokens;
pub mod top_up;
pub mod trial;
