//! Filling an empty registry from the bootstrap file.

use admin::model::source::{NoReferences, Source};
use admin::registry::bootstrap::Bootstrap;

use crate::*;

promises! {
    an_empty_registry_is_filled_once
    of_two_who_start_at_once_one_fills
    what_cannot_be_made_makes_nothing
}

fn bootstrap(keys: &str) -> Bootstrap {
    let text = format!(
        r#"
[[users]]
name = "joe"
password = "correct horse"
roles = ["admin"]
[[applications]]
name = "Shop"
owner = "joe"
keys = [{keys}]
subscriptions = [{{ api = "Demo", version = "1.0", tier = "Gold" }}]
api_keys = [{{ type = "production", key = "tgk_0123456789abcdef0123456789", networks = ["10.0.0.0/8"] }}]
"#
    );
    let source = Source {
        name: "bootstrap.toml".into(),
        text: text.into(),
    };
    Bootstrap::believe(&source, &NoReferences, None).unwrap_or_else(|found| panic!("{found:?}"))
}

const KEYS: &str = r#"{ type = "production", consumer_key = "shop", consumer_secret = "0123456789abcdef" }"#;

async fn an_empty_registry_is_filled_once(place: Place) {
    let registry = place.open().await;
    assert!(registry.fill(bootstrap(KEYS), NOW).await.unwrap());
    let client = registry.view().client("shop").unwrap();
    assert!(client.secret.is_of("0123456789abcdef"));
    assert_eq!(client.application.owner, name("joe"));
    let to = ("carbon.super", "Demo", "1.0");
    assert_eq!(
        registry
            .view()
            .subscription(client.application.id, to)
            .unwrap()
            .tier
            .as_str(),
        "Gold"
    );
    let key = registry
        .view()
        .api_key(&Digest::of("tgk_0123456789abcdef0123456789"))
        .unwrap();
    assert_eq!(key.restrictions.networks.len(), 1);
    assert!(registry.is_password(&name("joe"), PASSWORD).await.unwrap());
    assert!(!registry.fill(bootstrap(KEYS), NOW).await.unwrap());
    assert_eq!(registry.view().counts().applications, 1);
}

async fn of_two_who_start_at_once_one_fills(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let filled = tokio::join!(one.fill(bootstrap(KEYS), NOW), other.fill(bootstrap(KEYS), NOW));
    assert!(filled.0.unwrap() ^ filled.1.unwrap());
    for registry in [&one, &other] {
        registry.follow().await.unwrap();
        assert_eq!(registry.view().counts().applications, 1);
    }
}

async fn what_cannot_be_made_makes_nothing(place: Place) {
    let registry = place.open().await;
    let broken = Bootstrap::default();
    assert!(registry.fill(broken, NOW).await.unwrap());
    assert!(registry.is_empty().await.unwrap());
    // A key that is taken already, which no file can know of.
    place.execute(&["DROP TABLE api_keys".to_owned()]).await;
    assert!(registry.fill(bootstrap(KEYS), NOW).await.is_err());
    assert!(registry.is_empty().await.unwrap());
    assert_eq!(registry.view().counts(), Default::default());
}
