//! Does a request come from the device that it names? Asked where a project wants devices to sign (wire section 7, W1).

use ltlm_protocol::{Timestamp, proof};

use super::denied::Denied;
use super::hardening::DeviceKeys;
use super::state::LicenseState;

/// How far a device's clock may be off, in seconds. Within it a recorded request without an envelope can be sent again.
pub const CLOCK_SECONDS: i64 = 300;

/// A request's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What it is over.
    pub message: String,
    /// It, in base64.
    pub signature: String,
    /// When it was made, by the device's clock.
    pub at: Timestamp,
}

/// Checks the calling device's signature. `offered` is the key that an activation brings.
pub fn check(
    state: &LicenseState,
    proof: Option<&Proof>,
    offered: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<(), Denied> {
    let wanted = state.terms.hardening.device_keys;
    if wanted == DeviceKeys::Off {
        return Ok(());
    }
    let known = state.device.as_ref().and_then(|device| device.public_key);
    let Some(key) = known.or(offered) else {
        // Who is not registered is told so by what it asks for.
        return match (wanted, &state.device) {
            (DeviceKeys::Required, Some(_)) => Err(Denied::DeviceKeyRequired),
            _ => Ok(()),
        };
    };
    let is_other = offered.is_some_and(|offered| offered != key);
    let holds = proof.is_some_and(|proof| {
        let off_ms = proof.at.ms().saturating_sub(now.ms()).unsigned_abs();
        off_ms <= CLOCK_SECONDS.unsigned_abs() * 1_000 && proof::verify(&key, &proof.message, &proof.signature)
    });
    if holds && !is_other { Ok(()) } else { Err(Denied::DeviceSignatureRejected) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::device::Device;
    use crate::domain::state::tests::{NOW, device, fresh};

    const SEED: [u8; 32] = [7; 32];

    fn key() -> [u8; 32] {
        let body = serde_json::json!({"hwid": "a", "deviceKey": proof::public_key(&SEED)});
        ltlm_protocol::request::Activate::parse(&body).unwrap().device_key.unwrap()
    }

    fn state(wanted: DeviceKeys, public_key: Option<[u8; 32]>) -> LicenseState {
        let mut state = LicenseState { device: Some(Device { public_key, ..device("a") }), ..fresh() };
        state.terms.hardening.device_keys = wanted;
        state
    }

    fn signed(seed: [u8; 32], at: Timestamp) -> Proof {
        let message = "m".to_owned();
        Proof { signature: proof::sign(&seed, &message), message, at }
    }

    #[test]
    fn a_device_with_a_key_must_sign() {
        let state = state(DeviceKeys::Accepted, Some(key()));
        assert_eq!(check(&state, Some(&signed(SEED, NOW)), None, NOW), Ok(()));
        let late = NOW.plus_seconds(CLOCK_SECONDS);
        assert_eq!(check(&state, Some(&signed(SEED, NOW)), None, late), Ok(()));
        let refused = Err(Denied::DeviceSignatureRejected);
        assert_eq!(check(&state, None, None, NOW), refused);
        assert_eq!(check(&state, Some(&signed([8; 32], NOW)), None, NOW), refused);
        assert_eq!(check(&state, Some(&signed(SEED, NOW)), None, late.plus_seconds(1)), refused);
        assert_eq!(check(&state, Some(&signed(SEED, NOW)), Some([1; 32]), NOW), refused, "keys are not exchanged");
    }

    #[test]
    fn what_a_project_does_not_ask_for_is_not_asked_of_devices() {
        assert_eq!(check(&state(DeviceKeys::Off, Some(key())), None, None, NOW), Ok(()));
        assert_eq!(check(&state(DeviceKeys::Accepted, None), None, None, NOW), Ok(()));
        assert_eq!(check(&state(DeviceKeys::Required, None), None, None, NOW), Err(Denied::DeviceKeyRequired));
        // An activation proves that it has the key it brings.
        let refused = check(&state(DeviceKeys::Accepted, None), None, Some(key()), NOW);
        assert_eq!(refused, Err(Denied::DeviceSignatureRejected));
        assert_eq!(check(&state(DeviceKeys::Required, None), Some(&signed(SEED, NOW)), Some(key()), NOW), Ok(()));
    }
}
