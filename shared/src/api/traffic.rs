//! Which routes a project's quotas count, and as what. Every route is named here: one that is new is thought about.

use crate::api::routes::Endpoint;
use crate::model::quota::Traffic;

/// As what the route is counted; `None`: it never is.
pub fn of(endpoint: Endpoint) -> Option<Traffic> {
    match endpoint {
        // What an application needs to go on working, and a customer to get back in. Whether the device is registered is known only
        // when the table was read; strangers who guess keys are held back by their address.
        Endpoint::License
        | Endpoint::Entitlement
        | Endpoint::Activate
        | Endpoint::Heartbeat
        | Endpoint::Signout
        | Endpoint::ReleaseSeat
        | Endpoint::RemoveDevice
        | Endpoint::Consume
        | Endpoint::ConsumeBatch
        | Endpoint::ProValidate
        | Endpoint::ProActivate
        | Endpoint::ProStatus
        | Endpoint::ProHeartbeat
        | Endpoint::ProSignout
        | Endpoint::ProReleaseSeat
        | Endpoint::ProConsume
        | Endpoint::ProConsumeBatch => None,
        // Of no project, or of all.
        Endpoint::Health
        | Endpoint::StoreReturn
        | Endpoint::DevLogin
        | Endpoint::DevVerifyOtp
        | Endpoint::AdminCreateDeveloper
        | Endpoint::AdminDevelopers
        | Endpoint::AdminChangeDeveloper
        | Endpoint::AdminCreateProject
        | Endpoint::AdminProjects
        | Endpoint::AdminCreateKey
        | Endpoint::AdminKeys
        | Endpoint::AdminRevokeKey
        | Endpoint::AdminAudit
        | Endpoint::AdminDeployment
        | Endpoint::AdminTestMail
        | Endpoint::AdminRewrapProject
        | Endpoint::AdminRewrapDeveloper => None,
        // A project that moves, of which one end is not there yet or is suspended.
        Endpoint::AdminExport
        | Endpoint::AdminExportKeys
        | Endpoint::AdminCreateImportKey
        | Endpoint::AdminBeginImport
        | Endpoint::AdminImport
        | Endpoint::AdminImportLines
        | Endpoint::AdminFinishImport
        | Endpoint::AdminDropImport => None,
        // Somebody paid.
        Endpoint::StripeMessage => None,
        // What changes a quota, and what stops a secret that leaked.
        Endpoint::AdminProject
        | Endpoint::AdminChangeProject
        | Endpoint::AdminAddSecret
        | Endpoint::AdminRetireSecret => None,

        Endpoint::Seats
        | Endpoint::Settings
        | Endpoint::SaveSettings
        | Endpoint::Usage
        | Endpoint::ProSeats
        | Endpoint::ProSettings
        | Endpoint::ProSaveSettings
        | Endpoint::ProEvents
        | Endpoint::BuyablePolicies
        | Endpoint::CheckoutLink
        | Endpoint::TopupLink
        | Endpoint::ProBuyablePolicies
        | Endpoint::ProCheckoutLink
        | Endpoint::ProTopupLink
        | Endpoint::TrialEligibility
        | Endpoint::LoginRequest
        | Endpoint::Portfolio
        | Endpoint::ProLoginRequest
        | Endpoint::ProPortfolio => Some(Traffic::Applications),

        Endpoint::CreateAccount
        | Endpoint::AccountCheckoutLink
        | Endpoint::OrganizationCheckoutLink
        | Endpoint::Accounts
        | Endpoint::Account
        | Endpoint::DebitAccount
        | Endpoint::ChargeAccount
        | Endpoint::CreditAccount
        | Endpoint::RefundAccount
        | Endpoint::ResetAccount
        | Endpoint::AccountPlan
        | Endpoint::AccountAffordability
        | Endpoint::AccountEntries
        | Endpoint::HoldTokens
        | Endpoint::CommitHold
        | Endpoint::VoidHold
        | Endpoint::AccountRenewal
        | Endpoint::RenewAccount
        | Endpoint::AccountBalance
        | Endpoint::AccountStatistics
        | Endpoint::AccountVerification
        | Endpoint::EraseEntries
        | Endpoint::RenewAccounts
        | Endpoint::DueAccounts
        | Endpoint::ProjectEntries
        | Endpoint::EraseProjectEntries
        | Endpoint::CreateOrganization
        | Endpoint::Organizations
        | Endpoint::Organization
        | Endpoint::OrganizationVerification
        | Endpoint::OrganizationStatistics
        | Endpoint::OrganizationPlan
        | Endpoint::OrganizationTokens
        | Endpoint::OrganizationUsage
        | Endpoint::EraseUsage
        | Endpoint::AddMember
        | Endpoint::RemoveMember
        | Endpoint::CreateAccessToken
        | Endpoint::RevokeAccessToken
        | Endpoint::RevokeAccessTokens
        | Endpoint::CheckTokens
        | Endpoint::TokenStats => Some(Traffic::Backends),

        Endpoint::AdminOrders
        | Endpoint::AdminOrder
        | Endpoint::AdminEvents
        | Endpoint::AdminEventCounts
        | Endpoint::AdminCreateWebhook
        | Endpoint::AdminWebhooks
        | Endpoint::AdminRemoveWebhook
        | Endpoint::AdminRotateWebhook
        | Endpoint::AdminReplay
        | Endpoint::AdminDeadLetters
        | Endpoint::AdminNotices
        | Endpoint::AdminCreatePolicy
        | Endpoint::AdminPolicies
        | Endpoint::AdminPolicy
        | Endpoint::AdminChangePolicy
        | Endpoint::AdminCreateLicense
        | Endpoint::AdminLicenses
        | Endpoint::AdminLicense
        | Endpoint::AdminChangeLicense
        | Endpoint::AdminReinstate
        | Endpoint::AdminOfflineFile
        | Endpoint::AdminTokens
        | Endpoint::AdminUsage
        | Endpoint::AdminUsageVerification
        | Endpoint::AdminUsageStatistics
        | Endpoint::AdminDevices
        | Endpoint::AdminDescribeDevice
        | Endpoint::AdminRemoveDevice
        | Endpoint::AdminSeats
        | Endpoint::AdminReleaseSeat => Some(Traffic::Administration),
    }
}
