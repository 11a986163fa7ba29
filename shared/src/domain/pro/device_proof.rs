//! Does a request come from the device that it names? Asked where a project wants devices to sign (wire section 7, W1).

use ltlm_protocol::{Timestamp, proof};

use crate::domain::license::state::LicenseState;
use crate::domain::pro::hardening::DeviceKeys;
use crate::model::denied::Denied;

/// How far a device's clock may be off, in seconds. Within it a recorded request without an envelope can be sent again.
pub const CLOCK_SECONDS: i64 = 300;

/// A request's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What it is over: one of these.
    pub messages: Vec<String>,
    /// It, in base64.
    pub signature: String,
    /// When it was created, by the device's clock.
    pub at: Timestamp,
}

/// A call that registers the calling device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activation {
    /// The key that it brings.
    pub key: Option<[u8; 32]>,
}

/// Checks the signature of the calling device, if the call names one. A removed device keeps its key, so that no other
/// device can return under its name.
pub fn check(
    state: &LicenseState,
    hwid: Option<&str>,
    proof: Option<&Proof>,
    activation: Option<Activation>,
    now: Timestamp,
) -> Result<(), Denied> {
    let wanted = state.terms.hardening.device_keys;
    if wanted == DeviceKeys::Off {
        return Ok(());
    }
    let removed = state.removed.as_ref().filter(|device| Some(device.hwid.as_str()) == hwid);
    let known = state.device.as_ref().or(removed).and_then(|device| device.public_key);
    let offered = activation.and_then(|activation| activation.key);
    let Some(key) = known.or(offered) else {
        return match (wanted, &state.device) {
            (DeviceKeys::Accepted | DeviceKeys::Off, _) => Ok(()),
            // Whether it may come at all is said first.
            (DeviceKeys::Required, None) if activation.is_some() => Ok(()),
            (DeviceKeys::Required, None) if hwid.is_some() => Err(Denied::DeviceNotRegistered),
            (DeviceKeys::Required, _) => Err(Denied::DeviceKeyRequired),
        };
    };
    // A new key must be proven to be the caller's before the answer reveals that another key is registered.
    let signer = offered.unwrap_or(key);
    let is_signed = |message: &String, proof: &Proof| proof::verify(&signer, message, &proof.signature);
    let Some(proof) = proof.filter(|proof| proof.messages.iter().any(|message| is_signed(message, proof))) else {
        return Err(Denied::DeviceSignatureRejected { server_ms: None });
    };
    let off_ms = proof.at.ms().saturating_sub(now.ms()).unsigned_abs();
    if off_ms > CLOCK_SECONDS.unsigned_abs() * 1_000 {
        return Err(Denied::DeviceSignatureRejected { server_ms: Some(now.ms()) });
    }
    if signer == key { Ok(()) } else { Err(Denied::DeviceKeyMismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::license::state::tests::{NOW, device, fresh};
    use crate::model::device::Device;

    const SEED: [u8; 32] = [7; 32];
    /// The device that calls.
    const A: Option<&str> = Some("a");

    fn brought(key: [u8; 32]) -> Option<Activation> {
        Some(Activation { key: Some(key) })
    }

    fn key() -> [u8; 32] {
        let body = serde_json::json!({"hwid": "a", "deviceKey": proof::public_key(&SEED)});
        <ltlm_protocol::request::Activate as ltlm_protocol::Body>::parse(&body).unwrap().device_key.unwrap()
    }

    fn state(wanted: DeviceKeys, public_key: Option<[u8; 32]>) -> LicenseState {
        let mut state = LicenseState { device: Some(Device { public_key, ..device("a") }), ..fresh() };
        state.terms.hardening.device_keys = wanted;
        state
    }

    fn signed(seed: [u8; 32], at: Timestamp) -> Proof {
        let message = "m".to_owned();
        Proof { signature: proof::sign(&seed, &message), messages: vec![message], at }
    }

    #[test]
    fn a_device_with_a_key_must_sign() {
        let state = state(DeviceKeys::Accepted, Some(key()));
        assert_eq!(check(&state, A, Some(&signed(SEED, NOW)), None, NOW), Ok(()));
        let late = NOW.plus_seconds(CLOCK_SECONDS);
        assert_eq!(check(&state, A, Some(&signed(SEED, NOW)), None, late), Ok(()));
        let refused = Err(Denied::DeviceSignatureRejected { server_ms: None });
        assert_eq!(check(&state, A, None, None, NOW), refused);
        assert_eq!(check(&state, A, Some(&signed([8; 32], NOW)), None, NOW), refused);
        assert_eq!(
            check(&state, A, Some(&signed(SEED, NOW)), brought([1; 32]), NOW),
            refused,
            "keys are not exchanged"
        );
    }

    #[test]
    fn who_brings_another_key_and_holds_it_is_told_that_it_is_another() {
        let mine = brought(key());
        let proof = signed(SEED, NOW);
        let mut state = state(DeviceKeys::Accepted, Some([1; 32]));
        assert_eq!(check(&state, A, Some(&proof), mine, NOW), Err(Denied::DeviceKeyMismatch));
        // So is one that was removed.
        state.removed = state.device.take().map(|device| Device { removed_at: Some(NOW), ..device });
        assert_eq!(check(&state, A, Some(&proof), mine, NOW), Err(Denied::DeviceKeyMismatch));
        // The clock first: a signature from another time shows nothing.
        let late = NOW.plus_seconds(CLOCK_SECONDS + 1);
        let told = Err(Denied::DeviceSignatureRejected { server_ms: Some(late.ms()) });
        assert_eq!(check(&state, A, Some(&proof), mine, late), told);
        assert_eq!(
            check(&state, A, Some(&signed([8; 32], NOW)), mine, NOW),
            Err(Denied::DeviceSignatureRejected { server_ms: None })
        );
    }

    #[test]
    fn the_time_is_told_to_who_holds_the_key_and_has_another_time() {
        let state = state(DeviceKeys::Accepted, Some(key()));
        for off in [CLOCK_SECONDS + 1, -CLOCK_SECONDS - 1] {
            let now = NOW.plus_seconds(off);
            let told = Err(Denied::DeviceSignatureRejected { server_ms: Some(now.ms()) });
            assert_eq!(check(&state, A, Some(&signed(SEED, NOW)), None, now), told);
            let stranger = check(&state, A, Some(&signed([8; 32], NOW)), None, now);
            assert_eq!(stranger, Err(Denied::DeviceSignatureRejected { server_ms: None }));
        }
    }

    #[test]
    fn what_a_project_does_not_ask_for_is_not_asked_of_devices() {
        assert_eq!(check(&state(DeviceKeys::Off, Some(key())), A, None, None, NOW), Ok(()));
        assert_eq!(check(&state(DeviceKeys::Accepted, None), A, None, None, NOW), Ok(()));
        assert_eq!(check(&state(DeviceKeys::Required, None), A, None, None, NOW), Err(Denied::DeviceKeyRequired));
        // An activation proves that it has the key it brings.
        let refused = check(&state(DeviceKeys::Accepted, None), A, None, brought(key()), NOW);
        assert_eq!(refused, Err(Denied::DeviceSignatureRejected { server_ms: None }));
        assert_eq!(check(&state(DeviceKeys::Required, None), A, Some(&signed(SEED, NOW)), brought(key()), NOW), Ok(()));
    }

    #[test]
    fn a_removed_device_keeps_its_key_from_others() {
        let mut state = state(DeviceKeys::Accepted, None);
        state.removed = Some(Device { public_key: Some(key()), removed_at: Some(NOW), ..device("a") });
        state.device = None;
        let refused = Err(Denied::DeviceSignatureRejected { server_ms: None });
        assert_eq!(check(&state, A, Some(&signed([8; 32], NOW)), brought([1; 32]), NOW), refused);
        assert_eq!(check(&state, A, None, Some(Activation::default()), NOW), refused);
        assert_eq!(check(&state, A, Some(&signed(SEED, NOW)), brought(key()), NOW), Ok(()));
        // Another device's removal concerns nobody else.
        assert_eq!(check(&state, Some("b"), None, Some(Activation::default()), NOW), Ok(()));
    }

    #[test]
    fn where_keys_are_required_nobody_calls_without_one() {
        let mut state = state(DeviceKeys::Required, None);
        assert_eq!(check(&state, None, None, None, NOW), Err(Denied::DeviceKeyRequired));
        state.device = None;
        assert_eq!(check(&state, None, None, None, NOW), Err(Denied::DeviceKeyRequired));
        assert_eq!(check(&state, A, None, None, NOW), Err(Denied::DeviceNotRegistered));
        assert_eq!(check(&state, A, None, Some(Activation::default()), NOW), Ok(()), "told by the activation");
    }
}
