//! What is known of a route, and of a function.

use crate::keys::Purpose;
use crate::model::administrator::Scope;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Anybody.
    Open,
    /// Who knows a project's secret.
    Project,
    /// Who has an access token.
    Member,
    /// Who has an administrator key of this scope; to look, one that may read everything will do.
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

/// What a function is told besides what all are told.
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

/// A Lambda function: what it may do, and what it is made of.
#[derive(Debug)]
pub struct Function {
    /// Its name, and its binary's.
    pub name: &'static str,
    /// What it is for, for the template.
    pub about: &'static str,
    /// DynamoDB actions on the table.
    pub table_actions: &'static [&'static str],
    /// Does it update nothing but the buckets that hold back whoever tries too much?
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
    /// What it is told besides what all are told.
    pub settings: &'static [Setting],
    /// Can strangers make it work so much that its concurrency is limited where the vendor says so?
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
