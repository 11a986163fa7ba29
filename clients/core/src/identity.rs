//! What a device is called, and how chance is drawn.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Separates device ids from other values that are derived from the same source.
const HWID: &[u8] = b"ltlm-hwid-1";

/// HMAC-SHA256.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // A key of any length is taken.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
        mac.update(&[0]);
    }
    mac.finalize().into_bytes().into()
}

/// The device's id in a project: 64 hex digits that do not reveal the source, and differ between projects.
pub fn hwid(project_id: &str, source: &str) -> String {
    hex::encode(mac(HWID, &[project_id.as_bytes(), source.as_bytes()]))
}

/// Chance that follows from one seed, which the runtime draws from the operating system: so that a simulation can be run again.
pub(crate) struct Chance {
    seed: Zeroizing<[u8; 32]>,
    count: u64,
}

impl Chance {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed: Zeroizing::new(seed), count: 0 }
    }

    /// 32 bytes that cannot be predicted without the seed.
    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        self.count += 1;
        Sha256::new().chain_update(*self.seed).chain_update(self.count.to_le_bytes()).finalize().into()
    }

    /// 16 of them.
    pub(crate) fn half(&mut self) -> [u8; 16] {
        let bytes = self.bytes();
        let mut half = [0; 16];
        half.copy_from_slice(&bytes[..16]);
        half
    }

    /// A text of 32 hex digits.
    pub(crate) fn text(&mut self) -> String {
        hex::encode(self.half())
    }

    /// A number below `bound`, 0 if that is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let mut word = [0; 8];
        word.copy_from_slice(&self.bytes()[..8]);
        u64::from_le_bytes(word).checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_another_id_in_each_project() {
        let (a, b) = (hwid("prj_1", "machine"), hwid("prj_2", "machine"));
        assert!(a != b && a.len() == 64 && !a.contains("machine"));
        assert_eq!(a, hwid("prj_1", "machine"));
        assert_ne!(hwid("prj_1", "1"), hwid("prj_11", ""));
    }

    #[test]
    fn chance_repeats_by_its_seed_and_not_within_it() {
        let (mut a, mut b, mut c) = (Chance::new([1; 32]), Chance::new([1; 32]), Chance::new([2; 32]));
        let (first, second) = (a.text(), a.text());
        assert!(first != second && first == b.text() && first != c.text());
        assert_eq!(a.below(0), 0);
        assert!((0..100).all(|_| a.below(7) < 7));
    }
}
