//! The one table of functions and their routes, a row each. The row of a route contains everything that is known of it.
//! The enum of routes, the dispatch, the check of queries, the quotas, the template, the OpenAPI document, the local
//! server and the tests are generated from it or compared with it. A row contains:
//!
//! ```text
//! fn <identifier> { <fields of `Function`> } {
//!     <Endpoint>: "<name>", <METHOD> <path>, <who may call>, [<operation_id>],
//!         <handler>, "<summary>", {
//!             request: <type of the body>,
//!             query: [<parameters>],
//!             cursor: <list>,
//!             response: <status> <type of the body>,
//!             refusals: [<codes beside those of every such route>],
//!             quota: <kind of traffic, or none>,
//!         };
//! }
//! ```
//!
//! `request` is present if the route has a body, and `query`, `cursor` and `refusals` if it has any. The types are
//! named by their module in `ltlm_protocol` or in `crate::domain`, the parameters in [`crate::api::parameter`], the
//! lists in [`crate::api::cursor`]. `()` is no body, and `String` is a body that is not JSON.
//!
//! A project's quotas never count what an application needs to keep running and a customer to regain access, calls that
//! concern no project or all projects, a project that moves, payments, and calls that change a quota or retire a leaked
//! secret. Whether a device is registered is known only after the table was read; callers who guess keys are limited by
//! their address.

/// Gives all rows to a macro.
#[macro_export]
macro_rules! functions {
    ($generate:ident) => {
        $generate! {
            fn health {
                name: "health",
                about: "health check",
                ..Function::DEFAULT
            } {
                Health: "health", GET "/health", Open, [],
                    health::health, "Check that the service answers.", { response: 200 deployment_data::HealthData, quota: none };
            }

            fn license {
                name: "license",
                about: "get a license",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                License: "license", GET license!(""), Project, [],
                    license::license, "Get a license; changes nothing.", {
                        query: [HWID],
                        response: 200 license_data::LicenseData,
                        refusals: [ProSdkRequired, OfflineActivationRequired],
                        quota: none,
                    };
                Entitlement: "entitlement", GET license!("/entitlement"), Project, [],
                    license::entitlement, "Check whether a capability and its tokens would be granted now.",
                    { query: [HWID_REQUIRED, CAPABILITY, TOKENS], response: 200 license_data::Entitlement, quota: none };
            }

            fn activate {
                name: "activate",
                about: "register a device and claim a seat",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Activate: "activate", POST license!("/activate"), Project, [],
                    license::activate, "Register a device and claim a seat.", {
                        request: request::Activate,
                        response: 200 license_data::LicenseData,
                        refusals: [ProSdkRequired, OfflineActivationRequired, RegionBlocked, VersionNotSupported, LicenseTerminated, LicenseRevoked, LicenseSuspended, DeviceKeyMismatch, DeviceLimitReached, SeatLimitReached],
                        quota: none,
                    };
            }

            fn heartbeat {
                name: "heartbeat",
                about: "keep a seat",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Heartbeat: "heartbeat", POST license!("/heartbeat"), Project, [],
                    license::heartbeat, "Keep a seat, wait for one, or release it.", {
                        request: request::Heartbeat,
                        response: 200 license_data::LicenseData,
                        refusals: [ProSdkRequired, OfflineActivationRequired, RegionBlocked],
                        quota: none,
                    };
            }

            fn signout {
                name: "signout",
                about: "release the device's own seat",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Signout: "signout", POST license!("/signout"), Project, [],
                    license::signout, "Release the seat.", {
                        request: request::Signout,
                        response: 200 license_data::SignoutAnswer,
                        refusals: [ProSdkRequired, OfflineActivationRequired],
                        quota: none,
                    };
            }

            fn seats {
                name: "seats",
                about: "list seats",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                Seats: "seats", GET license!("/seats"), Project, [],
                    license::seats, "List the devices that hold a seat.", { query: [HWID], response: 200 license_data::SeatList, quota: Applications };
            }

            fn release_seat {
                name: "release-seat",
                about: "release another device's seat",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                ..Function::DEFAULT
            } {
                ReleaseSeat: "release-seat", POST license!("/release-seat"), Project, [],
                    license::release_seat, "Release another device's seat.", {
                        request: request::ReleaseSeat,
                        response: 200 license_data::ReleaseSeatAnswer,
                        refusals: [ProSdkRequired, OfflineActivationRequired, LicenseTerminated, LicenseRevoked, LicenseSuspended, LicenseExpired, SeatReleaseNotAllowed, SeatReleaseCooldown, SeatNotHeld],
                        quota: none,
                    };
                ProReleaseSeat: "pro-release-seat", POST pro!("/release-seat"), Project, [],
                    pro::release_seat, "Release another device's seat.", {
                        request: request::ReleaseSeat,
                        response: 200 license_data::ReleaseSeatAnswer,
                        refusals: [OfflineActivationRequired, LicenseTerminated, LicenseRevoked, LicenseSuspended, LicenseExpired, SeatReleaseNotAllowed, SeatReleaseCooldown, SeatNotHeld],
                        quota: none,
                    };
            }

            fn devices {
                name: "devices",
                about: "remove a device",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                ..Function::DEFAULT
            } {
                RemoveDevice: "remove-device", DELETE license!("/devices/{hwid}"), Project, [],
                    license::remove_device, "Remove a device, if the policy allows it.", {
                        query: [HWID_REQUIRED],
                        response: 204 (),
                        refusals: [ProSdkRequired, OfflineActivationRequired, DeviceReleaseNotAllowed],
                        quota: none,
                    };
            }

            fn settings {
                name: "settings",
                about: "user settings",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                Settings: "settings", GET license!("/settings"), Project, [],
                    license::settings, "Get the user settings.",
                    { query: [HWID], response: 200 license_data::UserSettings, refusals: [ProSdkRequired], quota: Applications };
                SaveSettings: "save-settings", PUT license!("/settings"), Project, [],
                    license::save_settings, "Replace the user settings.", {
                        request: license::settings::SaveSettings,
                        response: 200 license_data::UserSettings,
                        refusals: [ProSdkRequired, SettingsChanged, SettingsTooLarge, SettingsRejected],
                        quota: Applications,
                    };
            }

            fn consume {
                name: "consume",
                about: "charge tokens",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Consume: "consume", POST license!("/consume"), Project, [operation_id],
                    license::consume, "Charge tokens, once per operation id.", {
                        request: request::Consume,
                        response: 200 license_data::LicenseData,
                        refusals: [ProSdkRequired, OfflineActivationRequired, LicenseTerminated, LicenseRevoked, LicenseSuspended, LicenseExpired, CapabilityMissing, TokensDisabled, InsufficientTokens],
                        quota: none,
                    };
            }

            fn consume_batch {
                name: "consume-batch",
                about: "charge what was used offline",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                ConsumeBatch: "consume-batch", POST license!("/consume-batch"), Project, [operation_id],
                    license::consume_batch, "Charge what a device used while it was offline.", {
                        request: request::ConsumeBatch,
                        response: 200 license_data::LicenseData,
                        refusals: [ProSdkRequired, OfflineActivationRequired],
                        quota: none,
                    };
            }

            fn usage {
                name: "usage",
                about: "list the ledger",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                Usage: "usage", GET license!("/usage"), Project, [],
                    license::usage, "List ledger entries, newest first.", {
                        query: [HWID, LIMIT],
                        cursor: LEDGER,
                        response: 200 license_data::Usage,
                        refusals: [ProSdkRequired, OfflineActivationRequired],
                        quota: Applications,
                    };
            }

            fn pro_validate {
                name: "pro-validate",
                about: "register a device, encrypted",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                ..Function::DEFAULT
            } {
                ProValidate: "pro-validate", POST pro!("/validate"), Project, [],
                    pro::validate, "Register a device and claim a seat; synchronizes the device's nonce.", {
                        request: request::Activate,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, RegionBlocked, VersionNotSupported, LicenseTerminated, LicenseRevoked, LicenseSuspended, DeviceKeyMismatch, DeviceLimitReached, SeatLimitReached],
                        quota: none,
                    };
                ProActivate: "pro-activate", POST pro!("/activate"), Project, [],
                    pro::validate, "Another name for validate.", {
                        request: request::Activate,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, RegionBlocked, VersionNotSupported, LicenseTerminated, LicenseRevoked, LicenseSuspended, DeviceKeyMismatch, DeviceLimitReached, SeatLimitReached],
                        quota: none,
                    };
            }

            fn pro_status {
                name: "pro-status",
                about: "get a license, encrypted",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                ..Function::DEFAULT
            } {
                ProStatus: "pro-status", POST pro!("/status"), Project, [],
                    pro::status, "Get the license for a registered device; claims a seat, never registers.", {
                        request: request::Activate,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, RegionBlocked, VersionNotSupported, LicenseTerminated, LicenseRevoked, LicenseSuspended, DeviceLimitReached, SeatLimitReached],
                        quota: none,
                    };
                ProEntitlement: "pro-entitlement", POST pro!("/entitlement"), Project, [],
                    pro::entitlement, "Would a capability and its tokens be granted now?", {
                        request: license::entitlement::Ask,
                        response: 200 license_data::Entitlement,
                        quota: none,
                    };
                ProUsage: "pro-usage", POST pro!("/usage"), Project, [],
                    pro::usage, "Ledger entries, newest first.", {
                        request: handlers::pro::ListUsage,
                        response: 200 license_data::Usage,
                        refusals: [OfflineActivationRequired],
                        quota: Applications,
                    };
                ProSeats: "pro-seats", POST pro!("/seats"), Project, [],
                    pro::seats, "List the devices that hold a seat.", {
                        request: request::Signout,
                        response: 200 license_data::SeatList,
                        quota: Applications,
                    };
            }

            fn pro_heartbeat {
                name: "pro-heartbeat",
                about: "keep a seat, encrypted",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                ..Function::DEFAULT
            } {
                ProHeartbeat: "pro-heartbeat", POST pro!("/heartbeat"), Project, [],
                    pro::heartbeat, "Keep a seat, wait for one, or release it.", {
                        request: request::Heartbeat,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, RegionBlocked],
                        quota: none,
                    };
                ProSignout: "pro-signout", POST pro!("/signout"), Project, [],
                    pro::signout, "Release the seat.", {
                        request: request::Signout,
                        response: 200 license_data::SignedOut,
                        refusals: [OfflineActivationRequired],
                        quota: none,
                    };
            }

            fn pro_consume {
                name: "pro-consume",
                about: "charge tokens, encrypted",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                ..Function::DEFAULT
            } {
                ProConsume: "pro-consume", POST pro!("/consume"), Project, [],
                    pro::consume, "Charge tokens.", {
                        request: request::Consume,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, LicenseTerminated, LicenseRevoked, LicenseSuspended, LicenseExpired, CapabilityMissing, TokensDisabled, InsufficientTokens, IdempotencyKeyReused],
                        quota: none,
                    };
            }

            fn pro_consume_batch {
                name: "pro-consume-batch",
                about: "charge what was used offline, encrypted",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                ..Function::DEFAULT
            } {
                ProConsumeBatch: "pro-consume-batch", POST pro!("/consume-batch"), Project, [],
                    pro::consume_batch, "Charge what a device used while it was offline.", {
                        request: request::ConsumeBatch,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, IdempotencyKeyReused],
                        quota: none,
                    };
            }

            fn pro_settings {
                name: "pro-settings",
                about: "user settings, encrypted",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                ProSettings: "pro-settings", POST pro!("/settings/get"), Project, [],
                    pro::settings, "Get the user settings.", {
                        request: request::Signout,
                        response: 200 license_data::UserSettings,
                        quota: Applications,
                    };
                ProSaveSettings: "pro-save-settings", POST pro!("/settings/save"), Project, [],
                    pro::save_settings, "Replace the user settings.", {
                        request: license::settings::SaveSettings,
                        response: 200 license_data::UserSettings,
                        refusals: [SettingsTooLarge, SettingsRejected],
                        quota: Applications,
                    };
            }

            fn pro_events {
                name: "pro-events",
                about: "events of applications, encrypted",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                updates_buckets_only: true,
                reserves_concurrency: true,
                ..Function::DEFAULT
            } {
                ProEvents: "pro-events", POST pro!("/events"), Project, [],
                    pro::events, "Report an event.", {
                        request: pro::report_event::ReportEvent,
                        response: 200 event_data::EventReported,
                        quota: Applications,
                    };
            }

            fn store {
                name: "store",
                about: "the store and its payment pages",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                clients: &[Client::Payments],
                settings: &[Setting::AdminKey],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                BuyablePolicies: "buyable-policies", GET "/v1/sdk/project/buyable-policies", Project, [],
                    store::buyable_policies, "List the policies that are for sale.", { response: 200 store_data::StorePolicies, quota: Applications };
                CheckoutLink: "checkout-link", POST "/v1/sdk/project/checkout-link", Project, [operation_id],
                    store::checkout_link, "Order a license; returns the address of its payment page.", {
                        request: store::checkout::Checkout,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [PolicyNotFound, RedirectNotAllowed, TrialNotAvailable, PaymentsNotSetUp],
                        quota: Applications,
                    };
                TopupLink: "topup-link", POST license!("/topup-link"), Project, [operation_id],
                    store::topup_link, "Order a pack for a license; returns the address of its payment page.", {
                        request: store::top_up::TopUp,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [OfflineActivationRequired, LicenseTerminated, LicenseRevoked, LicenseSuspended, TopUpNotAvailable, RedirectNotAllowed, PaymentsNotSetUp, ProSdkRequired],
                        quota: Applications,
                    };
                ProBuyablePolicies: "pro-buyable-policies", POST "/v1/sdk/pro/project/buyable-policies", Project, [],
                    store::buyable_policies, "List the policies that are for sale.", {
                        request: request::Signout,
                        response: 200 store_data::StorePolicies,
                        quota: Applications,
                    };
                ProCheckoutLink: "pro-checkout-link", POST "/v1/sdk/pro/project/checkout-link", Project, [],
                    store::checkout_link, "Order a license; returns the address of its payment page.", {
                        request: store::checkout::Checkout,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [PolicyNotFound, RedirectNotAllowed, TrialNotAvailable, PaymentsNotSetUp, IdempotencyKeyReused],
                        quota: Applications,
                    };
                ProTopupLink: "pro-topup-link", POST pro!("/topup-link"), Project, [],
                    store::topup_link, "Order a pack for a license; returns the address of its payment page.", {
                        request: store::top_up::TopUp,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [OfflineActivationRequired, LicenseTerminated, LicenseRevoked, LicenseSuspended, TopUpNotAvailable, RedirectNotAllowed, PaymentsNotSetUp, IdempotencyKeyReused],
                        quota: Applications,
                    };
                AccountCheckoutLink: "account-checkout-link", POST "/v1/accounts/{accountId}/checkout-link", Administrator(Scope::Tokens), [operation_id],
                    store::account_checkout, "Order a pack of tokens for an account; returns the address of its payment page.", {
                        request: store::token_checkout::TokenCheckout,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [AccountNotFound, TopUpNotAvailable, RedirectNotAllowed, PaymentsNotSetUp],
                        quota: Backends,
                    };
                OrganizationCheckoutLink: "organization-checkout-link", POST "/v1/organizations/{organizationId}/checkout-link", Administrator(Scope::Tokens), [operation_id],
                    store::organization_checkout, "Order a pack of tokens for an organization; returns the address of its payment page.", {
                        request: store::token_checkout::TokenCheckout,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [OrganizationNotFound, TopUpNotAvailable, RedirectNotAllowed, PaymentsNotSetUp],
                        quota: Backends,
                    };
                TrialEligibility: "trial-eligibility", GET "/v1/sdk/pro/project/trial-eligibility", Project, [],
                    store::trial_eligibility, "Check whether an e-mail address can have a trial. Not encrypted, despite its path.",
                    { query: [EMAIL_REQUIRED], response: 200 store_data::TrialEligibility, quota: Applications };
                StoreReturn: "store-return", GET "/v1/store/return", Open, [],
                    store::store_return, "The page after a payment without a redirect address.",
                    { query: [SESSION_ID, PAGE_STATUS], response: 200 String, quota: none };
            }

            fn payments {
                name: "payments",
                about: "messages of the payment provider",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::Derivation, Purpose::Sealing],
                clients: &[Client::Payments],
                ..Function::DEFAULT
            } {
                StripeMessage: "stripe-message", POST "/v1/payments/stripe", Open, [],
                    store::stripe_message, "Receive a signed message of Stripe.", {
                        request: store::provider_event::SignedEvent,
                        response: 200 store_data::Received,
                        refusals: [WebhookSignatureRejected, PaymentsNotSetUp, ProjectSuspended],
                        quota: none,
                    };
            }

            fn portal {
                name: "portal",
                about: "the customer portal: codes by mail, and purchases",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::Derivation, Purpose::Sealing, Purpose::SigningSeed],
                updates_buckets_only: true,
                reserves_concurrency: true,
                ..Function::DEFAULT
            } {
                LoginRequest: "login-request", POST "/v1/sdk/auth/customer-login-request", Project, [],
                    portal::request, "Request a code by mail; the answer is the same for every address.", {
                        request: portal::one_time_code::RequestCode,
                        response: 200 portal_data::CodeRequested,
                        quota: Applications,
                    };
                Portfolio: "portfolio", POST "/v1/sdk/auth/customer-portfolio", Project, [],
                    portal::portfolio, "List what was bought with an e-mail address, for a caller with its code.", {
                        request: portal::one_time_code::UseCode,
                        response: 200 portal_data::Portfolio,
                        refusals: [OtpRejected],
                        quota: Applications,
                    };
                ProLoginRequest: "pro-login-request", POST "/v1/sdk/pro/auth/customer-login-request", Project, [],
                    portal::request, "Request a code by mail; the answer is the same for every address.", {
                        request: portal::one_time_code::RequestCode,
                        response: 200 portal_data::CodeRequested,
                        quota: Applications,
                    };
                ProPortfolio: "pro-portfolio", POST "/v1/sdk/pro/auth/customer-portfolio", Project, [],
                    portal::portfolio, "List what was bought with an e-mail address, for a caller with its code.", {
                        request: portal::one_time_code::UseCode,
                        response: 200 portal_data::Portfolio,
                        refusals: [OtpRejected],
                        quota: Applications,
                    };
            }

            fn sign_in {
                name: "sign-in",
                about: "sign-in of developers in the editor",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::Codes, Purpose::Secret],
                settings: &[Setting::Vendor],
                updates_buckets_only: true,
                reserves_concurrency: true,
                ..Function::DEFAULT
            } {
                DevLogin: "dev-login", POST "/v1/sdk/pro/auth/dev-login", Open, [],
                    portal::sign_in, "Sign a developer in by password. Not encrypted, despite its path.", {
                        request: portal::sign_in::SignIn,
                        response: 200 portal_data::SignedIn,
                        refusals: [SignInRejected, RateLimited],
                        quota: none,
                    };
                DevVerifyOtp: "dev-verify-otp", POST "/v1/sdk/pro/auth/dev-login/verify-otp", Open, [],
                    portal::verify, "Check the second factor of a developer's sign-in. Not encrypted, despite its path.", {
                        request: portal::sign_in::VerifyCode,
                        response: 200 portal_data::SignedIn,
                        refusals: [MfaSessionExpired, MfaCodeRejected],
                        quota: none,
                    };
            }

            fn webhooks {
                name: "webhooks",
                about: "webhooks",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt", "GenerateDataKey"],
                purposes: &[Purpose::Check, Purpose::Webhook],
                clients: &[Client::Outbox],
                settings: &[Setting::AdminKey, Setting::SendsMail, Setting::TakesPayments],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                AdminCreateWebhook: "admin-create-webhook", POST "/v1/admin/projects/{projectId}/webhooks", Administrator(Scope::Projects), [operation_id],
                    webhooks::create, "Create a webhook for notices; returns its secret.", {
                        request: webhooks::create::CreateWebhook,
                        response: 201 webhook_data::WebhookData,
                        refusals: [ProjectNotFound, WebhookLimitReached],
                        quota: Administration,
                    };
                AdminWebhooks: "admin-webhooks", GET "/v1/admin/projects/{projectId}/webhooks", Administrator(Scope::Projects), [],
                    webhooks::list, "List webhooks, newest first.",
                    { response: 200 webhook_data::WebhookList, refusals: [ProjectNotFound], quota: Administration };
                AdminRemoveWebhook: "admin-remove-webhook", DELETE "/v1/admin/projects/{projectId}/webhooks/{webhookId}", Administrator(Scope::Projects), [operation_id],
                    webhooks::remove, "Stop a webhook.", { response: 204 (), refusals: [WebhookNotFound], quota: Administration };
                AdminRotateWebhook: "admin-rotate-webhook", POST "/v1/admin/projects/{projectId}/webhooks/{webhookId}/secret", Administrator(Scope::Projects), [operation_id],
                    webhooks::rotate, "Rotate the secret of a webhook; the old one also signs for a day.",
                    { response: 200 webhook_data::WebhookData, refusals: [WebhookNotFound], quota: Administration };
                AdminReplay: "admin-replay", POST "/v1/admin/projects/{projectId}/webhooks/{webhookId}/replay", Administrator(Scope::Projects), [operation_id],
                    webhooks::replay, "Send notices, or dead letters, to a webhook again.", {
                        request: handlers::webhooks::Replay,
                        response: 200 webhook_data::Replayed,
                        refusals: [WebhookNotFound, CursorElsewhere],
                        quota: Administration,
                    };
                AdminDeadLetters: "admin-dead-letters", GET "/v1/admin/projects/{projectId}/webhooks/{webhookId}/dead-letters", Administrator(Scope::Projects), [],
                    webhooks::dead_letters, "List deliveries that failed permanently, newest first.", {
                        query: [LIMIT],
                        cursor: DEAD_LETTERS,
                        response: 200 webhook_data::DeadLetterList,
                        refusals: [WebhookNotFound],
                        quota: Administration,
                    };
                AdminNotices: "admin-notices", GET "/v1/admin/projects/{projectId}/notices", Administrator(Scope::Projects), [],
                    webhooks::notices, "List the notices of a project, newest first.", {
                        query: [LIMIT],
                        cursor: NOTICES,
                        response: 200 webhook_data::NoticeList,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminDeployment: "admin-deployment", GET "/v1/admin/deployment", Administrator(Scope::Projects), [],
                    admin::deployment::deployment, "Get the state of the deployment: its parts, tested by this call, its schedules, its webhooks.",
                    { response: 200 deployment_data::DeploymentData, quota: none };
                AdminTestMail: "admin-test-mail", POST "/v1/admin/test-mails", Administrator(Scope::Projects), [operation_id],
                    admin::deployment::test_mail, "Send a test mail on the path of all mails.", {
                        request: deployment::TestMail,
                        response: 202 deployment_data::TestMailQueued,
                        refusals: [RateLimited],
                        quota: none,
                    };
            }

            // Serves no route: its queue calls it.
            fn delivery {
                name: "delivery",
                about: "mails and webhooks, from their queue",
                table_actions: &["BatchGetItem", "PutItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::Codes, Purpose::Derivation, Purpose::Sealing, Purpose::Webhook],
                clients: &[Client::Outbox],
                ..Function::DEFAULT
            } {
            }

            fn accounts {
                name: "accounts",
                about: "token accounts",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["due", "list"],
                settings: &[Setting::AdminKey],
                ..Function::DEFAULT
            } {
                CreateAccount: "create-account", POST "/v1/accounts", Administrator(Scope::Tokens), [operation_id],
                    accounts::create, "Create a token account.", {
                        request: accounts::create::CreateAccount,
                        response: 201 account_data::AccountData,
                        refusals: [AccountExists, UnknownTier, NotAhead],
                        quota: Backends,
                    };
                Accounts: "accounts", GET "/v1/accounts", Administrator(Scope::Tokens), [],
                    accounts::list, "List a project's accounts, by name.", {
                        query: [PREFIX, LIMIT],
                        cursor: ACCOUNTS,
                        response: 200 account_data::AccountList,
                        refusals: [CursorElsewhere],
                        quota: Backends,
                    };
                Account: "account", GET "/v1/accounts/{accountId}", Administrator(Scope::Tokens), [],
                    accounts::get, "Get a token account.",
                    { response: 200 account_data::AccountData, refusals: [AccountNotFound], quota: Backends };
                DebitAccount: "debit-account", POST "/v1/accounts/{accountId}/debit", Administrator(Scope::Tokens), [operation_id],
                    accounts::debit, "Spend tokens, once per operation id.", {
                        request: accounts::movement::Debit,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, AccountInsufficient],
                        quota: Backends,
                    };
                ChargeAccount: "charge-account", POST "/v1/accounts/{accountId}/charge", Administrator(Scope::Tokens), [operation_id],
                    accounts::charge, "Charge an operation at its price.", {
                        request: accounts::movement::Charge,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, AccountInsufficient, UnknownOperationType, OperationHasNoCost],
                        quota: Backends,
                    };
                CreditAccount: "credit-account", POST "/v1/accounts/{accountId}/credit", Administrator(Scope::Tokens), [operation_id],
                    accounts::credit, "Credit tokens.", {
                        request: accounts::movement::Credit,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, NotAhead, GrantLimitReached],
                        quota: Backends,
                    };
                RefundAccount: "refund-account", POST "/v1/accounts/{accountId}/refund", Administrator(Scope::Tokens), [operation_id],
                    accounts::refund, "Refund what an operation spent, never more.", {
                        request: accounts::refund::Refund,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, OperationNotFound, RefundTooLarge, NothingToRefund],
                        quota: Backends,
                    };
                ResetAccount: "reset-account", POST "/v1/accounts/{accountId}/reset", Administrator(Scope::Tokens), [operation_id],
                    accounts::reset, "Set the balance.", {
                        request: accounts::movement::Reset,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound],
                        quota: Backends,
                    };
                AccountPlan: "account-plan", POST "/v1/accounts/{accountId}/plan", Administrator(Scope::Tokens), [operation_id],
                    accounts::change_plan, "Change the account's plan; starts a period.", {
                        request: accounts::change_plan::ChangePlan,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, UnknownTier, NotAhead],
                        quota: Backends,
                    };
                AccountAffordability: "account-affordability", GET "/v1/accounts/{accountId}/affordability", Administrator(Scope::Tokens), [],
                    accounts::affordability, "Check whether the account can pay for an operation.", {
                        query: [OPERATION_TYPE, AMOUNT],
                        response: 200 account_data::Affordability,
                        refusals: [UnknownOperationType],
                        quota: Backends,
                    };
                AccountEntries: "account-entries", GET "/v1/accounts/{accountId}/entries", Administrator(Scope::Tokens), [],
                    accounts::entries, "List ledger entries, newest first.", {
                        query: [ENTRY_TYPE, FROM, TO, LIMIT],
                        cursor: ACCOUNT,
                        response: 200 account_data::AccountEntries,
                        refusals: [AccountNotFound, RangeReversed, CursorElsewhere],
                        quota: Backends,
                    };
                HoldTokens: "hold-tokens", POST "/v1/accounts/{accountId}/holds", Administrator(Scope::Tokens), [operation_id],
                    accounts::reserve, "Hold tokens for an operation in progress.", {
                        request: accounts::hold::Reserve,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, AccountInsufficient, HoldLimitReached],
                        quota: Backends,
                    };
                CommitHold: "commit-hold", POST "/v1/accounts/{accountId}/holds/{holdId}/commit", Administrator(Scope::Tokens), [operation_id],
                    accounts::commit_hold, "Spend held tokens, or a part of them; the rest is returned.", {
                        request: accounts::hold::CommitHold,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, HoldNotFound, HoldEnded, HoldTooSmall],
                        quota: Backends,
                    };
                VoidHold: "void-hold", POST "/v1/accounts/{accountId}/holds/{holdId}/void", Administrator(Scope::Tokens), [operation_id],
                    accounts::void_hold, "Return held tokens.", {
                        request: accounts::hold::VoidHold,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, HoldNotFound, HoldEnded],
                        quota: Backends,
                    };
                AccountRenewal: "account-renewal", GET "/v1/accounts/{accountId}/renewal", Administrator(Scope::Tokens), [],
                    accounts::eligibility, "Check whether an allocation is due, and when.",
                    { response: 200 account_data::Eligibility, refusals: [AccountNotFound], quota: Backends };
                RenewAccount: "renew-account", POST "/v1/accounts/{accountId}/renewal", Administrator(Scope::Tokens), [operation_id],
                    accounts::renew, "Grant the due allocation.",
                    { query: [DRY_RUN], response: 200 account_data::Renewal, refusals: [AccountNotFound], quota: Backends };
                AccountBalance: "account-balance", GET "/v1/accounts/{accountId}/balance", Administrator(Scope::Tokens), [],
                    accounts::balance, "Get the balance at an instant.",
                    { query: [AT], response: 200 account_data::BalanceThen, refusals: [AccountNotFound], quota: Backends };
                AccountStatistics: "account-statistics", GET "/v1/accounts/{accountId}/statistics", Administrator(Scope::Tokens), [],
                    accounts::statistics, "Get the sums of the ledger in a time range.", {
                        query: [FROM, TO],
                        cursor: STATISTICS,
                        response: 200 account_data::Statistics,
                        refusals: [AccountNotFound, RangeReversed, CursorElsewhere],
                        quota: Backends,
                    };
                AccountVerification: "account-verification", GET "/v1/accounts/{accountId}/verification", Administrator(Scope::Tokens), [],
                    accounts::verify, "Verify the ledger.", {
                        cursor: VERIFICATION,
                        response: 200 account_data::Verification,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                EraseEntries: "erase-entries", DELETE "/v1/accounts/{accountId}/entries", Administrator(Scope::Tokens), [operation_id],
                    accounts::erase, "Erase the free-form metadata of old entries; amounts stay.", {
                        query: [BEFORE, DRY_RUN],
                        cursor: ERASE,
                        response: 200 account_data::Erased,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                RenewAccounts: "renew-accounts", POST "/v1/renewals", Administrator(Scope::Tokens), [operation_id],
                    accounts::renew_due, "Grant the due allocations of the project.", {
                        request: handlers::accounts::RenewAccounts,
                        response: 200 account_data::Renewals,
                        refusals: [CursorElsewhere],
                        quota: Backends,
                    };
                DueAccounts: "due-accounts", GET "/v1/renewals/due", Administrator(Scope::Tokens), [],
                    project_ledgers::due, "List accounts whose allocation is due.", {
                        query: [TIER, BY, LIMIT],
                        cursor: DUE,
                        response: 200 project_ledger_data::DueAccounts,
                        refusals: [CursorElsewhere],
                        quota: Backends,
                    };
                ProjectEntries: "project-entries", GET "/v1/entries", Administrator(Scope::Tokens), [],
                    project_ledgers::entries, "List the ledger entries of all accounts, account by account, each newest first.", {
                        query: [ENTRY_TYPE, FROM, TO, LIMIT],
                        cursor: ENTRIES,
                        response: 200 project_ledger_data::ProjectEntries,
                        refusals: [RangeReversed, CursorElsewhere],
                        quota: Backends,
                    };
                EraseProjectEntries: "erase-project-entries", POST "/v1/entries/erasure", Administrator(Scope::Tokens), [operation_id],
                    project_ledgers::erase, "Erase the free-form metadata of old entries of all accounts, a part with each call; amounts stay.", {
                        request: accounts::erasure::Erase,
                        response: 200 project_ledger_data::ErasureData,
                        quota: Backends,
                    };
            }

            fn organizations {
                name: "organizations",
                about: "organizations and their pools",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                indexes: &["due", "list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::Derivation],
                settings: &[Setting::AdminKey],
                ..Function::DEFAULT
            } {
                CreateOrganization: "create-organization", POST "/v1/organizations", Administrator(Scope::Tokens), [operation_id],
                    organizations::create, "Create an organization with its five pools.", {
                        request: organizations::commands::CreateOrganization,
                        response: 201 organization_data::OrganizationData,
                        refusals: [OrganizationExists, UnknownTier],
                        quota: Backends,
                    };
                Organizations: "organizations", GET "/v1/organizations", Administrator(Scope::Tokens), [],
                    organizations::list, "List a project's organizations, by name.", {
                        query: [PREFIX, LIMIT],
                        cursor: ORGANIZATIONS,
                        response: 200 organization_data::OrganizationList,
                        refusals: [CursorElsewhere],
                        quota: Backends,
                    };
                OrganizationVerification: "organization-verification", GET "/v1/organizations/{organizationId}/verification", Administrator(Scope::Tokens), [],
                    organizations::verify, "Verify the ledger of a pool.", {
                        query: [TOKEN_TYPE],
                        cursor: VERIFICATION,
                        response: 200 account_data::Verification,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                OrganizationStatistics: "organization-statistics", GET "/v1/organizations/{organizationId}/statistics", Administrator(Scope::Tokens), [],
                    organizations::statistics, "Get the sums of a pool's ledger in a time range.", {
                        query: [TOKEN_TYPE, FROM, TO],
                        cursor: STATISTICS,
                        response: 200 account_data::Statistics,
                        refusals: [AccountNotFound, RangeReversed, CursorElsewhere],
                        quota: Backends,
                    };
                Organization: "organization", GET "/v1/organizations/{organizationId}", Administrator(Scope::Tokens), [],
                    organizations::get, "Get an organization and its pools.",
                    { response: 200 organization_data::OrganizationData, refusals: [OrganizationNotFound], quota: Backends };
                OrganizationPlan: "organization-plan", PUT "/v1/organizations/{organizationId}/plan", Administrator(Scope::Tokens), [operation_id],
                    organizations::change_plan, "Change an organization's plan.", {
                        request: organizations::commands::ChangeOrganizationPlan,
                        response: 200 organization_data::OrganizationData,
                        refusals: [OrganizationNotFound, UnknownTier],
                        quota: Backends,
                    };
                OrganizationTokens: "organization-tokens", POST "/v1/organizations/{organizationId}/tokens", Administrator(Scope::Tokens), [operation_id],
                    organizations::grant, "Credit tokens to a pool.", {
                        request: organizations::commands::GrantTokens,
                        response: 200 account_data::AccountMovement,
                        refusals: [OrganizationNotFound, NotAhead, GrantLimitReached],
                        quota: Backends,
                    };
                OrganizationUsage: "organization-usage", GET "/v1/organizations/{organizationId}/usage", Administrator(Scope::Tokens), [],
                    organizations::usage, "List the ledger entries of a pool, newest first.", {
                        query: [TOKEN_TYPE, LIMIT],
                        cursor: POOL,
                        response: 200 account_data::AccountEntries,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                EraseUsage: "erase-usage", DELETE "/v1/organizations/{organizationId}/usage", Administrator(Scope::Tokens), [operation_id],
                    organizations::erase, "Erase the metadata of a pool's entries; amounts stay.", {
                        query: [TOKEN_TYPE, BEFORE, DRY_RUN],
                        cursor: ERASE,
                        response: 200 account_data::Erased,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                AddMember: "add-member", PUT "/v1/organizations/{organizationId}/members/{userId}", Administrator(Scope::Tokens), [operation_id],
                    organizations::add_member, "Add a member.",
                    { response: 200 organization_data::MemberData, refusals: [OrganizationNotFound], quota: Backends };
                RemoveMember: "remove-member", DELETE "/v1/organizations/{organizationId}/members/{userId}", Administrator(Scope::Tokens), [operation_id],
                    organizations::remove_member, "Remove a member.",
                    { response: 200 organization_data::MemberData, refusals: [OrganizationNotFound], quota: Backends };
                CreateAccessToken: "create-access-token", POST "/v1/access-tokens", Administrator(Scope::Tokens), [operation_id],
                    organizations::create_access, "Create an access token for a user or an organization.", {
                        request: organizations::access::CreateAccess,
                        response: 201 organization_data::AccessTokenData,
                        refusals: [OrganizationNotFound],
                        quota: Backends,
                    };
                RevokeAccessToken: "revoke-access-token", DELETE "/v1/access-tokens/{tokenId}", Administrator(Scope::Tokens), [operation_id],
                    organizations::revoke_access, "Revoke an access token at once.",
                    { response: 200 organization_data::AccessTokenRevoked, refusals: [AccessTokenNotFound], quota: Backends };
                RevokeAccessTokens: "revoke-access-tokens", DELETE "/v1/access-tokens", Administrator(Scope::Tokens), [operation_id],
                    organizations::revoke_all_access, "Revoke all access tokens of a user, of an organization, or of a member.", {
                        query: [ORGANIZATION, USER],
                        cursor: ACCESS,
                        response: 200 organization_data::AccessTokensRevoked,
                        refusals: [CursorElsewhere],
                        quota: Backends,
                    };
            }

            fn tokens {
                name: "tokens",
                about: "balances and spending for web applications",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                CheckTokens: "check-tokens", POST "/v1/tokens/check-balance", Member, [operation_id],
                    organizations::check_balance, "Check or deduct the tokens of a feature.", {
                        request: organizations::spend::UseFeature,
                        response: 200 organization_data::TokenAnswer,
                        refusals: [FeatureFieldsMissing, FeatureActionUnknown, OrganizationForbidden, UnknownFeature, FeatureNotAvailable],
                        quota: Backends,
                    };
                TokenStats: "token-stats", GET "/v1/tokens/stats", Member, [],
                    organizations::stats, "Get the token balances of an organization.", {
                        query: [ORGANIZATION_REQUIRED],
                        response: 200 organization_data::TokenStats,
                        refusals: [OrganizationMissing, OrganizationForbidden],
                        quota: Backends,
                    };
            }

            // Serves no route: the schedule and the queue call it.
            fn renewals {
                name: "renewals",
                about: "the schedule's dispatcher and the queue's worker",
                table_actions: &["BatchGetItem", "PutItem"],
                indexes: &["due", "list"],
                ..Function::DEFAULT
            } {
            }

            // Serves no route: the table's stream calls it.
            fn stream {
                name: "stream",
                about: "consumer of the table's stream: roll-ups and notices",
                table_actions: &["PutItem", "Query"],
                indexes: &["list"],
                clients: &[Client::Outbox],
                ..Function::DEFAULT
            } {
            }

            fn admin {
                name: "admin",
                about: "administration",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["due", "list"],
                key_actions: &["Decrypt", "Encrypt", "GenerateDataKey"],
                purposes: &[Purpose::Codes, Purpose::Derivation, Purpose::Sealing, Purpose::Secret, Purpose::SigningSeed, Purpose::Webhook],
                settings: &[Setting::AdminKey],
                uses_previous_key: true,
                ..Function::DEFAULT
            } {
                AdminOrders: "admin-orders", GET "/v1/admin/projects/{projectId}/orders", Administrator(Scope::Licenses), [],
                    store::orders, "List orders, newest first.", {
                        query: [LIMIT],
                        cursor: ORDERS,
                        response: 200 store_data::OrderList,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminOrder: "admin-order", GET "/v1/admin/projects/{projectId}/orders/{orderId}", Administrator(Scope::Licenses), [],
                    store::order, "Get an order.", { response: 200 store_data::OrderData, refusals: [OrderNotFound], quota: Administration };
                AdminCreateDeveloper: "admin-create-developer", POST "/v1/admin/developers", Administrator(Scope::Projects), [operation_id],
                    admin::developers::create, "Create a developer, who can sign in from the editor.", {
                        request: portal::developer::CreateDeveloper,
                        response: 201 portal_data::DeveloperData,
                        refusals: [DeveloperExists, DeveloperNotFound, ProjectNotFound],
                        quota: none,
                    };
                AdminDevelopers: "admin-developers", GET "/v1/admin/developers", Administrator(Scope::Projects), [],
                    admin::developers::list, "List developers, newest first.",
                    { query: [LIMIT], cursor: DEVELOPERS, response: 200 portal_data::DeveloperList, quota: none };
                AdminChangeDeveloper: "admin-change-developer", PATCH "/v1/admin/developers/{username}", Administrator(Scope::Projects), [operation_id],
                    admin::developers::change, "Change a developer: password, projects, second factor, or disable the sign-in.", {
                        request: portal::developer::ChangeDeveloper,
                        response: 200 portal_data::DeveloperData,
                        refusals: [DeveloperNotFound, ProjectNotFound],
                        quota: none,
                    };
                AdminEvents: "admin-events", GET "/v1/admin/projects/{projectId}/events", Administrator(Scope::Licenses), [],
                    admin::events::list, "List the events that applications reported on a day, newest first.", {
                        query: [DAY, EVENT_TYPE, LIMIT],
                        cursor: EVENTS,
                        response: 200 event_data::EventList,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminEventCounts: "admin-event-counts", GET "/v1/admin/projects/{projectId}/event-counts", Administrator(Scope::Licenses), [],
                    admin::events::counts, "Count the events that applications reported, by type and day.", {
                        query: [FIRST_DAY, LAST_DAY],
                        response: 200 event_data::EventCounts,
                        refusals: [ProjectNotFound, RangeReversed, RangeTooLong],
                        quota: Administration,
                    };
                AdminCreateProject: "admin-create-project", POST "/v1/admin/projects", Administrator(Scope::Projects), [operation_id],
                    admin::projects::create, "Create a project.", {
                        request: admin::project::CreateProject,
                        response: 201 admin_data::ProjectData,
                        quota: none,
                    };
                AdminProjects: "admin-projects", GET "/v1/admin/projects", Administrator(Scope::Projects), [],
                    admin::projects::list, "List projects, newest first.",
                    { query: [LIMIT], cursor: PROJECTS, response: 200 admin_data::ProjectList, quota: none };
                AdminProject: "admin-project", GET "/v1/admin/projects/{projectId}", Administrator(Scope::Projects), [],
                    admin::projects::get, "Get a project, without its secrets.",
                    { response: 200 admin_data::ProjectData, refusals: [ProjectNotFound], quota: none };
                AdminChangeProject: "admin-change-project", PATCH "/v1/admin/projects/{projectId}", Administrator(Scope::Projects), [operation_id],
                    admin::projects::change, "Change a project.", {
                        request: admin::project::ChangeProject,
                        response: 200 admin_data::ProjectData,
                        refusals: [ProjectNotFound],
                        quota: none,
                    };
                AdminAddSecret: "admin-add-secret", POST "/v1/admin/projects/{projectId}/secrets", Administrator(Scope::Projects), [operation_id],
                    admin::projects::add_secret, "Add a secret; existing secrets stay valid.",
                    { response: 201 admin_data::ProjectData, refusals: [ProjectNotFound, SecretLimitReached], quota: none };
                AdminRetireSecret: "admin-retire-secret", DELETE "/v1/admin/projects/{projectId}/secrets/{secretId}", Administrator(Scope::Projects), [operation_id],
                    admin::projects::retire_secret, "Retire a secret.",
                    { response: 204 (), refusals: [ProjectNotFound, SecretNotFound, LastSecret], quota: none };
                AdminRewrapProject: "admin-rewrap-project", POST "/v1/admin/projects/{projectId}/rewrap", Administrator(Scope::Projects), [operation_id],
                    admin::projects::rewrap, "Wrap a project's keys, which another KMS key wrapped, with this deployment's key.", {
                        request: admin::rewrap::Rewrap,
                        response: 200 admin_data::Rewrapped,
                        refusals: [ProjectNotFound, WrappingKeyNotUsable],
                        quota: none,
                    };
                AdminRewrapDeveloper: "admin-rewrap-developer", POST "/v1/admin/developers/{username}/rewrap", Administrator(Scope::Projects), [operation_id],
                    admin::developers::rewrap, "Wrap a developer's key, which another KMS key wrapped, with this deployment's key.", {
                        request: admin::rewrap::Rewrap,
                        response: 200 admin_data::Rewrapped,
                        refusals: [DeveloperNotFound, WrappingKeyNotUsable],
                        quota: none,
                    };
                AdminCreatePolicy: "admin-create-policy", POST "/v1/admin/projects/{projectId}/policies", Administrator(Scope::Policies), [operation_id],
                    admin::policies::create, "Create a policy.", {
                        request: policy::PolicyTerms,
                        response: 201 admin_data::PolicyDetails,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminPolicies: "admin-policies", GET "/v1/admin/projects/{projectId}/policies", Administrator(Scope::Policies), [],
                    admin::policies::list, "List a project's policies, newest first.", {
                        query: [LIMIT],
                        cursor: POLICIES,
                        response: 200 admin_data::PolicyList,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminPolicy: "admin-policy", GET "/v1/admin/policies/{PolicyID}", Administrator(Scope::Policies), [],
                    admin::policies::get, "Get a policy.", { response: 200 admin_data::PolicyDetails, refusals: [PolicyNotFound], quota: Administration };
                AdminChangePolicy: "admin-change-policy", PATCH "/v1/admin/policies/{PolicyID}", Administrator(Scope::Policies), [operation_id],
                    admin::policies::change, "Change a policy; takes effect for its licenses at once.", {
                        request: policy::ChangePolicy,
                        response: 200 admin_data::PolicyDetails,
                        refusals: [PolicyNotFound, PolicyIncomplete],
                        quota: Administration,
                    };
                AdminCreateLicense: "admin-create-license", POST "/v1/admin/projects/{projectId}/licenses", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::issue, "Issue licenses.", {
                        request: license::issue::Issue,
                        response: 201 admin_data::IssuedLicenses,
                        refusals: [ProjectNotFound, PolicyNotFound, LicenseKeyTaken, NotAhead, ProjectSuspended],
                        quota: Administration,
                    };
                AdminLicenses: "admin-licenses", GET "/v1/admin/projects/{projectId}/licenses", Administrator(Scope::Licenses), [],
                    admin::licenses::search, "Search a project's licenses.", {
                        query: [EMAIL, POLICY, LICENSE_STATUS, TEST, LIMIT],
                        cursor: LICENSES,
                        response: 200 admin_data::LicenseList,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminLicense: "admin-license", GET "/v1/admin/licenses/{licenseKey}", Administrator(Scope::Licenses), [],
                    admin::licenses::get, "Get a license with the vendor's data.", { response: 200 license_data::LicenseData, quota: Administration };
                AdminChangeLicense: "admin-change-license", PATCH "/v1/admin/licenses/{licenseKey}", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::change, "Suspend, resume, revoke, terminate; extend, override, transfer.", {
                        request: license::change_license::ChangeLicense,
                        response: 200 license_data::LicenseData,
                        refusals: [PolicyNotFound, StateFinal, NotAhead],
                        quota: Administration,
                    };
                AdminReinstate: "admin-reinstate", POST "/v1/admin/licenses/{licenseKey}/reinstate", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::reinstate, "Undo a mistaken revocation.", {
                        request: license::reinstate::Reinstate,
                        response: 200 license_data::LicenseData,
                        refusals: [StateFinal],
                        quota: Administration,
                    };
                AdminOfflineFile: "admin-offline-file", POST "/v1/admin/licenses/{licenseKey}/offline-file", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::offline_file, "Issue the file of an air-gapped license.", {
                        request: license::offline_file::IssueFile,
                        response: 200 String,
                        refusals: [LicenseNotAirGapped, NotAhead, LicenseTerminated, LicenseRevoked, LicenseSuspended, LicenseExpired, DeviceLimitReached, SecretNotFound],
                        quota: Administration,
                    };
                AdminTokens: "admin-tokens", POST "/v1/admin/licenses/{licenseKey}/tokens", Administrator(Scope::Tokens), [operation_id],
                    admin::licenses::tokens, "Credit or debit tokens.", {
                        request: license::credit::Credit,
                        response: 200 license_data::Operation,
                        refusals: [TokensDisabled, GrantLimitReached, NotAhead],
                        quota: Administration,
                    };
                // The same page for both: who asks decides what is shown.
                AdminUsage: "admin-usage", GET "/v1/admin/licenses/{licenseKey}/usage", Administrator(Scope::Tokens), [],
                    license::usage, "List ledger entries, newest first.",
                    { query: [LIMIT], cursor: LEDGER, response: 200 license_data::Usage, quota: Administration };
                AdminUsageVerification: "admin-usage-verification", GET "/v1/admin/licenses/{licenseKey}/usage/verification", Administrator(Scope::Tokens), [],
                    admin::licenses::verify, "Verify the ledger of a license.", {
                        cursor: VERIFICATION,
                        response: 200 account_data::Verification,
                        refusals: [CursorElsewhere],
                        quota: Administration,
                    };
                AdminUsageStatistics: "admin-usage-statistics", GET "/v1/admin/licenses/{licenseKey}/usage/statistics", Administrator(Scope::Tokens), [],
                    admin::licenses::statistics, "Get the sums of a license's ledger in a time range.", {
                        query: [FROM, TO],
                        cursor: STATISTICS,
                        response: 200 account_data::Statistics,
                        refusals: [RangeReversed, CursorElsewhere],
                        quota: Administration,
                    };
                AdminDevices: "admin-devices", GET "/v1/admin/licenses/{licenseKey}/devices", Administrator(Scope::Licenses), [],
                    admin::licenses::devices, "List devices, last activated first.",
                    { query: [LIMIT], cursor: DEVICES, response: 200 admin_data::DeviceList, quota: Administration };
                AdminDescribeDevice: "admin-describe-device", PATCH "/v1/admin/licenses/{licenseKey}/devices/{hwid}", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::describe_device, "Set the nickname and metadata of a device.", {
                        request: license::describe_device::DescribeDevice,
                        response: 200 license_data::Machine,
                        refusals: [DeviceNotRegistered],
                        quota: Administration,
                    };
                AdminRemoveDevice: "admin-remove-device", DELETE "/v1/admin/licenses/{licenseKey}/devices/{hwid}", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::remove_device, "Remove a device.", { response: 204 (), refusals: [DeviceNotRegistered], quota: Administration };
                AdminSeats: "admin-seats", GET "/v1/admin/licenses/{licenseKey}/seats", Administrator(Scope::Licenses), [],
                    admin::licenses::seats, "List the devices that hold a seat.", { response: 200 license_data::SeatList, quota: Administration };
                AdminReleaseSeat: "admin-release-seat", POST "/v1/admin/licenses/{licenseKey}/seats/{hwid}/release", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::release_seat, "Release a device's seat.",
                    { response: 200 license_data::SeatList, refusals: [SeatNotHeld], quota: Administration };
                AdminCreateKey: "admin-create-key", POST "/v1/admin/keys", Administrator(Scope::Projects), [operation_id],
                    admin::keys::create, "Create an administrator key.", {
                        request: admin::create_key::CreateKey,
                        response: 201 admin_data::AdminKeyData,
                        refusals: [ProjectNotFound, NotAhead],
                        quota: none,
                    };
                AdminKeys: "admin-keys", GET "/v1/admin/keys", Administrator(Scope::Projects), [],
                    admin::keys::list, "List administrator keys, newest first.",
                    { query: [LIMIT], cursor: KEYS, response: 200 admin_data::AdminKeyList, quota: none };
                AdminRevokeKey: "admin-revoke-key", DELETE "/v1/admin/keys/{keyId}", Administrator(Scope::Projects), [operation_id],
                    admin::keys::revoke, "Revoke an administrator key.", { query: [CASCADE], response: 204 (), refusals: [KeyNotFound], quota: none };
                AdminAudit: "admin-audit", GET "/v1/admin/audit", Administrator(Scope::Read), [],
                    admin::keys::audit, "List administrators' operations, newest first.",
                    { query: [LIMIT], cursor: AUDIT, response: 200 admin_data::AuditLog, quota: none };
            }

            fn transfer {
                name: "transfer",
                about: "export and import of projects",
                table_actions: &["BatchGetItem", "DeleteItem", "PutItem", "Query", "Scan", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt", "Encrypt", "GenerateDataKey"],
                purposes: &[Purpose::Derivation, Purpose::Import, Purpose::Sealing, Purpose::Secret, Purpose::SigningSeed, Purpose::Webhook],
                settings: &[Setting::AdminKey],
                ..Function::DEFAULT
            } {
                AdminExport: "admin-export", GET "/v1/admin/projects/{projectId}/export", Administrator(Scope::Projects), [],
                    admin::transfer::export, "Export a project, except its keys, as lines of a file.", {
                        query: [SEALED],
                        cursor: EXPORT,
                        response: 200 transfer::ExportPage,
                        refusals: [ProjectNotFound],
                        quota: none,
                    };
                AdminExportKeys: "admin-export-keys", POST "/v1/admin/projects/{projectId}/export-keys", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::export_keys, "Export a project's keys, sealed to another deployment's import key. Requires the stack's own administrator key.", {
                        request: handlers::admin::transfer::ExportKeys,
                        response: 200 transfer::SealedKeys,
                        refusals: [ProjectNotFound],
                        quota: none,
                    };
                AdminCreateImportKey: "admin-create-import-key", POST "/v1/admin/import-keys", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::create_key, "Create a key to which another deployment seals a project's keys. Requires the stack's own administrator key.",
                    { response: 201 transfer::ImportKeyData, refusals: [ImportKeyNotFound], quota: none };
                AdminBeginImport: "admin-begin-import", POST "/v1/admin/projects/{projectId}/import", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::begin, "Begin the import of a project from another deployment's export.", {
                        request: import::ImportHead,
                        response: 201 transfer::ImportData,
                        refusals: [ProjectExists, ImportInProgress, ImportKeyNotFound],
                        quota: none,
                    };
                AdminImport: "admin-import", GET "/v1/admin/projects/{projectId}/import", Administrator(Scope::Projects), [],
                    admin::transfer::get, "Get the progress of an import.",
                    { response: 200 transfer::ImportData, refusals: [ImportNotFound], quota: none };
                AdminImportLines: "admin-import-lines", POST "/v1/admin/projects/{projectId}/import/lines", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::take, "Import the next lines, all or none.", {
                        request: import::ImportLines,
                        response: 200 transfer::ImportData,
                        refusals: [ImportNotFound, ImportInProgress, ImportOutOfOrder, ImportTaken],
                        quota: none,
                    };
                AdminFinishImport: "admin-finish-import", POST "/v1/admin/projects/{projectId}/import/finish", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::finish, "Finish an import and create the project.", {
                        response: 201 admin_data::ProjectData,
                        refusals: [ImportNotFound, ImportInProgress, ImportIncomplete, ProjectExists],
                        quota: none,
                    };
                AdminDropImport: "admin-drop-import", DELETE "/v1/admin/projects/{projectId}/import", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::drop_import, "Drop an unfinished import: removes what it wrote, as much as one call can.",
                    { cursor: DROPPED, response: 200 transfer::DroppedData, refusals: [ImportNotFound], quota: none };
            }
        }
    };
}
