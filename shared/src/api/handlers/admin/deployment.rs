//! The deployment itself: how it does, and whether its mails arrive.

use ltlm_protocol::Body;
use ltlm_protocol::deployment_data::{DeploymentData, MailData, PaymentsData, TestMailQueued};

use crate::api::extract::Incoming;
use crate::api::reply::{Failure, Reply};
use crate::service::admin::deployment as service;
use crate::service::admin::deployment::TestMail;
use crate::service::app::Error;
use crate::table::port::Table;

/// `GET /v1/admin/deployment`
pub async fn deployment<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    incoming.administrator()?.may_everywhere().map_err(Error::Denied)?;
    let seen = service::look(incoming.app, incoming.budget).await;
    let settings = incoming.settings;
    Ok(Reply::json(&DeploymentData {
        service: "ltlm".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        stage: settings.stage.clone(),
        // Read anew: the parts took their time, and who asks compares this with a clock.
        time: incoming.app.clock.now().to_string(),
        table: seen.table,
        key: seen.key,
        mail: MailData { configured: settings.sends_mail, last_test: seen.last_test },
        payments: PaymentsData { configured: settings.takes_payments },
        schedules: seen.schedules,
        webhooks: seen.webhooks,
    }))
}

/// `POST /v1/admin/test-mails`
pub async fn test_mail<T: Table>(incoming: &Incoming<'_, T>) -> Result<Reply, Failure> {
    incoming.administrator()?.may_everywhere().map_err(Error::Denied)?;
    let body = incoming.json()?;
    let command = TestMail::parse(&body)?;
    let act = incoming.act(&body, command.operation_id.as_ref(), TestMail::parse)?;
    let replayed = service::send_test_mail(incoming.app, incoming.budget, &command, &act).await?;
    let answer = TestMailQueued { operation_id: act.id.clone(), to: command.to.as_str().to_owned() };
    Ok(Reply::accepted(&answer).operation(&act.id, replayed))
}
