//! Mails through Amazon SES.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};

use crate::domain::portal::mail::Mail;
use crate::service::ports::{Mailer, Sending};
use crate::table::failure::failure;

/// Time for one call, the SDK's own retries included: a mail that is sent twice says the same twice.
const OPERATION: Duration = Duration::from_secs(8);

/// SES, with the address that mails come from.
#[derive(Clone, Debug)]
pub struct Ses {
    client: Client,
    from: String,
}

impl Ses {
    /// SES, reached as `config` says, for mails from this address.
    pub fn new(config: &SdkConfig, from: impl Into<String>) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(1)).operation_timeout(OPERATION).build();
        let config = aws_sdk_sesv2::config::Builder::from(config).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config), from: from.into() }
    }

    async fn send_one(&self, mail: Mail) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let text = |data: String| Content::builder().data(data).charset("UTF-8").build();
        let (to, subject, says) = mail.into_parts();
        let body = Body::builder().text(text(says)?).build();
        let message = Message::builder().subject(text(subject)?).body(body).build();
        let sending = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(message).build());
        Box::pin(sending.send()).await.map_err(|error| failure(&error))?;
        Ok(())
    }
}

impl Mailer for Ses {
    fn send(&self, mail: Mail) -> Sending<'_> {
        Box::pin(self.send_one(mail))
    }
}
