//! What a license has beyond its policy because a customer bought it (wire 4.9).

use ltlm_protocol::license_data::TopUpOption;

/// The sum of the purchased packs, except tokens, which are in the wallet, and days, which are in the license's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purchases {
    /// Devices beyond the policy's.
    pub devices: i64,
    /// Seats beyond the policy's.
    pub seats: i64,
    /// Capabilities beyond the policy's, each with the number of purchases: one that is taken back can have been bought
    /// twice.
    pub capabilities: Vec<String>,
}

impl Purchases {
    /// With what is in a pack.
    pub fn with(&self, pack: &TopUpOption) -> Self {
        let capabilities = self.capabilities.iter().cloned().chain(pack.capability.clone());
        Self {
            devices: self.devices.saturating_add(i64::from(pack.devices)),
            seats: self.seats.saturating_add(i64::from(pack.seats)),
            capabilities: capabilities.collect(),
        }
    }

    /// Without what is in a pack.
    pub fn without(&self, pack: &TopUpOption) -> Self {
        let mut capabilities = self.capabilities.clone();
        let place = capabilities.iter().position(|name| Some(name) == pack.capability.as_ref());
        if let Some(place) = place {
            capabilities.remove(place);
        }
        Self {
            devices: (self.devices - i64::from(pack.devices)).max(0),
            seats: (self.seats - i64::from(pack.seats)).max(0),
            capabilities,
        }
    }
}
