//! What a route's query may hold, each parameter once. Rows of [`crate::functions`] name them; the check of the query and the OpenAPI document
//! read them there.

use ltlm_protocol::limits;

use crate::domain::license::status::Status;
use crate::model::token_type::TokenType;

/// A parameter of a query.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it means, as a sentence.
    pub about: &'static str,
    /// Must it be there?
    pub is_required: bool,
    /// What its value is.
    pub kind: Kind,
}

/// What a parameter's value is. An empty value of a parameter that need not be there counts as absent.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text.
    Text {
        /// Most characters.
        max: usize,
    },
    /// A text that is not blank and has no control characters.
    Name {
        /// Most characters.
        max: usize,
    },
    /// The first characters of a name.
    Prefix {
        /// Most characters.
        max: usize,
    },
    /// The name of an account, an organization or a user.
    AccountName {
        /// Most characters.
        max: usize,
    },
    /// An e-mail address.
    Email,
    /// A whole number.
    Whole {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
        /// What it is if it is absent.
        default: Option<i64>,
    },
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// An instant, ISO 8601.
    Instant,
    /// A day of UTC, `YYYY-MM-DD`.
    Day,
    /// Anything.
    Any,
}

const fn optional(name: &'static str, about: &'static str, kind: Kind) -> Parameter {
    Parameter { name, about, is_required: false, kind }
}

const fn required(name: &'static str, about: &'static str, kind: Kind) -> Parameter {
    Parameter { name, about, is_required: true, kind }
}

fn statuses() -> Vec<&'static str> {
    Status::ALL.iter().map(|status| status.wire()).collect()
}

fn token_types() -> Vec<&'static str> {
    TokenType::ALL.iter().map(|kind| kind.wire()).collect()
}

/// Tokens of one movement.
const AMOUNTS: Kind = Kind::Whole { min: 1, max: limits::AMOUNT_MAX, default: None };

/// The end of a paged list's page.
pub const LIMIT: Parameter = optional(
    "limit",
    "Rows on the page.",
    Kind::Whole { min: 1, max: limits::PAGE_MAX, default: Some(limits::PAGE_DEFAULT) },
);
/// The calling device.
pub const HWID: Parameter = optional("hwid", "The device that asks.", Kind::Name { max: limits::HWID_CHARS_MAX });
/// The calling device, without which there is no answer.
pub const HWID_REQUIRED: Parameter = Parameter { is_required: true, ..HWID };
/// A capability of a license.
pub const CAPABILITY: Parameter =
    optional("capability", "A capability that there must be.", Kind::Text { max: limits::NAME_CHARS_MAX });
/// Tokens of a license.
pub const TOKENS: Parameter =
    optional("tokens", "Tokens that there must be.", Kind::Whole { min: 0, max: limits::AMOUNT_MAX, default: Some(0) });
/// A customer's address.
pub const EMAIL: Parameter =
    optional("email", "The customer's e-mail, in any letter case.", Kind::Text { max: limits::EMAIL_CHARS_MAX });
/// The e-mail address for a trial check.
pub const EMAIL_REQUIRED: Parameter = required("email", "The address, in any letter case.", Kind::Email);
/// A policy.
pub const POLICY: Parameter = optional("policyId", "The policy.", Kind::Text { max: limits::NAME_CHARS_MAX });
/// The status of licenses.
pub const LICENSE_STATUS: Parameter = optional("status", "The license's status.", Kind::Word(statuses));
/// The provider's test mode.
pub const TEST: Parameter = optional("test", "Paid for with the provider's test money, or not.", Kind::Flag);
/// The beginning of a range of time.
pub const FROM: Parameter = optional("from", "Written at this instant or later.", Kind::Instant);
/// The end of a range of time.
pub const TO: Parameter = optional("to", "Written before this instant.", Kind::Instant);
/// The beginning of a range of days.
pub const FIRST_DAY: Parameter = optional("from", "The first day; else 29 days before the last.", Kind::Day);
/// The end of a range of days.
pub const LAST_DAY: Parameter = optional("to", "The last day; else today.", Kind::Day);
/// One day.
pub const DAY: Parameter = optional("day", "A day of UTC; else today.", Kind::Day);
/// The type of events.
pub const EVENT_TYPE: Parameter =
    optional("type", "Only events of this type.", Kind::Text { max: limits::ACTION_CHARS_MAX });
/// The type of ledger entries.
pub const ENTRY_TYPE: Parameter =
    optional("type", "Only entries of this operation type.", Kind::Text { max: limits::ACTION_CHARS_MAX });
/// How names begin.
pub const PREFIX: Parameter =
    optional("q", "Only names that begin with this.", Kind::Prefix { max: limits::ACCOUNT_CHARS_MAX });
/// What an account pays for.
pub const OPERATION_TYPE: Parameter =
    required("operationType", "What it is for.", Kind::Text { max: limits::ACTION_CHARS_MAX });
/// Tokens that an account would pay.
pub const AMOUNT: Parameter = optional("amount", "In place of the operation's price.", AMOUNTS);
/// A plan.
pub const TIER: Parameter = optional("tier", "Only accounts on this plan.", Kind::Text { max: limits::NAME_CHARS_MAX });
/// When something is due.
pub const BY: Parameter = optional("by", "Due at this instant or before; else now.", Kind::Instant);
/// A moment of the past.
pub const AT: Parameter =
    optional("at", "The balance after all that was written before this instant; else now.", Kind::Instant);
/// The end of what is erased.
pub const BEFORE: Parameter = required("before", "Entries written before this instant.", Kind::Instant);
/// Whether only to look, where the answer says more than that.
pub const DRY_RUN: Parameter = optional("dryRun", "Write nothing, and tell what would be done.", Kind::Flag);
/// One of an organization's pools.
pub const TOKEN_TYPE: Parameter = required("tokenType", "The pool.", Kind::Word(token_types));
/// An organization whose access tokens are revoked.
pub const ORGANIZATION: Parameter = optional(
    "organizationId",
    "Only those for this organization.",
    Kind::AccountName { max: limits::ORGANIZATION_CHARS_MAX },
);
/// A user whose access tokens are revoked.
pub const USER: Parameter = optional(
    "userId",
    "Only those for this user. One of the two must be sent.",
    Kind::AccountName { max: limits::ACCOUNT_CHARS_MAX },
);
/// An organization.
pub const ORGANIZATION_REQUIRED: Parameter =
    required("organizationId", "The organization.", Kind::Text { max: limits::ORGANIZATION_CHARS_MAX });
/// Whether the keys that a key created are revoked with it.
pub const CASCADE: Parameter = optional("cascade", "Revoke all keys that descend from it as well.", Kind::Flag);
/// Whether an export is to be moved with its keys.
pub const SEALED: Parameter = optional(
    "sealed",
    "With the license keys as the project's own key sealed them, for an export with keys.",
    Kind::Flag,
);
/// How a buyer comes back.
pub const PAGE_STATUS: Parameter =
    optional("status", "How the buyer left the payment page: `success` or `cancelled`.", Kind::Any);
/// A payment page.
pub const SESSION_ID: Parameter = optional("session_id", "The payment page.", Kind::Any);
