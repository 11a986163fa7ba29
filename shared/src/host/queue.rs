//! The queue of the background's work, in Amazon SQS.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use crate::service::ports::{Queue, Sending};
use crate::table::failure::failure;

/// Maximum of messages in one call, which is the limit of SQS.
const MESSAGES_PER_CALL: usize = 10;
/// Time for one call, the SDK's own retries included: a message that is sent twice is worked on twice, to the same end.
const OPERATION: Duration = Duration::from_secs(4);

/// A queue in SQS.
#[derive(Clone, Debug)]
pub struct Sqs {
    client: Client,
    url: String,
}

impl Sqs {
    /// The queue at `url`, reached as `config` says.
    pub fn new(config: &SdkConfig, url: impl Into<String>) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(1)).operation_timeout(OPERATION).build();
        let config = aws_sdk_sqs::config::Builder::from(config).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config), url: url.into() }
    }

    async fn send_all(
        &self,
        messages: Vec<String>,
        delay: i32,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        for some in messages.chunks(MESSAGES_PER_CALL) {
            let entries = some.iter().enumerate().map(|(index, body)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body)
                    .delay_seconds(delay)
                    .build()
            });
            let entries: Result<Vec<_>, _> = entries.collect();
            let sending = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries?));
            let sent = Box::pin(sending.send()).await.map_err(|error| failure(&error))?;
            if let Some(failed) = sent.failed().first() {
                return Err(format!("a message was not taken: {}", failed.code()).into());
            }
        }
        Ok(())
    }
}

impl Queue for Sqs {
    fn retry_in<'a>(&'a self, receipt: &'a str, seconds: u32) -> Sending<'a> {
        Box::pin(async move {
            let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
            let changing = self.client.change_message_visibility().queue_url(&self.url);
            let changing = changing.receipt_handle(receipt).visibility_timeout(seconds);
            Box::pin(changing.send()).await.map_err(|error| failure(&error))?;
            Ok(())
        })
    }

    fn send_later(&self, messages: Vec<String>, delay_seconds: u32) -> Sending<'_> {
        Box::pin(self.send_all(messages, i32::try_from(delay_seconds).unwrap_or(i32::MAX)))
    }
}
