//! A service of AWS's on this machine: an HTTP endpoint on a port of its own, for the real SDK to call.

use std::net::Ipv4Addr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A running endpoint; it stops when dropped.
#[derive(Debug)]
pub struct Endpoint {
    url: String,
    _stop: oneshot::Sender<()>,
}

impl Endpoint {
    /// Serves `router`; `name` is what the log calls it.
    pub async fn serve(name: &'static str, router: Router) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        #[expect(clippy::disallowed_methods, reason = "not a Lambda: the server runs beside the process it serves")]
        tokio::spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(async move {
                let _ = stopped.await;
            });
            if let Err(error) = served.await {
                tracing::error!(%error, name, "a local endpoint ended");
            }
        });
        Ok(Self { url, _stop: stop })
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}
