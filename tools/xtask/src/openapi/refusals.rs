//! Which error codes an operation can answer with.

use ltlm_protocol::Code;
use shared::api::function::Auth;
use shared::api::routes::{Endpoint, Route};

use crate::openapi::parameters::is_backend;
use crate::openapi::request::is_sealed;
use crate::openapi::{ledgers, store, transfer};

/// The codes that a route can refuse with.
pub(crate) fn refusals(route: &Route) -> Vec<Code> {
    let mut codes = vec![Code::BadRequest, Code::EdgeRequired, Code::Internal, Code::Busy];
    match route.auth {
        Auth::Administrator(_) => codes.extend([Code::Unauthorized, Code::Forbidden]),
        Auth::Member => codes.extend([Code::SessionRequired, Code::ProjectNotFound]),
        // Who is not known, or asks for what is not there, is counted.
        Auth::Project => codes.extend([Code::UnauthorizedProject, Code::RateLimited]),
        Auth::Open => {}
    }
    if route.body {
        codes.extend([Code::BodyTooLarge, Code::UnsupportedMediaType]);
    }
    if route.operation_id {
        codes.push(Code::IdempotencyKeyReused);
    }
    if route.path.contains("icense/{key}") || route.path.contains("{licenseKey}") {
        codes.push(Code::LicenseNotFound);
    }
    if is_backend(route) {
        codes.push(Code::ProjectNotFound);
    }
    let is_of_service = matches!(route.auth, Auth::Project | Auth::Member)
        || is_backend(route)
        || route.path.contains("{licenseKey}")
        || matches!(route.endpoint, Endpoint::AdminCreateLicense | Endpoint::StripeMessage);
    if is_of_service {
        codes.push(Code::ProjectSuspended);
    }
    codes.extend(store::refusals(route));
    codes.extend(transfer::refusals(route));
    codes.extend(ledgers::refusals(route));
    let mut online = vec![Code::ProSdkRequired, Code::OfflineActivationRequired];
    if is_sealed(route) {
        codes.extend([Code::BadEnvelope, Code::HwidMismatch, Code::NonceMismatch, Code::LicenseNotFound]);
        online.remove(0);
    }
    if route.auth == Auth::Project {
        codes.extend([Code::DeviceKeyRequired, Code::DeviceSignatureRejected, Code::DeviceNotRegistered]);
    }
    if matches!(route.endpoint, Endpoint::ProConsume | Endpoint::ProConsumeBatch) {
        codes.push(Code::IdempotencyKeyReused);
    }
    match route.endpoint {
        Endpoint::License | Endpoint::Signout | Endpoint::Usage | Endpoint::ProSignout => codes.extend(online),
        Endpoint::Heartbeat | Endpoint::ProHeartbeat => {
            codes.extend(online);
            codes.push(Code::RegionBlocked);
        }
        Endpoint::Activate | Endpoint::ProValidate | Endpoint::ProActivate | Endpoint::ProStatus => {
            codes.extend(online);
            codes.extend([
                Code::RegionBlocked,
                Code::VersionNotSupported,
                Code::LicenseTerminated,
                Code::LicenseRevoked,
                Code::LicenseSuspended,
            ]);
            codes.extend([Code::DeviceLimitReached, Code::SeatLimitReached]);
        }
        Endpoint::Consume | Endpoint::ProConsume => {
            codes.extend(online);
            codes.extend([Code::LicenseTerminated, Code::LicenseRevoked, Code::LicenseSuspended, Code::LicenseExpired]);
            codes.extend([Code::DeviceNotRegistered, Code::CapabilityMissing]);
            codes.extend([Code::TokensDisabled, Code::InsufficientTokens]);
        }
        Endpoint::ConsumeBatch | Endpoint::ProConsumeBatch => {
            codes.extend(online);
            codes.push(Code::DeviceNotRegistered);
        }
        Endpoint::ReleaseSeat | Endpoint::ProReleaseSeat => {
            codes.extend(online);
            codes.extend([Code::LicenseTerminated, Code::LicenseRevoked, Code::LicenseSuspended, Code::LicenseExpired]);
            codes.extend([
                Code::DeviceNotRegistered,
                Code::SeatReleaseNotAllowed,
                Code::SeatReleaseCooldown,
                Code::SeatNotHeld,
            ]);
        }
        Endpoint::RemoveDevice => {
            codes.extend(online);
            codes.extend([Code::DeviceNotRegistered, Code::DeviceReleaseNotAllowed]);
        }
        Endpoint::Settings => codes.extend([Code::ProSdkRequired, Code::DeviceNotRegistered]),
        Endpoint::SaveSettings => {
            codes.extend([Code::ProSdkRequired, Code::DeviceNotRegistered]);
            codes.extend([Code::SettingsChanged, Code::SettingsTooLarge, Code::SettingsRejected]);
        }
        Endpoint::ProSettings => codes.push(Code::DeviceNotRegistered),
        Endpoint::ProSaveSettings => {
            codes.extend([Code::DeviceNotRegistered, Code::SettingsTooLarge, Code::SettingsRejected]);
        }
        Endpoint::AdminReleaseSeat => codes.push(Code::SeatNotHeld),
        Endpoint::AdminProject
        | Endpoint::AdminChangeProject
        | Endpoint::AdminCreatePolicy
        | Endpoint::AdminPolicies
        | Endpoint::AdminLicenses => codes.push(Code::ProjectNotFound),
        Endpoint::AdminCreateKey => codes.extend([Code::ProjectNotFound, Code::NotAhead]),
        Endpoint::AdminAddSecret => codes.extend([Code::ProjectNotFound, Code::SecretLimitReached]),
        Endpoint::AdminRetireSecret => codes.extend([Code::ProjectNotFound, Code::SecretNotFound, Code::LastSecret]),
        Endpoint::AdminRewrapProject => codes.extend([Code::ProjectNotFound, Code::WrappingKeyNotUsable]),
        Endpoint::AdminRewrapDeveloper => codes.extend([Code::DeveloperNotFound, Code::WrappingKeyNotUsable]),
        Endpoint::AdminPolicy => codes.push(Code::PolicyNotFound),
        Endpoint::AdminChangePolicy => codes.extend([Code::PolicyNotFound, Code::PolicyIncomplete]),
        Endpoint::AdminRevokeKey => codes.push(Code::KeyNotFound),
        Endpoint::AdminDescribeDevice | Endpoint::AdminRemoveDevice => codes.push(Code::DeviceNotRegistered),
        Endpoint::AdminCreateLicense => {
            codes.extend([Code::ProjectNotFound, Code::PolicyNotFound, Code::LicenseKeyTaken, Code::NotAhead])
        }
        Endpoint::AdminChangeLicense => codes.extend([Code::PolicyNotFound, Code::StateFinal, Code::NotAhead]),
        Endpoint::AccountPlan => codes.extend([Code::AccountNotFound, Code::UnknownTier, Code::NotAhead]),
        Endpoint::CreateAccount => codes.extend([Code::AccountExists, Code::UnknownTier, Code::NotAhead]),
        Endpoint::DebitAccount => codes.extend([Code::AccountNotFound, Code::AccountInsufficient]),
        Endpoint::ChargeAccount => codes.extend([
            Code::AccountNotFound,
            Code::AccountInsufficient,
            Code::UnknownOperationType,
            Code::OperationHasNoCost,
        ]),
        Endpoint::CreditAccount => codes.extend([Code::AccountNotFound, Code::NotAhead, Code::GrantLimitReached]),
        Endpoint::RefundAccount => {
            codes.extend([Code::AccountNotFound, Code::OperationNotFound, Code::RefundTooLarge, Code::NothingToRefund])
        }
        Endpoint::AccountAffordability => codes.push(Code::UnknownOperationType),
        Endpoint::Account
        | Endpoint::ResetAccount
        | Endpoint::AccountRenewal
        | Endpoint::RenewAccount
        | Endpoint::AccountBalance => codes.push(Code::AccountNotFound),
        Endpoint::Accounts | Endpoint::Organizations => codes.push(Code::CursorElsewhere),
        Endpoint::AccountVerification | Endpoint::OrganizationVerification | Endpoint::EraseEntries => {
            codes.extend([Code::AccountNotFound, Code::CursorElsewhere])
        }
        Endpoint::RenewAccounts => codes.push(Code::CursorElsewhere),
        Endpoint::CreateOrganization => codes.extend([Code::OrganizationExists, Code::UnknownTier]),
        Endpoint::Organization | Endpoint::AddMember | Endpoint::RemoveMember => codes.push(Code::OrganizationNotFound),
        Endpoint::OrganizationPlan => codes.extend([Code::OrganizationNotFound, Code::UnknownTier]),
        Endpoint::OrganizationTokens => {
            codes.extend([Code::OrganizationNotFound, Code::NotAhead, Code::GrantLimitReached])
        }
        Endpoint::OrganizationUsage | Endpoint::EraseUsage => {
            codes.extend([Code::AccountNotFound, Code::CursorElsewhere])
        }
        Endpoint::RevokeAccessToken => codes.push(Code::AccessTokenNotFound),
        Endpoint::RevokeAccessTokens => codes.push(Code::CursorElsewhere),
        Endpoint::TokenStats => codes.extend([Code::OrganizationMissing, Code::OrganizationForbidden]),
        Endpoint::CheckTokens => codes.extend([
            Code::FeatureFieldsMissing,
            Code::FeatureActionUnknown,
            Code::OrganizationForbidden,
            Code::UnknownFeature,
            Code::FeatureNotAvailable,
        ]),
        Endpoint::HoldTokens => {
            codes.extend([Code::AccountNotFound, Code::AccountInsufficient, Code::HoldLimitReached])
        }
        Endpoint::CommitHold => {
            codes.extend([Code::AccountNotFound, Code::HoldNotFound, Code::HoldEnded, Code::HoldTooSmall])
        }
        Endpoint::VoidHold => codes.extend([Code::AccountNotFound, Code::HoldNotFound, Code::HoldEnded]),
        Endpoint::AccountEntries | Endpoint::AccountStatistics | Endpoint::OrganizationStatistics => {
            codes.extend([Code::AccountNotFound, Code::RangeReversed, Code::CursorElsewhere])
        }
        Endpoint::AdminUsageVerification => codes.push(Code::CursorElsewhere),
        Endpoint::AdminUsageStatistics => codes.extend([Code::RangeReversed, Code::CursorElsewhere]),
        Endpoint::AdminOfflineFile => codes.extend([
            Code::LicenseNotAirGapped,
            Code::NotAhead,
            Code::LicenseTerminated,
            Code::LicenseRevoked,
            Code::LicenseSuspended,
            Code::LicenseExpired,
            Code::DeviceLimitReached,
            Code::SecretNotFound,
        ]),
        Endpoint::AdminReinstate => codes.push(Code::StateFinal),
        Endpoint::AdminTokens => codes.extend([Code::TokensDisabled, Code::GrantLimitReached, Code::NotAhead]),
        Endpoint::CreateAccessToken => codes.push(Code::OrganizationNotFound),
        _ => {}
    }
    codes
}
