//! Error codes: one const table of wire text, status, retry advice and message (wire 1.4).
//!
//! `docs/errors.md` and the OpenAPI document are generated from [`Code::ALL`]. To add a code, add a variant and its row.

/// May the same request succeed later?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not without changing the request or the license.
    Never,
    /// Yes, unchanged; wait this many seconds first.
    AfterSeconds(u32),
}

/// What a failed call is told. The wire text is stable: programs branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request did not come through the edge, and this deployment answers no other.
    EdgeRequired,
    /// No project has the `x-project-secret` that was sent.
    UnauthorizedProject,
    /// No administrator key matches the `Authorization` header.
    Unauthorized,
    /// The administrator key is not for this.
    Forbidden,
    /// No endpoint has this path.
    RouteNotFound,
    /// The endpoint exists, with other methods.
    MethodNotAllowed,
    /// The body is longer than the endpoint accepts.
    BodyTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The request is not as documented.
    BadRequest,
    /// The envelope does not open. What is wrong with it is not told.
    BadEnvelope,
    /// The envelope is of one device, and what it asks for of another.
    HwidMismatch,
    /// The nonce is not one that the device may use, or the envelope came before.
    NonceMismatch,
    /// An operation id came again with another body.
    IdempotencyKeyReused,
    /// No such license in this project.
    LicenseNotFound,
    /// No such project.
    ProjectNotFound,
    /// No such policy in this project.
    PolicyNotFound,
    /// The project does not send buyers to that address.
    RedirectNotAllowed,
    /// No such secret in this project.
    SecretNotFound,
    /// No such administrator key.
    KeyNotFound,
    /// The license demands the encrypted endpoints.
    ProSdkRequired,
    /// The license works from a file only.
    OfflineActivationRequired,
    /// The caller's country may not use the license.
    RegionBlocked,
    /// The application version is outside the allowed range.
    VersionNotSupported,
    /// The license was terminated for good.
    LicenseTerminated,
    /// The license was revoked for good.
    LicenseRevoked,
    /// The license is suspended until the vendor resumes it.
    LicenseSuspended,
    /// The license ended, and its grace period too.
    LicenseExpired,
    /// The device must be activated first.
    DeviceNotRegistered,
    /// The project wants devices to sign their requests, and this one has given no key.
    DeviceKeyRequired,
    /// The device's signature is missing or wrong.
    DeviceSignatureRejected,
    /// The device is known by another key than the one that it brings.
    DeviceKeyMismatch,
    /// The license does not include the capability.
    CapabilityMissing,
    /// The license does not let customers remove devices.
    DeviceReleaseNotAllowed,
    /// No place is left for another device.
    DeviceLimitReached,
    /// No seat is free, and the caller insisted on one.
    SeatLimitReached,
    /// The license does not let devices release others' seats.
    SeatReleaseNotAllowed,
    /// The device released another's seat only just.
    SeatReleaseCooldown,
    /// The device whose seat shall be released holds none.
    SeatNotHeld,
    /// The settings were changed by somebody else meanwhile.
    SettingsChanged,
    /// The settings are too large.
    SettingsTooLarge,
    /// The settings hold a name that clients cannot read, or nest too deep.
    SettingsRejected,
    /// Offline files are for air-gapped licenses.
    LicenseNotAirGapped,
    /// No such account in this project.
    AccountNotFound,
    /// The account exists already.
    AccountExists,
    /// No plan has this name.
    UnknownTier,
    /// No price is known of this operation.
    UnknownOperationType,
    /// The operation has no price.
    OperationHasNoCost,
    /// The account's balance is too small.
    AccountInsufficient,
    /// No operation with this id spent tokens of the account.
    OperationNotFound,
    /// More than the operation spent.
    RefundTooLarge,
    /// A refund by amount asks for more than the newest charges hold.
    NothingToRefund,
    /// No operation with this id set tokens of the account aside.
    HoldNotFound,
    /// What was set aside is spent or given back.
    HoldEnded,
    /// More than was set aside.
    HoldTooSmall,
    /// The wallet has as many open holds as it may.
    HoldLimitReached,
    /// A range of time that ends before it begins.
    RangeReversed,
    /// A range of time that is longer than one call looks at.
    RangeTooLong,
    /// An end that must lie ahead is past.
    NotAhead,
    /// A cursor of another account or project.
    CursorElsewhere,
    /// The access token is missing, wrong or ended.
    SessionRequired,
    /// No such organisation in this project.
    OrganizationNotFound,
    /// No such access token in this project.
    AccessTokenNotFound,
    /// The organisation exists already.
    OrganizationExists,
    /// The access token does not belong to the organisation.
    OrganizationForbidden,
    /// No organisation is named.
    OrganizationMissing,
    /// No organisation or no feature is named.
    FeatureFieldsMissing,
    /// Neither `check` nor `deduct`.
    FeatureActionUnknown,
    /// No cost is known of this feature.
    UnknownFeature,
    /// The organisation's plan gives no tokens for this.
    FeatureNotAvailable,
    /// The license has no tokens at all.
    TokensDisabled,
    /// The balance is smaller than the amount.
    InsufficientTokens,
    /// The wallet holds as many grants as it may.
    GrantLimitReached,
    /// The one-time code is wrong, used, or too old.
    OtpRejected,
    /// Too many requests.
    RateLimited,
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
    /// No such webhook in this project.
    WebhookNotFound,
    /// The project has as many webhooks as it may.
    WebhookLimitReached,
    /// There is no trial for this address any more.
    TrialNotAvailable,
    /// The pack is not sold for this license.
    TopUpNotAvailable,
    /// The deployment has no payment provider.
    PaymentsNotSetUp,
    /// A payment provider's message is not signed by it, or too old.
    WebhookSignatureRejected,
    /// No such order in this project.
    OrderNotFound,
    /// A license with the key exists already.
    LicenseKeyTaken,
    /// The state of a revoked or terminated license is final.
    StateFinal,
    /// After the change the policy would not say how long its licenses last.
    PolicyIncomplete,
    /// The project has as many secrets as it may.
    SecretLimitReached,
    /// A key could not be rewrapped.
    WrappingKeyNotUsable,
    /// The project's only secret cannot be retired.
    LastSecret,
    /// The vendor has suspended the project, for a while.
    ProjectSuspended,
    /// A project with this id is there already.
    ProjectExists,
    /// Nothing is being imported into this project.
    ImportNotFound,
    /// Another file is being imported into this project, or this one is being dropped.
    ImportInProgress,
    /// The lines are not those that come next.
    ImportOutOfOrder,
    /// The file is not whole, or not as it was exported.
    ImportIncomplete,
    /// Something of the file is in this deployment already, and not by this import.
    ImportTaken,
    /// No import key of this deployment that is in force opens the file's keys.
    ImportKeyNotFound,
    /// Contention or throttling outlasted the retries.
    Busy,
    /// A defect of the server.
    Internal,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The code.
    pub code: Code,
    /// Its text on the wire.
    pub wire: &'static str,
    /// Its HTTP status.
    pub status: u16,
    /// Whether to try again.
    pub retry: Retry,
    /// The sentence for people; `<name>` is filled in.
    pub message: &'static str,
}

const fn row(code: Code, wire: &'static str, status: u16, message: &'static str) -> Row {
    Row { code, wire, status, retry: Retry::Never, message }
}

impl Code {
    /// The table. Messages follow the "contains" and "never" rules of wire 1.4; `messages_keep_the_word_rules` checks.
    #[rustfmt::skip]
    pub const ALL: &'static [Row] = &[
        row(Self::EdgeRequired, "EDGE_REQUIRED", 403, "This address does not serve requests: use the public address of the deployment."),
        row(Self::UnauthorizedProject, "UNAUTHORIZED_PROJECT", 401, "Project authentication failed."),
        row(Self::Unauthorized, "UNAUTHORIZED", 401, "Administrator authentication failed."),
        row(Self::Forbidden, "FORBIDDEN", 403, "This administrator key is not for that."),
        row(Self::RouteNotFound, "ROUTE_NOT_FOUND", 404, "There is no such endpoint."),
        row(Self::MethodNotAllowed, "METHOD_NOT_ALLOWED", 405, "This endpoint does not answer that method."),
        row(Self::BodyTooLarge, "BODY_TOO_LARGE", 413, "The request body is larger than <max> bytes."),
        row(Self::UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", 415, "Send the body as application/json."),
        row(Self::BadRequest, "BAD_REQUEST", 400, "<problem>"),
        row(Self::BadEnvelope, "BAD_ENVELOPE", 400, "Malformed request envelope."),
        row(Self::HwidMismatch, "HWID_MISMATCH", 400, "HWID mismatch between envelope and payload."),
        row(Self::NonceMismatch, "NONCE_MISMATCH", 409, "Nonce Mismatch: resynchronise this device."),
        row(Self::IdempotencyKeyReused, "IDEMPOTENCY_KEY_REUSED", 422, "This operation id was already used with another request."),
        row(Self::LicenseNotFound, "LICENSE_NOT_FOUND", 404, "Invalid license key: license not found."),
        row(Self::ProjectNotFound, "PROJECT_NOT_FOUND", 404, "There is no such project."),
        row(Self::PolicyNotFound, "POLICY_NOT_FOUND", 404, "That product is not available."),
        row(Self::RedirectNotAllowed, "REDIRECT_NOT_ALLOWED", 403, "This project does not send buyers to that address."),
        row(Self::SecretNotFound, "SECRET_NOT_FOUND", 404, "There is no such secret in this project."),
        row(Self::KeyNotFound, "KEY_NOT_FOUND", 404, "There is no such administrator key."),
        row(Self::ProSdkRequired, "PRO_SDK_REQUIRED", 403, "This license requires the encrypted PRO endpoints."),
        row(Self::OfflineActivationRequired, "OFFLINE_ACTIVATION_REQUIRED", 403, "Offline activation required: this license is air-gapped, import its .ltlm file."),
        row(Self::RegionBlocked, "REGION_BLOCKED", 403, "This license cannot be used in your region."),
        row(Self::VersionNotSupported, "VERSION_NOT_SUPPORTED", 403, "Version not allowed: app version <version> is outside <min> to <max>. Please update."),
        row(Self::LicenseTerminated, "LICENSE_TERMINATED", 403, "This license has been terminated."),
        row(Self::LicenseRevoked, "LICENSE_REVOKED", 403, "This license has been revoked."),
        row(Self::LicenseSuspended, "LICENSE_SUSPENDED", 403, "This license has been suspended. Please contact support."),
        row(Self::LicenseExpired, "LICENSE_EXPIRED", 403, "This license has expired."),
        row(Self::DeviceNotRegistered, "DEVICE_NOT_REGISTERED", 403, "This device is not registered for this license."),
        row(Self::DeviceKeyRequired, "DEVICE_KEY_REQUIRED", 403, "This project asks for a device key: activate with deviceKey."),
        row(Self::DeviceSignatureRejected, "DEVICE_SIGNATURE_REJECTED", 401, "The device signature is missing or wrong."),
        row(Self::DeviceKeyMismatch, "DEVICE_KEY_MISMATCH", 403, "This device is known by another key. If its own is lost, the vendor has to remove the device; then it may come back with a new one."),
        row(Self::CapabilityMissing, "CAPABILITY_MISSING", 403, "This license does not include that capability."),
        row(Self::DeviceReleaseNotAllowed, "DEVICE_RELEASE_NOT_ALLOWED", 403, "Removing devices is not permitted for this license."),
        row(Self::DeviceLimitReached, "DEVICE_LIMIT_REACHED", 403, "License already activated on another device: activation limit reached (<count> of <max> devices)."),
        row(Self::SeatLimitReached, "SEAT_LIMIT_REACHED", 403, "Concurrent seat limit reached: all <max> seats are in use."),
        row(Self::SeatReleaseNotAllowed, "SEAT_RELEASE_NOT_ALLOWED", 403, "Releasing other seats is not permitted for this license."),
        row(Self::SeatReleaseCooldown, "SEAT_RELEASE_COOLDOWN", 403, "Please wait <seconds> seconds before releasing another seat (cooldown)."),
        row(Self::SeatNotHeld, "SEAT_NOT_HELD", 409, "That device does not hold a seat."),
        row(Self::SettingsChanged, "SETTINGS_CHANGED", 412, "The settings were changed meanwhile."),
        row(Self::SettingsTooLarge, "SETTINGS_TOO_LARGE", 413, "Settings exceed maximum size of 64KB."),
        row(Self::SettingsRejected, "SETTINGS_REJECTED", 400, "Settings contain a reserved or too deeply nested name: <path>."),
        row(Self::LicenseNotAirGapped, "LICENSE_NOT_AIR_GAPPED", 409, "Offline files are for air-gapped licenses; this one is used online."),
        row(Self::AccountNotFound, "ACCOUNT_NOT_FOUND", 404, "User not found"),
        row(Self::AccountExists, "ACCOUNT_EXISTS", 409, "An account with this id exists already."),
        row(Self::UnknownTier, "UNKNOWN_TIER", 422, "There is no such plan: see details for those there are."),
        row(Self::UnknownOperationType, "UNKNOWN_OPERATION_TYPE", 422, "There is no such operation type: see details for those there are."),
        row(Self::OperationHasNoCost, "OPERATION_HAS_NO_COST", 422, "Operation type does not have a cost"),
        row(Self::AccountInsufficient, "INSUFFICIENT_TOKENS", 402, "Insufficient tokens. Required: <required>, Available: <balance>"),
        row(Self::OperationNotFound, "OPERATION_NOT_FOUND", 404, "No operation with this id spent tokens of this account."),
        row(Self::RefundTooLarge, "REFUND_TOO_LARGE", 409, "Of this operation <refundable> can be refunded."),
        row(
            Self::NothingToRefund,
            "NOTHING_TO_REFUND",
            409,
            "Of the newest charges <refundable> can be refunded by one call.",
        ),
        row(Self::HoldNotFound, "HOLD_NOT_FOUND", 404, "No operation with this id set anything of this account aside."),
        row(Self::HoldEnded, "HOLD_ENDED", 409, "What was set aside is spent or given back already."),
        row(Self::HoldTooSmall, "HOLD_TOO_SMALL", 409, "Only <held> are set aside."),
        row(Self::HoldLimitReached, "HOLD_LIMIT_REACHED", 409, "This wallet has <max> open holds, as many as it may."),
        row(Self::RangeReversed, "RANGE_REVERSED", 422, "The range ends before it begins."),
        row(Self::RangeTooLong, "RANGE_TOO_LONG", 422, "The range has more than <max> days."),
        row(Self::NotAhead, "NOT_AHEAD", 422, "<path> must lie in the future."),
        row(Self::CursorElsewhere, "CURSOR_ELSEWHERE", 422, "This cursor belongs to another list."),
        row(Self::SessionRequired, "SESSION_REQUIRED", 401, "Unauthorized - no user session"),
        row(Self::OrganizationNotFound, "ORGANIZATION_NOT_FOUND", 404, "There is no such organization in this project."),
        row(Self::AccessTokenNotFound, "ACCESS_TOKEN_NOT_FOUND", 404, "There is no such access token in this project."),
        row(Self::OrganizationExists, "ORGANIZATION_EXISTS", 409, "There is an organization with this name already."),
        row(Self::OrganizationForbidden, "ORGANIZATION_FORBIDDEN", 403, "Forbidden - no access to this organization"),
        row(Self::OrganizationMissing, "ORGANIZATION_MISSING", 400, "Missing organizationId"),
        row(Self::FeatureFieldsMissing, "FEATURE_FIELDS_MISSING", 400, "Missing organizationId or featureUsed"),
        row(Self::FeatureActionUnknown, "FEATURE_ACTION_UNKNOWN", 400, "Invalid action. Use \"check\" or \"deduct\""),
        row(Self::UnknownFeature, "UNKNOWN_FEATURE", 422, "No cost is known of this feature."),
        row(Self::FeatureNotAvailable, "FEATURE_NOT_AVAILABLE", 403, "Feature not available on this plan. Upgrade to use it."),
        row(Self::TokensDisabled, "TOKENS_DISABLED", 403, "Token consumption is disabled for this license."),
        row(Self::InsufficientTokens, "INSUFFICIENT_TOKENS", 403, "You have insufficient tokens for this action (<required> required, <balance> remaining)."),
        row(Self::GrantLimitReached, "GRANT_LIMIT_REACHED", 409, "This wallet already holds <max> grants."),
        row(Self::OtpRejected, "OTP_REJECTED", 400, "The code is wrong or no longer usable."),
        row(Self::RateLimited, "RATE_LIMITED", 429, "Too many requests, please slow down."),
        row(Self::SignInRejected, "SIGN_IN_REJECTED", 401, "The user name or the password is wrong."),
        row(Self::MfaSessionExpired, "MFA_SESSION_EXPIRED", 401, "This sign-in is over: please sign in again."),
        row(Self::MfaCodeRejected, "MFA_CODE_REJECTED", 400, "The code is wrong."),
        row(Self::DeveloperNotFound, "DEVELOPER_NOT_FOUND", 404, "There is no such developer."),
        row(Self::DeveloperExists, "DEVELOPER_EXISTS", 409, "There is a developer with this address already."),
        row(Self::WebhookNotFound, "WEBHOOK_NOT_FOUND", 404, "There is no such webhook in this project."),
        row(Self::WebhookLimitReached, "WEBHOOK_LIMIT_REACHED", 409, "This project already has <max> webhooks: remove one first."),
        row(Self::TrialNotAvailable, "TRIAL_NOT_AVAILABLE", 403, "There is no trial for this e-mail address any more."),
        row(Self::TopUpNotAvailable, "TOPUP_NOT_AVAILABLE", 403, "That top-up is not available for this license."),
        row(Self::PaymentsNotSetUp, "PAYMENTS_NOT_SET_UP", 501, "This vendor takes no payments here yet."),
        row(Self::WebhookSignatureRejected, "WEBHOOK_SIGNATURE_REJECTED", 400, "The signature of this message is missing, wrong or too old."),
        row(Self::OrderNotFound, "ORDER_NOT_FOUND", 404, "There is no such order in this project."),
        row(Self::LicenseKeyTaken, "LICENSE_KEY_TAKEN", 409, "A license with this key exists already."),
        row(Self::StateFinal, "STATE_FINAL", 409, "A terminated license stays so; a revoked one can only be reinstated."),
        row(Self::PolicyIncomplete, "POLICY_INCOMPLETE", 422, "After this change the policy would not say how long its licenses last."),
        row(Self::SecretLimitReached, "SECRET_LIMIT_REACHED", 409, "This project already has <max> secrets: retire one first."),
        row(Self::WrappingKeyNotUsable, "WRAPPING_KEY_NOT_USABLE", 422, "Neither this deployment's key nor the one named unwraps this: check previousKeyArn, and that the stack was deployed with it as PreviousKeyArn."),
        row(Self::LastSecret, "LAST_SECRET", 409, "The only secret of a project cannot be retired: add another first."),
        Row { code: Self::ProjectSuspended, wire: "PROJECT_SUSPENDED", status: 503, retry: Retry::AfterSeconds(60), message: "This project is out of service for a moment, please try again." },
        row(Self::ProjectExists, "PROJECT_EXISTS", 409, "A project with this id exists already."),
        row(Self::ImportNotFound, "IMPORT_NOT_FOUND", 404, "There is no import of this project."),
        row(Self::ImportInProgress, "IMPORT_IN_PROGRESS", 409, "An import of this project from another file is in progress, or is being dropped: go on with that file, or drop the import."),
        row(Self::ImportOutOfOrder, "IMPORT_OUT_OF_ORDER", 409, "The next line of this import is number <next>."),
        row(Self::ImportIncomplete, "IMPORT_INCOMPLETE", 409, "The lines that were taken are not those that the trailer tells of: <what>."),
        row(Self::ImportTaken, "IMPORT_TAKEN", 409, "A record of the file is in this deployment already, and not by this import: <what>."),
        row(Self::ImportKeyNotFound, "IMPORT_KEY_NOT_FOUND", 404, "The file's keys are sealed to no import key of this deployment that is in force."),
        Row { code: Self::Busy, wire: "BUSY", status: 503, retry: Retry::AfterSeconds(1), message: "The service is busy, please try again." },
        Row { code: Self::Internal, wire: "INTERNAL", status: 500, retry: Retry::AfterSeconds(5), message: "Unexpected server error." },
    ];

    /// The code's row.
    pub fn row(self) -> &'static Row {
        // `every_code_has_one_row` keeps the table complete; INTERNAL stands in if it ever were not.
        Self::ALL.iter().find(|row| row.code == self).unwrap_or(&Self::ALL[Self::ALL.len() - 1])
    }

    /// The stable text on the wire.
    pub fn wire(self) -> &'static str {
        self.row().wire
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// The sentence for people, with each `<name>` replaced by its value.
    pub fn message(self, values: &[(&str, String)]) -> String {
        values
            .iter()
            .fold(self.row().message.to_owned(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
    }
}

/// Words that demo code of the existing client branches on: each may stand only in the messages that mean it (wire 1.4).
pub const RESERVED_WORDS: &[&str] = &[
    "Nonce Mismatch",
    "TAMPERED",
    "network",
    "timeout",
    "Unable to connect",
    "Invalid",
    "not found",
    "limit",
    "activated",
    "expired",
    "version",
    "insufficient",
    "tokens",
    "wait",
    "cooldown",
];

/// Does this text hold a word reserved for some error's message? Letter case is ignored, to be on the safe side.
pub fn holds_reserved_word(text: &str) -> bool {
    let text = text.to_lowercase();
    RESERVED_WORDS.iter().any(|word| text.contains(&word.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_one_row() {
        // One text stands for the same refusal on both faces, with the status that each face gives it.
        let wires: BTreeSet<_> = Code::ALL.iter().map(|row| (row.wire, row.status)).collect();
        assert_eq!(wires.len(), Code::ALL.len());
        for row in Code::ALL {
            assert_eq!((row.code.row().wire, row.code.row().status), (row.wire, row.status));
            assert!((400..600).contains(&row.status), "{}", row.wire);
        }
    }

    #[test]
    fn the_seeds_codes_are_403_word_for_word() {
        let expected = [
            "PRO_SDK_REQUIRED",
            "OFFLINE_ACTIVATION_REQUIRED",
            "VERSION_NOT_SUPPORTED",
            "REGION_BLOCKED",
            "SEAT_LIMIT_REACHED",
            "SEAT_RELEASE_COOLDOWN",
            "DEVICE_LIMIT_REACHED",
            "INSUFFICIENT_TOKENS",
        ];
        for wire in expected {
            // Of the license's face: the accounts' own refusal for want of tokens is 402.
            assert!(Code::ALL.iter().any(|row| row.wire == wire && row.status == 403), "{wire}");
        }
    }

    #[test]
    fn messages_keep_the_word_rules() {
        // Wire 1.4, columns "must contain" and "never": who may say which reserved word.
        let allowed: &[(Code, &[&str])] = &[
            (Code::LicenseNotFound, &["Invalid", "not found"]),
            (Code::DeviceLimitReached, &["activated", "limit"]),
            (Code::LicenseExpired, &["expired"]),
            (Code::NonceMismatch, &["Nonce Mismatch"]),
            (Code::AccountInsufficient, &["insufficient", "tokens"]),
            (Code::OperationNotFound, &["tokens"]),
            // The seeds' own words, on routes that the existing SDK does not call.
            (Code::AccountNotFound, &["not found"]),
            (Code::FeatureActionUnknown, &["Invalid"]),
            (Code::InsufficientTokens, &["insufficient", "tokens"]),
            (Code::SeatLimitReached, &["limit"]),
            (Code::SeatReleaseCooldown, &["wait", "cooldown"]),
            (Code::VersionNotSupported, &["version"]),
        ];
        for row in Code::ALL {
            let own = allowed.iter().find(|(code, _)| *code == row.code).map_or(&[][..], |(_, words)| words);
            for word in RESERVED_WORDS {
                let said = row.message.to_lowercase().contains(&word.to_lowercase());
                assert_eq!(said, own.contains(word), "{}: {word}", row.wire);
            }
        }
        assert!(Code::DeviceLimitReached.row().message.contains("already activated"));
        assert!(Code::DeviceLimitReached.row().message.contains("activation limit"));
        assert!(Code::SeatLimitReached.row().message.contains("Concurrent"));
        assert!(Code::LicenseNotFound.row().message.contains("Invalid license"));
        assert!(Code::LicenseSuspended.row().message.contains("suspended"));
        assert!(Code::LicenseRevoked.row().message.contains("revoked"));
    }

    #[test]
    fn a_message_is_filled_in() {
        let text = Code::DeviceLimitReached.message(&[("count", "3".into()), ("max", "3".into())]);
        assert!(text.ends_with("(3 of 3 devices)."), "{text}");
    }
}
