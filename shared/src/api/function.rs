//! What is known of a route, and of a function.

use crate::keys::Purpose;
use crate::model::administrator::Scope;

/// The callers that a route admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Anybody.
    Open,
    /// Callers with a project's secret.
    Project,
    /// Callers with an access token.
    Member,
    /// Callers with an administrator key of this scope; for reading, a key that can read everything suffices.
    Administrator(Scope),
}

/// A client of a function besides those of the table and the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Of the payment provider, with the secret that its keys are in.
    Payments,
    /// Of the queue of what leaves the deployment.
    Outbox,
}

/// Configuration of a function besides what all functions receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The hash of the stack's own administrator key.
    AdminKey,
    /// Whether the deployment sends mail.
    SendsMail,
    /// Whether it has a payment provider.
    TakesPayments,
    /// The vendor's name.
    Vendor,
}

/// A Lambda function: its permissions, and its clients.
#[derive(Debug)]
pub struct Function {
    /// Its name, and its binary's.
    pub name: &'static str,
    /// What it is for, for the template.
    pub about: &'static str,
    /// DynamoDB actions on the table.
    pub table_actions: &'static [&'static str],
    /// Does it update only the buckets that limit excessive attempts?
    pub updates_buckets_only: bool,
    /// Indexes that it may query.
    pub indexes: &'static [&'static str],
    /// KMS actions on the key that wraps projects' keys.
    pub key_actions: &'static [&'static str],
    /// For keys of these purposes alone.
    pub purposes: &'static [Purpose],
    /// May it unwrap with the key that a restored table's keys are wrapped with?
    pub uses_previous_key: bool,
    /// Its clients besides those of the table and the keys.
    pub clients: &'static [Client],
    /// Configuration besides what all functions receive.
    pub settings: &'static [Setting],
    /// Can unauthenticated callers cause so much work that the vendor can limit its concurrency?
    pub reserves_concurrency: bool,
}

impl Function {
    /// One that may do nothing: what a row does not name.
    pub const DEFAULT: Self = Self {
        name: "",
        about: "",
        table_actions: &[],
        updates_buckets_only: false,
        indexes: &[],
        key_actions: &[],
        purposes: &[],
        uses_previous_key: false,
        clients: &[],
        settings: &[],
        reserves_concurrency: false,
    };
}
