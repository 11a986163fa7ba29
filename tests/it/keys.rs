//! Project keys: what KMS wraps for one purpose opens for no other, and secrets are told to nobody but who made them.

use local::world::sdk_config;
use serde_json::json;
use shared::keys::kms::Kms;
use shared::keys::{KeyError, Purpose};

use crate::support::{SECRET, World};

#[tokio::test]
async fn a_wrong_context_does_not_unwrap() {
    let world = World::empty().await;
    let kms = Kms::new(&sdk_config(world.keys.endpoint(), false).await, local::kms::KEY_ID);
    let made = kms.make("prj_1", Purpose::Secret).await.unwrap();
    let opened = kms.unwrap("prj_1", Purpose::Secret, &made.wrapped, 0).await.unwrap();
    assert_eq!(opened.expose(), made.key.expose());
    let mut tampered = made.wrapped.clone();
    tampered[20] ^= 1;
    let attempts = [
        ("prj_2", Purpose::Secret, &made.wrapped),
        ("prj_1", Purpose::SigningSeed, &made.wrapped),
        ("prj_1", Purpose::Secret, &tampered),
    ];
    for (project, purpose, wrapped) in attempts {
        assert!(
            matches!(kms.unwrap(project, purpose, wrapped, 0).await, Err(KeyError::Broken(_))),
            "{project} {purpose:?}"
        );
    }
    let unknown = Kms::new(&sdk_config(world.keys.endpoint(), false).await, "alias/another");
    assert!(matches!(unknown.make("prj_1", Purpose::Secret).await, Err(KeyError::Broken(_))));
    assert_eq!(format!("{:?}", made.key), "Key32");
}

#[tokio::test]
async fn a_projects_keys_have_the_forms_of_the_contract() {
    let world = World::empty().await;
    let made = world.admin("POST", "/v1/admin/projects", json!({"name": "Keys"})).await;
    let secret = made.text_of("secretKey");
    assert!(secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    let pem: Vec<_> = made.text_of("publicKey").lines().collect();
    assert_eq!((pem[0], pem[2]), ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"));
    assert!(pem[1].starts_with("MCowBQYDK2VwAyEA") && pem[1].len() == 60, "{}", pem[1]);
    assert_ne!(secret, SECRET);
}
