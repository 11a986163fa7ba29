//! The one table of functions and their routes, a row each. Everything that is known of a route stands in its row: the words for routes, the
//! dispatch, the check of queries, the quotas, the template, the OpenAPI document, the local server and the tests are made of it or held
//! to it. A row says:
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
//! `request` stands where the route has a body, `query`, `cursor` and `refusals` where it has any. The types are named by their module in
//! `ltlm_protocol` or in `crate::domain`, the parameters in [`crate::api::parameter`], the lists in [`crate::api::cursor`]. `()` is no body,
//! and `String` one that is no JSON.
//!
//! A project's quotas never count what an application needs to go on working and a customer to get back in, what is of no project or of
//! all, a project that moves, payments, and what changes a quota or stops a secret that leaked. Whether a device is registered is known
//! only when the table was read; strangers who guess keys are held back by their address.

/// Gives all rows to a macro.
#[macro_export]
macro_rules! functions {
    ($generate:ident) => {
        $generate! {
            fn health {
                name: "health",
                about: "the service is there",
                ..Function::DEFAULT
            } {
                Health: "health", GET "/health", Open, [],
                    health::health, "Is the service there?", { response: 200 deployment_data::HealthData, quota: none };
            }

            fn license {
                name: "license",
                about: "the license as it is",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                License: "license", GET license!(""), Project, [],
                    license::license, "The license as it is; changes nothing.", {
                        query: [HWID],
                        response: 200 license_data::LicenseData,
                        refusals: [ProSdkRequired, OfflineActivationRequired],
                        quota: none,
                    };
                Entitlement: "entitlement", GET license!("/entitlement"), Project, [],
                    license::entitlement, "Would a capability and its tokens be granted now?",
                    { query: [HWID_REQUIRED, CAPABILITY, TOKENS], response: 200 license_data::Entitlement, quota: none };
            }

            fn activate {
                name: "activate",
                about: "register a device and seat it",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Activate: "activate", POST license!("/activate"), Project, [],
                    license::activate, "Register a device and give it a seat.", {
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
                    license::heartbeat, "Keep the seat, wait for one, or give it back.", {
                        request: request::Heartbeat,
                        response: 200 license_data::LicenseData,
                        refusals: [ProSdkRequired, OfflineActivationRequired, RegionBlocked],
                        quota: none,
                    };
            }

            fn signout {
                name: "signout",
                about: "give a seat back",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Signout: "signout", POST license!("/signout"), Project, [],
                    license::signout, "Give the seat back.", {
                        request: request::Signout,
                        response: 200 license_data::SignoutAnswer,
                        refusals: [ProSdkRequired, OfflineActivationRequired],
                        quota: none,
                    };
            }

            fn seats {
                name: "seats",
                about: "who holds a seat",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                Seats: "seats", GET license!("/seats"), Project, [],
                    license::seats, "Who holds a seat.", { query: [HWID], response: 200 license_data::SeatList, quota: Applications };
            }

            fn release_seat {
                name: "release-seat",
                about: "take another device's seat away",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                ..Function::DEFAULT
            } {
                ReleaseSeat: "release-seat", POST license!("/release-seat"), Project, [],
                    license::release_seat, "Take another device's seat away.", {
                        request: request::ReleaseSeat,
                        response: 200 license_data::ReleaseSeatAnswer,
                        refusals: [ProSdkRequired, OfflineActivationRequired, LicenseTerminated, LicenseRevoked, LicenseSuspended, LicenseExpired, SeatReleaseNotAllowed, SeatReleaseCooldown, SeatNotHeld],
                        quota: none,
                    };
                ProReleaseSeat: "pro-release-seat", POST pro!("/release-seat"), Project, [],
                    pro::release_seat, "Take another device's seat away.", {
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
                    license::remove_device, "Remove a device, if the customer may.", {
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
                    license::settings, "The user settings.",
                    { query: [HWID], response: 200 license_data::UserSettings, refusals: [ProSdkRequired], quota: Applications };
                SaveSettings: "save-settings", PUT license!("/settings"), Project, [],
                    license::save_settings, "Save the user settings, as a whole.", {
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
                about: "the ledger",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                Usage: "usage", GET license!("/usage"), Project, [],
                    license::usage, "Ledger entries, newest first.", {
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
                    pro::validate, "Register a device and give it a seat; the device is in step again afterwards.", {
                        request: request::Activate,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, RegionBlocked, VersionNotSupported, LicenseTerminated, LicenseRevoked, LicenseSuspended, DeviceKeyMismatch, DeviceLimitReached, SeatLimitReached],
                        quota: none,
                    };
                ProActivate: "pro-activate", POST pro!("/activate"), Project, [],
                    pro::validate, "Another name of validate.", {
                        request: request::Activate,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, RegionBlocked, VersionNotSupported, LicenseTerminated, LicenseRevoked, LicenseSuspended, DeviceKeyMismatch, DeviceLimitReached, SeatLimitReached],
                        quota: none,
                    };
            }

            fn pro_status {
                name: "pro-status",
                about: "the license for a device that shows itself, encrypted",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                ..Function::DEFAULT
            } {
                ProStatus: "pro-status", POST pro!("/status"), Project, [],
                    pro::status, "The license for a device that shows itself; claims a seat, never registers.", {
                        request: request::Activate,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, RegionBlocked, VersionNotSupported, LicenseTerminated, LicenseRevoked, LicenseSuspended, DeviceLimitReached, SeatLimitReached],
                        quota: none,
                    };
                ProSeats: "pro-seats", POST pro!("/seats"), Project, [],
                    pro::seats, "Who holds a seat.", {
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
                    pro::heartbeat, "Keep the seat, wait for one, or give it back.",
                    {
                        request: request::Heartbeat,
                        response: 200 license_data::LicenseData,
                        refusals: [OfflineActivationRequired, RegionBlocked],
                        quota: none,
                    };
                ProSignout: "pro-signout", POST pro!("/signout"), Project, [],
                    pro::signout, "Give the seat back.",
                    {
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
                    pro::settings, "The user settings.", {
                        request: request::Signout,
                        response: 200 license_data::UserSettings,
                        quota: Applications,
                    };
                ProSaveSettings: "pro-save-settings", POST pro!("/settings/save"), Project, [],
                    pro::save_settings, "Save the user settings, as a whole.", {
                        request: license::settings::SaveSettings,
                        response: 200 license_data::UserSettings,
                        refusals: [SettingsTooLarge, SettingsRejected],
                        quota: Applications,
                    };
            }

            fn pro_events {
                name: "pro-events",
                about: "what applications report, encrypted",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::SigningSeed],
                updates_buckets_only: true,
                reserves_concurrency: true,
                ..Function::DEFAULT
            } {
                ProEvents: "pro-events", POST pro!("/events"), Project, [],
                    pro::events, "Report something.", {
                        request: pro::report_event::ReportEvent,
                        response: 200 event_data::EventReported,
                        quota: Applications,
                    };
            }

            fn store {
                name: "store",
                about: "what is for sale, and where to pay it",
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
                    store::buyable_policies, "What is for sale.", { response: 200 store_data::StorePolicies, quota: Applications };
                CheckoutLink: "checkout-link", POST "/v1/sdk/project/checkout-link", Project, [operation_id],
                    store::checkout_link, "Order a license; answers where to pay it.", {
                        request: store::checkout::Checkout,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [PolicyNotFound, RedirectNotAllowed, TrialNotAvailable, PaymentsNotSetUp],
                        quota: Applications,
                    };
                TopupLink: "topup-link", POST license!("/topup-link"), Project, [operation_id],
                    store::topup_link, "Order a pack on top of a license; answers where to pay it.", {
                        request: store::top_up::TopUp,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [OfflineActivationRequired, LicenseTerminated, LicenseRevoked, LicenseSuspended, TopUpNotAvailable, RedirectNotAllowed, PaymentsNotSetUp, ProSdkRequired],
                        quota: Applications,
                    };
                ProBuyablePolicies: "pro-buyable-policies", POST "/v1/sdk/pro/project/buyable-policies", Project, [],
                    store::buyable_policies, "What is for sale.", {
                        request: request::Signout,
                        response: 200 store_data::StorePolicies,
                        quota: Applications,
                    };
                ProCheckoutLink: "pro-checkout-link", POST "/v1/sdk/pro/project/checkout-link", Project, [],
                    store::checkout_link, "Order a license; answers where to pay it.", {
                        request: store::checkout::Checkout,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [PolicyNotFound, RedirectNotAllowed, TrialNotAvailable, PaymentsNotSetUp, IdempotencyKeyReused],
                        quota: Applications,
                    };
                ProTopupLink: "pro-topup-link", POST pro!("/topup-link"), Project, [],
                    store::topup_link, "Order a pack on top of a license; answers where to pay it.", {
                        request: store::top_up::TopUp,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [OfflineActivationRequired, LicenseTerminated, LicenseRevoked, LicenseSuspended, TopUpNotAvailable, RedirectNotAllowed, PaymentsNotSetUp, IdempotencyKeyReused],
                        quota: Applications,
                    };
                AccountCheckoutLink: "account-checkout-link", POST "/v1/accounts/{accountId}/checkout-link", Administrator(Scope::Tokens), [operation_id],
                    store::account_checkout, "Order a pack of tokens for an account; answers where to pay it.", {
                        request: store::token_checkout::TokenCheckout,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [AccountNotFound, TopUpNotAvailable, RedirectNotAllowed, PaymentsNotSetUp],
                        quota: Backends,
                    };
                OrganizationCheckoutLink: "organization-checkout-link", POST "/v1/organizations/{organizationId}/checkout-link", Administrator(Scope::Tokens), [operation_id],
                    store::organization_checkout, "Order a pack of tokens for an organization; answers where to pay it.", {
                        request: store::token_checkout::TokenCheckout,
                        response: 200 store_data::CheckoutAnswer,
                        refusals: [OrganizationNotFound, TopUpNotAvailable, RedirectNotAllowed, PaymentsNotSetUp],
                        quota: Backends,
                    };
                TrialEligibility: "trial-eligibility", GET "/v1/sdk/pro/project/trial-eligibility", Project, [],
                    store::trial_eligibility, "May this e-mail address have a trial? Plain, though its path says otherwise.",
                    { query: [EMAIL_REQUIRED], response: 200 store_data::TrialEligibility, quota: Applications };
                StoreReturn: "store-return", GET "/v1/store/return", Open, [],
                    store::store_return, "Where a browser ends after paying, if it was sent nowhere else.",
                    { query: [SESSION_ID, PAGE_STATUS], response: 200 String, quota: none };
            }

            fn payments {
                name: "payments",
                about: "what the payment provider tells",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::Derivation, Purpose::Sealing],
                clients: &[Client::Payments],
                ..Function::DEFAULT
            } {
                StripeMessage: "stripe-message", POST "/v1/payments/stripe", Open, [],
                    store::stripe_message, "What Stripe tells, signed by it.", {
                        request: store::provider_event::SignedEvent,
                        response: 200 store_data::Received,
                        refusals: [WebhookSignatureRejected, PaymentsNotSetUp, ProjectSuspended],
                        quota: none,
                    };
            }

            fn portal {
                name: "portal",
                about: "codes by mail, and what was bought",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt"],
                purposes: &[Purpose::Derivation, Purpose::Sealing, Purpose::SigningSeed],
                updates_buckets_only: true,
                reserves_concurrency: true,
                ..Function::DEFAULT
            } {
                LoginRequest: "login-request", POST "/v1/sdk/auth/customer-login-request", Project, [],
                    portal::request, "Ask for a code by mail; the same answer for every address.",
                    {
                        request: portal::one_time_code::RequestCode,
                        response: 200 portal_data::CodeRequested,
                        quota: Applications,
                    };
                Portfolio: "portfolio", POST "/v1/sdk/auth/customer-portfolio", Project, [],
                    portal::portfolio, "What was bought with an address, to who shows its code.",
                    {
                        request: portal::one_time_code::UseCode,
                        response: 200 portal_data::Portfolio,
                        refusals: [OtpRejected],
                        quota: Applications,
                    };
                ProLoginRequest: "pro-login-request", POST "/v1/sdk/pro/auth/customer-login-request", Project, [],
                    portal::request, "Ask for a code by mail; the same answer for every address.",
                    {
                        request: portal::one_time_code::RequestCode,
                        response: 200 portal_data::CodeRequested,
                        quota: Applications,
                    };
                ProPortfolio: "pro-portfolio", POST "/v1/sdk/pro/auth/customer-portfolio", Project, [],
                    portal::portfolio, "What was bought with an address, to who shows its code.",
                    {
                        request: portal::one_time_code::UseCode,
                        response: 200 portal_data::Portfolio,
                        refusals: [OtpRejected],
                        quota: Applications,
                    };
            }

            fn sign_in {
                name: "sign-in",
                about: "developers in the editor",
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
                    portal::sign_in, "Sign a developer in by password. Plain, though its path says otherwise.",
                    {
                        request: portal::sign_in::SignIn,
                        response: 200 portal_data::SignedIn,
                        refusals: [SignInRejected, RateLimited],
                        quota: none,
                    };
                DevVerifyOtp: "dev-verify-otp", POST "/v1/sdk/pro/auth/dev-login/verify-otp", Open, [],
                    portal::verify, "The second factor of a developer's sign-in. Plain, though its path says otherwise.",
                    {
                        request: portal::sign_in::VerifyCode,
                        response: 200 portal_data::SignedIn,
                        refusals: [MfaSessionExpired, MfaCodeRejected],
                        quota: none,
                    };
            }

            fn webhooks {
                name: "webhooks",
                about: "where notices go",
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
                    admin::webhooks::create, "Make a webhook that notices go to; answers its secret.", {
                        request: webhooks::create::CreateWebhook,
                        response: 201 webhook_data::WebhookData,
                        refusals: [ProjectNotFound, WebhookLimitReached],
                        quota: Administration,
                    };
                AdminWebhooks: "admin-webhooks", GET "/v1/admin/projects/{projectId}/webhooks", Administrator(Scope::Projects), [],
                    admin::webhooks::list, "Webhooks, newest first.",
                    { response: 200 webhook_data::WebhookList, refusals: [ProjectNotFound], quota: Administration };
                AdminRemoveWebhook: "admin-remove-webhook", DELETE "/v1/admin/projects/{projectId}/webhooks/{webhookId}", Administrator(Scope::Projects), [operation_id],
                    admin::webhooks::remove, "Stop a webhook.", { response: 204 (), refusals: [WebhookNotFound], quota: Administration };
                AdminRotateWebhook: "admin-rotate-webhook", POST "/v1/admin/projects/{projectId}/webhooks/{webhookId}/secret", Administrator(Scope::Projects), [operation_id],
                    admin::webhooks::rotate, "Give a webhook a new secret; the old one signs beside it for a day.",
                    { response: 200 webhook_data::WebhookData, refusals: [WebhookNotFound], quota: Administration };
                AdminReplay: "admin-replay", POST "/v1/admin/projects/{projectId}/webhooks/{webhookId}/replay", Administrator(Scope::Projects), [operation_id],
                    admin::webhooks::replay, "Send notices to a webhook again, or its dead letters.",
                    {
                        request: handlers::admin::webhooks::Replay,
                        response: 200 webhook_data::Replayed,
                        refusals: [WebhookNotFound, CursorElsewhere],
                        quota: Administration,
                    };
                AdminDeadLetters: "admin-dead-letters", GET "/v1/admin/projects/{projectId}/webhooks/{webhookId}/dead-letters", Administrator(Scope::Projects), [],
                    admin::webhooks::dead_letters, "Deliveries that were given up, newest first.", {
                        query: [LIMIT],
                        cursor: DEAD_LETTERS,
                        response: 200 webhook_data::DeadLetterList,
                        refusals: [WebhookNotFound],
                        quota: Administration,
                    };
                AdminNotices: "admin-notices", GET "/v1/admin/projects/{projectId}/notices", Administrator(Scope::Projects), [],
                    admin::webhooks::notices, "What was told of a project, newest first.", {
                        query: [LIMIT],
                        cursor: NOTICES,
                        response: 200 webhook_data::NoticeList,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminDeployment: "admin-deployment", GET "/v1/admin/deployment", Administrator(Scope::Projects), [],
                    admin::deployment::deployment, "How the deployment does: its parts, tried by this call, its schedules, its webhooks.",
                    { response: 200 deployment_data::DeploymentData, quota: none };
                AdminTestMail: "admin-test-mail", POST "/v1/admin/test-mails", Administrator(Scope::Projects), [operation_id],
                    admin::deployment::test_mail, "Send a test mail, the way that all mails go.",
                    {
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
                    accounts::create, "Make a token account.",
                    {
                        request: accounts::create::CreateAccount,
                        response: 201 account_data::AccountData,
                        refusals: [AccountExists, UnknownTier, NotAhead],
                        quota: Backends,
                    };
                Accounts: "accounts", GET "/v1/accounts", Administrator(Scope::Tokens), [],
                    accounts::list, "A project's accounts, by name.", {
                        query: [PREFIX, LIMIT],
                        cursor: ACCOUNTS,
                        response: 200 account_data::AccountList,
                        refusals: [CursorElsewhere],
                        quota: Backends,
                    };
                Account: "account", GET "/v1/accounts/{accountId}", Administrator(Scope::Tokens), [],
                    accounts::get, "A token account as it stands.",
                    { response: 200 account_data::AccountData, refusals: [AccountNotFound], quota: Backends };
                DebitAccount: "debit-account", POST "/v1/accounts/{accountId}/debit", Administrator(Scope::Tokens), [operation_id],
                    accounts::debit, "Spend tokens, once per operation id.", {
                        request: accounts::movement::Debit,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, AccountInsufficient],
                        quota: Backends,
                    };
                ChargeAccount: "charge-account", POST "/v1/accounts/{accountId}/charge", Administrator(Scope::Tokens), [operation_id],
                    accounts::charge, "Pay an operation at its price.", {
                        request: accounts::movement::Charge,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, AccountInsufficient, UnknownOperationType, OperationHasNoCost],
                        quota: Backends,
                    };
                CreditAccount: "credit-account", POST "/v1/accounts/{accountId}/credit", Administrator(Scope::Tokens), [operation_id],
                    accounts::credit, "Give tokens.", {
                        request: accounts::movement::Credit,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, NotAhead, GrantLimitReached],
                        quota: Backends,
                    };
                RefundAccount: "refund-account", POST "/v1/accounts/{accountId}/refund", Administrator(Scope::Tokens), [operation_id],
                    accounts::refund, "Give back what an operation spent, never more.", {
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
                    accounts::change_plan, "Put the account on a plan; starts a period.", {
                        request: accounts::change_plan::ChangePlan,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, UnknownTier, NotAhead],
                        quota: Backends,
                    };
                AccountAffordability: "account-affordability", GET "/v1/accounts/{accountId}/affordability", Administrator(Scope::Tokens), [],
                    accounts::affordability, "Could the account pay for this?", {
                        query: [OPERATION_TYPE, AMOUNT],
                        response: 200 account_data::Affordability,
                        refusals: [UnknownOperationType],
                        quota: Backends,
                    };
                AccountEntries: "account-entries", GET "/v1/accounts/{accountId}/entries", Administrator(Scope::Tokens), [],
                    accounts::entries, "Ledger entries, newest first.", {
                        query: [ENTRY_TYPE, FROM, TO, LIMIT],
                        cursor: ACCOUNT,
                        response: 200 account_data::AccountEntries,
                        refusals: [AccountNotFound, RangeReversed, CursorElsewhere],
                        quota: Backends,
                    };
                HoldTokens: "hold-tokens", POST "/v1/accounts/{accountId}/holds", Administrator(Scope::Tokens), [operation_id],
                    accounts::reserve, "Set tokens aside for something that is under way.", {
                        request: accounts::hold::Reserve,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, AccountInsufficient, HoldLimitReached],
                        quota: Backends,
                    };
                CommitHold: "commit-hold", POST "/v1/accounts/{accountId}/holds/{holdId}/commit", Administrator(Scope::Tokens), [operation_id],
                    accounts::commit_hold, "Spend what was set aside, or a part; the rest is given back.", {
                        request: accounts::hold::CommitHold,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, HoldNotFound, HoldEnded, HoldTooSmall],
                        quota: Backends,
                    };
                VoidHold: "void-hold", POST "/v1/accounts/{accountId}/holds/{holdId}/void", Administrator(Scope::Tokens), [operation_id],
                    accounts::void_hold, "Give back what was set aside.", {
                        request: accounts::hold::VoidHold,
                        response: 200 account_data::AccountMovement,
                        refusals: [AccountNotFound, HoldNotFound, HoldEnded],
                        quota: Backends,
                    };
                AccountRenewal: "account-renewal", GET "/v1/accounts/{accountId}/renewal", Administrator(Scope::Tokens), [],
                    accounts::eligibility, "Is an allocation due, and if not, when?",
                    { response: 200 account_data::Eligibility, refusals: [AccountNotFound], quota: Backends };
                RenewAccount: "renew-account", POST "/v1/accounts/{accountId}/renewal", Administrator(Scope::Tokens), [operation_id],
                    accounts::renew, "Give the allocation that is due.",
                    { query: [DRY_RUN], response: 200 account_data::Renewal, refusals: [AccountNotFound], quota: Backends };
                AccountBalance: "account-balance", GET "/v1/accounts/{accountId}/balance", Administrator(Scope::Tokens), [],
                    accounts::balance, "The balance at an instant.",
                    { query: [AT], response: 200 account_data::BalanceThen, refusals: [AccountNotFound], quota: Backends };
                AccountStatistics: "account-statistics", GET "/v1/accounts/{accountId}/statistics", Administrator(Scope::Tokens), [],
                    accounts::statistics, "What the ledger adds up to in a range of time.", {
                        query: [FROM, TO],
                        cursor: STATISTICS,
                        response: 200 account_data::Statistics,
                        refusals: [AccountNotFound, RangeReversed, CursorElsewhere],
                        quota: Backends,
                    };
                AccountVerification: "account-verification", GET "/v1/accounts/{accountId}/verification", Administrator(Scope::Tokens), [],
                    accounts::verify, "Is the ledger whole?", {
                        cursor: VERIFICATION,
                        response: 200 account_data::Verification,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                EraseEntries: "erase-entries", DELETE "/v1/accounts/{accountId}/entries", Administrator(Scope::Tokens), [operation_id],
                    accounts::erase, "Erase the free-form facts of old entries; amounts stay.", {
                        query: [BEFORE, DRY_RUN],
                        cursor: ERASE,
                        response: 200 account_data::Erased,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                RenewAccounts: "renew-accounts", POST "/v1/renewals", Administrator(Scope::Tokens), [operation_id],
                    accounts::renew_due, "Give the allocations that are due in the project.",
                    {
                        request: handlers::accounts::RenewAccounts,
                        response: 200 account_data::Renewals,
                        refusals: [CursorElsewhere],
                        quota: Backends,
                    };
                DueAccounts: "due-accounts", GET "/v1/renewals/due", Administrator(Scope::Tokens), [],
                    project_ledgers::due, "Accounts to which an allocation is due.", {
                        query: [TIER, BY, LIMIT],
                        cursor: DUE,
                        response: 200 project_ledger_data::DueAccounts,
                        refusals: [CursorElsewhere],
                        quota: Backends,
                    };
                ProjectEntries: "project-entries", GET "/v1/entries", Administrator(Scope::Tokens), [],
                    project_ledgers::entries, "Ledger entries of all accounts, account by account, each newest first.", {
                        query: [ENTRY_TYPE, FROM, TO, LIMIT],
                        cursor: ENTRIES,
                        response: 200 project_ledger_data::ProjectEntries,
                        refusals: [RangeReversed, CursorElsewhere],
                        quota: Backends,
                    };
                EraseProjectEntries: "erase-project-entries", POST "/v1/entries/erasure", Administrator(Scope::Tokens), [operation_id],
                    project_ledgers::erase, "Erase the free-form facts of old entries of all accounts, some with each call; amounts stay.",
                    {
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
                    organizations::create, "Make an organization with its five pools.", {
                        request: organizations::commands::CreateOrganization,
                        response: 201 organization_data::OrganizationData,
                        refusals: [OrganizationExists, UnknownTier],
                        quota: Backends,
                    };
                Organizations: "organizations", GET "/v1/organizations", Administrator(Scope::Tokens), [],
                    organizations::list, "A project's organizations, by name.", {
                        query: [PREFIX, LIMIT],
                        cursor: ORGANIZATIONS,
                        response: 200 organization_data::OrganizationList,
                        refusals: [CursorElsewhere],
                        quota: Backends,
                    };
                OrganizationVerification: "organization-verification", GET "/v1/organizations/{organizationId}/verification", Administrator(Scope::Tokens), [],
                    organizations::verify, "Is a pool's ledger whole?", {
                        query: [TOKEN_TYPE],
                        cursor: VERIFICATION,
                        response: 200 account_data::Verification,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                OrganizationStatistics: "organization-statistics", GET "/v1/organizations/{organizationId}/statistics", Administrator(Scope::Tokens), [],
                    organizations::statistics, "What a pool's ledger adds up to in a range of time.", {
                        query: [TOKEN_TYPE, FROM, TO],
                        cursor: STATISTICS,
                        response: 200 account_data::Statistics,
                        refusals: [AccountNotFound, RangeReversed, CursorElsewhere],
                        quota: Backends,
                    };
                Organization: "organization", GET "/v1/organizations/{organizationId}", Administrator(Scope::Tokens), [],
                    organizations::get, "An organization and its pools.",
                    { response: 200 organization_data::OrganizationData, refusals: [OrganizationNotFound], quota: Backends };
                OrganizationPlan: "organization-plan", PUT "/v1/organizations/{organizationId}/plan", Administrator(Scope::Tokens), [operation_id],
                    organizations::change_plan, "Put an organization on a plan.", {
                        request: organizations::commands::ChangeOrganizationPlan,
                        response: 200 organization_data::OrganizationData,
                        refusals: [OrganizationNotFound, UnknownTier],
                        quota: Backends,
                    };
                OrganizationTokens: "organization-tokens", POST "/v1/organizations/{organizationId}/tokens", Administrator(Scope::Tokens), [operation_id],
                    organizations::grant, "Give a pool further tokens.", {
                        request: organizations::commands::GrantTokens,
                        response: 200 account_data::AccountMovement,
                        refusals: [OrganizationNotFound, NotAhead, GrantLimitReached],
                        quota: Backends,
                    };
                OrganizationUsage: "organization-usage", GET "/v1/organizations/{organizationId}/usage", Administrator(Scope::Tokens), [],
                    organizations::usage, "A pool's ledger, newest first: who used what.", {
                        query: [TOKEN_TYPE, LIMIT],
                        cursor: POOL,
                        response: 200 account_data::AccountEntries,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                EraseUsage: "erase-usage", DELETE "/v1/organizations/{organizationId}/usage", Administrator(Scope::Tokens), [operation_id],
                    organizations::erase, "Erase who used what in a pool; amounts stay.", {
                        query: [TOKEN_TYPE, BEFORE, DRY_RUN],
                        cursor: ERASE,
                        response: 200 account_data::Erased,
                        refusals: [AccountNotFound, CursorElsewhere],
                        quota: Backends,
                    };
                AddMember: "add-member", PUT "/v1/organizations/{organizationId}/members/{userId}", Administrator(Scope::Tokens), [operation_id],
                    organizations::add_member, "Make a user a member.",
                    { response: 200 organization_data::MemberData, refusals: [OrganizationNotFound], quota: Backends };
                RemoveMember: "remove-member", DELETE "/v1/organizations/{organizationId}/members/{userId}", Administrator(Scope::Tokens), [operation_id],
                    organizations::remove_member, "Take a user's membership away.",
                    { response: 200 organization_data::MemberData, refusals: [OrganizationNotFound], quota: Backends };
                CreateAccessToken: "create-access-token", POST "/v1/access-tokens", Administrator(Scope::Tokens), [operation_id],
                    organizations::create_access, "Make an access token for a user or an organization.",
                    {
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
                about: "what web applications spend",
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
                    organizations::stats, "What an organization has of tokens.", {
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
                about: "what follows from changes of the table: roll-ups and notices",
                table_actions: &["PutItem", "Query"],
                indexes: &["list"],
                clients: &[Client::Outbox],
                ..Function::DEFAULT
            } {
            }

            fn admin {
                name: "admin",
                about: "the vendor's face",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["due", "list"],
                key_actions: &["Decrypt", "Encrypt", "GenerateDataKey"],
                purposes: &[Purpose::Codes, Purpose::Derivation, Purpose::Sealing, Purpose::Secret, Purpose::SigningSeed, Purpose::Webhook],
                settings: &[Setting::AdminKey],
                uses_previous_key: true,
                ..Function::DEFAULT
            } {
                AdminOrders: "admin-orders", GET "/v1/admin/projects/{projectId}/orders", Administrator(Scope::Licenses), [],
                    store::orders, "Orders, newest first.", {
                        query: [LIMIT],
                        cursor: ORDERS,
                        response: 200 store_data::OrderList,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminOrder: "admin-order", GET "/v1/admin/projects/{projectId}/orders/{orderId}", Administrator(Scope::Licenses), [],
                    store::order, "An order.", { response: 200 store_data::OrderData, refusals: [OrderNotFound], quota: Administration };
                AdminCreateDeveloper: "admin-create-developer", POST "/v1/admin/developers", Administrator(Scope::Projects), [operation_id],
                    admin::developers::create, "Make a developer, who may sign in from the editor.", {
                        request: portal::developer::CreateDeveloper,
                        response: 201 portal_data::DeveloperData,
                        refusals: [DeveloperExists, DeveloperNotFound, ProjectNotFound],
                        quota: none,
                    };
                AdminDevelopers: "admin-developers", GET "/v1/admin/developers", Administrator(Scope::Projects), [],
                    admin::developers::list, "Developers, newest first.",
                    { query: [LIMIT], cursor: DEVELOPERS, response: 200 portal_data::DeveloperList, quota: none };
                AdminChangeDeveloper: "admin-change-developer", PATCH "/v1/admin/developers/{username}", Administrator(Scope::Projects), [operation_id],
                    admin::developers::change, "Change a developer: password, projects, second factor, or sign in no more.",
                    {
                        request: portal::developer::ChangeDeveloper,
                        response: 200 portal_data::DeveloperData,
                        refusals: [DeveloperNotFound, ProjectNotFound],
                        quota: none,
                    };
                AdminEvents: "admin-events", GET "/v1/admin/projects/{projectId}/events", Administrator(Scope::Licenses), [],
                    admin::events::list, "What applications reported on a day, newest first.", {
                        query: [DAY, EVENT_TYPE, LIMIT],
                        cursor: EVENTS,
                        response: 200 event_data::EventList,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminEventCounts: "admin-event-counts", GET "/v1/admin/projects/{projectId}/event-counts", Administrator(Scope::Licenses), [],
                    admin::events::counts, "How much applications reported, by type and day.", {
                        query: [FIRST_DAY, LAST_DAY],
                        response: 200 event_data::EventCounts,
                        refusals: [ProjectNotFound, RangeReversed, RangeTooLong],
                        quota: Administration,
                    };
                AdminCreateProject: "admin-create-project", POST "/v1/admin/projects", Administrator(Scope::Projects), [operation_id],
                    admin::projects::create, "Make a project.", {
                        request: admin::project::CreateProject,
                        response: 201 admin_data::ProjectData,
                        quota: none,
                    };
                AdminProjects: "admin-projects", GET "/v1/admin/projects", Administrator(Scope::Projects), [],
                    admin::projects::list, "Projects, newest first.",
                    { query: [LIMIT], cursor: PROJECTS, response: 200 admin_data::ProjectList, quota: none };
                AdminProject: "admin-project", GET "/v1/admin/projects/{projectId}", Administrator(Scope::Projects), [],
                    admin::projects::get, "A project, without its secrets.",
                    { response: 200 admin_data::ProjectData, refusals: [ProjectNotFound], quota: none };
                AdminChangeProject: "admin-change-project", PATCH "/v1/admin/projects/{projectId}", Administrator(Scope::Projects), [operation_id],
                    admin::projects::change, "Change a project.", {
                        request: admin::project::ChangeProject,
                        response: 200 admin_data::ProjectData,
                        refusals: [ProjectNotFound],
                        quota: none,
                    };
                AdminAddSecret: "admin-add-secret", POST "/v1/admin/projects/{projectId}/secrets", Administrator(Scope::Projects), [operation_id],
                    admin::projects::add_secret, "Add a secret; those there are stay valid.",
                    { response: 201 admin_data::ProjectData, refusals: [ProjectNotFound, SecretLimitReached], quota: none };
                AdminRetireSecret: "admin-retire-secret", DELETE "/v1/admin/projects/{projectId}/secrets/{secretId}", Administrator(Scope::Projects), [operation_id],
                    admin::projects::retire_secret, "Retire a secret.",
                    { response: 204 (), refusals: [ProjectNotFound, SecretNotFound, LastSecret], quota: none };
                AdminRewrapProject: "admin-rewrap-project", POST "/v1/admin/projects/{projectId}/rewrap", Administrator(Scope::Projects), [operation_id],
                    admin::projects::rewrap, "Wrap a project's keys, which another KMS key wrapped, with this deployment's.",
                    {
                        request: admin::rewrap::Rewrap,
                        response: 200 admin_data::Rewrapped,
                        refusals: [ProjectNotFound, WrappingKeyNotUsable],
                        quota: none,
                    };
                AdminRewrapDeveloper: "admin-rewrap-developer", POST "/v1/admin/developers/{username}/rewrap", Administrator(Scope::Projects), [operation_id],
                    admin::developers::rewrap, "Wrap a developer's key, which another KMS key wrapped, with this deployment's.",
                    {
                        request: admin::rewrap::Rewrap,
                        response: 200 admin_data::Rewrapped,
                        refusals: [DeveloperNotFound, WrappingKeyNotUsable],
                        quota: none,
                    };
                AdminCreatePolicy: "admin-create-policy", POST "/v1/admin/projects/{projectId}/policies", Administrator(Scope::Policies), [operation_id],
                    admin::policies::create, "Make a policy.",
                    {
                        request: policy::PolicyTerms,
                        response: 201 admin_data::PolicyDetails,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminPolicies: "admin-policies", GET "/v1/admin/projects/{projectId}/policies", Administrator(Scope::Policies), [],
                    admin::policies::list, "A project's policies, newest first.", {
                        query: [LIMIT],
                        cursor: POLICIES,
                        response: 200 admin_data::PolicyList,
                        refusals: [ProjectNotFound],
                        quota: Administration,
                    };
                AdminPolicy: "admin-policy", GET "/v1/admin/policies/{PolicyID}", Administrator(Scope::Policies), [],
                    admin::policies::get, "A policy.", { response: 200 admin_data::PolicyDetails, refusals: [PolicyNotFound], quota: Administration };
                AdminChangePolicy: "admin-change-policy", PATCH "/v1/admin/policies/{PolicyID}", Administrator(Scope::Policies), [operation_id],
                    admin::policies::change, "Change a policy; its licenses follow at once.", {
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
                    admin::licenses::get, "The license, as its vendor sees it.", { response: 200 license_data::LicenseData, quota: Administration };
                AdminChangeLicense: "admin-change-license", PATCH "/v1/admin/licenses/{licenseKey}", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::change, "Suspend, resume, revoke, terminate; extend, override, transfer.", {
                        request: license::change_license::ChangeLicense,
                        response: 200 license_data::LicenseData,
                        refusals: [PolicyNotFound, StateFinal, NotAhead],
                        quota: Administration,
                    };
                AdminReinstate: "admin-reinstate", POST "/v1/admin/licenses/{licenseKey}/reinstate", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::reinstate, "Take back a revocation that was a mistake.",
                    {
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
                    license::usage, "Ledger entries, newest first.",
                    { query: [LIMIT], cursor: LEDGER, response: 200 license_data::Usage, quota: Administration };
                AdminUsageVerification: "admin-usage-verification", GET "/v1/admin/licenses/{licenseKey}/usage/verification", Administrator(Scope::Tokens), [],
                    admin::licenses::verify, "Is the license's ledger whole?", {
                        cursor: VERIFICATION,
                        response: 200 account_data::Verification,
                        refusals: [CursorElsewhere],
                        quota: Administration,
                    };
                AdminUsageStatistics: "admin-usage-statistics", GET "/v1/admin/licenses/{licenseKey}/usage/statistics", Administrator(Scope::Tokens), [],
                    admin::licenses::statistics, "What the license's ledger adds up to in a range of time.", {
                        query: [FROM, TO],
                        cursor: STATISTICS,
                        response: 200 account_data::Statistics,
                        refusals: [RangeReversed, CursorElsewhere],
                        quota: Administration,
                    };
                AdminDevices: "admin-devices", GET "/v1/admin/licenses/{licenseKey}/devices", Administrator(Scope::Licenses), [],
                    admin::licenses::devices, "Devices, last activated first.",
                    { query: [LIMIT], cursor: DEVICES, response: 200 admin_data::DeviceList, quota: Administration };
                AdminDescribeDevice: "admin-describe-device", PATCH "/v1/admin/licenses/{licenseKey}/devices/{hwid}", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::describe_device, "Name a device.",
                    {
                        request: license::describe_device::DescribeDevice,
                        response: 200 license_data::Machine,
                        refusals: [DeviceNotRegistered],
                        quota: Administration,
                    };
                AdminRemoveDevice: "admin-remove-device", DELETE "/v1/admin/licenses/{licenseKey}/devices/{hwid}", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::remove_device, "Remove a device.", { response: 204 (), refusals: [DeviceNotRegistered], quota: Administration };
                AdminSeats: "admin-seats", GET "/v1/admin/licenses/{licenseKey}/seats", Administrator(Scope::Licenses), [],
                    admin::licenses::seats, "Who holds a seat.", { response: 200 license_data::SeatList, quota: Administration };
                AdminReleaseSeat: "admin-release-seat", POST "/v1/admin/licenses/{licenseKey}/seats/{hwid}/release", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::release_seat, "Take a device's seat away.",
                    { response: 200 license_data::SeatList, refusals: [SeatNotHeld], quota: Administration };
                AdminCreateKey: "admin-create-key", POST "/v1/admin/keys", Administrator(Scope::Projects), [operation_id],
                    admin::keys::create, "Make an administrator key.",
                    {
                        request: admin::create_key::CreateKey,
                        response: 201 admin_data::AdminKeyData,
                        refusals: [ProjectNotFound, NotAhead],
                        quota: none,
                    };
                AdminKeys: "admin-keys", GET "/v1/admin/keys", Administrator(Scope::Projects), [],
                    admin::keys::list, "Administrator keys, newest first.",
                    { query: [LIMIT], cursor: KEYS, response: 200 admin_data::AdminKeyList, quota: none };
                AdminRevokeKey: "admin-revoke-key", DELETE "/v1/admin/keys/{keyId}", Administrator(Scope::Projects), [operation_id],
                    admin::keys::revoke, "Revoke an administrator key.", { query: [CASCADE], response: 204 (), refusals: [KeyNotFound], quota: none };
                AdminAudit: "admin-audit", GET "/v1/admin/audit", Administrator(Scope::Read), [],
                    admin::keys::audit, "What administrators did, newest first.",
                    { query: [LIMIT], cursor: AUDIT, response: 200 admin_data::AuditLog, quota: none };
            }

            fn transfer {
                name: "transfer",
                about: "projects that move from one deployment to another",
                table_actions: &["BatchGetItem", "DeleteItem", "PutItem", "Query", "Scan", "UpdateItem"],
                indexes: &["list"],
                key_actions: &["Decrypt", "Encrypt", "GenerateDataKey"],
                purposes: &[Purpose::Derivation, Purpose::Import, Purpose::Sealing, Purpose::Secret, Purpose::SigningSeed, Purpose::Webhook],
                settings: &[Setting::AdminKey],
                ..Function::DEFAULT
            } {
                AdminExport: "admin-export", GET "/v1/admin/projects/{projectId}/export", Administrator(Scope::Projects), [],
                    admin::transfer::export, "Everything of a project but its keys, as lines of a file.", {
                        query: [SEALED],
                        cursor: EXPORT,
                        response: 200 transfer::ExportPage,
                        refusals: [ProjectNotFound],
                        quota: none,
                    };
                AdminExportKeys: "admin-export-keys", POST "/v1/admin/projects/{projectId}/export-keys", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::export_keys, "A project's keys, sealed to another deployment's import key. With the stack's own key only.",
                    {
                        request: handlers::admin::transfer::ExportKeys,
                        response: 200 transfer::SealedKeys,
                        refusals: [ProjectNotFound],
                        quota: none,
                    };
                AdminCreateImportKey: "admin-create-import-key", POST "/v1/admin/import-keys", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::create_key, "Make a key that another deployment seals a project's keys to. With the stack's own key only.",
                    { response: 201 transfer::ImportKeyData, refusals: [ImportKeyNotFound], quota: none };
                AdminBeginImport: "admin-begin-import", POST "/v1/admin/projects/{projectId}/import", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::begin, "Begin to import a project from another deployment's export.", {
                        request: import::ImportHead,
                        response: 201 transfer::ImportData,
                        refusals: [ProjectExists, ImportInProgress, ImportKeyNotFound],
                        quota: none,
                    };
                AdminImport: "admin-import", GET "/v1/admin/projects/{projectId}/import", Administrator(Scope::Projects), [],
                    admin::transfer::get, "How far an import has come.",
                    { response: 200 transfer::ImportData, refusals: [ImportNotFound], quota: none };
                AdminImportLines: "admin-import-lines", POST "/v1/admin/projects/{projectId}/import/lines", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::take, "Take the next lines of an import, all or none.", {
                        request: import::ImportLines,
                        response: 200 transfer::ImportData,
                        refusals: [ImportNotFound, ImportInProgress, ImportOutOfOrder, ImportTaken],
                        quota: none,
                    };
                AdminFinishImport: "admin-finish-import", POST "/v1/admin/projects/{projectId}/import/finish", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::finish, "Make the project, once all its lines are taken.", {
                        response: 201 admin_data::ProjectData,
                        refusals: [ImportNotFound, ImportInProgress, ImportIncomplete, ProjectExists],
                        quota: none,
                    };
                AdminDropImport: "admin-drop-import", DELETE "/v1/admin/projects/{projectId}/import", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::drop_import, "Drop an import that is not finished: remove what it wrote, as much as one call can.",
                    { cursor: DROPPED, response: 200 transfer::DroppedData, refusals: [ImportNotFound], quota: none };
            }
        }
    };
}
