//! What a deployment says about itself to its vendor.

use serde::{Deserialize, Serialize};

/// Answer of `GET /health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthData {
    /// Always `ok`.
    pub status: String,
    /// Always `ltlm`.
    pub service: String,
    /// The version of the code.
    pub version: String,
}

/// Answer of `GET /v1/admin/deployment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeploymentData {
    /// Always `ltlm`.
    pub service: String,
    /// The version of the code.
    pub version: String,
    /// The stage: `dev`, `staging`, `prod`, or `local`.
    pub stage: String,
    /// The deployment's clock.
    pub time: String,
    /// Can the table be read?
    pub table: PartData,
    /// Can keys be generated and unwrapped?
    pub key: PartData,
    /// Mail.
    pub mail: MailData,
    /// Payments.
    pub payments: PaymentsData,
    /// The last run of each schedule that ever ran.
    pub schedules: Vec<RunData>,
    /// Webhooks that take nothing; null where the table cannot be read.
    pub webhooks: Option<FailingWebhooks>,
}

/// How a part of the deployment does, tried by this very call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PartData {
    /// It does what it is for.
    pub ok: bool,
    /// How long the try took.
    pub milliseconds: i64,
    /// What is wrong. Its cause is in the log of the function `webhooks`.
    pub problem: Option<String>,
}

/// Mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MailData {
    /// There is an address that mails come from. Without it no mail is sent.
    pub configured: bool,
    /// What came of the last test mail; null if there was none.
    pub last_test: Option<TestMailData>,
}

/// A test mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestMailData {
    /// The operation that requested it.
    pub operation_id: String,
    /// When it was requested.
    pub requested_at: String,
    /// When it was handed to the mail service, or not.
    pub tried_at: String,
    /// Why it was not sent; null if it was.
    pub problem: Option<String>,
}

/// Payments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PaymentsData {
    /// There is a secret with the payment provider's keys. Without it nothing is for sale.
    pub configured: bool,
}

/// The last run of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunData {
    /// `nightly` or `hourly`.
    pub name: String,
    /// When it began.
    pub started_at: String,
    /// When it ended, or was interrupted.
    pub ended_at: String,
    /// Accounts and licenses that it handed to the queue.
    pub dispatched: i64,
    /// It processed everything that was due. The rest of an incomplete run continues as a message of the queue.
    pub complete: bool,
    /// What went wrong; null if nothing did.
    pub problem: Option<String>,
}

/// Webhooks that take nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FailingWebhooks {
    /// Each, of the newest project first; at most 100.
    pub failing: Vec<FailingWebhook>,
    /// The number of projects whose webhooks were examined: the newest, at most 100.
    pub projects: i64,
    /// There is no further project, and no further webhook whose deliveries fail.
    pub complete: bool,
}

/// A webhook whose deliveries fail. Its address is not included, because it can contain a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FailingWebhook {
    /// Its id.
    pub webhook_id: String,
    /// The project.
    pub project_id: String,
    /// Since when.
    pub failing_since: String,
    /// What came of the first delivery that failed since then.
    pub error: String,
    /// Nothing is sent there any more: it answered 410.
    pub disabled: bool,
}

/// Answer of `POST /v1/admin/test-mails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestMailQueued {
    /// The operation. `GET /v1/admin/deployment` returns the result of the mail with it.
    pub operation_id: String,
    /// The recipient.
    pub to: String,
}
