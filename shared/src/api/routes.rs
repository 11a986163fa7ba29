//! The one table of functions and their routes, a row each. The words for routes, the dispatch, the template, the OpenAPI document, the
//! local server and the tests are made of it or held to it. A row says:
//!
//! ```text
//! fn <identifier> { <fields of `Function`> } {
//!     <Endpoint>: "<name>", <METHOD> <path>, <who may call>, [<body>, <operation_id>],
//!         <handler>, "<summary>";
//! }
//! ```

use crate::api::function::Auth::{Administrator, Member, Open, Project};
use crate::api::function::{Auth, Client, Function, Setting};
use crate::keys::Purpose;
use crate::model::administrator::Scope;

macro_rules! license {
    ($tail:literal) => {
        concat!("/v1/sdk/license/{key}", $tail)
    };
}

macro_rules! pro {
    ($tail:literal) => {
        concat!("/v1/sdk/pro/license", $tail)
    };
}

/// Gives all rows to a macro.
macro_rules! functions {
    ($generate:ident) => {
        $generate! {
            fn health {
                name: "health",
                about: "the service is there",
                ..Function::DEFAULT
            } {
                Health: "health", GET "/health", Open, [],
                    health::health, "Is the service there?";
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
                    license::license, "The license as it is; changes nothing.";
                Entitlement: "entitlement", GET license!("/entitlement"), Project, [],
                    license::entitlement, "Would a capability and its tokens be granted now?";
            }

            fn activate {
                name: "activate",
                about: "register a device and seat it",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Activate: "activate", POST license!("/activate"), Project, [body],
                    license::activate, "Register a device and give it a seat.";
            }

            fn heartbeat {
                name: "heartbeat",
                about: "keep a seat",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Heartbeat: "heartbeat", POST license!("/heartbeat"), Project, [body],
                    license::heartbeat, "Keep the seat, wait for one, or give it back.";
            }

            fn signout {
                name: "signout",
                about: "give a seat back",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Signout: "signout", POST license!("/signout"), Project, [body],
                    license::signout, "Give the seat back.";
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
                    license::seats, "Who holds a seat.";
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
                ReleaseSeat: "release-seat", POST license!("/release-seat"), Project, [body],
                    license::release_seat, "Take another device's seat away.";
                ProReleaseSeat: "pro-release-seat", POST pro!("/release-seat"), Project, [body],
                    pro::release_seat, "Take another device's seat away.";
            }

            fn devices {
                name: "devices",
                about: "remove a device",
                table_actions: &["BatchGetItem", "Query", "UpdateItem"],
                ..Function::DEFAULT
            } {
                RemoveDevice: "remove-device", DELETE license!("/devices/{hwid}"), Project, [],
                    license::remove_device, "Remove a device, if the customer may.";
            }

            fn settings {
                name: "settings",
                about: "user settings",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                Settings: "settings", GET license!("/settings"), Project, [],
                    license::settings, "The user settings.";
                SaveSettings: "save-settings", PUT license!("/settings"), Project, [body],
                    license::save_settings, "Save the user settings, as a whole.";
            }

            fn consume {
                name: "consume",
                about: "charge tokens",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                Consume: "consume", POST license!("/consume"), Project, [body, operation_id],
                    license::consume, "Charge tokens, once per operation id.";
            }

            fn consume_batch {
                name: "consume-batch",
                about: "charge what was used offline",
                table_actions: &["BatchGetItem", "PutItem", "Query", "UpdateItem"],
                indexes: &["list"],
                ..Function::DEFAULT
            } {
                ConsumeBatch: "consume-batch", POST license!("/consume-batch"), Project, [body, operation_id],
                    license::consume_batch, "Charge what a device used while it was offline.";
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
                    license::usage, "Ledger entries, newest first.";
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
                ProValidate: "pro-validate", POST pro!("/validate"), Project, [body],
                    pro::validate, "Register a device and give it a seat; the device is in step again afterwards.";
                ProActivate: "pro-activate", POST pro!("/activate"), Project, [body],
                    pro::validate, "Another name of validate.";
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
                ProStatus: "pro-status", POST pro!("/status"), Project, [body],
                    pro::status, "The license for a device that shows itself; claims a seat, never registers.";
                ProSeats: "pro-seats", POST pro!("/seats"), Project, [body],
                    pro::seats, "Who holds a seat.";
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
                ProHeartbeat: "pro-heartbeat", POST pro!("/heartbeat"), Project, [body],
                    pro::heartbeat, "Keep the seat, wait for one, or give it back.";
                ProSignout: "pro-signout", POST pro!("/signout"), Project, [body],
                    pro::signout, "Give the seat back.";
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
                ProConsume: "pro-consume", POST pro!("/consume"), Project, [body],
                    pro::consume, "Charge tokens.";
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
                ProConsumeBatch: "pro-consume-batch", POST pro!("/consume-batch"), Project, [body],
                    pro::consume_batch, "Charge what a device used while it was offline.";
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
                ProSettings: "pro-settings", POST pro!("/settings/get"), Project, [body],
                    pro::settings, "The user settings.";
                ProSaveSettings: "pro-save-settings", POST pro!("/settings/save"), Project, [body],
                    pro::save_settings, "Save the user settings, as a whole.";
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
                ProEvents: "pro-events", POST pro!("/events"), Project, [body],
                    pro::events, "Report something.";
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
                    store::buyable_policies, "What is for sale.";
                CheckoutLink: "checkout-link", POST "/v1/sdk/project/checkout-link", Project, [body, operation_id],
                    store::checkout_link, "Order a license; answers where to pay it.";
                TopupLink: "topup-link", POST license!("/topup-link"), Project, [body, operation_id],
                    store::topup_link, "Order a pack on top of a license; answers where to pay it.";
                ProBuyablePolicies: "pro-buyable-policies", POST "/v1/sdk/pro/project/buyable-policies", Project, [body],
                    store::buyable_policies, "What is for sale.";
                ProCheckoutLink: "pro-checkout-link", POST "/v1/sdk/pro/project/checkout-link", Project, [body],
                    store::checkout_link, "Order a license; answers where to pay it.";
                ProTopupLink: "pro-topup-link", POST pro!("/topup-link"), Project, [body],
                    store::topup_link, "Order a pack on top of a license; answers where to pay it.";
                AccountCheckoutLink: "account-checkout-link", POST "/v1/accounts/{accountId}/checkout-link", Administrator(Scope::Tokens), [body, operation_id],
                    store::account_checkout, "Order a pack of tokens for an account; answers where to pay it.";
                OrganizationCheckoutLink: "organization-checkout-link", POST "/v1/organizations/{organizationId}/checkout-link", Administrator(Scope::Tokens), [body, operation_id],
                    store::organization_checkout, "Order a pack of tokens for an organization; answers where to pay it.";
                TrialEligibility: "trial-eligibility", GET "/v1/sdk/pro/project/trial-eligibility", Project, [],
                    store::trial_eligibility, "May this e-mail address have a trial? Plain, though its path says otherwise.";
                StoreReturn: "store-return", GET "/v1/store/return", Open, [],
                    store::store_return, "Where a browser ends after paying, if it was sent nowhere else.";
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
                StripeMessage: "stripe-message", POST "/v1/payments/stripe", Open, [body],
                    store::stripe_message, "What Stripe tells, signed by it.";
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
                LoginRequest: "login-request", POST "/v1/sdk/auth/customer-login-request", Project, [body],
                    portal::request, "Ask for a code by mail; the same answer for every address.";
                Portfolio: "portfolio", POST "/v1/sdk/auth/customer-portfolio", Project, [body],
                    portal::portfolio, "What was bought with an address, to who shows its code.";
                ProLoginRequest: "pro-login-request", POST "/v1/sdk/pro/auth/customer-login-request", Project, [body],
                    portal::request, "Ask for a code by mail; the same answer for every address.";
                ProPortfolio: "pro-portfolio", POST "/v1/sdk/pro/auth/customer-portfolio", Project, [body],
                    portal::portfolio, "What was bought with an address, to who shows its code.";
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
                DevLogin: "dev-login", POST "/v1/sdk/pro/auth/dev-login", Open, [body],
                    portal::sign_in, "Sign a developer in by password. Plain, though its path says otherwise.";
                DevVerifyOtp: "dev-verify-otp", POST "/v1/sdk/pro/auth/dev-login/verify-otp", Open, [body],
                    portal::verify, "The second factor of a developer's sign-in. Plain, though its path says otherwise.";
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
                AdminCreateWebhook: "admin-create-webhook", POST "/v1/admin/projects/{projectId}/webhooks", Administrator(Scope::Projects), [body, operation_id],
                    admin::webhooks::create, "Make a webhook that notices go to; answers its secret.";
                AdminWebhooks: "admin-webhooks", GET "/v1/admin/projects/{projectId}/webhooks", Administrator(Scope::Projects), [],
                    admin::webhooks::list, "Webhooks, newest first.";
                AdminRemoveWebhook: "admin-remove-webhook", DELETE "/v1/admin/projects/{projectId}/webhooks/{webhookId}", Administrator(Scope::Projects), [operation_id],
                    admin::webhooks::remove, "Stop a webhook.";
                AdminRotateWebhook: "admin-rotate-webhook", POST "/v1/admin/projects/{projectId}/webhooks/{webhookId}/secret", Administrator(Scope::Projects), [operation_id],
                    admin::webhooks::rotate, "Give a webhook a new secret; the old one signs beside it for a day.";
                AdminReplay: "admin-replay", POST "/v1/admin/projects/{projectId}/webhooks/{webhookId}/replay", Administrator(Scope::Projects), [body, operation_id],
                    admin::webhooks::replay, "Send notices to a webhook again, or its dead letters.";
                AdminDeadLetters: "admin-dead-letters", GET "/v1/admin/projects/{projectId}/webhooks/{webhookId}/dead-letters", Administrator(Scope::Projects), [],
                    admin::webhooks::dead_letters, "Deliveries that were given up, newest first.";
                AdminNotices: "admin-notices", GET "/v1/admin/projects/{projectId}/notices", Administrator(Scope::Projects), [],
                    admin::webhooks::notices, "What was told of a project, newest first.";
                AdminDeployment: "admin-deployment", GET "/v1/admin/deployment", Administrator(Scope::Projects), [],
                    admin::deployment::deployment, "How the deployment does: its parts, tried by this call, its schedules, its webhooks.";
                AdminTestMail: "admin-test-mail", POST "/v1/admin/test-mails", Administrator(Scope::Projects), [body, operation_id],
                    admin::deployment::test_mail, "Send a test mail, the way that all mails go.";
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
                CreateAccount: "create-account", POST "/v1/accounts", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::create, "Make a token account.";
                Accounts: "accounts", GET "/v1/accounts", Administrator(Scope::Tokens), [],
                    accounts::list, "A project's accounts, by name.";
                Account: "account", GET "/v1/accounts/{accountId}", Administrator(Scope::Tokens), [],
                    accounts::get, "A token account as it stands.";
                DebitAccount: "debit-account", POST "/v1/accounts/{accountId}/debit", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::debit, "Spend tokens, once per operation id.";
                ChargeAccount: "charge-account", POST "/v1/accounts/{accountId}/charge", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::charge, "Pay an operation at its price.";
                CreditAccount: "credit-account", POST "/v1/accounts/{accountId}/credit", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::credit, "Give tokens.";
                RefundAccount: "refund-account", POST "/v1/accounts/{accountId}/refund", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::refund, "Give back what an operation spent, never more.";
                ResetAccount: "reset-account", POST "/v1/accounts/{accountId}/reset", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::reset, "Set the balance.";
                AccountPlan: "account-plan", POST "/v1/accounts/{accountId}/plan", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::change_plan, "Put the account on a plan; starts a period.";
                AccountAffordability: "account-affordability", GET "/v1/accounts/{accountId}/affordability", Administrator(Scope::Tokens), [],
                    accounts::affordability, "Could the account pay for this?";
                AccountEntries: "account-entries", GET "/v1/accounts/{accountId}/entries", Administrator(Scope::Tokens), [],
                    accounts::entries, "Ledger entries, newest first.";
                HoldTokens: "hold-tokens", POST "/v1/accounts/{accountId}/holds", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::reserve, "Set tokens aside for something that is under way.";
                CommitHold: "commit-hold", POST "/v1/accounts/{accountId}/holds/{holdId}/commit", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::commit_hold, "Spend what was set aside, or a part; the rest is given back.";
                VoidHold: "void-hold", POST "/v1/accounts/{accountId}/holds/{holdId}/void", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::void_hold, "Give back what was set aside.";
                AccountRenewal: "account-renewal", GET "/v1/accounts/{accountId}/renewal", Administrator(Scope::Tokens), [],
                    accounts::eligibility, "Is an allocation due, and if not, when?";
                RenewAccount: "renew-account", POST "/v1/accounts/{accountId}/renewal", Administrator(Scope::Tokens), [operation_id],
                    accounts::renew, "Give the allocation that is due.";
                AccountBalance: "account-balance", GET "/v1/accounts/{accountId}/balance", Administrator(Scope::Tokens), [],
                    accounts::balance, "The balance at an instant.";
                AccountStatistics: "account-statistics", GET "/v1/accounts/{accountId}/statistics", Administrator(Scope::Tokens), [],
                    accounts::statistics, "What the ledger adds up to in a range of time.";
                AccountVerification: "account-verification", GET "/v1/accounts/{accountId}/verification", Administrator(Scope::Tokens), [],
                    accounts::verify, "Is the ledger whole?";
                EraseEntries: "erase-entries", DELETE "/v1/accounts/{accountId}/entries", Administrator(Scope::Tokens), [operation_id],
                    accounts::erase, "Erase the free-form facts of old entries; amounts stay.";
                RenewAccounts: "renew-accounts", POST "/v1/renewals", Administrator(Scope::Tokens), [body, operation_id],
                    accounts::renew_due, "Give the allocations that are due in the project.";
                DueAccounts: "due-accounts", GET "/v1/renewals/due", Administrator(Scope::Tokens), [],
                    project_ledgers::due, "Accounts to which an allocation is due.";
                ProjectEntries: "project-entries", GET "/v1/entries", Administrator(Scope::Tokens), [],
                    project_ledgers::entries, "Ledger entries of all accounts, account by account, each newest first.";
                EraseProjectEntries: "erase-project-entries", POST "/v1/entries/erasure", Administrator(Scope::Tokens), [body, operation_id],
                    project_ledgers::erase, "Erase the free-form facts of old entries of all accounts, some with each call; amounts stay.";
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
                CreateOrganization: "create-organization", POST "/v1/organizations", Administrator(Scope::Tokens), [body, operation_id],
                    organizations::create, "Make an organization with its five pools.";
                Organizations: "organizations", GET "/v1/organizations", Administrator(Scope::Tokens), [],
                    organizations::list, "A project's organizations, by name.";
                OrganizationVerification: "organization-verification", GET "/v1/organizations/{organizationId}/verification", Administrator(Scope::Tokens), [],
                    organizations::verify, "Is a pool's ledger whole?";
                OrganizationStatistics: "organization-statistics", GET "/v1/organizations/{organizationId}/statistics", Administrator(Scope::Tokens), [],
                    organizations::statistics, "What a pool's ledger adds up to in a range of time.";
                Organization: "organization", GET "/v1/organizations/{organizationId}", Administrator(Scope::Tokens), [],
                    organizations::get, "An organization and its pools.";
                OrganizationPlan: "organization-plan", PUT "/v1/organizations/{organizationId}/plan", Administrator(Scope::Tokens), [body, operation_id],
                    organizations::change_plan, "Put an organization on a plan.";
                OrganizationTokens: "organization-tokens", POST "/v1/organizations/{organizationId}/tokens", Administrator(Scope::Tokens), [body, operation_id],
                    organizations::grant, "Give a pool further tokens.";
                OrganizationUsage: "organization-usage", GET "/v1/organizations/{organizationId}/usage", Administrator(Scope::Tokens), [],
                    organizations::usage, "A pool's ledger, newest first: who used what.";
                EraseUsage: "erase-usage", DELETE "/v1/organizations/{organizationId}/usage", Administrator(Scope::Tokens), [operation_id],
                    organizations::erase, "Erase who used what in a pool; amounts stay.";
                AddMember: "add-member", PUT "/v1/organizations/{organizationId}/members/{userId}", Administrator(Scope::Tokens), [operation_id],
                    organizations::add_member, "Make a user a member.";
                RemoveMember: "remove-member", DELETE "/v1/organizations/{organizationId}/members/{userId}", Administrator(Scope::Tokens), [operation_id],
                    organizations::remove_member, "Take a user's membership away.";
                CreateAccessToken: "create-access-token", POST "/v1/access-tokens", Administrator(Scope::Tokens), [body, operation_id],
                    organizations::create_access, "Make an access token for a user or an organization.";
                RevokeAccessToken: "revoke-access-token", DELETE "/v1/access-tokens/{tokenId}", Administrator(Scope::Tokens), [operation_id],
                    organizations::revoke_access, "Revoke an access token at once.";
                RevokeAccessTokens: "revoke-access-tokens", DELETE "/v1/access-tokens", Administrator(Scope::Tokens), [operation_id],
                    organizations::revoke_all_access, "Revoke all access tokens of a user, of an organization, or of a member.";
            }

            fn tokens {
                name: "tokens",
                about: "what web applications spend",
                table_actions: &["BatchGetItem", "PutItem", "UpdateItem"],
                updates_buckets_only: true,
                ..Function::DEFAULT
            } {
                CheckTokens: "check-tokens", POST "/v1/tokens/check-balance", Member, [body, operation_id],
                    organizations::check_balance, "Check or deduct the tokens of a feature.";
                TokenStats: "token-stats", GET "/v1/tokens/stats", Member, [],
                    organizations::stats, "What an organization has of tokens.";
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
                    store::orders, "Orders, newest first.";
                AdminOrder: "admin-order", GET "/v1/admin/projects/{projectId}/orders/{orderId}", Administrator(Scope::Licenses), [],
                    store::order, "An order.";
                AdminCreateDeveloper: "admin-create-developer", POST "/v1/admin/developers", Administrator(Scope::Projects), [body, operation_id],
                    admin::developers::create, "Make a developer, who may sign in from the editor.";
                AdminDevelopers: "admin-developers", GET "/v1/admin/developers", Administrator(Scope::Projects), [],
                    admin::developers::list, "Developers, newest first.";
                AdminChangeDeveloper: "admin-change-developer", PATCH "/v1/admin/developers/{username}", Administrator(Scope::Projects), [body, operation_id],
                    admin::developers::change, "Change a developer: password, projects, second factor, or sign in no more.";
                AdminEvents: "admin-events", GET "/v1/admin/projects/{projectId}/events", Administrator(Scope::Licenses), [],
                    admin::events::list, "What applications reported on a day, newest first.";
                AdminEventCounts: "admin-event-counts", GET "/v1/admin/projects/{projectId}/event-counts", Administrator(Scope::Licenses), [],
                    admin::events::counts, "How much applications reported, by type and day.";
                AdminCreateProject: "admin-create-project", POST "/v1/admin/projects", Administrator(Scope::Projects), [body, operation_id],
                    admin::projects::create, "Make a project.";
                AdminProjects: "admin-projects", GET "/v1/admin/projects", Administrator(Scope::Projects), [],
                    admin::projects::list, "Projects, newest first.";
                AdminProject: "admin-project", GET "/v1/admin/projects/{projectId}", Administrator(Scope::Projects), [],
                    admin::projects::get, "A project, without its secrets.";
                AdminChangeProject: "admin-change-project", PATCH "/v1/admin/projects/{projectId}", Administrator(Scope::Projects), [body, operation_id],
                    admin::projects::change, "Change a project.";
                AdminAddSecret: "admin-add-secret", POST "/v1/admin/projects/{projectId}/secrets", Administrator(Scope::Projects), [operation_id],
                    admin::projects::add_secret, "Add a secret; those there are stay valid.";
                AdminRetireSecret: "admin-retire-secret", DELETE "/v1/admin/projects/{projectId}/secrets/{secretId}", Administrator(Scope::Projects), [operation_id],
                    admin::projects::retire_secret, "Retire a secret.";
                AdminRewrapProject: "admin-rewrap-project", POST "/v1/admin/projects/{projectId}/rewrap", Administrator(Scope::Projects), [body, operation_id],
                    admin::projects::rewrap, "Wrap a project's keys, which another KMS key wrapped, with this deployment's.";
                AdminRewrapDeveloper: "admin-rewrap-developer", POST "/v1/admin/developers/{username}/rewrap", Administrator(Scope::Projects), [body, operation_id],
                    admin::developers::rewrap, "Wrap a developer's key, which another KMS key wrapped, with this deployment's.";
                AdminCreatePolicy: "admin-create-policy", POST "/v1/admin/projects/{projectId}/policies", Administrator(Scope::Policies), [body, operation_id],
                    admin::policies::create, "Make a policy.";
                AdminPolicies: "admin-policies", GET "/v1/admin/projects/{projectId}/policies", Administrator(Scope::Policies), [],
                    admin::policies::list, "A project's policies, newest first.";
                AdminPolicy: "admin-policy", GET "/v1/admin/policies/{PolicyID}", Administrator(Scope::Policies), [],
                    admin::policies::get, "A policy.";
                AdminChangePolicy: "admin-change-policy", PATCH "/v1/admin/policies/{PolicyID}", Administrator(Scope::Policies), [body, operation_id],
                    admin::policies::change, "Change a policy; its licenses follow at once.";
                AdminCreateLicense: "admin-create-license", POST "/v1/admin/projects/{projectId}/licenses", Administrator(Scope::Licenses), [body, operation_id],
                    admin::licenses::issue, "Issue licenses.";
                AdminLicenses: "admin-licenses", GET "/v1/admin/projects/{projectId}/licenses", Administrator(Scope::Licenses), [],
                    admin::licenses::search, "Search a project's licenses.";
                AdminLicense: "admin-license", GET "/v1/admin/licenses/{licenseKey}", Administrator(Scope::Licenses), [],
                    admin::licenses::get, "The license, as its vendor sees it.";
                AdminChangeLicense: "admin-change-license", PATCH "/v1/admin/licenses/{licenseKey}", Administrator(Scope::Licenses), [body, operation_id],
                    admin::licenses::change, "Suspend, resume, revoke, terminate; extend, override, transfer.";
                AdminReinstate: "admin-reinstate", POST "/v1/admin/licenses/{licenseKey}/reinstate", Administrator(Scope::Licenses), [body, operation_id],
                    admin::licenses::reinstate, "Take back a revocation that was a mistake.";
                AdminOfflineFile: "admin-offline-file", POST "/v1/admin/licenses/{licenseKey}/offline-file", Administrator(Scope::Licenses), [body, operation_id],
                    admin::licenses::offline_file, "Issue the file of an air-gapped license.";
                AdminTokens: "admin-tokens", POST "/v1/admin/licenses/{licenseKey}/tokens", Administrator(Scope::Tokens), [body, operation_id],
                    admin::licenses::tokens, "Credit or debit tokens.";
                // The same page for both: who asks decides what is shown.
                AdminUsage: "admin-usage", GET "/v1/admin/licenses/{licenseKey}/usage", Administrator(Scope::Tokens), [],
                    license::usage, "Ledger entries, newest first.";
                AdminUsageVerification: "admin-usage-verification", GET "/v1/admin/licenses/{licenseKey}/usage/verification", Administrator(Scope::Tokens), [],
                    admin::licenses::verify, "Is the license's ledger whole?";
                AdminUsageStatistics: "admin-usage-statistics", GET "/v1/admin/licenses/{licenseKey}/usage/statistics", Administrator(Scope::Tokens), [],
                    admin::licenses::statistics, "What the license's ledger adds up to in a range of time.";
                AdminDevices: "admin-devices", GET "/v1/admin/licenses/{licenseKey}/devices", Administrator(Scope::Licenses), [],
                    admin::licenses::devices, "Devices, last activated first.";
                AdminDescribeDevice: "admin-describe-device", PATCH "/v1/admin/licenses/{licenseKey}/devices/{hwid}", Administrator(Scope::Licenses), [body, operation_id],
                    admin::licenses::describe_device, "Name a device.";
                AdminRemoveDevice: "admin-remove-device", DELETE "/v1/admin/licenses/{licenseKey}/devices/{hwid}", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::remove_device, "Remove a device.";
                AdminSeats: "admin-seats", GET "/v1/admin/licenses/{licenseKey}/seats", Administrator(Scope::Licenses), [],
                    admin::licenses::seats, "Who holds a seat.";
                AdminReleaseSeat: "admin-release-seat", POST "/v1/admin/licenses/{licenseKey}/seats/{hwid}/release", Administrator(Scope::Licenses), [operation_id],
                    admin::licenses::release_seat, "Take a device's seat away.";
                AdminCreateKey: "admin-create-key", POST "/v1/admin/keys", Administrator(Scope::Projects), [body, operation_id],
                    admin::keys::create, "Make an administrator key.";
                AdminKeys: "admin-keys", GET "/v1/admin/keys", Administrator(Scope::Projects), [],
                    admin::keys::list, "Administrator keys, newest first.";
                AdminRevokeKey: "admin-revoke-key", DELETE "/v1/admin/keys/{keyId}", Administrator(Scope::Projects), [operation_id],
                    admin::keys::revoke, "Revoke an administrator key.";
                AdminAudit: "admin-audit", GET "/v1/admin/audit", Administrator(Scope::Read), [],
                    admin::keys::audit, "What administrators did, newest first.";
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
                    admin::transfer::export, "Everything of a project but its keys, as lines of a file.";
                AdminExportKeys: "admin-export-keys", POST "/v1/admin/projects/{projectId}/export-keys", Administrator(Scope::Projects), [body, operation_id],
                    admin::transfer::export_keys, "A project's keys, sealed to another deployment's import key. With the stack's own key only.";
                AdminCreateImportKey: "admin-create-import-key", POST "/v1/admin/import-keys", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::create_key, "Make a key that another deployment seals a project's keys to. With the stack's own key only.";
                AdminBeginImport: "admin-begin-import", POST "/v1/admin/projects/{projectId}/import", Administrator(Scope::Projects), [body, operation_id],
                    admin::transfer::begin, "Begin to import a project from another deployment's export.";
                AdminImport: "admin-import", GET "/v1/admin/projects/{projectId}/import", Administrator(Scope::Projects), [],
                    admin::transfer::get, "How far an import has come.";
                AdminImportLines: "admin-import-lines", POST "/v1/admin/projects/{projectId}/import/lines", Administrator(Scope::Projects), [body, operation_id],
                    admin::transfer::take, "Take the next lines of an import, all or none.";
                AdminFinishImport: "admin-finish-import", POST "/v1/admin/projects/{projectId}/import/finish", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::finish, "Make the project, once all its lines are taken.";
                AdminDropImport: "admin-drop-import", DELETE "/v1/admin/projects/{projectId}/import", Administrator(Scope::Projects), [operation_id],
                    admin::transfer::drop_import, "Drop an import that is not finished: remove what it wrote, as much as one call can.";
            }
        }
    };
}

pub(crate) use functions;

/// Is `$flag` among those in brackets?
macro_rules! has {
    (body [body $($rest:tt)*]) => {
        true
    };
    (operation_id [$(body,)? operation_id]) => {
        true
    };
    ($flag:ident [$($any:tt)*]) => {
        false
    };
}

macro_rules! tables {
    ($(fn $function:ident $fields:tt {$(
        $endpoint:ident: $name:literal, $method:ident $path:expr, $auth:expr, $takes:tt, $handler:path, $summary:literal;
    )*})*) => {
        /// What a route does: one word for its handler, its event file and its tests.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Endpoint {
            $($(#[doc = $summary] $endpoint,)*)*
        }

        /// All routes.
        pub const ROUTES: &[Route] = &[$($(Route {
            endpoint: Endpoint::$endpoint,
            name: $name,
            method: stringify!($method),
            path: $path,
            function: rows::$function().name,
            auth: $auth,
            body: has!(body $takes),
            operation_id: has!(operation_id $takes),
            summary: $summary,
        },)*)*];

        /// The row of each function.
        pub mod rows {
            use super::*;

            $(#[doc = concat!("The function `", stringify!($function), "`.")]
            pub const fn $function() -> Function {
                Function $fields
            })*
        }

        /// All functions, with exactly the permissions that the template gives them.
        pub const FUNCTIONS: &[Function] = &[$(rows::$function(),)*];
    };
}

functions!(tables);

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
