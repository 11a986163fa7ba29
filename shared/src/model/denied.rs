//! Why a command is refused.
//!
//! Invariant: variants are declared in order of precedence. If several apply, the first one declared is the answer;
//! `gate.rs` and each `decide` check in this order.

use ltlm_protocol::code::holds_reserved_word;
use ltlm_protocol::request::VersionMember;
use ltlm_protocol::{Code, ErrorBody, Problems, int32};
use serde_json::json;

/// A refusal with the figures behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// The secret belongs to no project.
    UnauthorizedProject,
    /// The envelope is of a kind that the project does not accept.
    BadEnvelope,
    /// The nonce is not one that the device may use.
    NonceMismatch,
    /// The administrator key is not for this.
    Forbidden,
    /// No such license in the project.
    LicenseNotFound,
    /// No such project.
    ProjectNotFound,
    /// No such policy in the project.
    PolicyNotFound,
    /// The project lists the addresses that buyers are sent to, and this is none of them.
    RedirectNotAllowed,
    /// No such secret in the project.
    SecretNotFound,
    /// No such administrator key.
    KeyNotFound,
    /// The operation id was used with another request.
    IdempotencyKeyReused,
    /// Only the encrypted endpoints may be used.
    ProSdkRequired,
    /// Only a license file may be used.
    OfflineActivationRequired,
    /// The caller's country is not allowed.
    RegionBlocked,
    /// The application's version is not allowed.
    VersionNotSupported {
        /// The member that was read.
        member: VersionMember,
        /// What the application says it is.
        version: String,
        /// Oldest allowed, `""` for any.
        min: String,
        /// Newest allowed, `""` for any.
        max: String,
    },
    /// The license is terminated.
    LicenseTerminated,
    /// The license is revoked.
    LicenseRevoked,
    /// The license is suspended.
    LicenseSuspended,
    /// The license has ended.
    LicenseExpired,
    /// The device is not registered.
    DeviceNotRegistered,
    /// The project wants devices to sign, and this one has given no key.
    DeviceKeyRequired,
    /// The device's signature is missing or wrong.
    DeviceSignatureRejected {
        /// The time that it should tell, in milliseconds since the Unix epoch, if only its time is wrong.
        server_ms: Option<i64>,
    },
    /// The device is known by another key than the one that it brings.
    DeviceKeyMismatch,
    /// The license lacks the capability.
    CapabilityMissing,
    /// Customers may not remove devices.
    DeviceReleaseNotAllowed,
    /// No place for another device.
    DeviceLimitReached {
        /// Registered devices.
        count: i64,
        /// Allowed devices.
        max: i64,
    },
    /// No free seat, and the caller insists.
    SeatLimitReached {
        /// All there are.
        max: i64,
    },
    /// Devices may not release others' seats.
    SeatReleaseNotAllowed,
    /// The caller released another's seat only just.
    SeatReleaseCooldown {
        /// Whole seconds left, at least 1.
        seconds: i64,
    },
    /// The target holds no seat.
    SeatNotHeld,
    /// The settings are not those that the caller saw.
    SettingsChanged,
    /// The settings are too large.
    SettingsTooLarge,
    /// The settings cannot be stored, for this reason.
    SettingsRejected {
        /// Names down to the place, joined by dots.
        path: String,
    },
    /// Offline files are for air-gapped licenses.
    LicenseNotAirGapped,
    /// No such account in the project.
    AccountNotFound,
    /// The account exists already.
    AccountExists,
    /// No plan has this name.
    UnknownTier {
        /// Those there are.
        known: Vec<String>,
    },
    /// No price is known of this operation.
    UnknownOperationType {
        /// Operations that have one.
        known: Vec<String>,
    },
    /// The operation costs nothing.
    OperationHasNoCost,
    /// No operation with this id spent tokens of the account.
    OperationNotFound,
    /// No operation with this id set tokens aside.
    HoldNotFound,
    /// No such organization.
    OrganizationNotFound,
    /// No such access token in this project.
    AccessTokenNotFound,
    /// The organization exists already.
    OrganizationExists,
    /// The access token does not belong to the organization.
    OrganizationForbidden,
    /// No cost is known of the feature.
    UnknownFeature {
        /// Those that have one.
        known: Vec<String>,
    },
    /// The plan gives no tokens for the feature.
    FeatureNotAvailable,
    /// What was set aside is spent or given back.
    HoldEnded,
    /// More than was set aside.
    HoldTooSmall {
        /// What was.
        held: i64,
    },
    /// Too many open holds.
    HoldLimitReached {
        /// As many as there may be.
        max: i64,
    },
    /// More than is left of what the operation spent.
    RefundTooLarge {
        /// What is left.
        refundable: i64,
    },
    /// A refund by amount asks for more than the newest charges hold.
    NothingToRefund {
        /// What they hold.
        refundable: i64,
    },
    /// The account's balance is too small.
    AccountInsufficient {
        /// Tokens asked for.
        required: i64,
        /// Tokens there.
        balance: i64,
        /// When the next allocation comes.
        next_renewal_at: Option<String>,
    },
    /// The license has no tokens.
    TokensDisabled,
    /// The balance is too small.
    InsufficientTokens {
        /// Tokens asked for.
        required: i64,
        /// Tokens there.
        balance: i64,
    },
    /// The one-time code is wrong, used, or too old.
    OtpRejected,
    /// Too many requests.
    RateLimited {
        /// Whole seconds until the next one, at least 1.
        seconds: i64,
        /// How many there may be at once.
        limit: i64,
    },
    /// The name or the password is wrong.
    SignInRejected,
    /// The sign-in that waited for its second factor is over.
    MfaSessionExpired,
    /// The second factor is wrong.
    MfaCodeRejected,
    /// No such developer.
    DeveloperNotFound,
    /// There is such a developer already.
    DeveloperExists,
    /// No such webhook in the project.
    WebhookNotFound,
    /// The project has as many webhooks as it may.
    WebhookLimitReached {
        /// Webhooks it may have.
        max: i64,
    },
    /// There is no trial for this address any more.
    TrialNotAvailable,
    /// The pack is not sold for this license.
    TopUpNotAvailable,
    /// The deployment has no payment provider.
    PaymentsNotSetUp,
    /// No such order in the project.
    OrderNotFound,
    /// An end that must be in the future is past.
    NotAhead {
        /// The request's member.
        name: &'static str,
    },
    /// The developer is given projects that are not there.
    ProjectsNotFound {
        /// Their ids.
        ids: Vec<String>,
    },
    /// The wallet is full of grants.
    GrantLimitReached {
        /// Grants it may hold.
        max: i64,
    },
    /// The license key is in use.
    LicenseKeyTaken,
    /// The license's state is final.
    StateFinal,
    /// After the change the policy would not say how long its licenses last.
    PolicyIncomplete,
    /// The document that results from a change is not valid.
    Invalid(Problems),
    /// The project has as many secrets as it may.
    SecretLimitReached {
        /// Secrets it may have.
        max: i64,
    },
    /// The project's only secret cannot be retired.
    LastSecret,
    /// Neither the deployment's key nor the one that the caller names unwraps a key.
    WrappingKeyNotUsable,
    /// The vendor has suspended the project.
    ProjectSuspended,
    /// A project with this id is there already.
    ProjectExists,
    /// Nothing is being imported into the project.
    ImportNotFound,
    /// Another file is being imported, or the import is being dropped.
    ImportInProgress,
    /// The lines are not those that come next.
    ImportOutOfOrder {
        /// The place of the next one.
        next: i64,
    },
    /// The imported lines are not those that the trailer lists.
    ImportIncomplete {
        /// What differs.
        what: &'static str,
    },
    /// Something of the file is there already, and not by this import.
    ImportTaken {
        /// Its kind.
        what: &'static str,
    },
    /// No import key that is in force opens the file's keys.
    ImportKeyNotFound,
}

impl Denied {
    /// The code on the wire.
    pub fn code(&self) -> Code {
        match self {
            Self::UnauthorizedProject => Code::UnauthorizedProject,
            Self::BadEnvelope => Code::BadEnvelope,
            Self::NonceMismatch => Code::NonceMismatch,
            Self::Forbidden => Code::Forbidden,
            Self::LicenseNotFound => Code::LicenseNotFound,
            Self::SecretNotFound => Code::SecretNotFound,
            Self::KeyNotFound => Code::KeyNotFound,
            Self::ProjectNotFound => Code::ProjectNotFound,
            Self::PolicyNotFound => Code::PolicyNotFound,
            Self::RedirectNotAllowed => Code::RedirectNotAllowed,
            Self::IdempotencyKeyReused => Code::IdempotencyKeyReused,
            Self::ProSdkRequired => Code::ProSdkRequired,
            Self::OfflineActivationRequired => Code::OfflineActivationRequired,
            Self::RegionBlocked => Code::RegionBlocked,
            Self::VersionNotSupported { .. } => Code::VersionNotSupported,
            Self::LicenseTerminated => Code::LicenseTerminated,
            Self::LicenseRevoked => Code::LicenseRevoked,
            Self::LicenseSuspended => Code::LicenseSuspended,
            Self::LicenseExpired => Code::LicenseExpired,
            Self::DeviceNotRegistered => Code::DeviceNotRegistered,
            Self::DeviceKeyRequired => Code::DeviceKeyRequired,
            Self::DeviceSignatureRejected { .. } => Code::DeviceSignatureRejected,
            Self::DeviceKeyMismatch => Code::DeviceKeyMismatch,
            Self::CapabilityMissing => Code::CapabilityMissing,
            Self::DeviceReleaseNotAllowed => Code::DeviceReleaseNotAllowed,
            Self::DeviceLimitReached { .. } => Code::DeviceLimitReached,
            Self::SeatLimitReached { .. } => Code::SeatLimitReached,
            Self::SeatReleaseNotAllowed => Code::SeatReleaseNotAllowed,
            Self::SeatReleaseCooldown { .. } => Code::SeatReleaseCooldown,
            Self::SeatNotHeld => Code::SeatNotHeld,
            Self::SettingsChanged => Code::SettingsChanged,
            Self::SettingsTooLarge => Code::SettingsTooLarge,
            Self::SettingsRejected { .. } => Code::SettingsRejected,
            Self::LicenseNotAirGapped => Code::LicenseNotAirGapped,
            Self::AccountNotFound => Code::AccountNotFound,
            Self::AccountExists => Code::AccountExists,
            Self::UnknownTier { .. } => Code::UnknownTier,
            Self::UnknownOperationType { .. } => Code::UnknownOperationType,
            Self::OperationHasNoCost => Code::OperationHasNoCost,
            Self::OperationNotFound => Code::OperationNotFound,
            Self::HoldNotFound => Code::HoldNotFound,
            Self::HoldEnded => Code::HoldEnded,
            Self::OrganizationNotFound => Code::OrganizationNotFound,
            Self::AccessTokenNotFound => Code::AccessTokenNotFound,
            Self::OrganizationExists => Code::OrganizationExists,
            Self::OrganizationForbidden => Code::OrganizationForbidden,
            Self::UnknownFeature { .. } => Code::UnknownFeature,
            Self::FeatureNotAvailable => Code::FeatureNotAvailable,
            Self::HoldTooSmall { .. } => Code::HoldTooSmall,
            Self::HoldLimitReached { .. } => Code::HoldLimitReached,
            Self::RefundTooLarge { .. } => Code::RefundTooLarge,
            Self::NothingToRefund { .. } => Code::NothingToRefund,
            Self::AccountInsufficient { .. } => Code::AccountInsufficient,
            Self::TokensDisabled => Code::TokensDisabled,
            Self::InsufficientTokens { .. } => Code::InsufficientTokens,
            Self::OtpRejected => Code::OtpRejected,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::SignInRejected => Code::SignInRejected,
            Self::MfaSessionExpired => Code::MfaSessionExpired,
            Self::MfaCodeRejected => Code::MfaCodeRejected,
            Self::DeveloperNotFound => Code::DeveloperNotFound,
            Self::DeveloperExists => Code::DeveloperExists,
            Self::WebhookNotFound => Code::WebhookNotFound,
            Self::WebhookLimitReached { .. } => Code::WebhookLimitReached,
            Self::TrialNotAvailable => Code::TrialNotAvailable,
            Self::TopUpNotAvailable => Code::TopUpNotAvailable,
            Self::PaymentsNotSetUp => Code::PaymentsNotSetUp,
            Self::OrderNotFound => Code::OrderNotFound,
            Self::NotAhead { .. } => Code::NotAhead,
            Self::ProjectsNotFound { .. } => Code::ProjectNotFound,
            Self::GrantLimitReached { .. } => Code::GrantLimitReached,
            Self::LicenseKeyTaken => Code::LicenseKeyTaken,
            Self::StateFinal => Code::StateFinal,
            Self::PolicyIncomplete => Code::PolicyIncomplete,
            Self::Invalid(_) => Code::BadRequest,
            Self::SecretLimitReached { .. } => Code::SecretLimitReached,
            Self::WrappingKeyNotUsable => Code::WrappingKeyNotUsable,
            Self::LastSecret => Code::LastSecret,
            Self::ProjectSuspended => Code::ProjectSuspended,
            Self::ProjectExists => Code::ProjectExists,
            Self::ImportNotFound => Code::ImportNotFound,
            Self::ImportInProgress => Code::ImportInProgress,
            Self::ImportOutOfOrder { .. } => Code::ImportOutOfOrder,
            Self::ImportIncomplete { .. } => Code::ImportIncomplete,
            Self::ImportTaken { .. } => Code::ImportTaken,
            Self::ImportKeyNotFound => Code::ImportKeyNotFound,
        }
    }

    /// The error body: message filled in, figures in the details.
    pub fn body(&self) -> ErrorBody {
        match self {
            Self::VersionNotSupported { member, version, min, max } => {
                let shown = |text: &String| if text.is_empty() { "any".to_owned() } else { text.clone() };
                let values = [("version", shown(version)), ("min", shown(min)), ("max", shown(max))];
                let details =
                    json!({"member": member.wire(), member.wire(): version, "minVersion": min, "maxVersion": max});
                ErrorBody::new(self.code(), &values, Some(details))
            }
            Self::DeviceLimitReached { count, max } => {
                let values = [("count", count.to_string()), ("max", max.to_string())];
                ErrorBody::new(
                    self.code(),
                    &values,
                    Some(json!({"devices": int32(*count), "maxActivations": int32(*max)})),
                )
            }
            Self::DeviceSignatureRejected { server_ms: Some(server_ms) } => {
                ErrorBody::new(self.code(), &[], Some(json!({"serverTimeMs": server_ms})))
            }
            Self::SeatLimitReached { max } => {
                let details = json!({"maxConcurrentSeats": int32(*max)});
                ErrorBody::new(self.code(), &[("max", max.to_string())], Some(details))
            }
            Self::InsufficientTokens { required, balance } => {
                let values = [("required", required.to_string()), ("balance", balance.to_string())];
                let deficit = required.saturating_sub(*balance);
                let details = json!({"required": required, "balance": balance, "deficit": deficit});
                ErrorBody::new(self.code(), &values, Some(details))
            }
            Self::AccountInsufficient { required, balance, next_renewal_at } => {
                let values = [("required", required.to_string()), ("balance", balance.to_string())];
                let deficit = required.saturating_sub(*balance);
                let details = json!({"required": required, "balance": balance, "deficit": deficit,
                    "nextRenewalAt": next_renewal_at});
                ErrorBody::new(self.code(), &values, Some(details))
            }
            Self::UnknownTier { known } | Self::UnknownOperationType { known } | Self::UnknownFeature { known } => {
                ErrorBody::new(self.code(), &[], Some(json!({ "known": known })))
            }
            Self::RefundTooLarge { refundable } | Self::NothingToRefund { refundable } => {
                let values = [("refundable", refundable.to_string())];
                ErrorBody::new(self.code(), &values, Some(json!({ "refundable": refundable })))
            }
            Self::HoldTooSmall { held } => {
                ErrorBody::new(self.code(), &[("held", held.to_string())], Some(json!({ "held": held })))
            }
            Self::RateLimited { seconds, .. } => {
                ErrorBody::new(self.code(), &[], Some(json!({"retryAfterSeconds": seconds})))
            }
            Self::SeatReleaseCooldown { seconds } => {
                let details = json!({"retryAfterSeconds": seconds});
                ErrorBody::new(self.code(), &[("seconds", seconds.to_string())], Some(details))
            }
            Self::SettingsRejected { path } => {
                // A name of the customer's own could hold a word that the existing client branches on (wire 1.4).
                let shown = if holds_reserved_word(path) { "see details" } else { path };
                ErrorBody::new(self.code(), &[("path", shown.to_owned())], Some(json!({"path": path})))
            }
            Self::NotAhead { name } => {
                ErrorBody::new(self.code(), &[("path", (*name).to_owned())], Some(json!({ "path": name })))
            }
            Self::ImportOutOfOrder { next } => {
                ErrorBody::new(self.code(), &[("next", next.to_string())], Some(json!({ "next": next })))
            }
            Self::ImportIncomplete { what } | Self::ImportTaken { what } => {
                ErrorBody::new(self.code(), &[("what", (*what).to_owned())], None)
            }
            Self::ProjectsNotFound { ids } => ErrorBody::new(self.code(), &[], Some(json!({ "projects": ids }))),
            Self::Invalid(problems) => {
                ErrorBody::new(self.code(), &[("problem", problems.message())], Some(problems.details()))
            }
            Self::GrantLimitReached { max }
            | Self::SecretLimitReached { max }
            | Self::WebhookLimitReached { max }
            | Self::HoldLimitReached { max } => ErrorBody::new(self.code(), &[("max", max.to_string())], None),
            _ => ErrorBody::new(self.code(), &[], None),
        }
    }
}
