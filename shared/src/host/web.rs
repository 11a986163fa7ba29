//! Calls to others than AWS: the payment provider, the vendor's webhooks.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::webhooks::address::is_public;
use crate::service::ports::{Asking, CallError, Caller};

/// Time to connect.
const CONNECT: Duration = Duration::from_secs(2);
/// Time for a webhook to answer.
const WEBHOOK: Duration = Duration::from_secs(10);

/// Which addresses may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses only: the address of a webhook, which a vendor or any key holder chooses, must not lead into
    /// the network in which the function runs, nor to the function's own runtime.
    Public,
    /// Any.
    Anywhere,
}

/// An HTTP client that is created when it is first needed, because that reads the system's root certificates.
#[derive(Debug)]
pub struct Web {
    reach: Reach,
    client: OnceLock<reqwest::Client>,
}

impl Web {
    /// A client that calls within this reach.
    pub fn new(reach: Reach) -> Self {
        Self { reach, client: OnceLock::new() }
    }

    /// The client. It follows no redirect, and goes through no proxy that the environment may name.
    pub fn client(&self) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("ltlm/", env!("CARGO_PKG_VERSION")));
        let client = match self.reach {
            Reach::Public => builder.dns_resolver(Arc::new(PublicOnly)).build()?,
            Reach::Anywhere => builder.build()?,
        };
        Ok(self.client.get_or_init(|| client))
    }

    async fn post_json(&self, url: &str, headers: &[(&'static str, String)], body: String) -> Result<u16, CallError> {
        let failed = |error: reqwest::Error| CallError(reason(&error));
        let parsed = reqwest::Url::parse(url).map_err(|_| CallError("not an address".to_owned()))?;
        // An address in numbers asks no resolver.
        let literal = parsed.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if self.reach == Reach::Public && literal.is_some_and(|address| !is_public(address)) {
            return Err(CallError("the address is not public".to_owned()));
        }
        let mut request = self.client().map_err(failed)?.post(parsed).timeout(WEBHOOK).body(body);
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await.map(|answer| answer.status().as_u16()).map_err(failed)
    }
}

impl Caller for Web {
    fn post<'a>(
        &'a self,
        url: &'a str,
        headers: &'a [(&'static str, String)],
        body: String,
    ) -> Asking<'a, u16, CallError> {
        Box::pin(self.post_json(url, headers, body))
    }
}

/// Why a call failed, without what it was about.
fn reason(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "no readable answer"
    };
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.to_string().contains(NOT_PUBLIC) {
            return NOT_PUBLIC.to_owned();
        }
        source = inner.source();
    }
    what.to_owned()
}

const NOT_PUBLIC: &str = "the name leads to no public address";

/// Looks names up as the system does, and keeps the public addresses: checked where they are used, so that a name cannot lead
/// elsewhere between the check and the call.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = found.filter(|address| is_public(address.ip())).collect();
            match public.is_empty() {
                true => Err(NOT_PUBLIC.into()),
                false => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_within_the_network_is_not_made() {
        let web = Web::new(Reach::Public);
        for url in
            ["http://127.0.0.1:9001/x", "https://[::1]/", "http://localhost:9001/", "http://169.254.169.254/latest"]
        {
            let error = web.post(url, &[], "{}".to_owned()).await.unwrap_err();
            assert!(error.to_string().contains("public"), "{url}: {error}");
        }
    }
}
