//! The bus of notices, in Amazon EventBridge.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::json;

use crate::domain::webhooks::notice::Notice;
use crate::service::ports::{Bus, Sending};
use crate::table::failure::failure;

/// Maximum of notices in one call, which is the limit of EventBridge.
const NOTICES_PER_CALL: usize = 10;
/// Time for one call, the SDK's own retries included: a notice that is given twice has the same id twice.
const OPERATION: Duration = Duration::from_secs(4);
/// What the notices' source is called.
const SOURCE: &str = "ltlm";

/// A bus of EventBridge.
#[derive(Clone, Debug)]
pub struct EventBridge {
    client: Client,
    bus: String,
}

impl EventBridge {
    /// The bus called `bus`, reached as `config` says.
    pub fn new(config: &SdkConfig, bus: impl Into<String>) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(1)).operation_timeout(OPERATION).build();
        let config = aws_sdk_eventbridge::config::Builder::from(config).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config), bus: bus.into() }
    }

    async fn publish_all(&self, notices: Vec<Notice>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        for some in notices.chunks(NOTICES_PER_CALL) {
            let entries = some.iter().map(|notice| {
                let mut detail = notice.detail.clone();
                detail["id"] = json!(notice.id);
                PutEventsRequestEntry::builder()
                    .event_bus_name(&self.bus)
                    .source(SOURCE)
                    .detail_type(notice.kind)
                    .time(DateTime::from_millis(notice.at.ms()))
                    .detail(detail.to_string())
                    .build()
            });
            let putting = self.client.put_events().set_entries(Some(entries.collect()));
            let put = Box::pin(putting.send()).await.map_err(|error| failure(&error))?;
            if put.failed_entry_count() > 0 {
                let code = put.entries().iter().find_map(|entry| entry.error_code()).unwrap_or_default();
                return Err(format!("a notice was not taken: {code}").into());
            }
        }
        Ok(())
    }
}

impl Bus for EventBridge {
    fn publish(&self, notices: Vec<Notice>) -> Sending<'_> {
        Box::pin(self.publish_all(notices))
    }
}
