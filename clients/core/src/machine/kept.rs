//! What is kept over a restart.

use ltlm_protocol::json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::clock::KeptTime;

/// The format of [`Kept`]. A version that changes it raises it, and reads what older ones wrote.
pub(crate) const FORMAT: u32 = 1;
/// Uses that were left out of their batches: so many are kept, for support.
const SET_ASIDE_MAX: usize = 100;

/// The state, as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    pub(crate) format: u32,
    /// The device.
    pub(crate) hwid: String,
    /// The seed of its key, in hex.
    pub(crate) device_seed: String,
    #[serde(default)]
    pub(crate) time: KeptTime,
    #[serde(default)]
    pub(crate) license: Option<KeptLicense>,
    /// When the license was last replaced or removed, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub(crate) changed_ms: i64,
    /// The code of a refusal that holds until the server says otherwise.
    #[serde(default)]
    pub(crate) blocked: Option<String>,
    /// The seat was given back on purpose.
    #[serde(default)]
    pub(crate) is_signed_out: bool,
    /// Counts strict calls, so that a clone of this device shows.
    #[serde(default)]
    pub(crate) device_sequence: u64,
    /// Counts uses of tokens. The journal counts on from here.
    #[serde(default)]
    pub(crate) uses: u64,
    /// The user settings in the last answer.
    #[serde(default)]
    pub(crate) settings: Map<String, Value>,
    /// Uses that were left out of their batches.
    #[serde(default)]
    pub(crate) set_aside: Vec<SetAside>,
}

/// A license's answer as it was signed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeptLicense {
    pub(crate) key: String,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) is_file: bool,
}

/// A use that is never going to be charged.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SetAside {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) action: String,
    pub(crate) reason: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.device_seed.zeroize();
    }
}

impl Kept {
    /// The state of a device that has none yet.
    pub(crate) fn new(hwid: &str, device_seed: &[u8; 32]) -> Self {
        Self {
            format: FORMAT,
            hwid: hwid.to_owned(),
            device_seed: hex::encode(device_seed),
            time: KeptTime::default(),
            license: None,
            changed_ms: 0,
            blocked: None,
            is_signed_out: false,
            device_sequence: 0,
            uses: 0,
            settings: Map::new(),
            set_aside: Vec::new(),
        }
    }

    /// Reads what was written; `None` if it is not a state that this version reads.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let kept: Self = json::parse_as(bytes).ok()?;
        (kept.format <= FORMAT && kept.seed().is_some()).then_some(kept)
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Zeroizing<Vec<u8>> {
        // No maps with keys that are not texts, so this cannot fail.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// The seed of the device's key.
    pub(crate) fn seed(&self) -> Option<Zeroizing<[u8; 32]>> {
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&self.device_seed, &mut *seed).ok()?;
        Some(seed)
    }

    /// Notes a use that is left out.
    pub(crate) fn set_aside(&mut self, one: SetAside) {
        self.set_aside.push(one);
        let surplus = self.set_aside.len().saturating_sub(SET_ASIDE_MAX);
        self.set_aside.drain(..surplus);
    }
}
