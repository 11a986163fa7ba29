//! The store: what is for sale, orders, and what a payment delivers or a refund takes back (wire 4.9). A payment
//! provider moves the money; an order records what is bought, and each message of the provider about it takes effect
//! once.

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
