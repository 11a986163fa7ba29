//! Calls to others than AWS: the payment provider, the vendor's webhooks.

use std::sync::OnceLock;
use std::time::Duration;

/// Time to connect.
const CONNECT: Duration = Duration::from_secs(2);

/// An HTTP client that is made when it is first needed: that reads the system's root certificates.
#[derive(Debug, Default)]
pub struct Web(OnceLock<reqwest::Client>);

impl Web {
    /// The client. It follows no redirect, and goes through no proxy that the environment may name.
    pub fn client(&self) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("ltlm/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(self.0.get_or_init(|| client))
    }
}
