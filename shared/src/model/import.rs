//! An import of a project under way, and the keys that imports are sealed for.

use std::collections::BTreeMap;

use ltlm_protocol::Timestamp;
use ltlm_protocol::transfer::{Chain, Summary};

use crate::model::project::Project;

/// A key to which another deployment seals a project's keys. The table contains its private key only in wrapped form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportKey {
    /// `imk_` and the first 16 hex digits of the public key's hash.
    pub id: String,
    /// What seals.
    pub public_key: [u8; 32],
    /// What the private key follows from, wrapped by KMS.
    pub wrapped: Vec<u8>,
    /// The instant at which it was created.
    pub created_at: Timestamp,
    /// It opens nothing from then on.
    pub expires_at: Timestamp,
}

/// What has become of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// It accepts lines.
    Open,
    /// What it wrote is being removed.
    Dropping,
    /// The project is there.
    Finished,
}

impl ImportState {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Open, "open"), (Self::Dropping, "dropping"), (Self::Finished, "finished")];

    /// The text on the wire and in the table.
    pub fn wire(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, text)| text)
    }

    /// The state with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == text).map(|(state, _)| *state)
    }
}

/// How far an import has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// `imp_` and 16 hex digits: part of each record that the import writes.
    pub id: String,
    /// The project as it will be.
    pub project: Project,
    /// The project's keys came with the file.
    pub with_keys: bool,
    /// What the file's lines add up to, as its trailer says.
    pub summary: Summary,
    /// The number of imported lines.
    pub taken: i64,
    /// The hash over them.
    pub chain: Chain,
    /// How many of each kind were.
    pub counts: BTreeMap<String, i64>,
    /// What is added to each number of a policy.
    pub policies_shifted: i64,
    /// What is added to each number of a license.
    pub licenses_shifted: i64,
    /// Secrets of webhooks that came with the file, wrapped, by the webhook's id.
    pub webhook_keys: BTreeMap<String, Vec<u8>>,
    /// What has become of it.
    pub state: ImportState,
    /// When it was begun.
    pub begun_at: Timestamp,
}

/// How long what is known of a finished import is kept, in days.
pub const FINISHED_DAYS: i64 = 30;
