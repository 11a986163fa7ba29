//! The one table of routes. The template, the OpenAPI document, the local server and the tests read it.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::domain::administrator::Scope;
use crate::keys::Purpose;

/// What a route does: one word for its handler, its event file and its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET /health`
    Health,
    /// `GET …/license/{key}`
    License,
    /// `GET …/entitlement`
    Entitlement,
    /// `DELETE …/devices/{hwid}`
    RemoveDevice,
    /// `POST …/activate`
    Activate,
    /// `POST …/heartbeat`
    Heartbeat,
    /// `POST …/signout`
    Signout,
    /// `GET …/seats`
    Seats,
    /// `POST …/release-seat`
    ReleaseSeat,
    /// `GET …/settings`
    Settings,
    /// `PUT …/settings`
    SaveSettings,
    /// `POST …/consume`
    Consume,
    /// `POST …/consume-batch`
    ConsumeBatch,
    /// `GET …/usage`
    Usage,
    /// `POST …/pro/license/validate`
    ProValidate,
    /// `POST …/pro/license/activate`
    ProActivate,
    /// `POST …/pro/license/status`
    ProStatus,
    /// `POST …/pro/license/heartbeat`
    ProHeartbeat,
    /// `POST …/pro/license/signout`
    ProSignout,
    /// `POST …/pro/license/seats`
    ProSeats,
    /// `POST …/pro/license/release-seat`
    ProReleaseSeat,
    /// `POST …/pro/license/consume`
    ProConsume,
    /// `POST …/pro/license/consume-batch`
    ProConsumeBatch,
    /// `POST …/pro/license/settings/get`
    ProSettings,
    /// `POST …/pro/license/settings/save`
    ProSaveSettings,
    /// `POST …/pro/license/events`
    ProEvents,
    /// `GET …/project/buyable-policies`
    BuyablePolicies,
    /// `POST …/project/checkout-link`
    CheckoutLink,
    /// `POST …/license/{key}/topup-link`
    TopupLink,
    /// `POST …/pro/project/buyable-policies`
    ProBuyablePolicies,
    /// `POST …/pro/project/checkout-link`
    ProCheckoutLink,
    /// `POST …/pro/license/topup-link`
    ProTopupLink,
    /// `GET …/pro/project/trial-eligibility`
    TrialEligibility,
    /// `GET /v1/store/return`
    StoreReturn,
    /// `POST /v1/payments/stripe`
    StripeMessage,
    /// `GET …/orders`
    AdminOrders,
    /// `GET …/orders/{orderId}`
    AdminOrder,
    /// `POST /v1/sdk/auth/customer-login-request`
    LoginRequest,
    /// `POST /v1/sdk/auth/customer-portfolio`
    Portfolio,
    /// `POST /v1/sdk/pro/auth/customer-login-request`
    ProLoginRequest,
    /// `POST /v1/sdk/pro/auth/customer-portfolio`
    ProPortfolio,
    /// `POST /v1/sdk/pro/auth/dev-login`
    DevLogin,
    /// `POST /v1/sdk/pro/auth/dev-login/verify-otp`
    DevVerifyOtp,
    /// `POST /v1/admin/developers`
    AdminCreateDeveloper,
    /// `GET /v1/admin/developers`
    AdminDevelopers,
    /// `PATCH /v1/admin/developers/{username}`
    AdminChangeDeveloper,
    /// `GET /v1/admin/projects/{projectId}/events`
    AdminEvents,
    /// `GET /v1/admin/projects/{projectId}/event-counts`
    AdminEventCounts,
    /// `POST /v1/admin/projects/{projectId}/webhooks`
    AdminCreateWebhook,
    /// `GET /v1/admin/projects/{projectId}/webhooks`
    AdminWebhooks,
    /// `DELETE /v1/admin/projects/{projectId}/webhooks/{webhookId}`
    AdminRemoveWebhook,
    /// `POST /v1/admin/projects/{projectId}/webhooks/{webhookId}/secret`
    AdminRotateWebhook,
    /// `POST /v1/admin/projects/{projectId}/webhooks/{webhookId}/replay`
    AdminReplay,
    /// `GET /v1/admin/projects/{projectId}/webhooks/{webhookId}/dead-letters`
    AdminDeadLetters,
    /// `GET /v1/admin/projects/{projectId}/notices`
    AdminNotices,
    /// `GET /v1/admin/deployment`
    AdminDeployment,
    /// `POST /v1/admin/test-mails`
    AdminTestMail,
    /// `POST /v1/accounts`
    CreateAccount,
    /// `GET /v1/accounts`
    Accounts,
    /// `GET /v1/accounts/{accountId}`
    Account,
    /// `POST /v1/accounts/{accountId}/debit`
    DebitAccount,
    /// `POST /v1/accounts/{accountId}/charge`
    ChargeAccount,
    /// `POST /v1/accounts/{accountId}/credit`
    CreditAccount,
    /// `POST /v1/accounts/{accountId}/refund`
    RefundAccount,
    /// `POST /v1/accounts/{accountId}/reset`
    ResetAccount,
    /// `POST /v1/accounts/{accountId}/plan`
    AccountPlan,
    /// `GET /v1/accounts/{accountId}/affordability`
    AccountAffordability,
    /// `GET /v1/accounts/{accountId}/entries`
    AccountEntries,
    /// `POST /v1/accounts/{accountId}/holds`
    HoldTokens,
    /// `POST /v1/accounts/{accountId}/holds/{holdId}/commit`
    CommitHold,
    /// `POST /v1/accounts/{accountId}/holds/{holdId}/void`
    VoidHold,
    /// `GET /v1/accounts/{accountId}/renewal`
    AccountRenewal,
    /// `POST /v1/accounts/{accountId}/renewal`
    RenewAccount,
    /// `GET /v1/accounts/{accountId}/balance`
    AccountBalance,
    /// `GET /v1/accounts/{accountId}/statistics`
    AccountStatistics,
    /// `GET /v1/accounts/{accountId}/verification`
    AccountVerification,
    /// `DELETE /v1/accounts/{accountId}/entries`
    EraseEntries,
    /// `POST /v1/renewals`
    RenewAccounts,
    /// `POST /v1/organizations`
    CreateOrganization,
    /// `GET /v1/organizations`
    Organizations,
    /// `GET /v1/organizations/{organizationId}`
    Organization,
    /// `GET /v1/organizations/{organizationId}/verification`
    OrganizationVerification,
    /// `GET /v1/organizations/{organizationId}/statistics`
    OrganizationStatistics,
    /// `PUT /v1/organizations/{organizationId}/plan`
    OrganizationPlan,
    /// `POST /v1/organizations/{organizationId}/tokens`
    OrganizationTokens,
    /// `GET /v1/organizations/{organizationId}/usage`
    OrganizationUsage,
    /// `DELETE /v1/organizations/{organizationId}/usage`
    EraseUsage,
    /// `PUT /v1/organizations/{organizationId}/members/{userId}`
    AddMember,
    /// `DELETE /v1/organizations/{organizationId}/members/{userId}`
    RemoveMember,
    /// `POST /v1/access-tokens`
    CreateAccessToken,
    /// `DELETE /v1/access-tokens/{tokenId}`
    RevokeAccessToken,
    /// `DELETE /v1/access-tokens`
    RevokeAccessTokens,
    /// `POST /v1/tokens/check-balance`
    CheckTokens,
    /// `GET /v1/tokens/stats`
    TokenStats,
    /// `POST /v1/admin/projects`
    AdminCreateProject,
    /// `GET /v1/admin/projects`
    AdminProjects,
    /// `GET /v1/admin/projects/{projectId}`
    AdminProject,
    /// `PATCH /v1/admin/projects/{projectId}`
    AdminChangeProject,
    /// `POST …/secrets`
    AdminAddSecret,
    /// `DELETE …/secrets/{secretId}`
    AdminRetireSecret,
    /// `POST …/projects/{projectId}/rewrap`
    AdminRewrapProject,
    /// `POST …/developers/{username}/rewrap`
    AdminRewrapDeveloper,
    /// `POST …/policies`
    AdminCreatePolicy,
    /// `GET …/policies`
    AdminPolicies,
    /// `GET /v1/admin/policies/{PolicyID}`
    AdminPolicy,
    /// `PATCH /v1/admin/policies/{PolicyID}`
    AdminChangePolicy,
    /// `POST …/licenses`
    AdminCreateLicense,
    /// `GET …/licenses`
    AdminLicenses,
    /// `GET /v1/admin/licenses/{licenseKey}`
    AdminLicense,
    /// `PATCH /v1/admin/licenses/{licenseKey}`
    AdminChangeLicense,
    /// `POST …/reinstate`
    AdminReinstate,
    /// `POST …/offline-file`
    AdminOfflineFile,
    /// `POST …/tokens`
    AdminTokens,
    /// `GET …/usage`
    AdminUsage,
    /// `GET …/usage/verification`
    AdminUsageVerification,
    /// `GET …/usage/statistics`
    AdminUsageStatistics,
    /// `GET …/devices`
    AdminDevices,
    /// `PATCH …/devices/{hwid}`
    AdminDescribeDevice,
    /// `DELETE …/devices/{hwid}`
    AdminRemoveDevice,
    /// `GET …/seats`
    AdminSeats,
    /// `POST …/seats/{hwid}/release`
    AdminReleaseSeat,
    /// `POST /v1/admin/keys`
    AdminCreateKey,
    /// `GET /v1/admin/keys`
    AdminKeys,
    /// `DELETE /v1/admin/keys/{keyId}`
    AdminRevokeKey,
    /// `GET /v1/admin/audit`
    AdminAudit,
    /// `GET …/export`
    AdminExport,
    /// `POST …/export-keys`
    AdminExportKeys,
    /// `POST /v1/admin/import-keys`
    AdminCreateImportKey,
    /// `POST …/import`
    AdminBeginImport,
    /// `GET …/import`
    AdminImport,
    /// `POST …/import/lines`
    AdminImportLines,
    /// `POST …/import/finish`
    AdminFinishImport,
    /// `DELETE …/import`
    AdminDropImport,
}

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

/// One route.
#[derive(Debug)]
pub struct Route {
    /// What it does.
    pub endpoint: Endpoint,
    /// Its name: of the event file and in logs.
    pub name: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path; the prefix `/api` may stand before it.
    pub path: &'static str,
    /// The Lambda function that serves it.
    pub function: &'static str,
    /// Who may call it.
    pub auth: Auth,
    /// Does it take a JSON body?
    pub body: bool,
    /// Does it take an operation id?
    pub operation_id: bool,
    /// For the documents.
    pub summary: &'static str,
}

const KEY: &str = "/v1/sdk/license/{key}";

macro_rules! path {
    ($tail:literal) => {
        concat!("/v1/sdk/license/{key}", $tail)
    };
}

macro_rules! pro {
    ($tail:literal) => {
        concat!("/v1/sdk/pro/license", $tail)
    };
}

/// All routes.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    Route { endpoint: Endpoint::Health, name: "health", method: "GET", path: "/health", function: "health",
        auth: Auth::Open, body: false, operation_id: false, summary: "Is the service there?" },
    Route { endpoint: Endpoint::License, name: "license", method: "GET", path: KEY, function: "license",
        auth: Auth::Project, body: false, operation_id: false, summary: "The license as it is; changes nothing." },
    Route { endpoint: Endpoint::Entitlement, name: "entitlement", method: "GET", path: path!("/entitlement"), function: "license",
        auth: Auth::Project, body: false, operation_id: false, summary: "Would a capability and its tokens be granted now?" },
    Route { endpoint: Endpoint::RemoveDevice, name: "remove-device", method: "DELETE", path: path!("/devices/{hwid}"), function: "devices",
        auth: Auth::Project, body: false, operation_id: false, summary: "Remove a device, if the customer may." },
    Route { endpoint: Endpoint::Activate, name: "activate", method: "POST", path: path!("/activate"), function: "activate",
        auth: Auth::Project, body: true, operation_id: false, summary: "Register a device and give it a seat." },
    Route { endpoint: Endpoint::Heartbeat, name: "heartbeat", method: "POST", path: path!("/heartbeat"), function: "heartbeat",
        auth: Auth::Project, body: true, operation_id: false, summary: "Keep the seat, wait for one, or give it back." },
    Route { endpoint: Endpoint::Signout, name: "signout", method: "POST", path: path!("/signout"), function: "signout",
        auth: Auth::Project, body: true, operation_id: false, summary: "Give the seat back." },
    Route { endpoint: Endpoint::Seats, name: "seats", method: "GET", path: path!("/seats"), function: "seats",
        auth: Auth::Project, body: false, operation_id: false, summary: "Who holds a seat." },
    Route { endpoint: Endpoint::ReleaseSeat, name: "release-seat", method: "POST", path: path!("/release-seat"), function: "release-seat",
        auth: Auth::Project, body: true, operation_id: false, summary: "Take another device's seat away." },
    Route { endpoint: Endpoint::Settings, name: "settings", method: "GET", path: path!("/settings"), function: "settings",
        auth: Auth::Project, body: false, operation_id: false, summary: "The user settings." },
    Route { endpoint: Endpoint::SaveSettings, name: "save-settings", method: "PUT", path: path!("/settings"), function: "settings",
        auth: Auth::Project, body: true, operation_id: false, summary: "Save the user settings, as a whole." },
    Route { endpoint: Endpoint::Consume, name: "consume", method: "POST", path: path!("/consume"), function: "consume",
        auth: Auth::Project, body: true, operation_id: true, summary: "Charge tokens, once per operation id." },
    Route { endpoint: Endpoint::ConsumeBatch, name: "consume-batch", method: "POST", path: path!("/consume-batch"), function: "consume-batch",
        auth: Auth::Project, body: true, operation_id: true, summary: "Charge what a device used while it was offline." },
    Route { endpoint: Endpoint::Usage, name: "usage", method: "GET", path: path!("/usage"), function: "usage",
        auth: Auth::Project, body: false, operation_id: false, summary: "Ledger entries, newest first." },
    Route { endpoint: Endpoint::ProValidate, name: "pro-validate", method: "POST", path: pro!("/validate"), function: "pro-validate",
        auth: Auth::Project, body: true, operation_id: false, summary: "Register a device and give it a seat; the device is in step again afterwards." },
    Route { endpoint: Endpoint::ProActivate, name: "pro-activate", method: "POST", path: pro!("/activate"), function: "pro-validate",
        auth: Auth::Project, body: true, operation_id: false, summary: "Another name of validate." },
    Route { endpoint: Endpoint::ProStatus, name: "pro-status", method: "POST", path: pro!("/status"), function: "pro-status",
        auth: Auth::Project, body: true, operation_id: false, summary: "The license for a device that shows itself; claims a seat, never registers." },
    Route { endpoint: Endpoint::ProHeartbeat, name: "pro-heartbeat", method: "POST", path: pro!("/heartbeat"), function: "pro-heartbeat",
        auth: Auth::Project, body: true, operation_id: false, summary: "Keep the seat, wait for one, or give it back." },
    Route { endpoint: Endpoint::ProSignout, name: "pro-signout", method: "POST", path: pro!("/signout"), function: "pro-heartbeat",
        auth: Auth::Project, body: true, operation_id: false, summary: "Give the seat back." },
    Route { endpoint: Endpoint::ProSeats, name: "pro-seats", method: "POST", path: pro!("/seats"), function: "pro-status",
        auth: Auth::Project, body: true, operation_id: false, summary: "Who holds a seat." },
    Route { endpoint: Endpoint::ProReleaseSeat, name: "pro-release-seat", method: "POST", path: pro!("/release-seat"), function: "release-seat",
        auth: Auth::Project, body: true, operation_id: false, summary: "Take another device's seat away." },
    Route { endpoint: Endpoint::ProConsume, name: "pro-consume", method: "POST", path: pro!("/consume"), function: "pro-consume",
        auth: Auth::Project, body: true, operation_id: false, summary: "Charge tokens." },
    Route { endpoint: Endpoint::ProConsumeBatch, name: "pro-consume-batch", method: "POST", path: pro!("/consume-batch"), function: "pro-consume-batch",
        auth: Auth::Project, body: true, operation_id: false, summary: "Charge what a device used while it was offline." },
    Route { endpoint: Endpoint::ProSettings, name: "pro-settings", method: "POST", path: pro!("/settings/get"), function: "pro-settings",
        auth: Auth::Project, body: true, operation_id: false, summary: "The user settings." },
    Route { endpoint: Endpoint::ProSaveSettings, name: "pro-save-settings", method: "POST", path: pro!("/settings/save"), function: "pro-settings",
        auth: Auth::Project, body: true, operation_id: false, summary: "Save the user settings, as a whole." },
    Route { endpoint: Endpoint::ProEvents, name: "pro-events", method: "POST", path: pro!("/events"), function: "pro-events",
        auth: Auth::Project, body: true, operation_id: false, summary: "Report something." },
    Route { endpoint: Endpoint::BuyablePolicies, name: "buyable-policies", method: "GET", path: "/v1/sdk/project/buyable-policies", function: "store",
        auth: Auth::Project, body: false, operation_id: false, summary: "What is for sale." },
    Route { endpoint: Endpoint::CheckoutLink, name: "checkout-link", method: "POST", path: "/v1/sdk/project/checkout-link", function: "store",
        auth: Auth::Project, body: true, operation_id: true, summary: "Order a license; answers where to pay it." },
    Route { endpoint: Endpoint::TopupLink, name: "topup-link", method: "POST", path: path!("/topup-link"), function: "store",
        auth: Auth::Project, body: true, operation_id: true, summary: "Order a pack on top of a license; answers where to pay it." },
    Route { endpoint: Endpoint::ProBuyablePolicies, name: "pro-buyable-policies", method: "POST", path: "/v1/sdk/pro/project/buyable-policies", function: "store",
        auth: Auth::Project, body: true, operation_id: false, summary: "What is for sale." },
    Route { endpoint: Endpoint::ProCheckoutLink, name: "pro-checkout-link", method: "POST", path: "/v1/sdk/pro/project/checkout-link", function: "store",
        auth: Auth::Project, body: true, operation_id: false, summary: "Order a license; answers where to pay it." },
    Route { endpoint: Endpoint::ProTopupLink, name: "pro-topup-link", method: "POST", path: pro!("/topup-link"), function: "store",
        auth: Auth::Project, body: true, operation_id: false, summary: "Order a pack on top of a license; answers where to pay it." },
    Route { endpoint: Endpoint::TrialEligibility, name: "trial-eligibility", method: "GET", path: "/v1/sdk/pro/project/trial-eligibility", function: "store",
        auth: Auth::Project, body: false, operation_id: false, summary: "May this e-mail address have a trial? Plain, though its path says otherwise." },
    Route { endpoint: Endpoint::StoreReturn, name: "store-return", method: "GET", path: "/v1/store/return", function: "store",
        auth: Auth::Open, body: false, operation_id: false, summary: "Where a browser ends after paying, if it was sent nowhere else." },
    Route { endpoint: Endpoint::StripeMessage, name: "stripe-message", method: "POST", path: "/v1/payments/stripe", function: "payments",
        auth: Auth::Open, body: true, operation_id: false, summary: "What Stripe tells, signed by it." },
    Route { endpoint: Endpoint::AdminOrders, name: "admin-orders", method: "GET", path: "/v1/admin/projects/{projectId}/orders",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: false, summary: "Orders, newest first." },
    Route { endpoint: Endpoint::AdminOrder, name: "admin-order", method: "GET", path: "/v1/admin/projects/{projectId}/orders/{orderId}",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: false, summary: "An order." },
    Route { endpoint: Endpoint::LoginRequest, name: "login-request", method: "POST", path: "/v1/sdk/auth/customer-login-request",
        function: "portal", auth: Auth::Project, body: true, operation_id: false, summary: "Ask for a code by mail; the same answer for every address." },
    Route { endpoint: Endpoint::Portfolio, name: "portfolio", method: "POST", path: "/v1/sdk/auth/customer-portfolio",
        function: "portal", auth: Auth::Project, body: true, operation_id: false, summary: "What was bought with an address, to who shows its code." },
    Route { endpoint: Endpoint::ProLoginRequest, name: "pro-login-request", method: "POST", path: "/v1/sdk/pro/auth/customer-login-request",
        function: "portal", auth: Auth::Project, body: true, operation_id: false, summary: "Ask for a code by mail; the same answer for every address." },
    Route { endpoint: Endpoint::ProPortfolio, name: "pro-portfolio", method: "POST", path: "/v1/sdk/pro/auth/customer-portfolio",
        function: "portal", auth: Auth::Project, body: true, operation_id: false, summary: "What was bought with an address, to who shows its code." },
    Route { endpoint: Endpoint::DevLogin, name: "dev-login", method: "POST", path: "/v1/sdk/pro/auth/dev-login",
        function: "sign-in", auth: Auth::Open, body: true, operation_id: false, summary: "Sign a developer in by password. Plain, though its path says otherwise." },
    Route { endpoint: Endpoint::DevVerifyOtp, name: "dev-verify-otp", method: "POST", path: "/v1/sdk/pro/auth/dev-login/verify-otp",
        function: "sign-in", auth: Auth::Open, body: true, operation_id: false, summary: "The second factor of a developer's sign-in. Plain, though its path says otherwise." },
    Route { endpoint: Endpoint::AdminCreateDeveloper, name: "admin-create-developer", method: "POST", path: "/v1/admin/developers",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Make a developer, who may sign in from the editor." },
    Route { endpoint: Endpoint::AdminDevelopers, name: "admin-developers", method: "GET", path: "/v1/admin/developers",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "Developers, newest first." },
    Route { endpoint: Endpoint::AdminChangeDeveloper, name: "admin-change-developer", method: "PATCH", path: "/v1/admin/developers/{username}",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Change a developer: password, projects, second factor, or sign in no more." },
    Route { endpoint: Endpoint::AdminEvents, name: "admin-events", method: "GET", path: "/v1/admin/projects/{projectId}/events",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: false, summary: "What applications reported on a day, newest first." },
    Route { endpoint: Endpoint::AdminEventCounts, name: "admin-event-counts", method: "GET", path: "/v1/admin/projects/{projectId}/event-counts",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: false, summary: "How much applications reported, by type and day." },
    Route { endpoint: Endpoint::AdminCreateWebhook, name: "admin-create-webhook", method: "POST", path: "/v1/admin/projects/{projectId}/webhooks",
        function: "webhooks", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Make a webhook that notices go to; answers its secret." },
    Route { endpoint: Endpoint::AdminWebhooks, name: "admin-webhooks", method: "GET", path: "/v1/admin/projects/{projectId}/webhooks",
        function: "webhooks", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "Webhooks, newest first." },
    Route { endpoint: Endpoint::AdminRemoveWebhook, name: "admin-remove-webhook", method: "DELETE", path: "/v1/admin/projects/{projectId}/webhooks/{webhookId}",
        function: "webhooks", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: true, summary: "Stop a webhook." },
    Route { endpoint: Endpoint::AdminRotateWebhook, name: "admin-rotate-webhook", method: "POST", path: "/v1/admin/projects/{projectId}/webhooks/{webhookId}/secret",
        function: "webhooks", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: true, summary: "Give a webhook a new secret; the old one signs beside it for a day." },
    Route { endpoint: Endpoint::AdminReplay, name: "admin-replay", method: "POST", path: "/v1/admin/projects/{projectId}/webhooks/{webhookId}/replay",
        function: "webhooks", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Send notices to a webhook again, or its dead letters." },
    Route { endpoint: Endpoint::AdminDeadLetters, name: "admin-dead-letters", method: "GET", path: "/v1/admin/projects/{projectId}/webhooks/{webhookId}/dead-letters",
        function: "webhooks", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "Deliveries that were given up, newest first." },
    Route { endpoint: Endpoint::AdminNotices, name: "admin-notices", method: "GET", path: "/v1/admin/projects/{projectId}/notices",
        function: "webhooks", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "What was told of a project, newest first." },
    Route { endpoint: Endpoint::AdminDeployment, name: "admin-deployment", method: "GET", path: "/v1/admin/deployment",
        function: "webhooks", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "How the deployment does: its parts, tried by this call, its schedules, its webhooks." },
    Route { endpoint: Endpoint::AdminTestMail, name: "admin-test-mail", method: "POST", path: "/v1/admin/test-mails",
        function: "webhooks", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Send a test mail, the way that all mails go." },
    Route { endpoint: Endpoint::CreateAccount, name: "create-account", method: "POST", path: "/v1/accounts",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Make a token account." },
    Route { endpoint: Endpoint::Accounts, name: "accounts", method: "GET", path: "/v1/accounts",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "A project's accounts, by name." },
    Route { endpoint: Endpoint::Account, name: "account", method: "GET", path: "/v1/accounts/{accountId}",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "A token account as it stands." },
    Route { endpoint: Endpoint::DebitAccount, name: "debit-account", method: "POST", path: "/v1/accounts/{accountId}/debit",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Spend tokens, once per operation id." },
    Route { endpoint: Endpoint::ChargeAccount, name: "charge-account", method: "POST", path: "/v1/accounts/{accountId}/charge",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Pay an operation at its price." },
    Route { endpoint: Endpoint::CreditAccount, name: "credit-account", method: "POST", path: "/v1/accounts/{accountId}/credit",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Give tokens." },
    Route { endpoint: Endpoint::RefundAccount, name: "refund-account", method: "POST", path: "/v1/accounts/{accountId}/refund",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Give back what an operation spent, never more." },
    Route { endpoint: Endpoint::ResetAccount, name: "reset-account", method: "POST", path: "/v1/accounts/{accountId}/reset",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Set the balance." },
    Route { endpoint: Endpoint::AccountPlan, name: "account-plan", method: "POST", path: "/v1/accounts/{accountId}/plan",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Put the account on a plan; starts a period." },
    Route { endpoint: Endpoint::AccountAffordability, name: "account-affordability", method: "GET", path: "/v1/accounts/{accountId}/affordability",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "Could the account pay for this?" },
    Route { endpoint: Endpoint::AccountEntries, name: "account-entries", method: "GET", path: "/v1/accounts/{accountId}/entries",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "Ledger entries, newest first." },
    Route { endpoint: Endpoint::HoldTokens, name: "hold-tokens", method: "POST", path: "/v1/accounts/{accountId}/holds",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Set tokens aside for something that is under way." },
    Route { endpoint: Endpoint::CommitHold, name: "commit-hold", method: "POST", path: "/v1/accounts/{accountId}/holds/{holdId}/commit",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Spend what was set aside, or a part; the rest is given back." },
    Route { endpoint: Endpoint::VoidHold, name: "void-hold", method: "POST", path: "/v1/accounts/{accountId}/holds/{holdId}/void",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Give back what was set aside." },
    Route { endpoint: Endpoint::AccountRenewal, name: "account-renewal", method: "GET", path: "/v1/accounts/{accountId}/renewal",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "Is an allocation due, and if not, when?" },
    Route { endpoint: Endpoint::RenewAccount, name: "renew-account", method: "POST", path: "/v1/accounts/{accountId}/renewal",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: true, summary: "Give the allocation that is due." },
    Route { endpoint: Endpoint::AccountBalance, name: "account-balance", method: "GET", path: "/v1/accounts/{accountId}/balance",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "The balance at an instant." },
    Route { endpoint: Endpoint::AccountStatistics, name: "account-statistics", method: "GET", path: "/v1/accounts/{accountId}/statistics",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "What the ledger adds up to in a range of time." },
    Route { endpoint: Endpoint::AccountVerification, name: "account-verification", method: "GET", path: "/v1/accounts/{accountId}/verification",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "Is the ledger whole?" },
    Route { endpoint: Endpoint::EraseEntries, name: "erase-entries", method: "DELETE", path: "/v1/accounts/{accountId}/entries",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: true, summary: "Erase the free-form facts of old entries; amounts stay." },
    Route { endpoint: Endpoint::RenewAccounts, name: "renew-accounts", method: "POST", path: "/v1/renewals",
        function: "accounts", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Give the allocations that are due in the project." },
    Route { endpoint: Endpoint::CreateOrganization, name: "create-organization", method: "POST", path: "/v1/organizations",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Make an organization with its five pools." },
    Route { endpoint: Endpoint::Organizations, name: "organizations", method: "GET", path: "/v1/organizations",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "A project's organizations, by name." },
    Route { endpoint: Endpoint::OrganizationVerification, name: "organization-verification", method: "GET", path: "/v1/organizations/{organizationId}/verification",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "Is a pool's ledger whole?" },
    Route { endpoint: Endpoint::OrganizationStatistics, name: "organization-statistics", method: "GET", path: "/v1/organizations/{organizationId}/statistics",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "What a pool's ledger adds up to in a range of time." },
    Route { endpoint: Endpoint::Organization, name: "organization", method: "GET", path: "/v1/organizations/{organizationId}",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "An organization and its pools." },
    Route { endpoint: Endpoint::OrganizationPlan, name: "organization-plan", method: "PUT", path: "/v1/organizations/{organizationId}/plan",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Put an organization on a plan." },
    Route { endpoint: Endpoint::OrganizationTokens, name: "organization-tokens", method: "POST", path: "/v1/organizations/{organizationId}/tokens",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Give a pool further tokens." },
    Route { endpoint: Endpoint::OrganizationUsage, name: "organization-usage", method: "GET", path: "/v1/organizations/{organizationId}/usage",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "A pool's ledger, newest first: who used what." },
    Route { endpoint: Endpoint::EraseUsage, name: "erase-usage", method: "DELETE", path: "/v1/organizations/{organizationId}/usage",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: true, summary: "Erase who used what in a pool; amounts stay." },
    Route { endpoint: Endpoint::AddMember, name: "add-member", method: "PUT", path: "/v1/organizations/{organizationId}/members/{userId}",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: true, summary: "Make a user a member." },
    Route { endpoint: Endpoint::RemoveMember, name: "remove-member", method: "DELETE", path: "/v1/organizations/{organizationId}/members/{userId}",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: true, summary: "Take a user's membership away." },
    Route { endpoint: Endpoint::CreateAccessToken, name: "create-access-token", method: "POST", path: "/v1/access-tokens",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Make an access token for a user or an organization." },
    Route { endpoint: Endpoint::RevokeAccessToken, name: "revoke-access-token", method: "DELETE", path: "/v1/access-tokens/{tokenId}",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: true, summary: "Revoke an access token at once." },
    Route { endpoint: Endpoint::RevokeAccessTokens, name: "revoke-access-tokens", method: "DELETE", path: "/v1/access-tokens",
        function: "organizations", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: true, summary: "Revoke all access tokens of a user, of an organization, or of a member." },
    Route { endpoint: Endpoint::CheckTokens, name: "check-tokens", method: "POST", path: "/v1/tokens/check-balance",
        function: "tokens", auth: Auth::Member, body: true, operation_id: true, summary: "Check or deduct the tokens of a feature." },
    Route { endpoint: Endpoint::TokenStats, name: "token-stats", method: "GET", path: "/v1/tokens/stats",
        function: "tokens", auth: Auth::Member, body: false, operation_id: false, summary: "What an organization has of tokens." },
    Route { endpoint: Endpoint::AdminCreateProject, name: "admin-create-project", method: "POST", path: "/v1/admin/projects",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Make a project." },
    Route { endpoint: Endpoint::AdminProjects, name: "admin-projects", method: "GET", path: "/v1/admin/projects",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "Projects, newest first." },
    Route { endpoint: Endpoint::AdminProject, name: "admin-project", method: "GET", path: "/v1/admin/projects/{projectId}",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "A project, without its secrets." },
    Route { endpoint: Endpoint::AdminChangeProject, name: "admin-change-project", method: "PATCH", path: "/v1/admin/projects/{projectId}",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Change a project." },
    Route { endpoint: Endpoint::AdminAddSecret, name: "admin-add-secret", method: "POST", path: "/v1/admin/projects/{projectId}/secrets",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: true, summary: "Add a secret; those there are stay valid." },
    Route { endpoint: Endpoint::AdminRetireSecret, name: "admin-retire-secret", method: "DELETE", path: "/v1/admin/projects/{projectId}/secrets/{secretId}",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: true, summary: "Retire a secret." },
    Route { endpoint: Endpoint::AdminRewrapProject, name: "admin-rewrap-project", method: "POST", path: "/v1/admin/projects/{projectId}/rewrap",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Wrap a project's keys, which another KMS key wrapped, with this deployment's." },
    Route { endpoint: Endpoint::AdminRewrapDeveloper, name: "admin-rewrap-developer", method: "POST", path: "/v1/admin/developers/{username}/rewrap",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Wrap a developer's key, which another KMS key wrapped, with this deployment's." },
    Route { endpoint: Endpoint::AdminCreatePolicy, name: "admin-create-policy", method: "POST", path: "/v1/admin/projects/{projectId}/policies",
        function: "admin", auth: Auth::Administrator(Scope::Policies), body: true, operation_id: true, summary: "Make a policy." },
    Route { endpoint: Endpoint::AdminPolicies, name: "admin-policies", method: "GET", path: "/v1/admin/projects/{projectId}/policies",
        function: "admin", auth: Auth::Administrator(Scope::Policies), body: false, operation_id: false, summary: "A project's policies, newest first." },
    Route { endpoint: Endpoint::AdminPolicy, name: "admin-policy", method: "GET", path: "/v1/admin/policies/{PolicyID}",
        function: "admin", auth: Auth::Administrator(Scope::Policies), body: false, operation_id: false, summary: "A policy." },
    Route { endpoint: Endpoint::AdminChangePolicy, name: "admin-change-policy", method: "PATCH", path: "/v1/admin/policies/{PolicyID}",
        function: "admin", auth: Auth::Administrator(Scope::Policies), body: true, operation_id: true, summary: "Change a policy; its licenses follow at once." },
    Route { endpoint: Endpoint::AdminCreateLicense, name: "admin-create-license", method: "POST", path: "/v1/admin/projects/{projectId}/licenses",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: true, operation_id: true, summary: "Issue licenses." },
    Route { endpoint: Endpoint::AdminLicenses, name: "admin-licenses", method: "GET", path: "/v1/admin/projects/{projectId}/licenses",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: false, summary: "Search a project's licenses." },
    Route { endpoint: Endpoint::AdminLicense, name: "admin-license", method: "GET", path: "/v1/admin/licenses/{licenseKey}",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: false, summary: "The license, as its vendor sees it." },
    Route { endpoint: Endpoint::AdminChangeLicense, name: "admin-change-license", method: "PATCH", path: "/v1/admin/licenses/{licenseKey}",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: true, operation_id: true, summary: "Suspend, resume, revoke, terminate; extend, override, transfer." },
    Route { endpoint: Endpoint::AdminReinstate, name: "admin-reinstate", method: "POST", path: "/v1/admin/licenses/{licenseKey}/reinstate",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: true, operation_id: true, summary: "Take back a revocation that was a mistake." },
    Route { endpoint: Endpoint::AdminOfflineFile, name: "admin-offline-file", method: "POST", path: "/v1/admin/licenses/{licenseKey}/offline-file",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: true, operation_id: true, summary: "Issue the file of an air-gapped license." },
    Route { endpoint: Endpoint::AdminTokens, name: "admin-tokens", method: "POST", path: "/v1/admin/licenses/{licenseKey}/tokens",
        function: "admin", auth: Auth::Administrator(Scope::Tokens), body: true, operation_id: true, summary: "Credit or debit tokens." },
    Route { endpoint: Endpoint::AdminUsage, name: "admin-usage", method: "GET", path: "/v1/admin/licenses/{licenseKey}/usage",
        function: "admin", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "Ledger entries, newest first." },
    Route { endpoint: Endpoint::AdminUsageVerification, name: "admin-usage-verification", method: "GET", path: "/v1/admin/licenses/{licenseKey}/usage/verification",
        function: "admin", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "Is the license's ledger whole?" },
    Route { endpoint: Endpoint::AdminUsageStatistics, name: "admin-usage-statistics", method: "GET", path: "/v1/admin/licenses/{licenseKey}/usage/statistics",
        function: "admin", auth: Auth::Administrator(Scope::Tokens), body: false, operation_id: false, summary: "What the license's ledger adds up to in a range of time." },
    Route { endpoint: Endpoint::AdminDevices, name: "admin-devices", method: "GET", path: "/v1/admin/licenses/{licenseKey}/devices",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: false, summary: "Devices, last activated first." },
    Route { endpoint: Endpoint::AdminDescribeDevice, name: "admin-describe-device", method: "PATCH", path: "/v1/admin/licenses/{licenseKey}/devices/{hwid}",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: true, operation_id: true, summary: "Name a device." },
    Route { endpoint: Endpoint::AdminRemoveDevice, name: "admin-remove-device", method: "DELETE", path: "/v1/admin/licenses/{licenseKey}/devices/{hwid}",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: true, summary: "Remove a device." },
    Route { endpoint: Endpoint::AdminSeats, name: "admin-seats", method: "GET", path: "/v1/admin/licenses/{licenseKey}/seats",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: false, summary: "Who holds a seat." },
    Route { endpoint: Endpoint::AdminReleaseSeat, name: "admin-release-seat", method: "POST", path: "/v1/admin/licenses/{licenseKey}/seats/{hwid}/release",
        function: "admin", auth: Auth::Administrator(Scope::Licenses), body: false, operation_id: true, summary: "Take a device's seat away." },
    Route { endpoint: Endpoint::AdminCreateKey, name: "admin-create-key", method: "POST", path: "/v1/admin/keys",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Make an administrator key." },
    Route { endpoint: Endpoint::AdminKeys, name: "admin-keys", method: "GET", path: "/v1/admin/keys",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "Administrator keys, newest first." },
    Route { endpoint: Endpoint::AdminRevokeKey, name: "admin-revoke-key", method: "DELETE", path: "/v1/admin/keys/{keyId}",
        function: "admin", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: true, summary: "Revoke an administrator key." },
    Route { endpoint: Endpoint::AdminAudit, name: "admin-audit", method: "GET", path: "/v1/admin/audit",
        function: "admin", auth: Auth::Administrator(Scope::Read), body: false, operation_id: false, summary: "What administrators did, newest first." },
    Route { endpoint: Endpoint::AdminExport, name: "admin-export", method: "GET", path: "/v1/admin/projects/{projectId}/export",
        function: "transfer", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "Everything of a project but its keys, as lines of a file." },
    Route { endpoint: Endpoint::AdminExportKeys, name: "admin-export-keys", method: "POST", path: "/v1/admin/projects/{projectId}/export-keys",
        function: "transfer", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "A project's keys, sealed to another deployment's import key. With the stack's own key only." },
    Route { endpoint: Endpoint::AdminCreateImportKey, name: "admin-create-import-key", method: "POST", path: "/v1/admin/import-keys",
        function: "transfer", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: true, summary: "Make a key that another deployment seals a project's keys to. With the stack's own key only." },
    Route { endpoint: Endpoint::AdminBeginImport, name: "admin-begin-import", method: "POST", path: "/v1/admin/projects/{projectId}/import",
        function: "transfer", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Begin to import a project from another deployment's export." },
    Route { endpoint: Endpoint::AdminImport, name: "admin-import", method: "GET", path: "/v1/admin/projects/{projectId}/import",
        function: "transfer", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: false, summary: "How far an import has come." },
    Route { endpoint: Endpoint::AdminImportLines, name: "admin-import-lines", method: "POST", path: "/v1/admin/projects/{projectId}/import/lines",
        function: "transfer", auth: Auth::Administrator(Scope::Projects), body: true, operation_id: true, summary: "Take the next lines of an import, all or none." },
    Route { endpoint: Endpoint::AdminFinishImport, name: "admin-finish-import", method: "POST", path: "/v1/admin/projects/{projectId}/import/finish",
        function: "transfer", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: true, summary: "Make the project, once all its lines are taken." },
    Route { endpoint: Endpoint::AdminDropImport, name: "admin-drop-import", method: "DELETE", path: "/v1/admin/projects/{projectId}/import",
        function: "transfer", auth: Auth::Administrator(Scope::Projects), body: false, operation_id: true, summary: "Drop an import that is not finished: remove what it wrote, as much as one call can." },
];

/// A Lambda function: what it may do at the table, and whether it may use keys.
#[derive(Debug)]
pub struct Function {
    /// Its name, and its binary's.
    pub name: &'static str,
    /// DynamoDB actions on the table.
    pub table_actions: &'static [&'static str],
    /// Indexes that it may query.
    pub indexes: &'static [&'static str],
    /// KMS actions on the key that wraps projects' keys.
    pub key_actions: &'static [&'static str],
    /// For keys of these purposes alone.
    pub purposes: &'static [Purpose],
}

/// All functions, with exactly the permissions that the template gives them.
#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    Function { name: "health", table_actions: &[], indexes: &[], key_actions: &[], purposes: &[] },
    Function { name: "license", table_actions: &["BatchGetItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &[], purposes: &[] },
    Function { name: "activate", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &[], purposes: &[] },
    Function { name: "heartbeat", table_actions: &["BatchGetItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &[], purposes: &[] },
    Function { name: "signout", table_actions: &["BatchGetItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &[], purposes: &[] },
    Function { name: "seats", table_actions: &["BatchGetItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &[], purposes: &[] },
    Function { name: "release-seat", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::SigningSeed] },
    Function { name: "devices", table_actions: &["BatchGetItem", "Query", "UpdateItem"], indexes: &[], key_actions: &[], purposes: &[] },
    Function { name: "settings", table_actions: &["BatchGetItem", "PutItem", "UpdateItem"], indexes: &[], key_actions: &[], purposes: &[] },
    Function { name: "consume", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &[], purposes: &[] },
    Function { name: "consume-batch", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &[], purposes: &[] },
    Function { name: "usage", table_actions: &["BatchGetItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &[], purposes: &[] },
    Function { name: "pro-validate", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::SigningSeed] },
    Function { name: "pro-status", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::SigningSeed] },
    Function { name: "pro-heartbeat", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::SigningSeed] },
    Function { name: "pro-consume", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::SigningSeed] },
    Function { name: "pro-consume-batch", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::SigningSeed] },
    Function { name: "pro-settings", table_actions: &["BatchGetItem", "PutItem", "UpdateItem"], indexes: &[], key_actions: &["Decrypt"], purposes: &[Purpose::SigningSeed] },
    Function { name: "pro-events", table_actions: &["BatchGetItem", "PutItem", "UpdateItem"], indexes: &[], key_actions: &["Decrypt"], purposes: &[Purpose::SigningSeed] },
    Function { name: "store", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::SigningSeed] },
    Function { name: "payments", table_actions: &["BatchGetItem", "PutItem", "UpdateItem"], indexes: &[], key_actions: &["Decrypt"], purposes: &[Purpose::Derivation, Purpose::Sealing] },
    Function { name: "portal", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::Derivation, Purpose::Sealing, Purpose::SigningSeed] },
    Function { name: "sign-in", table_actions: &["BatchGetItem", "PutItem", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::Codes, Purpose::Secret] },
    Function { name: "webhooks", table_actions: &["BatchGetItem", "PutItem", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt", "GenerateDataKey"], purposes: &[Purpose::Check, Purpose::Webhook] },
    // Serves no route: its queue calls it.
    Function { name: "courier", table_actions: &["BatchGetItem", "PutItem"], indexes: &["list"], key_actions: &["Decrypt"], purposes: &[Purpose::Codes, Purpose::Derivation, Purpose::Sealing, Purpose::Webhook] },
    Function { name: "accounts", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["due", "list"], key_actions: &[], purposes: &[] },
    Function { name: "organizations", table_actions: &["BatchGetItem", "PutItem", "UpdateItem"], indexes: &["due", "list"], key_actions: &["Decrypt"], purposes: &[Purpose::Derivation] },
    Function { name: "tokens", table_actions: &["BatchGetItem", "PutItem", "UpdateItem"], indexes: &[], key_actions: &[], purposes: &[] },
    // Serves no route: the schedule and the queue call it.
    Function { name: "renewals", table_actions: &["BatchGetItem", "PutItem"], indexes: &["due", "list"], key_actions: &[], purposes: &[] },
    // Serves no route: the table's stream calls it.
    Function { name: "stream", table_actions: &["PutItem", "Query"], indexes: &["list"], key_actions: &[], purposes: &[] },
    Function { name: "admin", table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"], indexes: &["due", "list"], key_actions: &["Decrypt", "Encrypt", "GenerateDataKey"], purposes: &[Purpose::Codes, Purpose::Derivation, Purpose::Sealing, Purpose::Secret, Purpose::SigningSeed, Purpose::Webhook] },
    Function { name: "transfer", table_actions: &["BatchGetItem", "DeleteItem", "PutItem", "Query", "Scan", "UpdateItem"], indexes: &["list"], key_actions: &["Decrypt", "Encrypt", "GenerateDataKey"], purposes: &[Purpose::Derivation, Purpose::Import, Purpose::Sealing, Purpose::Secret, Purpose::SigningSeed, Purpose::Webhook] },
];

/// The prefix that paths may carry (wire 1.1).
pub const PREFIX: &str = "/api";

/// Values of a path's `{names}`, percent-decoded.
pub type Parameters = Vec<(String, String)>;

/// What a method and path lead to.
pub enum Found {
    /// A route.
    Route(&'static Route, Parameters),
    /// A browser asks whether it may call.
    Preflight,
    /// A path with other methods: these.
    OtherMethods(String),
    /// Nothing.
    Nothing,
}

/// A path without the prefix that it may carry.
pub fn without_prefix(path: &str) -> &str {
    path.strip_prefix(PREFIX).filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// Finds the route of a method and path. No redirects, and no canonical spelling of a path but its own (wire 1.1).
pub fn find(method: &Method, path: &str) -> Found {
    let path = without_prefix(path);
    let Ok(matched) = ROUTER.at(path) else { return Found::Nothing };
    let candidates = matched.value;
    if method == Method::OPTIONS {
        return Found::Preflight;
    }
    // HEAD is GET without the body.
    let wanted = if method == Method::HEAD { "GET" } else { method.as_str() };
    let Some(route) = candidates.iter().find(|route| route.method == wanted) else {
        let methods: Vec<_> = candidates.iter().map(|route| route.method).collect();
        return Found::OtherMethods(methods.join(", "));
    };
    let decoded = matched.params.iter().map(|(name, value)| {
        let text = percent_decode_str(value).decode_utf8_lossy().into_owned();
        (name.to_owned(), text)
    });
    Found::Route(route, decoded.collect())
}

static ROUTER: std::sync::LazyLock<matchit::Router<Vec<&'static Route>>> = std::sync::LazyLock::new(|| {
    let mut paths: Vec<(&str, Vec<&'static Route>)> = Vec::new();
    for route in ROUTES {
        match paths.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, routes)) => routes.push(route),
            None => paths.push((route.path, vec![route])),
        }
    }
    let mut router = matchit::Router::new();
    for (path, routes) in paths {
        // Paths are constants of this file, and the test below inserts each of them.
        let inserted = router.insert(path, routes);
        debug_assert!(inserted.is_ok());
    }
    router
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_with_and_without_the_prefix() {
        for route in ROUTES {
            let path = route
                .path
                .replace("{key}", "LIC-1")
                .replace("{projectId}", "p")
                .replace("{licenseKey}", "LIC-1")
                .replace("{hwid}", "a")
                .replace("{secretId}", "s")
                .replace("{PolicyID}", "1")
                .replace("{keyId}", "k")
                .replace("{accountId}", "u")
                .replace("{holdId}", "h")
                .replace("{organizationId}", "o")
                .replace("{userId}", "m")
                .replace("{tokenId}", "t")
                .replace("{orderId}", "o")
                .replace("{username}", "d@e.f")
                .replace("{webhookId}", "w");
            let method: Method = route.method.parse().unwrap();
            for path in [path.clone(), format!("/api{path}")] {
                let Found::Route(found, _) = find(&method, &path) else { panic!("{path}") };
                assert_eq!(found.name, route.name);
            }
            assert!(FUNCTIONS.iter().any(|function| function.name == route.function), "{}", route.function);
        }
    }

    #[test]
    fn what_is_not_a_route_is_told_apart() {
        assert!(matches!(find(&Method::GET, "/nothing"), Found::Nothing));
        assert!(matches!(find(&Method::GET, "/health/"), Found::Nothing));
        assert!(matches!(find(&Method::GET, "/apihealth"), Found::Nothing));
        assert!(matches!(find(&Method::DELETE, "/health"), Found::OtherMethods(methods) if methods == "GET"));
        assert!(matches!(find(&Method::OPTIONS, "/api/health"), Found::Preflight));
        let Found::Route(_, parameters) = find(&Method::GET, "/v1/sdk/license/a%20b%2Fc") else { panic!() };
        assert_eq!(parameters, [("key".to_owned(), "a b/c".to_owned())]);
    }
}
