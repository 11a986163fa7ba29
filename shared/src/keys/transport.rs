//! Keys on their way to another deployment: sealed by HPKE (RFC 9180) in its base mode, with X25519, HKDF-SHA256 and AES-256-GCM.

use std::convert::Infallible;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};

use super::{Key32, KeyError};

/// Tells what is sealed so from all else that these keys might ever seal.
const INFO: &[u8] = b"ltlm project keys/1";

/// The sealed text, and what opening it requires besides the private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The encapsulated key.
    pub encapsulated: Vec<u8>,
    /// The cipher text.
    pub text: Vec<u8>,
}

/// The public half of the pair that follows from a seed.
pub fn public_key(seed: &Key32) -> Result<[u8; 32], KeyError> {
    let (_, public) = X25519HkdfSha256::derive_keypair(seed.expose());
    public.to_bytes().as_slice().try_into().map_err(|_| broken())
}

/// Seals `text` to a public key, bound to `about`: opened for anything else it does not open. `fill` gives unguessable bytes.
pub fn seal(public: &[u8; 32], about: &str, text: &[u8], fill: &dyn Fn(&mut [u8])) -> Result<Sealed, KeyError> {
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(public).map_err(|_| broken())?;
    let (encapsulated, text) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        INFO,
        text,
        about.as_bytes(),
        &mut Chance(fill),
    )
    .map_err(|_| broken())?;
    Ok(Sealed { encapsulated: encapsulated.to_bytes().to_vec(), text })
}

/// Can anything be sealed to it? Of the points of small order none can: every secret that is agreed on with them is zero (RFC 7748,
/// section 6.1).
pub fn is_usable(public: &[u8; 32]) -> bool {
    seal(public, "", &[], &|bytes| bytes.fill(1)).is_ok()
}

/// Opens the output of [`seal`], with the seed of the key pair. The bytes are wiped when they are dropped.
pub fn open(seed: &Key32, about: &str, sealed: &Sealed) -> Result<zeroize::Zeroizing<Vec<u8>>, KeyError> {
    let (private, _) = X25519HkdfSha256::derive_keypair(seed.expose());
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated);
    let text = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &encapsulated.map_err(|_| broken())?,
        INFO,
        &sealed.text,
        about.as_bytes(),
    );
    text.map(zeroize::Zeroizing::new).map_err(|_| broken())
}

fn broken() -> KeyError {
    KeyError::Broken("keys of another deployment do not open".into())
}

/// The random source that is passed in, as the crate asks for one.
struct Chance<'a>(&'a dyn Fn(&mut [u8]));

impl TryRng for Chance<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Chance<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_to_a_key_opens_with_its_seed_and_for_the_same_thing_only() {
        let (seed, other) = (Key32::new(&[7; 32]).unwrap(), Key32::new(&[8; 32]).unwrap());
        let public = public_key(&seed).unwrap();
        let sealed = seal(&public, "prj_1", b"the seed of a signing key", &|bytes| bytes.fill(3)).unwrap();
        assert_eq!(open(&seed, "prj_1", &sealed).unwrap().as_slice(), b"the seed of a signing key");
        assert!(open(&seed, "prj_2", &sealed).is_err() && open(&other, "prj_1", &sealed).is_err());
        for tampered in [0, sealed.text.len() - 1] {
            let mut wrong = sealed.clone();
            wrong.text[tampered] ^= 1;
            assert!(open(&seed, "prj_1", &wrong).is_err());
        }
        let short = Sealed { encapsulated: sealed.encapsulated[1..].to_vec(), ..sealed.clone() };
        assert!(open(&seed, "prj_1", &short).is_err());
        let again = seal(&public, "prj_1", b"the seed of a signing key", &|bytes| bytes.fill(4)).unwrap();
        assert_ne!(again, sealed, "each sealing has a key of its own");
    }

    #[test]
    fn nothing_is_sealed_to_a_point_of_small_order() {
        let one = std::array::from_fn(|place| u8::from(place == 0));
        for point in [[0; 32], one] {
            assert!(!is_usable(&point) && seal(&point, "prj_1", b"a key", &|bytes| bytes.fill(3)).is_err());
        }
        assert!(is_usable(&public_key(&Key32::new(&[7; 32]).unwrap()).unwrap()));
    }
}
