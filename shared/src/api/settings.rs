//! What a deployment sets for its API.

/// The settings that the host passes to the API.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// SHA-256 of the first administrator key; without it there is none.
    pub admin_key_sha256: Option<[u8; 32]>,
    /// Name of the header in which a trusted edge sends the caller's country, lower-case; without it no country is
    /// known. With an `edge` it counts only together with the edge's secret.
    pub country_header: Option<String>,
    /// The edge that is trusted; without it the caller's address is the one that reached the gateway.
    pub edge: Option<Edge>,
    /// The vendor's name, as developers see it.
    pub vendor: String,
    /// The stage of the deployment.
    pub stage: String,
    /// Is there an address that mails come from?
    pub sends_mail: bool,
    /// Are there keys of a payment provider?
    pub takes_payments: bool,
    /// Can webhooks use `http`, and addresses within the deployment's own network? The code that calls them must be
    /// configured in the same way.
    pub plain_webhooks: bool,
}

/// An edge, such as a distribution of CloudFront, whose statements about a caller are trusted because it sends a secret
/// in `x-ltlm-edge`.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Name of the header with the address, lower-case.
    pub address_header: String,
    /// SHA-256 of the secret that it adds.
    pub secret_sha256: [u8; 32],
    /// Are requests refused that do not show the secret?
    pub is_only_way: bool,
}
